// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The source of `follow etcd://`: what etcd_follower.c knows. cmd_follow.c calls it. It writes nothing
 * to etcd, and while that is gone, refuses or makes no sense, the feed stays what it is.
 */
#include "fleet/follow_etcd.h"

#include "fleet/etcd/etcd_follower.h"
#include "fleet/following.h"

struct etcd_following {
	struct bg_following following;
	struct bg_etcd_follower etcd;
	char node[BG_PART_NAME_TEXT]; /* its NodeFeed's name */
};

static const struct bg_error *behind(const void *context)
{
	const struct etcd_following *all = context;

	return *all->etcd.behind.text ? &all->etcd.behind : NULL;
}

/* All of it has been read. */
static bool knows(const void *context)
{
	const struct etcd_following *all = context;

	return all->etcd.parts.kind[BG_NODE_FEED];
}

/* Called from wherever it is. */
static void changed(void *context)
{
	struct etcd_following *all = context;

	bg_following_changed(&all->following);
	bg_following_look_soon(&all->following);
	if (all->etcd.due_ms)
		bg_following_ask_at(&all->following, all->etcd.due_ms);
}

static void ask(void *context)
{
	struct etcd_following *all = context;

	bg_etcd_follower_run(&all->etcd);
	if (all->etcd.due_ms)
		bg_following_ask_at(&all->following, all->etcd.due_ms);
}

int bg_follow_etcd(const struct bg_follow *wanted, const struct bg_follow_etcd *how,
		   struct bg_error *err)
{
	struct etcd_following all = {
		.following = {
			.wanted = wanted,
			.parts = bg_parts_known_source(&all.etcd.parts),
			.ask = ask,
			.knows = knows,
			.behind = behind,
			.context = &all,
		},
		.etcd = {
			.client = { .at = &how->at, .user_file = how->user_file },
			.node = all.node,
			.watch_s = how->watch_s,
			.changed = changed,
			.context = &all,
		},
	};
	int rc = bg_following_open(&all.following, &how->identity, "etcd", err);

	if (rc)
		return rc;
	all.etcd.client.web = all.following.web;
	bg_part_name(BG_NODE_FEED, wanted->node, all.node);
	bg_etcd_follower_begin(&all.etcd);
	rc = bg_following_run(&all.following, err);
	bg_etcd_follower_release(&all.etcd);
	bg_following_close(&all.following);
	return rc;
}
