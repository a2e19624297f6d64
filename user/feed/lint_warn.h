/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the lints share: how they say what they found. */
#ifndef BG_FEED_LINT_WARN_H
#define BG_FEED_LINT_WARN_H

#include "feed/feed.h"

struct bg_lint {
	struct bg_model *model;
	size_t warnings_room;
};

/* Adds a warning; 0 or -ENOMEM. `pointer` leads to the place, "" = the text does. */
int bg_lint_add(struct bg_lint *lint, const char *pointer, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* "sgr-01 (tcp 5432 from 10.0.0.0/16)"; `text` holds BG_LINT_RULE bytes. */
#define BG_LINT_RULE 192
const char *bg_lint_rule(const struct bg_model *model, const struct bg_model_rule *rule,
			 char *text);

/* Rules that another rule of their group makes superfluous. */
int bg_lint_shadowed(struct bg_lint *lint);

#endif
