/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Asks the daemon again and again, in a thread of its own, for who must not wait for it. */
#ifndef BG_FLEET_SERVE_ASKER_H
#define BG_FLEET_SERVE_ASKER_H

#include "base/cleanup.h"
#include "base/error.h"
#include "fleet/serve/told.h"

struct bg_asker;

/* `version` and `commit` are the caller's, `path` is the daemon's socket. */
int bg_asker_start(const char *path, const char *version, const char *commit,
		   struct bg_asker **asker, struct bg_error *err);

/*
 * The page as of the last answer, or that nothing is known. It is the caller's until it gives it
 * back; all who hold the same share its text. NULL: out of memory.
 */
struct bg_held_page;
struct bg_held_page *bg_asker_page(struct bg_asker *asker, enum bg_page_of of);
const struct bg_page *bg_held_page(const struct bg_held_page *held);
void bg_held_page_free(void *held);

/* Within a second, whatever the daemon does: its thread may be left to the process's end then. */
void bg_asker_stop(struct bg_asker *asker); /* NULL is fine */
BG_CLEANUP_OF(bg_asker_stop, struct bg_asker)

#endif
