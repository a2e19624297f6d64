/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The cases in which a packet is judged, and what each of them asks: all that differs
 * from hook to hook. A hook says by case_is() which one it has; nothing else sets
 * c->asks. README.md in this folder has the same table for people.
 */
#ifndef BG_CASES_H
#define BG_CASES_H

#include "flow.h"
#include "reason.h"

enum bg_case_kind {
	BG_CASE_ENTERS,	       /* comes in by its branch */
	BG_CASE_LEAVES_HOST,   /* the node's own packet leaves by a branch */
	BG_CASE_LEAVES_SHORT,  /* leaves by its branch, straight from the pod's veth */
	BG_CASE_LEAVES_STACK,  /* through the node's stack; at the veth the source was right */
	BG_CASE_LEAVES_ASTRAY, /* leaves by a branch, and no program at a veth has marked it */
	BG_CASE_AT_VETH,       /* a strict pod's, before it is known where it goes */
	BG_CASE_TO_SERVICE,    /* from a strict pod's veth to a node-local service */
	BG_CASE_FROM_SERVICE,  /* and the answer */
	BG_CASE_PROBE_BEGINS,  /* first packet of a probe */
	BG_CASE_PROBE,	       /* another one of its flow, */
	BG_CASE_PROBE_ANSWER,  /* and the answer, from the pod's veth */
	BG_CASE_ERROR_OF_NODE, /* the node's own, about what a strict pod has just sent */
	BG_CASE_TO_SIBLING,    /* from a strict pod to another of its branch: the sender's side, */
	BG_CASE_FROM_SIBLING,  /* and the receiver's */
	BG_CASE_FROM_ITSELF,   /* to the strict pod that has sent it */
	BG_CASE_STANDARD_LEAVES,  /* from a standard pod's veth to the primary interface */
	BG_CASE_STANDARD_ENTERS,  /* to its veth, from there */
	BG_CASE_PRIMARY_ENTERS,	  /* comes in by the primary interface, for a standard pod */
	BG_CASE_PRIMARY_LEAVES,	  /* leaves by it, with the node's address, not judged before */
	BG_CASE_PRIMARY_LEAVES_ON /* the branch's groups have admitted it at the veth */
};

/* Whose rules must admit the first packet of a flow. */
enum bg_rules_of {
	BG_RULES_OF_NOBODY = 0, /* none can: it belongs to a flow, or does not pass */
	BG_RULES_OF_BRANCH,
	BG_RULES_OF_NODE,     /* where the feed has node groups */
	BG_RULES_OF_CROSSING, /* the branch's; of a standard pod, unless "per-interface", both */
	BG_RULES_OF_PRIMARY,  /* the node's; unless "per-interface", both */
};

/* Whose the packet's flow is. */
enum bg_key_of {
	BG_KEY_OF_BRANCH = 0,
	BG_KEY_OF_PROBE = BG_FLOW_KEY_PROBE, /* apart from what the branch has */
	BG_KEY_OF_NODE = 1,		     /* of the node's own address: of no branch */
};

struct bg_asks {
	enum bg_rules_of rules;
	enum bg_reason exempt; /* the reason why no rule is asked, NONE = rules are */
	enum bg_reason
		foreign; /* if the pod's end is no address of the branch, NONE = any may be */
	enum bg_key_of key;
	__u32 on_link;	   /* the other end may be one that talks with the node on the link */
	__u32 set_flags;   /* that its flow gets, */
	__u32 clear_flags; /* and that it loses; enum bg_flow_flag */
};

