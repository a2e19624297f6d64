// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Compares what an API server has with what it should have. store.c fills it and does what it
 * says; it asks nobody, and believes no object whose hash is not that of its content.
 */
#include "fleet/kube/standing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/grow.h"
#include "base/printable.h"

BG_CLEANUP_OF(json_decref, json_t)

/* Keys of what is kept of an object: */
#define VERSION "version"
#define TEXT "text"   /* absent: it is no whole part */
#define KEPT "kept"   /* of its metadata */
#define OTHER "other" /* whose it is, if not ours */

/* --- objects --- */

json_t *bg_k8s_kept_metadata(const json_t *metadata)
{
	static const char *const keys[] = { "labels", "annotations", "finalizers",
					    "ownerReferences" };
	json_t *kept = NULL;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		json_t *value = json_object_get(metadata, keys[i]);

		if (!json_object_size(value) && !json_array_size(value))
			continue;
		kept = kept ?: json_object();
		json_object_set(kept, keys[i], value);
	}
	return kept;
}

static const char *manager_of(const json_t *metadata)
{
	const char *manager = json_string_value(
		json_object_get(json_object_get(metadata, "labels"), BG_K8S_MANAGER_LABEL));

	return manager && *manager && strcmp(manager, BG_K8S_MANAGER) != 0 ? manager : NULL;
}

static int name_of(const json_t *metadata, const char **name, struct bg_error *err)
{
	const json_t *value = json_object_get(metadata, "name");

	*name = json_string_value(value);
	/* (it becomes a part of an URL) */
	return *name && **name && strlen(*name) == json_string_length(value) &&
			       strlen(*name) < BG_PART_NAME_TEXT && **name != '.' &&
			       !(*name)[strspn(*name, "0123456789abcdefghijklmnopqrstuvwxyz-.")]
		       ? 0
		       : bg_fail(err, -EPROTO, "found an object without /metadata/name");
}

/* Its text as a writer of parts has it; NULL: no memory, or *wrong says why it is none. */
static char *text_of(enum bg_part_kind kind, const char *name, const json_t *object,
		     struct bg_error *wrong, int *rc)
{
	bg_auto_free char *whole = json_dumps(object, JSON_COMPACT);
	bg_cleanup(json_decref_at) json_t *spec = NULL;
	char *text;

	*rc = whole ? bg_part_read(kind, name, whole, strlen(whole), &spec, wrong) : -ENOMEM;
	if (*rc)
		return NULL;
	text = bg_part_write(kind, name, spec);
	*rc = text ? 0 : -ENOMEM;
	return text;
}

/* Takes `kept`. */
static int put(struct bg_standing *standing, enum bg_part_kind kind, const char *name,
	       const char *text, const char *version, json_t *kept, const char *other)
{
	json_t *object = json_pack("{s:s,s:s*,s:o*,s:s*}", VERSION, version, TEXT, text, KEPT, kept,
				   OTHER, other);

	standing->kind[kind] = standing->kind[kind] ?: json_object();
	return object && standing->kind[kind] &&
			       !json_object_set_new(standing->kind[kind], name, object)
		       ? 0
		       : -ENOMEM;
}

int bg_standing_put(struct bg_standing *standing, enum bg_part_kind kind, const json_t *object,
		    void (*bad)(const char *text), struct bg_error *err)
{
	const json_t *metadata = json_object_get(object, "metadata");
	bg_auto_free char *text = NULL;
	struct bg_k8s_version version;
	struct bg_error wrong = {};
	const char *name;
	int rc = name_of(metadata, &name, err) ?: bg_k8s_read_version(object, &version, err);

	if (rc)
		return rc;
	text = text_of(kind, name, object, &wrong, &rc);
	if (rc == -ENOMEM)
		return bg_no_memory(err, BG_PARTS_DOING);
	if (!text && !manager_of(metadata))
		bad(wrong.text);
	return put(standing, kind, name, text, version.text, bg_k8s_kept_metadata(metadata),
		   manager_of(metadata))
		       ? bg_no_memory(err, BG_PARTS_DOING)
		       : 0;
}

int bg_standing_wrote(struct bg_standing *standing, const struct bg_part *part,
		      const struct bg_k8s_version *version, struct bg_error *err)
{
	const json_t *before = json_object_get(standing->kind[part->kind], part->name);

	return put(standing, part->kind, part->name, part->text, version->text,
		   json_incref(json_object_get(before, KEPT)), NULL)
		       ? bg_no_memory(err, BG_PARTS_DOING)
		       : 0;
}

