/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who holds an flock, as far as this process may know. */
#ifndef BG_PINNED_LOCK_HOLDER_H
#define BG_PINNED_LOCK_HOLDER_H

#include <stdbool.h>

struct bg_lock_holder {
	int pid;       /* in this process's pid namespace, 0 = not seen from here */
	char name[16]; /* its comm, "" when not known */
};

/* Does somebody hold an exclusive flock on what this path names? Nothing is
 * locked for that, unless /proc/locks does not show it: then for a moment. A
 * path that cannot be opened is held by nobody. */
bool bg_lock_held(const char *path, struct bg_lock_holder *holder);

#endif
