/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An API server as a target: parts are custom resources, and of several publishers the holder of a
 * Lease writes them. */
#ifndef BG_FLEET_TARGET_K8S_H
#define BG_FLEET_TARGET_K8S_H

#include "fleet/kube/api_server.h"
#include "fleet/target.h"

#define BG_LEASE_NAME "branchguard-publisher"

struct bg_target_k8s_wanted {
	const char *to; /* as --to has it, "k8s:…" */
	struct bg_web_identity identity;
	const char *lease;  /* "NAMESPACE/NAME"; NULL: the pod's, or "default", and BG_LEASE_NAME */
	const char *holder; /* what we call ourselves there; NULL: the host's name, a pod's */
};

/* -EINVAL: it is none, or it cannot be known who we are there. What `wanted` points to stays the
 * caller's until it is closed. */
int bg_target_k8s_new(const struct bg_target_k8s_wanted *wanted, struct bg_target **target,
		      struct bg_error *err);

#endif
