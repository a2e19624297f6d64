/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the daemon told of its node, and what is said of a node whose daemon is silent. */
#ifndef BG_FLEET_SERVE_TOLD_H
#define BG_FLEET_SERVE_TOLD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/error.h"

/* What is asked: a line of JSON. */
#define BG_TOLD_REQUEST "{\"method\":\"node\"}"

/* A daemon that has told nothing for so long is not known to guard anything. */
#define BG_SILENT_MS 5000

/* A page as it is served; `text` is to be freed. */
struct bg_page {
	unsigned int status; /* of HTTP */
	char *text;
	size_t length_bytes;
};

enum bg_page_of { BG_PAGE_METRICS, BG_PAGE_HEALTHZ, BG_PAGE_READYZ, BG_PAGES };

void bg_pages_free(struct bg_page pages[BG_PAGES]);

/* Who serves, and when. */
struct bg_serving {
	const char *version, *commit; /* of this program */
	double heard_s;		      /* unix time of the daemon's last answer, 0 = never */
};

/* The answer's pages. -EPROTO: it is none, and *err says what the daemon told instead. */
int bg_told_pages(const char *line, const struct bg_serving *serving,
		  struct bg_page pages[BG_PAGES], struct bg_error *err);

/* Those of a node that is not known, `why`. 0 or -ENOMEM. */
int bg_unknown_pages(const char *why, const struct bg_serving *serving,
		     struct bg_page pages[BG_PAGES], struct bg_error *err);

#endif
