/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Bytes into a file, all of them, or none that anybody sees. */
#ifndef BG_BASE_PUT_H
#define BG_BASE_PUT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

/* A negative errno, or 0 when all of it was taken. */
int bg_put_all(int fd, const char *bytes, size_t length_bytes);

/*
 * Under `path`.new first, then renamed: whoever reads `path` finds the old file or the new
 * one. `sync`: the new one whole even when the node loses its power.
 */
int bg_put_beside(const char *path, const char *bytes, size_t length_bytes, mode_t mode, bool sync,
		  struct bg_error *err);

#endif
