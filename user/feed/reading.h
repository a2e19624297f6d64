/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the parts of the feed parser share while a document is read. */
#ifndef BG_FEED_READING_H
#define BG_FEED_READING_H

#include <stdint.h>

#include "base/dict.h"
#include "base/grow.h"
#include "feed/feed.h"
#include "feed/json.h"
#include "feed/keys.h"

/* Ids of EC2 have 20 to 21 bytes. Longer than this they are refused. */
#define BG_ID_BYTES 127
#define BG_TEXT_BYTES 1024

/* So many warnings of a kind are added one by one, the rest is only counted. */
#define BG_WARNINGS_OF_A_KIND 100

enum bg_warning_kind {
	BG_WARN_UNKNOWN_KEY,
	BG_WARN_HOST_BITS,
	BG_WARN_REFERENCE,
	BG_WARN_GROUP,
	BG_WARN_RULE,
	BG_WARN_BRANCH,
	BG_WARN_CLAIM,
	BG_WARN_KINDS,
};

/* Members of a group: what a reference to it stands for. */
struct bg_members {
	char *group_id;
	struct bg_prefix *prefixes;
	size_t count;
};

struct bg_unknown {
	char *pointer; /* of the first one */
	char *pattern; /* the same with "*" for indices */
	size_t count;
};

/* Time-outs that an interface brings along. */
struct bg_tracking {
	char *interface_id;
	struct bg_timeouts timeouts; /* 0 = not given */
};

struct bg_feed {
	struct bg_model *model;
	bool keep_all; /* interfaces and accounts, one by one */
	bool has_interfaces;

	struct bg_dict groups;	   /* id → index in model->groups */
	struct bg_dict cidr_sets;  /* prefix (17 bytes) → index in model->sets */
	struct bg_dict list_sets;  /* id → index in model->sets */
	struct bg_dict group_sets; /* id → index in model->sets */
	size_t *first_rule;	   /* by set: the first rule that names it */

	struct bg_members *members;
	size_t member_groups;
	struct bg_dict members_by_id; /* group id → index in members */

	struct bg_dict accounts; /* group id → index in model->accounts */

	struct bg_tracking *tracking;
	size_t tracking_count;
	struct bg_dict tracking_by_id; /* interface id → index in tracking */

	size_t *default_groups; /* indices, sorted */
	size_t default_group_count;

	struct bg_unknown *unknown;
	size_t unknown_count, unknown_more;
	size_t unknown_keys; /* met so far, all objects together */
	struct bg_dict unknown_by_pattern;
	size_t warnings_of[BG_WARN_KINDS];
	struct bg_problems errors;
};

/* --- reading.c --- */

/* 5 days, EC2's limit for TCP; those of its other time-outs are lower. */
#define BG_MAX_TIMEOUT_S 432000

/* What is being done when memory is short. */
#define BG_READING "reading the feed"

/* NULL when out of memory. */
char *bg_text_dup(struct bg_text text);

/* `at` NULL: the document as a whole. 0 or -ENOMEM. */
int bg_warn(struct bg_feed *feed, enum bg_warning_kind kind, const struct bg_at *at,
	    const char *format, ...) __attribute__((format(printf, 4, 5)));
