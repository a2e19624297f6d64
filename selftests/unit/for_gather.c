// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What for_gather.h says. */
#include "for_gather.h"

#include "fleet/gather/known_objects.h"
#include "test.h"

static char *spelled(const char *text, size_t *length)
{
	char *result = malloc(2 * strlen(text) + 1), *to = result;

	assert_non_null(result);
	for (; *text; text++) {
		if (*text == '`')
			*to++ = '\\';
		*to++ = *text == '\'' || *text == '`' ? '"' : *text;
	}
	*to = '\0';
	*length = to - result;
	/* no byte more, so that a sanitizer sees a step beyond */
	to = malloc(*length + !*length);
	assert_non_null(to);
	memcpy(to, result, *length);
	free(result);
	return to;
}

int gather_try(struct bg_cluster *cluster, const char *file, const char *text, struct bg_error *err)
{
	size_t length;
	char *spelt = spelled(text, &length);
	int rc = bg_cluster_read(cluster, file, spelt, length, err);

	free(spelt);
	return rc;
}

void gather(struct bg_cluster *cluster, const char *file, const char *text)
{
	struct bg_error err;

	if (gather_try(cluster, file, text, &err))
		fail_msg("%s", err.text);
}

char *gathered_feed(struct bg_cluster *cluster, bool standard)
{
	const struct bg_settings settings = {};
	struct bg_json_writer feed = {};
	struct bg_error err;
	char *text;

	if (bg_cluster_join(cluster, &err) ||
	    bg_node_feed(cluster, "n1", standard, &settings, &feed, &err))
		fail_msg("%s", err.text);
	text = feed.text ? strndup(feed.text, feed.length_bytes) : NULL;
	assert_non_null(text);
	bg_json_writer_free(&feed);
	return text;
}

static void print_reports(const struct bg_cluster *cluster)
{
	for (size_t i = 0; i < cluster->report_count; i++)
		print_message("reported: %s\n", cluster->reports[i].text);
}

void must_report(const struct bg_cluster *cluster, const char *part)
{
	for (size_t i = 0; i < cluster->report_count; i++)
		if (strstr(cluster->reports[i].text, part))
			return;
	print_reports(cluster);
	fail_msg("no report has \"%s\"", part);
}

void must_report_nothing(const struct bg_cluster *cluster)
{
	print_reports(cluster);
	assert_int_equal(cluster->report_count, 0);
}

void must_have(const char *text, const char *part)
{
	size_t length;
	char *spelt = spelled(part, &length);
	bool has = memmem(text, strlen(text), spelt, length);

	free(spelt);
	if (!has)
		fail_msg("no \"%s\" in: %s", part, text);
}

void must_lack(const char *text, const char *part)
{
	size_t length;
	char *spelt = spelled(part, &length);
	bool has = memmem(text, strlen(text), spelt, length);

	free(spelt);
	if (has)
		fail_msg("\"%s\" in: %s", part, text);
}

static json_t *json_of(const char *text)
{
	size_t length;
	char *spelt = spelled(text, &length);
	json_t *value = json_loadb(spelt, length, JSON_ALLOW_NUL, NULL);

	free(spelt);
	return value;
}

json_t *gather_json(const char *text)
{
	json_t *value = json_of(text);

	assert_non_null(value);
	return value;
}

/* Is it kept, or of no use? */
static bool trim_item(struct bg_known *known, const json_t *item)
{
	const char *kind = json_string_value(json_object_get(item, "kind"));
	const char *api = json_string_value(json_object_get(item, "apiVersion"));
	struct bg_error err;

	for (int i = 0; kind && api && i < BG_TRIMMED_KINDS; i++)
		if (!strcmp(bg_trimmed_names[i].kind, kind) &&
		    !strcmp(bg_trimmed_names[i].api, api)) {
			const size_t before = bg_known_count(&known[i]);

			return !bg_known_put(&known[i], item, &err) &&
			       bg_known_count(&known[i]) > before;
		}
	return kind && api;
}

/* A server has each object once, by its name, and in one version of its group. (Files may have several
 * documents.) */
static bool trim_items(struct bg_known *known, const char *text)
{
	json_t *list = json_of(text), *item;
	bool taken = list;
	size_t i;

	for (i = 0; i < BG_TRIMMED_KINDS; i++)
		known[i] = (struct bg_known){ .kind = i };
	json_array_foreach (json_object_get(list, "items"), i, item)
		taken = taken && trim_item(known, item);
	json_decref(list);
	return taken;
}

static void is_same_when_trimmed(const char *items, const char *aws, const char *feed,
				 size_t report_count)
{
	struct bg_known known[BG_TRIMMED_KINDS];
	bool taken = trim_items(known, items);
	struct bg_cluster cluster = {};
	struct bg_error err;
	char *trimmed;

	for (int i = 0; i < BG_TRIMMED_KINDS; i++) {
		if (taken)
			assert_int_equal(bg_known_read(&known[i], &cluster, "k8s", &err), 0);
		bg_known_release(&known[i]);
	}
	if (!taken)
		return;
	gather(&cluster, "aws.json", aws);
	trimmed = gathered_feed(&cluster, false);
	assert_string_equal(trimmed, feed);
	assert_int_equal(cluster.report_count, report_count);
	free(trimmed);
	bg_cluster_release(&cluster);
}

char *feed_of(struct bg_cluster *cluster, const char *items, const char *aws)
{
	char *feed;

	gather(cluster, "kubectl.json", items);
	gather(cluster, "aws.json", aws);
	feed = gathered_feed(cluster, false);
	is_same_when_trimmed(items, aws, feed, cluster->report_count);
	return feed;
}

void feed_has(const char *items, const char *aws, const char *part, const char *lacks,
	      const char *report)
{
	struct bg_cluster cluster = {};
	char *feed = feed_of(&cluster, items, aws);

	must_have(feed, part);
	if (lacks)
		must_lack(feed, lacks);
	if (report)
		must_report(&cluster, report);
	else
		must_report_nothing(&cluster);
	free(feed);
	bg_cluster_release(&cluster);
}
