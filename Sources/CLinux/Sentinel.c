#define _GNU_SOURCE
#include "Sentinel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

// Milliseconds from one look at the queues to the next, and how many looks a queue may stand still. Looks are counted
// and not time, so that a sentinel that was itself kept from running doesn't blame the daemon.
enum { LOOK = 100, PATIENCE = 3 };

struct message {
    struct nlmsghdr netlink;
    struct nfgenmsg netfilter;
    struct nlattr attribute;
    uint32_t value[2];
};

static struct message message(uint16_t queue, int type, int attribute, uint32_t first, uint32_t second, size_t size) {
    return (struct message){
        .netlink = {.nlmsg_len = (uint32_t)(sizeof(struct message) - 8 + size),
                    .nlmsg_type = (uint16_t)(NFNL_SUBSYS_QUEUE << 8 | type),
                    .nlmsg_flags = NLM_F_REQUEST},
        .netfilter = {.version = NFNETLINK_V0, .res_id = htons(queue)},
        .attribute = {.nla_len = (uint16_t)(sizeof(struct nlattr) + size), .nla_type = (uint16_t)attribute},
        .value = {htonl(first), htonl(second)},
    };
}

static void set_length(const struct sluice_watched_queue *queue, uint32_t length) {
    struct message set = message(queue->number, NFQNL_MSG_CONFIG, NFQA_CFG_QUEUE_MAXLEN, length, 0, 4);
    send(queue->fd, &set, set.netlink.nlmsg_len, MSG_DONTWAIT);
}

// Lets all go that waits in the queue, read by the daemon or not: every id "up to" N, by a comparison that wraps around.
// The queue is in order, so three batches, each for half of all ids, meet any state of the counter.
static void accept_all(const struct sluice_watched_queue *queue) {
    const uint32_t upto[] = {INT32_MAX, UINT32_MAX, INT32_MAX};
    for (unsigned i = 0; i < 3; i++) {
        struct message all = message(queue->number, NFQNL_MSG_VERDICT_BATCH, NFQA_VERDICT_HDR, NF_ACCEPT, upto[i], 8);
        send(queue->fd, &all, all.netlink.nlmsg_len, MSG_DONTWAIT);
    }
}

// A queue that has no room and fails open takes no packet any more: the kernel lets them pass, at its own speed. What
// waits goes first, so that as little as possible is overtaken. The daemon shall not read of packets that have gone.
static void bypass(const struct sluice_watched_queue *queue) {
    char byte;
    accept_all(queue);
    set_length(queue, 0);
    accept_all(queue);
    while (recv(queue->fd, &byte, 1, MSG_DONTWAIT) >= 0 || errno == ENOBUFS);
}

struct watch {
    struct sluice_watched_queue queue;
    uint32_t beats;   // at the last look
    unsigned stills;  // looks since the last beat at which something waited
    bool bypassed;
};

static void look(struct watch *watch, bool readable) {
    struct sluice_pulse *pulse = watch->queue.pulse;
    uint32_t beats = __atomic_load_n(&pulse->beats, __ATOMIC_SEQ_CST);
    // Its thread has yet to start: until then the queue is another daemon's, which hands it over.
    if (beats == 0) return;
    bool waits = readable || __atomic_load_n(&pulse->owing, __ATOMIC_RELAXED);
    if (beats != watch->beats) {
        if (watch->bypassed) {
            set_length(&watch->queue, watch->queue.length);
            __atomic_fetch_add(&pulse->takeovers, 1, __ATOMIC_SEQ_CST);
        }
        watch->bypassed = false;
        watch->stills = 0;
        watch->beats = beats;
    } else if (!waits) {
        watch->stills = 0;
    } else if (!watch->bypassed && ++watch->stills > PATIENCE) {
        __atomic_fetch_add(&pulse->takeovers, 1, __ATOMIC_SEQ_CST);
        watch->bypassed = true;
        // A beat since is seen here, or else its thread has seen the takeover.
        if (__atomic_load_n(&pulse->beats, __ATOMIC_SEQ_CST) == beats) bypass(&watch->queue);
    }
}

static void run(struct watch *watches, unsigned count, int lifeline) {
    struct pollfd life = {.fd = lifeline, .events = POLLIN};
    struct pollfd sockets[SLUICE_SENTINEL_QUEUES];
    for (unsigned i = 0; i < count; i++) sockets[i] = (struct pollfd){.fd = watches[i].queue.fd, .events = POLLIN};
    // It is readable when the daemon has closed it, has died, or has written to it: then another sentinel has the queues.
    while (poll(&life, 1, LOOK) < 1) {
        poll(sockets, count, 0);
        for (unsigned i = 0; i < count; i++) look(&watches[i], sockets[i].revents & POLLIN);
    }
    char byte;
    if (read(lifeline, &byte, 1) == 1) return;
    for (unsigned i = 0; i < count; i++)
        if (__atomic_load_n(&watches[i].queue.pulse->beats, __ATOMIC_SEQ_CST) != 0) bypass(&watches[i].queue);
}

static int close_all_but(const struct watch *watches, unsigned count, int lifeline) {
    for (unsigned from = 0;;) {
        unsigned next = (unsigned)lifeline >= from ? (unsigned)lifeline : ~0u;
        for (unsigned i = 0; i < count; i++) {
            unsigned fd = (unsigned)watches[i].queue.fd;
            if (fd >= from && fd < next) next = fd;
        }
        if (next > from && close_range(from, next - 1, 0) < 0) return -1;
        if (next == ~0u) return 0;
        from = next + 1;
    }
}

struct sluice_pulse *sluice_pulses(unsigned count) {
    size_t size = count * sizeof(struct sluice_pulse);
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

pid_t sluice_sentinel_start(const struct sluice_watched_queue *queues, unsigned count, int *lifeline) {
    struct watch watches[SLUICE_SENTINEL_QUEUES] = {0};
    int ends[2];
    sigset_t all, before;
    if (count > SLUICE_SENTINEL_QUEUES) return errno = EINVAL, -1;
    for (unsigned i = 0; i < count; i++) watches[i].queue = queues[i];
    if (pipe2(ends, O_CLOEXEC) < 0) return -1;
    // The child never unblocks them: what is meant to end the daemon is not to end the sentinel before it.
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_NAME, "sluice-sentinel");
        if (close_all_but(watches, count, ends[0]) < 0) _exit(1);
        run(watches, count, ends[0]);
        _exit(0);
    }
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(ends[0]);
    if (pid < 0) close(ends[1]);
    *lifeline = ends[1];
    errno = error;
    return pid;
}
