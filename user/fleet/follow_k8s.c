// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The loop of `follow k8s:`: one watcher for each kind of part, and when any of them has something
 * new, the feed of all of it. cmd_follow.c calls it. It writes nothing to the API server, and
 * while that is gone, refuses or makes no sense, the feed stays what it is.
 */
#include "fleet/follow_k8s.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "fleet/kube/watcher.h"
#include "fleet/parts/assemble.h"

/* Parts that are written together come soon after each other. */
#define SOON_MS 20
#define REST_TIMES 5
/* Is the output still ours? */
#define TICK_MS 5000
#define RETRY_FIRST_MS 500
#define RETRY_MOST_MS 30000

enum { LOOK, ASK, TICK };

struct following {
	const struct bg_follow *wanted;
	struct bg_loop loop;
	struct bg_web *web;
	struct bg_k8s_objects objects;
	struct bg_watcher watchers[BG_PART_KINDS];
	char node[BG_PART_NAME_TEXT]; /* its NodeFeed's name */
	bool dirty;		      /* objects are others than those that `made` speaks of */
	struct bg_error made;	      /* why they make no feed; "" = they do */
	double looked_ms, took_ms;
	struct bg_kept kept;
	/* without an output: */
	bool failed;
	struct bg_error why;
};

/* --- the feed --- */

/* Why it is not known what the server has now. */
static const struct bg_error *behind(const struct following *following)
{
	for (int i = 0; i < BG_PART_KINDS; i++)
		if (*following->watchers[i].behind.text)
			return &following->watchers[i].behind;
	return NULL;
}

static bool has_listed(const struct following *following)
{
	for (int i = 0; i < BG_PART_KINDS; i++)
		if (!following->objects.kind[i])
			return false;
	return true;
}

static void make_feed(struct following *following)
{
	bg_cleanup(bg_json_writer_free) struct bg_json_writer feed = {};
	const struct bg_part_source source = bg_k8s_source(&following->objects);
	struct bg_error err;
	int rc = bg_parts_assemble(&source, following->wanted->node, false, &feed, &err)
			 ?: bg_kept_take(&following->kept, &feed, &err);

	following->made = rc ? err : (struct bg_error){};
	following->dirty = rc == -ENOMEM; /* another time the same may do */
}

/* The first answer, whatever it is, ends it. */
static void print(struct following *following)
{
	const struct bg_error *why = behind(following);

	if (!why && !has_listed(following))
		return;
	if (!why && *following->made.text)
		why = &following->made;
	following->failed = why;
	if (why)
		following->why = *why;
	else
		fwrite(following->kept.text, 1, following->kept.length_bytes, stdout);
	bg_loop_stop(&following->loop);
}

static void keep(struct following *following)
{
	const struct bg_error *why = behind(following);
	struct bg_error put_err;
	double again_ms = 0;

	if (!why && *following->made.text)
		why = &following->made;
	if (bg_kept_put(&following->kept, &put_err))
		why = &put_err;
	if (why)
		again_ms = bg_kept_hold(&following->kept, why);
	else if (has_listed(following))
		bg_kept_whole(&following->kept);
	if (again_ms)
		bg_loop_sooner(&following->loop, LOOK, again_ms);
}

static void look(void *context)
{
	struct following *following = context;
	const double start_ms = bg_monotonic_ms();

	if (following->dirty && has_listed(following))
		make_feed(following);
	if (following->wanted->output)
		keep(following);
	else
		print(following);
	following->looked_ms = bg_monotonic_ms();
	following->took_ms = following->looked_ms - start_ms;
}

static void tick(void *context)
{
	struct following *following = context;

	look(following);
	bg_kept_tell(&following->kept);
	bg_loop_at(&following->loop, TICK, bg_monotonic_ms() + TICK_MS);
}

/* --- the server --- */

