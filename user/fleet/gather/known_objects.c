// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Keeps trimmed objects as texts, by their paths: a model that lives on would have to forget, which interned
 * texts cannot. cluster_watched.c puts into it what a watcher says, and has a model made of it for
 * each sweep. It does not know whether what it has is whole.
 */
#include "fleet/gather/known_objects.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/grow.h"

/* So many places of objects that are gone are left be. */
#define FEW 64

/* --- places --- */

static void forget(struct bg_known *known, struct bg_known_object *object)
{
	if (!object->text)
		return;
	known->text_bytes -= object->text_bytes;
	free(object->text);
	object->text = NULL;
	known->gone++;
	known->changes++;
}

/* Takes the places of what is gone away, when they are most of all. Without memory it is as it was. */
static void tidy(struct bg_known *known)
{
	struct bg_dict by_path = {};
	size_t left = 0;

	if (known->gone <= FEW || known->gone * 2 <= known->used)
		return;
	for (size_t i = 0; i < known->used; i++) {
		const struct bg_known_object *object = &known->objects[i];

		if (object->text &&
		    !bg_dict_put(&by_path, object->path, strlen(object->path), left++, NULL)) {
			bg_dict_release(&by_path);
			return;
		}
	}
	left = 0;
	for (size_t i = 0; i < known->used; i++) {
		if (known->objects[i].text)
			known->objects[left++] = known->objects[i];
		else
			free(known->objects[i].path);
	}
	known->used = left;
	known->gone = 0;
	bg_dict_release(&known->by_path);
	known->by_path = by_path;
}

/* The caller's; NULL: *rc and *err say why there is none. */
static char *path_of(const json_t *object, int *rc, struct bg_error *err)
{
	const json_t *metadata = json_object_get(object, "metadata");
	const json_t *name = json_object_get(metadata, "name");
	const char *in = json_string_value(json_object_get(metadata, "namespace")) ?: "";
	const char *called = json_string_value(name) ?: "";
	char *path;

	if (!*called || strlen(called) != json_string_length(name)) {
		*rc = bg_fail(err, -EPROTO, "found an object without /metadata/name");
		return NULL;
	}
	if (asprintf(&path, "%s/%s", in, called) >= 0)
		return path;
	*rc = bg_no_memory(err, BG_GATHERING);
	return NULL;
}

static struct bg_known_object *find(const struct bg_known *known, const char *path)
{
	const size_t *place = bg_dict_find(&known->by_path, path, strlen(path));

	return place ? &known->objects[*place] : NULL;
}

/* *path becomes the place's. */
static struct bg_known_object *add(struct bg_known *known, char **path)
{
	struct bg_known_object *added = BG_GROW(known->objects, known->used);

	if (!added)
		return NULL;
	if (!bg_dict_put(&known->by_path, *path, strlen(*path), known->used - 1, NULL)) {
		known->used--;
		return NULL;
	}
	added->path = bg_take_ptr(*path);
	known->gone++; /* until it has a text */
	return added;
}

/* --- what the server says --- */

static int set_text(struct bg_known *known, struct bg_known_object *object, struct bg_error *err)
{
	const size_t bytes = known->trimmed.length_bytes;
	char *text;

	if (object->text && object->text_bytes == bytes &&
	    !memcmp(object->text, known->trimmed.text, bytes))
		return 0;
	if (bytes > BG_KNOWN_MOST_BYTES - known->text_bytes)
		return bg_fail(err, -E2BIG,
			       "found more than %zu bytes of what is read of %s, "
			       "expected no more than that",
			       BG_KNOWN_MOST_BYTES, bg_trimmed_names[known->kind].kind);
	text = malloc(bytes);
	if (!text)
		return bg_no_memory(err, BG_GATHERING);
	memcpy(text, known->trimmed.text, bytes);
	forget(known, object);
	object->text = text;
	object->text_bytes = (__u32)bytes;
	known->text_bytes += bytes;
	known->gone--;
	known->changes++;
	return 0;
}

int bg_known_put(struct bg_known *known, const json_t *object, struct bg_error *err)
{
	bg_auto_free char *path = NULL;
	struct bg_known_object *at;
	int rc = bg_kube_trim(known->kind, object, &known->trimmed, err);

	if (rc)
		return rc;
	path = path_of(object, &rc, err);
	if (!path)
		return rc;
	at = find(known, path) ?: add(known, &path);
	if (!at)
		return bg_no_memory(err, BG_GATHERING);
	at->list = known->list;
	return set_text(known, at, err);
}

int bg_known_remove(struct bg_known *known, const json_t *object, struct bg_error *err)
{
	int rc = 0;
	bg_auto_free char *path = path_of(object, &rc, err);
	struct bg_known_object *at;

	if (!path)
		return rc;
	at = find(known, path);
	if (at)
		forget(known, at);
	tidy(known);
	return 0;
}

void bg_known_begin_list(struct bg_known *known)
{
	known->list++;
}

void bg_known_end_list(struct bg_known *known)
{
	for (size_t i = 0; i < known->used; i++)
		if (known->objects[i].list != known->list)
			forget(known, &known->objects[i]);
	tidy(known);
}

size_t bg_known_count(const struct bg_known *known)
{
	return known->used - known->gone;
}

/* --- what is made of it --- */

int bg_known_read(const struct bg_known *known, struct bg_cluster *cluster, const char *file,
		  struct bg_error *err)
{
	static const char list[] = "{\"kind\":\"List\",\"items\":[]}";
	int rc = bg_cluster_read(cluster, file, list, sizeof(list) - 1, err);

	for (size_t i = 0; i < known->used && !rc; i++)
		if (known->objects[i].text)
			rc = bg_cluster_read(cluster, file, known->objects[i].text,
					     known->objects[i].text_bytes, err);
	return rc;
}

void bg_known_release(struct bg_known *known)
{
	for (size_t i = 0; i < known->used; i++) {
		free(known->objects[i].path);
		free(known->objects[i].text);
	}
	free(known->objects);
	bg_dict_release(&known->by_path);
	bg_json_writer_free(&known->trimmed);
	*known = (struct bg_known){ .kind = known->kind };
}
