// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Tables of numbers and their names, and the search in them both ways. Whatever prints
 * or reads such a name calls it, so that text, JSON and options spell it alike.
 */
#include "base/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol.h"

static const struct {
	const char *name, *meaning;
} reasons[BG_REASON_MAX] = {
#define X(number, NAME, reason_name, reason_meaning) [number] = { reason_name, reason_meaning },
	BG_REASONS(X)
#undef X
};

const char *bg_reason_name(unsigned int reason)
{
	return reason < BG_REASON_MAX ? reasons[reason].name : NULL;
}

const char *bg_reason_meaning(unsigned int reason)
{
	return bg_reason_name(reason) ? reasons[reason].meaning : "";
}

int bg_reason_find(const char *name)
{
	for (int i = 0; i < BG_REASON_MAX; i++) {
		if (reasons[i].name && !strcmp(reasons[i].name, name))
			return i;
	}
	return -1;
}

const char *bg_direction_name(unsigned int direction)
{
	static const char *const names[] = { [BG_INGRESS] = "ingress", [BG_EGRESS] = "egress" };

	return direction < sizeof(names) / sizeof(names[0]) ? names[direction] : "unknown";
}

const char *bg_mode_name(unsigned int mode)
{
	static const char *const names[] = { [BG_STRICT] = "strict", [BG_STANDARD] = "standard" };

	return mode < sizeof(names) / sizeof(names[0]) ? names[mode] : "unknown";
}

static const struct {
	int number;
	const char *name;
} protocols[] = {
	{ -1, "all" },
	{ IPPROTO_TCP, "tcp" },
	{ IPPROTO_UDP, "udp" },
	{ IPPROTO_ICMP, "icmp" },
	{ IPPROTO_ICMPV6, "icmpv6" },
};

#define PROTOCOLS (sizeof(protocols) / sizeof(protocols[0]))

const char *bg_protocol_format(int protocol, char *text)
{
	for (size_t i = 0; i < PROTOCOLS; i++) {
		if (protocols[i].number == protocol) {
			snprintf(text, BG_PROTOCOL_TEXT, "%s", protocols[i].name);
			return text;
		}
	}
	snprintf(text, BG_PROTOCOL_TEXT, "%d", protocol);
	return text;
}

int bg_protocol_parse(const char *text)
{
	unsigned long number;
	char *end;

	for (size_t i = 0; i < PROTOCOLS; i++) {
		if (!strcmp(protocols[i].name, text))
			return protocols[i].number;
	}
	if (text[0] < '0' || text[0] > '9' || strlen(text) > 3)
		return -2;
	number = strtoul(text, &end, 10);
	return *end || number > 255 ? -2 : (int)number;
}
