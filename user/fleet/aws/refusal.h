/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What AWS says instead of an answer, and what to make of it. Pure. */
#ifndef BG_AWS_REFUSAL_H
#define BG_AWS_REFUSAL_H

#include "fleet/aws/aws_keys.h"
#include "fleet/web/web.h"

/*
 * "ACTION at URL: HTTP 403: CODE: MESSAGE: what to do". -EAGAIN: it is asked too often, or has
 * trouble; -EKEYREJECTED: it does not take the keys; -EACCES: who has them may not do that;
 * -ENOENT: no such prefix list; -ESTALE: the page's place is not valid any more; else -EPROTO.
 * A message that has one of the keys in it is left out; keys NULL: any is.
 */
int bg_aws_refused(const char *action, const char *url, const struct bg_web_answer *answer,
		   const struct bg_aws_keys *keys, struct bg_error *err);

#endif
