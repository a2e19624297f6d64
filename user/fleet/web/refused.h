/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Words for what a server, or the way to it, has said. Pure. */
#ifndef BG_WEB_REFUSED_H
#define BG_WEB_REFUSED_H

#include "base/error.h"
#include "fleet/web/web.h"

/*
 * "URL: HTTP 403: MESSAGE: what to do", for an answer that is not what was asked for. MESSAGE is
 * that of a JSON answer (its key message), or else its first line. 401 and 403 are -EACCES, 404
 * -ENOENT, 409 -EAGAIN, 410 -ESTALE, 413 -E2BIG, 422 -EBADMSG, all others -EPROTO.
 */
int bg_web_refused(const char *url, const struct bg_web_answer *answer, struct bg_error *err);

/* "URL: what libcurl says: what to do". `code` is a CURLcode; a negative errno. */
int bg_web_broken(const char *url, int code, const char *said, struct bg_error *err);

#endif
