/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Keeps a node's feed what the parts of a directory make of it. */
#ifndef BG_FLEET_FOLLOW_PARTS_H
#define BG_FLEET_FOLLOW_PARTS_H

#include "fleet/feed_kept.h"

/* Is there a program for this source? -EINVAL: none. */
int bg_follow_check(const char *source, struct bg_error *err);
/* Until the process is ended, or when it cannot even begin. */
int bg_follow_run(const struct bg_follow *follow, struct bg_error *err);

#endif
