// netinet/in.h has to come before any linux/ header: both declare in_addr and the IPPROTO_ values.
#pragma once
#include <netinet/in.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
