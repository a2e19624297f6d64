// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The decisions of `unload`. unload.c asks it before it changes anything; an answer that the
 * kernel did not give is neither "ours" nor "not ours".
 */
#include "daemon/unload_plan.h"

enum bg_unload_fate bg_unload_fate_of(const struct bg_unload_ours *ours,
				      const struct bg_unload_filter *filter)
{
	if (bg_ids_has(&ours->programs, filter->prog_id))
		return BG_UNLOAD_TAKEN;
	if (filter->program_rc)
		return filter->program_rc == -ENOENT ? BG_UNLOAD_LEFT : BG_UNLOAD_DOUBT;
	/* of an earlier build, which an interrupted upgrade may have left */
	for (size_t i = 0; i < filter->map_count; i++)
		if (bg_ids_has(&ours->maps, filter->maps[i]))
			return BG_UNLOAD_TAKEN;
	return BG_UNLOAD_LEFT;
}

size_t bg_unload_plan(const struct bg_unload_ours *ours, const struct bg_unload_filter *filters,
		      size_t count, enum bg_unload_fate *fates, size_t *first_doubt)
{
	size_t doubts = 0;

	for (size_t i = count; i-- > 0;) {
		fates[i] = bg_unload_fate_of(ours, &filters[i]);
		if (fates[i] != BG_UNLOAD_DOUBT)
			continue;
		doubts++;
		*first_doubt = i;
	}
	return doubts;
}

bool bg_unload_takes_qdisc(const struct bg_unload_ours *ours, __u32 ifindex, int filters_left)
{
	return !filters_left && bg_ids_has(&ours->qdiscs, ifindex);
}
