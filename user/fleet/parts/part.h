/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Parts: the feeds of all nodes of a fleet, taken apart so that what changes together is
 * written once, however many nodes need it. The same objects are files of a directory and
 * custom resources of an API server (scripts/deploy/kustomize/crds/crds.json). Pure.
 *
 * A part is one line of JSON, with a newline behind it:
 *
 *	{"apiVersion":"branchguard.dev/v1alpha1","kind":KIND,"metadata":{"name":NAME},"spec":{…}}
 *
 * Objects are written canonically: keys in the order of their bytes, no white space, in strings
 * only `"`, `\` and control characters escaped. In a directory it is the file KIND-NAME.json,
 * KIND in small letters. spec.hash are the first 16 hexadecimal digits of the SHA-256 of spec,
 * written canonically without the key hash: an API server may write keys in another order and
 * add to metadata, and it stays the same. Keys that a reader does not know are part of the hash
 * and otherwise passed over. A hash says that a part is whole, not who wrote it.
 *
 * NAME is the id (of a node, group or list) if that is at most 63 bytes (a node's: 200) of a-z,
 * 0-9, '-' and '.', begins and ends with a letter or digit, and does not begin with "x-"; else
 * "x-" and the first 16 digits of the id's SHA-256. spec.id is the id as it is.
 *
 * NodeFeed, of a node:
 *	feed	Node, DefaultGroupIds and Branches as branchguard.feed(5) has them
 *	groups	[id…] of the groups whose rules it needs, sorted
 *	own	[address…] of its own pods: members of groups, but not to be listed here
 *
 * GroupFeed, of a security group:
 *	exists	does EC2's answer have it, once?
 *	group	its element of SecurityGroups; absent when no node needs its rules (then rules and
 *		references are, too), or when it does not exist
 *	rules	its elements of SecurityGroupRules, sorted by their text
 *	references	{"groups":[id…],"lists":[id…]} that its rules name, sorted
 *	members	absent when no rule names it; else
 *		{"count":N,"hash":SET,"sequence":S,"shards":[hash…]}: who is a member after change
 *		S, in so many GroupMembers, whose spec.hash these are
 *
 * GroupMembers, NAME of the group, '-' and the index from 0:
 *	id, index	of the group; which shard
 *	addresses	[address or prefix…], sorted, through all shards of the group; a shard is
 *		cut where it is 75,000 bytes at most, and there where the addresses themselves say so
 *		(group_members.c), so that one more member makes one shard another one, and no more
 *
 * MemberChanges, NAME 0 to 63, at most 2,048 bytes if it has more than one change:
 *	sequence	from 1 to 2^53, one more each time, near the end from 1 again; NAME is the
 *		remainder of its division by 64
 *	changes	at most 64: [{"add":[address…],"group":id,"hash":SET,"remove":[address…]}…]: what became of
 *		a group (add or remove absent: none), and who is a member then. At most one for a
 *		group in a part. Changes up to the group's S are in its shards already.
 *
 * The ring holds the last 64 MemberChanges without a gap; a group is written into shards anew
 * before the first of its changes behind S would leave the ring.
 *
 * PrefixListFeed, of a prefix list:
 *	entries	[CIDR…]; absent when nobody gave them
 *
 * An address is its text, a prefix "ADDRESS/LENGTH", as inet_ntop() writes them. They are sorted
 * by their 16 bytes (an IPv4 address as ::ffff:a.b.c.d), then by length, and each stands once.
 * SET are the first 16 digits of the SHA-256 of all members in this order, each 16 bytes and one
 * more with the length in bits of that form.
 *
 * A writer puts shards first, then GroupFeeds and lists, MemberChanges and NodeFeeds, and takes
 * away what is gone at the end.
 */
#ifndef BG_PARTS_PART_H
#define BG_PARTS_PART_H

#include <stdbool.h>

#include <jansson.h>

#include "base/error.h"

/* In the order in which they are written. */
enum bg_part_kind {
	BG_GROUP_MEMBERS,
	BG_GROUP_FEED,
	BG_PREFIX_LIST_FEED,
	BG_MEMBER_CHANGES,
	BG_NODE_FEED,
	BG_PART_KINDS,
};

#define BG_PART_MOST_BYTES (3u << 19) /* what an API server takes, just about */
#define BG_PART_NAME_TEXT 240
#define BG_PART_FILE_TEXT (BG_PART_NAME_TEXT + 24)
#define BG_PART_HASH_TEXT 17

#define BG_RING_PARTS 64
#define BG_RING_PART_BYTES 2048
#define BG_RING_CHANGES 64 /* in a part, at most */
/* What every reader of JSON has exactly. */
#define BG_RING_SEQUENCE_MOST (1ll << 53)

#define BG_PARTS_DOING "parts of feeds"

extern const char *const bg_part_kinds[BG_PART_KINDS];

/* NAME of a node, a group or a list. */
const char *bg_part_name(enum bg_part_kind kind, const char *id, char name[BG_PART_NAME_TEXT]);
/* NAME of what is counted: a shard of a group (id), or a place in the ring (id NULL). */
const char *bg_part_name_at(const char *id, size_t index, char name[BG_PART_NAME_TEXT]);
/* "groupfeed-sg-1.json", and back; false: the file is no part's. */
const char *bg_part_file(enum bg_part_kind kind, const char *name, char file[BG_PART_FILE_TEXT]);
bool bg_part_of_file(const char *file, enum bg_part_kind *kind, char name[BG_PART_NAME_TEXT]);

/* The first 16 digits of a SHA-256. */
const char *bg_part_digest(const void *bytes, size_t length_bytes, char hash[BG_PART_HASH_TEXT]);

/* The part's text, with spec.hash set; NULL when out of memory. The caller frees it. */
char *bg_part_write(enum bg_part_kind kind, const char *name, json_t *spec);

/*
 * *spec (the caller's) of a text that is this part, whole. What is wrong with it is said
 * with the part in front: "groupfeed-sg-1.json: found ...".
 */
int bg_part_read(enum bg_part_kind kind, const char *name, const char *text, size_t length_bytes,
		 json_t **spec, struct bg_error *err);

/*
 * Where parts come from: *spec is borrowed and lives as long as the source. -ENOENT: there is
 * no such part; anything else: there is, but it is not whole. Both with words.
 */
struct bg_part_source {
	int (*get)(void *context, enum bg_part_kind kind, const char *name, const json_t **spec,
		   struct bg_error *err);
	void *context;
};

/* "groupfeed-sg-1.json: /spec/KEY: found something else, expected EXPECTED"; -EINVAL. */
int bg_part_wrong(enum bg_part_kind kind, const char *name, const char *key, const char *expected,
		  struct bg_error *err);

#endif
