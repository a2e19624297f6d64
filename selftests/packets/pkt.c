// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Writes frames byte by byte from what the tests say of them: stories and the other
 * packet tests call it. It shares no code with what reads the frames.
 */
#include "pkt.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ETHERNET_BYTES 14
#define TAG_BYTES 4
#define FRAGMENT_BYTES 8
#define MOST_CHAIN 32

struct maker {
	const struct pkt *pkt;
	bool ipv6;
	__u8 *frame;
	size_t length;
	size_t network, upper; /* offsets */
	char chain[MOST_CHAIN + 2];
};

static void die(const char *what, const char *detail)
{
	fprintf(stderr, "test is wrong: %s%s\n", what, detail);
	abort();
}

bool pkt_is_ipv6(const struct pkt *pkt)
{
	return pkt->from && strchr(pkt->from, ':');
}

static size_t address(const char *text, __u8 *out)
{
	bool ipv6 = strchr(text, ':');

	if (inet_pton(ipv6 ? AF_INET6 : AF_INET, text, out) != 1)
		die("no address: ", text);
	return ipv6 ? 16 : 4;
}

static __u8 *put(struct maker *m, size_t bytes)
{
	__u8 *at = m->frame + m->length;

	if (m->length + bytes > PKT_BYTES)
		die("frame too long", "");
	memset(at, 0, bytes);
	m->length += bytes;
	return at;
}

static void put16(__u8 *at, unsigned int value)
{
	at[0] = (__u8)(value >> 8);
	at[1] = (__u8)value;
}

static void put32(__u8 *at, __u32 value)
{
	put16(at, value >> 16);
	put16(at + 2, value & 0xffff);
}

/* The lie when there is one, else the truth. */
static unsigned int lie_or(int lie, size_t truth)
{
	return lie == ZERO ? 0 : lie ? (unsigned int)lie : (unsigned int)truth;
}

static __u32 sum(__u32 start, const __u8 *data, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		start += i & 1 ? data[i] : (__u32)data[i] << 8;
	return start;
}

static __u16 folded(__u32 value)
{
	while (value >> 16)
		value = (value & 0xffff) + (value >> 16);
	return (__u16)~value;
}

static bool is_fragment(const struct pkt *pkt)
{
	return pkt->more || pkt->offset_bytes;
}

static void make_ethernet(struct maker *m)
{
	const struct pkt *pkt = m->pkt;
	/* to loopback, where test runs are */
	static const __u8 stations[12] = { 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2 };
	__u8 *at = put(m, sizeof(stations));

	memcpy(at, stations, sizeof(stations));
	if (pkt->outer_vlan) {
		at = put(m, TAG_BYTES);
		put16(at, 0x88a8);
		put16(at + 2, (unsigned int)pkt->outer_vlan);
	}
	if (pkt->vlan) {
		at = put(m, TAG_BYTES);
		put16(at, 0x8100);
		put16(at + 2, (unsigned int)pkt->vlan);
	}
	put16(put(m, 2), lie_or(pkt->ethertype, m->ipv6 ? 0x86dd : 0x0800));
}

static void make_ipv4(struct maker *m)
{
	const struct pkt *pkt = m->pkt;
	size_t bytes = 20 + 4 * (size_t)pkt->option_words;
	__u8 *at = put(m, bytes);

	memset(at + 20, 1, bytes - 20);
	if (pkt->option) {
		__u8 *option = at + 20 + pkt->option_at;

		option[0] = (__u8)pkt->option;
		option[1] = (__u8)lie_or(pkt->option_bytes, bytes - 20 - (size_t)pkt->option_at);
	}
	at[0] = (__u8)(lie_or(pkt->version, 4) << 4 | lie_or(pkt->ihl, bytes / 4));
	put16(at + 4, pkt->ident & 0xffff);
	put16(at + 6, (pkt->more ? 0x2000u : 0) | (unsigned int)pkt->offset_bytes / 8);
	at[8] = (__u8)lie_or(pkt->ttl, 64);
	at[9] = (__u8)lie_or(pkt->next_header, (size_t)pkt->protocol);
	address(pkt->from, at + 12);
	address(pkt->to, at + 16);
}

