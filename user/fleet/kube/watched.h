/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A kind of objects that an API server has, and how they are kept by who watches them. */
#ifndef BG_KUBE_WATCHED_H
#define BG_KUBE_WATCHED_H

#include <stdbool.h>

#include <jansson.h>

#include "base/error.h"

struct bg_watched_kind {
	const char *name; /* "NodeFeed": their list is a NodeFeedList */
	const char *path; /* "/apis/branchguard.dev/v1alpha1/nodefeeds" */
	/* A server that says that it does not serve this kind has none of it; else that is an error. */
	bool may_lack;
	/* Where a watch has ended, the server is asked which version it has by now: of several watchers one
	 * is enough to find that it has gone back. */
	bool asks_version;
	unsigned int page_objects; /* of a list; fewer where these are more than page_bytes */
	size_t page_bytes, list_bytes;

	/* All get `objects` of the watcher. A list begins: */
	int (*begin)(void *objects, struct bg_error *err);
	/* an object of the list that has begun, or one that is another one now. -EPROTO: it is none
	 * of this kind; */
	int (*put)(void *objects, const json_t *object, struct bg_error *err);
	int (*remove)(void *objects, const json_t *object, struct bg_error *err);
	/* and the list is whole, so that what it did not name is gone; or it is left off. */
	void (*end)(void *objects, bool whole);
};

#endif
