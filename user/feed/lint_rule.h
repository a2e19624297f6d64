/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the lints share; they warn by bg_model_warn(). */
#ifndef BG_FEED_LINT_RULE_H
#define BG_FEED_LINT_RULE_H

#include "feed/feed.h"

/* "sgr-01 (tcp 5432 from 10.0.0.0/16)"; `text` holds BG_LINT_RULE bytes. */
#define BG_LINT_RULE 192
const char *bg_lint_rule(const struct bg_model *model, const struct bg_model_rule *rule,
			 char *text);

/* Rules that another rule of their group makes superfluous. */
int bg_lint_shadowed(struct bg_model *model);

#endif
