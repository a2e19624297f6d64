// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What becomes of feeds that were put together, and of times in which none can be. The loops of
 * `follow`, follow_parts.c and following.c, call it. The feed that stands in the output it never
 * takes away.
 */
#include "fleet/feed_kept.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "fleet/feed_out.h"
#include "fleet/parts/assemble.h"

/* Parts that do not fit are told when they have not for so long: they are written one by one. */
#define TELL_MS 1000

void bg_kept_tell(const struct bg_kept *kept)
{
	const struct bg_follow_state state = {
		.node = kept->wanted->node,
		.source = kept->wanted->source,
		.output = kept->wanted->output,
		.revision = kept->there,
		.since_ns = kept->since_ns,
		.stale_since_ns = *kept->told.text ? kept->stale_since_ns : 0,
		.reason = kept->told.text,
	};
	struct bg_error err;

	if (kept->wanted->state && bg_follow_state_put(kept->wanted->state, &state, &err))
		bg_log(BG_LOG_WARNING, "the state cannot be written", "error=%s",
		       bg_quote(err.text));
}

static void set_there(struct bg_kept *kept, const char *revision)
{
	char *copy = strdup(revision);

	free(kept->there);
	kept->there = copy;
	kept->since_ns = bg_realtime_ns();
}

double bg_kept_hold(struct bg_kept *kept, const struct bg_error *err)
{
	const double now_ms = bg_monotonic_ms();

	if (!kept->stale_since_ns) {
		kept->stale_since_ns = bg_realtime_ns();
		kept->stale_ms = now_ms;
	}
	if (now_ms - kept->stale_ms < TELL_MS) {
		return kept->stale_ms + TELL_MS + 1;
	}
	if (!strcmp(kept->told.text, err->text))
		return 0;
	kept->told = *err;
	bg_log(BG_LOG_WARNING, "the parts make no feed: what there is stays",
	       "reason=%s stale_s=%.0f revision=%s", bg_quote(err->text),
	       (now_ms - kept->stale_ms) / 1000, bg_quote(kept->there ?: "none"));
	bg_kept_tell(kept);
	return 0;
}

void bg_kept_whole(struct bg_kept *kept)
{
	if (*kept->told.text)
		bg_log(BG_LOG_INFO, "the parts are whole again", "stale_s=%.0f revision=%s",
		       (bg_monotonic_ms() - kept->stale_ms) / 1000,
		       bg_quote(kept->there ?: "none"));
	kept->stale_since_ns = 0;
	if (*kept->told.text) {
		kept->told = (struct bg_error){};
		bg_kept_tell(kept);
	}
}

int bg_kept_take(struct bg_kept *kept, const struct bg_json_writer *feed, struct bg_error *err)
{
	char *text;

	if (kept->text && kept->length_bytes == feed->length_bytes &&
	    !memcmp(kept->text, feed->text, feed->length_bytes))
		return 0;
	text = malloc(feed->length_bytes);
	if (!text)
		return bg_no_memory(err, "following %s", kept->wanted->source);
	memcpy(text, feed->text, feed->length_bytes);
	free(kept->text);
	kept->text = text;
	kept->length_bytes = feed->length_bytes;
	bg_parts_revision(feed, kept->revision);
	kept->put = (struct bg_file_stamp){};
	return 0;
}

static void stamp_output(const struct bg_kept *kept, struct bg_file_stamp *stamp)
{
	struct stat now;

	*stamp = (struct bg_file_stamp){};
	if (!lstat(kept->wanted->output, &now))
		*stamp = (struct bg_file_stamp){ true,	      now.st_dev,  now.st_ino,
						 now.st_size, now.st_ctim, now.st_mtim };
}

int bg_kept_put(struct bg_kept *kept, struct bg_error *err)
{
	struct bg_file_stamp now;
	bool is_new = !kept->put.present;
	int rc;

	if (!kept->text)
		return 0;
	stamp_output(kept, &now);
	if (!is_new && bg_file_is_same(&now, &kept->put))
		return 0;
	rc = bg_feed_put(kept->wanted->output, kept->text, kept->length_bytes, err);
	if (rc)
		return rc;
	stamp_output(kept, &kept->put);
	set_there(kept, kept->revision);
	bg_log(is_new ? BG_LOG_INFO : BG_LOG_WARNING,
	       is_new ? "feed put together" : "the feed was not ours any more: written again",
	       "revision=%s bytes=%zu output=%s", bg_quote(kept->revision), kept->length_bytes,
	       bg_quote(kept->wanted->output));
	bg_kept_tell(kept);
	return 0;
}

void bg_kept_find(struct bg_kept *kept)
{
	struct bg_error err;
	char *revision = NULL;
	int rc = bg_feed_there(kept->wanted->output, kept->wanted->node, &kept->text,
			       &kept->length_bytes, &revision, &err);

	if (!rc) {
		set_there(kept, revision);
		snprintf(kept->revision, sizeof(kept->revision), "%.16s", revision);
		stamp_output(kept, &kept->put);
	} else if (rc != -ENOENT) {
		bg_log(BG_LOG_WARNING, "what stands in the output is no feed of this node",
		       "error=%s", bg_quote(err.text));
	}
	free(revision);
	bg_log(BG_LOG_INFO, "parts are followed", "source=%s node=%s output=%s revision=%s",
	       bg_quote(kept->wanted->source), bg_quote(kept->wanted->node),
	       bg_quote(kept->wanted->output), bg_quote(kept->there ?: "none"));
}

void bg_kept_release(struct bg_kept *kept)
{
	free(kept->text);
	free(kept->there);
}
