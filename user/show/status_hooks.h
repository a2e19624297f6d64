/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is attached, and what is not: a part of struct bg_status. */
#ifndef BG_SHOW_STATUS_HOOKS_H
#define BG_SHOW_STATUS_HOOKS_H

#include "show/status.h"

/* Fills in ifaces, hooks and gaps. */
int bg_status_read_hooks(const struct bg_maps *maps, struct bg_status *status,
			 struct bg_error *err);

#endif
