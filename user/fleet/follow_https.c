// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The source of `follow https://`: asks a web server now and then for the parts that the node needs,
 * and says when one is another. cmd_follow.c calls it. While the server is gone, refuses,
 * hangs or makes no sense, the feed stays what it is.
 */
#include "fleet/follow_https.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "fleet/following.h"
#include "fleet/served_parts.h"
#include "fleet/web/backoff.h"
#include "fleet/web/loopback.h"

#define HTTPS "https://"
#define HTTP "http://"

#define RETRY_FIRST_MS 1000
/* An answer may take a period, but not less and not more than: */
#define LIMIT_LEAST_MS 2000
#define LIMIT_MOST_MS 60000

struct asking {
	struct bg_following following;
	char *url; /* with a slash at its end */
	double period_ms;
	struct bg_backoff backoff;
	struct bg_served served;
	bool asked;	       /* a round has ended well */
	struct bg_error round; /* why it is not known what the server has; "" = it is */
};

/* --- rounds --- */

static const struct bg_error *behind(const void *context)
{
	const struct asking *asking = context;

	return *asking->round.text ? &asking->round : NULL;
}

static bool knows(const void *context)
{
	const struct asking *asking = context;

	return asking->asked && !asking->served.in_round && !behind(asking);
}

/* bg_served.ended */
static void round_ended(void *context, const struct bg_served_round *round)
{
	struct asking *asking = context;
	double wait_ms;

	asking->round = round->err;
	asking->asked = asking->asked || !round->rc;
	if (!round->rc && round->changed)
		bg_following_changed(&asking->following);
	bg_following_look(&asking->following);
	if (bg_following_wrong(&asking->following)) {
		/* parts may have been written while they were asked for: soon once more */
		wait_ms = bg_backoff_ms(&asking->backoff, round->asked_ms);
	} else {
		asking->backoff.failures = 0;
		wait_ms = bg_jittered_ms(asking->period_ms);
	}
	bg_following_ask_at(&asking->following, bg_monotonic_ms() + wait_ms);
}

static void ask(void *context)
{
	struct asking *asking = context;

	bg_served_ask(&asking->served);
}

/* --- the whole --- */

static int set_up(struct asking *asking, const char *source, unsigned int period_s,
		  struct bg_error *err)
{
	double limit_ms = period_s * 1000.0;

	asking->period_ms = limit_ms;
	asking->backoff.most_ms = limit_ms;
	asking->backoff.first_ms = limit_ms < RETRY_FIRST_MS ? limit_ms : RETRY_FIRST_MS;
	if (limit_ms < LIMIT_LEAST_MS)
		limit_ms = LIMIT_LEAST_MS;
	if (limit_ms > LIMIT_MOST_MS)
		limit_ms = LIMIT_MOST_MS;
	if (asprintf(&asking->url, "%s%s", source, source[strlen(source) - 1] == '/' ? "" : "/") <
	    0) {
		asking->url = NULL;
		return bg_no_memory(err, "following %s", source);
	}
	asking->served = (struct bg_served){
		.web = asking->following.web,
		.url = asking->url,
		.node = asking->following.wanted->node,
		.limit_ms = (int)limit_ms,
		.ended = round_ended,
		.context = asking,
	};
	return 0;
}

int bg_follow_https(const struct bg_follow *wanted, const struct bg_follow_web *how,
		    struct bg_error *err)
{
	struct asking asking = {
		.following = {
			.wanted = wanted,
			.parts = bg_served_source(&asking.served),
			.ask = ask,
			.knows = knows,
			.behind = behind,
			.context = &asking,
		},
	};
	int rc = bg_following_open(&asking.following, &how->identity, "web server", err);

	if (rc)
		return rc;
	rc = set_up(&asking, wanted->source, how->period_s, err)
		     ?: bg_following_run(&asking.following, err);
	bg_served_release(&asking.served);
	bg_following_close(&asking.following);
	free(asking.url);
	return rc;
}

/* --- the source --- */

bool bg_is_url(const char *source)
{
	return !strncmp(source, HTTPS, strlen(HTTPS)) || !strncmp(source, HTTP, strlen(HTTP));
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
	if (!strncmp(source, HTTP, strlen(HTTP)) && !bg_web_is_loopback(host))
		return bg_fail(err, -EINVAL,
			       "%.400s: without TLS anybody on the way could write this node's "
			       "feed: expected https:// (http:// is for localhost, 127.0.0.1 and "
			       "[::1] alone)",
			       source);
	return 0;
}
