// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Knows which keys kubernetes.c, pod.c and probes.c read, and copies those alone; kept_objects.c calls it for
 * each object that comes. It judges no value: what is wrong in one is as wrong in the copy.
 */
#include "fleet/gather/trimmed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "fleet/gather/cluster.h"

/* Where all is copied, deeper values are not: none that is read has so many levels. */
#define MOST_DEPTH 8

/* A key, and what is read of its value, or of each element of its array; NULL: all of it. */
struct key {
	const char *name; /* NULL: the end */
	const struct key *within;
};

/* --- what is read --- */

static const struct key probe_action[] = { { "port", NULL }, { "host", NULL }, {} };
static const struct key probe[] = {
	{ "httpGet", probe_action }, { "tcpSocket", probe_action }, { "grpc", probe_action }, {}
};
static const struct key lifecycle[] = { { "postStart", probe }, { "preStop", probe }, {} };
static const struct key port[] = { { "name", NULL }, { "containerPort", NULL }, {} };
static const struct key container[] = { { "name", NULL },	    { "restartPolicy", NULL },
					{ "ports", port },	    { "startupProbe", probe },
					{ "livenessProbe", probe }, { "readinessProbe", probe },
					{ "lifecycle", lifecycle }, {} };
static const struct key annotations[] = { { "vpc.amazonaws.com/pod-eni", NULL },
					  { "fargate.amazonaws.com/pod-sg", NULL },
					  {} };
static const struct key pod_metadata[] = {
	{ "name", NULL },   { "namespace", NULL },	    { "deletionTimestamp", NULL },
	{ "labels", NULL }, { "annotations", annotations }, {}
};
static const struct key pod_spec[] = { { "nodeName", NULL },
				       { "hostNetwork", NULL },
				       { "serviceAccountName", NULL },
				       { "serviceAccount", NULL },
				       { "containers", container },
				       { "initContainers", container },
				       {} };
static const struct key address[] = { { "ip", NULL }, { "ipMode", NULL }, {} };
static const struct key pod_status[] = { { "phase", NULL }, { "podIPs", address }, {} };
static const struct key pod[] = {
	{ "metadata", pod_metadata }, { "spec", pod_spec }, { "status", pod_status }, {}
};

static const struct key metadata[] = { { "name", NULL }, { "namespace", NULL }, {} };

static const struct key requirement[] = {
	{ "key", NULL }, { "operator", NULL }, { "values", NULL }, {}
};
static const struct key selector[] = { { "matchLabels", NULL },
				       { "matchExpressions", requirement },
				       {} };
static const struct key groups[] = { { "groupIds", NULL }, {} };
static const struct key policy_spec[] = { { "podSelector", selector },
					  { "serviceAccountSelector", selector },
					  { "securityGroups", groups },
					  {} };
static const struct key policy[] = { { "metadata", metadata }, { "spec", policy_spec }, {} };

static const struct key account_metadata[] = {
	{ "name", NULL }, { "namespace", NULL }, { "labels", NULL }, {}
};
static const struct key account[] = { { "metadata", account_metadata }, {} };

static const struct key service_spec[] = {
	{ "type", NULL }, { "clusterIP", NULL }, { "clusterIPs", NULL }, { "externalIPs", NULL }, {}
};
static const struct key balancer[] = { { "ingress", address }, {} };
static const struct key service_status[] = { { "loadBalancer", balancer }, {} };
static const struct key service[] = {
	{ "metadata", metadata }, { "spec", service_spec }, { "status", service_status }, {}
};

static const struct key node_address[] = { { "type", NULL }, { "address", NULL }, {} };
static const struct key node_status[] = { { "addresses", node_address }, {} };
static const struct key node[] = { { "metadata", metadata }, { "status", node_status }, {} };

static const struct key range_spec[] = { { "cidrs", NULL }, {} };
static const struct key range[] = { { "metadata", metadata }, { "spec", range_spec }, {} };

static const struct key *const read_of[BG_TRIMMED_KINDS] = {
	[BG_TRIMMED_PODS] = pod,	 [BG_TRIMMED_POLICIES] = policy,
	[BG_TRIMMED_ACCOUNTS] = account, [BG_TRIMMED_SERVICES] = service,
	[BG_TRIMMED_NODES] = node,	 [BG_TRIMMED_RANGES] = range,
};

