/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How the kernel names a cgroup. */
#ifndef BG_DATAPATH_CGROUP_H
#define BG_DATAPATH_CGROUP_H

#include "base/error.h"
#include "types.h"

/* Id and level (0 = the root) of a cgroup v2 directory. The root must be the
 * host's: a container sees it through a mount of /sys/fs/cgroup. */
int bg_cgroup_find(const char *path, __u64 *id, __u32 *level, struct bg_error *err);

#endif
