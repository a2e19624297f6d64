/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which process holds an flock, if that can be seen from here. */
#ifndef BG_PINNED_LOCK_HOLDER_H
#define BG_PINNED_LOCK_HOLDER_H

#include <stdbool.h>

#include <linux/types.h>

struct bg_lock_holder {
	int pid;	  /* in this process's pid namespace, 0 = not seen from here */
	char name[16];	  /* its comm, "" when not known */
	__u64 started_ns; /* CLOCK_BOOTTIME when it began, 0 = not known */
	bool hidden;	  /* whether there is one cannot be seen from here */
};

/* Does a process hold an exclusive flock on this file or directory? If /proc/locks does
 * not show one, the answer comes from taking a shared lock for a moment; who may not open
 * the path, in a pid namespace of its own, does not see it. */
bool bg_lock_held(const char *path, struct bg_lock_holder *holder);

#endif
