/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The one way of releasing things in user/: a variable that owns something is
 * declared with an attribute that releases it at the end of its scope. What is
 * handed on is taken out of the variable first (bg_take_ptr, bg_take_fd), and
 * an out-parameter is written only when the function succeeds.
 */
#ifndef BG_BASE_CLEANUP_H
#define BG_BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define bg_cleanup(function) __attribute__((cleanup(function)))

/*
 * The attribute gives the variable's address, but what releases an object takes
 * the pointer to it, as free() does. This stands beside the declaration of such
 * a function and defines its twin for the attribute, function_at().
 */
#define BG_CLEANUP_OF(function, type)                                                              \
	static inline void function##_at(type **pointer)                                           \
	{                                                                                          \
		if (*pointer)                                                                      \
			function(*pointer);                                                        \
	}

BG_CLEANUP_OF(fclose, FILE)

static inline void bg_free_at(void *pointer)
{
	free(*(void **)pointer);
}

static inline void bg_close_at(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define bg_auto_free bg_cleanup(bg_free_at)
#define bg_auto_close bg_cleanup(bg_close_at) /* int fd = -1 */
#define bg_auto_fclose bg_cleanup(fclose_at)

#define bg_take_ptr(pointer)                                                                       \
	({                                                                                         \
		__typeof__(pointer) taken_ = (pointer);                                            \
		(pointer) = NULL;                                                                  \
		taken_;                                                                            \
	})

static inline int bg_take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#endif
