/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Removing everything that a daemon made. */
#ifndef BG_DAEMON_UNLOAD_H
#define BG_DAEMON_UNLOAD_H

#include <stdbool.h>

#include "base/error.h"

struct bg_unloaded {
	unsigned int links, filters, qdiscs, pins;
	unsigned int left; /* interfaces of another namespace that had filters; is it no more? */
};

/*
 * For the network namespace in which the daemon ran, after its end. The pins say what
 * is ours: links that are pinned, and filters whose program is pinned or uses a
 * pinned map. -EBUSY: a daemon holds the directory. -ENOENT: nothing is there.
 * -EXDEV: it is another network namespace's, and not `any_netns`; with that the links
 * go, while filters stay as long as that namespace does.
 */
int bg_unload(const char *pin_dir, bool any_netns, struct bg_unloaded *unloaded,
	      struct bg_error *err);

#endif
