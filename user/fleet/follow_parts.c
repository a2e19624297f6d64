// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The loop of `follow`: looks at the parts when the directory says that something happened, and
 * now and then by itself; puts the feed in its place when they are whole, and else says so.
 * cmd_follow_parts.c calls it. The feed that stands there it never takes away, whatever it finds.
 */
#include "fleet/follow_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "fleet/feed_out.h"
#include "fleet/parts/assemble.h"
#include "fleet/parts_reader.h"

/* Looks even without an event: something further up on the way may be another one. */
#define TICK_MS 5000
/* After an event, so that what is written together is read together; */
#define SOON_MS 20
/* and not sooner after a look than so many times its own duration. */
#define REST_TIMES 5
/* Parts that do not fit are told when they have not for so long: they are written one by one. */
#define TELL_MS 1000
#define TRIES 3

#define EVENTS                                                                                     \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF |   \
	 IN_MOVE_SELF | IN_ONLYDIR)

/* In the folders in which the directory and the output stand: something else is there now. */
#define PLACE_EVENTS                                                                               \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ATTRIB |        \
	 IN_ONLYDIR | IN_MASK_ADD)

enum { LOOK, TICK };

struct following {
	const struct bg_follow *wanted;
	struct bg_loop loop;
	int inotify_fd, watch;
	struct bg_parts_reader reader; /* as it was when it was read; dir.fd -1: no directory */
	struct bg_error read;	       /* why that made no feed; "" = it did */
	double looked_ms, took_ms;

	char *text; /* of the last whole feed; NULL: there was none yet */
	size_t length_bytes;
	char revision[BG_PART_HASH_TEXT];
	struct bg_file_stamp put; /* the output as we left it */

	char *there; /* the revision of what stands in the output; NULL: nothing */
	__u64 since_ns, stale_since_ns;
	double stale_ms;      /* the same by CLOCK_MONOTONIC */
	struct bg_error told; /* why what there is is stale; "" = it is not, or nobody knows yet */
};

/* --- what is told --- */

static void put_state(struct following *following)
{
	const struct bg_follow_state state = {
		.node = following->wanted->node,
		.source = following->wanted->source,
		.output = following->wanted->output,
		.revision = following->there,
		.since_ns = following->since_ns,
		.stale_since_ns = *following->told.text ? following->stale_since_ns : 0,
		.reason = following->told.text,
	};
	struct bg_error err;

	if (following->wanted->state && bg_follow_state_put(following->wanted->state, &state, &err))
		bg_log(BG_LOG_WARNING, "the state cannot be written", "error=%s",
		       bg_quote(err.text));
}

static void set_there(struct following *following, const char *revision)
{
	char *copy = strdup(revision);

	free(following->there);
	following->there = copy;
	following->since_ns = bg_realtime_ns();
}

/* What stands in the output stays. */
static void hold(struct following *following, const struct bg_error *err)
{
	const double now_ms = bg_monotonic_ms();

	if (!following->stale_since_ns) {
		following->stale_since_ns = bg_realtime_ns();
		following->stale_ms = now_ms;
	}
	if (now_ms - following->stale_ms < TELL_MS) {
		bg_loop_sooner(&following->loop, LOOK, following->stale_ms + TELL_MS + 1);
		return;
	}
	if (!strcmp(following->told.text, err->text))
		return;
	following->told = *err;
	bg_log(BG_LOG_WARNING, "the parts make no feed: what there is stays",
	       "reason=%s stale_s=%.0f revision=%s", bg_quote(err->text),
	       (now_ms - following->stale_ms) / 1000, bg_quote(following->there ?: "none"));
	put_state(following);
}

static void whole(struct following *following)
{
	if (*following->told.text)
		bg_log(BG_LOG_INFO, "the parts are whole again", "stale_s=%.0f revision=%s",
		       (bg_monotonic_ms() - following->stale_ms) / 1000,
		       bg_quote(following->there ?: "none"));
	following->stale_since_ns = 0;
	if (*following->told.text) {
		following->told = (struct bg_error){};
		put_state(following);
	}
}

/* --- the directory --- */

