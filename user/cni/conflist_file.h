/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Our conflist beside theirs: made of it, kept in line with it, and taken away. */
#ifndef BG_CNI_CONFLIST_FILE_H
#define BG_CNI_CONFLIST_FILE_H

#include "cni/conflist.h"

/* Longer lists are refused. */
#define BG_CONFLIST_MOST_BYTES ((size_t)1 << 20)

struct bg_conflist_file {
	const char *dir; /* /etc/cni/net.d */
	const char
		*theirs; /* names in it; a runtime takes the first, so ours sorts before theirs */
	const char *ours;
	struct bg_conflist_entry entry;
};

enum bg_conflist_step {
	BG_CONFLIST_SAME, /* ours is as it must be */
	BG_CONFLIST_WRITTEN,
	BG_CONFLIST_REMOVED, /* theirs is gone */
	BG_CONFLIST_HELD,    /* theirs cannot be used: ours stays as it is; *err says why */
};

/*
 * Brings ours in line with theirs. Negative: it could not be written or removed, or what has
 * its name is not ours.
 */
int bg_conflist_step(const struct bg_conflist_file *file, struct bg_error *err);

/* 1: it was removed. 0: there is none. Negative: it stays. */
int bg_conflist_remove(const struct bg_conflist_file *file, struct bg_error *err);

/* Names a configuration that sorts before ours, so that a runtime takes that one; false: there
 * is none. `name` holds 256 bytes. */
bool bg_conflist_is_behind(const struct bg_conflist_file *file, char *name);

#endif
