/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A hash that is the same in every run and every build, so that it may be stored. */
#ifndef BG_BASE_HASH_H
#define BG_BASE_HASH_H

#include <stddef.h>

#include <linux/types.h>

/* FNV-1a. Whoever chooses the bytes can choose the hash, so it is not for dicts. */
static inline __u64 bg_hash_bytes(const void *bytes, size_t length_bytes)
{
	const unsigned char *byte = bytes;
	__u64 hash = 0xcbf29ce484222325ull;

	while (length_bytes--)
		hash = (hash ^ *byte++) * 0x100000001b3ull;
	return hash;
}

/* The same, its two halves folded into 32 bits. */
static inline __u32 bg_hash_bytes32(const void *bytes, size_t length_bytes)
{
	__u64 hash = bg_hash_bytes(bytes, length_bytes);

	return hash ^ hash >> 32;
}

#endif
