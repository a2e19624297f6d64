// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The writer of JSON for flows and events; show/ calls it. What it writes is what the
 * library would write, compact (unit/test_json_writer.c compares them).
 */
#include "base/json_writer.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/grow.h"

void bg_json_writer_free(struct bg_json_writer *writer)
{
	free(writer->text);
	*writer = (struct bg_json_writer){};
}

void bg_json_clear(struct bg_json_writer *writer)
{
	writer->length_bytes = 0;
	writer->comma = writer->failed = false;
}

/* Room for so many bytes behind the text; NULL, and the writer has failed. */
static char *more(struct bg_json_writer *writer, size_t bytes)
{
	if (writer->room_bytes - writer->length_bytes < bytes &&
	    BG_RESERVE(writer->text, writer->room_bytes, writer->length_bytes + bytes)) {
		writer->failed = true;
		return NULL;
	}
	return writer->text + writer->length_bytes;
}

void bg_json_raw(struct bg_json_writer *writer, const char *bytes, size_t length_bytes)
{
	char *to = more(writer, length_bytes);

	if (!to)
		return;
	memcpy(to, bytes, length_bytes);
	writer->length_bytes += length_bytes;
}

static void put(struct bg_json_writer *writer, char c)
{
	bg_json_raw(writer, &c, 1);
}

/* What parts a value from the one before it. */
static void part(struct bg_json_writer *writer)
{
	if (writer->comma)
		put(writer, ',');
	writer->comma = true;
}

void bg_json_open(struct bg_json_writer *writer, char bracket)
{
	part(writer);
	put(writer, bracket);
	writer->comma = false;
}

void bg_json_close(struct bg_json_writer *writer, char bracket)
{
	put(writer, bracket);
	writer->comma = true;
}

static void put_quoted(struct bg_json_writer *writer, const char *text, size_t length_bytes)
{
	char *to = more(writer, length_bytes + 2);

	if (!to)
		return;
	to[0] = '"';
	memcpy(to + 1, text, length_bytes);
	to[length_bytes + 1] = '"';
	writer->length_bytes += length_bytes + 2;
}

void bg_json_key(struct bg_json_writer *writer, const char *key)
{
	part(writer);
	put_quoted(writer, key, strlen(key));
	put(writer, ':');
	writer->comma = false;
}

void bg_json_plain(struct bg_json_writer *writer, const char *text)
{
	part(writer);
	put_quoted(writer, text, strlen(text));
}

/* How many bytes the character at `text` has; 0: it is not UTF-8 (RFC 3629). */
static size_t character_bytes(const unsigned char *text)
{
	static const __u32 least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t bytes;
	__u32 code;

	if (text[0] < 0x80)
		return 1;
	if (text[0] < 0xc2 || text[0] > 0xf4)
		return 0;
	bytes = text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
	code = text[0] & (0x7f >> bytes);
	for (size_t i = 1; i < bytes; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (text[i] & 0x3f);
	}
	if (code < least[bytes] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return 0;
	return bytes;
}

static bool is_utf8(const char *text)
{
	while (*text) {
		size_t bytes = character_bytes((const unsigned char *)text);

		if (!bytes)
			return false;
		text += bytes;
	}
	return true;
}

static void put_escaped(struct bg_json_writer *writer, unsigned char c)
{
	static const char letters[] = { ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
					['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\' };
	char code[8];

	if (c < sizeof(letters) && letters[c]) {
		put(writer, '\\');
		put(writer, letters[c]);
	} else {
		snprintf(code, sizeof(code), "\\u%04X", c);
		bg_json_raw(writer, code, 6);
	}
}

void bg_json_string(struct bg_json_writer *writer, const char *text)
{
	bool utf8;

	if (!text) {
		bg_json_null(writer);
		return;
	}
	utf8 = is_utf8(text);
	part(writer);
	put(writer, '"');
	for (; *text; text++) {
		unsigned char c = *text;

		if (c < 0x20 || c == '"' || c == '\\')
			put_escaped(writer, c);
		else
			put(writer, c >= 0x80 && !utf8 ? '?' : *text);
	}
	put(writer, '"');
}

static void put_digits(struct bg_json_writer *writer, __u64 value)
{
	char digits[24];
	size_t first = sizeof(digits);

	do
		digits[--first] = (char)('0' + value % 10);
	while (value /= 10);
	bg_json_raw(writer, digits + first, sizeof(digits) - first);
}

void bg_json_number(struct bg_json_writer *writer, __u64 value)
{
	part(writer);
	put_digits(writer, value);
}

void bg_json_bool(struct bg_json_writer *writer, bool value)
{
	part(writer);
	if (value)
		bg_json_raw(writer, "true", 4);
	else
		bg_json_raw(writer, "false", 5);
}

void bg_json_null(struct bg_json_writer *writer)
{
	part(writer);
	bg_json_raw(writer, "null", 4);
}

void bg_json_ms(struct bg_json_writer *writer, __u64 value_ms)
{
	unsigned int rest = value_ms % 1000;
	char fraction[4] = { '.', (char)('0' + rest / 100), (char)('0' + rest / 10 % 10),
			     (char)('0' + rest % 10) };
	size_t length = 4;

	while (length > 2 && fraction[length - 1] == '0')
		length--;
	part(writer);
	put_digits(writer, value_ms / 1000);
	bg_json_raw(writer, fraction, length);
}
