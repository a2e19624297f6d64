/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The loaded BPF object: open, size, load, publish revisions, test-run.
 * Used in two ways: pinned (the daemon) and private (explain, packet tests,
 * bench: own maps, nothing pinned, gone when closed).
 */
#ifndef BG_DATAPATH_H
#define BG_DATAPATH_H

#include <stdbool.h>

#include "compile.h"
#include "error.h"
#include "model.h"
#include "registry.h"

struct branchguard_bpf; /* the skeleton, build/branchguard.skel.h */

struct bg_datapath_options {
	const char *pin_dir; /* NULL: private */
	__u32 image_blocks;  /* capacity of an image in KiB, 0 = default */
	__u32 max_flows;     /* rounded up to a power of two, 0 = default */
	__u32 max_rules;     /* 0 = default */
	__u32 max_branches;  /* 0 = default */
	bool trace;	     /* write the map `trace` (never when pinned) */
	bool no_short_way;
};

struct bg_datapath {
	struct branchguard_bpf *skel;
	struct bg_registry *registry;
	struct bg_datapath_options options; /* with the defaults filled in */
	__u32 revision;			    /* in force, 0 = none */
};

int bg_datapath_open(const struct bg_datapath_options *options, struct bg_datapath **datapath,
		     struct bg_error *err);
void bg_datapath_close(struct bg_datapath *datapath);

struct bg_publish_times {
	double compile_ms, publish_ms;
	size_t image_bytes;
	__u32 rules_added, rules_removed;
};

/*
 * Numbers, compiles and publishes the model as the next revision. Order: new
 * entries of `rules`, a new inner map filled and frozen, ONE update of the
 * outer map (the moment the revision is in force), then entries that only the
 * old revision used are cleared. On failure everything is as it was.
 */
int bg_datapath_publish(struct bg_datapath *datapath, struct bg_model *model,
			struct bg_publish_times *times, struct bg_error *err);

#endif
