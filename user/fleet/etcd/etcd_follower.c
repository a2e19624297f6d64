// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Ranges and watches of etcd, for one node. follow_etcd.c has one; it never takes silence, an error or
 * half an answer for "there is nothing", and asks the next endpoint, later each time.
 */
#include "fleet/etcd/etcd_follower.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "fleet/etcd/etcd_answer.h"
#include "fleet/etcd/etcd_request.h"

/* Values of 1.5 MiB, written as base64. */
#define PAGE_KEYS 16u
#define PAGE_BYTES (34u << 20)
#define LIST_BYTES (128u << 20)
/* A fragment is as long as what etcd takes as a request (1.5 MiB by default), and one value. */
#define LINE_BYTES (16u << 20)
/* So long a watch may take to begin. */
#define BEGIN_MS 15000
/* A login or a check, which are small. */
#define SMALL_MS 10000
/* A watch that ends sooner than that was none. */
#define SHORT_MS 10000

/* --- what is next --- */

static void next(struct bg_etcd_follower *follower, double in_ms)
{
	follower->due_ms = bg_monotonic_ms() + in_ms;
	follower->changed(follower->context);
}

static void forget_list(struct bg_etcd_follower *follower)
{
	bg_parts_known_release(&follower->listed);
	follower->listed_bytes = 0;
	follower->list_revision = 0;
	follower->range = 0;
	free(follower->after);
	follower->after = NULL;
}

static void end_watches(struct bg_etcd_follower *follower)
{
	for (int i = 0; i < BG_ETCD_RANGES; i++) {
		if (follower->watches[i].transfer)
			bg_web_cancel(bg_take_ptr(follower->watches[i].transfer));
		follower->watches[i].created = false;
	}
	follower->end_ms = 0;
	follower->checked = false;
}

/* What there is now is not known, until it is asked again. */
static void fall_behind(struct bg_etcd_follower *follower, int rc, const struct bg_error *err,
			double asked_ms)
{
	double wait_ms;

	if (follower->end_ms && bg_monotonic_ms() - follower->began_ms > SHORT_MS)
		bg_etcd_client_settled(&follower->client);
	if (follower->transfer)
		bg_web_cancel(bg_take_ptr(follower->transfer));
	end_watches(follower);
	forget_list(follower);
	/* what it says makes no sense, or is too old: what was missed is not known */
	if (rc == -ESTALE || rc == -EPROTO || rc == -E2BIG)
		follower->relist = true;
	wait_ms = bg_etcd_client_failed(&follower->client, rc, asked_ms);
	if (wait_ms)
		follower->behind = *err;
	next(follower, wait_ms);
}

static void is_well(struct bg_etcd_follower *follower)
{
	follower->behind = (struct bg_error){};
	bg_etcd_client_well(&follower->client);
	follower->changed(follower->context);
}

/* --- asking --- */

static void start(struct bg_etcd_follower *follower, const char *path, const char *body,
		  struct bg_web_request *request, struct bg_web_transfer **transfer)
{
	struct bg_error err;
	int rc = bg_etcd_start(&follower->client, path, body, request, transfer, &err);

	if (rc)
		fall_behind(follower, rc, &err, 0);
}

static void login_ended(void *context, const struct bg_web_answer *answer, int rc,
			const struct bg_error *err)
{
	struct bg_etcd_follower *follower = context;
	struct bg_error why;

	follower->transfer = NULL;
	rc = bg_etcd_logged_in(&follower->client, answer, rc, err, &why);
	if (rc)
		fall_behind(follower, rc, &why, answer->retry_after_ms);
	else
		next(follower, 0);
}

static void log_in(struct bg_etcd_follower *follower)
{
	struct bg_web_request request = { .limit_ms = SMALL_MS,
					  .ended = login_ended,
					  .context = follower };
	struct bg_error err;
	int rc = bg_etcd_log_in(&follower->client, &request, &follower->transfer, &err);

	if (rc)
		fall_behind(follower, rc, &err, 0);
}

/* --- what there is --- */

