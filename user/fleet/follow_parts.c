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
#include "fleet/parts/assemble.h"
#include "fleet/parts_reader.h"

/* Looks even without an event: something further up on the way may be another one. */
#define TICK_MS 5000
/* After an event, so that what is written together is read together; */
#define SOON_MS 20
/* and not sooner after a look than so many times its own duration. */
#define REST_TIMES 5
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
	struct bg_kept kept;
};

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
	rc = read_feed(following, &feed, err) ?: bg_kept_take(&following->kept, &feed, err);
	following->read = rc ? *err : (struct bg_error){};
	if (rc == -ENOMEM) /* another time the same parts may do */
		bg_parts_reader_release(&following->reader);
	return rc;
}

static void look(void *context)
{
	struct following *following = context;
	const double start_ms = bg_monotonic_ms();
	double again_ms = 0;
	struct bg_error err = {}, put_err = {};
	int rc = look_at(following, &err), put_rc = bg_kept_put(&following->kept, &put_err);

	if (rc || put_rc)
		again_ms = bg_kept_hold(&following->kept, rc ? &err : &put_err);
	else
		bg_kept_whole(&following->kept);
	if (again_ms)
		bg_loop_sooner(&following->loop, LOOK, again_ms);
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
	bg_kept_tell(&following->kept);
	bg_loop_at(&following->loop, TICK, bg_monotonic_ms() + TICK_MS);
}

int bg_follow_check(const char *source, struct bg_error *err)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	const char *colon = strchr(source, ':');

	if (!colon || (size_t)(colon - source) != strspn(source, letters))
		return 0;
	return bg_fail(err, -EINVAL,
		       "%s: %.*s: is no source that this program knows: expected k8s:, "
		       "https://, etcd:// or a directory (./%s is one by that name)",
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
	bg_kept_find(&following->kept);
	bg_loop_at(&following->loop, TICK, bg_monotonic_ms());
	return bg_loop_run(&following->loop, err);
}

int bg_follow_run(const struct bg_follow *wanted, struct bg_error *err)
{
	struct following following = {
		.wanted = wanted,
		.kept.wanted = wanted,
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
	bg_kept_release(&following.kept);
	return rc;
}
