/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What an API server says when it is asked for objects of a kind: pages of a list, and the lines of a
 * watch. Pure. */
#ifndef BG_KUBE_API_ANSWER_H
#define BG_KUBE_API_ANSWER_H

#include <stdbool.h>

#include <jansson.h>

#include "base/error.h"

#define BG_K8S_VERSION_TEXT 64

/* Of metadata.resourceVersion; "" for none. */
struct bg_k8s_version {
	char text[BG_K8S_VERSION_TEXT];
};

/* Of an object, or a list. -EPROTO: it has none. */
int bg_k8s_read_version(const json_t *object, struct bg_k8s_version *version, struct bg_error *err);

struct bg_k8s_page {
	json_t *objects; /* an array: the caller's */
	char *more;	 /* the token of the next page: the caller's; NULL: it is the last one */
	struct bg_k8s_version version;
};

/* -EPROTO: it is no list of this kind ("NodeFeed"). */
int bg_k8s_read_page(const char *kind, const char *text, size_t length_bytes,
		     struct bg_k8s_page *page, struct bg_error *err);
void bg_k8s_release_page(struct bg_k8s_page *page);

enum bg_k8s_event_type { BG_K8S_PUT, BG_K8S_GONE, BG_K8S_BOOKMARK };

struct bg_k8s_event {
	enum bg_k8s_event_type type;
	json_t *object; /* the caller's */
	struct bg_k8s_version version;
};

/* -ESTALE: what it was asked for is too old (410); -EPROTO: another error, or no event. */
int bg_k8s_read_event(const char *line, size_t length_bytes, struct bg_k8s_event *event,
		      struct bg_error *err);

/* Is the first one older? By what API servers on etcd write: numbers. What is no number is not. */
bool bg_k8s_is_older(const struct bg_k8s_version *version, const struct bg_k8s_version *than);

#endif
