// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Tells what a terminal may get. main() puts the guard before stdout and stderr once, so
 * that no verb can forget it; tables replace such characters in their cells beforehand,
 * since these have a width. Text without them costs a look at eight bytes at a time.
 */
#include "base/printable.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
	unsigned int first, last;
} hidden[] = {
	{ 0x0000, 0x001f },   /* C0 */
	{ 0x007f, 0x009f },   /* DEL, C1 */
	{ 0x00ad, 0x00ad },   /* soft hyphen */
	{ 0x061c, 0x061c },   /* Arabic letter mark */
	{ 0x180e, 0x180e },   /* Mongolian vowel separator */
	{ 0x200b, 0x200f },   /* no width, direction marks */
	{ 0x2028, 0x202e },   /* separators, embeddings and overrides */
	{ 0x2060, 0x206f },   /* invisible operators, isolates */
	{ 0xfeff, 0xfeff },   /* byte order mark */
	{ 0xfff9, 0xfffb },   /* annotations */
	{ 0xe0000, 0xe007f }, /* tags */
};

static bool is_hidden(unsigned int code)
{
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (code >= hidden[i].first && code <= hidden[i].last)
			return true;
	return false;
}

enum bg_printing bg_printing_of(const char *text, size_t length, size_t *bytes, unsigned int *code)
{
	static const unsigned int least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *at = (const unsigned char *)text;
	size_t wanted;

	*bytes = 1;
	*code = at[0];
	if (at[0] < 0x80)
		return is_hidden(*code) ? BG_HIDES : BG_PRINTS;
	if (at[0] < 0xc2 || at[0] > 0xf4)
		return BG_NOT_UTF8;
	wanted = at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
	*code = at[0] & (0x7fu >> wanted);
	for (size_t i = 1; i < wanted; i++) {
		if (i == length)
			return BG_CUT_SHORT;
		if ((at[i] & 0xc0) != 0x80)
			return BG_NOT_UTF8;
		*code = *code << 6 | (at[i] & 0x3f);
	}
	if (*code < least[wanted] || *code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff)) {
		*code = at[0];
		return BG_NOT_UTF8;
	}
	*bytes = wanted;
	return is_hidden(*code) ? BG_HIDES : BG_PRINTS;
}

char *bg_printable(char *text)
{
	size_t left = strlen(text), bytes;
	char *from = text, *to = text;
	unsigned int code;

	for (; left; from += bytes, left -= bytes) {
		if (bg_printing_of(from, left, &bytes, &code) != BG_PRINTS) {
			*to++ = '?';
			continue;
		}
		memmove(to, from, bytes);
		to += bytes;
	}
	*to = '\0';
	return text;
}

/* One of the two streams. */
struct guard {
	int fd;
	char cut[4]; /* the beginning of a character whose rest comes with the next write */
	size_t cut_length;
};

static struct guard guards[] = { { .fd = STDOUT_FILENO }, { .fd = STDERR_FILENO } };

static int put_all(int fd, const char *text, size_t length)
{
	while (length) {
		ssize_t written = write(fd, text, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -1;
		text += written;
		length -= (size_t)written;
	}
	return 0;
}

/* Is each of these eight bytes an ASCII character that prints? */
static bool eight_print(const char *text)
{
	const uint64_t ones = ~0ull / 255, high = ones * 0x80;
	uint64_t word;

	memcpy(&word, text, sizeof(word));
	/* a high bit: above 0x7f itself, 0x7f plus one, or less than 0x20 (which borrows) */
	return !((word | (word + ones) | (word - ones * 0x20)) & high);
}

/* How much of it may go as it is. */
static size_t plain(const char *text, size_t length)
{
	size_t at = 0, bytes = 1;
	unsigned int code;

	while (at < length) {
		if (length - at >= 8 && eight_print(text + at)) {
			at += 8;
			continue;
		}
		if (text[at] != '\n' && text[at] != '\t' &&
		    bg_printing_of(text + at, length - at, &bytes, &code) != BG_PRINTS)
			return at;
		at += text[at] == '\n' || text[at] == '\t' ? 1 : bytes;
	}
	return at;
}

static int put_escape(int fd, enum bg_printing what, unsigned int code)
{
	char text[16];
	int length;

	if (what != BG_HIDES)
		length = snprintf(text, sizeof(text), "\\x%02x", code);
	else if (code < 0x10000)
		length = snprintf(text, sizeof(text), "\\u%04x", code);
	else /* as JSON has it: by two surrogates */
		length = snprintf(text, sizeof(text), "\\u%04x\\u%04x",
				  0xd800 + ((code - 0x10000) >> 10),
				  0xdc00 + ((code - 0x10000) & 0x3ff));
	return put_all(fd, text, (size_t)length);
}

static int put_guarded(struct guard *guard, const char *text, size_t length)
{
	while (length) {
		size_t bytes = plain(text, length);
		enum bg_printing what;
		unsigned int code;

		if (put_all(guard->fd, text, bytes))
			return -1;
		text += bytes;
		length -= bytes;
		if (!length)
			return 0;
		what = bg_printing_of(text, length, &bytes, &code);
		if (what == BG_CUT_SHORT) {
			memmove(guard->cut, text, length);
			guard->cut_length = length;
			return 0;
		}
		if (put_escape(guard->fd, what, code))
			return -1;
		text += bytes;
		length -= bytes;
	}
	return 0;
}

static ssize_t write_guarded(void *cookie, const char *text, size_t length)
{
	struct guard *guard = cookie;
	size_t left = length;

	/* until the character that began in the write before is whole, or is none */
	while (guard->cut_length && left) {
		size_t bytes, had = guard->cut_length;
		unsigned int code;

		guard->cut[guard->cut_length++] = *text++;
		left--;
		if (bg_printing_of(guard->cut, guard->cut_length, &bytes, &code) == BG_CUT_SHORT)
			continue;
		guard->cut_length = 0;
		if (put_guarded(guard, guard->cut, had + 1))
			return 0;
	}
	return put_guarded(guard, text, left) ? 0 : (ssize_t)length;
}

static int guard_stream(FILE **stream, struct guard *guard, int buffering)
{
	const cookie_io_functions_t functions = { .write = write_guarded };
	FILE *guarded = fopencookie(guard, "w", functions);

	if (!guarded)
		return -ENOMEM;
	setvbuf(guarded, NULL, buffering, BUFSIZ);
	*stream = guarded;
	return 0;
}

int bg_guard_terminal(void)
{
	int out = isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF;

	return guard_stream(&stdout, &guards[0], out) ?: guard_stream(&stderr, &guards[1], _IONBF);
}
