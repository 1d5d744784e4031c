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
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "CLinux.h"

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

enum ending { DISMISSED, STOPPED, DEAD };

// The table of descriptors is shared, and so is the lifeline's other end: that the daemon has died, its pidfd tells, or, where there
// is none, that this process has another parent.
static enum ending run(struct watch *watches, unsigned count, int lifeline, pid_t daemon) {
    int pidfd = (int)syscall(SYS_pidfd_open, daemon, 0);
    if (getppid() != daemon) pidfd = -1;
    struct pollfd life[2] = {{.fd = lifeline, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};
    struct pollfd sockets[SLUICE_SENTINEL_QUEUES];
    for (unsigned i = 0; i < count; i++) sockets[i] = (struct pollfd){.fd = watches[i].queue.fd, .events = POLLIN};
    while (poll(life, 2, LOOK) < 1) {
        if (pidfd < 0 && getppid() != daemon) break;
        poll(sockets, count, 0);
        for (unsigned i = 0; i < count; i++) look(&watches[i], sockets[i].revents & POLLIN);
    }
    enum ending ending = DEAD;
    char byte;
    if (life[0].revents) ending = read(lifeline, &byte, 1) == 1 ? DISMISSED : STOPPED;
    for (unsigned i = 0; i < count && ending != DISMISSED; i++)
        if (__atomic_load_n(&watches[i].queue.pulse->beats, __ATOMIC_SEQ_CST) != 0) bypass(&watches[i].queue);
    if (ending == DEAD) return ending;
    // The daemon goes on, and has no use for them.
    if (pidfd >= 0) close(pidfd);
    close(lifeline);
    for (unsigned i = 0; i < count; i++) close(watches[i].queue.fd);
    return ending;
}

// MARK: What is kept

// A descriptor is a number below this. One bit each.
enum { DESCRIPTOR_NUMBERS = 1 << 20 };
static uint64_t kept[DESCRIPTOR_NUMBERS / 64];

static void keep(int fd) {
    if (fd >= 0 && fd < DESCRIPTOR_NUMBERS) kept[fd / 64] |= 1ull << fd % 64;
}

// The next one from a number on; -1: there is none.
static int next_kept(int from) {
    for (int fd = from; fd < DESCRIPTOR_NUMBERS; fd++) {
        uint64_t rest = kept[fd / 64] >> fd % 64;
        if (rest) return fd + __builtin_ctzll(rest);
        fd |= 63;
    }
    return -1;
}

// Notes what the register names; returns whether there is a session.
static bool note_kept(struct sluice_register *memory) {
    bool any = false;
    if (!sluice_load_acquire(&memory->armed)) return false;
    for (unsigned i = 0; i < memory->foundation_count && i < SLUICE_REGISTER_FOUNDATIONS; i++)
        keep(memory->foundations[i]);
    for (unsigned i = 0; i < memory->workers; i++) {
        struct sluice_register_worker *worker = sluice_register_worker_at(memory, i);
        struct sluice_register_session *sessions = sluice_register_sessions_of(worker);
        keep(worker->pipe[0]);
        for (unsigned k = 0; k < worker->used && k < memory->sessions; k++) {
            if (!sluice_load_acquire(&sessions[k].valid)) continue;
            keep(sessions[k].client);
            keep(sessions[k].server);
            any = true;
        }
    }
    return any;
}

// The daemon's listeners, and whatever else somebody might wait for at it, are nobody's any more.
static unsigned close_others(void) {
    unsigned count = 0, from = 0;
    for (int fd = next_kept(0); fd >= 0; fd = next_kept(fd + 1)) {
        if ((unsigned)fd > from) close_range(from, (unsigned)fd - 1, 0);
        from = (unsigned)fd + 1;
        count++;
    }
    close_range(from, ~0u, 0);
    return count;
}

static socklen_t name_address(const char *name, struct sockaddr_un *address) {
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    size_t length = strnlen(name, sizeof address->sun_path - 2);
    memcpy(address->sun_path + 1, name, length);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
}

static int64_t milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

pid_t sluice_trusted_peer(int fd) {
    struct ucred peer;
    socklen_t length = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0) return -1;
    return peer.uid == 0 || peer.uid == geteuid() ? peer.pid : -1;
}

int sluice_sentinel_connect(const char *name) {
    struct sockaddr_un address;
    socklen_t length = name_address(name, &address);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, length) == 0) return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

// How long one that asks may take to say what it wants, and to take what it is given.
enum { ANSWER = 5000, TAKING = 30000 };

