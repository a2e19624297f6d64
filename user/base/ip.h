/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Addresses and prefixes of both families: parse, print, compare. Pure. */
#ifndef BG_BASE_IP_H
#define BG_BASE_IP_H

#include <stdbool.h>
#include <stddef.h>

#include "types.h"

/* `length` counts bits of the mapped form: an IPv4 /24 has length 120. Bits
 * behind it are 0. */
struct bg_prefix {
	struct bg_addr addr;
	__u8 length;
};

#define BG_V4_BITS 96 /* bits of the mapped form in front of an IPv4 address */

/* Room for the longest text, an IPv6 prefix. */
#define BG_IP_TEXT 64

bool bg_addr_is_v4(const struct bg_addr *addr);

/* ::/0 has the mapped addresses of IPv4 in its range, but is no IPv4 prefix. */
bool bg_prefix_is_v4(const struct bg_prefix *prefix);

/* As the tries of headers/image.h have it: host order, IPv4 in the upper 32 bits of *hi. */
void bg_addr_key(const struct bg_addr *addr, bool ipv6, __u64 *hi, __u64 *lo);

/* Both return 0 or -EINVAL. IPv4 without leading zeros, IPv6 as inet_pton. An
 * IPv6 text that spells a mapped address (::ffff:1.2.3.4) is refused. */
int bg_addr_parse(const char *text, struct bg_addr *addr);

/* Does the text spell an IPv4 address as a mapped one, ::ffff:a.b.c.d? Then it is *addr. */
bool bg_addr_is_mapped(const char *text, struct bg_addr *addr);

/* What stands behind "expected" in the error for a text that bg_addr_parse() refused: the
 * IPv4 address, if it spells that as a mapped one. `expected` holds BG_ADDR_EXPECTED bytes. */
#define BG_ADDR_EXPECTED 64
const char *bg_addr_expected(const char *text, char *expected);

/* "a.b.c.d/len" or an address alone (= /32, /128). Bits behind the length are
 * cleared, as EC2 does; then *had_host_bits (may be NULL) is true. */
int bg_prefix_parse(const char *text, struct bg_prefix *prefix, bool *had_host_bits);

/* Both return `text`, which holds BG_IP_TEXT bytes. */
const char *bg_addr_format(const struct bg_addr *addr, char *text);
const char *bg_prefix_format(const struct bg_prefix *prefix, char *text);

/* The prefix of this length that has the address. */
struct bg_prefix bg_prefix_of(const struct bg_addr *addr, unsigned int length);
bool bg_prefix_has(const struct bg_prefix *prefix, const struct bg_addr *addr);
int bg_prefix_compare(const struct bg_prefix *a, const struct bg_prefix *b); /* for qsort */

#endif
