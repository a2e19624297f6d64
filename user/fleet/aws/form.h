/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The body of a request to AWS's query APIs: KEY=VALUE&KEY=VALUE, escaped. Pure. */
#ifndef BG_AWS_FORM_H
#define BG_AWS_FORM_H

#include <stdbool.h>
#include <stddef.h>

/* All 0 at first. */
struct bg_form {
	char *text; /* terminated; NULL: nothing was added */
	size_t length_bytes, room_bytes;
	bool failed; /* out of memory: the text is not whole */
};

/* The key has no characters that need escaping. */
void bg_form_add(struct bg_form *form, const char *key, const char *value);
void bg_form_add_number(struct bg_form *form, const char *key, unsigned long value);
/* It may have had a secret. */
void bg_form_release(struct bg_form *form);

#endif
