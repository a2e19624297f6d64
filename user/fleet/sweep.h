/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From what kubectl and aws print to parts, once: `build` does it once, `publish` again and again. */
#ifndef BG_FLEET_SWEEP_H
#define BG_FLEET_SWEEP_H

#include "fleet/gather/node_feed.h"
#include "fleet/parts/part_set.h"
#include "source/file.h"

#define BG_SHRINK_PERCENT 20 /* --max-shrink, where it is not given */

struct bg_sweep_wanted {
	char **files; /* inputs.h */
	size_t file_count;
	/* NULL, or: puts what EC2 describes into the model; then no file may have that. */
	int (*take_described)(const void *from, struct bg_cluster *cluster, struct bg_error *err);
	const void *described_from;
	/* The same of what an API server has. */
	int (*take_objects)(const void *from, struct bg_cluster *cluster, struct bg_error *err);
	const void *objects_from;
	enum bg_file_kind kind;	   /* of these files */
	const char *settings_path; /* NULL: none */
	int mode;		   /* of all branches, as an index in bg_sweep_modes */
	__u32 max_shrink_percent;  /* parts/make.h */
};

extern const char *const bg_sweep_modes[]; /* ends with NULL */

/* {} at first. */
struct bg_sweep {
	struct bg_cluster cluster;
	struct bg_settings settings;
	char *settings_text;
};

/* Settings and answers into a model that is whole. */
int bg_sweep_read(const struct bg_sweep_wanted *wanted, struct bg_sweep *sweep,
		  struct bg_error *err);
/* *made are the parts that should be where `old` was read. */
int bg_sweep_make(const struct bg_sweep_wanted *wanted, struct bg_sweep *sweep,
		  struct bg_part_set *old, struct bg_part_set *made, struct bg_error *err);
void bg_sweep_release(struct bg_sweep *sweep);

#endif