static void leave_directory(struct following *following)
{
	if (following->watch >= 0)
		inotify_rm_watch(following->inotify_fd, following->watch);
	if (following->reader.dir.fd >= 0)
		close(following->reader.dir.fd);
	bg_parts_reader_release(&following->reader);
	following->watch = -1;
	following->reader.dir.fd = -1;
}

/* The one that stands at that path now. */
static int enter_directory(struct following *following, struct bg_error *err)
{
	int rc;

	if (bg_parts_dir_stands(&following->reader.dir))
		return 0;
	leave_directory(following);
	rc = bg_parts_dir_open(following->wanted->source, &following->reader.dir, err);
	if (rc)
		return rc;
	following->watch =
		inotify_add_watch(following->inotify_fd, following->wanted->source, EVENTS);
	if (following->watch < 0)
		bg_log(BG_LOG_WARNING,
		       "the directory cannot be watched: it is looked at now and then",
		       "source=%s error=%s", bg_quote(following->wanted->source),
		       bg_quote(strerror(errno)));
	return 0;
}

/* --- the feed --- */

/* What is read while others write may be of two times: then once more. */
static int read_feed(struct following *following, struct bg_json_writer *feed, struct bg_error *err)
{
	const struct bg_part_source source = bg_parts_reader_source(&following->reader);

	for (int i = 0; i < TRIES; i++) {
		int rc;

		bg_parts_reader_release(&following->reader);
		bg_json_clear(feed);
		rc = bg_parts_assemble(&source, following->wanted->node, false, feed, err);
		/* the stamps are enough from here on */
		bg_part_set_release(&following->reader.read);
		if (bg_parts_reader_is_current(&following->reader))
			return rc;
	}
	bg_loop_sooner(&following->loop, LOOK, bg_monotonic_ms() + SOON_MS);
	return bg_fail(err, -EAGAIN, "%s: the parts change while they are read",
		       following->wanted->source);
}

/* *feed becomes what the output should be. */
static int take_feed(struct following *following, const struct bg_json_writer *feed,
		     struct bg_error *err)
{
	char *text;

	if (following->text && following->length_bytes == feed->length_bytes &&
	    !memcmp(following->text, feed->text, feed->length_bytes))
		return 0;
	text = malloc(feed->length_bytes);
	if (!text)
		return bg_no_memory(err, "following %s", following->wanted->source);
	memcpy(text, feed->text, feed->length_bytes);
	free(following->text);
	following->text = text;
	following->length_bytes = feed->length_bytes;
	bg_parts_revision(feed, following->revision);
	following->put = (struct bg_file_stamp){};
	return 0;
}

static void stamp_output(const struct following *following, struct bg_file_stamp *stamp)
{
	struct stat now;

	*stamp = (struct bg_file_stamp){};
	if (!lstat(following->wanted->output, &now))
		*stamp = (struct bg_file_stamp){ true,	      now.st_dev,  now.st_ino,
						 now.st_size, now.st_ctim, now.st_mtim };
}

/* Does the output have the last whole feed? Somebody may have changed it. */
static int put_feed(struct following *following, struct bg_error *err)
{
	struct bg_file_stamp now;
	bool is_new = !following->put.present;
	int rc;

	if (!following->text)
		return 0;
	stamp_output(following, &now);
	if (!is_new && bg_file_is_same(&now, &following->put))
		return 0;
	rc = bg_feed_put(following->wanted->output, following->text, following->length_bytes, err);
	if (rc)
		return rc;
	stamp_output(following, &following->put);
	set_there(following, following->revision);
	bg_log(is_new ? BG_LOG_INFO : BG_LOG_WARNING,
	       is_new ? "feed put together" : "the feed was not ours any more: written again",
	       "revision=%s bytes=%zu output=%s", bg_quote(following->revision),
	       following->length_bytes, bg_quote(following->wanted->output));
	put_state(following);
	return 0;
}

static int look_at(struct following *following, struct bg_error *err)
{
	bg_cleanup(bg_json_writer_free) struct bg_json_writer feed = {};
	int rc = enter_directory(following, err);

	if (rc)
		return rc;
	if (following->reader.stamp_count && bg_parts_reader_is_current(&following->reader)) {
		*err = following->read;
		return *err->text ? -EBADMSG : 0;
	}
	rc = read_feed(following, &feed, err) ?: take_feed(following, &feed, err);
	following->read = rc ? *err : (struct bg_error){};
	if (rc == -ENOMEM) /* another time the same parts may do */
		bg_parts_reader_release(&following->reader);
	return rc;
}