static void range_of(const struct bg_etcd_follower *follower, int range, char key[BG_ETCD_KEY_TEXT],
		     char end[BG_ETCD_KEY_TEXT])
{
	bg_etcd_range(follower->client.at->prefix, range, follower->node, key, end);
}

static int put(const struct bg_etcd_follower *follower, struct bg_parts_known *parts,
	       const struct bg_etcd_pair *pair, struct bg_error *err)
{
	char name[BG_PART_NAME_TEXT];
	enum bg_part_kind kind;

	/* (others may have keys there, too) */
	if (!bg_etcd_part_of_key(follower->client.at->prefix, pair->key, &kind, name))
		return 0;
	if (pair->value)
		return bg_parts_known_put(parts->kind[kind], kind, name, pair->value,
					  pair->value_bytes, err);
	json_object_del(parts->kind[kind], name);
	return 0;
}

static int put_page(struct bg_etcd_follower *follower, const struct bg_etcd_said *said,
		    struct bg_error *err)
{
	const json_t *item;
	size_t i;

	if (follower->list_revision && follower->cluster != said->cluster)
		return bg_fail(err, -EPROTO, "found another cluster than a page before");
	json_array_foreach (said->items, i, item) {
		bg_cleanup(bg_etcd_release_pair) struct bg_etcd_pair pair = {};
		int rc = bg_etcd_read_pair(item, &pair, err)
				 ?: put(follower, &follower->listed, &pair, err);

		if (rc)
			return rc;
		free(follower->after);
		follower->after = bg_take_ptr(pair.key);
	}
	if (said->more && !json_array_size(said->items))
		return bg_fail(err, -EPROTO, "found a page without keys that is not the last one");
	return 0;
}

static unsigned long long latest_known(const struct bg_etcd_follower *follower)
{
	unsigned long long latest = 0;

	for (int i = 0; i < BG_ETCD_RANGES; i++)
		if (follower->watches[i].revision > latest)
			latest = follower->watches[i].revision;
	return latest;
}

static void take_list(struct bg_etcd_follower *follower)
{
	if (follower->list_revision < latest_known(follower))
		bg_log(BG_LOG_WARNING, "etcd has gone back to an older revision",
		       "endpoint=%s revision=%llu before=%llu",
		       bg_quote(bg_etcd_endpoint(&follower->client)), follower->list_revision,
		       latest_known(follower));
	for (int i = 0; i < BG_PART_KINDS; i++) {
		json_decref(follower->parts.kind[i]);
		follower->parts.kind[i] = bg_take_ptr(follower->listed.kind[i]);
	}
	for (int i = 0; i < BG_ETCD_RANGES; i++)
		follower->watches[i].revision = follower->list_revision;
	forget_list(follower);
	follower->relist = false;
	follower->checked = true;
	is_well(follower);
}

static int take_page(struct bg_etcd_follower *follower, const struct bg_web_answer *answer,
		     struct bg_error *err)
{
	bg_cleanup(bg_etcd_release) struct bg_etcd_said said = {};
	int rc = bg_etcd_read_range(answer->body, answer->length_bytes, &said, err)
			 ?: put_page(follower, &said, err);

	if (rc)
		return rc;
	follower->listed_bytes += answer->length_bytes;
	if (follower->listed_bytes > LIST_BYTES)
		return bg_fail(err, -E2BIG, "found more than %u bytes, expected no more",
			       LIST_BYTES);
	if (!follower->list_revision) {
		follower->list_revision = said.revision;
		follower->cluster = said.cluster;
	}
	if (said.more)
		return 0;
	free(follower->after);
	follower->after = NULL;
	if (++follower->range == BG_ETCD_RANGES)
		take_list(follower);
	return 0;
}

static void page_ended(void *context, const struct bg_web_answer *answer, int rc,
		       const struct bg_error *err)
{
	struct bg_etcd_follower *follower = context;
	struct bg_error why;

	follower->transfer = NULL;
	rc = bg_etcd_judge(&follower->client, answer, rc, err, &why);
	if (!rc) {
		rc = take_page(follower, answer, &why);
		if (rc)
			bg_fail_in(&why, rc, "%s: reading keys",
				   bg_etcd_endpoint(&follower->client));
	}
	if (rc)
		fall_behind(follower, rc, &why, answer->retry_after_ms);
	else
		next(follower, 0);
}

