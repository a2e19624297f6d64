// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A dict's table: open addressing, at most half full. What reads a feed calls it;
 * nothing is ever taken out of a dict, it only grows and is released whole.
 */
#include "base/dict.h"

#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

/* Seeded with what the kernel gave the process, so that nobody can choose ids
 * that collide; eight bytes a step, since a feed has a million of them. */
__u32 bg_dict_hash(const void *key, size_t bytes)
{
	const unsigned char *byte = key;
	const void *random = (const void *)getauxval(AT_RANDOM);
	__u64 hash = 0xcbf29ce484222325ull, word;

	if (random) {
		memcpy(&word, random, sizeof(word));
		hash ^= word;
	}
	for (; bytes >= 8; bytes -= 8, byte += 8) {
		memcpy(&word, byte, 8);
		hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
		hash ^= hash >> 29;
	}
	for (; bytes; bytes--, byte++)
		hash = (hash ^ *byte) * 0x100000001b3ull;
	hash = (hash ^ (hash >> 32)) * 0x9e3779b97f4a7c15ull;
	return (__u32)(hash >> 32);
}

static struct bg_dict_entry *place_of(const struct bg_dict *dict, const void *key, size_t key_bytes,
				      __u32 hash)
{
	size_t i = hash & (dict->room - 1);

	for (;; i = (i + 1) & (dict->room - 1)) {
		struct bg_dict_entry *entry = &dict->entries[i];

		if (!entry->key || (entry->hash == hash && entry->key_bytes == key_bytes &&
				    !memcmp(entry->key, key, key_bytes)))
			return entry;
	}
}

size_t *bg_dict_find(const struct bg_dict *dict, const void *key, size_t key_bytes)
{
	struct bg_dict_entry *entry;

	if (!dict->room)
		return NULL;
	entry = place_of(dict, key, key_bytes, bg_dict_hash(key, key_bytes));
	return entry->key ? &entry->value : NULL;
}

static bool grow(struct bg_dict *dict)
{
	struct bg_dict larger = { .count = dict->count, .room = dict->room ? 2 * dict->room : 64 };

	larger.entries = calloc(larger.room, sizeof(*larger.entries));
	if (!larger.entries)
		return false;
	for (size_t i = 0; i < dict->room; i++) {
		const struct bg_dict_entry *entry = &dict->entries[i];

		if (entry->key)
			*place_of(&larger, entry->key, entry->key_bytes, entry->hash) = *entry;
	}
	free(dict->entries);
	*dict = larger;
	return true;
}

size_t *bg_dict_put(struct bg_dict *dict, const void *key, size_t key_bytes, size_t value,
		    bool *was_new)
{
	__u32 hash = bg_dict_hash(key, key_bytes);
	struct bg_dict_entry *entry;

	if (dict->count >= dict->room / 2 && !grow(dict))
		return NULL;
	entry = place_of(dict, key, key_bytes, hash);
	if (was_new)
		*was_new = !entry->key;
	if (!entry->key) {
		*entry = (struct bg_dict_entry){ key, key_bytes, hash, value };
		dict->count++;
	}
	return &entry->value;
}

void bg_dict_release(struct bg_dict *dict)
{
	free(dict->entries);
	memset(dict, 0, sizeof(*dict));
}
