/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The pin directory on bpffs: PIN_DIR/{maps,links,programs}/NAME.
 *
 * Invariants:
 *  - Whoever writes below PIN_DIR holds an exclusive flock on PIN_DIR itself.
 *    Readers (status, rules, flows, monitor, bpftool) need no lock.
 *  - A pin is replaced by one rename, so NAME always leads to a whole object.
 *    NAME_new is a replacement that was interrupted; the next writer removes it.
 *  - maps/ is complete before the first program is attached. A link is pinned
 *    in links/ right after it was made; when a daemon is killed in between, the
 *    link ends with the daemon.
 *  - maps/control holds the ABI of all maps. Maps of another ABI are replaced all at
 *    once: the new ones are pinned in maps_aside/, complete, and then the two folders
 *    change places. What is in maps_aside/ from then on is of the build before, for as
 *    long as a program of it may run; before that it is of no use to anybody.
 *  - Dots are reserved in names on bpffs, so pins of links have `_` instead.
 */
#ifndef BG_PINNED_PIN_H
#define BG_PINNED_PIN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define BG_DEFAULT_PIN_DIR "/sys/fs/bpf/branchguard"

enum bg_pin_kind {
	BG_PIN_MAPS,
	BG_PIN_LINKS,
	BG_PIN_PROGRAMS,
	BG_PIN_KINDS, /* these are always there */
	BG_PIN_ASIDE = BG_PIN_KINDS,
};

/*
 * Creates the directories (if `create`) and takes the lock; *lock_fd is the
 * caller's, closing it releases the lock. -EBUSY: another daemon has it.
 * -ENOENT: there is no such directory, and not `create`. -ENODEV: not on a bpffs.
 */
int bg_pin_lock(const char *pin_dir, bool create, int *lock_fd, struct bg_error *err);

/*
 * After somebody removed the directory, or a part of it, under its holder: makes it
 * whole and takes the lock of what stands there now. 1: it was another directory, 0: it
 * was not. -EBUSY: somebody else holds the one that stands there.
 */
int bg_pin_lock_again(const char *pin_dir, int *lock_fd, struct bg_error *err);

/* All return 0 or a negative errno, bg_pin_get an open object. */
int bg_pin_put(const char *pin_dir, enum bg_pin_kind kind, const char *name, int fd);
int bg_pin_get(const char *pin_dir, enum bg_pin_kind kind, const char *name);
int bg_pin_get_to_read(const char *pin_dir, enum bg_pin_kind kind, const char *name); /* a map */
int bg_pin_remove(const char *pin_dir, enum bg_pin_kind kind, const char *name);
int bg_pin_rename(const char *pin_dir, enum bg_pin_kind kind, const char *from, const char *to);

/* Is it a map that may be read where the pins are shared (share.h)? */
bool bg_pin_is_for_others(enum bg_pin_kind kind, const char *name);

/* Calls `each` with the name of every pin of a kind, in no order, until one call returns
 * another value than 0, and returns that value. Interrupted replacements are left out. */
int bg_pin_each(const char *pin_dir, enum bg_pin_kind kind,
		int (*each)(const char *name, void *context), void *context);

/* Removes all pins and the directories. -ENOTEMPTY: something else is in one of them;
 * both stay. */
int bg_pin_clear(const char *pin_dir);

/* Removes the directories again if nothing is pinned. */
void bg_pin_prune(const char *pin_dir);

/*
 * The folder maps_aside: made empty; put in the place of maps/ in one step, which then
 * is maps_aside/; removed with all that is in it (0 when there is none).
 */
int bg_pin_aside_make(const char *pin_dir, struct bg_error *err);
int bg_pin_aside_swap(const char *pin_dir, struct bg_error *err);
int bg_pin_aside_remove(const char *pin_dir);
bool bg_pin_aside_is_there(const char *pin_dir);

/* Removes what interrupted replacements left behind. */
void bg_pin_tidy(const char *pin_dir);

#endif
