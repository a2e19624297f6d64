/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The feed that a verb was given. */
#ifndef BG_VERBS_READ_FEED_H
#define BG_VERBS_READ_FEED_H

#include "base/error.h"
#include "feed/model.h"

/* As bg_file_read() and then bg_feed_parse_all(); *model is the caller's. */
int bg_read_feed(const char *path, struct bg_model **model, struct bg_error *err);

#endif
