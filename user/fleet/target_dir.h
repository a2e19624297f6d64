/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A directory as a target: it is locked, and watched for what others do there. */
#ifndef BG_FLEET_TARGET_DIR_H
#define BG_FLEET_TARGET_DIR_H

#include "fleet/target.h"

/* `path` stays the caller's. 0 or -ENOMEM. */
int bg_target_dir_new(const char *path, struct bg_target **target, struct bg_error *err);

#endif
