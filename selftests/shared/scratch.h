/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A directory of its own for the files of a test: below /tmp, where everybody may make some. */
#ifndef SCRATCH_H
#define SCRATCH_H

extern char scratch_top[64];

/* Fixtures of a test, or of a group. In between it is the current directory, and others may
 * look into it. */
int scratch_make(void **state);
int scratch_remove(void **state);

#endif