static void begin_page(struct bg_etcd_follower *follower)
{
	struct bg_web_request request = {
		.most_bytes = PAGE_BYTES,
		.ended = page_ended,
		.context = follower,
	};
	char key[BG_ETCD_KEY_TEXT], end[BG_ETCD_KEY_TEXT];
	const struct bg_etcd_ask ask = {
		.key = key,
		.end = end,
		.after = follower->after,
		.revision = follower->list_revision,
		.limit = PAGE_KEYS,
	};
	bg_auto_free char *body = NULL;
	struct bg_error err;

	for (int i = 0; i < BG_PART_KINDS; i++) {
		follower->listed.kind[i] = follower->listed.kind[i] ?: json_object();
		if (!follower->listed.kind[i]) {
			fall_behind(follower, bg_no_memory(&err, BG_PARTS_DOING), &err, 0);
			return;
		}
	}
	range_of(follower, follower->range, key, end);
	body = bg_etcd_range_request(&ask);
	start(follower, "kv/range", body, &request, &follower->transfer);
}

/* --- is it still the same etcd? --- */

static void check_ended(void *context, const struct bg_web_answer *answer, int rc,
			const struct bg_error *err)
{
	struct bg_etcd_follower *follower = context;
	bg_cleanup(bg_etcd_release) struct bg_etcd_said said = {};
	struct bg_error why;

	follower->transfer = NULL;
	rc = bg_etcd_judge(&follower->client, answer, rc, err, &why)
		     ?: bg_etcd_read_range(answer->body, answer->length_bytes, &said, &why);
	if (rc) {
		fall_behind(follower, rc, &why, answer->retry_after_ms);
		return;
	}
	/* one that was restored would have nothing to say until it has counted up to our revision */
	if (said.cluster != follower->cluster || said.revision < latest_known(follower))
		follower->relist = true;
	follower->checked = true;
	next(follower, 0);
}

static void begin_check(struct bg_etcd_follower *follower)
{
	struct bg_web_request request = { .limit_ms = SMALL_MS,
					  .ended = check_ended,
					  .context = follower };
	char key[BG_ETCD_KEY_TEXT];
	const struct bg_etcd_ask ask = { .key = key, .end = "", .limit = 1, .keys_only = true };
	bg_auto_free char *body = NULL;

	bg_etcd_key(follower->client.at->prefix, BG_NODE_FEED, follower->node, key);
	body = bg_etcd_range_request(&ask);
	start(follower, "kv/range", body, &request, &follower->transfer);
}

/* --- watches --- */

static bool all_began(const struct bg_etcd_follower *follower)
{
	for (int i = 0; i < BG_ETCD_RANGES; i++)
		if (!follower->watches[i].created)
			return false;
	return true;
}

static int take_events(struct bg_etcd_watch *watch, const struct bg_etcd_said *said,
		       struct bg_error *err)
{
	struct bg_etcd_follower *follower = watch->follower;
	unsigned long long revision = watch->revision;
	const json_t *item;
	size_t i;

	json_array_foreach (said->items, i, item) {
		bg_cleanup(bg_etcd_release_pair) struct bg_etcd_pair pair = {};
		int rc = bg_etcd_read_pair(item, &pair, err)
				 ?: put(follower, &follower->parts, &pair, err);

		if (rc)
			return rc;
		if (pair.revision > revision)
			revision = pair.revision;
	}
	/* a line without events tells how far it is */
	if (!said->items && said->revision > revision)
		revision = said->revision;
	/* the rest of a revision may come in another fragment: after a break all of it comes again */
	if (!said->more)
		watch->revision = revision;
	if (said->items)
		follower->changed(follower->context);
	return 0;
}