static bool await_byte(int fd, char *byte, int time) {
    struct pollfd life = {.fd = fd, .events = POLLIN};
    return poll(&life, 1, time) == 1 && recv(fd, byte, 1, MSG_DONTWAIT) == 1;
}

// Sends `size` bytes and descriptors; waits while the kernel has too many of them on their way (unix(7), ETOOMANYREFS).
static bool send_all(int fd, const void *bytes, size_t size, const int *descriptors, unsigned count) {
    for (int64_t end = milliseconds() + ANSWER; milliseconds() < end;) {
        if (sluice_send_descriptors(fd, bytes, size, descriptors, count) >= 0) return true;
        if (errno != EAGAIN && errno != ETOOMANYREFS) return false;
        struct pollfd life = {.fd = fd, .events = errno == EAGAIN ? POLLOUT : 0};
        poll(&life, 1, errno == EAGAIN ? 100 : 1);
    }
    return false;
}

static bool give(int fd, const struct sluice_keeping *keeping, unsigned count) {
    struct sluice_kept head = {
        .version = SLUICE_REGISTER_VERSION, .count = count, .memory = keeping->memory_fd, .size = keeping->memory->size};
    if (!send_all(fd, &head, sizeof head, NULL, 0)) return false;
    int batch[SLUICE_DESCRIPTORS_AT_A_TIME];
    unsigned filled = 0;
    for (int next = next_kept(0); next >= 0; next = next_kept(next + 1)) {
        batch[filled++] = next;
        count--;
        if (filled < SLUICE_DESCRIPTORS_AT_A_TIME && count > 0) continue;
        if (!send_all(fd, batch, filled * sizeof batch[0], batch, filled)) return false;
        filled = 0;
        if (count == 0) break;
    }
    char byte;
    return await_byte(fd, &byte, TAKING) && byte == SLUICE_TAKEN;
}

// Keeps it for whoever asks in time, until that one has it all, or asks for all to be closed.
static void keep_for_next(const struct sluice_keeping *keeping) {
    int64_t end = milliseconds() + keeping->milliseconds;
    if (!note_kept(keeping->memory)) return;
    keep(keeping->memory_fd);
    unsigned count = close_others();
    struct sockaddr_un address;
    socklen_t length = name_address(keeping->name, &address);
    int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    // Another one's may have the name still, as it ends.
    while (bind(listener, (struct sockaddr *)&address, length) < 0) {
        if (milliseconds() >= end) return;
        poll(NULL, 0, 10);
    }
    if (listen(listener, 4) < 0) return;
    for (int64_t left; (left = end - milliseconds()) > 0;) {
        struct pollfd asked = {.fd = listener, .events = POLLIN};
        if (poll(&asked, 1, (int)left) < 1) continue;
        int peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        char order = 0;
        if (peer >= 0 && sluice_trusted_peer(peer) > 0 && await_byte(peer, &order, ANSWER)) {
            if (order == SLUICE_LET_GO) return;
            if (order == SLUICE_TAKE && give(peer, keeping, count)) return;
        }
        close(peer);
    }
}

struct sluice_pulse *sluice_pulses(unsigned count) {
    size_t size = count * sizeof(struct sluice_pulse);
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

// By the system call: the C library's function for it takes a stack, and its fork() runs handlers.
static pid_t fork_sharing_descriptors(void) { return (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0); }

pid_t sluice_sentinel_start(
    const struct sluice_watched_queue *queues, unsigned count, const struct sluice_keeping *keeping, int *lifeline) {
    struct watch watches[SLUICE_SENTINEL_QUEUES] = {0};
    int ends[2];
    sigset_t all, before;
    if (count > SLUICE_SENTINEL_QUEUES) return errno = EINVAL, -1;
    if (pipe2(ends, O_CLOEXEC) < 0) return -1;
    // Numbers of its own: the daemon may close its queues first.
    for (unsigned i = 0; i < count; i++) {
        watches[i].queue = queues[i];
        watches[i].queue.fd = fcntl(queues[i].fd, F_DUPFD_CLOEXEC, 0);
    }
    // The child never unblocks them: what is meant to end the daemon is not to end the sentinel before it.
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    pid_t daemon = getpid();
    pid_t pid = fork_sharing_descriptors();
    if (pid == 0) {
        prctl(PR_SET_NAME, "sluice-sentinel");
        if (run(watches, count, ends[0], daemon) == DEAD && keeping && keeping->memory) keep_for_next(keeping);
        _exit(0);
    }
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (pid < 0) {
        close(ends[0]);
        close(ends[1]);
        for (unsigned i = 0; i < count; i++) close(watches[i].queue.fd);
    }
    *lifeline = ends[1];
    errno = error;
    return pid;
}
