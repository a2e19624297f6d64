/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* URLs of what an API server has. Pure. */
#ifndef BG_KUBE_RESOURCE_H
#define BG_KUBE_RESOURCE_H

/*
 * SERVER and PATH ("/apis/…/groupfeeds"), and behind it what is given: "/NAME", "?QUERY", and
 * "&continue=MORE", escaped, which needs a query. The caller frees it. NULL: there is no memory,
 * or `more` is longer than any token.
 */
char *bg_k8s_url(const char *server, const char *path, const char *name, const char *query,
		 const char *more);

#endif
