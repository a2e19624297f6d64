/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The state of a node's datapath: gathered once, then shown as text, JSON or metrics. */
#ifndef BG_SHOW_STATUS_H
#define BG_SHOW_STATUS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"
#include "pinned/lock_holder.h"
#include "pinned/maps_read.h"

enum bg_flow_class {
	BG_FLOWS_HALF_OPEN, /* seen in one direction only */
	BG_FLOWS_REPLIED,
	BG_FLOWS_ASSURED,
	BG_FLOWS_CLOSING, /* a FIN or a RST was seen */
	BG_FLOWS_EXPIRED, /* no more; a new flow may take its place */
	BG_FLOW_CLASSES,
};

/* "half_open", ... */
extern const char *const bg_flow_class_names[BG_FLOW_CLASSES];

/* A pinned program that runs at an interface. */
struct bg_hook_status {
	__u32 ifindex;	    /* 0 = the interface is gone */
	char interface[16]; /* "" = the interface is gone */
	const char *where;  /* "xdp", "ingress", "egress" */
	const char *by;	    /* "xdp", "tcx", "clsact" */
	char program[24];
	__u32 vlan;  /* of the branch it serves, 0 = of none */
	bool shared; /* programs of others are attached too: no short way */
};

/* A program that must be at an interface and is not: what passes there is not judged. */
struct bg_gap {
	char interface[16];
	const char *program;
	__u32 vlan; /* of the branch that the interface serves, 0 = of none */
};

struct bg_branch_status {
	struct bg_branch_row row;
	struct bg_counters counters[BG_DIRECTIONS];
	size_t flows[BG_FLOW_CLASSES];
	__u32 ifindex_now; /* of that interface name, 0 = there is none */
};

struct bg_status {
	struct bg_control control;
	bool daemon_runs;
	struct bg_lock_holder daemon;
	__u64 now_boottime_ns;

	struct bg_branch_status *branches;
	size_t branch_count;
	struct bg_counters node[BG_DIRECTIONS]; /* of no branch */
	struct bg_hook_status *hooks;
	size_t hook_count;
	struct bg_gap *gaps;
	size_t gap_count;

	struct bg_pod_row *pods;
	size_t pod_count;

	size_t flows[BG_FLOW_CLASSES];
	size_t flow_capacity; /* --max-flows; the table has twice as many places */
	size_t fragments, fragment_capacity;
	size_t rules, rules_unused, rule_capacity;
	bool has_image;
	struct bg_header image;
	size_t image_capacity_bytes;

	json_t *state; /* the state file (state_file.h), NULL = there is none */
};

/* Reads everything, but only the branch that `branch` names (NULL = all of them); after
 * success the caller frees it with bg_status_free(). */
int bg_status_read(const char *pin_dir, const char *branch, struct bg_status *status,
		   struct bg_error *err);
void bg_status_free(struct bg_status *status);

/* Armed means attached: what the daemon wrote is compared with what is there. */
bool bg_branch_is_armed(const struct bg_status *status, const struct bg_branch_status *branch);

/* From the state file. The feed is the daemon's --feed, "" when not known; the refusal
 * is NULL when the feed as it is now is in force; lists may be NULL. */
const char *bg_status_feed(const struct bg_status *status);
const char *bg_status_refusal(const struct bg_status *status, __u64 *time_ns);
const json_t *bg_status_warnings(const struct bg_status *status, size_t *count);
const json_t *bg_status_interfaces(const struct bg_status *status); /* Interface, Text */

/* Each shows it all. Text: 0 or -ENOMEM. JSON: NULL when out of memory. */
int bg_status_print(FILE *out, const struct bg_status *status);
json_t *bg_status_json(const struct bg_status *status);
void bg_metrics_print(FILE *out, const struct bg_status *status);

/* What probably is wrong, each in one sentence, the most important first. Pure. */
struct bg_cause {
	char subject[40]; /* a branch, an interface, or "node" */
	char text[400];
};

/* The caller frees *causes. 0 or -ENOMEM. */
int bg_status_causes(const struct bg_status *status, struct bg_cause **causes, size_t *count);

static inline size_t bg_flows_live(const size_t flows[BG_FLOW_CLASSES])
{
	size_t live = 0;

	for (int i = 0; i < BG_FLOWS_EXPIRED; i++)
		live += flows[i];
	return live;
}

#endif
