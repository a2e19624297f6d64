/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The feed that `follow` keeps in its output, whatever its source is, and what it tells of it. */
#ifndef BG_FLEET_FEED_KEPT_H
#define BG_FLEET_FEED_KEPT_H

#include "base/error.h"
#include "base/json_writer.h"
#include "fleet/parts/part.h"
#include "source/file_watch.h"

struct bg_follow {
	const char *source; /* a directory, a URL, or what begins with k8s: */
	const char *node, *output;
	const char *state; /* NULL: nowhere */
};

/* All 0 but for `wanted` at first. */
struct bg_kept {
	const struct bg_follow *wanted;

	char *text; /* of the last whole feed; NULL: there was none yet */
	size_t length_bytes;
	char revision[BG_PART_HASH_TEXT];
	struct bg_file_stamp put; /* the output as we left it */

	char *there; /* the revision of what stands in the output; NULL: nothing */
	__u64 since_ns, stale_since_ns;
	double stale_ms;      /* the same by CLOCK_MONOTONIC */
	struct bg_error told; /* why what there is is stale; "" = it is not, or nobody knows yet */
};

/* What a process before left in the output: it stays until there is a better one. */
void bg_kept_find(struct bg_kept *kept);
/* *feed is what the output should have from now on. */
int bg_kept_take(struct bg_kept *kept, const struct bg_json_writer *feed, struct bg_error *err);
/* Puts it there, if it is not; somebody may have changed it. Fails when that cannot be. */
int bg_kept_put(struct bg_kept *kept, struct bg_error *err);

/* What there is is out of date, and stays; it is told when that has been so for a second: then call
 * again, if it still is, at the time that this returns (0: it is told). */
double bg_kept_hold(struct bg_kept *kept, const struct bg_error *err);
/* It is what it should be. */
void bg_kept_whole(struct bg_kept *kept);
/* Writes the state, now and then. */
void bg_kept_tell(const struct bg_kept *kept);
void bg_kept_release(struct bg_kept *kept);

#endif
