/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Bytes that go from one process to another: a file in memory (memfd_create(2)), which can
 * be sealed, so that who reads it reads what stays so.
 */
#ifndef BG_APART_MEMORY_H
#define BG_APART_MEMORY_H

#include <stddef.h>

#include "base/cleanup.h"
#include "base/error.h"

/* An empty one, closed on exec; `what` it is for stands in errors. Returns the descriptor. */
int bg_memory_new(const char *what, struct bg_error *err);
/* One with these bytes, to be read from its beginning. */
int bg_memory_of(const char *what, const void *bytes, size_t length_bytes, struct bg_error *err);
/* Writes all of them; 0 or a negative errno. */
int bg_memory_write(int fd, const void *bytes, size_t length_bytes);

/* Sealed and mapped: nobody can change the bytes any more. */
struct bg_memory {
	void *bytes; /* NULL if there are none */
	size_t length_bytes;
};

int bg_memory_map(int fd, const char *what, struct bg_memory *memory, struct bg_error *err);
void bg_memory_unmap(const struct bg_memory *memory);
#define bg_auto_memory bg_cleanup(bg_memory_unmap)

#endif
