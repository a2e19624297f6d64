/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The daemon: load, attach, then follow the feed and the interfaces. */
#ifndef BG_DAEMON_DAEMON_H
#define BG_DAEMON_DAEMON_H

#include <stdbool.h>

#include "base/build.h"
#include "datapath/attach.h"
#include "datapath/datapath.h"
#include "guard/plan.h"

#define BG_KEEP_LOST_FOR_EVER 0xffffffffu

struct bg_daemon_options {
	const char *feed; /* path, "-" = stdin (with once only) */
	const char *pin_dir;
	const char *group;	  /* whose members may read the maps, NULL = nobody */
	const char *metrics_file; /* for node_exporter, NULL = none */
	struct bg_build build;
	bool require_owner; /* of the feed: root or this user, and no other may write it */
	bool once;	    /* stop when everything is in force */
	__u32 keep_lost_s;  /* how long to keep what lives and the feed lacks */
	enum bg_xdp_choice xdp;
	enum bg_attach_choice attach;
	struct bg_datapath_options datapath; /* pin_dir is set by the daemon */
};

/*
 * Returns 0 when SIGTERM or SIGINT ends it, or an error when it could not start. All
 * that is in force stays so, however it ends.
 */
int bg_daemon_run(const struct bg_daemon_options *options, struct bg_error *err);

#endif
