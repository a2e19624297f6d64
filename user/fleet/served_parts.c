// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Asks a web server, in rounds, for the parts that a node needs, and keeps what it answered, so
 * that what is the same next time is neither sent nor read again. follow_https.c has it. It asks
 * for few at a time, holds no more than so many bytes, and believes of a part what parts/ does.
 */
#include "fleet/served_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/grow.h"
#include "fleet/parts_reader.h"
#include "fleet/served_needs.h"
#include "fleet/web/refused.h"

/* At a time: as many connections, where the server speaks no HTTP/2. */
#define MOST_UNDER_WAY 8

enum asked { TO_ASK, UNDER_WAY, ANSWERED };

struct bg_served_part {
	struct bg_served *served;
	enum bg_part_kind kind;
	char *name, *url;
	enum asked asked;
	bool needed; /* when the needs were last gone through */
	struct bg_web_transfer *transfer;

	/* What was answered last; length_bytes 0: nothing yet, or that there is none. */
	char *etag;
	size_t length_bytes;
	char hash[BG_PART_HASH_TEXT];
	json_t *spec; /* NULL: it is no part, or not there */
	int rc;	      /* which of the two, and in words */
	char *why;
};

/* --- parts --- */

static void forget(struct bg_served_part *part)
{
	free(part->etag);
	free(part->why);
	json_decref(part->spec);
	part->etag = part->why = NULL;
	part->spec = NULL;
	part->length_bytes = 0;
	part->rc = 0;
}

static void free_part(struct bg_served_part *part)
{
	forget(part);
	free(part->name);
	free(part->url);
	free(part);
}
BG_CLEANUP_OF(free_part, struct bg_served_part)

static struct bg_served_part *find(const struct bg_served *served, enum bg_part_kind kind,
				   const char *name)
{
	for (size_t i = 0; i < served->count; i++)
		if (served->part[i]->kind == kind && !strcmp(served->part[i]->name, name))
			return served->part[i];
	return NULL;
}

/* A part that the feed needs: from now on it is asked for. */
static int need(void *context, enum bg_part_kind kind, const char *name, struct bg_error *err)
{
	struct bg_served *served = context;
	bg_cleanup(free_part_at) struct bg_served_part *made = NULL;
	struct bg_served_part *part = find(served, kind, name), **at;
	char file[BG_PART_FILE_TEXT];

	if (part) {
		part->needed = true;
		return 0;
	}
	made = calloc(1, sizeof(*made));
	if (!made)
		return bg_no_memory(err, BG_PARTS_DOING);
	made->served = served;
	made->kind = kind;
	made->needed = true;
	made->name = strdup(name);
	if (asprintf(&made->url, "%s%s", served->url, bg_part_file(kind, name, file)) < 0)
		made->url = NULL;
	at = made->name && made->url ? BG_GROW(served->part, served->count) : NULL;
	if (!at)
		return bg_no_memory(err, BG_PARTS_DOING);
	*at = bg_take_ptr(made);
	return 0;
}

/* What this feed does not need any more. */
static void drop(struct bg_served *served)
{
	size_t kept = 0;

	for (size_t i = 0; i < served->count; i++) {
		if (served->part[i]->needed)
			served->part[kept++] = served->part[i];
		else
			free_part(served->part[i]);
	}
	served->count = kept;
}

static int get(void *context, enum bg_part_kind kind, const char *name, const json_t **spec,
	       struct bg_error *err)
{
	const struct bg_served_part *part = find(context, kind, name);
	char file[BG_PART_FILE_TEXT];

	if (!part || (!part->spec && !part->why))
		return bg_fail(err, -ENOENT, "%s: was not asked for",
			       bg_part_file(kind, name, file));
	*spec = part->spec;
	return part->spec ? 0 : bg_fail(err, part->rc, "%s", part->why);
}

struct bg_part_source bg_served_source(struct bg_served *served)
{
	return (struct bg_part_source){ .get = get, .context = served };
}

/* --- answers --- */

/* There is none, or it is no part: what there was is not used any more. */
static int take_wrong(struct bg_served_part *part, int rc, const struct bg_error *why,
		      struct bg_error *err)
{
	/* (how a server says that there is none may differ each time) */
	if (part->rc != rc || (rc != -ENOENT && strcmp(part->why, why->text) != 0))
		part->served->changed = true;
	forget(part);
	part->rc = rc;
	part->why = strdup(why->text);
	return part->why ? 0 : bg_no_memory(err, BG_PARTS_DOING);
}

static int take_text(struct bg_served_part *part, const struct bg_web_answer *answer,
		     struct bg_error *err)
{
	char hash[BG_PART_HASH_TEXT];
	struct bg_error why;
	json_t *spec;
	int rc;

