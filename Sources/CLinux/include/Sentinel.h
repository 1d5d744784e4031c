// The sentinel: a child process that shares the daemon's table of descriptors. It answers "accept" in NFQUEUEs for a daemon that is
// dead or stands still; and when one with sessions dies, it keeps their sockets for the next one. In C, because between a fork and
// exec() or the end a process that had threads may only make async-signal-safe calls; Swift allows no fork() at all.
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "Register.h"

// Sixteen for SYNs and sixteen for data.
enum { SLUICE_SENTINEL_QUEUES = 32 };

// What the thread of a queue and the sentinel know of each other, in memory that both processes share.
struct sluice_pulse {
    uint32_t beats;      // written by the thread: grows with each turn of its loop
    uint32_t owing;      // written by the thread: has it packets that it hasn't answered?
    uint32_t takeovers;  // written by the sentinel: odd while it answers in the thread's place
};

struct sluice_watched_queue {
    int fd;
    uint16_t number;
    uint32_t length;  // as configured; the sentinel restores it
    struct sluice_pulse *pulse;
};

// Memory for `count` pulses, zero, that a child shares; NULL with errno. For the life of the process.
struct sluice_pulse *sluice_pulses(unsigned count);

// "I am alive." Returns takeovers. In one total order with what the sentinel does: either it sees this beat and leaves
// the queue alone, or the thread sees that it doesn't.
static inline uint32_t sluice_beat(struct sluice_pulse *pulse) {
    __atomic_fetch_add(&pulse->beats, 1, __ATOMIC_SEQ_CST);
    return __atomic_load_n(&pulse->takeovers, __ATOMIC_SEQ_CST);
}

static inline void sluice_set_owing(struct sluice_pulse *pulse, uint32_t owing) {
    __atomic_store_n(&pulse->owing, owing, __ATOMIC_RELAXED);
}

// What it keeps when the daemon dies with sessions.
struct sluice_keeping {
    // The register's memory, and its descriptor; NULL: nothing is kept.
    struct sluice_register *memory;
    int memory_fd;
    // How long.
    uint32_t milliseconds;
    // Its name among abstract UNIX sockets, which are the network namespace's.
    char name[104];
};

// What a daemon says to another one's sentinel, a byte each; and what it hears first.
enum {
    // Give me all that you keep. Behind it: I have it.
    SLUICE_TAKE = 't',
    SLUICE_TAKEN = 'k',
    // Close all that you keep.
    SLUICE_LET_GO = 'g',
};

struct sluice_kept {
    uint32_t version;
    // Descriptors that come, in messages that have their former numbers (int32_t).
    uint32_t count;
    // The former number of the register's.
    int32_t memory;
    uint32_t reserved;
    // Of the register's memory.
    uint64_t size;
};

// Starts the sentinel for at most SLUICE_SENTINEL_QUEUES queues. Returns its pid, or -1 with errno. When the daemon closes
// `lifeline`, it lets go what waits in the queues that have had a beat, and ends; when the daemon writes a byte to it, it ends
// without touching anything. When the daemon dies, it lets go what waits, keeps what there is to keep, and ends.
pid_t sluice_sentinel_start(
    const struct sluice_watched_queue *queues, unsigned count, const struct sluice_keeping *keeping, int *lifeline);

// The number of the process at the other end of a UNIX socket, if it runs as this one's user or as root; -1 otherwise.
pid_t sluice_trusted_peer(int fd);
// Connects to a sentinel by its name: a descriptor, SOCK_NONBLOCK | SOCK_CLOEXEC, or -1 with errno.
int sluice_sentinel_connect(const char *name);
