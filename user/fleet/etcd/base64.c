// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Bytes to letters and back. Who asks etcd and reads its answers calls it; of two texts for the same
 * bytes it takes only one.
 */
#include "fleet/etcd/base64.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *bg_base64(const void *bytes, size_t length_bytes)
{
	const unsigned char *from = bytes;
	char *text = malloc((length_bytes + 2) / 3 * 4 + 1), *at = text;

	if (!text)
		return NULL;
	for (size_t i = 0; i < length_bytes; i += 3) {
		const size_t left = length_bytes - i;
		const uint32_t three = (uint32_t)from[i] << 16 |
				       (left > 1 ? (uint32_t)from[i + 1] << 8 : 0) |
				       (left > 2 ? from[i + 2] : 0);

		*at++ = letters[three >> 18];
		*at++ = letters[three >> 12 & 63];
		*at++ = '=';
		*at++ = '=';
		if (left > 1)
			at[-2] = letters[three >> 6 & 63];
		if (left > 2)
			at[-1] = letters[three & 63];
	}
	*at = '\0';
	return text;
}

/* -1: it is none. */
static int value_of(char letter)
{
	const char *found = letter ? strchr(letters, letter) : NULL;

	return found ? (int)(found - letters) : -1;
}

int bg_base64_read(const char *text, size_t text_bytes, char **bytes, size_t *length_bytes)
{
	size_t pad = 0, used = 0;
	uint32_t bits = 0;
	char *to;

	if (text_bytes % 4)
		return -EINVAL;
	while (pad < 2 && pad < text_bytes && text[text_bytes - 1 - pad] == '=')
		pad++;
	to = malloc(text_bytes / 4 * 3 + 1);
	if (!to)
		return -ENOMEM;
	for (size_t i = 0; i < text_bytes; i++) {
		int value = i < text_bytes - pad ? value_of(text[i]) : 0;

		if (value < 0) {
			free(to);
			return -EINVAL;
		}
		bits = bits << 6 | (uint32_t)value;
		if (i % 4 == 3) {
			to[used++] = (char)(bits >> 16);
			to[used++] = (char)(bits >> 8);
			to[used++] = (char)bits;
		}
	}
	/* what stands where nothing is meant to */
	if ((pad && to[used - 1]) || (pad > 1 && to[used - 2])) {
		free(to);
		return -EINVAL;
	}
	used -= pad;
	to[used] = '\0';
	*bytes = to;
	*length_bytes = used;
	return 0;
}
