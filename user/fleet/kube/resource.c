// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Makes URLs of lists and objects. watcher.c and store.c ask by them; names of parts need no
 * escape, since part.h makes them so.
 */
#include "fleet/kube/resource.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define URL_TEXT 8192

static bool is_plain(char letter)
{
	return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
	       (letter >= '0' && letter <= '9') || (letter && strchr("-_.~", letter));
}

char *bg_k8s_url(const char *server, const char *path, const char *name, const char *query,
		 const char *more)
{
	static const char digits[] = "0123456789ABCDEF";
	char *url = malloc(URL_TEXT), *at;

	if (!url)
		return NULL;
	at = url + snprintf(url, URL_TEXT, "%s%s%s%s%s%s%s", server, path, name ? "/" : "",
			    name ?: "", query ? "?" : "", query ?: "", more ? "&continue=" : "");
	for (; more && *more && at + 4 < url + URL_TEXT; more++) {
		if (is_plain(*more)) {
			*at++ = *more;
			continue;
		}
		*at++ = '%';
		*at++ = digits[(unsigned char)*more >> 4];
		*at++ = digits[*more & 15];
	}
	*at = '\0';
	if (more && *more) {
		free(url);
		return NULL;
	}
	return url;
}
