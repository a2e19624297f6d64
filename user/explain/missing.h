/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The rule that a denied packet lacks: in words, in EC2's own shape, and as the command
 * that adds it. Pure.
 */
#ifndef BG_EXPLAIN_MISSING_H
#define BG_EXPLAIN_MISSING_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "explain/question.h"

/* No interface is in more groups, nor shown in more lists. */
#define BG_MISSING_PEERS 16

struct bg_missing {
	const char *owner;		    /* "eni-0b2c", "the node" */
	const char *const *groups;	    /* the rule may be added to any of them; without one */
	size_t group_count;		    /* nothing can be allowed */
	bool groups_unknown;		    /* it may have some */
	const struct bg_question *question; /* direction, service, and the remote */
	/* What the remote is in, to be named instead of its address: groups, or else
	 * prefix lists, the narrowest first. */
	const char *peers[BG_MISSING_PEERS];
	size_t peer_count;
	bool peers_are_lists;
	const char *peer_account; /* of the first group, which is another one's; or NULL */
};

/* "a rule of eni-0b2c's groups (sg-a): egress tcp 5432 to sg-0db"; `text` holds
 * BG_MISSING_TEXT bytes. */
#define BG_MISSING_TEXT 1024
const char *bg_missing_text(const struct bg_missing *missing, char *text);

/* "aws ec2 authorize-security-group-egress ...", whatever the ids are, for a shell;
 * "" when there is no group to add the rule to. `text` holds BG_MISSING_TEXT bytes. */
const char *bg_missing_command(const struct bg_missing *missing, char *text);

/* {"Owner","GroupIds","Direction","IpPermission","Text","Command"}; NULL when out of
 * memory. */
json_t *bg_missing_json(const struct bg_missing *missing);

#endif
