// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Small things that every part of the feed parser needs. */
#include "feed_private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int bg_feed_no_memory(struct bg_feed_reader *reader)
{
	return bg_fail(reader->json.err, -ENOMEM, "%s: out of memory while reading the feed",
		       reader->json.name);
}

int bg_feed_grow(struct bg_feed_reader *reader, void *items, size_t *room, size_t count,
		 size_t item_bytes)
{
	size_t wanted = *room ? *room * 2 : 8;
	void **array = items, *grown;

	if (count < *room)
		return 0;
	grown = reallocarray(*array, wanted, item_bytes);
	if (!grown)
		return bg_feed_no_memory(reader);
	*array = grown;
	*room = wanted;
	return 0;
}

int bg_feed_copy(struct bg_feed_reader *reader, char **copy, const char *text)
{
	*copy = strdup(text);
	return *copy ? 0 : bg_feed_no_memory(reader);
}

int bg_feed_warn(struct bg_feed_reader *reader, const struct bg_at *at, const char *format, ...)
{
	struct bg_model *model = reader->model;
	char pointer[BG_POINTER_TEXT];
	struct bg_warning *warning;
	va_list args;
	int rc;

	rc = bg_feed_grow(reader, &model->warnings, &reader->warnings_room, model->warning_count,
			  sizeof(*warning));
	if (rc)
		return rc;
	warning = &model->warnings[model->warning_count];
	warning->pointer = strdup(bg_at_format(at, pointer, false));
	va_start(args, format);
	if (vasprintf(&warning->text, format, args) < 0)
		warning->text = NULL;
	va_end(args);
	if (!warning->pointer || !warning->text) {
		free(warning->pointer);
		free(warning->text);
		return bg_feed_no_memory(reader);
	}
	model->warning_count++;
	return 0;
}

static bool in_list(const char *key, const char *const *list)
{
	for (; list && *list; list++)
		if (!strcmp(key, *list))
			return true;
	return false;
}

int bg_feed_check_keys(struct bg_feed_reader *reader, const struct bg_at *at, const json_t *object,
		       const char *const *known, const char *const *ignored)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)object, key, value) {
		struct bg_at here = { .parent = at, .key = key };
		char pattern[BG_POINTER_TEXT];

		if (in_list(key, known) || in_list(key, ignored))
			continue;
		bg_at_format(&here, pattern, true);
		if (json_object_get(reader->unknown_keys, pattern))
			continue;
		if (json_object_set_new(reader->unknown_keys, pattern, json_true()))
			return bg_feed_no_memory(reader);
		if (bg_feed_warn(reader, &here, "unknown key, ignored"))
			return -ENOMEM;
	}
	return 0;
}

int bg_feed_prefix(struct bg_feed_reader *reader, const struct bg_at *at, const json_t *value,
		   struct bg_prefix *prefix)
{
	char text[BG_IP_TEXT];
	bool had_host_bits;

	if (!json_is_string(value) ||
	    bg_prefix_parse(json_string_value(value), prefix, &had_host_bits))
		return bg_json_expected(&reader->json, at,
					"a CIDR such as 10.0.0.0/16 or 2001:db8::/48", value);
	if (!had_host_bits)
		return 0;
	return bg_feed_warn(reader, at, "%s has bits behind its prefix length, taken as %s",
			    json_string_value(value), bg_prefix_format(prefix, text));
}

int bg_feed_addr(struct bg_feed_reader *reader, const struct bg_at *at, const json_t *value,
		 struct bg_addr *addr)
{
	if (!json_is_string(value) || bg_addr_parse(json_string_value(value), addr))
		return bg_json_expected(&reader->json, at, "an IPv4 or IPv6 address", value);
	return 0;
}

int bg_feed_protocol(struct bg_feed_reader *reader, const struct bg_at *at, const json_t *value,
		     int *protocol)
{
	static const struct {
		const char *name;
		int number;
	} names[] = { { "-1", -1 }, { "tcp", 6 }, { "udp", 17 }, { "icmp", 1 }, { "icmpv6", 58 } };
	const char *text = json_is_string(value) ? json_string_value(value) : "";
	int number = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(text, names[i].name)) {
			*protocol = names[i].number;
			return 0;
		}
	}
	for (const char *digit = text; *digit && number < 256; digit++)
		number = *digit < '0' || *digit > '9' ? 256 : number * 10 + (*digit - '0');
	if (!*text || number > 255)
		return bg_json_expected(
			&reader->json, at,
			"\"tcp\", \"udp\", \"icmp\", \"icmpv6\", \"-1\" or a protocol number as a string",
			value);
	*protocol = number;
	return 0;
}

int bg_feed_group(struct bg_feed_reader *reader, const char *id, size_t *group)
{
	const json_t *found = json_object_get(reader->group_index, id);
	struct bg_model *model = reader->model;
	struct bg_group *made;
	int rc;

	if (found) {
		*group = (size_t)json_integer_value(found);
		return 0;
	}
	rc = bg_feed_grow(reader, &model->groups, &reader->groups_room, model->group_count,
			  sizeof(*made));
	if (rc)
		return rc;
	made = &model->groups[model->group_count];
	*made = (struct bg_group){};
	rc = bg_feed_copy(reader, &made->id, id);
	if (rc)
		return rc;
	*group = model->group_count++;
	if (json_object_set_new(reader->group_index, id, json_integer((json_int_t)*group)))
		return bg_feed_no_memory(reader);
	return 0;
}

static int compare_positions(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;

	return (x > y) - (x < y);
}

int bg_feed_groups(struct bg_feed_reader *reader, const struct bg_at *at, const json_t *array,
		   size_t **groups, size_t *count)
{
	size_t length = json_array_size(array), kept = 0;
	size_t *positions = calloc(length ? length : 1, sizeof(*positions));
	int rc = 0;

	if (!positions)
		return bg_feed_no_memory(reader);
	for (size_t i = 0; i < length && !rc; i++) {
		struct bg_at here = { .parent = at, .index = i };
		const char *id;

		rc = bg_json_is_string(&reader->json, &here, json_array_get(array, i), &id);
		if (!rc)
			rc = bg_feed_group(reader, id, &positions[i]);
		if (!rc && !reader->model->groups[positions[i]].known)
			rc = bg_feed_warn(reader, &here,
					  "group %s is not in the feed: it allows nothing", id);
	}
	if (rc) {
		free(positions);
		return rc;
	}
	qsort(positions, length, sizeof(*positions), compare_positions);
	for (size_t i = 0; i < length; i++)
		if (!kept || positions[kept - 1] != positions[i])
			positions[kept++] = positions[i];
	*groups = positions;
	*count = kept;
	return 0;
}
