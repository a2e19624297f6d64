/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where `follow` puts the feed, and what it says of itself beside it, as `publish` does. */
#ifndef BG_FLEET_FEED_OUT_H
#define BG_FLEET_FEED_OUT_H

#include <stdbool.h>

#include <linux/types.h>

#include "base/error.h"
#include "base/json_writer.h"

/*
 * Replaces a file as a whole, by PATH.new beside it and one rename, and has both on the disk
 * before it returns: after a loss of power there is the old one or the new one.
 */
int bg_feed_put(const char *path, const char *text, size_t length_bytes, struct bg_error *err);

/* The feed that stands there, if the daemon would take it and it is this node's; its revision is
 * the caller's. -ENOENT: there is none. */
int bg_feed_there(const char *path, const char *node, char **text, size_t *length_bytes,
		  char **revision, struct bg_error *err);

struct bg_follow_state {
	const char *node, *source, *output;
	const char *revision; /* of the feed that stands in `output`; NULL: there is none */
	__u64 since_ns;	      /* realtime: when this process put it there, or found it */
	__u64 stale_since_ns; /* realtime: since then the parts make no feed; 0 = they do */
	const char *reason;   /* why they do not */
};

/* What is known now, as JSON, in the place of this file. */
int bg_follow_state_put(const char *path, const struct bg_follow_state *state,
			struct bg_error *err);

/* --- for the state of `publish`, too --- */

/* As bg_feed_put(), but what is lost with the power is written anew soon. */
int bg_state_put(const char *path, const struct bg_json_writer *state, struct bg_error *err);
void bg_state_time(struct bg_json_writer *state, const char *key, __u64 realtime_ns);

#endif
