// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The loop of `follow https://`: asks a web server now and then for the parts that the node needs,
 * and when one is another, puts the feed together anew. cmd_follow.c calls it. While the server is
 * gone, refuses, hangs or makes no sense, the feed stays what it is.
 */
#include "fleet/follow_https.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "fleet/parts/assemble.h"
#include "fleet/served_parts.h"
#include "fleet/web/backoff.h"

#define HTTPS "https://"
#define HTTP "http://"

/* Is the output still ours? */
#define TICK_MS 5000
#define RETRY_FIRST_MS 1000
/* An answer may take a period, but not less and not more than: */
#define LIMIT_LEAST_MS 2000
#define LIMIT_MOST_MS 60000

enum { LOOK, ASK, TICK };

struct following {
	const struct bg_follow *wanted;
	struct bg_loop loop;
	struct bg_web *web;
	char *url; /* with a slash at its end */
	double period_ms;
	struct bg_backoff backoff;
	struct bg_served served;
	bool asked;	       /* a round has ended well */
	struct bg_error round; /* why it is not known what the server has; "" = it is */
	struct bg_error made;  /* why that makes no feed; "" = it does */
	struct bg_kept kept;
	/* without an output: */
	const struct bg_error *why; /* why there is none */
};

/* --- the feed --- */

static void make_feed(struct following *following)
{
	bg_cleanup(bg_json_writer_free) struct bg_json_writer feed = {};
	const struct bg_part_source source = bg_served_source(&following->served);
	struct bg_error err;
	int rc = bg_parts_assemble(&source, following->wanted->node, false, &feed, &err)
			 ?: bg_kept_take(&following->kept, &feed, &err);

	following->made = rc ? err : (struct bg_error){};
}

static const struct bg_error *wrong(const struct following *following)
{
	if (*following->round.text)
		return &following->round;
	return *following->made.text ? &following->made : NULL;
}

static void look(void *context)
{
	struct following *following = context;
	const struct bg_error *why = wrong(following);
	struct bg_error put_err;
	double again_ms = 0;

	if (bg_kept_put(&following->kept, &put_err) && !why)
		why = &put_err;
	if (why)
		again_ms = bg_kept_hold(&following->kept, why);
	else if (following->asked)
		bg_kept_whole(&following->kept);
	if (again_ms)
		bg_loop_sooner(&following->loop, LOOK, again_ms);
}

/* The first round, whatever it has found, ends it. */
static void print(struct following *following)
{
	following->why = wrong(following);
	if (!following->why)
		fwrite(following->kept.text, 1, following->kept.length_bytes, stdout);
	bg_loop_stop(&following->loop);
}

/* bg_served.ended */
static void round_ended(void *context, const struct bg_served_round *round)
{
	struct following *following = context;
	double wait_ms;

	following->round = round->err;
	following->asked = following->asked || !round->rc;
	/* (what failed for lack of memory may go another time; others tell the same again) */
	if (!round->rc && (round->changed || *following->made.text))
		make_feed(following);
	if (!following->wanted->output) {
		print(following);
		return;
	}
	if (wrong(following)) {
		/* parts may have been written while they were asked for: soon once more */
		wait_ms = bg_backoff_ms(&following->backoff, round->asked_ms);
	} else {
		following->backoff.failures = 0;
		wait_ms = bg_jittered_ms(following->period_ms);
	}
	bg_loop_at(&following->loop, ASK, bg_monotonic_ms() + wait_ms);
	look(following);
}

/* --- the loop --- */

static void ask(void *context)
{
	struct following *following = context;

	bg_served_ask(&following->served);
}

static void step(void *context)
{
	const struct following *following = context;

	bg_web_step(following->web);
}

static void tick(void *context)
{
	struct following *following = context;

	look(following);
	bg_kept_tell(&following->kept);
	bg_loop_at(&following->loop, TICK, bg_monotonic_ms() + TICK_MS);
}

static int run(struct following *following, struct bg_error *err)
{
	int rc =
		bg_loop_watch(&following->loop, bg_web_fd(following->web), "web server", step, err);

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
	return rc ?: following->why ? bg_fail(err, -EPROTO, "%s", following->why->text) : 0;
}

static int set_up(struct following *following, const struct bg_follow_web *how,
		  struct bg_error *err)
{
	const char *source = following->wanted->source;
	double limit_ms = how->period_s * 1000.0;

	following->period_ms = limit_ms;
	following->backoff.most_ms = limit_ms;
	following->backoff.first_ms = limit_ms < RETRY_FIRST_MS ? limit_ms : RETRY_FIRST_MS;
	if (limit_ms < LIMIT_LEAST_MS)
		limit_ms = LIMIT_LEAST_MS;
	if (limit_ms > LIMIT_MOST_MS)
		limit_ms = LIMIT_MOST_MS;
	if (asprintf(&following->url, "%s%s", source,
		     source[strlen(source) - 1] == '/' ? "" : "/") < 0) {
		following->url = NULL;
		return bg_no_memory(err, "following %s", source);
	}
	following->served = (struct bg_served){
		.url = following->url,
		.node = following->wanted->node,
		.limit_ms = (int)limit_ms,
		.ended = round_ended,
		.context = following,
	};
	return 0;
}

int bg_follow_https(const struct bg_follow *wanted, const struct bg_follow_web *how,
		    struct bg_error *err)
{
	struct following following = { .wanted = wanted, .kept.wanted = wanted };
	int rc = bg_loop_open(&following.loop, &following, err);

	if (rc)
		return rc;
	rc = set_up(&following, how, err) ?: bg_web_open(&how->identity, &following.web, err);
	if (!rc) {
		following.served.web = following.web;
		rc = run(&following, err);
		bg_served_release(&following.served);
		bg_web_close(following.web);
	}
	free(following.url);
	bg_loop_close(&following.loop);
	bg_kept_release(&following.kept);
	return rc;
}

/* --- the source --- */

bool bg_is_url(const char *source)
{
	return !strncmp(source, HTTPS, strlen(HTTPS)) || !strncmp(source, HTTP, strlen(HTTP));
}

/* "127.0.0.1:8080/parts/": nobody between can read or change what comes from there. */
static bool is_here(const char *host)
{
	static const char *const names[] = { "localhost", "127.0.0.1", "[::1]" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t length = strlen(names[i]);

		if (!strncmp(host, names[i], length) && strchr(":/", host[length]))
			return true;
	}
	return false;
}

int bg_follow_https_check(const char *source, struct bg_error *err)
{
	const char *host = strstr(source, "://") + strlen("://");

	/* (what is in front of an @ may be a password: it is not said again) */
	if (memchr(host, '@', strcspn(host, "/?#")))
		return bg_fail(err, -EINVAL,
			       "the URL has a user or a password in it: give --token-file, or "
			       "--certificate and --key");
	if (strpbrk(source, "?#"))
		return bg_fail(err, -EINVAL,
			       "%.400s: found a question in the URL, expected that of a directory, "
			       "whose files are asked for by their names",
			       source);
	if (!*host || *host == '/')
		return bg_fail(err, -EINVAL, "%.400s: expected https://HOST/PATH/", source);
	if (!strncmp(source, HTTP, strlen(HTTP)) && !is_here(host))
		return bg_fail(err, -EINVAL,
			       "%.400s: without TLS anybody on the way could write this node's "
			       "feed: expected https:// (http:// is for localhost, 127.0.0.1 and "
			       "[::1] alone)",
			       source);
	return 0;
}
