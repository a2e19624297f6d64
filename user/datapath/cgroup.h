/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* By what the programs know a cgroup: its id and its level. */
#ifndef BG_DATAPATH_CGROUP_H
#define BG_DATAPATH_CGROUP_H

#include "base/error.h"
#include "types.h"

/* Id and level (0 = the root) of a cgroup v2 directory. The root must be the host's, so
 * in a container the host's /sys/fs/cgroup must be mounted. */
int bg_cgroup_find(const char *path, __u64 *id, __u32 *level, struct bg_error *err);

#endif
