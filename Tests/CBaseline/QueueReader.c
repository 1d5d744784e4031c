#define _GNU_SOURCE
#include "CBaseline.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

// Packets in a receive, and room for what is around a packet's bytes: as Sluice has them.
enum { BATCH = 32, OVERHEAD = 512, RECEIVE_BUFFER = 8 << 20 };

struct header {
    struct nlmsghdr netlink;
    struct nfgenmsg netfilter;
};

struct verdict {
    struct header header;
    struct nlattr attribute;
    struct nfqnl_msg_verdict_hdr verdict;
};

static struct header header(const struct baseline_reader *reader, int type, size_t size) {
    return (struct header){
        .netlink = {.nlmsg_len = (uint32_t)size,
                    .nlmsg_type = (uint16_t)(NFNL_SUBSYS_QUEUE << 8 | type),
                    .nlmsg_flags = NLM_F_REQUEST},
        .netfilter = {.version = NFNETLINK_V0, .res_id = htons(reader->queue)},
    };
}

// An attribute of 4 or 8 bytes, padded to 8 (the kernel skips what is left of a message).
static void *attribute(char *end, int type, const void *value, size_t size) {
    struct nlattr attribute = {.nla_len = (uint16_t)(NLA_HDRLEN + size), .nla_type = (uint16_t)type};
    memcpy(end, &attribute, sizeof attribute);
    memcpy(end + NLA_HDRLEN, value, size);
    return end + NLA_HDRLEN + NLA_ALIGN(size);
}

// One message for all of it: a packet can't come before the copy mode is set.
static int configure(const struct baseline_reader *reader, uint32_t length) {
    char buffer[256] = {0};
    struct nfqnl_msg_config_cmd bind = {.command = NFQNL_CFG_CMD_BIND};
    struct nfqnl_msg_config_params copy = {.copy_range = htonl(reader->copy_range), .copy_mode = NFQNL_COPY_PACKET};
    uint32_t flags = htonl(NFQA_CFG_F_GSO | NFQA_CFG_F_FAIL_OPEN);
    uint32_t most = htonl(length);
    char *end = buffer + sizeof(struct header);
    end = attribute(end, NFQA_CFG_CMD, &bind, sizeof bind);
    end = attribute(end, NFQA_CFG_PARAMS, &copy, sizeof copy);
    end = attribute(end, NFQA_CFG_QUEUE_MAXLEN, &most, sizeof most);
    end = attribute(end, NFQA_CFG_FLAGS, &flags, sizeof flags);
    end = attribute(end, NFQA_CFG_MASK, &flags, sizeof flags);
    struct header head = header(reader, NFQNL_MSG_CONFIG, (size_t)(end - buffer));
    head.netlink.nlmsg_flags |= NLM_F_ACK;
    memcpy(buffer, &head, sizeof head);
    if (send(reader->fd, buffer, head.netlink.nlmsg_len, 0) < 0) return errno;

    // The kernel has answered in the call; what is in front of its answer are packets, of which there are none as long
    // as no traffic runs.
    struct {
        struct nlmsghdr netlink;
        struct nlmsgerr error;
    } answer;
    if (recv(reader->fd, &answer, sizeof answer, 0) < (ssize_t)sizeof answer) return EPROTO;
    return answer.netlink.nlmsg_type == NLMSG_ERROR ? -answer.error.error : EPROTO;
}

