// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What for_gather.h says. */
#include "for_gather.h"

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

char *feed_of(struct bg_cluster *cluster, const char *items, const char *aws)
{
	gather(cluster, "kubectl.json", items);
	gather(cluster, "aws.json", aws);
	return gathered_feed(cluster, false);
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
