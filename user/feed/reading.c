// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What every part of the parser calls: warnings, so many of a kind, and values that more
 * than one part has: prefixes, addresses, protocols. It knows no key of the document.
 */
#include "feed/reading.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "feed/near_key.h"
#include "protocol.h"

char *bg_text_dup(struct bg_text text)
{
	return strndup(text.bytes, text.length);
}

int bg_noted(struct bg_feed *feed, int rc, const struct bg_error *err)
{
	if (rc != -EINVAL)
		return rc;
	return bg_problems_add_error(&feed->errors, err, (struct bg_place){});
}

/* --- warnings --- */

static int warn(struct bg_feed *feed, enum bg_warning_kind kind, const char *pointer,
		const char *format, va_list args)
{
	char text[512];

	if (feed->warnings_of[kind]++ >= BG_WARNINGS_OF_A_KIND)
		return 0;
	vsnprintf(text, sizeof(text), format, args);
	return bg_model_warn(feed->model, pointer, "%s", text);
}

int bg_warn_pointer(struct bg_feed *feed, enum bg_warning_kind kind, const char *pointer,
		    const char *format, ...)
{
	va_list args;
	int rc;

	va_start(args, format);
	rc = warn(feed, kind, pointer, format, args);
	va_end(args);
	return rc;
}

int bg_warn(struct bg_feed *feed, enum bg_warning_kind kind, const struct bg_at *at,
	    const char *format, ...)
{
	char pointer[BG_POINTER_TEXT];
	va_list args;
	int rc;

	if (feed->warnings_of[kind] >= BG_WARNINGS_OF_A_KIND) {
		feed->warnings_of[kind]++;
		return 0;
	}
	bg_at_format(at, false, pointer);
	va_start(args, format);
	rc = warn(feed, kind, pointer, format, args);
	va_end(args);
	return rc;
}

static const char *const kinds[BG_WARN_KINDS] = {
	[BG_WARN_UNKNOWN_KEY] = "unknown keys",
	[BG_WARN_HOST_BITS] = "CIDRs with bits behind their length",
	[BG_WARN_REFERENCE] = "references that resolve to nothing",
	[BG_WARN_GROUP] = "groups that are not in the feed",
	[BG_WARN_RULE] = "rules",
	[BG_WARN_BRANCH] = "branches and pods",
	[BG_WARN_CLAIM] = "what is claimed twice",
};

int bg_warn_rest(struct bg_feed *feed)
{
	int rc = 0;

	for (size_t i = 0; i < feed->unknown_count && !rc; i++) {
		const struct bg_unknown *unknown = &feed->unknown[i];

		if (unknown->count > 1)
			rc = bg_warn_pointer(feed, BG_WARN_UNKNOWN_KEY, unknown->pointer,
					     "unknown key, ignored; %zu in all as %s",
					     unknown->count, unknown->pattern);
		else
			rc = bg_warn_pointer(feed, BG_WARN_UNKNOWN_KEY, unknown->pointer,
					     "unknown key, ignored");
	}
	feed->warnings_of[BG_WARN_UNKNOWN_KEY] += feed->unknown_more;
	for (int kind = 0; kind < BG_WARN_KINDS && !rc; kind++) {
		if (feed->warnings_of[kind] <= BG_WARNINGS_OF_A_KIND)
			continue;
		rc = bg_model_warn(feed->model, "", "%zu more warnings of %s",
				   feed->warnings_of[kind] - BG_WARNINGS_OF_A_KIND, kinds[kind]);
	}
	return rc;
}

static int on_unknown_key(void *context, const struct bg_at *at)
{
	struct bg_feed *feed = context;
	char pattern[BG_POINTER_TEXT], pointer[BG_POINTER_TEXT];
	struct bg_unknown *unknown;
	const size_t *known;

	feed->unknown_keys++;
	bg_at_format(at, true, pattern);
	known = bg_dict_find(&feed->unknown_by_pattern, pattern, strlen(pattern));
	if (known) {
		feed->unknown[*known].count++;
		return 0;
	}
	if (feed->unknown_count == BG_WARNINGS_OF_A_KIND) {
		feed->unknown_more++;
		return 0;
	}
	unknown = BG_GROW(feed->unknown, feed->unknown_count);
	if (!unknown)
		return -ENOMEM;
	unknown->count = 1;
	unknown->pattern = strdup(pattern);
	unknown->pointer = strdup(bg_at_format(at, false, pointer));
	if (!unknown->pattern || !unknown->pointer)
		return -ENOMEM;
	return bg_dict_put(&feed->unknown_by_pattern, unknown->pattern, strlen(pattern),
			   feed->unknown_count - 1, NULL)
		       ? 0
		       : -ENOMEM;
}

static bool has_key(const struct bg_shape *shape, struct bg_text key)
{
	for (size_t i = 0; shape->keys[i]; i++)
		if (bg_text_is(key, shape->keys[i]))
			return true;
	return false;
}

