// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Label selectors as Kubernetes has them: matchLabels and matchExpressions, all of which
 * have to hold. kubernetes.c reads with it, join.c and why.c match; what the labels belong
 * to it does not know.
 */
#include "fleet/gather/selector.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "fleet/gather/cluster.h"

/* A key has a prefix of 253 bytes at most, and a name of 63. */
#define KEY_BYTES 317
#define VALUE_BYTES 63

static int text_of(struct bg_interned *interned, struct bg_text text, const char **kept,
		   struct bg_error *err)
{
	*kept = bg_intern(interned, text.bytes, text.length);
	return *kept ? 0 : bg_no_memory(err, BG_GATHERING);
}

/* A label's value, which may be empty. */
static int value_of(struct bg_interned *interned, const struct bg_json *value,
		    const struct bg_at *at, const char **kept, struct bg_error *err)
{
	struct bg_text text = { "", 0 };
	int rc = 0;

	if (value->type != BG_JSON_STRING || value->text.length)
		rc = bg_value_id(value, at, VALUE_BYTES, &text, err);
	return rc ? rc : text_of(interned, text, kept, err);
}

static int key_of(struct bg_interned *interned, struct bg_text key, const struct bg_at *at,
		  const char **kept, struct bg_error *err)
{
	char pointer[BG_POINTER_TEXT];

	if (!key.length || key.length > KEY_BYTES || memchr(key.bytes, '\0', key.length))
		return bg_fail_at(err, bg_at_format(at, false, pointer),
				  "found a label's key of %zu bytes, expected 1 to %d", key.length,
				  KEY_BYTES);
	return text_of(interned, key, kept, err);
}

int bg_labels_read(struct bg_interned *interned, const struct bg_json *value,
		   const struct bg_at *at, struct bg_labels *labels, struct bg_error *err)
{
	if (value->type != BG_JSON_OBJECT)
		return bg_json_unexpected(value, at, "an object of labels", err);
	for (const struct bg_json *child = value->first; child; child = child->next) {
		struct bg_at where = { .up = at, .key = child->key };
		struct bg_label *label = BG_GROW(labels->label, labels->count);
		int rc;

		if (!label)
			return bg_no_memory(err, BG_GATHERING);
		rc = key_of(interned, child->key, &where, &label->key, err)
			     ?: value_of(interned, child, &where, &label->value, err);
		if (rc)
			return rc;
	}
	return 0;
}

static struct bg_requirement *add(struct bg_selector *selector)
{
	return BG_GROW(selector->requirements, selector->count);
}

/* { "app": "cart" } is the same as app in (cart). */
static int read_equalities(struct bg_interned *interned, const struct bg_json *value,
			   const struct bg_at *at, struct bg_selector *selector,
			   struct bg_error *err)
{
	struct bg_labels labels = {};
	int rc = bg_labels_read(interned, value, at, &labels, err);

	for (size_t i = 0; i < labels.count && !rc; i++) {
		struct bg_requirement *requirement = add(selector);

		if (!requirement || bg_names_add(&requirement->values, labels.label[i].value)) {
			rc = bg_no_memory(err, BG_GATHERING);
			break;
		}
		requirement->operator= BG_IN;
		requirement->key = labels.label[i].key;
	}
	bg_labels_release(&labels);
	return rc;
}

static int read_values(struct bg_interned *interned, const struct bg_fields *fields, size_t field,
		       struct bg_requirement *requirement, struct bg_error *err)
{
	const bool wants_some = requirement->operator<= BG_NOT_IN;
	struct bg_at list = bg_field_at(fields, field);
	const struct bg_json *element;
	int rc = bg_get_array(fields, field, &element, err);

	if (rc)
		return rc;
	if (!element && wants_some)
		return fields->values[field]
			       ? bg_field_unexpected(fields, field, "one value or more", err)
			       : bg_field_missing(fields, field, err);
	if (element && !wants_some)
		return bg_field_unexpected(fields, field, "no values", err);
	for (size_t i = 0; element && !rc; i++, element = element->next) {
		struct bg_at at = bg_at_index(&list, i);
		const char *value;

		rc = value_of(interned, element, &at, &value, err);
		if (!rc && bg_names_add(&requirement->values, value))
			rc = bg_no_memory(err, BG_GATHERING);
	}
	bg_names_tidy(&requirement->values);
	return rc;
}

