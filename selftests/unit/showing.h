/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the tests of printing share: what was printed, and a branch to print. */
#ifndef SHOWING_H
#define SHOWING_H

#include <stdio.h>

#include "pinned/maps_read.h"
#include "show/status.h"

/* Whatever is printed while `out` is open. */
struct memory {
	char *printed; /* there once `out` is closed; the test frees it */
	size_t size;
	FILE *out;
};

void open_memory(struct memory *memory);

/* Closes and frees; the test fails unless just that was printed. */
void expect_printed(struct memory *memory, const char *expected);

/* eni-0b2c, VLAN 9, tag 3, armed a second after boot. */
struct bg_branch_row some_branch(void);

/* A healthy node with that branch, ten seconds after boot. */
void healthy_node(struct bg_status *status, struct bg_branch_status *branch);

#endif
