/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Keeps a node's feed what the parts of a web server make of it. */
#ifndef BG_FLEET_FOLLOW_HTTPS_H
#define BG_FLEET_FOLLOW_HTTPS_H

#include "fleet/feed_kept.h"
#include "fleet/web/web.h"

#define BG_PERIOD_S 30

struct bg_follow_web {
	struct bg_web_identity identity;
	unsigned int period_s; /* it is asked after half of it to all of it */
};

/* Is it an URL? */
bool bg_is_url(const char *source);
/* May it be asked? -EINVAL: it is no https://, or has more in it than a place. */
int bg_follow_https_check(const char *source, struct bg_error *err);
/*
 * Until the process is ended, or when it cannot even begin. Without an output: prints the feed
 * that the first round makes, or fails with what is wrong.
 */
int bg_follow_https(const struct bg_follow *follow, const struct bg_follow_web *how,
		    struct bg_error *err);

#endif
