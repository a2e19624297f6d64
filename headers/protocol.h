/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Protocol numbers, for both sides by the names of <netinet/in.h>, and what a
 * packet of a protocol has besides its addresses.
 */
#ifndef BG_PROTOCOL_H
#define BG_PROTOCOL_H

#ifdef __bpf__
#include <linux/in.h>
#include <linux/in6.h>
#else
#include <netinet/in.h>
#endif

static inline int bg_has_ports(int protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP;
}

/* Of either family: a type and a code; queries have an identifier, too. */
static inline int bg_is_icmp(int protocol)
{
	return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

#endif