static void look(void *context)
{
	struct following *following = context;
	const double start_ms = bg_monotonic_ms();
	struct bg_error err = {}, put_err = {};
	int rc = look_at(following, &err), put_rc = put_feed(following, &put_err);

	if (rc || put_rc)
		hold(following, rc ? &err : &put_err);
	else
		whole(following);
	following->looked_ms = bg_monotonic_ms();
	following->took_ms = following->looked_ms - start_ms;
}

/* --- the loop --- */

static void take_events(void *context)
{
	struct following *following = context;
	const double now_ms = bg_monotonic_ms();
	const double rested_ms = following->looked_ms + REST_TIMES * following->took_ms;

	bg_file_watch_read(following->inotify_fd);
	bg_loop_sooner(&following->loop, LOOK,
		       now_ms + SOON_MS > rested_ms ? now_ms + SOON_MS : rested_ms);
}

/* Where there is no such folder, or no more watch to be had, the tick has to do. */
static void watch_place(struct following *following, const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');

	if (slash)
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path) + 1, path);
	else
		snprintf(folder, sizeof(folder), ".");
	inotify_add_watch(following->inotify_fd, folder, PLACE_EVENTS);
}

static void tick(void *context)
{
	struct following *following = context;

	/* (those that there are stay as they are) */
	watch_place(following, following->wanted->source);
	watch_place(following, following->wanted->output);
	look(following);
	put_state(following);
	bg_loop_at(&following->loop, TICK, bg_monotonic_ms() + TICK_MS);
}

/* The last good one, of a process before: it stays until there is a better one. */
static void find_feed(struct following *following)
{
	struct bg_error err;
	char *revision = NULL;
	int rc = bg_feed_there(following->wanted->output, following->wanted->node, &following->text,
			       &following->length_bytes, &revision, &err);

	if (!rc) {
		set_there(following, revision);
		snprintf(following->revision, sizeof(following->revision), "%.16s", revision);
		stamp_output(following, &following->put);
	} else if (rc != -ENOENT) {
		bg_log(BG_LOG_WARNING, "what stands in the output is no feed of this node",
		       "error=%s", bg_quote(err.text));
	}
	free(revision);
	bg_log(BG_LOG_INFO, "parts are followed", "source=%s node=%s output=%s revision=%s",
	       bg_quote(following->wanted->source), bg_quote(following->wanted->node),
	       bg_quote(following->wanted->output), bg_quote(following->there ?: "none"));
}

int bg_follow_check(const char *source, struct bg_error *err)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	const char *colon = strchr(source, ':');

	if (!colon || (size_t)(colon - source) != strspn(source, letters))
		return 0;
	return bg_fail(err, -EINVAL,
		       "%s: %.*s: is no source that this program knows: expected a directory (./%s "
		       "is one by that name)",
		       source, (int)(colon - source), source, source);
}

static int run(struct following *following, struct bg_error *err)
{
	int rc;

	following->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (following->inotify_fd < 0)
		return bg_fail(err, -errno, "inotify: %s%s", strerror(errno),
			       errno == EMFILE ? " (fs.inotify.max_user_instances)" : "");
	rc = bg_loop_watch(&following->loop, following->inotify_fd, "parts", take_events, err);
	if (rc)
		return rc;
	bg_loop_timer(&following->loop, LOOK, "look", look);
	bg_loop_timer(&following->loop, TICK, "tick", tick);
	find_feed(following);
	bg_loop_at(&following->loop, TICK, bg_monotonic_ms());
	return bg_loop_run(&following->loop, err);
}

int bg_follow_run(const struct bg_follow *wanted, struct bg_error *err)
{
	struct following following = {
		.wanted = wanted,
		.inotify_fd = -1,
		.watch = -1,
		.reader = { .dir.fd = -1 },
	};
	int rc = bg_loop_open(&following.loop, &following, err);

	if (rc)
		return rc;
	rc = run(&following, err);
	leave_directory(&following);
	if (following.inotify_fd >= 0)
		close(following.inotify_fd);
	bg_loop_close(&following.loop);
	free(following.text);
	free(following.there);
	return rc;
}
