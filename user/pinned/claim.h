/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One daemon guards the interfaces of a network namespace, whatever its pins are. */
#ifndef BG_PINNED_CLAIM_H
#define BG_PINNED_CLAIM_H

#include "base/error.h"
#include "pinned/state_file.h"

/*
 * *claim_fd, to be given to bg_claim_end(), keeps others from guarding this namespace.
 * -EBUSY: another one does, and the text says which. 0 with -1 where that cannot be known:
 * that /run may not be written is no reason to leave a node unguarded.
 */
int bg_claim_netns(int *claim_fd, struct bg_error *err);
/* Takes the file away, too. -1 is fine. */
void bg_claim_end(int claim_fd);

/* For who opens the file elsewhere, as the daemon: where it is, and what is done with it. *fd is
 * taken, unless it is locked by another one (-EBUSY), or was removed meanwhile (-ESTALE). */
int bg_claim_path(char path[BG_STATE_PATH_BYTES], struct bg_error *err);
int bg_claim_lock(const char *path, int *fd, int *claim_fd, struct bg_error *err);

#endif
