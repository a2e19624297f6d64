/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where the API server is, and who we are there. */
#ifndef BG_KUBE_API_SERVER_H
#define BG_KUBE_API_SERVER_H

#include "fleet/web/web.h"

#define BG_K8S_SOURCE "k8s:"
/* What kubelet mounts into a pod. */
#define BG_K8S_MOUNT "/var/run/secrets/kubernetes.io/serviceaccount"

#define BG_K8S_SERVER_TEXT 512

#define BG_WATCH_S 300 /* --watch-seconds, where it is not given */

struct bg_api_server {
	char url[BG_K8S_SERVER_TEXT]; /* "https://10.100.0.1:443", no slash behind it */
	struct bg_web_identity identity;
};

/*
 * "k8s:https://HOST:PORT" is that one; who we are there say the files of `given` alone. "k8s:" is
 * that of the cluster in which this process is a pod, and what kubelet mounts takes the place
 * of files that are not given. -EINVAL: it is neither.
 */
int bg_api_server_find(const char *source, const struct bg_web_identity *given,
		       struct bg_api_server *server, struct bg_error *err);

#endif
