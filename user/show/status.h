/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The state of a node's datapath: gathered once, then shown as text, JSON or metrics. */
#ifndef BG_SHOW_STATUS_H
#define BG_SHOW_STATUS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/build.h"
#include "base/error.h"
#include "pinned/maps_history.h"
#include "pinned/lock_holder.h"
#include "pinned/maps_read.h"
#include "pinned/maps_taken.h"

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
	__u32 vlan;    /* of the branch it serves, 0 = of none */
	bool shared;   /* programs of others are attached too: no short way */
	bool outdated; /* it is not the program that is pinned now: by what it judges is unknown */
	__u32 prog_id;
};

/* A program that must be at an interface and is not: what passes there is not judged. */
struct bg_gap {
	char interface[16];
	const char *program;
	__u32 vlan; /* of the branch that the interface serves, 0 = of none */
	__u32 ifindex;
	/* as the programs know it, where it is called otherwise and has none of them: somebody
	 * renamed it, or it is another one that got the ifindex; else "" */
	char was[16];
};

#define BG_GAP_DOUBT 80

/* "", or in brackets why it may be another interface. */
const char *bg_gap_doubt(const struct bg_gap *gap, char text[BG_GAP_DOUBT]);

struct bg_branch_status {
	struct bg_branch_row row;
	struct bg_counters counters[BG_DIRECTIONS];
	size_t flows[BG_FLOW_CLASSES];
	__u32 ifindex_now; /* of its interface, 0 = there is none */
	char called[16];   /* by which name, "" = that of the feed */
	bool down;	   /* it is there, but not up */
};

struct bg_look;

struct bg_status {
	struct bg_control control;
	bool daemon_runs;
	struct bg_lock_holder daemon;
	__u64 now_boottime_ns;

	struct bg_branch_status *branches;
	size_t branch_count, branch_capacity;
	struct bg_counters node[BG_DIRECTIONS]; /* of no branch */
	struct bg_iface *ifaces;		/* that the programs know */
	size_t iface_count;
	struct bg_taken taken; /* of the former and the latter, by somebody */
	struct bg_hook_status *hooks;
	size_t hook_count;
	struct bg_gap *gaps;
	size_t gap_count;
	size_t unpinned_count; /* programs that are attached by links without a pin */
	bool elsewhere;	       /* the pins are of another network namespace than this process */
	/* why some hooks could not be, NULL = all were: then what is armed is so by the
	 * daemon's word */
	const char *not_looked_at;

	struct bg_pod_row *pods;
	size_t pod_count;

	size_t flows[BG_FLOW_CLASSES];
	size_t probe_flows;   /* the live ones of probes, which have places of their own */
	size_t flow_capacity; /* places for all others: two for each of --max-flows */
	size_t fragments, fragment_capacity;
	size_t rules, rules_unused, rule_capacity;
	struct bg_rule *rule_list; /* by number; those in force have a revision */
	size_t rule_list_count;
	bool has_image;
	struct bg_header image;
	size_t image_capacity_bytes;

	bool has_pulse; /* else no daemon ever wrote one */
	struct bg_pulse pulse;
	struct bg_sighting_row *sightings;
	size_t sighting_count;
	struct bg_revision_row *revisions; /* the last ones, sorted */
	size_t revision_count;

	json_t *state;		     /* the state file (state_file.h), NULL = there is none */
	struct bg_error state_error; /* it cannot be known whether there is, and what it says */

	/* The caller's, from bg_health_look(): what status then says under "look at", too. */
	const struct bg_look *look;
};

/* Reads everything, but only the branch that `branch` names (NULL = all of them); after
 * success the caller frees it with bg_status_free(). */
int bg_status_read(const char *pin_dir, const char *branch, struct bg_status *status,
		   struct bg_error *err);
/* The same, with what the state file says in `state`: for the daemon, which must not wait for
 * the file. */
int bg_status_read_maps(const char *pin_dir, const char *branch, json_t *state,
			struct bg_status *status, struct bg_error *err);
void bg_status_free(struct bg_status *status);

/* What somebody took out of a map that people read, in words; false = nothing. */
#define BG_TAKEN_TEXT 200
bool bg_status_taken_ifaces(const struct bg_status *status, char text[BG_TAKEN_TEXT]);
bool bg_status_taken_branches(const struct bg_status *status, char text[BG_TAKEN_TEXT]);

