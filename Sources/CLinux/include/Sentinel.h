// The sentinel: a child process that shares the netlink sockets of NFQUEUEs and answers "accept" for a daemon that is
// dead or stands still. In C, because between fork() and exec() or the end a process that had threads may only make
// async-signal-safe calls; Swift allows no fork() at all.
#pragma once

#include <stdint.h>
#include <sys/types.h>

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

// Starts the sentinel for at most SLUICE_SENTINEL_QUEUES queues. Returns its pid, or -1 with errno. It ends when the
// last copy of `lifeline` is closed, having let go what waits in the queues that have had a beat; or, touching nothing, when a
// byte is written to `lifeline`.
pid_t sluice_sentinel_start(const struct sluice_watched_queue *queues, unsigned count, int *lifeline);
