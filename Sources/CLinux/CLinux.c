#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <malloc.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

int sluice_set_network_namespace(int fd) { return setns(fd, CLONE_NEWNET); }

int sluice_new_network_namespace(void) { return unshare(CLONE_NEWNET); }

uint32_t sluice_set_file_group(uint32_t group) { return (uint32_t)setfsgid(group); }

static _Thread_local uintptr_t current_loop;

void sluice_set_current_loop(uintptr_t loop) { current_loop = loop; }

uintptr_t sluice_current_loop(void) { return current_loop; }

void sluice_set_thread_name(const char *name) { pthread_setname_np(pthread_self(), name); }

static int signal_pipe[2] = {-1, -1};

static void write_signal(int number) {
    int saved = errno;
    unsigned char byte = (unsigned char)number;
    ssize_t ignored = write(signal_pipe[1], &byte, 1);
    (void)ignored;
    errno = saved;
}

int sluice_signal_pipe(const int *signals, unsigned count) {
    if (pipe2(signal_pipe, O_CLOEXEC) < 0) return -1;
    struct sigaction action = {.sa_handler = write_signal, .sa_flags = SA_RESTART};
    for (unsigned i = 0; i < count; i++)
        if (sigaction(signals[i], &action, NULL) < 0) return -1;
    return signal_pipe[0];
}

int sluice_tun_attach(int fd, const char *name) {
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    if (strlen(name) >= IFNAMSIZ) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(request.ifr_name, name);
    return ioctl(fd, TUNSETIFF, &request);
}

int sluice_outq(int fd) {
    int bytes = 0;
    return ioctl(fd, SIOCOUTQ, &bytes) < 0 ? -1 : bytes;
}

int sluice_inq(int fd) {
    int bytes = 0;
    return ioctl(fd, FIONREAD, &bytes) < 0 ? -1 : bytes;
}

int sluice_interface_up(const char *name) {
    struct ifreq request = {0};
    if (strlen(name) >= IFNAMSIZ) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(request.ifr_name, name);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    int result = ioctl(fd, SIOCGIFFLAGS, &request);
    if (result == 0) {
        request.ifr_flags |= IFF_UP;
        result = ioctl(fd, SIOCSIFFLAGS, &request);
    }
    int saved = errno;
    close(fd);
    errno = saved;
    return result;
}

int sluice_accept4(int fd, struct sockaddr_storage *peer) {
    socklen_t length = sizeof *peer;
    return accept4(fd, (struct sockaddr *)peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int sluice_ignore_probes(int fd, int on) {
    // The packet begins with its TCP header here (net/ipv4/tcp_ipv4.c, tcp_filter).
    static const struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),  // flags
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x07, 8, 0),  // FIN, SYN, RST
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 12),  // the header's length, in words of four bytes, times 16
        BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 2),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x3c),
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
        BPF_STMT(BPF_ALU | BPF_SUB | BPF_X, 0),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 1, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
    };
    if (!on) return setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &on, sizeof on);
    struct sock_fprog filter = {sizeof program / sizeof *program, (struct sock_filter *)program};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter);
}

int sluice_pipe(int ends[2], int size) {
    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0) return -1;
    fcntl(ends[1], F_SETPIPE_SZ, size);
    return 0;
}

ssize_t sluice_splice(int from, int to, size_t count) {
    return splice(from, NULL, to, NULL, count, SPLICE_F_NONBLOCK);
}

struct sluice_batch {
    unsigned count;
    struct mmsghdr messages[64];
    struct iovec vectors[64];
};

struct sluice_batch *sluice_batch_new(void *buffer, size_t stride, unsigned count) {
    struct sluice_batch *batch = calloc(1, sizeof *batch);
    if (!batch) return NULL;
    batch->count = count < 64 ? count : 64;
    for (unsigned i = 0; i < batch->count; i++) {
        batch->vectors[i] = (struct iovec){.iov_base = (char *)buffer + i * stride, .iov_len = stride};
        batch->messages[i].msg_hdr = (struct msghdr){.msg_iov = &batch->vectors[i], .msg_iovlen = 1};
    }
    return batch;
}

