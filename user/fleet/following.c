// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the loops of `follow` have in common where the parts come from a server. follow_k8s.c,
 * follow_https.c and follow_etcd.c have one each. It asks for nothing itself; while its
 * source does not know what there is, the feed stays what it is.
 */
#include "fleet/following.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "fleet/parts/assemble.h"

/* Parts that are written together come soon after each other. */
#define SOON_MS 20
#define REST_TIMES 5
/* Is the output still ours? */
#define TICK_MS 5000

enum { LOOK, ASK, TICK };

/* --- the feed --- */

static void make_feed(struct bg_following *following)
{
	bg_cleanup(bg_json_writer_free) struct bg_json_writer feed = {};
	struct bg_error err;
	int rc = bg_parts_assemble(&following->parts, following->wanted->node, false, &feed, &err)
			 ?: bg_kept_take(&following->kept, &feed, &err);

	following->made = rc ? err : (struct bg_error){};
	following->dirty = rc == -ENOMEM; /* another time the same may do */
}

const struct bg_error *bg_following_wrong(const struct bg_following *following)
{
	const struct bg_error *why = following->behind(following->context);

	return why || !*following->made.text ? why : &following->made;
}

/* The first answer, whatever it is, ends it. */
static void print(struct bg_following *following)
{
	const struct bg_error *why = bg_following_wrong(following);

	if (!why && !following->knows(following->context))
		return;
	following->failed = why;
	if (why)
		following->why = *why;
	else
		fwrite(following->kept.text, 1, following->kept.length_bytes, stdout);
	bg_loop_stop(&following->loop);
}

static void keep(struct bg_following *following)
{
	const struct bg_error *why = bg_following_wrong(following);
	struct bg_error put_err;
	double again_ms = 0;

	if (bg_kept_put(&following->kept, &put_err) && !why)
		why = &put_err;
	if (why)
		again_ms = bg_kept_hold(&following->kept, why);
	else if (following->knows(following->context))
		bg_kept_whole(&following->kept);
	if (again_ms)
		bg_loop_sooner(&following->loop, LOOK, again_ms);
}

void bg_following_changed(struct bg_following *following)
{
	following->dirty = true;
}

void bg_following_look(struct bg_following *following)
{
	const double start_ms = bg_monotonic_ms();

	if (following->dirty && following->knows(following->context))
		make_feed(following);
	if (following->wanted->output)
		keep(following);
	else
		print(following);
	following->looked_ms = bg_monotonic_ms();
	following->took_ms = following->looked_ms - start_ms;
}

void bg_following_look_soon(struct bg_following *following)
{
	const double soon_ms = bg_monotonic_ms() + SOON_MS;
	const double rested_ms = following->looked_ms + REST_TIMES * following->took_ms;

	bg_loop_sooner(&following->loop, LOOK, soon_ms > rested_ms ? soon_ms : rested_ms);
}

void bg_following_ask_at(struct bg_following *following, double due_ms)
{
	bg_loop_sooner(&following->loop, ASK, due_ms);
}

/* --- the loop --- */

static void look(void *context)
{
	bg_following_look(context);
}

static void ask(void *context)
{
	const struct bg_following *following = context;

	following->ask(following->context);
}

static void tick(void *context)
{
	struct bg_following *following = context;

	bg_following_look(following);
	bg_kept_tell(&following->kept);
	bg_loop_at(&following->loop, TICK, bg_monotonic_ms() + TICK_MS);
}

static void step(void *context)
{
	const struct bg_following *following = context;

	bg_web_step(following->web);
}

int bg_following_open(struct bg_following *following, const struct bg_web_identity *identity,
		      const char *server, struct bg_error *err)
{
	int rc = bg_loop_open(&following->loop, following, err);

	if (rc)
		return rc;
	following->kept.wanted = following->wanted;
	bg_loop_timer(&following->loop, LOOK, "look", look);
	bg_loop_timer(&following->loop, ASK, "ask", ask);
	bg_loop_timer(&following->loop, TICK, "tick", tick);
	rc = bg_web_open(identity, &following->web, err)
		     ?: bg_loop_watch(&following->loop, bg_web_fd(following->web), server, step,
				      err);
	if (rc)
		bg_following_close(following);
	return rc;
}

int bg_following_run(struct bg_following *following, struct bg_error *err)
{
	int rc;

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

void bg_following_close(struct bg_following *following)
{
	if (following->web)
		bg_web_close(following->web);
	following->web = NULL;
	bg_loop_close(&following->loop);
	bg_kept_release(&following->kept);
}
