// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Numbers, texts, addresses and arrays on the wire between the parser's process and the
 * daemon; wire.c makes the parts of the model of them. Each function writes or reads.
 */
#include "feed/wire_values.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "feed/reading.h"

/* As in wire.c. */
/* NOLINTBEGIN(clang-analyzer-core.*,clang-analyzer-optin.core.EnumCastOutOfRange) */

/* --- bytes ----------------------------------------------------------------- */

void bg_wire_fails(struct bg_wire *wire, int rc, const char *what)
{
	if (wire->rc)
		return;
	wire->rc = rc;
	wire->wrong = what;
}

void bg_wire_must(struct bg_wire *wire, bool condition, const char *what)
{
	if (!condition)
		bg_wire_fails(wire, wire->writes ? -EINVAL : -EPROTO, what);
}

void bg_wire_raw(struct bg_wire *wire, void *data, size_t length)
{
	if (wire->rc || !length)
		return;
	if (wire->writes) {
		if (BG_RESERVE(wire->bytes, wire->room, wire->at + length)) {
			bg_wire_fails(wire, -ENOMEM, "room");
			return;
		}
		memcpy(wire->bytes + wire->at, data, length);
	} else {
		if (wire->room - wire->at < length) {
			bg_wire_fails(wire, -EPROTO, "the end");
			return;
		}
		memcpy(data, wire->bytes + wire->at, length);
	}
	wire->at += length;
}

__u64 bg_wire_number(struct bg_wire *wire, __u64 value, __u64 least, __u64 most, const char *what)
{
	bg_wire_raw(wire, &value, sizeof(value));
	bg_wire_must(wire, value >= least && value <= most, what);
	return wire->rc ? least : value;
}

int bg_wire_integer(struct bg_wire *wire, int value, int least, int most, const char *what)
{
	bg_wire_raw(wire, &value, sizeof(value));
	bg_wire_must(wire, value >= least && value <= most, what);
	return wire->rc ? least : value;
}

void bg_wire_flag(struct bg_wire *wire, bool *value, const char *what)
{
	*value = bg_wire_integer(wire, *value, 0, 1, what) == 1;
}

void bg_wire_array(struct bg_wire *wire, void **entries, size_t *count, size_t entry_bytes,
		   size_t least_bytes, const char *what)
{
	size_t room = 1, counted;

	counted = bg_wire_number(wire, *count, 0, SIZE_MAX, what);
	if (wire->rc || wire->writes)
		return;
	bg_wire_must(wire, counted <= (wire->room - wire->at) / least_bytes, what);
	if (wire->rc || !counted)
		return;
	while (room < counted)
		room *= 2;
	*entries = calloc(room, entry_bytes);
	if (*entries)
		*count = counted;
	else
		bg_wire_fails(wire, -ENOMEM, what);
}

/* --- texts ----------------------------------------------------------------- */

/* Bytes of the character of UTF-8 at `text`, in its shortest form; 0 = there is none. */
static size_t character(const unsigned char *text, size_t left)
{
	static const struct {
		unsigned char mask, lead;
		__u32 least;
	} forms[] = { { 0x80, 0x00, 0 },
		      { 0xe0, 0xc0, 0x80 },
		      { 0xf0, 0xe0, 0x800 },
		      { 0xf8, 0xf0, 0x10000 } };

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		__u32 code = text[0] & (unsigned char)~forms[i].mask;

		if ((text[0] & forms[i].mask) != forms[i].lead)
			continue;
		if (i >= left)
			return 0;
		for (size_t k = 1; k <= i; k++) {
			if ((text[k] & 0xc0) != 0x80)
				return 0;
			code = code << 6 | (text[k] & 0x3f);
		}
		return code >= forms[i].least && code <= 0x10ffff ? i + 1 : 0;
	}
	return 0;
}

static bool is_text(const char *bytes, size_t length)
{
	for (size_t i = 0, step; i < length; i += step) {
		step = bytes[i] ? character((const unsigned char *)bytes + i, length - i) : 0;
		if (!step)
			return false;
	}
	return true;
}

