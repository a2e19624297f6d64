/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A bearer token, or another secret, in a file. */
#ifndef BG_WEB_TOKEN_H
#define BG_WEB_TOKEN_H

#include "base/error.h"

/* As it is there now, without white space around it; the caller's, for bg_token_free(). What the
 * error says has nothing of it. */
int bg_token_read(const char *path, char **token, struct bg_error *err);
/* The same with another secret of one word; `what` it is, for the error. */
int bg_secret_read(const char *path, const char *what, char **secret, struct bg_error *err);
void bg_token_free(char *token);

#endif
