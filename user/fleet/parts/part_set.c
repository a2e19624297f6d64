// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A set of parts: those that were read from a directory, and those that are to be written.
 * make.c fills one, and who reads a directory; it does not know what is in them.
 */
#include "fleet/parts/part_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"

/* Owns what it is given, also when it fails. */
static int put(struct bg_part_set *set, struct bg_part part)
{
	struct bg_part *added = NULL;
	int rc = part.file && part.name && part.text ? 0 : -ENOMEM;

	if (!rc && bg_dict_find(&set->by_file, part.file, strlen(part.file)))
		rc = -EEXIST;
	if (!rc) {
		added = BG_GROW(set->part, set->count);
		rc = added ? 0 : -ENOMEM;
	}
	if (!rc &&
	    !bg_dict_put(&set->by_file, part.file, strlen(part.file), set->count - 1, NULL)) {
		set->count--;
		rc = -ENOMEM;
	}
	if (!rc) {
		*added = part;
		return 0;
	}
	free(part.file);
	free(part.name);
	free(part.text);
	json_decref(part.spec);
	return rc;
}

static struct bg_part part_of(enum bg_part_kind kind, const char *name, json_t *spec)
{
	char file[BG_PART_FILE_TEXT];

	return (struct bg_part){
		.file = strdup(bg_part_file(kind, name, file)),
		.kind = kind,
		.name = strdup(name),
		.spec = spec,
	};
}

int bg_part_set_add(struct bg_part_set *set, enum bg_part_kind kind, const char *name, json_t *spec)
{
	struct bg_part part = part_of(kind, name, json_incref(spec));

	part.text = bg_part_write(kind, name, spec);
	part.length_bytes = part.text ? strlen(part.text) : 0;
	return put(set, part);
}

int bg_part_set_read(struct bg_part_set *set, enum bg_part_kind kind, const char *name,
		     const char *text, size_t length_bytes, struct bg_error *err)
{
	struct bg_part part;
	json_t *spec;
	int rc = bg_part_read(kind, name, text, length_bytes, &spec, err);

	if (rc)
		return rc;
	part = part_of(kind, name, spec);
	part.text = strndup(text, length_bytes);
	part.length_bytes = length_bytes;
	rc = put(set, part);
	if (rc == -EEXIST)
		return bg_fail(err, rc, "%s %s: found twice", bg_part_kinds[kind], name);
	return rc ? bg_no_memory(err, BG_PARTS_DOING) : 0;
}

const struct bg_part *bg_part_set_find(const struct bg_part_set *set, enum bg_part_kind kind,
				       const char *name)
{
	char file[BG_PART_FILE_TEXT];
	const size_t *index;

	bg_part_file(kind, name, file);
	index = bg_dict_find(&set->by_file, file, strlen(file));
	return index ? &set->part[*index] : NULL;
}

static int get(void *context, enum bg_part_kind kind, const char *name, const json_t **spec,
	       struct bg_error *err)
{
	const struct bg_part *part = bg_part_set_find(context, kind, name);
	char file[BG_PART_FILE_TEXT];

	if (!part)
		return bg_fail(err, -ENOENT, "%s: there is no such part",
			       bg_part_file(kind, name, file));
	*spec = part->spec;
	return 0;
}

struct bg_part_source bg_part_set_source(struct bg_part_set *set)
{
	return (struct bg_part_source){ .get = get, .context = set };
}

void bg_part_set_release(struct bg_part_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		free(set->part[i].file);
		free(set->part[i].name);
		free(set->part[i].text);
		json_decref(set->part[i].spec);
	}
	free(set->part);
	bg_dict_release(&set->by_file);
	*set = (struct bg_part_set){};
}