int bg_warn_pointer(struct bg_feed *feed, enum bg_warning_kind kind, const char *pointer,
		    const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Adds one warning for each kind of which some were only counted. */
int bg_warn_rest(struct bg_feed *feed);

/*
 * What stands at one place is wrong: that is noted, and reading goes on, so that all errors
 * are told at once. The model is not used then; only it must stay safe to add to. Returns 0
 * for an error that was noted, else `rc`: without memory, reading ends.
 */
int bg_noted(struct bg_feed *feed, int rc, const struct bg_error *err);

/* bg_json_fields() with warnings of unknown keys; a key that looks like one that is absent
 * is noted, and read as that one. */
int bg_feed_fields(struct bg_feed *feed, const struct bg_json *value, const struct bg_at *at,
		   enum bg_object object, struct bg_fields *fields, struct bg_error *err);

enum bg_family { BG_ANY_FAMILY, BG_IPV4, BG_IPV6 };

/* A CIDR or an address; bits behind its length are cleared with a warning. */
int bg_feed_prefix(struct bg_feed *feed, const struct bg_json *value, const struct bg_at *at,
		   enum bg_family family, struct bg_prefix *prefix, struct bg_error *err);
int bg_feed_addr(const struct bg_json *value, const struct bg_at *at, enum bg_family family,
		 struct bg_addr *addr, struct bg_error *err);

/* "tcp", "6", 6, ...; -1 only if `all`. */
int bg_feed_protocol(const struct bg_json *value, const struct bg_at *at, bool all, int *protocol,
		     struct bg_error *err);

/* --- groups.c, flat_rules.c --- */

int bg_feed_groups(struct bg_feed *feed, const struct bg_fields *root, size_t field,
		   struct bg_error *err);
int bg_feed_flat(struct bg_feed *feed, const struct bg_fields *root, size_t field,
		 struct bg_error *err);

/* The group with this id; a new one (unknown, without rules) if there is none. */
int bg_feed_group(struct bg_feed *feed, struct bg_text id, size_t *index, struct bg_error *err);
/* An array of group ids → indices, sorted, each once. */
size_t bg_sort_groups(size_t *groups, size_t count); /* returns how many are left */
int bg_feed_group_ids(struct bg_feed *feed, const struct bg_fields *fields, size_t field,
		      size_t **groups, size_t *count, struct bg_error *err);

/* IpProtocol, FromPort and ToPort of a rule, checked and normalized. */
struct bg_service {
	int protocol, from_port, to_port;
};
int bg_feed_service(struct bg_feed *feed, const struct bg_fields *fields, size_t protocol,
		    size_t from, size_t to, struct bg_service *service, struct bg_error *err);

int bg_feed_add_rule(struct bg_feed *feed, const struct bg_model_rule *rule, struct bg_error *err);

/* --- accounts.c --- */

/* Notes whose a group is; the first word counts. `account` may be absent, or none. */
int bg_feed_account(struct bg_feed *feed, struct bg_text group, const struct bg_json *account,
		    struct bg_error *err);

/* --- sets.c --- */

/* The set of a peer. If there is none: a new one with `make`, else *set is SIZE_MAX. */
int bg_cidr_set(struct bg_feed *feed, const struct bg_prefix *prefix, bool make, size_t *set,
		struct bg_error *err);
int bg_list_set(struct bg_feed *feed, struct bg_text id, bool make, size_t *set,
		struct bg_error *err);
int bg_group_set(struct bg_feed *feed, struct bg_text id, bool make, size_t *set,
		 struct bg_error *err);

int bg_feed_prefix_lists(struct bg_feed *feed, const struct bg_fields *root, size_t field,
			 struct bg_error *err);
/* *members, if not NULL: the index in feed->members of the group. */
int bg_add_member(struct bg_feed *feed, struct bg_text group_id, const struct bg_prefix *prefixes,
		  size_t count, size_t *members, struct bg_error *err);
/* After everything was read: puts members into the sets and warns of references that
 * nothing resolved. */
int bg_feed_resolve(struct bg_feed *feed, struct bg_error *err);

/* --- interfaces.c, node.c, branches.c --- */

int bg_feed_interface(struct bg_feed *feed, size_t index, const struct bg_json *value,
		      struct bg_error *err);
/* After everything was read: of the interfaces that are kept, which groups they are in. */
int bg_feed_resolve_interfaces(struct bg_feed *feed, struct bg_error *err);

/* Changes only those that the object gives. */
int bg_feed_timeouts(struct bg_feed *feed, const struct bg_fields *fields, size_t field,
		     struct bg_timeouts *timeouts, struct bg_error *err);
int bg_feed_node(struct bg_feed *feed, const struct bg_fields *root, size_t field,
		 struct bg_error *err);
/* What dev_valid_name() of the kernel accepts, without what would drive a terminal. */
bool bg_feed_name_is_valid(struct bg_text name);
/* Such a name, 1 to 15 bytes. */
int bg_feed_interface_name(const struct bg_fields *fields, size_t field, char name[16],
			   struct bg_error *err);
int bg_feed_branches(struct bg_feed *feed, const struct bg_fields *root, size_t field,
		     struct bg_error *err);

/* --- claims.c --- */

/* After node and branches were read: warns of what is claimed twice, and notes it in the
 * model. *contested: by branch, whether another one claims its id, VLAN or interface. The
 * dict has the addresses that are claimed twice. The caller releases both. */
int bg_feed_find_claims(struct bg_feed *feed, bool **contested, struct bg_dict *addresses,
			struct bg_error *err);

#endif
