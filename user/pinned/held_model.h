/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The model in force, as the daemon wrote it down for the one that comes next; for who
 * asks about it. */
#ifndef BG_PINNED_HELD_MODEL_H
#define BG_PINNED_HELD_MODEL_H

#include "base/error.h"
#include "feed/model.h"

/*
 * The document that was accepted, less what others have, with what is kept beside it.
 * `sha256`: of the document that is in force, in hexadecimal; what was written down of
 * another one is -ESTALE. -ENOENT: nothing was. *model is of bg_feed_parse_all(), and the
 * caller's.
 */
int bg_held_model_read(const char *pin_dir, const char *sha256, struct bg_model **model,
		       struct bg_error *err);

#endif
