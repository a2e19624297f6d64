// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Which ports of a pod kubelet calls: startup, readiness and liveness probes by HTTP, TCP
 * and gRPC, and the HTTP calls of lifecycle hooks, of all containers that live as long as
 * the pod does. pod.c calls it; what a probe is about in the container it does not know.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "feed/reading.h"
#include "fleet/gather/document.h"

#define MOST_PORT 65535

enum container_field {
	CONTAINER_NAME,
	CONTAINER_RESTARTS,
	CONTAINER_PORTS,
	CONTAINER_STARTUP,
	CONTAINER_LIVENESS,
	CONTAINER_READINESS,
	CONTAINER_LIFECYCLE,
	CONTAINER_USED,
};
static const char *const container_keys[] = {
	"name",		 "restartPolicy",  "ports",	"startupProbe",
	"livenessProbe", "readinessProbe", "lifecycle", NULL,
};

enum action_field { ACTION_HTTP, ACTION_TCP, ACTION_GRPC, ACTION_USED };
static const char *const action_keys[] = { "httpGet", "tcpSocket", "grpc", NULL };

struct container {
	struct bg_cluster *cluster;
	const struct bg_item *item;
	struct bg_kube_pod *pod;
	struct bg_fields fields;
	const char *name;
};

static int add(struct container *container, int port, const char *probe, const char *action,
	       struct bg_error *err)
{
	struct bg_kube_pod *pod = container->pod;
	struct bg_kube_probe *added = BG_GROW(pod->probes, pod->probe_count);
	char what[64];
	int length = snprintf(what, sizeof(what), "%s %s", probe, action);

	if (!added)
		return bg_no_memory(err, BG_GATHERING);
	added->port = port;
	added->container = container->name;
	added->what = bg_intern(&container->cluster->interned, what, length);
	return added->what ? 0 : bg_no_memory(err, BG_GATHERING);
}

/* 0: the container has no port of this name. */
static int find_port(const struct container *container, struct bg_text name, int *port,
		     struct bg_error *err)
{
	enum { NAME, PORT };
	static const char *const keys[] = { "name", "containerPort", NULL };
	static const struct bg_shape shape = { keys, 2 };
	struct bg_at list = bg_field_at(&container->fields, CONTAINER_PORTS);
	const struct bg_json *element;
	int rc = bg_get_array(&container->fields, CONTAINER_PORTS, &element, err);

	*port = 0;
	for (size_t i = 0; element && !rc && !*port; i++, element = element->next) {
		struct bg_at at = bg_at_index(&list, i);
		struct bg_text found = { "", 0 };
		struct bg_fields fields;

		rc = bg_json_fields(element, &at, &shape, NULL, NULL, &fields, err)
			     ?: bg_get_text(&fields, NAME, BG_TEXT_BYTES, &found, err);
		if (!rc && found.length == name.length &&
		    !memcmp(found.bytes, name.bytes, name.length))
			rc = bg_get_integer(&fields, PORT, 1, MOST_PORT, port, err);
	}
	return rc;
}

/* A number, a port's name, or a number as text: kubelet looks for them in this order. */
static int port_of(const struct container *container, const struct bg_json *value,
		   const struct bg_at *at, int *port, struct bg_error *err)
{
	struct bg_json number = *value;
	char pointer[BG_POINTER_TEXT];
	struct bg_text name;
	int rc;

	if (bg_json_is_integer(value, 1, MOST_PORT, port))
		return 0;
	if (value->type != BG_JSON_STRING)
		return bg_json_unexpected(value, at, "a port or its name", err);
	rc = bg_value_id(value, at, BG_TEXT_BYTES, &name, err)
		     ?: find_port(container, name, port, err);
	if (rc || *port)
		return rc;
	number.type = BG_JSON_NUMBER;
	if (name.bytes[0] > '0' && name.bytes[0] <= '9' &&
	    bg_json_is_integer(&number, 1, MOST_PORT, port))
		return 0;
	return bg_fail_at(err, bg_at_format(at, false, pointer),
			  "the container has no port \"%.*s\"",
			  (int)(name.length < 64 ? name.length : 64), name.bytes);
}

/* One call: a probe that names a host goes there, and not to the pod. */
static int read_action(struct container *container, const struct bg_json *value,
		       const struct bg_at *at, const char *probe, const char *action,
		       struct bg_error *err)
{
	enum { PORT, HOST };
	static const char *const keys[] = { "port", "host", NULL };
	static const struct bg_shape shape = { keys, 2 };
	struct bg_text host = { "", 0 };
	struct bg_fields fields;
	struct bg_at where;
	int port, rc;

