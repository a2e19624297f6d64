/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copies of the parts of a model; each 0 or -ENOMEM, and *to is to be freed in any case. */
#ifndef BG_FEED_COPY_H
#define BG_FEED_COPY_H

#include "feed/model.h"

/* With the room that BG_GROW would have made. NULL without memory, and of nothing. */
void *bg_copy_array(const void *from, size_t count, size_t entry_bytes);
/* Replaces a text by one of its own; NULL stays. */
int bg_own_text(char **text);

int bg_copy_branch(const struct bg_model_branch *from, struct bg_model_branch *to);
int bg_copy_group(const struct bg_group *from, struct bg_group *to);
int bg_copy_set(const struct bg_set *from, struct bg_set *to);

/* What belongs to no branch and no group: revision, warnings, node, interfaces, accounts. */
int bg_copy_rest(const struct bg_model *from, struct bg_model *to);

#endif
