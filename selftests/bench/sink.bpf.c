// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The far end of a stream of tool_stream.c: counts UDP packets to a port, and
 * drops them before the stack of the receiver spends anything on them.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile __u16 port;
__u64 arrived;

static __always_inline const struct udphdr *find_udp(const struct __sk_buff *ctx)
{
	const void *data = (const void *)(long)ctx->data, *end = (const void *)(long)ctx->data_end;
	const struct ethhdr *ethernet = data;
	const struct ipv6hdr *ip6 = data + sizeof(*ethernet);
	const struct iphdr *ip4 = data + sizeof(*ethernet);
	const struct udphdr *udp;

	if ((const void *)(ip4 + 1) > end)
		return NULL;
	if (ethernet->h_proto == bpf_htons(ETH_P_IP) && ip4->protocol == IPPROTO_UDP &&
	    ip4->ihl == 5)
		udp = (const void *)(ip4 + 1);
	else if (ethernet->h_proto == bpf_htons(ETH_P_IPV6) && (const void *)(ip6 + 1) <= end &&
		 ip6->nexthdr == IPPROTO_UDP)
		udp = (const void *)(ip6 + 1);
	else
		return NULL;
	return (const void *)(udp + 1) <= end ? udp : NULL;
}

SEC("tcx/ingress")
int sink(struct __sk_buff *ctx)
{
	const struct udphdr *udp = find_udp(ctx);

	if (!udp || udp->dest != bpf_htons(port))
		return TC_ACT_UNSPEC;
	/* one stream at a time, and all of it on one CPU */
	arrived++;
	return TC_ACT_SHOT;
}
