// The register: memory that the daemon and its sentinel share, and by which a daemon that comes after a crash finds the sessions
// of the one that is gone. In C, since the sentinel reads it, and since two programs have to see the same in it.
//
// It says where things are, and never what the kernel knows: how many bytes have come and gone is asked of the sockets. What is
// written for each move of bytes are two words, before the move; so that there is no moment in which bytes are nowhere.
//
//     head │ for each worker: its head, its sessions │ for each worker: its places
//
// Most of it is never touched, and takes no memory (memfd_create(2) is sparse).
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
    // To be raised with any change of what is in here or in a session's record.
    SLUICE_REGISTER_VERSION = 1,
    SLUICE_REGISTER_HEAD = 4096,
    SLUICE_REGISTER_FOUNDATIONS = 40,
    SLUICE_REGISTER_OFFER = 2048,
    SLUICE_REGISTER_RECORD = 416,
    // Bytes of a place: as much as is read at a time.
    SLUICE_REGISTER_PLACE = 256 << 10,
    // Of a message (net/core/scm.c, SCM_MAX_FD).
    SLUICE_DESCRIPTORS_AT_A_TIME = 253,
};

struct sluice_register {
    uint32_t version;
    uint32_t workers;
    // Of each worker.
    uint32_t sessions;
    uint32_t places;
    // From one worker to the next, and where the first one's are.
    uint64_t worker_stride;
    uint64_t places_offset;
    uint64_t places_stride;
    uint64_t size;
    // The daemon is at work: what is in here is its own.
    uint32_t armed;
    // What a daemon has from its start to its end, and how it was made.
    uint32_t foundation_count;
    int32_t foundations[SLUICE_REGISTER_FOUNDATIONS];
    uint32_t offer_size;
    uint8_t offer[SLUICE_REGISTER_OFFER];
};

// One direction of a session, while bytes wait that its destination hasn't taken.
struct sluice_register_direction {
    // Where in the stream the place begins.
    uint64_t base;
    // 0: nothing waits.
    uint32_t place;
    uint32_t reserved;
};

struct sluice_register_session {
    // Written last, and cleared first.
    uint32_t valid;
    uint32_t size;
    int32_t client;
    int32_t server;
    // To the server, to the client.
    struct sluice_register_direction directions[2];
    uint8_t record[SLUICE_REGISTER_RECORD];
    uint8_t reserved[512 - 16 - 32 - SLUICE_REGISTER_RECORD];
};

struct sluice_register_worker {
    // Sessions from here on have never been any.
    uint32_t used;
    // The pipe's reading and writing end.
    int32_t pipe[2];
    uint32_t reserved;
    // Whose bytes are moved, or were last: the session's number and the direction's, plus 1. They pass through place 0 or the pipe.
    uint64_t mover;
    // Where in its stream they begin.
    uint64_t base;
    uint64_t unused[28];
};

_Static_assert(sizeof(struct sluice_register) <= SLUICE_REGISTER_HEAD, "the head has its pages");
_Static_assert(sizeof(struct sluice_register_session) == 512, "");
_Static_assert(sizeof(struct sluice_register_worker) == 256, "");

static inline struct sluice_register_worker *sluice_register_worker_at(void *memory, uint32_t worker) {
    struct sluice_register *head = memory;
    return (void *)((char *)memory + SLUICE_REGISTER_HEAD + worker * head->worker_stride);
}

static inline struct sluice_register_session *sluice_register_sessions_of(struct sluice_register_worker *worker) {
    return (void *)(worker + 1);
}

// Where the bytes of a worker's first place are.
static inline void *sluice_register_places_of(void *memory, uint32_t worker) {
    struct sluice_register *head = memory;
    return (char *)memory + head->places_offset + worker * head->places_stride;
}

// A signal that kills stops a thread between any two instructions: the order of stores in the program is what counts.
static inline void sluice_store_release(uint32_t *word, uint32_t value) {
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static inline uint32_t sluice_load_acquire(const uint32_t *word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }

static inline void sluice_register_note_move(struct sluice_register_worker *worker, uint64_t mover, uint64_t base) {
    __atomic_store_n(&worker->mover, mover, __ATOMIC_RELAXED);
    __atomic_store_n(&worker->base, base, __ATOMIC_RELEASE);
}

// For Swift, which sees arrays as tuples.
static inline void sluice_register_keep(
    struct sluice_register_session *session, int client, int server, const void *record, uint32_t size) {
    session->client = client;
    session->server = server;
    session->directions[0].place = session->directions[1].place = 0;
    session->size = size;
    __builtin_memcpy(session->record, record, size);
    sluice_store_release(&session->valid, 1);
}

static inline void sluice_register_forget(struct sluice_register_session *session) {
    sluice_store_release(&session->valid, 0);
}

static inline void sluice_register_note_waiting(
    struct sluice_register_session *session, unsigned direction, uint32_t place, uint64_t base) {
    session->directions[direction].base = base;
    sluice_store_release(&session->directions[direction].place, place);
}

static inline const void *sluice_register_record(const struct sluice_register_session *session) { return session->record; }
static inline const struct sluice_register_direction *sluice_register_direction(
    const struct sluice_register_session *session, unsigned direction) {
    return &session->directions[direction];
}

static inline void sluice_register_lay(
    struct sluice_register *head, const int *foundations, uint32_t count, const void *offer, uint32_t size) {
    __builtin_memcpy(head->foundations, foundations, count * sizeof foundations[0]);
    __builtin_memcpy(head->offer, offer, size);
    head->foundation_count = count;
    head->offer_size = size;
}

static inline void sluice_register_replace_foundation(struct sluice_register *head, int old, int new) {
    for (uint32_t i = 0; i < head->foundation_count; i++)
        if (head->foundations[i] == old) __atomic_store_n(&head->foundations[i], new, __ATOMIC_RELEASE);
}

static inline const int *sluice_register_foundations(const struct sluice_register *head) { return head->foundations; }
static inline const void *sluice_register_offer(const struct sluice_register *head) { return head->offer; }

// memfd_create needs _GNU_SOURCE. Memory without a name of `size` bytes, close-on-exec, mapped at *memory and left out of core
// dumps; its descriptor, or -1 with errno.
int sluice_register_new(size_t size, void **memory);
// Maps that of another process; NULL with errno.
void *sluice_register_map(int fd, size_t size);
// Gives the pages of a place back.
void sluice_register_release(void *place);
