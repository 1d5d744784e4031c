// The few C things that Swift can't import, each with a word why.
#pragma once

// netinet/in.h has to come before any linux/ header: both declare in_addr and the IPPROTO_ values.
#include <netinet/in.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/types.h>

#include "Sentinel.h"

// glibc declares these only under _GNU_SOURCE, which Swift's Glibc module map does not set.
int sluice_set_network_namespace(int fd);
int sluice_new_network_namespace(void);
void sluice_set_thread_name(const char *name);

// Swift has no thread-local variables. The event loop that runs on the calling thread, by any number that is not 0 (0: none).
void sluice_set_current_loop(uintptr_t loop);
uintptr_t sluice_current_loop(void);

// sys/fsuid.h is not in Swift's Glibc module map. Of the calling thread; returns the group before.
uint32_t sluice_set_file_group(uint32_t group);

// A signal handler may do next to nothing, which Swift can't promise: this one writes the signal's number as a byte to
// a pipe, whose reading end is returned; -1 with errno. Handlers, unlike masks, are not passed on to child processes.
// Once in a process.
int sluice_signal_pipe(const int *signals, unsigned count);

// ioctl is variadic, and struct ifreq has a union: attaches `fd` (an open /dev/net/tun) to a TUN device without
// packet information and with the given name. Returns 0 or -1 with errno.
int sluice_tun_attach(int fd, const char *name);

// ioctl(fd, SIOCOUTQ): bytes sent but not yet acknowledged; -1 with errno.
int sluice_outq(int fd);
// ioctl(fd, SIOCINQ), FIONREAD of a pipe: bytes that wait to be read; -1 with errno.
int sluice_inq(int fd);

// Brings an interface up by name (SIOCSIFFLAGS); 0 or -1 with errno.
int sluice_interface_up(const char *name);

// pipe2 and splice need _GNU_SOURCE, fcntl is variadic. A pipe, O_NONBLOCK | O_CLOEXEC, of `size` bytes if it may have them: 0
// or -1 with errno; and splice(2) without offsets, SPLICE_F_NONBLOCK.
int sluice_pipe(int ends[2], int size);
ssize_t sluice_splice(int from, int to, size_t count);

// linux/filter.h is not in Swift's Glibc module map. With `on`, a TCP socket drops what comes in without payload, or with a
// byte of it, before it can be answered: keepalive probes and acknowledgements, but no SYN, FIN or reset (SO_ATTACH_FILTER). 0
// or -1 with errno.
int sluice_ignore_probes(int fd, int on);

// Accepts with SOCK_NONBLOCK | SOCK_CLOEXEC; accept4 needs _GNU_SOURCE.
int sluice_accept4(int fd, struct sockaddr_storage *peer);

// Control messages are reached by macros. As recv(fd, buffer, size, 0), with the time at which the kernel received the last
// byte, in nanoseconds since 1970, or 0 if it doesn't say; sluice_want_timestamps asks it to (SO_TIMESTAMPNS).
ssize_t sluice_receive_stamped(int fd, void *buffer, size_t size, int64_t *time);
int sluice_want_timestamps(int fd);

// recvmmsg needs _GNU_SOURCE. A batch receives up to `count` datagrams without blocking, the i-th into buffer + i *
// stride, its length into lengths[i], and returns how many, or -1 with errno. A datagram longer than `stride` is cut; its
// length then reads 0, so that nobody parses half a message. What the kernel is told of the places for them is written
// once, and not with each receive, which often has one datagram. NULL for want of memory; free() ends it.
struct sluice_batch;
struct sluice_batch *sluice_batch_new(void *buffer, size_t stride, unsigned count);
int sluice_batch_receive(struct sluice_batch *batch, int fd, uint32_t *lengths);

