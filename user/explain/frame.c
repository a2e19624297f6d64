// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Makes the packet that a question is about, for explain.c. It is whole and has right
 * checksums, since the program must take it for a real one; it is never sent.
 */
#include "explain/question.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <string.h>

#include "base/ip.h"

#define ETHERNET_BYTES 14
#define IPV4_BYTES 20
#define IPV6_BYTES 40
#define TCP_BYTES 20
#define UDP_BYTES 8
#define ICMP_BYTES 8
#define TCP_SYN 0x02

/* What protocols without a header that we know carry. */
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
	return (__u16)~sum;
}

/* Headers are not aligned in a frame, so they are written byte by byte. */
static void put16(__u8 *at, unsigned int value)
{
	at[0] = (__u8)(value >> 8);
	at[1] = (__u8)value;
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

/* Each fills in a header, all of whose bytes are 0, and returns its length. */
static size_t make_tcp(const struct bg_question *question, __u8 *tcp)
{
	put16(tcp, BG_QUESTION_CLIENT_PORT);
	put16(tcp + 2, (unsigned int)question->port);
	tcp[7] = 1; /* sequence number */
	tcp[12] = (TCP_BYTES / 4) << 4;
	tcp[13] = TCP_SYN;
	put16(tcp + 14, 65535); /* window */
	return TCP_BYTES;
}

static size_t make_udp(const struct bg_question *question, __u8 *udp)
{
	put16(udp, BG_QUESTION_CLIENT_PORT);
	put16(udp + 2, (unsigned int)question->port);
	put16(udp + 4, UDP_BYTES);
	return UDP_BYTES;
}

/* The first eight bytes are alike in both families. */
static size_t make_icmp(const struct bg_question *question, __u8 *icmp)
{
	icmp[0] = (__u8)question->icmp_type;
	icmp[1] = (__u8)question->icmp_code;
	put16(icmp + 4, BG_QUESTION_CLIENT_PORT);
	icmp[7] = 1; /* sequence number */
	return ICMP_BYTES;
}

static size_t make_upper(const struct bg_question *question, const struct bg_addr *source,
			 const struct bg_addr *destination, __u8 *at)
{
	size_t bytes;
	__u16 sum;

	switch (question->protocol) {
	case IPPROTO_TCP:
		bytes = make_tcp(question, at);
		put16(at + 16, upper_sum(source, destination, IPPROTO_TCP, at, bytes));
		return bytes;
	case IPPROTO_UDP:
		bytes = make_udp(question, at);
		sum = upper_sum(source, destination, IPPROTO_UDP, at, bytes);
		put16(at + 6, sum ? sum : 0xffff);
		return bytes;
	case IPPROTO_ICMP:
		bytes = make_icmp(question, at);
		put16(at + 2, sum_fold(sum_bytes(0, at, bytes)));
		return bytes;
	case IPPROTO_ICMPV6:
		bytes = make_icmp(question, at);
		put16(at + 2, upper_sum(source, destination, IPPROTO_ICMPV6, at, bytes));
		return bytes;
	default:
		return OTHER_BYTES;
	}
}

static void make_ipv4(const struct bg_question *question, const struct bg_addr *source,
		      const struct bg_addr *destination, size_t upper_bytes, __u8 *ip)
{
	ip[0] = 4 << 4 | IPV4_BYTES / 4;
	put16(ip + 2, (unsigned int)(IPV4_BYTES + upper_bytes));
	ip[8] = hop_limit(question);
	ip[9] = (__u8)question->protocol;
	memcpy(ip + 12, source->byte + 12, 4);
	memcpy(ip + 16, destination->byte + 12, 4);
	put16(ip + 10, sum_fold(sum_bytes(0, ip, IPV4_BYTES)));
}

static void make_ipv6(const struct bg_question *question, const struct bg_addr *source,
		      const struct bg_addr *destination, size_t upper_bytes, __u8 *ip)
{
	ip[0] = 6 << 4;
	put16(ip + 4, (unsigned int)upper_bytes);
	ip[6] = (__u8)question->protocol;
	ip[7] = hop_limit(question);
	memcpy(ip + 8, source, sizeof(*source));
	memcpy(ip + 24, destination, sizeof(*destination));
}

size_t bg_question_frame(const struct bg_question *question, __u8 frame[BG_QUESTION_BYTES])
{
	/* to loopback, where test runs are; from an address that no vendor's device has */
	static const __u8 stations[12] = { 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2 };
	bool ingress = question->direction == BG_INGRESS, v4 = bg_addr_is_v4(&question->remote);
	const struct bg_addr *source = ingress ? &question->remote : &question->local;
	const struct bg_addr *destination = ingress ? &question->local : &question->remote;
	size_t ip_bytes = v4 ? IPV4_BYTES : IPV6_BYTES, upper_bytes;
	__u8 *ip = frame + ETHERNET_BYTES;

	memset(frame, 0, BG_QUESTION_BYTES);
	memcpy(frame, stations, sizeof(stations));
	put16(frame + 12, v4 ? 0x0800 : 0x86dd);
	upper_bytes = make_upper(question, source, destination, ip + ip_bytes);
	if (v4)
		make_ipv4(question, source, destination, upper_bytes, ip);
	else
		make_ipv6(question, source, destination, upper_bytes, ip);
	return ETHERNET_BYTES + ip_bytes + upper_bytes;
}
