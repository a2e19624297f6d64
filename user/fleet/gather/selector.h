/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Labels, and the selectors of a SecurityGroupPolicy on them. Pure. */
#ifndef BG_GATHER_SELECTOR_H
#define BG_GATHER_SELECTOR_H

#include "base/error.h"
#include "feed/json.h"
#include "fleet/gather/intern.h"

struct bg_label {
	const char *key, *value; /* interned */
};

struct bg_labels {
	struct bg_label *label;
	size_t count;
};

enum bg_operator { BG_IN, BG_NOT_IN, BG_EXISTS, BG_DOES_NOT_EXIST };

struct bg_requirement {
	enum bg_operator operator;
	const char *key;	/* interned */
	struct bg_names values; /* tidy */
};

/* All of its requirements have to hold: one without any selects everything. */
struct bg_selector {
	bool given;
	struct bg_requirement *requirements;
	size_t count;
};

/* `at` is that of the value. */
int bg_labels_read(struct bg_interned *interned, const struct bg_json *value,
		   const struct bg_at *at, struct bg_labels *labels, struct bg_error *err);
int bg_selector_read(struct bg_interned *interned, const struct bg_json *value,
		     const struct bg_at *at, struct bg_selector *selector, struct bg_error *err);

/* Does it select what has these labels? Else *why is the first requirement that does not
 * hold, if not NULL. */
bool bg_selector_matches(const struct bg_selector *selector, const struct bg_labels *labels,
			 const struct bg_requirement **why);

/* NULL: there is no such label. */
const char *bg_labels_find(const struct bg_labels *labels, const char *key);

/* "app in (cart)", "tier does not exist"; cut to `size` bytes. Returns `text`. */
const char *bg_requirement_text(const struct bg_requirement *requirement, char *text, size_t size);

void bg_labels_release(struct bg_labels *labels);
void bg_selector_release(struct bg_selector *selector);

#endif