// Control messages are reached by macros. Sends, or receives, one message of a SOCK_SEQPACKET socket with descriptors beside it
// (unix(7), SCM_RIGHTS; `count` at most 253, for which `fds` has to have room), without blocking; received ones are
// close-on-exec. The message's length, 0 at the end, or -1 with errno: EMFILE when not all of it could be received.
ssize_t sluice_send_descriptors(int socket, const void *bytes, size_t size, const int *fds, unsigned count);
ssize_t sluice_receive_descriptors(int socket, void *bytes, size_t size, int *fds, unsigned *count);

// malloc.h is not in Swift's Glibc module map. Large blocks get memory of their own, which goes back when they are freed:
// glibc would else take ever larger ones from the heap (mallopt(3), M_MMAP_THRESHOLD).
void sluice_malloc_setup(void);
// Gives the kernel what is free in whole pages (malloc_trim(3)).
void sluice_malloc_trim(void);

// linux/mptcp.h of Debian 12 (kernel 6.1) has no MPTCP_FULL_INFO (6.5): option numbers and layouts as in the
// kernel's include/uapi/linux/mptcp.h, which only ever grows at the end of each structure.
enum {
    SLUICE_SOL_MPTCP = 284,
    SLUICE_MPTCP_INFO = 1,
    SLUICE_MPTCP_FULL_INFO = 4,
    SLUICE_MPTCP_INFO_FLAG_FALLBACK = 1,
};

struct sluice_mptcp_info {
    uint8_t subflows;
    uint8_t add_addr_signal;
    uint8_t add_addr_accepted;
    uint8_t subflows_max;
    uint8_t add_addr_signal_max;
    uint8_t add_addr_accepted_max;
    uint32_t flags;
    uint32_t token;
    uint64_t write_seq;
    uint64_t snd_una;
    uint64_t rcv_nxt;
    uint8_t local_addr_used;
    uint8_t local_addr_max;
    uint8_t csum_enabled;
    uint32_t retransmits;
    uint64_t bytes_retrans;
    uint64_t bytes_sent;
    uint64_t bytes_received;
    uint64_t bytes_acked;
    uint8_t subflows_total;
    uint8_t reserved[3];
    uint32_t last_data_sent;
    uint32_t last_data_recv;
    uint32_t last_ack_recv;
};

struct sluice_mptcp_subflow_info {
    uint32_t id;
    struct sockaddr_storage local;
    struct sockaddr_storage remote;
};

// glibc's tcp_info ends before the byte counts, and linux/tcp.h's can't be imported beside it: the beginning of the
// latter, as far as it is read here.
struct sluice_tcp_info {
    uint8_t state, ca_state, retransmits, probes;
    uint8_t before_rto[4];
    uint32_t rto, ato, snd_mss, rcv_mss;
    uint32_t unacked, sacked, lost, retrans, fackets;
    uint32_t last_data_sent, last_ack_sent, last_data_recv, last_ack_recv;
    uint32_t pmtu, rcv_ssthresh, rtt, rttvar, snd_ssthresh, snd_cwnd, advmss, reordering;
    uint32_t rcv_rtt, rcv_space;
    uint32_t total_retrans;
    uint64_t pacing_rate, max_pacing_rate;
    uint64_t bytes_acked, bytes_received;
    uint32_t segs_out, segs_in, notsent_bytes, min_rtt, data_segs_in, data_segs_out;
    uint64_t delivery_rate, busy_time, rwnd_limited, sndbuf_limited;
    uint32_t delivered, delivered_ce;
    uint64_t bytes_sent, bytes_retrans;
    uint32_t dsack_dups, reord_seen, rcv_ooopack, snd_wnd, rcv_wnd, rehash;
};

struct sluice_mptcp_full_info {
    uint32_t size_tcpinfo_kernel;
    uint32_t size_tcpinfo_user;
    uint32_t size_sfinfo_kernel;
    uint32_t size_sfinfo_user;
    uint32_t num_subflows;
    uint32_t size_arrays_user;
    uint64_t subflow_info;
    uint64_t tcp_info;
    struct sluice_mptcp_info mptcp_info;
};
