// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ip.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const __u8 v4_prefix[12] = { [10] = 0xff, [11] = 0xff };

bool bg_addr_is_v4(const struct bg_addr *addr)
{
	return !memcmp(addr->byte, v4_prefix, sizeof(v4_prefix));
}

int bg_addr_parse(const char *text, struct bg_addr *addr)
{
	struct bg_addr parsed = {};

	if (!strchr(text, ':')) {
		memcpy(parsed.byte, v4_prefix, sizeof(v4_prefix));
		if (inet_pton(AF_INET, text, &parsed.word[3]) != 1)
			return -EINVAL;
	} else if (inet_pton(AF_INET6, text, &parsed) != 1 || bg_addr_is_v4(&parsed)) {
		return -EINVAL;
	}
	*addr = parsed;
	return 0;
}

/* Clears the bits behind `length`; whether any was set. */
static bool mask_addr(struct bg_addr *addr, unsigned int length)
{
	bool had_bits = false;

	for (unsigned int i = 0; i < sizeof(addr->byte); i++) {
		unsigned int bits = length > i * 8 ? length - i * 8 : 0;
		__u8 mask = bits >= 8 ? 0xff : (__u8)(0xff00 >> bits);

		had_bits |= addr->byte[i] & ~mask;
		addr->byte[i] &= mask;
	}
	return had_bits;
}

int bg_prefix_parse(const char *text, struct bg_prefix *prefix, bool *had_host_bits)
{
	const char *slash = strchr(text, '/');
	size_t addr_bytes = slash ? (size_t)(slash - text) : strlen(text);
	struct bg_prefix parsed;
	char addr[BG_IP_TEXT];
	unsigned int most, length;
	bool had_bits;

	if (addr_bytes >= sizeof(addr))
		return -EINVAL;
	memcpy(addr, text, addr_bytes);
	addr[addr_bytes] = '\0';
	if (bg_addr_parse(addr, &parsed.addr))
		return -EINVAL;
	most = bg_addr_is_v4(&parsed.addr) ? 32 : 128;
	length = most;
	if (slash) {
		const char *digit = slash + 1;

		/* "/08" and "/+8" are somebody's mistake, not a length */
		if (!*digit || (digit[0] == '0' && digit[1]))
			return -EINVAL;
		for (length = 0; *digit; digit++) {
			if (*digit < '0' || *digit > '9')
				return -EINVAL;
			length = length * 10 + (unsigned int)(*digit - '0');
			if (length > most)
				return -EINVAL;
		}
	}
	parsed.length = (__u8)(128 - most + length);
	had_bits = mask_addr(&parsed.addr, parsed.length);
	if (had_host_bits)
		*had_host_bits = had_bits;
	*prefix = parsed;
	return 0;
}

const char *bg_addr_format(const struct bg_addr *addr, char *text)
{
	bool v4 = bg_addr_is_v4(addr);

	if (!inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? &addr->word[3] : addr->word, text, BG_IP_TEXT))
		text[0] = '\0';
	return text;
}

const char *bg_prefix_format(const struct bg_prefix *prefix, char *text)
{
	size_t used;

	bg_addr_format(&prefix->addr, text);
	used = strlen(text);
	snprintf(text + used, BG_IP_TEXT - used, "/%d",
		 prefix->length - (bg_addr_is_v4(&prefix->addr) ? BG_V4_BITS : 0));
	return text;
}

bool bg_prefix_has(const struct bg_prefix *prefix, const struct bg_addr *addr)
{
	struct bg_addr masked = *addr;

	/* ::/0 is every IPv6 address, and no mapped one */
	if (bg_addr_is_v4(&prefix->addr) && prefix->length >= BG_V4_BITS) {
		if (!bg_addr_is_v4(addr))
			return false;
	} else if (bg_addr_is_v4(addr)) {
		return false;
	}
	mask_addr(&masked, prefix->length);
	return !memcmp(&masked, &prefix->addr, sizeof(masked));
}

int bg_prefix_compare(const struct bg_prefix *a, const struct bg_prefix *b)
{
	int order = memcmp(&a->addr, &b->addr, sizeof(a->addr));

	return order ? order : (a->length > b->length) - (a->length < b->length);
}
