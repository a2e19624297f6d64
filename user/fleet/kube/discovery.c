// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Reads what the API server says that it serves. watcher.c calls it where a list is not there: who says
 * "not found" may be anybody on the way, who lists all else is the server. What makes no
 * sense is never taken for "there is none".
 */
#include "fleet/kube/discovery.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

BG_CLEANUP_OF(json_decref, json_t)

int bg_k8s_resource_of(const char *path, struct bg_k8s_resource *resource)
{
	char rest;

	return sscanf(path, "/apis/%127[^/]/%127[^/]/%127[^/]%c", resource->group,
		      resource->version, resource->name, &rest) == 3
		       ? 0
		       : -EINVAL;
}

static bool is_text(const json_t *object, const char *key, const char *wanted)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text && !strcmp(text, wanted);
}

/* Has the answer, of this kind, an array with something of this name? */
static int look_up(const char *text, size_t length_bytes, const char *kind, const char *array,
		   const char *name, json_t **answer, bool *lacks, struct bg_error *err)
{
	bg_cleanup(json_decref_at) json_t *read = json_loadb(text, length_bytes, 0, NULL);
	const json_t *list = json_object_get(read, array), *element = NULL;
	size_t i;

	if (!is_text(read, "kind", kind) || !json_is_array(list))
		return bg_fail(err, -EPROTO, "found something else than an %s with %s", kind,
			       array);
	*lacks = true;
	json_array_foreach (list, i, element)
		*lacks = *lacks && !is_text(element, "name", name);
	*answer = bg_take_ptr(read);
	return 0;
}

int bg_k8s_lacks_resource(const struct bg_k8s_resource *resource, const char *text,
			  size_t length_bytes, bool *lacks, struct bg_error *err)
{
	bg_cleanup(json_decref_at) json_t *answer = NULL;
	char version[2 * BG_K8S_PATH_TEXT];
	int rc = look_up(text, length_bytes, "APIResourceList", "resources", resource->name,
			 &answer, lacks, err);

	snprintf(version, sizeof(version), "%s/%s", resource->group, resource->version);
	if (!rc && !is_text(answer, "groupVersion", version))
		rc = bg_fail(err, -EPROTO, "found the resources of something else than %s",
			     version);
	return rc;
}

int bg_k8s_lacks_group(const struct bg_k8s_resource *resource, const char *text,
		       size_t length_bytes, bool *lacks, struct bg_error *err)
{
	bg_cleanup(json_decref_at) json_t *answer = NULL;
	bool lacks_any;
	int rc = look_up(text, length_bytes, "APIGroupList", "groups", resource->group, &answer,
			 lacks, err);

	if (rc)
		return rc;
	/* no server is without these */
	json_decref(bg_take_ptr(answer));
	rc = look_up(text, length_bytes, "APIGroupList", "groups", "apiextensions.k8s.io", &answer,
		     &lacks_any, err);
	if (!rc && lacks_any)
		rc = bg_fail(err, -EPROTO, "found no apiextensions.k8s.io among the groups");
	return rc;
}
