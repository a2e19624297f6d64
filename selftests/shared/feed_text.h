/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Feeds written in tests, and models as text that tests compare. */
#ifndef FEED_TEXT_H
#define FEED_TEXT_H

#include "feed/feed.h"

/* The example of the documentation, whole. */
extern const char *const feed_example;

/* `text` with " for every ', and its length; the caller frees. Not terminated, so that
 * a sanitizer sees a step beyond. */
char *json_of(const char *text, size_t *length);

/* In `text`, ' stands for ". Returns the parser's answer; `name` is "feed". */
int feed_try(const char *text, struct bg_model **model, struct bg_error *err);

/* The model, or the test fails with the error; with what is beyond the node, too. */
struct bg_model *feed_parse(const char *text);
struct bg_model *feed_parse_all(const char *text);

/* The error's text after "feed: " or "feed:"; the test fails when the feed is taken. */
const char *feed_error(const char *text, struct bg_error *err);

/* "FeedVersion" and a group without rules, and what is given besides. */
#define FEED_WITH(more)                                                                            \
	"{'FeedVersion':1,'SecurityGroups':[{'GroupId':'sg-1'},{'GroupId':'sg-2'}]," more "}"
/* One branch with this besides Id and VlanId. */
#define FEED_BRANCH(more) FEED_WITH("'Branches':[{'Id':'eni-1','VlanId':9," more "}]")
/* One pod with this besides addresses. */
#define FEED_POD(more)                                                                             \
	FEED_BRANCH("'Pods':[{'Namespace':'shop','Name':'cart-0','Addresses':['10.0.0.9']," more   \
		    "}]")
/* Ingress permissions of sg-1. */
#define FEED_RULES(permissions)                                                                    \
	"{'FeedVersion':1,'SecurityGroups':[{'GroupId':'sg-1','IpPermissions':[" permissions "]}]}"

/* All of the model but its time-outs, or only some kinds of lines; the caller frees.
 *	group sg-1 pay
 *	  sgr-01 ingress 6 5432-5432 10.0.0.0/16
 *	set sg-2: 10.0.0.9/32 10.0.48.0/28
 *	branch eni-1 9 vlan.eth.9 strict: sg-1 sg-2
 *	  pod shop/cart-0 vlan0365022ad4d: 10.0.0.9 (6/8080)
 *	warning /Nod: ...
 */
enum feed_lines {
	FEED_GROUPS = 1,
	FEED_SETS = 2,
	FEED_BRANCHES = 4,
	FEED_WARNINGS = 8,
	FEED_ALL = 15,
};
char *feed_describe(const struct bg_model *model, int lines);

/* The text that feed_describe() gives for this feed. */
void feed_is(const char *text, int lines, const char *expected);

#endif
