// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A verdict of what is in force is nothing where no program gives it. Of `explain --live`: it
 * looks at what is attached and only warns; the answer stays that of the program.
 */
#include "verbs/live_gaps.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "pinned/home.h"
#include "pinned/maps_open.h"
#include "show/status.h"
#include "show/status_hooks.h"

#define NAMED 3

void bg_live_gaps_warn(const char *pin_dir)
{
	bg_cleanup(bg_maps_close) struct bg_maps maps = { .control_fd = -1 };
	bg_cleanup(bg_status_free) struct bg_status status = {};
	struct bg_error unseen;

	/* elsewhere the same ifindex is another interface */
	if (bg_home_check(pin_dir, &unseen) || bg_maps_open(pin_dir, &maps, &unseen) ||
	    bg_status_read_hooks(&maps, &status, &unseen))
		return;
	for (size_t i = 0; i < status.gap_count && i < NAMED; i++)
		fprintf(stderr,
			"branchguard explain: %s is missing at %s: what passes there is NOT "
			"judged, whatever the answer\n",
			status.gaps[i].program, status.gaps[i].interface);
	if (status.gap_count > NAMED)
		fprintf(stderr, "branchguard explain: and %zu more programs are missing\n",
			status.gap_count - NAMED);
}
