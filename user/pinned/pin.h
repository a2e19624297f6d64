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
 *    in links/ right after it was made; one that a killed daemon did not get to
 *    pin is gone with it, and so was never in force longer than the daemon.
 *  - maps/control holds the ABI of all maps. Another ABI is left alone.
 *  - Dots are reserved in names on bpffs, so links carry `_` for them.
 */
#ifndef BG_PINNED_PIN_H
#define BG_PINNED_PIN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define BG_DEFAULT_PIN_DIR "/sys/fs/bpf/branchguard"

enum bg_pin_kind { BG_PIN_MAPS, BG_PIN_LINKS, BG_PIN_PROGRAMS, BG_PIN_KINDS };

/*
 * Creates the directories (if `create`) and takes the lock; *lock_fd is the
 * caller's, closing it gives the lock back. -EBUSY: another daemon has it.
 * -ENOENT: nothing there and not `create`. -ENODEV: not on a bpffs.
 */
int bg_pin_lock(const char *pin_dir, bool create, int *lock_fd, struct bg_error *err);

/* All return 0 or a negative errno, bg_pin_get an open object. */
int bg_pin_put(const char *pin_dir, enum bg_pin_kind kind, const char *name, int fd);
int bg_pin_get(const char *pin_dir, enum bg_pin_kind kind, const char *name);
int bg_pin_remove(const char *pin_dir, enum bg_pin_kind kind, const char *name);

/* Calls `each` with the name of every pin of a kind, in no order; interrupted
 * replacements are left out. Stops at, and returns, the first value but 0. */
int bg_pin_each(const char *pin_dir, enum bg_pin_kind kind,
		int (*each)(const char *name, void *context), void *context);

/* Removes all pins and the directories; what else lies in them stays, and then
 * so do they (-ENOTEMPTY). */
int bg_pin_clear(const char *pin_dir);

/* Removes the directories again if nothing is pinned. */
void bg_pin_prune(const char *pin_dir);

/* Removes what interrupted replacements left behind. */
void bg_pin_tidy(const char *pin_dir);

#endif