/* A watcher has something new, or something to do; called from wherever it is. */
static void changed(void *context)
{
	struct following *following = context;
	const double soon_ms = bg_monotonic_ms() + SOON_MS;
	const double rested_ms = following->looked_ms + REST_TIMES * following->took_ms;

	following->dirty = true;
	bg_loop_sooner(&following->loop, LOOK, soon_ms > rested_ms ? soon_ms : rested_ms);
	for (int i = 0; i < BG_PART_KINDS; i++)
		if (following->watchers[i].due_ms)
			bg_loop_sooner(&following->loop, ASK, following->watchers[i].due_ms);
}

/* A server that was restored from a backup knows nothing of what happened since: what it would
 * have to say comes only when it has counted up to our version. */
static void begin_again(struct following *following)
{
	bool went_back = false;

	for (int i = 0; i < BG_PART_KINDS; i++)
		went_back = went_back || following->watchers[i].went_back;
	for (int i = 0; went_back && i < BG_PART_KINDS; i++) {
		if (!following->watchers[i].went_back)
			bg_watcher_again(&following->watchers[i]);
		following->watchers[i].went_back = false;
	}
	if (went_back)
		bg_log(BG_LOG_WARNING, "the API server has gone back to older versions",
		       "source=%s", bg_quote(following->wanted->source));
}

static void ask(void *context)
{
	struct following *following = context;

	begin_again(following);
	for (int i = 0; i < BG_PART_KINDS; i++)
		bg_watcher_run(&following->watchers[i]);
	changed(following);
}

static void step(void *context)
{
	const struct following *following = context;

	bg_web_step(following->web);
}

static void set_watchers(struct following *following, const struct bg_api_server *server,
			 unsigned int watch_s)
{
	for (int i = 0; i < BG_PART_KINDS; i++)
		following->watchers[i] = (struct bg_watcher){
			.web = following->web,
			.server = server->url,
			.kind = i,
			.name = i == BG_NODE_FEED ? following->node : NULL,
			.watch_s = watch_s,
			.objects = &following->objects.kind[i],
			.changed = changed,
			.context = following,
			.backoff = { .first_ms = RETRY_FIRST_MS, .most_ms = RETRY_MOST_MS },
			.due_ms = 1,
		};
}

/* --- the loop --- */

static int run(struct following *following, struct bg_error *err)
{
	int rc =
		bg_loop_watch(&following->loop, bg_web_fd(following->web), "API server", step, err);

	if (rc)
		return rc;
	bg_loop_timer(&following->loop, LOOK, "look", look);
	bg_loop_timer(&following->loop, ASK, "ask", ask);
	bg_loop_timer(&following->loop, TICK, "tick", tick);
	if (following->wanted->output) {
		bg_kept_find(&following->kept);
		bg_loop_at(&following->loop, TICK, bg_monotonic_ms());
	}
	bg_loop_at(&following->loop, ASK, bg_monotonic_ms());
	rc = bg_loop_run(&following->loop, err);
	if (!rc && following->failed) {
		*err = following->why;
		rc = -EPROTO;
	}
	return rc;
}

int bg_follow_k8s(const struct bg_follow *wanted, const struct bg_api_server *server,
		  unsigned int watch_s, struct bg_error *err)
{
	struct following following = { .wanted = wanted, .kept.wanted = wanted };
	int rc = bg_loop_open(&following.loop, &following, err);

	if (rc)
		return rc;
	rc = bg_web_open(&server->identity, &following.web, err);
	if (!rc) {
		bg_part_name(BG_NODE_FEED, wanted->node, following.node);
		set_watchers(&following, server, watch_s);
		rc = run(&following, err);
		for (int i = 0; i < BG_PART_KINDS; i++)
			bg_watcher_release(&following.watchers[i]);
		bg_web_close(following.web);
	}
	bg_k8s_objects_release(&following.objects);
	bg_loop_close(&following.loop);
	bg_kept_release(&following.kept);
	return rc;
}
