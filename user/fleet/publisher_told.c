// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Tells who operates a publisher what it finds odd, each thing once, and how it fares. publisher.c
 * calls it. It decides nothing.
 */
#include "fleet/publisher_told.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/grow.h"
#include "base/log.h"
#include "fleet/feed_out.h"

/* --- reports --- */

/* The text without numbers that follow a slash: places in lists move with every pod. */
static char *key_of(const char *text)
{
	char *key = malloc(strlen(text) + 1), *end = key;

	for (size_t i = 0; key && text[i]; i++) {
		*end++ = text[i];
		while (text[i] == '/' && isdigit((unsigned char)text[i + 1]))
			i += strspn(text + i + 1, "0123456789");
	}
	if (key)
		*end = '\0';
	return key;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool was_told(const struct bg_reports_told *told, char *key)
{
	return told->count && bsearch(&key, told->key, told->count, sizeof(*told->key), by_text);
}

int bg_reports_tell(struct bg_reports_told *told, const struct bg_cluster *cluster,
		    struct bg_error *err)
{
	struct bg_reports_told now = {};

	for (size_t i = 0; i < cluster->report_count; i++) {
		const char *text = cluster->reports[i].text;
		char **added = BG_GROW(now.key, now.count);

		if (added)
			*added = key_of(text);
		if (!added || !*added) {
			bg_reports_release(&now);
			return bg_no_memory(err, BG_GATHERING);
		}
		if (!was_told(told, *added))
			bg_log(BG_LOG_WARNING, "odd in the answers", "what=%s", bg_quote(text));
	}
	if (cluster->more_reports)
		bg_log(BG_LOG_WARNING, "odd in the answers, too", "more=%zu",
		       cluster->more_reports);
	if (now.count)
		qsort(now.key, now.count, sizeof(*now.key), by_text);
	bg_reports_release(told);
	*told = now;
	return 0;
}

void bg_reports_release(struct bg_reports_told *told)
{
	for (size_t i = 0; i < told->count; i++)
		free(told->key[i]);
	free(told->key);
	*told = (struct bg_reports_told){};
}

/* --- the state --- */

static void put_number(struct bg_json_writer *out, const char *key, __u64 value)
{
	bg_json_key(out, key);
	bg_json_number(out, value);
}

static void put_text(struct bg_json_writer *out, const char *key, const char *text)
{
	bg_json_key(out, key);
	bg_json_string(out, text);
}

static void put_ec2(struct bg_json_writer *out, const struct bg_ec2_state *ec2)
{
	bg_json_key(out, "Ec2");
	bg_json_open(out, '{');
	put_text(out, "Endpoint", ec2->url);
	if (ec2->swept_ns)
		bg_state_time(out, "SweptAt", ec2->swept_ns);
	bg_json_key(out, "Failing");
	bg_json_bool(out, ec2->wrong_since_ns);
	if (ec2->wrong_since_ns) {
		bg_state_time(out, "FailingSince", ec2->wrong_since_ns);
		put_text(out, "Reason", ec2->wrong);
	}
	put_number(out, "Sweeps", ec2->sweeps);
	put_number(out, "Requests", ec2->requests);
	put_number(out, "Retries", ec2->retries);
	bg_json_close(out, '}');
}

int bg_publish_state_put(const char *path, const struct bg_publish_state *state,
			 struct bg_error *err)
{
	bg_cleanup(bg_json_writer_free) struct bg_json_writer out = {};

	bg_json_open(&out, '{');
	put_text(&out, "Target", state->target);
	if (state->identity) {
		put_text(&out, "Identity", state->identity);
		bg_json_key(&out, "Leader");
		bg_json_bool(&out, state->leads);
		put_text(&out, "Holder", state->holder);
	}
	if (state->published_ns) {
		put_number(&out, "Parts", state->parts);
		bg_state_time(&out, "PublishedAt", state->published_ns);
	}
	bg_json_key(&out, "Held");
	bg_json_bool(&out, state->held_since_ns);
	if (state->held_since_ns) {
		bg_state_time(&out, "HeldSince", state->held_since_ns);
		put_text(&out, "Reason", state->reason);
	}
	if (state->oldest) {
		put_text(&out, "OldestAnswer", state->oldest);
		bg_state_time(&out, "OldestAnswerAt", state->oldest_ns);
	}
	if (state->ec2.url)
		put_ec2(&out, &state->ec2);
	put_number(&out, "Reports", state->reports);
	put_number(&out, "Sweeps", state->sweeps);
	put_number(&out, "SweepMs", state->sweep_ms);
	put_number(&out, "PartsWritten", state->written);
	put_number(&out, "BytesWritten", state->written_bytes);
	put_number(&out, "PartsRemoved", state->removed);
	bg_state_time(&out, "LookedAt", bg_realtime_ns());
	bg_json_close(&out, '}');
	bg_json_raw(&out, "\n", 1);
	return bg_state_put(path, &out, err);
}