void bg_standing_gone(struct bg_standing *standing, enum bg_part_kind kind, const char *name)
{
	json_object_del(standing->kind[kind], name);
}

int bg_standing_parts(const struct bg_standing *standing, struct bg_part_set *set,
		      struct bg_error *err)
{
	for (int kind = 0; kind < BG_PART_KINDS; kind++) {
		const char *name;
		json_t *object;

		json_object_foreach (standing->kind[kind], name, object) {
			const char *text = json_string_value(json_object_get(object, TEXT));
			int rc =
				text && !json_object_get(object, OTHER)
					? bg_part_set_read(set, kind, name, text, strlen(text), err)
					: 0;

			if (rc)
				return rc;
		}
	}
	return 0;
}

void bg_standing_release(struct bg_standing *standing)
{
	for (int i = 0; i < BG_PART_KINDS; i++)
		json_decref(standing->kind[i]);
	*standing = (struct bg_standing){};
}

/* --- what is to be done --- */

static int add(struct bg_k8s_writes *writes, const char *method, enum bg_part_kind kind,
	       const char *name, const struct bg_part *part, struct bg_error *err)
{
	struct bg_k8s_write *added = BG_GROW(writes->write, writes->count);

	if (!added)
		return bg_no_memory(err, BG_PARTS_DOING);
	*added = (struct bg_k8s_write){ method, kind, name, part };
	return 0;
}

static int plan_part(const struct bg_standing *standing, const struct bg_part *part,
		     struct bg_k8s_writes *writes, struct bg_error *err)
{
	const json_t *there = json_object_get(standing->kind[part->kind], part->name);
	const char *text = json_string_value(json_object_get(there, TEXT));
	const char *other = json_string_value(json_object_get(there, OTHER));
	char label[80];

	if (other) {
		snprintf(label, sizeof(label), "%s", other);
		return bg_fail(err, -EEXIST,
			       "%s %s: its label " BG_K8S_MANAGER_LABEL " says that it is %s's: "
			       "nothing is written before it, or its label, is taken away",
			       bg_part_kinds[part->kind], part->name, bg_printable(label));
	}
	if (text && !strcmp(text, part->text))
		return 0;
	return add(writes, there ? "PUT" : "POST", part->kind, part->name, part, err);
}

static int plan_gone(const struct bg_standing *standing, const struct bg_part_set *made,
		     enum bg_part_kind kind, struct bg_k8s_writes *writes, struct bg_error *err)
{
	const char *name;
	json_t *object;

	json_object_foreach (standing->kind[kind], name, object) {
		int rc = json_object_get(object, OTHER) || bg_part_set_find(made, kind, name)
				 ? 0
				 : add(writes, "DELETE", kind, name, NULL, err);

		if (rc)
			return rc;
	}
	return 0;
}

int bg_standing_plan(const struct bg_standing *standing, const struct bg_part_set *made,
		     struct bg_k8s_writes *writes, struct bg_error *err)
{
	int rc = 0;

	*writes = (struct bg_k8s_writes){};
	for (int kind = 0; kind < BG_PART_KINDS; kind++)
		for (size_t i = 0; i < made->count && !rc; i++)
			if ((int)made->part[i].kind == kind)
				rc = plan_part(standing, &made->part[i], writes, err);
	for (int kind = BG_PART_KINDS - 1; kind >= 0 && !rc; kind--)
		rc = plan_gone(standing, made, kind, writes, err);
	if (rc)
		bg_k8s_writes_release(writes);
	return rc;
}

void bg_k8s_writes_release(struct bg_k8s_writes *writes)
{
	free(writes->write);
	*writes = (struct bg_k8s_writes){};
}

char *bg_standing_body(const struct bg_standing *standing, const struct bg_k8s_write *write)
{
	const json_t *there = json_object_get(standing->kind[write->kind], write->name);
	json_t *version = json_object_get(there, VERSION);
	bg_cleanup(json_decref_at) json_t *body = NULL;
	json_t *metadata;

	if (!write->part) {
		body = json_pack("{s:s,s:s,s:{s:O}}", "apiVersion", "v1", "kind", "DeleteOptions",
				 "preconditions", "resourceVersion", version);
		return body ? json_dumps(body, JSON_COMPACT) : NULL;
	}
	body = json_loadb(write->part->text, write->part->length_bytes, 0, NULL);
	metadata = json_object_get(body, "metadata");
	if (!metadata || (there && (json_object_set(metadata, "resourceVersion", version) ||
				    (json_object_get(there, KEPT) &&
				     json_object_update(metadata, json_object_get(there, KEPT))))))
		return NULL;
	return json_dumps(body, JSON_COMPACT);
}