int sluice_batch_receive(struct sluice_batch *batch, int fd, uint32_t *lengths) {
    int received = recvmmsg(fd, batch->messages, batch->count, MSG_DONTWAIT, NULL);
    for (int i = 0; i < received; i++)
        lengths[i] = batch->messages[i].msg_hdr.msg_flags & MSG_TRUNC ? 0 : batch->messages[i].msg_len;
    return received;
}

_Static_assert(sizeof(struct sluice_mptcp_info) == 96, "as the kernel's struct mptcp_info since 6.5");
_Static_assert(sizeof(struct sluice_mptcp_subflow_info) == 264, "as the kernel's struct mptcp_subflow_info");
_Static_assert(offsetof(struct sluice_tcp_info, bytes_received) == offsetof(struct tcp_info, tcpi_bytes_received), "");
_Static_assert(offsetof(struct sluice_tcp_info, rtt) == offsetof(struct tcp_info, tcpi_rtt), "");

int sluice_want_timestamps(int fd) {
    int on = 1;
    return setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
}

ssize_t sluice_receive_stamped(int fd, void *buffer, size_t size, int64_t *time) {
    union {
        char bytes[CMSG_SPACE(sizeof(struct timespec)) + 64];
        struct cmsghdr alignment;
    } control;
    struct iovec vector = {.iov_base = buffer, .iov_len = size};
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t count = recvmsg(fd, &message, 0);
    *time = 0;
    if (count <= 0) return count;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_TIMESTAMPNS) continue;
        struct timespec stamp;
        memcpy(&stamp, CMSG_DATA(part), sizeof stamp);
        *time = (int64_t)stamp.tv_sec * 1000000000 + stamp.tv_nsec;
    }
    return count;
}

void sluice_malloc_setup(void) { mallopt(M_MMAP_THRESHOLD, 128 << 10); }

void sluice_malloc_trim(void) { malloc_trim(0); }

// SCM_MAX_FD of the kernel (include/net/scm.h).


union descriptors {
    char bytes[CMSG_SPACE(SLUICE_DESCRIPTORS_AT_A_TIME * sizeof(int))];
    struct cmsghdr alignment;
};

ssize_t sluice_send_descriptors(int socket, const void *bytes, size_t size, const int *fds, unsigned count) {
    union descriptors control;
    struct iovec vector = {.iov_base = (void *)bytes, .iov_len = size};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    if (count > SLUICE_DESCRIPTORS_AT_A_TIME) return errno = EINVAL, -1;
    if (count > 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
        struct cmsghdr *part = CMSG_FIRSTHDR(&message);
        part->cmsg_level = SOL_SOCKET;
        part->cmsg_type = SCM_RIGHTS;
        part->cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(part), fds, count * sizeof(int));
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

ssize_t sluice_receive_descriptors(int socket, void *bytes, size_t size, int *fds, unsigned *count) {
    union descriptors control;
    struct iovec vector = {.iov_base = bytes, .iov_len = size};
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    *count = 0;
    ssize_t received = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (received < 0) return received;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
        *count = (unsigned)((part->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(fds, CMSG_DATA(part), *count * sizeof(int));
    }
    // What didn't fit is lost: the kernel has no descriptor left for it, or the sender doesn't keep to the sizes.
    if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
        for (unsigned i = 0; i < *count; i++) close(fds[i]);
        *count = 0;
        return errno = EMFILE, -1;
    }
    return received;
}

int sluice_register_new(size_t size, void **memory) {
    int fd = memfd_create("sluice-register", MFD_CLOEXEC);
    if (fd < 0) return -1;
    if (ftruncate(fd, (off_t)size) == 0 && (*memory = sluice_register_map(fd, size))) return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

void *sluice_register_map(int fd, size_t size) {
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (memory == MAP_FAILED) return NULL;
    // A dump would touch it all.
    madvise(memory, size, MADV_DONTDUMP);
    return memory;
}

void sluice_register_release(void *place) { madvise(place, SLUICE_REGISTER_PLACE, MADV_REMOVE); }
