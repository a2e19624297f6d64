/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One request on its way, in libcurl's hands. */
#ifndef BG_WEB_TRANSFER_H
#define BG_WEB_TRANSFER_H

#include <stdbool.h>

#include <curl/curl.h>

#include "fleet/web/web.h"
#include "fleet/web/lines.h"

struct bg_web_transfer {
	struct bg_web *web;
	struct bg_web_transfer *next, **at; /* in the list of the client */
	CURL *easy;
	struct curl_slist *headers;
	char *url;
	char said[CURL_ERROR_SIZE];
	struct bg_web_request request; /* what it points to is not: but for context */
	struct bg_lines lines;
	char *body;
	size_t length_bytes, room_bytes, header_bytes;
	int rc; /* why we ended it ourselves, with words in `err` */
	struct bg_error err;
};

/* Ready to be begun. */
int bg_transfer_new(const struct bg_web_identity *identity, const struct bg_web_request *request,
		    struct bg_web_transfer **made, struct bg_error *err);
/* It has ended, with this CURLcode: tells who asked for it. */
void bg_transfer_tell(struct bg_web_transfer *transfer, int code);
void bg_transfer_free(struct bg_web_transfer *transfer);
BG_CLEANUP_OF(bg_transfer_free, struct bg_web_transfer)

#endif
