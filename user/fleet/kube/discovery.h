/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What an API server says that it serves. Pure. */
#ifndef BG_KUBE_DISCOVERY_H
#define BG_KUBE_DISCOVERY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define BG_K8S_PATH_TEXT 128

/* "/apis/GROUP/VERSION/RESOURCE" in its parts. */
struct bg_k8s_resource {
	char group[BG_K8S_PATH_TEXT], version[BG_K8S_PATH_TEXT], name[BG_K8S_PATH_TEXT];
};

/* -EINVAL: it is no such path. */
int bg_k8s_resource_of(const char *path, struct bg_k8s_resource *resource);

/* By its answer to /apis/GROUP/VERSION: is this resource none of those? -EPROTO: it is another answer. */
int bg_k8s_lacks_resource(const struct bg_k8s_resource *resource, const char *text,
			  size_t length_bytes, bool *lacks, struct bg_error *err);
/* By its answer to /apis: is this group? */
int bg_k8s_lacks_group(const struct bg_k8s_resource *resource, const char *text,
		       size_t length_bytes, bool *lacks, struct bg_error *err);

#endif
