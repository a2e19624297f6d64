/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A revision on its way into force, in steps, so that what may take long can be done in a
 * thread beside a loop. In this order:
 *
 *	bg_publish_rules	new entries of `rules`			thread
 *	bg_publish_branches	new entries of `branches`		loop
 *	bg_publish_image	the one update that puts it in force	thread
 *	bg_publish_retire	entries of `rules` that only the old one used	thread
 *	bg_publish_end		the same of `branches`; it is said	loop
 *
 * `branches` is the loop's, which notes in it what is armed; `rules`, the copy of it and the
 * numbers are whose turn it is. Before _end() every step may be followed by _take_back().
 */
#ifndef BG_DATAPATH_PUBLISH_H
#define BG_DATAPATH_PUBLISH_H

#include "datapath/datapath.h"

/* What the maps held before, of entries that this one wrote. */
struct bg_old_rule {
	__u32 number;
	bool present;
	struct bg_rule rule;
};

struct bg_old_branch {
	__u32 vlan;
	bool present;
	struct bg_branch_info info;
};

struct bg_publish {
	struct bg_datapath *datapath;
	const struct bg_model *model;
	__u32 revision;
	struct bg_old_rule *old_rules;
	size_t old_rule_count;
	struct bg_old_branch *old_branches;
	size_t old_branch_count;
	__u32 rules_removed;
	double spent_ms; /* all steps, without the time between them */
};

/* `datapath` NULL in it: there is none. `revision`: the next one, or that which is in force
 * already. What a step that fails has done stays to be taken back. */
int bg_publish_rules(struct bg_publish *publish, struct bg_datapath *datapath,
		     const struct bg_model *model, __u32 revision, struct bg_error *err);
int bg_publish_branches(struct bg_publish *publish, struct bg_error *err);
/* *image_fd stays the caller's if it is still open then. */
int bg_publish_image(struct bg_publish *publish, int *image_fd, struct bg_error *err);
void bg_publish_retire(struct bg_publish *publish);

/* Both let go of it. */
void bg_publish_end(struct bg_publish *publish, struct bg_publish_times *times);
void bg_publish_take_back(struct bg_publish *publish);

/* --- of one map each ---------------------------------------------------------- */

int bg_publish_rules_write(struct bg_publish *publish, struct bg_error *err);
void bg_publish_rules_take_back(struct bg_publish *publish);
void bg_publish_rules_clear(struct bg_publish *publish);
__u32 bg_publish_rules_new(const struct bg_publish *publish);

int bg_publish_branches_write(struct bg_publish *publish, struct bg_error *err);
void bg_publish_branches_take_back(struct bg_publish *publish);
void bg_publish_branches_clear(struct bg_publish *publish, struct bg_publish_times *times);

#endif
