/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What etcd is asked, as the gateway wants it. Pure. NULL when out of memory; the caller frees it. */
#ifndef BG_ETCD_ETCD_REQUEST_H
#define BG_ETCD_ETCD_REQUEST_H

#include <stdbool.h>

struct bg_etcd_ask {
	const char *key, *end;	     /* [key, end), or the one key, if `end` is "" */
	const char *after;	     /* NULL, or: only keys behind this one */
	unsigned long long revision; /* 0: now */
	unsigned int limit;	     /* keys at most */
	bool keys_only;
};

char *bg_etcd_range_request(const struct bg_etcd_ask *ask);
char *bg_etcd_watch_request(const char *key, const char *end, unsigned long long from_revision);
/* Of "USER:PASSWORD"; also NULL when there is no colon in it, or it is no UTF-8. */
char *bg_etcd_login_request(const char *user);

#endif
