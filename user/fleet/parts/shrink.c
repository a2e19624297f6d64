// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Holds a sweep that lost too much: what EC2 or the API server left out by mistake looks like
 * what is gone. make.c calls it before anything is written. It counts, and decides no more.
 */
#include <errno.h>

#include "fleet/parts/make.h"

struct tally {
	json_int_t nodes, branches, groups;
};

static struct tally count(const struct bg_part_set *set)
{
	struct tally tally = {};

	for (size_t i = 0; i < set->count; i++) {
		const json_t *spec = set->part[i].spec;

		if (set->part[i].kind == BG_NODE_FEED) {
			tally.nodes++;
			tally.branches += (json_int_t)json_array_size(
				json_object_get(json_object_get(spec, "feed"), "Branches"));
		} else if (set->part[i].kind == BG_GROUP_FEED) {
			tally.groups += json_is_true(json_object_get(spec, "exists"));
		}
	}
	return tally;
}

static int check(const char *what, json_int_t before, json_int_t now, unsigned int most_percent,
		 struct bg_error *err)
{
	json_int_t lost = before - now;

	if (lost <= BG_SHRINK_ALWAYS || lost * 100 <= before * most_percent)
		return 0;
	return bg_fail(err, -ESTALE,
		       "held: %lld of %lld %s would be gone at once, more than %u %%: nothing was "
		       "written; if it is so, give a larger --max-shrink (100 lets all go)",
		       (long long)lost, (long long)before, what, most_percent);
}

int bg_parts_check_shrink(const struct bg_part_set *old, const struct bg_part_set *made,
			  const struct bg_members_tally *members, unsigned int max_shrink_percent,
			  struct bg_error *err)
{
	const struct tally before = count(old), now = count(made);

	return check("nodes", before.nodes, now.nodes, max_shrink_percent, err)
		       ?: check("branches", before.branches, now.branches, max_shrink_percent, err)
		       ?: check("groups", before.groups, now.groups, max_shrink_percent, err)
		       ?: check("members of groups", (json_int_t)members->before,
				(json_int_t)members->now, max_shrink_percent, err);
}
