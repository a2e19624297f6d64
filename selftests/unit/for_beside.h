/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A process in the place of one of ours, for the tests test_beside_*.c. */
#ifndef FOR_BESIDE_H
#define FOR_BESIDE_H

#include "apart/child.h"

/* What it does with the descriptors that it is given; NULL: the true one is started. */
extern void (*stand_in)(const struct bg_child_start *how);
/* Not 0: an errno, and none is started. */
extern int start_error;

int back_to_normal(void **state);

#endif