static int read_expression(struct bg_interned *interned, const struct bg_json *value,
			   const struct bg_at *at, struct bg_selector *selector,
			   struct bg_error *err)
{
	enum { KEY, OPERATOR, VALUES };
	static const char *const keys[] = { "key", "operator", "values", NULL };
	static const struct bg_shape shape = { keys, 3 };
	static const char *const operators[] = { "In", "NotIn", "Exists", "DoesNotExist", NULL };
	struct bg_requirement *requirement = add(selector);
	struct bg_fields fields;
	struct bg_text key = {};
	struct bg_at key_at;
	int found = 0, rc;

	if (!requirement)
		return bg_no_memory(err, BG_GATHERING);
	rc = bg_json_fields(value, at, &shape, NULL, NULL, &fields, err)
		     ?: bg_field_required(&fields, KEY, err)
		     ?: bg_field_required(&fields, OPERATOR, err)
		     ?: bg_get_id(&fields, KEY, KEY_BYTES, &key, err)
		     ?: bg_get_word(&fields, OPERATOR, operators, &found, err);
	if (rc)
		return rc;
	requirement->operator= found;
	key_at = bg_field_at(&fields, KEY);
	return key_of(interned, key, &key_at, &requirement->key, err)
		       ?: read_values(interned, &fields, VALUES, requirement, err);
}

int bg_selector_read(struct bg_interned *interned, const struct bg_json *value,
		     const struct bg_at *at, struct bg_selector *selector, struct bg_error *err)
{
	enum { LABELS, EXPRESSIONS };
	static const char *const keys[] = { "matchLabels", "matchExpressions", NULL };
	static const struct bg_shape shape = { keys, 2 };
	const struct bg_json *element;
	struct bg_fields fields;
	struct bg_at where;
	int rc = bg_json_fields(value, at, &shape, NULL, NULL, &fields, err);

	if (rc)
		return rc;
	selector->given = true;
	where = bg_field_at(&fields, LABELS);
	if (fields.values[LABELS])
		rc = read_equalities(interned, fields.values[LABELS], &where, selector, err);
	rc = rc ?: bg_get_array(&fields, EXPRESSIONS, &element, err);
	if (rc)
		return rc;
	where = bg_field_at(&fields, EXPRESSIONS);
	for (size_t i = 0; element && !rc; i++, element = element->next) {
		struct bg_at at_index = bg_at_index(&where, i);

		rc = read_expression(interned, element, &at_index, selector, err);
	}
	return rc;
}

/* --- matching --- */

const char *bg_labels_find(const struct bg_labels *labels, const char *key)
{
	for (size_t i = 0; i < labels->count; i++)
		if (labels->label[i].key == key)
			return labels->label[i].value;
	return NULL;
}

/* What has no such label is in no set: NotIn holds. */
static bool holds(const struct bg_requirement *requirement, const struct bg_labels *labels)
{
	const char *value = bg_labels_find(labels, requirement->key);

	switch (requirement->operator) {
	case BG_IN:
		return value && bg_names_have(&requirement->values, value);
	case BG_NOT_IN:
		return !value || !bg_names_have(&requirement->values, value);
	case BG_EXISTS:
		return value;
	case BG_DOES_NOT_EXIST:
		return !value;
	}
	return false;
}

bool bg_selector_matches(const struct bg_selector *selector, const struct bg_labels *labels,
			 const struct bg_requirement **why)
{
	for (size_t i = 0; i < selector->count; i++) {
		if (holds(&selector->requirements[i], labels))
			continue;
		if (why)
			*why = &selector->requirements[i];
		return false;
	}
	return true;
}

const char *bg_requirement_text(const struct bg_requirement *requirement, char *text, size_t size)
{
	static const char *const words[] = { "in", "not in", "exists", "does not exist" };
	size_t used = snprintf(text, size, "%s %s", requirement->key, words[requirement->operator]);

	for (size_t i = 0; i < requirement->values.count && used < size; i++)
		used += snprintf(text + used, size - used, "%s%s", i ? ", " : " (",
				 requirement->values.name[i]);
	if (requirement->values.count && used < size)
		snprintf(text + used, size - used, ")");
	return text;
}

void bg_labels_release(struct bg_labels *labels)
{
	free(labels->label);
	*labels = (struct bg_labels){};
}

void bg_selector_release(struct bg_selector *selector)
{
	for (size_t i = 0; i < selector->count; i++)
		bg_names_release(&selector->requirements[i].values);
	free(selector->requirements);
	*selector = (struct bg_selector){};
}
