// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What for_parts.h says. */
#include "for_parts.h"

#include "test.h"

void parts_read(struct bg_cluster *cluster, const char *file, const char *text, size_t length)
{
	struct bg_error err;

	if (bg_cluster_read(cluster, file, text, length, &err))
		fail_msg("%s", err.text);
}

int parts_try(struct bg_cluster *cluster, bool standard, unsigned int max_shrink_percent,
	      struct bg_part_set *old, struct bg_part_set *made, struct bg_error *err)
{
	const struct bg_settings settings = {};
	const struct bg_parts_wanted wanted = {
		.standard = standard,
		.settings = &settings,
		.max_shrink_percent = max_shrink_percent,
	};

	return bg_parts_make(cluster, &wanted, old, made, err);
}

void parts_make(struct bg_cluster *cluster, bool standard, struct bg_part_set *set)
{
	struct bg_part_set made = {};
	struct bg_error err;

	if (parts_try(cluster, standard, 100, set, &made, &err))
		fail_msg("%s", err.text);
	bg_part_set_release(set);
	*set = made;
}

void parts_copy(const struct bg_part_set *set, struct bg_part_set *copy)
{
	struct bg_error err;

	for (size_t i = 0; i < set->count; i++) {
		const struct bg_part *part = &set->part[i];

		if (bg_part_set_read(copy, part->kind, part->name, part->text, part->length_bytes,
				     &err))
			fail_msg("%s", err.text);
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Rules of a list with ids may stand in any order. */
static json_t *sorted(const json_t *rules)
{
	size_t count = json_array_size(rules);
	char **texts = calloc(count + 1, sizeof(*texts));
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		texts[i] = json_dumps(json_array_get(rules, i), JSON_SORT_KEYS);
	if (count)
		qsort(texts, count, sizeof(*texts), by_text);
	for (size_t i = 0; i < count; i++) {
		json_array_append_new(list, json_string(texts[i]));
		free(texts[i]);
	}
	free(texts);
	return list;
}

static json_t *meaning(const struct bg_json_writer *feed)
{
	json_t *value = json_loadb(feed->text, feed->length_bytes, 0, NULL);
	json_t *rules = json_object_get(value, "SecurityGroupRules");

	assert_non_null(value);
	json_object_del(value, "Revision");
	if (rules)
		json_object_set_new(value, "SecurityGroupRules", sorted(rules));
	return value;
}

static void same(struct bg_cluster *cluster, bool standard, struct bg_part_set *set,
		 const char *node)
{
	const struct bg_settings settings = {};
	const struct bg_part_source source = bg_part_set_source(set);
	struct bg_json_writer built = {}, assembled = {};
	json_t *one, *other;
	struct bg_error err;

	if (bg_node_feed(cluster, node, standard, &settings, &built, &err) ||
	    bg_parts_assemble(&source, node, false, &assembled, &err))
		fail_msg("%s: %s", node, err.text);
	one = meaning(&built);
	other = meaning(&assembled);
	if (!json_equal(one, other))
		fail_msg("built:\n%.*s\nput together:\n%.*s", (int)built.length_bytes, built.text,
			 (int)assembled.length_bytes, assembled.text);
	json_decref(one);
	json_decref(other);
	bg_json_writer_free(&built);
	bg_json_writer_free(&assembled);
}

void parts_mean_the_same(struct bg_cluster *cluster, bool standard, struct bg_part_set *set)
{
	struct bg_part_set read = {};
	size_t nodes = 0;

	parts_copy(set, &read);
	for (size_t i = 0; i < cluster->node_count; i++)
		if (!cluster->nodes[i].object.stale) {
			same(cluster, standard, &read, cluster->nodes[i].object.name);
			nodes++;
		}
	assert_true(nodes);
	bg_part_set_release(&read);
}

int parts_error(struct bg_part_set *set, const char *node, struct bg_error *err)
{
	const struct bg_part_source source = bg_part_set_source(set);
	struct bg_json_writer feed = {};
	int rc;

	*err = (struct bg_error){};
	rc = bg_parts_assemble(&source, node, false, &feed, err);
	bg_json_writer_free(&feed);
	return rc;
}
