/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Frames, described field by field. What is left out is what an honest sender
 * would write, right checksums and lengths included; everything else is as given.
 */
#ifndef PKT_H
#define PKT_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

#define PKT_BYTES 9216

#define ZERO (-1) /* for fields whose 0 means "honest" */

struct pkt {
	const char *from, *to; /* addresses; the family is theirs */
	const char *flags;     /* TCP: any of "FSRPAU" */
	/*
	 * IPv6 extension headers in order: H hop-by-hop, D destination options,
	 * R routing (no segment left), r routing (one left), A authentication,
	 * F fragment. A fragment without an F gets one at the end.
	 */
	const char *chain;
	const struct pkt *quote; /* ICMP error: about this packet */
	int protocol;		 /* upper layer */
	int sport, dport;	 /* TCP, UDP */
	__u32 seq, ack;		 /* TCP; sequence number 0 = 1 */
	int type, code, id;	 /* ICMP */
	int payload;		 /* bytes behind the upper header, */
	int fill;		 /* each of this value */
	int ttl;		 /* or hop limit; 0 = 64 */
	int vlan, outer_vlan;	 /* tags, 802.1Q and 802.1ad in front of it; 0 = none */
	int option_words;	 /* IPv4: no-operation options; TCP: of the header */
	int option;		 /* IPv4: of this type in place of those from option_at on, */
	int option_at;
	int option_bytes; /* which its length says; 0 = honest, to the end */
	int tcp_option_words;
	int extension_bytes; /* of each H, D, R, r, A; 0 = as short as can be */
	int offset_bytes;    /* of this fragment */
	__u32 ident;
	int quote_bytes; /* of the quote, from its IP header on; 0 = 28 or 48 */

	/* lies; 0 = honest */
	int ethertype; /* of what follows the tags */
	int version, ihl, doff;
	int total_bytes, payload_bytes; /* IPv4 total length, IPv6 payload length */
	int udp_bytes;
	int next_header;   /* IPv6: in the last header of the chain, or IPv4 protocol */
	int cut;	   /* the frame ends after so many bytes */
	bool cut_honestly; /* and the lengths of IP and UDP say so */
	bool bad_sums;

	bool more;     /* fragments follow */
	bool bare;     /* a later fragment: no upper header, only payload */
	__u8 reserved; /* second byte of the fragment header */
};

#define TCP(FROM, SPORT, TO, DPORT, FLAGS)                                                         \
	.from = (FROM), .sport = (SPORT), .to = (TO), .dport = (DPORT), .protocol = 6,             \
	.flags = (FLAGS)
#define UDP(FROM, SPORT, TO, DPORT)                                                                \
	.from = (FROM), .sport = (SPORT), .to = (TO), .dport = (DPORT), .protocol = 17
#define ICMP4(FROM, TO, TYPE, CODE)                                                                \
	.from = (FROM), .to = (TO), .protocol = 1, .type = (TYPE), .code = (CODE)
#define ICMP6(FROM, TO, TYPE, CODE)                                                                \
	.from = (FROM), .to = (TO), .protocol = 58, .type = (TYPE), .code = (CODE)
#define PING(FROM, TO, ID) ICMP4(FROM, TO, 8, 0), .id = (ID)
#define PONG(FROM, TO, ID) ICMP4(FROM, TO, 0, 0), .id = (ID)
#define PING6(FROM, TO, ID) ICMP6(FROM, TO, 128, 0), .id = (ID)
#define PONG6(FROM, TO, ID) ICMP6(FROM, TO, 129, 0), .id = (ID)
#define OTHER(FROM, TO, PROTOCOL) .from = (FROM), .to = (TO), .protocol = (PROTOCOL), .payload = 8

/* Writes the frame, at most PKT_BYTES; returns its length. Aborts on an address
 * that is none, and on a frame that does not fit. */
size_t pkt_build(const struct pkt *pkt, __u8 frame[PKT_BYTES]);

/* Bytes in front of the upper layer, and bytes up to the end of its header. */
size_t pkt_upper_offset(const struct pkt *pkt);
size_t pkt_headers_end(const struct pkt *pkt);

bool pkt_is_ipv6(const struct pkt *pkt);

#endif
