/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the parts of the feed parser share. A document is read in this order,
 * each step using what the ones before it left:
 *	prefix lists, groups' ids	feed_sets.c
 *	node, branches, pods		feed_branches.c
 *	interfaces (members)		feed_sets.c
 *	rules				feed_rules.c
 */
#ifndef BG_FEED_PRIVATE_H
#define BG_FEED_PRIVATE_H

#include "feed.h"
#include "json.h"

/* Addresses by the id of what they belong to: a group's members, a list's entries. */
struct bg_members {
	const char *id;
	struct bg_prefix *prefixes;
	size_t count, room;
};

struct bg_members_table {
	struct bg_members *items;
	size_t count, room;
	json_t *index; /* id → position; jansson's hash table does it */
};

struct bg_feed_reader {
	struct bg_json json;
	const json_t *root;
	struct bg_model *model;
	size_t groups_room, rules_room, sets_room, branches_room, warnings_room;
	json_t *group_index;  /* id → position in model->groups */
	json_t *set_index;    /* peer → position in model->sets */
	json_t *unknown_keys; /* patterns of keys that were warned of */
	struct bg_members_table lists, members;
};

/* Makes room for one item more; 0 or -ENOMEM with the error filled in. */
int bg_feed_grow(struct bg_feed_reader *reader, void *items, size_t *room, size_t count,
		 size_t item_bytes);
int bg_feed_no_memory(struct bg_feed_reader *reader);

/* Copies; the caller's out-parameter is NULL on failure. */
int bg_feed_copy(struct bg_feed_reader *reader, char **copy, const char *text);

int bg_feed_warn(struct bg_feed_reader *reader, const struct bg_at *at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Warns once a pattern of the object's keys that are in neither list; both end
 * with NULL. `ignored`: EC2's own keys that we have no use for. */
int bg_feed_check_keys(struct bg_feed_reader *reader, const struct bg_at *at, const json_t *object,
		       const char *const *known, const char *const *ignored);

int bg_feed_prefix(struct bg_feed_reader *reader, const struct bg_at *at, const json_t *value,
		   struct bg_prefix *prefix);
int bg_feed_addr(struct bg_feed_reader *reader, const struct bg_at *at, const json_t *value,
		 struct bg_addr *addr);
/* "tcp", "58", "-1" → -1 to 255 */
int bg_feed_protocol(struct bg_feed_reader *reader, const struct bg_at *at, const json_t *value,
		     int *protocol);

/* The position of the group with this id; makes an unknown one. */
int bg_feed_group(struct bg_feed_reader *reader, const char *id, size_t *group);
/* An array of group ids → sorted positions without duplicates. */
int bg_feed_groups(struct bg_feed_reader *reader, const struct bg_at *at, const json_t *array,
		   size_t **groups, size_t *count);

int bg_feed_add_member(struct bg_feed_reader *reader, struct bg_members_table *table,
		       const char *id, const struct bg_prefix *prefix);
struct bg_members *bg_feed_find_members(const struct bg_members_table *table, const char *id);

int bg_feed_read_lists(struct bg_feed_reader *reader);
int bg_feed_read_group_ids(struct bg_feed_reader *reader);
int bg_feed_read_interfaces(struct bg_feed_reader *reader);
int bg_feed_read_node(struct bg_feed_reader *reader);
int bg_feed_read_branches(struct bg_feed_reader *reader);
int bg_feed_read_rules(struct bg_feed_reader *reader);

/* The set that a peer stands for: "10.0.0.0/16", "pl-0e5", "sg-0bb22". */
int bg_feed_cidr_set(struct bg_feed_reader *reader, const struct bg_at *at, const json_t *value,
		     size_t *set);
int bg_feed_list_set(struct bg_feed_reader *reader, const struct bg_at *at, const char *id,
		     size_t *set);
int bg_feed_group_set(struct bg_feed_reader *reader, const struct bg_at *at, const char *id,
		      size_t *set);

#endif
