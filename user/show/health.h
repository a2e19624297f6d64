/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Is the node guarded? From what is pinned and what the kernel says of the interfaces to
 * one line a concern and one verdict. Pure but for bg_health_look(); who serves it over a
 * socket or HTTP calls the same.
 */
#ifndef BG_SHOW_HEALTH_H
#define BG_SHOW_HEALTH_H

#include <jansson.h>
#include <stdio.h>

#include "guard/netdevs.h"
#include "show/status.h"

/* Also the exit status of `health`. */
enum bg_health_level {
	BG_HEALTH_WELL = 0,
	BG_HEALTH_DEGRADED = 1,	     /* what is in force holds, but something is wrong */
	BG_HEALTH_NOT_ENFORCING = 2, /* what no rule admits may pass, or nobody can tell */
};

/* "well", "degraded", "not-enforcing" */
const char *bg_health_name(enum bg_health_level level);

enum bg_concern {
	BG_CONCERN_DATAPATH,   /* can be looked at, and is of this network namespace */
	BG_CONCERN_DAEMON,     /* lives, and follows the interfaces */
	BG_CONCERN_ATTACHMENT, /* every program is where it must be, and comes first */
	BG_CONCERN_INTERFACES, /* all that must be guarded are, and lead where they should */
	BG_CONCERN_FEED,       /* is in force as it is now */
	BG_CONCERN_TABLES,     /* have room */
	BG_CONCERN_EVENTS,     /* reach who listens */
	BG_CONCERNS,
};

const char *bg_concern_name(enum bg_concern concern); /* "datapath", ... */

struct bg_health {
	enum bg_health_level level; /* the worst of all */
	struct {
		bool known; /* else it could not be looked at, and has no line */
		enum bg_health_level level;
		char text[600];
		__u64 since_ns; /* CLOCK_BOOTTIME, 0 = not known or well */
		bool or_later;	/* than that: nobody was there to see it */
	} concerns[BG_CONCERNS];
};

/* What was found beside the pins; belongs to ATTACHMENT or INTERFACES. */
struct bg_finding {
	enum bg_concern concern;
	enum bg_health_level level;
	char text[240];
};

/* What the kernel says of the interfaces. */
struct bg_look {
	const struct bg_netdev *netdevs;
	size_t netdev_count;
	struct bg_found_route *routes; /* by pod of the status: of what it sends */
	struct bg_finding *findings;
	size_t finding_count;
	struct bg_netdevs *table; /* that owns netdevs */
};

/* Asks the kernel, and adds what it finds at hooks and interfaces. */
int bg_health_look(const struct bg_status *status, struct bg_look *look, struct bg_error *err);
void bg_look_free(struct bg_look *look);

/* The part of it that needs no kernel: what look->netdevs and routes mean. 0 or -ENOMEM. */
int bg_look_at_interfaces(const struct bg_status *status, struct bg_look *look);

int bg_look_add(struct bg_look *look, enum bg_concern concern, enum bg_health_level level,
		const char *format, ...) __attribute__((format(printf, 4, 5)));

/* `look` NULL: the interfaces could not be looked at, `why`. */
void bg_health_judge(const struct bg_status *status, const struct bg_look *look, const char *why,
		     struct bg_health *health);

/* There is no status: nothing is loaded, or it must not be looked at. */
void bg_health_unseen(const char *why, struct bg_health *health);

void bg_health_print(FILE *out, const struct bg_health *health, __u64 now_boottime_ns);
json_t *bg_health_json(const struct bg_health *health); /* NULL when out of memory */

#endif