/* Armed means attached: what the daemon wrote is compared with what is there. */
bool bg_branch_is_armed(const struct bg_status *status, const struct bg_branch_status *branch);

/* How long the daemon that runs has not been heard of; 0 when it was lately, or when no
 * daemon runs. */
#define BG_UNHEARD_NS (10 * BG_NS_PER_S)
__u64 bg_daemon_unheard_ns(const struct bg_status *status);
/* One holds the lock, and has not been heard of yet. */
bool bg_daemon_begins(const struct bg_status *status);

/* When an older revision has the name of the feed in force, but another content: its
 * number; else 0. */
__u32 bg_status_reused(const struct bg_status *status);

/* From the state file. The feed is the daemon's --feed, "" when not known; the refusal
 * is NULL when the feed as it is now is in force; lists may be NULL. */
const char *bg_status_feed(const struct bg_status *status);
__u64 bg_status_listeners(const struct bg_status *status, __u64 *lost);
/* Of what they lost, the last that came without a long pause: count - before, and when. */
struct bg_sighting bg_status_listener_losses(const struct bg_status *status);
const char *bg_status_refusal(const struct bg_status *status, __u64 *time_ns);
__u64 bg_status_refused_since(const struct bg_status *status); /* 0 = not known */
/* Of the document that was refused: up to 20, and how many there are. */
const json_t *bg_status_errors(const struct bg_status *status, size_t *count);
const json_t *bg_status_warnings(const struct bg_status *status, size_t *count);
/* What the feed lacks and is kept in force (Kind, Id, SinceNs), and what of it is left out
 * since others claim it, too (Pointer, What): of that up to 100, and how many there are. */
const json_t *bg_status_kept(const struct bg_status *status);
const json_t *bg_status_left_out(const struct bg_status *status, size_t *count);
const json_t *bg_status_interfaces(const struct bg_status *status); /* Interface, Text */

/* Each shows it all. Text: 0 or -ENOMEM. JSON: NULL when out of memory. */
int bg_status_print(FILE *out, const struct bg_status *status);
json_t *bg_status_json(const struct bg_status *status);
void bg_metrics_print(FILE *out, const struct bg_status *status, const struct bg_build *build);
/* With what was judged of it, and without drops that are 0: for a collector that asks often, of
 * many nodes. */
struct bg_health;
void bg_metrics_print_sparse(FILE *out, const struct bg_status *status,
			     const struct bg_build *build, const struct bg_health *health);

/*
 * What probably is wrong, each in one sentence, the most important first. What was counted
 * is left out once it has been quiet for BG_QUIET_NS. Pure.
 */
struct bg_cause {
	char subject[40]; /* a branch, an interface, or "node" */
	char text[400];
	__u64 since_ns; /* CLOCK_BOOTTIME, 0 = not known */
	__u64 last_ns;	/* of what was counted: when last; 0 = not known */
	bool or_later;	/* than since_ns: nobody was there to see it */
};

/* " (since 2026-11-27T00:42:00Z, last seen 3 s ago)"; "" when no time is known. `text`
 * holds BG_CAUSE_TIMES bytes; returns it. */
#define BG_CAUSE_TIMES 128
const char *bg_cause_times(const struct bg_cause *cause, __u64 now_boottime_ns, char *text);

/* The caller frees *causes. 0 or -ENOMEM. */
int bg_status_causes(const struct bg_status *status, struct bg_cause **causes, size_t *count);

static inline double bg_percent(size_t used, size_t capacity)
{
	return capacity ? 100.0 * (double)used / (double)capacity : 0;
}

/* From 90 % on. */
static inline bool bg_is_nearly_full(size_t used, size_t capacity)
{
	return capacity && used >= capacity - capacity / 10;
}

static inline size_t bg_status_image_kib(const struct bg_status *status)
{
	return status->has_image ? status->image.cells_used * sizeof(__u32) / 1024 : 0;
}

static inline size_t bg_flows_live(const size_t flows[BG_FLOW_CLASSES])
{
	size_t live = 0;

	for (int i = 0; i < BG_FLOWS_EXPIRED; i++)
		live += flows[i];
	return live;
}

/* So many of `flow_capacity` are taken. */
static inline size_t bg_status_flows_used(const struct bg_status *status)
{
	return bg_flows_live(status->flows) - status->probe_flows;
}

#endif
