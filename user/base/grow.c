// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Room for arrays that grow, by doubling; everybody calls it by the macros of grow.h. */
#include "base/grow.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_ROOM 16

/* A size that no allocator can give is not even asked for: that of the sanitizers would
 * end the program instead of returning NULL. */
static void *resize(void *array, size_t room, size_t entry_bytes)
{
	size_t bytes;

	if (__builtin_mul_overflow(room, entry_bytes, &bytes) || bytes > PTRDIFF_MAX)
		return NULL;
	return realloc(array, bytes);
}

void *bg_grow(void *array, size_t count, size_t entry_bytes)
{
	/* a power of two: the room is used up */
	if (!(count & (count - 1))) {
		if (count > SIZE_MAX / 2)
			return NULL;
		array = resize(array, count ? 2 * count : 1, entry_bytes);
		if (!array)
			return NULL;
	}
	memset((char *)array + count * entry_bytes, 0, entry_bytes);
	return array;
}

void *bg_reserve(void *array, size_t *room, size_t needed, size_t entry_bytes)
{
	size_t larger = *room ? *room : LEAST_ROOM;

	if (array && needed <= *room)
		return array;
	while (larger < needed) {
		if (larger > SIZE_MAX / 2)
			return NULL;
		larger *= 2;
	}
	array = resize(array, larger, entry_bytes);
	if (!array)
		return NULL;
	memset((char *)array + *room * entry_bytes, 0, (larger - *room) * entry_bytes);
	*room = larger;
	return array;
}
