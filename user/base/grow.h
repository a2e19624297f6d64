/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Arrays that grow by doubling, so that adding n entries moves each of them a
 * few times at most. Entries move when an array grows: keep indices, not pointers.
 */
#ifndef BG_BASE_GROW_H
#define BG_BASE_GROW_H

#include <errno.h>
#include <stddef.h>

/*
 * One more entry, zeroed, behind the `count` that are there: its address, or NULL
 * when out of memory, and the array is as it was. The room is always `count` rounded up
 * to a power of two and therefore not stored; so nothing else may make such an array
 * (NULL at first) grow. Entries may be removed at any time.
 */
#define BG_GROW(array, count)                                                                      \
	({                                                                                         \
		__typeof__(array) grown_ = bg_grow((array), (count), sizeof(*(array)));            \
		if (grown_)                                                                        \
			(array) = grown_;                                                          \
		grown_ ? &(array)[(count)++] : NULL;                                               \
	})

/* The same where only the caller knows what it counts: the array, `count` as it was. */
void *bg_grow(void *array, size_t count, size_t entry_bytes);

/*
 * Room for `needed` entries or more in an array that stores its room (NULL and 0
 * at first); new room is zeroed. 0 or -ENOMEM, and the array is as it was.
 */
#define BG_RESERVE(array, room, needed)                                                            \
	({                                                                                         \
		size_t room_ = (room);                                                             \
		__typeof__(array) larger_ =                                                        \
			bg_reserve((array), &room_, (needed), sizeof(*(array)));                   \
		if (larger_) {                                                                     \
			(array) = larger_;                                                         \
			(room) = room_;                                                            \
		}                                                                                  \
		larger_ ? 0 : -ENOMEM;                                                             \
	})

void *bg_reserve(void *array, size_t *room, size_t needed, size_t entry_bytes);

#endif
