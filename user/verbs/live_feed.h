/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is in force in a running datapath beyond what the pinned maps hold: names, groups of
 * others, prefix lists. Verdicts never come from it. */
#ifndef BG_VERBS_LIVE_FEED_H
#define BG_VERBS_LIVE_FEED_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>

#include "feed/model.h"

enum bg_feed_match { BG_FEED_UNKNOWN, BG_FEED_IN_FORCE, BG_FEED_DIFFERS };

struct bg_live_feed {
	char path[PATH_MAX]; /* "": not known */
	enum bg_feed_match match;
	bool model_is_in_force;
	char note[2304]; /* what does not hold, or ""  */
};

/* The model by bg_feed_parse_all(), with modes as they are in force, or NULL: *feed says
 * why. */
struct bg_model *bg_live_feed_read(const char *pin_dir, struct bg_live_feed *feed);

/* A line if there is a note; {"Path", "InForce"}, or null when there is no path. */
void bg_live_feed_print(const struct bg_live_feed *feed);
json_t *bg_live_feed_json(const struct bg_live_feed *feed);

#endif
