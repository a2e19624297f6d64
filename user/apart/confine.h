/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a process beside the daemon gives up before it looks at anything foreign. */
#ifndef BG_APART_CONFINE_H
#define BG_APART_CONFINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/seccomp.h"

struct bg_confinement {
	size_t fd_count; /* of those that it was given; all others are closed */
	/* of which it is started: it sees by its socket that the daemon ends, and by nothing else.
	 * Else it ends with that thread. */
	bool outlives_thread;
	/* at most; 0 = as it is */
	size_t memory_bytes; /* of address space */
	size_t file_bytes;   /* of a file that it writes */
	unsigned int cpu_s;
	const struct bg_seccomp_rule *calls;
};

/*
 * For good: it has no capability, leaves no core, and makes no
 * other calls than those. One that it makes all the same ends it.
 */
int bg_confine(const struct bg_confinement *how, struct bg_error *err);

#endif