void bg_wire_text(struct bg_wire *wire, char **value, const char *what)
{
	__u64 length = *value ? strlen(*value) : 0;

	bg_wire_raw(wire, &length, sizeof(length));
	if (!wire->writes) {
		bg_wire_must(wire, length <= wire->room - wire->at, what);
		if (wire->rc)
			return;
		*value = calloc(1, length + 1);
		if (!*value) {
			bg_wire_fails(wire, -ENOMEM, what);
			return;
		}
	}
	bg_wire_must(wire, *value, what);
	if (wire->rc)
		return;
	bg_wire_raw(wire, *value, length);
	bg_wire_must(wire, is_text(*value, length), what);
}

void bg_wire_words(struct bg_wire *wire, char **value, size_t least, size_t most, const char *what)
{
	bg_wire_text(wire, value, what);
	for (size_t i = 0; !wire->rc && (*value)[i]; i++)
		bg_wire_must(wire, (unsigned char)(*value)[i] >= ' ' && (*value)[i] != 0x7f, what);
	bg_wire_must(wire, wire->rc || (strlen(*value) >= least && strlen(*value) <= most), what);
}

void bg_wire_words_or_none(struct bg_wire *wire, char **value, const char *what)
{
	bool there = *value;

	bg_wire_flag(wire, &there, what);
	if (there)
		bg_wire_words(wire, value, 0, BG_TEXT_BYTES, what);
}

void bg_wire_interface(struct bg_wire *wire, char name[16], bool may_lack, const char *what)
{
	size_t length;

	bg_wire_raw(wire, name, 16);
	length = strnlen(name, 16);
	bg_wire_must(wire,
		     (!length && may_lack) ||
			     (length < 16 &&
			      bg_feed_name_is_valid((struct bg_text){ name, length })),
		     what);
	for (size_t i = length; i < 16; i++)
		bg_wire_must(wire, !name[i], what);
}

/* --- what is in many places -------------------------------------------------- */

void bg_wire_addresses(struct bg_wire *wire, struct bg_addr **list, size_t *count)
{
	bg_wire_array(wire, (void **)list, count, sizeof(**list), sizeof(**list), "addresses");
	bg_wire_raw(wire, *list, *count * sizeof(**list));
}

/* No bits behind the length. */
static bool is_tidy(const struct bg_prefix *prefix)
{
	if (prefix->length > 128)
		return false;
	for (size_t bit = prefix->length; bit < 128; bit++) {
		if (bit % 8 == 0) {
			if (prefix->addr.byte[bit / 8])
				return false;
			bit += 7;
		} else if (prefix->addr.byte[bit / 8] & (0x80 >> bit % 8)) {
			return false;
		}
	}
	return true;
}

void bg_wire_prefixes(struct bg_wire *wire, struct bg_prefix **list, size_t *count, bool sorted)
{
	bg_wire_array(wire, (void **)list, count, sizeof(**list), sizeof(**list), "prefixes");
	bg_wire_raw(wire, *list, *count * sizeof(**list));
	for (size_t i = 0; i < *count && !wire->rc; i++) {
		bg_wire_must(wire, is_tidy(&(*list)[i]), "a prefix");
		bg_wire_must(wire,
			     !sorted || !i || bg_prefix_compare(&(*list)[i - 1], &(*list)[i]) < 0,
			     "the order of prefixes");
	}
}

void bg_wire_group_list(struct bg_wire *wire, size_t **list, size_t *count, size_t groups)
{
	bg_wire_array(wire, (void **)list, count, sizeof(**list), sizeof(__u64), "groups");
	for (size_t i = 0; i < *count && !wire->rc; i++) {
		(*list)[i] = bg_wire_number(wire, (*list)[i], 0, groups - 1, "a group");
		bg_wire_must(wire, groups && (!i || (*list)[i] > (*list)[i - 1]),
			     "the order of groups");
	}
}

void bg_wire_timeouts(struct bg_wire *wire, struct bg_timeouts *timeouts)
{
	__u32 *value = (__u32 *)timeouts;

	for (size_t i = 0; i < sizeof(*timeouts) / sizeof(*value); i++)
		value[i] = bg_wire_integer(wire, (int)value[i], 0, BG_MAX_TIMEOUT_S, "a time-out");
}

/* NOLINTEND(clang-analyzer-core.*,clang-analyzer-optin.core.EnumCastOutOfRange) */
