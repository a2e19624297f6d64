/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where etcd is, and under which keys it has the parts. Pure. */
#ifndef BG_ETCD_ETCD_SOURCE_H
#define BG_ETCD_ETCD_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "fleet/parts/part.h"

#define BG_ETCD_SOURCE "etcd://"
#define BG_ETCD_ENDPOINTS 16
#define BG_ETCD_URL_TEXT 280
#define BG_ETCD_PREFIX_TEXT 256
#define BG_ETCD_KEY_TEXT (BG_ETCD_PREFIX_TEXT + BG_PART_FILE_TEXT)

struct bg_etcd_source {
	char url[BG_ETCD_ENDPOINTS][BG_ETCD_URL_TEXT]; /* "https://10.0.0.1:2379" */
	size_t count;
	char prefix[BG_ETCD_PREFIX_TEXT]; /* "/branchguard", no slash behind it */
};

bool bg_is_etcd(const char *source);

/*
 * "etcd://HOST[:PORT][,HOST[:PORT]…]/PREFIX". They are asked by TLS, but for those that are all
 * on the loopback when nothing (`tls`) says that they speak it. -EINVAL: it is no such thing.
 */
int bg_etcd_source_find(const char *source, bool tls, struct bg_etcd_source *at,
			struct bg_error *err);

/* What a node needs stands in three ranges of keys: [key, end), or one key, if `end` is "". */
#define BG_ETCD_RANGES 3
void bg_etcd_range(const char *prefix, int range, const char *node_part, char key[BG_ETCD_KEY_TEXT],
		   char end[BG_ETCD_KEY_TEXT]);

/* PREFIX/groupfeed/sg-1, and back; false: the key is no part's. */
const char *bg_etcd_key(const char *prefix, enum bg_part_kind kind, const char *name,
			char key[BG_ETCD_KEY_TEXT]);
bool bg_etcd_part_of_key(const char *prefix, const char *key, enum bg_part_kind *kind,
			 char name[BG_PART_NAME_TEXT]);

#endif
