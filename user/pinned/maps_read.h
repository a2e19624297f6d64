/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The pinned maps, read by a process that is not the daemon. No lock is taken: when a
 * revision is published meanwhile, one map may show it and another not yet.
 */
#ifndef BG_PINNED_MAPS_READ_H
#define BG_PINNED_MAPS_READ_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/error.h"
#include "flow.h"
#include "image.h"
#include "maps.h"
#include "pinned/maps_open.h"

int bg_maps_control(const struct bg_maps *maps, struct bg_control *control, struct bg_error *err);

/* Branches with their VLAN ids, sorted by it; the caller frees *branches. */
struct bg_branch_row {
	__u32 vlan;
	struct bg_branch_info info;
};
int bg_maps_branches(const struct bg_maps *maps, struct bg_branch_row **branches, size_t *count,
		     struct bg_error *err);

/* How many branches can have counters of their own. */
int bg_maps_branch_capacity(const struct bg_maps *maps, size_t *capacity, struct bg_error *err);

/*
 * Rules by their number, up to the largest one; the caller frees *rules. One that is not
 * in force any more has revision 0 and its text. *capacity: how many rules there can be;
 * may be NULL.
 */
int bg_maps_rules(const struct bg_maps *maps, struct bg_rule **rules, size_t *count,
		  size_t *capacity, struct bg_error *err);

/* Calls `each` for every interface that the programs know, until one call returns
 * another value than 0, and returns that value. */
int bg_maps_ifaces(const struct bg_maps *maps,
		   int (*each)(const struct bg_iface *iface, void *context), void *context,
		   struct bg_error *err);

/* Pod addresses with where they are, sorted by VLAN id and address; the caller
 * frees *pods. */
struct bg_pod_row {
	struct bg_addr address;
	struct bg_pod pod;
};
int bg_maps_pods(const struct bg_maps *maps, struct bg_pod_row **pods, size_t *count,
		 struct bg_error *err);

void bg_counters_add(struct bg_counters *sum, const struct bg_counters *more);

/* The sum over all CPUs of one slot, by direction. */
int bg_maps_counters(const struct bg_maps *maps, __u32 slot,
		     struct bg_counters counters[BG_DIRECTIONS], struct bg_error *err);

/* Calls `each` for every place of the flow table that is in use, expired flows too,
 * until one call returns another value than 0, and returns that value. *capacity: all
 * places; may be NULL. */
int bg_maps_flows(const struct bg_maps *maps,
		  int (*each)(const struct bg_flow *flow, void *context), void *context,
		  size_t *capacity, struct bg_error *err);

/* Datagrams under reassembly: entries not older than 30 s. */
int bg_maps_fragments(const struct bg_maps *maps, size_t *used, size_t *capacity,
		      struct bg_error *err);

/* Header of the image in force. *found is false when there is none. */
int bg_maps_image(const struct bg_maps *maps, struct bg_header *header, size_t *capacity_bytes,
		  bool *found, struct bg_error *err);

/* The branch of a VLAN or of a tag in these rows, or NULL. */
const struct bg_branch_row *bg_branch_of_vlan(const struct bg_branch_row *branches, size_t count,
					      __u32 vlan);
const struct bg_branch_row *bg_branch_of_tag(const struct bg_branch_row *branches, size_t count,
					     __u32 tag);

/* The branch that a user names by id, VLAN id or interface; NULL: there is none, and
 * *err lists those that there are. */
const struct bg_branch_row *bg_branch_find(const struct bg_branch_row *branches, size_t count,
					   const char *name, struct bg_error *err);

#endif
