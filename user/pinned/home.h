/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The network namespace that the pins belong to: map `home`. */
#ifndef BG_PINNED_HOME_H
#define BG_PINNED_HOME_H

#include "base/error.h"
#include "maps.h"

/* What the network namespace of this process is known by. */
int bg_home_here(struct bg_home *home, struct bg_error *err);

/* -EXDEV: what is pinned belongs to another network namespace; the text says what to
 * do. 0 when it belongs to this one, when nothing is pinned, or when a branchguard
 * pinned it that kept no home. */
int bg_home_check(const char *pin_dir, struct bg_error *err);

#endif