	bg_part_digest(answer->body, answer->length_bytes, hash);
	/* the same again, from a server without ETags, or with other ones */
	if (!part->spec || part->length_bytes != answer->length_bytes ||
	    strcmp(part->hash, hash) != 0) {
		rc = bg_part_read(part->kind, part->name, answer->body, answer->length_bytes, &spec,
				  &why);
		if (rc == -ENOMEM)
			return bg_fail(err, rc, "%s", why.text);
		if (rc) {
			bg_fail_in(&why, rc, "%s", part->served->url);
			return take_wrong(part, rc, &why, err);
		}
		forget(part);
		part->spec = spec;
		part->length_bytes = answer->length_bytes;
		memcpy(part->hash, hash, sizeof(hash));
		part->served->changed = true;
	}
	free(part->etag);
	part->etag = answer->etag ? strdup(answer->etag) : NULL;
	return 0;
}

static int take_answer(struct bg_served_part *part, const struct bg_web_answer *answer,
		       struct bg_error *err)
{
	struct bg_error why;
	int rc;

	if (answer->status == 200)
		return take_text(part, answer, err);
	if (answer->status == 304 && part->spec)
		return 0;
	rc = bg_web_refused(part->url, answer, &why);
	if (rc == -ENOENT)
		return take_wrong(part, rc, &why, err);
	return bg_fail(err, rc, "%s", why.text);
}

/* --- rounds --- */

static void end_round(struct bg_served *served, int rc, const struct bg_error *err, double asked_ms)
{
	struct bg_served_round round = { .rc = rc, .asked_ms = asked_ms };

	if (rc)
		round.err = *err;
	for (size_t i = 0; i < served->count; i++) {
		if (served->part[i]->transfer)
			bg_web_cancel(served->part[i]->transfer);
		served->part[i]->transfer = NULL;
	}
	served->under_way = 0;
	served->in_round = false;
	round.changed = served->changed;
	/* (what a round that failed has changed, the next one tells) */
	if (!rc)
		served->changed = false;
	served->ended(served->context, &round);
}

static size_t total_bytes(const struct bg_served *served)
{
	size_t total = 0;

	for (size_t i = 0; i < served->count; i++)
		total += served->part[i]->length_bytes;
	return total;
}

static int go_on(struct bg_served *served, struct bg_error *err);

/* bg_web_request.ended */
static void answered(void *context, const struct bg_web_answer *answer, int rc,
		     const struct bg_error *web_err)
{
	struct bg_served_part *part = context;
	struct bg_served *served = part->served;
	double asked_ms = answer->retry_after_ms;
	struct bg_error err;

	part->transfer = NULL;
	part->asked = ANSWERED;
	served->under_way--;
	if (rc)
		err = *web_err;
	else
		rc = take_answer(part, answer, &err);
	if (!rc && total_bytes(served) > BG_PARTS_MOST_BYTES)
		rc = bg_fail(&err, -E2BIG,
			     "%s: the parts of this node have more than %u bytes, expected no more "
			     "than that",
			     served->url, BG_PARTS_MOST_BYTES);
	rc = rc ?: go_on(served, &err);
	if (rc || !served->under_way)
		end_round(served, rc, &err, rc ? asked_ms : 0);
}

static int begin(struct bg_served_part *part, struct bg_error *err)
{
	const struct bg_web_request request = {
		.url = part->url,
		.etag = part->spec ? part->etag : NULL,
		.most_bytes = BG_PART_MOST_BYTES,
		.limit_ms = part->served->limit_ms,
		.ended = answered,
		.context = part,
	};
	int rc = bg_web_start(part->served->web, &request, &part->transfer, err);

	if (rc)
		return rc;
	part->asked = UNDER_WAY;
	part->served->under_way++;
	return 0;
}

static int begin_some(struct bg_served *served, struct bg_error *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < served->count && served->under_way < MOST_UNDER_WAY; i++)
		if (served->part[i]->asked == TO_ASK)
			rc = begin(served->part[i], err);
	return rc;
}

/* Asks for more, if there is more to be asked. */
static int go_on(struct bg_served *served, struct bg_error *err)
{
	const struct bg_part_source source = bg_served_source(served);
	int rc = begin_some(served, err);

	if (rc || served->under_way)
		return rc;
	/* all that was known is answered: does that need others? */
	for (size_t i = 0; i < served->count; i++)
		served->part[i]->needed = false;
	rc = bg_served_needs(&source, served->node, need, served, err);
	if (rc)
		return bg_fail_in(err, rc, "%s", served->url);
	drop(served);
	return begin_some(served, err);
}

void bg_served_ask(struct bg_served *served)
{
	struct bg_error err;
	int rc;

	if (served->in_round)
		return;
	served->in_round = true;
	for (size_t i = 0; i < served->count; i++)
		served->part[i]->asked = TO_ASK;
	rc = go_on(served, &err);
	if (rc)
		end_round(served, rc, &err, 0);
}

void bg_served_release(struct bg_served *served)
{
	for (size_t i = 0; i < served->count; i++) {
		if (served->part[i]->transfer)
			bg_web_cancel(served->part[i]->transfer);
		free_part(served->part[i]);
	}
	free(served->part);
	served->part = NULL;
	served->count = 0;
}