/* bg_web_request.line */
static int take_line(void *context, const char *line, size_t length_bytes, struct bg_error *err)
{
	bg_cleanup(bg_etcd_release) struct bg_etcd_said said = {};
	struct bg_etcd_watch *watch = context;
	struct bg_etcd_follower *follower = watch->follower;
	int rc = bg_etcd_read_line(line, length_bytes, &said, err);

	if (rc)
		return rc;
	if (said.cluster != follower->cluster)
		return bg_fail(err, -EPROTO, "found another cluster than before");
	if (!said.created)
		return take_events(watch, &said, err);
	watch->created = true;
	if (all_began(follower)) {
		follower->due_ms = follower->end_ms;
		is_well(follower);
	}
	return 0;
}

static void watch_ended(void *context, const struct bg_web_answer *answer, int rc,
			const struct bg_error *err)
{
	struct bg_etcd_watch *watch = context;
	struct bg_etcd_follower *follower = watch->follower;
	struct bg_error why;

	watch->transfer = NULL;
	rc = bg_etcd_judge(&follower->client, answer, rc, err, &why);
	if (!rc)
		rc = bg_fail(&why, -EPIPE, "%s: the watch has ended",
			     bg_etcd_endpoint(&follower->client));
	fall_behind(follower, rc, &why, answer->retry_after_ms);
}

static void begin_watches(struct bg_etcd_follower *follower)
{
	follower->began_ms = bg_monotonic_ms();
	follower->end_ms = follower->began_ms + bg_jittered_ms(follower->watch_s * 1000.0);
	for (int i = 0; i < BG_ETCD_RANGES; i++) {
		struct bg_etcd_watch *watch = &follower->watches[i];
		struct bg_web_request request = {
			.most_bytes = LINE_BYTES,
			.line = take_line,
			.ended = watch_ended,
			.context = watch,
		};
		char key[BG_ETCD_KEY_TEXT], end[BG_ETCD_KEY_TEXT];
		bg_auto_free char *body = NULL;

		range_of(follower, i, key, end);
		body = bg_etcd_watch_request(key, end, watch->revision + 1);
		start(follower, "watch", body, &request, &watch->transfer);
		if (!watch->transfer) /* all is over already */
			return;
	}
	next(follower, BEGIN_MS);
}

/* They run. false: they are over. */
static bool look_at_watches(struct bg_etcd_follower *follower)
{
	const double now_ms = bg_monotonic_ms();
	struct bg_error err;

	if (!all_began(follower)) {
		bg_fail(&err, -ETIMEDOUT, "%s: a watch does not begin: this member hangs",
			bg_etcd_endpoint(&follower->client));
		fall_behind(follower, -ETIMEDOUT, &err, 0);
		return true;
	}
	if (now_ms < follower->end_ms) {
		next(follower, follower->end_ms - now_ms);
		return true;
	}
	bg_etcd_client_settled(&follower->client);
	end_watches(follower);
	return false;
}

/* --- from outside --- */

void bg_etcd_follower_begin(struct bg_etcd_follower *follower)
{
	follower->parts.missing = "etcd has no such key";
	follower->relist = true;
	follower->due_ms = 1;
	bg_etcd_client_begin(&follower->client);
	for (int i = 0; i < BG_ETCD_RANGES; i++)
		follower->watches[i].follower = follower;
}

void bg_etcd_follower_run(struct bg_etcd_follower *follower)
{
	if (!follower->due_ms || follower->due_ms > bg_monotonic_ms())
		return;
	follower->due_ms = 0;
	if (follower->end_ms && look_at_watches(follower))
		return;
	if (bg_etcd_must_log_in(&follower->client))
		log_in(follower);
	else if (follower->relist)
		begin_page(follower);
	else if (!follower->checked)
		begin_check(follower);
	else
		begin_watches(follower);
}

void bg_etcd_follower_release(struct bg_etcd_follower *follower)
{
	if (follower->transfer)
		bg_web_cancel(bg_take_ptr(follower->transfer));
	end_watches(follower);
	forget_list(follower);
	bg_etcd_client_release(&follower->client);
	bg_parts_known_release(&follower->parts);
}
