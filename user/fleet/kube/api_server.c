// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * From what stands on the command line, and what kubelet gives to a pod, to an URL and files. The
 * verb calls it once, before anything is asked.
 */
#include "fleet/kube/api_server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int in_cluster(struct bg_api_server *server, struct bg_error *err)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST");
	const char *port = getenv("KUBERNETES_SERVICE_PORT");
	bool is_v6 = host && strchr(host, ':');

	if (!host || !*host || !port || !*port)
		return bg_fail(err, -EINVAL,
			       BG_K8S_SOURCE
			       " KUBERNETES_SERVICE_HOST and _PORT are not set, so this "
			       "is no pod: expected " BG_K8S_SOURCE "https://HOST:PORT");
	snprintf(server->url, sizeof(server->url), "https://%s%.200s%s:%.20s", is_v6 ? "[" : "",
		 host, is_v6 ? "]" : "", port);
	server->identity.ca_file = server->identity.ca_file ?: BG_K8S_MOUNT "/ca.crt";
	if (!server->identity.certificate_file)
		server->identity.token_file = server->identity.token_file ?: BG_K8S_MOUNT "/token";
	return 0;
}

int bg_api_server_find(const char *source, const struct bg_web_identity *given,
		       struct bg_api_server *server, struct bg_error *err)
{
	const char *url = source + strlen(BG_K8S_SOURCE);
	size_t length = strlen(url);

	*server = (struct bg_api_server){ .identity = *given };
	if (!*url)
		return in_cluster(server, err);
	while (length && url[length - 1] == '/')
		length--;
	if (strncmp(url, "https://", 8) != 0 || length >= sizeof(server->url) || length <= 8 ||
	    url[strcspn(url, "?#@ ")])
		return bg_fail(err, -EINVAL, "%.300s: expected " BG_K8S_SOURCE "https://HOST:PORT",
			       source);
	snprintf(server->url, sizeof(server->url), "%.*s", (int)length, url);
	return 0;
}