/* A table, to be read by row */
/* clang-format off */
static const struct bg_asks bg_cases[] = {
/*	 case			      rules of		     admitted without        else, foreign		  flow of	     link flow gets		   and loses */
	[BG_CASE_ENTERS]	   = { BG_RULES_OF_CROSSING, BG_REASON_NONE,	   BG_REASON_NOT_OURS,	     BG_KEY_OF_BRANCH, 1,   0,		     0 },
	[BG_CASE_LEAVES_HOST]	   = { BG_RULES_OF_CROSSING, BG_REASON_NONE,	   BG_REASON_SPOOFED,	     BG_KEY_OF_BRANCH, 1,   BG_FLOW_STACK,	     0 },
	[BG_CASE_LEAVES_SHORT]	   = { BG_RULES_OF_CROSSING, BG_REASON_NONE,	   BG_REASON_SPOOFED,	     BG_KEY_OF_BRANCH, 0,   0,		     BG_FLOW_STACK },
	[BG_CASE_LEAVES_STACK]	   = { BG_RULES_OF_CROSSING, BG_REASON_NONE,	   BG_REASON_FOREIGN_SOURCE, BG_KEY_OF_BRANCH, 0,   BG_FLOW_STACK,	     0 },
	[BG_CASE_LEAVES_ASTRAY]	   = { BG_RULES_OF_CROSSING, BG_REASON_NONE,	   BG_REASON_SPOOFED,	     BG_KEY_OF_BRANCH, 0,   BG_FLOW_STACK,	     0 },
	[BG_CASE_AT_VETH]	   = { BG_RULES_OF_NOBODY,   BG_REASON_NONE,	   BG_REASON_SPOOFED,	     BG_KEY_OF_BRANCH, 1,   0,		     0 },
	[BG_CASE_TO_SERVICE]	   = { BG_RULES_OF_BRANCH,   BG_REASON_NONE,	   BG_REASON_SPOOFED,	     BG_KEY_OF_BRANCH, 0,   BG_FLOW_LOCAL_SERVICE, 0 },
	[BG_CASE_FROM_SERVICE]	   = { BG_RULES_OF_BRANCH,   BG_REASON_NONE,	   BG_REASON_NOT_OURS,	     BG_KEY_OF_BRANCH, 0,   0,		     0 },
	[BG_CASE_PROBE_BEGINS]	   = { BG_RULES_OF_NOBODY,   BG_REASON_PROBE,	   BG_REASON_NOT_OURS,	     BG_KEY_OF_PROBE,  0,   BG_FLOW_PROBE,	     0 },
	[BG_CASE_PROBE]		   = { BG_RULES_OF_NOBODY,   BG_REASON_NONE,	   BG_REASON_NOT_OURS,	     BG_KEY_OF_PROBE,  0,   0,		     0 },
	[BG_CASE_PROBE_ANSWER]	   = { BG_RULES_OF_NOBODY,   BG_REASON_NONE,	   BG_REASON_SPOOFED,	     BG_KEY_OF_PROBE,  0,   0,		     0 },
	[BG_CASE_ERROR_OF_NODE]	   = { BG_RULES_OF_NOBODY,   BG_REASON_ICMP_ERROR, BG_REASON_NOT_OURS,	     BG_KEY_OF_BRANCH, 0,   0,		     0 },
	[BG_CASE_TO_SIBLING]	   = { BG_RULES_OF_CROSSING, BG_REASON_NONE,	   BG_REASON_FOREIGN_SOURCE, BG_KEY_OF_BRANCH, 0,   BG_FLOW_STACK,	     0 },
	[BG_CASE_FROM_SIBLING]	   = { BG_RULES_OF_CROSSING, BG_REASON_NONE,	   BG_REASON_NOT_OURS,	     BG_KEY_OF_BRANCH, 0,   BG_FLOW_STACK,	     0 },
	[BG_CASE_FROM_ITSELF]	   = { BG_RULES_OF_NOBODY,   BG_REASON_UNFILTERED, BG_REASON_NOT_OURS,	     BG_KEY_OF_PROBE,  0,   BG_FLOW_STACK,	     0 },
	[BG_CASE_STANDARD_LEAVES]  = { BG_RULES_OF_BRANCH,   BG_REASON_NONE,	   BG_REASON_SPOOFED,	     BG_KEY_OF_BRANCH, 0,   0,		     0 },
	[BG_CASE_STANDARD_ENTERS]  = { BG_RULES_OF_CROSSING, BG_REASON_UNFILTERED, BG_REASON_NOT_OURS,	     BG_KEY_OF_BRANCH, 0,   BG_FLOW_PRIMARY,	     0 },
	[BG_CASE_PRIMARY_ENTERS]   = { BG_RULES_OF_PRIMARY,  BG_REASON_NONE,	   BG_REASON_NOT_OURS,	     BG_KEY_OF_BRANCH, 0,   0,		     0 },
	[BG_CASE_PRIMARY_LEAVES]   = { BG_RULES_OF_PRIMARY,  BG_REASON_NONE,	   BG_REASON_NONE,	     BG_KEY_OF_NODE,   0,   0,		     0 },
	[BG_CASE_PRIMARY_LEAVES_ON] = { BG_RULES_OF_NODE,    BG_REASON_NONE,	   BG_REASON_NONE,	     BG_KEY_OF_NODE,   0,   0,		     0 },
};
/* clang-format on */

#endif
