// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Keeps what a server has. Who lists and watches fills it, and a feed is put together from it. What
 * is not whole is there as such: it hides no older one, and is no reason to forget all else.
 */
#include "fleet/parts/parts_known.h"

#include <errno.h>

int bg_parts_known_put(json_t *parts, enum bg_part_kind kind, const char *name, const char *text,
		       size_t length_bytes, struct bg_error *err)
{
	struct bg_error wrong;
	json_t *spec = NULL;
	int rc = bg_part_read(kind, name, text, length_bytes, &spec, &wrong);

	if (rc && rc != -ENOMEM)
		spec = json_string(wrong.text);
	return spec && !json_object_set_new(parts, name, spec) ? 0
							       : bg_no_memory(err, BG_PARTS_DOING);
}

static int get(void *context, enum bg_part_kind kind, const char *name, const json_t **spec,
	       struct bg_error *err)
{
	const struct bg_parts_known *known = context;
	const json_t *found = json_object_get(known->kind[kind], name);

	if (!found)
		return bg_fail(err, -ENOENT, "%s %s: %s", bg_part_kinds[kind], name,
			       known->missing);
	if (json_is_string(found))
		return bg_fail(err, -EBADMSG, "%s", json_string_value(found));
	*spec = found;
	return 0;
}

struct bg_part_source bg_parts_known_source(struct bg_parts_known *known)
{
	return (struct bg_part_source){ .get = get, .context = known };
}

void bg_parts_known_release(struct bg_parts_known *known)
{
	for (int i = 0; i < BG_PART_KINDS; i++) {
		json_decref(known->kind[i]);
		known->kind[i] = NULL;
	}
}
