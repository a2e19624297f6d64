// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The one way by which objects of EC2 get into a feed. ec2.c calls it; whether the values
 * are right it leaves to the feed's parser.
 */
#include "fleet/gather/shaped.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "fleet/gather/cluster.h"

static int write_string(struct bg_json_writer *writer, const struct bg_json *value,
			const struct bg_at *at, struct bg_error *err)
{
	bg_auto_free char *text = NULL;

	if (memchr(value->text.bytes, '\0', value->text.length))
		return bg_json_unexpected(value, at, "a string without zero bytes", err);
	text = strndup(value->text.bytes, value->text.length);
	if (!text)
		return bg_no_memory(err, BG_GATHERING);
	bg_json_string(writer, text);
	return 0;
}

static void write_raw(struct bg_json_writer *writer, struct bg_text text)
{
	if (writer->comma)
		bg_json_raw(writer, ",", 1);
	bg_json_raw(writer, text.bytes, text.length);
	writer->comma = true;
}

int bg_shaped_scalar(struct bg_json_writer *writer, const struct bg_json *value,
		     const struct bg_at *at, struct bg_error *err)
{
	switch (value->type) {
	case BG_JSON_STRING:
		return write_string(writer, value, at, err);
	case BG_JSON_NUMBER:
		write_raw(writer, value->text);
		return 0;
	case BG_JSON_TRUE:
	case BG_JSON_FALSE:
		bg_json_bool(writer, value->type == BG_JSON_TRUE);
		return 0;
	default:
		return bg_json_unexpected(value, at, "a string or a number", err);
	}
}

/* The object that stands under a key, or in its list; BG_OBJECTS: none does. */
static enum bg_object object_of(const char *key)
{
	if (!strcmp(key, "IpPermissionsEgress"))
		return BG_OBJECT_PERMISSION;
	for (enum bg_object object = BG_OBJECT_GROUP; object <= BG_OBJECT_LIST_ENTRY; object++)
		if (!strcmp(bg_objects[object].name, key))
			return object;
	return BG_OBJECTS;
}

static int note_reference(struct bg_references *references, const struct bg_json *value,
			  enum bg_object object, const char *key, struct bg_error *err)
{
	struct bg_names *names = NULL;
	const char *id;

	if ((object == BG_OBJECT_GROUP_PEER || object == BG_OBJECT_REFERENCED_GROUP) &&
	    !strcmp(key, "GroupId"))
		names = &references->groups;
	else if ((object == BG_OBJECT_LIST_PEER || object == BG_OBJECT_RULE) &&
		 !strcmp(key, "PrefixListId"))
		names = &references->lists;
	if (!names || value->type != BG_JSON_STRING)
		return 0;
	id = bg_intern(references->interned, value->text.bytes, value->text.length);
	return id && !bg_names_add(names, id) ? 0 : bg_no_memory(err, BG_GATHERING);
}

static int write_list(struct bg_json_writer *writer, const struct bg_json *list,
		      const struct bg_at *at, enum bg_object object,
		      struct bg_references *references, struct bg_error *err)
{
	size_t i = 0;
	int rc = 0;

	bg_json_open(writer, '[');
	for (const struct bg_json *element = list->first; element && !rc; element = element->next) {
		struct bg_at where = bg_at_index(at, i++);

		rc = bg_shaped_copy(writer, element, &where, object, references, err);
	}
	bg_json_close(writer, ']');
	return rc;
}

static int write_field(struct bg_json_writer *writer, const struct bg_json *value,
		       const struct bg_at *at, enum bg_object object, const char *key,
		       struct bg_references *references, struct bg_error *err)
{
	enum bg_object inner = object_of(key);
	int rc;

	if (value->type == BG_JSON_ARRAY && !value->first && object == BG_OBJECT_PERMISSION)
		return 0;
	bg_json_key(writer, key);
	if (value->type == BG_JSON_ARRAY && inner != BG_OBJECTS)
		return write_list(writer, value, at, inner, references, err);
	if (value->type == BG_JSON_OBJECT && inner != BG_OBJECTS)
		return bg_shaped_copy(writer, value, at, inner, references, err);
	rc = note_reference(references, value, object, key, err);
	return rc ? rc : bg_shaped_scalar(writer, value, at, err);
}

int bg_shaped_copy(struct bg_json_writer *writer, const struct bg_json *value,
		   const struct bg_at *at, enum bg_object object, struct bg_references *references,
		   struct bg_error *err)
{
	const struct bg_shape *shape = &bg_objects[object].shape;
	struct bg_fields fields;
	int rc = bg_json_fields(value, at, shape, NULL, NULL, &fields, err);

	if (rc)
		return rc;
	bg_json_open(writer, '{');
	for (size_t i = 0; i < shape->used && !rc; i++) {
		struct bg_at where = bg_field_at(&fields, i);

		if (fields.values[i])
			rc = write_field(writer, fields.values[i], &where, object, shape->keys[i],
					 references, err);
	}
	bg_json_close(writer, '}');
	return rc;
}