	rc = bg_json_fields(value, at, &shape, NULL, NULL, &fields, err)
		     ?: bg_get_text(&fields, HOST, BG_TEXT_BYTES, &host, err)
		     ?: bg_field_required(&fields, PORT, err);
	if (rc || host.length)
		return rc;
	where = bg_field_at(&fields, PORT);
	return port_of(container, fields.values[PORT], &where, &port, err)
		       ?: add(container, port, probe, action, err);
}

static int read_actions(struct container *container, const struct bg_json *value,
			const struct bg_at *at, const char *probe, size_t used,
			struct bg_error *err)
{
	const struct bg_shape shape = { action_keys, used };
	struct bg_fields fields;
	int rc = bg_json_fields(value, at, &shape, NULL, NULL, &fields, err);

	for (size_t i = 0; i < used && !rc; i++) {
		struct bg_at where = bg_field_at(&fields, i);

		if (fields.values[i])
			rc = read_action(container, fields.values[i], &where, probe, action_keys[i],
					 err);
	}
	return rc;
}

static int report(const struct container *container, int rc, struct bg_error *err)
{
	char what[512];

	if (!rc || rc == -ENOMEM)
		return rc;
	snprintf(what, sizeof(what), "%s, a probe", container->pod->object.path);
	return bg_report_left_out(container->cluster, container->item->file, "Pod", what, err)
		       ? bg_no_memory(err, BG_GATHERING)
		       : 0;
}

/* Of hooks only the HTTP calls go over the network. */
static int read_hooks(struct container *container, struct bg_error *err)
{
	static const char *const keys[] = { "postStart", "preStop", NULL };
	static const struct bg_shape shape = { keys, 2 };
	struct bg_fields hooks;
	struct bg_at at;
	bool present;
	int rc = bg_gather_object(&container->fields, CONTAINER_LIFECYCLE, &shape, &at, &hooks,
				  &present, err);

	for (size_t i = 0; i < 2 && !rc; i++) {
		struct bg_at where = bg_field_at(&hooks, i);

		if (hooks.values[i])
			rc = report(container,
				    read_actions(container, hooks.values[i], &where, keys[i],
						 ACTION_TCP, err),
				    err);
	}
	return rc;
}

static int read_container(struct container *container, const struct bg_json *value,
			  const struct bg_at *at, bool is_init, struct bg_error *err)
{
	static const struct bg_shape shape = { container_keys, CONTAINER_USED };
	struct bg_fields *fields = &container->fields;
	struct bg_text restarts = { "", 0 };
	int rc = bg_json_fields(value, at, &shape, NULL, NULL, fields, err) ?:
		 bg_gather_id(container->cluster, fields, CONTAINER_NAME, BG_TEXT_BYTES, &container->name, err) ?:
		 bg_get_text(fields, CONTAINER_RESTARTS, BG_TEXT_BYTES, &restarts, err);

	/* an init container that is always restarted is a sidecar, and is probed as one */
	if (rc || (is_init && !bg_text_is(restarts, "Always")))
		return rc;
	for (size_t i = CONTAINER_STARTUP; i <= CONTAINER_READINESS && !rc; i++) {
		struct bg_at where = bg_field_at(fields, i);

		if (fields->values[i])
			rc = report(container,
				    read_actions(container, fields->values[i], &where,
						 container_keys[i], ACTION_USED, err),
				    err);
	}
	return rc ? rc : report(container, read_hooks(container, err), err);
}

static int by_port(const void *a, const void *b)
{
	const struct bg_kube_probe *one = a, *other = b;

	if (one->port != other->port)
		return one->port < other->port ? -1 : 1;
	return strcmp(one->container, other->container) ?: strcmp(one->what, other->what);
}

int bg_pod_probes(struct bg_cluster *cluster, const struct bg_item *item,
		  const struct bg_fields *spec, size_t containers, size_t init_containers,
		  struct bg_kube_pod *pod, struct bg_error *err)
{
	const size_t lists[] = { containers, init_containers };

	for (size_t n = 0; n < 2; n++) {
		struct bg_at list = bg_field_at(spec, lists[n]);
		const struct bg_json *element;
		int rc = bg_get_array(spec, lists[n], &element, err);

		for (size_t i = 0; element && !rc; i++, element = element->next) {
			struct bg_at at = bg_at_index(&list, i);
			struct container container = {
				.cluster = cluster, .item = item, .pod = pod, .name = ""
			};

			rc = read_container(&container, element, &at, n == 1, err);
		}
		if (rc)
			return rc;
	}
	if (pod->probe_count)
		qsort(pod->probes, pod->probe_count, sizeof(*pod->probes), by_port);
	return 0;
}
