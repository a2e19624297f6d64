/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Objects of the API server without what is not read of them: they are kept by the hundred thousand. Pure. */
#ifndef BG_GATHER_TRIMMED_H
#define BG_GATHER_TRIMMED_H

#include <jansson.h>

#include "base/error.h"
#include "base/json_writer.h"

enum bg_trimmed_kind {
	BG_TRIMMED_PODS,
	BG_TRIMMED_POLICIES,
	BG_TRIMMED_ACCOUNTS,
	BG_TRIMMED_SERVICES,
	BG_TRIMMED_NODES,
	BG_TRIMMED_RANGES,
	BG_TRIMMED_KINDS,
};

struct bg_trimmed_names {
	const char *kind, *api; /* of an object: "Pod", "v1" */
};

extern const struct bg_trimmed_names bg_trimmed_names[BG_TRIMMED_KINDS];

/*
 * Writes the object into *writer (it is cleared first) so that bg_cluster_read() makes the same of it as of
 * the whole one, but for its version: among those of a server each object stands once.
 * -EPROTO: it is none of this kind.
 */
int bg_kube_trim(enum bg_trimmed_kind kind, const json_t *object, struct bg_json_writer *writer,
		 struct bg_error *err);

#endif
