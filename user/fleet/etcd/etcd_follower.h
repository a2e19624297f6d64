/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Keeps what a node needs to know what etcd has: all of it at one revision, page by page, then a watch
 * of each range of keys from that on. Whatever fails, what is known stays until etcd has said what
 * there is instead; the next endpoint is asked, and later the first one again.
 */
#ifndef BG_ETCD_ETCD_FOLLOWER_H
#define BG_ETCD_ETCD_FOLLOWER_H

#include <stdbool.h>

#include "fleet/etcd/etcd_client.h"
#include "fleet/parts/parts_known.h"

struct bg_etcd_follower;

/* A watch of one range. */
struct bg_etcd_watch {
	struct bg_etcd_follower *follower;
	struct bg_web_transfer *transfer;
	unsigned long long revision; /* up to this one, all is known */
	bool created;
};

/* All 0 but for what who has it sets. */
struct bg_etcd_follower {
	/* --- set by who has it --- */
	struct bg_etcd_client client; /* what is set there */
	const char *node;	      /* the name of its NodeFeed */
	unsigned int watch_s;	      /* watches last half of it to all of it */
	/* Something is another one than before: parts, `behind` or due_ms. */
	void (*changed)(void *context);
	void *context;
	struct bg_parts_known parts;

	/* --- */
	/* Why it is not known what there is now; "" = it is. */
	struct bg_error behind;
	double due_ms; /* when bg_etcd_follower_run() has something to do; 0: it waits for etcd */

	bool relist;			  /* all is to be read anew */
	bool checked;			  /* etcd is the one that it was, and has not gone back */
	unsigned long long cluster;	  /* 0: not known yet */
	struct bg_web_transfer *transfer; /* a login, a page or a check */

	/* the pages so far */
	struct bg_parts_known listed;
	size_t listed_bytes;
	int range;
	char *after;			  /* the last key; NULL: from the begin of the range */
	unsigned long long list_revision; /* 0: of the first page */

	struct bg_etcd_watch watches[BG_ETCD_RANGES];
	double began_ms, end_ms; /* of the watches; 0: there are none */
};

/* Sets what it needs of its own; asks nothing yet. */
void bg_etcd_follower_begin(struct bg_etcd_follower *follower);
/* Begins what is due. */
void bg_etcd_follower_run(struct bg_etcd_follower *follower);
void bg_etcd_follower_release(struct bg_etcd_follower *follower);

#endif
