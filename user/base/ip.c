// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Both families are one: IPv4 is kept as the mapped addresses of IPv6. What reads feeds
 * and questions calls it, and what prints addresses; it never resolves a name.
 */
#include "base/ip.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const __u8 mapped[12] = { [10] = 0xff, [11] = 0xff };

bool bg_addr_is_v4(const struct bg_addr *addr)
{
	return !memcmp(addr->byte, mapped, sizeof(mapped));
}

bool bg_prefix_is_v4(const struct bg_prefix *prefix)
{
	return prefix->length >= BG_V4_BITS && bg_addr_is_v4(&prefix->addr);
}

int bg_addr_parse(const char *text, struct bg_addr *addr)
{
	struct bg_addr found = {};

	if (!strchr(text, ':')) {
		memcpy(found.byte, mapped, sizeof(mapped));
		if (inet_pton(AF_INET, text, &found.byte[12]) != 1)
			return -EINVAL;
	} else if (inet_pton(AF_INET6, text, found.byte) != 1 || bg_addr_is_v4(&found)) {
		return -EINVAL;
	}
	*addr = found;
	return 0;
}

bool bg_addr_is_mapped(const char *text, struct bg_addr *addr)
{
	return inet_pton(AF_INET6, text, addr->byte) == 1 && bg_addr_is_v4(addr);
}

const char *bg_addr_expected(const char *text, char *expected)
{
	struct bg_addr found;
	char ip[BG_IP_TEXT];

	if (bg_addr_is_mapped(text, &found))
		snprintf(expected, BG_ADDR_EXPECTED, "it written as IPv4: %s",
			 bg_addr_format(&found, ip));
	else
		snprintf(expected, BG_ADDR_EXPECTED, "an IPv4 or IPv6 address");
	return expected;
}

/* "0" to "128", nothing else. */
static int parse_length(const char *text, unsigned int most)
{
	unsigned int length = 0;

	if (!*text || strlen(text) > 3 || (text[0] == '0' && text[1]))
		return -1;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		length = 10 * length + (*text - '0');
	}
	return length > most ? -1 : (int)length;
}

static bool clear_host_bits(struct bg_prefix *prefix)
{
	bool cleared = false;

	for (unsigned int i = prefix->length / 8; i < 16; i++) {
		unsigned int kept = i == prefix->length / 8 ? prefix->length % 8 : 0;
		__u8 mask = (__u8)(0xff00 >> kept);

		cleared |= prefix->addr.byte[i] & ~mask;
		prefix->addr.byte[i] &= mask;
	}
	return cleared;
}

struct bg_prefix bg_prefix_of(const struct bg_addr *addr, unsigned int length)
{
	struct bg_prefix prefix = { .addr = *addr, .length = (__u8)length };

	clear_host_bits(&prefix);
	return prefix;
}

int bg_prefix_parse(const char *text, struct bg_prefix *prefix, bool *had_host_bits)
{
	const char *slash = strchr(text, '/');
	size_t bytes = slash ? (size_t)(slash - text) : strlen(text);
	struct bg_prefix found = { .length = 128 };
	char address[BG_IP_TEXT];
	bool cleared;

	if (bytes >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, bytes);
	address[bytes] = '\0';
	if (bg_addr_parse(address, &found.addr))
		return -EINVAL;
	if (slash) {
		bool v4 = bg_addr_is_v4(&found.addr);
		int length = parse_length(slash + 1, v4 ? 32 : 128);

		if (length < 0)
			return -EINVAL;
		found.length = (v4 ? BG_V4_BITS : 0) + length;
	}
	cleared = clear_host_bits(&found);
	if (had_host_bits)
		*had_host_bits = cleared;
	*prefix = found;
	return 0;
}

/* The library takes twenty times as long, and lists of flows have millions of these. */
static void format_v4(const __u8 byte[4], char *text)
{
	for (int i = 0; i < 4; i++) {
		if (byte[i] >= 100)
			*text++ = (char)('0' + byte[i] / 100);
		if (byte[i] >= 10)
			*text++ = (char)('0' + byte[i] / 10 % 10);
		*text++ = (char)('0' + byte[i] % 10);
		*text++ = i < 3 ? '.' : '\0';
	}
}

const char *bg_addr_format(const struct bg_addr *addr, char *text)
{
	/* it cannot fail: the family is known and there is room */
	if (bg_addr_is_v4(addr))
		format_v4(&addr->byte[12], text);
	else
		inet_ntop(AF_INET6, addr->byte, text, BG_IP_TEXT);
	return text;
}

const char *bg_prefix_format(const struct bg_prefix *prefix, char *text)
{
	size_t used;

	bg_addr_format(&prefix->addr, text);
	used = strlen(text);
	snprintf(text + used, BG_IP_TEXT - used, "/%d",
		 prefix->length - (bg_prefix_is_v4(prefix) ? BG_V4_BITS : 0));
	return text;
}

bool bg_prefix_has(const struct bg_prefix *prefix, const struct bg_addr *addr)
{
	unsigned int bytes = prefix->length / 8, bits = prefix->length % 8;

	if (bg_prefix_is_v4(prefix) != bg_addr_is_v4(addr))
		return false;
	if (memcmp(prefix->addr.byte, addr->byte, bytes) != 0)
		return false;
	return !bits || !((prefix->addr.byte[bytes] ^ addr->byte[bytes]) & (0xff00 >> bits) & 0xff);
}

int bg_prefix_compare(const struct bg_prefix *a, const struct bg_prefix *b)
{
	int order = memcmp(a->addr.byte, b->addr.byte, sizeof(a->addr.byte));

	return order ? order : (int)a->length - (int)b->length;
}

void bg_addr_key(const struct bg_addr *addr, bool ipv6, __u64 *hi, __u64 *lo)
{
	__u64 value[2] = { 0, 0 };

	for (int i = ipv6 ? 0 : 12; i < 16; i++)
		value[i / 8] = value[i / 8] << 8 | addr->byte[i];
	*hi = ipv6 ? value[0] : value[1] << 32;
	*lo = ipv6 ? value[1] : 0;
}
