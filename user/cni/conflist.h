/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Somebody else's list of plugins with ours at its end. Pure. */
#ifndef BG_CNI_CONFLIST_H
#define BG_CNI_CONFLIST_H

#include <stdbool.h>

#include "base/json_writer.h"
#include "cni/network_config.h"

#define BG_CNI_TYPE "branchguard-cni" /* the plugin, and its file in the runtime's folder */

/* What our entry in the list says. */
struct bg_conflist_entry {
	int failure; /* enum bg_gate_failure */
	int timeout_s;
	const char *pin_dir;
};

/*
 * Their text as it is, with our entry behind their last plugin; if the list has ours already,
 * their text alone. *merged is all 0 at first, and the caller's. -EINVAL: it is not a list of
 * plugins that we could be called in; *err has what and where.
 */
int bg_conflist_merge(struct bg_text theirs, const struct bg_conflist_entry *entry,
		      struct bg_json_writer *merged, struct bg_error *err);

/* Is it a list that a runtime could use, without our plugin? */
bool bg_conflist_is_others(struct bg_text text);

#endif