int baseline_open(struct baseline_reader *reader, uint16_t queue, uint16_t copy_range, uint32_t length) {
    *reader = (struct baseline_reader){.queue = queue, .copy_range = copy_range};
    reader->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
    if (reader->fd < 0) return errno;
    struct sockaddr_nl address = {.nl_family = AF_NETLINK};
    int on = 1, size = RECEIVE_BUFFER, error = 0;
    if (bind(reader->fd, (struct sockaddr *)&address, sizeof address) < 0) error = errno;
    setsockopt(reader->fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof on);
    setsockopt(reader->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    if (!error) error = configure(reader, length);
    if (error) close(reader->fd);
    return error;
}

// The number is in the first attribute (nfqnl_build_packet_message).
static int packet_id(const char *message, size_t size, uint32_t *id) {
    enum { FIRST = sizeof(struct header) };
    struct nlmsghdr head;
    struct nlattr attribute;
    struct nfqnl_msg_packet_hdr packet;
    if (size < FIRST + NLA_HDRLEN + sizeof packet) return 0;
    memcpy(&head, message, sizeof head);
    memcpy(&attribute, message + FIRST, sizeof attribute);
    if (head.nlmsg_type != (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET) || attribute.nla_type != NFQA_PACKET_HDR)
        return 0;
    memcpy(&packet, message + FIRST + NLA_HDRLEN, sizeof packet);
    *id = packet.packet_id;
    return 1;
}

static int read_until_stopped(struct baseline_reader *reader, char *buffer, size_t stride) {
    struct mmsghdr messages[BATCH] = {0};
    struct iovec vectors[BATCH];
    struct verdict verdicts[BATCH];
    for (unsigned i = 0; i < BATCH; i++) {
        vectors[i] = (struct iovec){.iov_base = buffer + i * stride, .iov_len = stride};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i], .msg_iovlen = 1};
        verdicts[i] = (struct verdict){
            .header = header(reader, NFQNL_MSG_VERDICT, sizeof(struct verdict)),
            .attribute = {.nla_len = NLA_HDRLEN + sizeof(struct nfqnl_msg_verdict_hdr), .nla_type = NFQA_VERDICT_HDR},
            .verdict = {.verdict = htonl(NF_ACCEPT)},
        };
    }
    while (!__atomic_load_n(&reader->stopping, __ATOMIC_RELAXED)) {
        int received = recvmmsg(reader->fd, messages, BATCH, MSG_WAITFORONE, NULL);
        if (received < 0 && errno != EINTR) return errno;
        unsigned packets = 0;
        for (int i = 0; i < received; i++)
            packets += packet_id(buffer + (size_t)i * stride, messages[i].msg_len, &verdicts[packets].verdict.id);
        if (packets == 0) continue;
        reader->packets += packets;
        if (send(reader->fd, verdicts, packets * sizeof(struct verdict), 0) < 0) return errno;
    }
    return 0;
}

int baseline_run(struct baseline_reader *reader) {
    size_t stride = OVERHEAD + reader->copy_range;
    char *buffer = malloc(BATCH * stride);
    struct timespec before, after;
    struct rusage usage_before, usage_after;
    if (!buffer) return ENOMEM;
    getrusage(RUSAGE_THREAD, &usage_before);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
    int error = read_until_stopped(reader, buffer, stride);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
    getrusage(RUSAGE_THREAD, &usage_after);
    free(buffer);
    reader->nanoseconds = (uint64_t)((after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec);
    reader->wakeups = (uint64_t)(usage_after.ru_nvcsw - usage_before.ru_nvcsw);
    return error;
}

// A request that asks for nothing but an acknowledgement, which wakes the reader: so it needs no second descriptor to
// wait for, and no time limit.
void baseline_stop(struct baseline_reader *reader) {
    struct header nothing = header(reader, NFQNL_MSG_CONFIG, sizeof(struct header));
    nothing.netlink.nlmsg_flags |= NLM_F_ACK;
    __atomic_store_n(&reader->stopping, 1, __ATOMIC_RELAXED);
    send(reader->fd, &nothing, sizeof nothing, 0);
}

void baseline_close(struct baseline_reader *reader) { close(reader->fd); }

int baseline_pin(pid_t thread, int processor) {
    cpu_set_t processors;
    CPU_ZERO(&processors);
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (processor < 0 || i == processor) CPU_SET(i, &processors);
    return sched_setaffinity(thread, sizeof processors, &processors) < 0 ? errno : 0;
}
