/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the daemon may still ask the kernel for. */
#ifndef BG_DAEMON_CALLS_H
#define BG_DAEMON_CALLS_H

#include "base/error.h"

/*
 * From here on this process, its threads and what it starts make no system calls but those that the daemon
 * makes; what else is tried fails by EPERM and stands in the log. For good.
 */
int bg_daemon_limit_calls(struct bg_error *err);

#endif
