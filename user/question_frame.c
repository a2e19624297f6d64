// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The packet that a question is about. */
#include "question.h"

#include <arpa/inet.h>
#include <netinet/ether.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>

#include "ip.h"

/* Upper layers without a header that we know: something to carry. */
#define OTHER_BYTES 8

/* RFC 1071, over an even number of bytes but for the last part. */
static __u32 sum_bytes(__u32 sum, const void *data, size_t length_bytes)
{
	const __u8 *byte = data;

	for (size_t i = 0; i + 1 < length_bytes; i += 2)
		sum += (__u32)byte[i] << 8 | byte[i + 1];
	if (length_bytes & 1)
		sum += (__u32)byte[length_bytes - 1] << 8;
	return sum;
}

static __u16 sum_fold(__u32 sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((__u16)~sum);
}

/* The pseudo header of either family, then the upper layer. */
static __u16 upper_sum(const struct bg_addr *source, const struct bg_addr *destination,
		       int protocol, const void *upper, size_t length_bytes)
{
	size_t skip = bg_addr_is_v4(source) ? 12 : 0;
	__u32 sum = (__u32)protocol + (__u32)length_bytes;

	sum = sum_bytes(sum, source->byte + skip, sizeof(*source) - skip);
	sum = sum_bytes(sum, destination->byte + skip, sizeof(*destination) - skip);
	return sum_fold(sum_bytes(sum, upper, length_bytes));
}

/* Neighbour and router discovery comes with 255, MLD with 1, the rest with 64. */
static __u8 hop_limit(const struct bg_question *question)
{
	int type = question->icmp_type;

	if (question->protocol != IPPROTO_ICMPV6 || bg_addr_is_v4(&question->remote))
		return 64;
	if (type >= ND_ROUTER_SOLICIT && type <= ND_REDIRECT)
		return 255;
	if ((type >= MLD_LISTENER_QUERY && type <= MLD_LISTENER_REDUCTION) || type == 143)
		return 1;
	return 64;
}

static size_t make_tcp(const struct bg_question *question, __u8 *at)
{
	struct tcphdr *tcp = (void *)at;

	tcp->source = htons(BG_QUESTION_CLIENT_PORT);
	tcp->dest = htons((__u16)question->port);
	tcp->seq = htonl(1);
	tcp->doff = sizeof(*tcp) / 4;
	tcp->syn = 1;
	tcp->window = htons(65535);
	return sizeof(*tcp);
}

static size_t make_udp(const struct bg_question *question, __u8 *at)
{
	struct udphdr *udp = (void *)at;

	udp->source = htons(BG_QUESTION_CLIENT_PORT);
	udp->dest = htons((__u16)question->port);
	udp->len = htons(sizeof(*udp));
	return sizeof(*udp);
}

/* The first eight bytes are alike in both families. */
static size_t make_icmp(const struct bg_question *question, __u8 *at)
{
	struct icmphdr *icmp = (void *)at;

	icmp->type = (__u8)question->icmp_type;
	icmp->code = (__u8)question->icmp_code;
	icmp->un.echo.id = htons(BG_QUESTION_CLIENT_PORT);
	icmp->un.echo.sequence = htons(1);
	return sizeof(*icmp);
}

static size_t make_upper(const struct bg_question *question, const struct bg_addr *source,
			 const struct bg_addr *destination, __u8 *at)
{
	size_t bytes = OTHER_BYTES;
	__u16 sum;

	switch (question->protocol) {
	case IPPROTO_TCP:
		bytes = make_tcp(question, at);
		sum = upper_sum(source, destination, question->protocol, at, bytes);
		((struct tcphdr *)at)->check = sum;
		break;
	case IPPROTO_UDP:
		bytes = make_udp(question, at);
		sum = upper_sum(source, destination, question->protocol, at, bytes);
		((struct udphdr *)at)->check = sum ? sum : 0xffff;
		break;
	case IPPROTO_ICMP:
		bytes = make_icmp(question, at);
		((struct icmphdr *)at)->checksum = sum_fold(sum_bytes(0, at, bytes));
		break;
	case IPPROTO_ICMPV6:
		bytes = make_icmp(question, at);
		sum = upper_sum(source, destination, question->protocol, at, bytes);
		((struct icmphdr *)at)->checksum = sum;
		break;
	default:
		break;
	}
	return bytes;
}

size_t bg_question_frame(const struct bg_question *question, __u8 frame[BG_QUESTION_BYTES])
{
	bool ingress = question->direction == BG_INGRESS, v4 = bg_addr_is_v4(&question->remote);
	const struct bg_addr *source = ingress ? &question->remote : &question->local;
	const struct bg_addr *destination = ingress ? &question->local : &question->remote;
	size_t ip_bytes = v4 ? sizeof(struct iphdr) : sizeof(struct ip6_hdr), upper_bytes;
	struct ethhdr *ethernet = (void *)frame;
	__u8 *at = frame + sizeof(*ethernet);

	memset(frame, 0, BG_QUESTION_BYTES);
	/* locally administered, so that nobody takes them for somebody's */
	memcpy(ethernet->h_dest, "\x02\0\0\0\0\x01", ETH_ALEN);
	memcpy(ethernet->h_source, "\x02\0\0\0\0\x02", ETH_ALEN);
	ethernet->h_proto = htons(v4 ? ETH_P_IP : ETH_P_IPV6);
	upper_bytes = make_upper(question, source, destination, at + ip_bytes);
	if (v4) {
		struct iphdr *ip = (void *)at;

		ip->version = 4;
		ip->ihl = sizeof(*ip) / 4;
		ip->tot_len = htons((__u16)(sizeof(*ip) + upper_bytes));
		ip->ttl = hop_limit(question);
		ip->protocol = (__u8)question->protocol;
		ip->saddr = source->word[3];
		ip->daddr = destination->word[3];
		ip->check = sum_fold(sum_bytes(0, ip, sizeof(*ip)));
	} else {
		struct ip6_hdr *ip = (void *)at;

		ip->ip6_vfc = 6 << 4;
		ip->ip6_plen = htons((__u16)upper_bytes);
		ip->ip6_nxt = (__u8)question->protocol;
		ip->ip6_hlim = hop_limit(question);
		memcpy(&ip->ip6_src, source, sizeof(*source));
		memcpy(&ip->ip6_dst, destination, sizeof(*destination));
	}
	return sizeof(*ethernet) + ip_bytes + upper_bytes;
}
