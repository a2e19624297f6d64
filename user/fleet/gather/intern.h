/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Texts that are kept once, however often they are read: labels, names and ids of a
 * cluster repeat. Equal texts are the same pointer. And lists of such texts. Pure.
 */
#ifndef BG_GATHER_INTERN_H
#define BG_GATHER_INTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/dict.h"

struct bg_interned_block;

/* All zero at first. */
struct bg_interned {
	struct bg_dict texts;
	struct bg_interned_block *blocks; /* the one in use first */
};

/* The text, terminated; it lives as long as *interned. NULL when out of memory. */
const char *bg_intern(struct bg_interned *interned, const char *bytes, size_t length_bytes);
/* "NAMESPACE/NAME" */
const char *bg_intern_path(struct bg_interned *interned, const char *namespace, const char *name);
void bg_interned_release(struct bg_interned *interned);

struct bg_names {
	const char **name; /* interned */
	size_t count;
};

/* At the end; 0 or -ENOMEM. */
int bg_names_add(struct bg_names *names, const char *name);
int bg_names_add_all(struct bg_names *names, const struct bg_names *more);
/* Sorts them, and leaves each once. */
void bg_names_tidy(struct bg_names *names);
/* These wait for tidy lists. */
bool bg_names_have(const struct bg_names *names, const char *name);
bool bg_names_equal(const struct bg_names *a, const struct bg_names *b);
/* Leaves what the others have, too. */
void bg_names_keep(struct bg_names *names, const struct bg_names *others);
void bg_names_release(struct bg_names *names);

#endif