const struct bg_trimmed_names bg_trimmed_names[BG_TRIMMED_KINDS] = {
	[BG_TRIMMED_PODS] = { "Pod", "v1" },
	[BG_TRIMMED_POLICIES] = { "SecurityGroupPolicy", "vpcresources.k8s.aws/v1beta1" },
	[BG_TRIMMED_ACCOUNTS] = { "ServiceAccount", "v1" },
	[BG_TRIMMED_SERVICES] = { "Service", "v1" },
	[BG_TRIMMED_NODES] = { "Node", "v1" },
	[BG_TRIMMED_RANGES] = { "ServiceCIDR", "networking.k8s.io/v1" },
};

/* --- copying --- */

/* What jansson writes as it is. */
static void write_dumped(struct bg_json_writer *writer, const json_t *value)
{
	bg_auto_free char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

	if (!text) {
		writer->failed = true;
		return;
	}
	if (writer->comma)
		bg_json_raw(writer, ",", 1);
	bg_json_raw(writer, text, strlen(text));
	writer->comma = true;
}

static void write_scalar(struct bg_json_writer *writer, const json_t *value)
{
	const char *text = json_string_value(value);

	if (text && strlen(text) == json_string_length(value))
		bg_json_string(writer, text);
	else if (json_is_boolean(value))
		bg_json_bool(writer, json_is_true(value));
	else
		write_dumped(writer, value);
}

static void write_key(struct bg_json_writer *writer, const char *key)
{
	bg_json_string(writer, key);
	bg_json_raw(writer, ":", 1);
	writer->comma = false;
}

/* NOLINTNEXTLINE(misc-no-recursion): `within` ends, and so does `left` */
static void write_value(struct bg_json_writer *writer, const json_t *value,
			const struct key *within, int left)
{
	const json_t *element;
	const char *name;
	size_t i;

	if (json_is_array(value)) {
		bg_json_open(writer, '[');
		json_array_foreach (value, i, element)
			if (left)
				write_value(writer, element, within, left - 1);
		bg_json_close(writer, ']');
	} else if (!json_is_object(value)) {
		write_scalar(writer, value);
	} else if (within) {
		bg_json_open(writer, '{');
		for (const struct key *key = within; key->name && left; key++) {
			element = json_object_get(value, key->name);
			if (!element)
				continue;
			write_key(writer, key->name);
			write_value(writer, element, key->within, key->within ? left : MOST_DEPTH);
		}
		bg_json_close(writer, '}');
	} else {
		bg_json_open(writer, '{');
		json_object_foreach ((json_t *)value, name, element) {
			if (!left)
				break;
			write_key(writer, name);
			write_value(writer, element, NULL, left - 1);
		}
		bg_json_close(writer, '}');
	}
}

static int check_kind(enum bg_trimmed_kind kind, const json_t *object, struct bg_error *err)
{
	const struct bg_trimmed_names *names = &bg_trimmed_names[kind];
	const json_t *said_kind = json_object_get(object, "kind");
	const json_t *said_api = json_object_get(object, "apiVersion");

	/* (the server's own lists name it once, in front) */
	if (!json_is_object(object) ||
	    (said_kind && (!json_is_string(said_kind) ||
			   strcmp(json_string_value(said_kind), names->kind) != 0)) ||
	    (said_api &&
	     (!json_is_string(said_api) || strcmp(json_string_value(said_api), names->api) != 0)))
		return bg_fail(err, -EPROTO, "found something else than a %s of %s", names->kind,
			       names->api);
	return 0;
}

int bg_kube_trim(enum bg_trimmed_kind kind, const json_t *object, struct bg_json_writer *writer,
		 struct bg_error *err)
{
	int rc = check_kind(kind, object, err);

	if (rc)
		return rc;
	bg_json_clear(writer);
	bg_json_open(writer, '{');
	bg_json_key(writer, "apiVersion");
	bg_json_plain(writer, bg_trimmed_names[kind].api);
	bg_json_key(writer, "kind");
	bg_json_plain(writer, bg_trimmed_names[kind].kind);
	for (const struct key *key = read_of[kind]; key->name; key++) {
		const json_t *value = json_object_get(object, key->name);

		if (!value)
			continue;
		write_key(writer, key->name);
		write_value(writer, value, key->within, MOST_DEPTH);
	}
	bg_json_close(writer, '}');
	return writer->failed ? bg_no_memory(err, BG_GATHERING) : 0;
}
