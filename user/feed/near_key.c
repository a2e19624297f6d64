// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A key that is ignored because of a letter weakens a feed without a word: reading.c
 * asks here about every key that an object does not have. Which keys there are, it
 * does not know.
 */
#include "feed/near_key.h"

#include <string.h>
#include <strings.h>

#define SHORT_KEY 3

bool bg_key_is_near(struct bg_text key, const char *ours)
{
	size_t length = strlen(ours), same = 0, tail;
	const char *rest = ours;

	if (key.length == length && !strncasecmp(key.bytes, ours, length))
		return memcmp(key.bytes, ours, length) != 0;
	if (length <= SHORT_KEY || key.length + 1 < length || key.length > length + 1)
		return false;
	while (same < length && same < key.length && key.bytes[same] == ours[same])
		same++;
	/* what follows the first difference, by each of the edits */
	tail = key.length - same;
	rest += same;
	if (key.length == length + 1)
		return !memcmp(key.bytes + same + 1, rest, tail - 1);
	if (key.length + 1 == length)
		return !memcmp(key.bytes + same, rest + 1, tail);
	if (!memcmp(key.bytes + same + 1, rest + 1, tail - 1))
		return true;
	return tail > 1 && key.bytes[same] == rest[1] && key.bytes[same + 1] == rest[0] &&
	       !memcmp(key.bytes + same + 2, rest + 2, tail - 2);
}
