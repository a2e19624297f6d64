// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Writes the bodies of requests; ec2_client.c and credentials.c say what is in them. All but
 * what RFC 3986 calls unreserved is escaped.
 */
#include "fleet/aws/form.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"

#define UNRESERVED "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"

/* Not by realloc(): what is left behind by it nobody wipes. */
static bool reserve(struct bg_form *form, size_t needed)
{
	size_t room_bytes = form->room_bytes ?: 1024;
	char *larger;

	while (room_bytes < needed)
		room_bytes *= 2;
	if (room_bytes == form->room_bytes)
		return true;
	larger = calloc(1, room_bytes);
	if (!larger) {
		form->failed = true;
		return false;
	}
	if (form->text) {
		memcpy(larger, form->text, form->length_bytes);
		explicit_bzero(form->text, form->room_bytes);
		free(form->text);
	}
	form->text = larger;
	form->room_bytes = room_bytes;
	return true;
}

void bg_form_add(struct bg_form *form, const char *key, const char *value)
{
	static const char digits[] = "0123456789ABCDEF";
	char *at;

	if (form->failed ||
	    !reserve(form, form->length_bytes + strlen(key) + 3 * strlen(value) + 3))
		return;
	at = form->text + form->length_bytes;
	at += sprintf(at, "%s%s=", form->length_bytes ? "&" : "", key);
	for (; *value; value++) {
		if (strchr(UNRESERVED, *value)) {
			*at++ = *value;
			continue;
		}
		*at++ = '%';
		*at++ = digits[(unsigned char)*value >> 4];
		*at++ = digits[*value & 15];
	}
	*at = '\0';
	form->length_bytes = (size_t)(at - form->text);
}

void bg_form_add_number(struct bg_form *form, const char *key, unsigned long value)
{
	char text[32];

	snprintf(text, sizeof(text), "%lu", value);
	bg_form_add(form, key, text);
}

void bg_form_release(struct bg_form *form)
{
	if (form->text)
		explicit_bzero(form->text, form->room_bytes);
	free(form->text);
	*form = (struct bg_form){};
}
