// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The source of `follow k8s:`: one watcher for each kind of part. cmd_follow.c calls it. It writes
 * nothing to the API server, and while that is gone, refuses or makes no sense, the feed
 * stays what it is.
 */
#include "fleet/follow_k8s.h"

#include "base/log.h"
#include "fleet/following.h"
#include "fleet/kube/objects.h"
#include "fleet/kube/watcher.h"

#define RETRY_FIRST_MS 500
#define RETRY_MOST_MS 30000

struct watching {
	struct bg_following following;
	struct bg_parts_known objects;
	struct bg_k8s_place places[BG_PART_KINDS];
	struct bg_watcher watchers[BG_PART_KINDS];
	char node[BG_PART_NAME_TEXT]; /* its NodeFeed's name */
};

static const struct bg_error *behind(const void *context)
{
	const struct watching *watching = context;

	for (int i = 0; i < BG_PART_KINDS; i++)
		if (*watching->watchers[i].behind.text)
			return &watching->watchers[i].behind;
	return NULL;
}

/* Every kind has been listed. */
static bool knows(const void *context)
{
	const struct watching *watching = context;

	for (int i = 0; i < BG_PART_KINDS; i++)
		if (!watching->objects.kind[i])
			return false;
	return true;
}

/* A watcher has something new, or something to do; called from wherever it is. */
static void changed(void *context)
{
	struct watching *watching = context;

	bg_following_changed(&watching->following);
	bg_following_look_soon(&watching->following);
	for (int i = 0; i < BG_PART_KINDS; i++)
		if (watching->watchers[i].due_ms)
			bg_following_ask_at(&watching->following, watching->watchers[i].due_ms);
}

static void ask(void *context)
{
	struct watching *watching = context;

	if (bg_watchers_begin_again(watching->watchers, BG_PART_KINDS))
		bg_log(BG_LOG_WARNING, "the API server has gone back to older versions",
		       "source=%s", bg_quote(watching->following.wanted->source));
	for (int i = 0; i < BG_PART_KINDS; i++)
		bg_watcher_run(&watching->watchers[i]);
	changed(watching);
}

static void set_watchers(struct watching *watching, const struct bg_api_server *server,
			 unsigned int watch_s)
{
	for (int i = 0; i < BG_PART_KINDS; i++) {
		watching->places[i] =
			(struct bg_k8s_place){ .kind = i, .objects = &watching->objects.kind[i] };
		watching->watchers[i] = (struct bg_watcher){
			.web = watching->following.web,
			.server = server->url,
			.kind = &bg_watched_parts[i],
			.name = i == BG_NODE_FEED ? watching->node : NULL,
			.watch_s = watch_s,
			.objects = &watching->places[i],
			.changed = changed,
			.context = watching,
			.backoff = { .first_ms = RETRY_FIRST_MS, .most_ms = RETRY_MOST_MS },
			.due_ms = 1,
		};
	}
}

int bg_follow_k8s(const struct bg_follow *wanted, const struct bg_api_server *server,
		  unsigned int watch_s, struct bg_error *err)
{
	struct watching watching = {
		.objects.missing = BG_K8S_MISSING,
		.following = {
			.wanted = wanted,
			.parts = bg_parts_known_source(&watching.objects),
			.ask = ask,
			.knows = knows,
			.behind = behind,
			.context = &watching,
		},
	};
	int rc = bg_following_open(&watching.following, &server->identity, "API server", err);

	if (rc)
		return rc;
	bg_part_name(BG_NODE_FEED, wanted->node, watching.node);
	set_watchers(&watching, server, watch_s);
	rc = bg_following_run(&watching.following, err);
	for (int i = 0; i < BG_PART_KINDS; i++)
		bg_watcher_release(&watching.watchers[i]);
	bg_parts_known_release(&watching.objects);
	bg_following_close(&watching.following);
	return rc;
}
