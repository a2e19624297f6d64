/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * JSON as text, written from front to end into memory that grows. For what is written
 * a million times, where an object of the library for each costs more than all the rest;
 * everything else is json_t. The caller takes care that what it opens is closed. Pure.
 */
#ifndef BG_BASE_JSON_WRITER_H
#define BG_BASE_JSON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <linux/types.h>

/* All 0 at first. */
struct bg_json_writer {
	char *text; /* not terminated */
	size_t length_bytes, room_bytes;
	bool comma;  /* belongs before the next value */
	bool failed; /* out of memory: the text is not whole */
};

void bg_json_writer_free(struct bg_json_writer *writer);

/* Goes on with an empty text, in the memory that is there. */
void bg_json_clear(struct bg_json_writer *writer);

/* `bracket` is one of {}[] */
void bg_json_open(struct bg_json_writer *writer, char bracket);
void bg_json_close(struct bg_json_writer *writer, char bracket);

/* Any bytes: those that are no JSON by themselves, white space between objects. */
void bg_json_raw(struct bg_json_writer *writer, const char *bytes, size_t length_bytes);

/* The key of an object's next value: it has no characters that need escaping. */
void bg_json_key(struct bg_json_writer *writer, const char *key);

/* Text that is not UTF-8 (it comes from maps) is written with `?`; NULL is null. */
void bg_json_string(struct bg_json_writer *writer, const char *text);
/* Text that needs no escaping: what we wrote ourselves. */
void bg_json_plain(struct bg_json_writer *writer, const char *text);
void bg_json_number(struct bg_json_writer *writer, __u64 value);
void bg_json_bool(struct bg_json_writer *writer, bool value);
void bg_json_null(struct bg_json_writer *writer);
/* Seconds, with a fraction. */
void bg_json_ms(struct bg_json_writer *writer, __u64 value_ms);

#endif
