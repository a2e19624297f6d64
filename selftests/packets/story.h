/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Packet stories: packets one after the other, each with what must become of it.
 * Every story starts with an empty flow table and is told three times, with TC,
 * with XDP on the branch and with XDP on the trunk judging ingress: the verdict
 * must be the same. Of every packet these are checked: what the program returned,
 * the reason in the trace, exactly one counter moved and that by one, the rule,
 * and, where the step says so, the flow afterwards.
 */
#ifndef STORY_H
#define STORY_H

#include "rig.h"

#define IN BG_INGRESS /* toward the pod */
#define OUT BG_EGRESS /* from the pod */

#define R(name) BG_REASON_##name

#define NO_FLOW "none"
#define MOST_STEPS 24

struct step {
	const char *says;	/* ends the story when NULL */
	unsigned int wait_s;	/* time passes before it */
	const char *publish;	/* a feed comes into force before it */
	enum bg_direction goes; /* IN, OUT */
	bool own;		/* OUT: the node itself sends it, not the pod */
	struct pkt pkt;		/* .from NULL and no ethertype: no packet, only the above */
	enum bg_reason expect;
	const char *rule; /* sgr id that admitted it, NULL = none */
	const char *node_rule;
	const char *flow; /* bg_flow_state() afterwards, or NO_FLOW; NULL = not looked at */
	__u32 timeout_s;  /* of that flow; 0 = not looked at */
	__u32 vlan;	  /* of the branch, 0 = BRANCH_A */
};

/* A story is judged TC only where the hook makes a difference that is meant. */
struct story {
	const char *name;
	const char *feed; /* NULL = the one given to tell_stories() */
	bool tc_only;
	struct step steps[MOST_STEPS];
};

/* Runs all of them as one cmocka group; the exit status of the program. */
int tell_stories(const char *group, const struct story *stories, size_t count, const char *feed);

#define TELL(STORIES, FEED)                                                                        \
	tell_stories(#STORIES, STORIES, sizeof(STORIES) / sizeof((STORIES)[0]), FEED)

#endif
