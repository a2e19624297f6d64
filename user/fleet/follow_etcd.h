/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Keeps a node's feed what the parts of etcd make of it. */
#ifndef BG_FLEET_FOLLOW_ETCD_H
#define BG_FLEET_FOLLOW_ETCD_H

#include "fleet/etcd/etcd_source.h"
#include "fleet/feed_kept.h"
#include "fleet/web/web.h"

struct bg_follow_etcd {
	struct bg_etcd_source at;
	struct bg_web_identity identity;
	const char *user_file; /* NULL: none */
	unsigned int watch_s;
};

/*
 * Until the process is ended, or when it cannot even begin. Without an output: prints the feed as
 * soon as there is one, or fails with the first thing that is wrong.
 */
int bg_follow_etcd(const struct bg_follow *follow, const struct bg_follow_etcd *how,
		   struct bg_error *err);

#endif