static __u8 extension_type(char name)
{
	switch (name) {
	case 'H':
		return 0;
	case 'D':
		return 60;
	case 'R':
	case 'r':
		return 43;
	case 'A':
		return 51;
	case 'F':
		return 44;
	default:
		die("no extension header: ", (char[]){ name, 0 });
		return 0;
	}
}

static void make_extension(struct maker *m, const char *name)
{
	const struct pkt *pkt = m->pkt;
	size_t bytes = pkt->extension_bytes ? (size_t)pkt->extension_bytes : 8;
	__u8 next = name[1] ? extension_type(name[1])
			    : (__u8)lie_or(pkt->next_header, (size_t)pkt->protocol);
	__u8 *at;

	if (*name == 'F') {
		at = put(m, FRAGMENT_BYTES);
		at[0] = next;
		at[1] = pkt->reserved;
		put16(at + 2, (unsigned int)pkt->offset_bytes | (pkt->more ? 1 : 0));
		put32(at + 4, pkt->ident);
		return;
	}
	if (*name == 'A' && !pkt->extension_bytes)
		bytes = 24;
	at = put(m, bytes);
	at[0] = next;
	at[1] = (__u8)(*name == 'A' ? bytes / 4 - 2 : bytes / 8 - 1);
	if (*name == 'H' || *name == 'D') { /* PadN */
		at[2] = 1;
		at[3] = (__u8)(bytes - 4 > 255 ? 255 : bytes - 4);
	} else if (*name == 'r') {
		at[3] = 1;
	}
}

static void make_ipv6(struct maker *m)
{
	const struct pkt *pkt = m->pkt;
	__u8 *at = put(m, 40);

	at[0] = (__u8)(lie_or(pkt->version, 6) << 4);
	at[6] = m->chain[0] ? extension_type(m->chain[0])
			    : (__u8)lie_or(pkt->next_header, (size_t)pkt->protocol);
	at[7] = (__u8)lie_or(pkt->ttl, 64);
	address(pkt->from, at + 8);
	address(pkt->to, at + 24);
	for (const char *name = m->chain; *name; name++)
		make_extension(m, name);
}

static __u8 tcp_flags(const char *text)
{
	static const char names[] = "FSRPAU";
	__u8 flags = 0;

	for (; text && *text; text++) {
		const char *found = strchr(names, *text);

		if (!found)
			die("no TCP flag: ", text);
		flags |= (__u8)(1 << (found - names));
	}
	return flags;
}

static void make_quote(struct maker *m)
{
	const struct pkt *pkt = m->pkt;
	size_t bytes = pkt->quote_bytes ? (size_t)pkt->quote_bytes : m->ipv6 ? 48 : 28, length;
	__u8 frame[PKT_BYTES];

	length = pkt_build(pkt->quote, frame);
	if (bytes > length - ETHERNET_BYTES)
		bytes = length - ETHERNET_BYTES;
	memcpy(put(m, bytes), frame + ETHERNET_BYTES, bytes);
}

static void make_upper(struct maker *m)
{
	const struct pkt *pkt = m->pkt;
	size_t bytes;
	__u8 *at;

	if (pkt->bare)
		return;
	switch (pkt->protocol) {
	case 6:
		bytes = 20 + 4 * (size_t)pkt->tcp_option_words;
		at = put(m, bytes);
		memset(at + 20, 1, bytes - 20);
		put16(at, (unsigned int)pkt->sport);
		put16(at + 2, (unsigned int)pkt->dport);
		put32(at + 4, pkt->seq ? pkt->seq : 1);
		put32(at + 8, pkt->ack);
		at[12] = (__u8)(lie_or(pkt->doff, bytes / 4) << 4);
		at[13] = tcp_flags(pkt->flags);
		put16(at + 14, 65535);
		break;
	case 17:
		at = put(m, 8);
		put16(at, (unsigned int)pkt->sport);
		put16(at + 2, (unsigned int)pkt->dport);
		break;
	case 1:
	case 58:
		at = put(m, 8);
		at[0] = (__u8)pkt->type;
		at[1] = (__u8)pkt->code;
		put16(at + 4, (unsigned int)pkt->id);
		break;
	default:
		break;
	}
	if (pkt->quote)
		make_quote(m);
}

