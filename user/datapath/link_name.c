// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the pin of a link says, and whether the kernel says the same. attach.c pins, finds
 * and adopts links by it; nothing is opened or taken away here.
 */
#include "datapath/link_name.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* bpffs reserves dots, which become '_'; the ifindex keeps pins of names that differ only
 * in that apart. */
const char *bg_link_name(const struct bg_attachment *attachment, char name[BG_LINK_NAME_BYTES])
{
	const bool is_stray = attachment->program == BG_PROGRAMS;
	char interface[sizeof(attachment->interface)];

	snprintf(interface, sizeof(interface), "%s", attachment->interface);
	for (char *c = interface; *c; c++)
		if (*c == '.')
			*c = '_';
	snprintf(name, BG_LINK_NAME_BYTES, "%s-%u-%s", interface, attachment->ifindex,
		 is_stray ? attachment->stray : bg_program_name(attachment->program));
	return name;
}

/* All digits, as they are written above; 0: they are not. */
static __u32 parse_ifindex(const char *text, const char *end)
{
	unsigned long long ifindex = 0;

	if (*text == '0')
		return 0;
	for (; text < end; text++) {
		if (*text < '0' || *text > '9')
			return 0;
		ifindex = ifindex * 10 + (unsigned int)(*text - '0');
		if (ifindex > INT32_MAX)
			return 0;
	}
	return (__u32)ifindex;
}

static int parse_program(const char *name, struct bg_attachment *attachment)
{
	for (int program = 0; program < BG_PROGRAMS; program++) {
		if (!strcmp(name, bg_program_name(program))) {
			attachment->program = program;
			return 0;
		}
	}
	if (!*name || strlen(name) >= sizeof(attachment->stray))
		return -EINVAL;
	attachment->program = BG_PROGRAMS;
	snprintf(attachment->stray, sizeof(attachment->stray), "%s", name);
	return 0;
}

/* Names of interfaces may have dashes of their own. */
int bg_link_name_parse(const char *name, struct bg_attachment *attachment)
{
	const char *last = strrchr(name, '-'), *middle;
	__u32 ifindex;

	if (!last || last == name)
		return -EINVAL;
	for (middle = last - 1; middle > name && *middle != '-'; middle--)
		;
	if (middle == name || middle - name >= (long)sizeof(attachment->interface))
		return -EINVAL;
	ifindex = parse_ifindex(middle + 1, last);
	if (!ifindex || parse_program(last + 1, attachment))
		return -EINVAL;
	snprintf(attachment->interface, sizeof(attachment->interface), "%.*s", (int)(middle - name),
		 name);
	attachment->ifindex = ifindex;
	return 0;
}

enum bg_link_fate bg_link_fate(const char *name, int rc, __u32 ifindex,
			       struct bg_attachment *attachment)
{
	struct bg_attachment said = *attachment;

	/* to unpin it is to take it away: only when the link itself says that it is dead */
	if (rc && rc != -EINVAL)
		return BG_LINK_UNKNOWN;
	if (!rc && !ifindex)
		return BG_LINK_DEAD;
	if (rc || bg_link_name_parse(name, &said) || said.ifindex != ifindex)
		return BG_LINK_STRANGE;
	said.by = BG_ATTACH_TCX;
	if (said.program != BG_PROGRAMS && bg_program_hook(said.program) == BG_HOOK_XDP)
		said.by = BG_ATTACH_XDP;
	*attachment = said;
	return BG_LINK_ADOPTED;
}
