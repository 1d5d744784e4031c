// CBaseline: the reader of an NFQUEUE that Sluice's own is held against (`sluice-lab bench verdict`). What a good C
// programmer would write who wants each packet accepted and nothing else: it looks at a packet's number and no further,
// and calls no library. In C, because what Swift costs is part of the question.
#pragma once

#include <stdint.h>
#include <sys/types.h>

struct baseline_reader {
    int fd;
    uint16_t queue;
    uint16_t copy_range;
    int stopping;
    // From the beginning of baseline_run to its end, of its thread.
    uint64_t packets;
    uint64_t nanoseconds;  // on a processor, in the kernel or not
    uint64_t wakeups;      // how often it has slept until something came
};

// Binds the queue, in the network namespace of the calling thread, with room for `length` packets and with what
// Sluice's queues for data have: GSO packets whole, fail-open, `copy_range` bytes of each packet. 0, or an errno: EPERM
// also when the queue has another reader.
int baseline_open(struct baseline_reader *reader, uint16_t queue, uint16_t copy_range, uint32_t length);

// Reads on the calling thread until it is stopped. 0 or an errno.
int baseline_run(struct baseline_reader *reader);

// Stops a run, from any other thread.
void baseline_stop(struct baseline_reader *reader);

// Unbinds the queue. After the run, once.
void baseline_close(struct baseline_reader *reader);

// Has a thread (0: the calling one) run on this processor alone; -1: on any. 0 or an errno. sched_setaffinity needs
// _GNU_SOURCE, and macros.
int baseline_pin(pid_t thread, int processor);