/* Where the upper layer keeps its checksum, 0 = it has none. */
static size_t checksum_offset(const struct pkt *pkt)
{
	if (pkt->bare)
		return 0;
	return pkt->protocol == 6			   ? 16
	       : pkt->protocol == 17			   ? 6
	       : pkt->protocol == 1 || pkt->protocol == 58 ? 2
							   : 0;
}

static void finish_upper(struct maker *m)
{
	const struct pkt *pkt = m->pkt;
	__u8 *at = m->frame + m->upper, *ip = m->frame + m->network;
	size_t bytes = m->length - m->upper, place = checksum_offset(pkt);
	__u32 start = 0;

	if (pkt->protocol == 17 && !pkt->bare && bytes >= 6)
		put16(at + 4, lie_or(pkt->udp_bytes, bytes));
	if (!place || bytes < place + 2)
		return;
	if (pkt->protocol != 1) {
		start = (__u32)pkt->protocol + (__u32)bytes;
		start = m->ipv6 ? sum(start, ip + 8, 32) : sum(start, ip + 12, 8);
	}
	put16(at + place, folded(sum(start, at, bytes)) ^ (pkt->bad_sums ? 0x5555 : 0));
}

static void finish_ip(struct maker *m)
{
	const struct pkt *pkt = m->pkt;
	__u8 *ip = m->frame + m->network;
	size_t bytes = m->length - m->network, header = 20 + 4 * (size_t)pkt->option_words;

	if (m->ipv6) {
		if (bytes >= 6)
			put16(ip + 4, lie_or(pkt->payload_bytes, bytes > 40 ? bytes - 40 : 0));
		return;
	}
	if (bytes < 20)
		return;
	put16(ip + 2, lie_or(pkt->total_bytes, bytes));
	put16(ip + 10,
	      folded(sum(0, ip, bytes < header ? bytes : header)) ^ (pkt->bad_sums ? 0x5555 : 0));
}

size_t pkt_build(const struct pkt *pkt, __u8 frame[PKT_BYTES])
{
	struct maker m = { .pkt = pkt, .ipv6 = pkt_is_ipv6(pkt), .frame = frame };
	size_t cut = (size_t)pkt->cut;

	make_ethernet(&m);
	m.network = m.length;
	if (pkt->from) {
		if (pkt->chain && strlen(pkt->chain) > MOST_CHAIN)
			die("chain too long: ", pkt->chain);
		snprintf(m.chain, sizeof(m.chain), "%s%s", pkt->chain ? pkt->chain : "",
			 m.ipv6 && is_fragment(pkt) && !(pkt->chain && strchr(pkt->chain, 'F'))
				 ? "F"
				 : "");
		if (m.ipv6)
			make_ipv6(&m);
		else
			make_ipv4(&m);
		m.upper = m.length;
		make_upper(&m);
	}
	memset(put(&m, (size_t)pkt->payload), pkt->fill, (size_t)pkt->payload);
	if (cut && pkt->cut_honestly && cut < m.length)
		m.length = cut;
	if (pkt->from) {
		if (m.length > m.upper)
			finish_upper(&m);
		finish_ip(&m);
	}
	return cut && cut < m.length ? cut : m.length;
}

size_t pkt_upper_offset(const struct pkt *pkt)
{
	__u8 frame[PKT_BYTES];
	struct pkt headers = *pkt;

	headers.bare = true;
	headers.payload = 0;
	headers.cut = 0;
	headers.quote = NULL;
	return pkt_build(&headers, frame);
}

size_t pkt_headers_end(const struct pkt *pkt)
{
	__u8 frame[PKT_BYTES];
	struct pkt headers = *pkt;

	headers.payload = 0;
	headers.cut = 0;
	headers.quote = NULL;
	return pkt_build(&headers, frame);
}
