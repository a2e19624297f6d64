/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Keeps a node's feed what the parts of an API server make of it. */
#ifndef BG_FLEET_FOLLOW_K8S_H
#define BG_FLEET_FOLLOW_K8S_H

#include "fleet/feed_kept.h"
#include "fleet/kube/api_server.h"

/*
 * Until the process is ended, or when it cannot even begin. Without an output: prints the feed as
 * soon as there is one, or fails with the first thing that is wrong.
 */
int bg_follow_k8s(const struct bg_follow *follow, const struct bg_api_server *server,
		  unsigned int watch_s, struct bg_error *err);

#endif
