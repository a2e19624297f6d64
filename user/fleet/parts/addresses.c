// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Addresses of members as lists of texts, and what is done with sorted lists of them.
 * group_members.c calls it, and what makes and assembles parts. It knows no groups.
 */
#include "fleet/parts/addresses.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/grow.h"

/* An address and its length */
#define PACKED_BYTES 17

void bg_addresses_release(struct bg_gathered_members *members)
{
	free(members->prefixes);
	*members = (struct bg_gathered_members){};
}

json_t *bg_addresses_json(const struct bg_prefix *prefixes, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < count; i++) {
		char text[BG_IP_TEXT];

		if (prefixes[i].length == 128)
			bg_addr_format(&prefixes[i].addr, text);
		else
			bg_prefix_format(&prefixes[i], text);
		if (json_array_append_new(list, json_string(text))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

int bg_addresses_read(const json_t *list, struct bg_gathered_members *members)
{
	const json_t *text;
	size_t i;

	if (!json_is_array(list))
		return -EINVAL;
	json_array_foreach (list, i, text) {
		struct bg_prefix prefix, *added;
		bool host_bits = false;

		if (!json_is_string(text) ||
		    strlen(json_string_value(text)) != json_string_length(text) ||
		    bg_prefix_parse(json_string_value(text), &prefix, &host_bits) || host_bits)
			return -EINVAL;
		if (members->count &&
		    bg_prefix_compare(&members->prefixes[members->count - 1], &prefix) >= 0)
			return -EINVAL;
		added = BG_GROW(members->prefixes, members->count);
		if (!added)
			return -ENOMEM;
		*added = prefix;
	}
	return 0;
}

const char *bg_addresses_hash(const struct bg_gathered_members *members,
			      char hash[BG_PART_HASH_TEXT])
{
	bg_auto_free unsigned char *packed = malloc(members->count * PACKED_BYTES + 1);

	if (!packed)
		return NULL;
	for (size_t i = 0; i < members->count; i++) {
		memcpy(packed + i * PACKED_BYTES, &members->prefixes[i].addr, PACKED_BYTES - 1);
		packed[i * PACKED_BYTES + PACKED_BYTES - 1] = members->prefixes[i].length;
	}
	return bg_part_digest(packed, members->count * PACKED_BYTES, hash);
}

static int by_prefix(const void *a, const void *b)
{
	return bg_prefix_compare(a, b);
}

bool bg_addresses_have(const struct bg_gathered_members *members, const struct bg_prefix *prefix)
{
	return members->count &&
	       bsearch(prefix, members->prefixes, members->count, sizeof(*prefix), by_prefix);
}

int bg_addresses_without(const struct bg_gathered_members *some,
			 const struct bg_gathered_members *others, struct bg_gathered_members *rest)
{
	for (size_t i = 0, k = 0; i < some->count; i++) {
		const struct bg_prefix *prefix = &some->prefixes[i];
		struct bg_prefix *added;
		int order = 1;

		while (k < others->count &&
		       (order = bg_prefix_compare(&others->prefixes[k], prefix)) < 0)
			k++;
		if (k < others->count && !order)
			continue;
		added = BG_GROW(rest->prefixes, rest->count);
		if (!added)
			return -ENOMEM;
		*added = *prefix;
	}
	return 0;
}

/* Both in one list, in order; -EINVAL when one is in both. */
static int merge(const struct bg_gathered_members *one, const struct bg_gathered_members *other,
		 struct bg_gathered_members *both)
{
	size_t i = 0, k = 0;

	while (i < one->count || k < other->count) {
		int order = i == one->count ? 1
			    : k == other->count
				    ? -1
				    : bg_prefix_compare(&one->prefixes[i], &other->prefixes[k]);
		struct bg_prefix *added = order ? BG_GROW(both->prefixes, both->count) : NULL;

		if (!added)
			return order ? -ENOMEM : -EINVAL;
		*added = order < 0 ? one->prefixes[i++] : other->prefixes[k++];
	}
	return 0;
}

int bg_addresses_change(struct bg_gathered_members *members,
			const struct bg_gathered_members *changed, bool adds)
{
	struct bg_gathered_members result = {};
	int rc = adds ? merge(members, changed, &result)
		      : bg_addresses_without(members, changed, &result);

	if (!rc && !adds && members->count - result.count != changed->count)
		rc = -EINVAL;
	if (rc) {
		bg_addresses_release(&result);
		return rc;
	}
	bg_addresses_release(members);
	*members = result;
	return 0;
}
