// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The map `revisions` as a table and as JSON, for `status --revisions`. What a number that
 * stands in REV of flows or SINCE of rules meant, is read here.
 */
#include "show/revisions.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/format.h"
#include "show/out.h"

BG_CLEANUP_OF(json_decref, json_t)

const char *bg_revision_cause_name(enum bg_revision_cause cause)
{
	switch (cause) {
	case BG_REVISION_OF_FEED:
		return "feed";
	case BG_REVISION_OF_MODES:
		return "modes";
	case BG_REVISION_OF_INTERFACES:
		return "interfaces";
	case BG_REVISION_OF_RESTART:
		return "restart";
	}
	return "unknown";
}

#define HASH_DIGITS 12 /* as many as people compare */

static int add_row(struct bg_table *table, const struct bg_revision_row *revisions, size_t count,
		   const struct bg_revision_row *row)
{
	const struct bg_revision *revision = &row->revision;
	const struct bg_revision_row *reused = bg_revision_reused(revisions, count, row);
	char text[BG_FORMAT_TEXT], hash[HASH_DIGITS + 1], feed[160];
	int rc;

	snprintf(hash, sizeof(hash), "%s", revision->sha256);
	snprintf(feed, sizeof(feed), "%s", revision->feed_revision);
	if (reused)
		snprintf(feed + strlen(feed), sizeof(feed) - strlen(feed), " (also r%u!)",
			 reused->number);
	snprintf(text, sizeof(text), "r%u", row->number);
	rc = bg_table_add(table, text);
	rc = rc ?: bg_table_add(table, bg_format_realtime(revision->unix_ns, text));
	rc = rc ?: bg_table_add(table, bg_revision_cause_name(revision->cause));
	rc = rc ?: bg_table_add(table, hash);
	rc = rc
		     ?: bg_table_add(table,
				     bg_format_change(revision->branches,
						      (__s32)revision->branches_added,
						      (__s32)revision->branches_removed, text));
	rc = rc
		     ?: bg_table_add(table,
				     bg_format_change(revision->groups, revision->groups_added,
						      revision->groups_removed, text));
	rc = rc
		     ?: bg_table_add(table,
				     bg_format_change(revision->rules, (__s32)revision->rules_added,
						      (__s32)revision->rules_removed, text));
	return rc ?: bg_table_add(table, feed);
}

int bg_revisions_print(FILE *out, const struct bg_revision_row *revisions, size_t count)
{
	static const char *const heads[] = { "^REV",	 "IN FORCE SINCE", "FOR",   "SHA-256",
					     "BRANCHES", "GROUPS",	   "RULES", "FEED" };
	struct bg_table table = { .columns = sizeof(heads) / sizeof(heads[0]), .heads = heads };

	for (size_t i = count; i; i--) {
		if (add_row(&table, revisions, count, &revisions[i - 1])) {
			bg_table_free(&table);
			return -ENOMEM;
		}
	}
	bg_table_print(out, &table, 0);
	return 0;
}

static json_t *count_json(__s64 count, __s32 added, __s32 removed)
{
	return json_pack("{s:I, s:o, s:o}", "count", (json_int_t)count, "added",
			 added < 0 ? json_null() : json_integer(added), "removed",
			 removed < 0 ? json_null() : json_integer(removed));
}

json_t *bg_revisions_json(const struct bg_revision_row *revisions, size_t count)
{
	bg_cleanup(json_decref_at) json_t *list = json_array();

	for (size_t i = count; i && list; i--) {
		const struct bg_revision_row *row = &revisions[i - 1];
		const struct bg_revision_row *reused = bg_revision_reused(revisions, count, row);
		const struct bg_revision *revision = &row->revision;
		char time[BG_FORMAT_TEXT];

		if (json_array_append_new(
			    list,
			    json_pack("{s:I, s:s, s:s, s:o, s:s, s:o, s:o, s:o, s:I, s:I, s:o}",
				      "revision", (json_int_t)row->number, "time",
				      bg_format_realtime(revision->unix_ns, time), "for",
				      bg_revision_cause_name(revision->cause), "feed_revision",
				      bg_json_text(revision->feed_revision), "sha256",
				      revision->sha256, "branches",
				      count_json(revision->branches,
						 (__s32)revision->branches_added,
						 (__s32)revision->branches_removed),
				      "groups",
				      count_json(revision->groups, revision->groups_added,
						 revision->groups_removed),
				      "rules",
				      count_json(revision->rules, (__s32)revision->rules_added,
						 (__s32)revision->rules_removed),
				      "members", (json_int_t)revision->members, "warning_count",
				      (json_int_t)revision->warnings, "feed_revision_also_of",
				      reused ? json_integer(reused->number) : json_null())))
			return NULL;
	}
	return bg_take_ptr(list);
}