/* A key that the object does not have, and that looks like one that is absent. */
static int note_near_keys(struct bg_feed *feed, const struct bg_json *value, const struct bg_at *at,
			  struct bg_fields *fields, struct bg_error *err)
{
	const struct bg_shape *shape = fields->shape;
	char pointer[BG_POINTER_TEXT];

	for (const struct bg_json *child = value->first; child; child = child->next) {
		const struct bg_at key = { .up = at, .key = child->key };

		if (has_key(shape, child->key))
			continue;
		for (size_t i = 0; i < shape->used; i++) {
			if (fields->values[i] || !bg_key_is_near(child->key, shape->keys[i]))
				continue;
			bg_fail_at(err, bg_at_format(&key, false, pointer),
				   "found an unknown key, expected \"%s\", which it looks like",
				   shape->keys[i]);
			if (bg_noted(feed, -EINVAL, err))
				return bg_no_memory(err, BG_READING);
			if (child->type != BG_JSON_NULL)
				fields->values[i] = child;
			break;
		}
	}
	return 0;
}

int bg_feed_fields(struct bg_feed *feed, const struct bg_json *value, const struct bg_at *at,
		   enum bg_object object, struct bg_fields *fields, struct bg_error *err)
{
	const size_t unknown_before = feed->unknown_keys;
	int rc = bg_json_fields(value, at, &bg_objects[object].shape, on_unknown_key, feed, fields,
				err);

	if (rc || feed->unknown_keys == unknown_before)
		return rc;
	return note_near_keys(feed, value, at, fields, err);
}

/* --- addresses and protocols --- */

static bool family_fits(enum bg_family family, const struct bg_addr *addr, bool v4_length)
{
	if (family == BG_ANY_FAMILY)
		return true;
	return (family == BG_IPV4) == (bg_addr_is_v4(addr) && v4_length);
}

int bg_feed_prefix(struct bg_feed *feed, const struct bg_json *value, const struct bg_at *at,
		   enum bg_family family, struct bg_prefix *prefix, struct bg_error *err)
{
	static const char *const expected[] = {
		[BG_ANY_FAMILY] = "a CIDR such as 10.0.0.0/16 or 2001:db8::/48",
		[BG_IPV4] = "an IPv4 CIDR such as 10.0.0.0/16",
		[BG_IPV6] = "an IPv6 CIDR such as 2001:db8::/48",
	};
	char text[BG_IP_TEXT], now[BG_IP_TEXT];
	bool had_host_bits;

	if (value->type != BG_JSON_STRING || !bg_text_copy(value->text, text, sizeof(text)) ||
	    bg_prefix_parse(text, prefix, &had_host_bits) ||
	    !family_fits(family, &prefix->addr, prefix->length >= BG_V4_BITS))
		return bg_json_unexpected(value, at, expected[family], err);
	if (had_host_bits &&
	    bg_warn(feed, BG_WARN_HOST_BITS, at, "%s has bits behind its length, taken as %s", text,
		    bg_prefix_format(prefix, now)))
		return bg_no_memory(err, BG_READING);
	return 0;
}

int bg_feed_addr(const struct bg_json *value, const struct bg_at *at, enum bg_family family,
		 struct bg_addr *addr, struct bg_error *err)
{
	static const char *const expected[] = {
		[BG_ANY_FAMILY] = "an IPv4 or IPv6 address",
		[BG_IPV4] = "an IPv4 address",
		[BG_IPV6] = "an IPv6 address",
	};
	char text[BG_IP_TEXT];

	if (value->type != BG_JSON_STRING || !bg_text_copy(value->text, text, sizeof(text)) ||
	    bg_addr_parse(text, addr) || !family_fits(family, addr, true))
		return bg_json_unexpected(value, at, expected[family], err);
	return 0;
}

int bg_feed_protocol(const struct bg_json *value, const struct bg_at *at, bool all, int *protocol,
		     struct bg_error *err)
{
	static const struct {
		const char *name;
		int number;
	} names[] = { { "tcp", IPPROTO_TCP },
		      { "udp", IPPROTO_UDP },
		      { "icmp", IPPROTO_ICMP },
		      { "icmpv6", IPPROTO_ICMPV6 } };
	struct bg_json number = { .type = BG_JSON_NUMBER, .text = value->text };

	if (value->type == BG_JSON_STRING) {
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			if (bg_text_is(value->text, names[i].name)) {
				*protocol = names[i].number;
				return 0;
			}
		}
	}
	if ((value->type == BG_JSON_STRING || value->type == BG_JSON_NUMBER) &&
	    value->text.length && value->text.bytes[value->text.length - 1] != '-' &&
	    (value->text.length == 1 || value->text.bytes[0] != '0') &&
	    bg_json_is_integer(&number, all ? -1 : 0, 255, protocol))
		return 0;
	return bg_json_unexpected(value, at,
				  all ? "\"-1\", \"tcp\", \"udp\", \"icmp\", \"icmpv6\" or a "
					"protocol number from 0 to 255"
				      : "\"tcp\", \"udp\", \"icmp\", \"icmpv6\" or a protocol "
					"number from 0 to 255",
				  err);
}
