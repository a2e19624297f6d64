/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The state in force as text, for the daemon that comes next: which interfaces the branches
 * in force are, since when what is kept is kept, and what is kept, as a feed of its own. The
 * accepted document is not in it; it is named by its hash. Pure.
 *
 *	branchguard held 1
 *	boot ID			of this boot of the node
 *	text SLOT SHA256	the accepted document, in one of two files
 *	branch SINCE IFINDEX VLAN INTERFACE ID
 *	pod IFINDEX INTERFACE	of the branch above, in the order of its pods; "-" = none
 *	group SINCE ID
 *	list SINCE ID
 *	feed BYTES		and then so many bytes: the feed; nothing behind them
 */
#ifndef BG_FEED_HELD_H
#define BG_FEED_HELD_H

#include "base/json_writer.h"
#include "feed/model.h"

#define BG_HELD_BOOT 64	  /* bytes of a boot's id, with its end */
#define BG_HELD_SHA256 65 /* bytes of a hash in hexadecimal, with its end */
#define BG_HELD_MAX_BYTES (64u << 20)

struct bg_held_branch {
	__u64 since_ns;
	__u32 ifindex;
	int vlan;
	char interface[16];
	char *id;
	struct bg_held_pod {
		__u32 ifindex;
		char interface[16];
	} *pods;
	size_t pod_count;
};

/* A group or a prefix list that is kept. */
struct bg_held_since {
	__u64 since_ns;
	char *id;
};

struct bg_held {
	char boot[BG_HELD_BOOT];
	char sha256[BG_HELD_SHA256];
	unsigned int slot; /* 0 or 1 */
	struct bg_held_branch *branches;
	size_t branch_count;
	struct bg_held_since *groups, *lists;
	size_t group_count, list_count;
	const char *feed; /* in the text */
	size_t feed_bytes;
};

/* `document`: the one that the model was made of, for what it claims twice. Look at
 * writer->failed. */
void bg_held_write(const struct bg_model *model, const struct bg_model *document, const char *boot,
		   unsigned int slot, const char *sha256, struct bg_json_writer *writer);

/* Refuses whatever is not just so. *held points into the text, and is the caller's. */
int bg_held_read(const char *text, size_t length_bytes, struct bg_held *held, struct bg_error *err);
void bg_held_free(struct bg_held *held); /* {} is fine */

/* Puts ifindexes and times into a model, where it has the same branches, pods, groups and
 * lists. `since`: the times, too. */
void bg_held_apply(const struct bg_held *held, bool since, struct bg_model *model);

#endif
