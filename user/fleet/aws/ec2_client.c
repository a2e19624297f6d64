// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Sweeps over all that EC2 describes and a feed needs: page by page, one request at a time, and
 * later when it is asked to. fleet/ec2_source.c has one. Nothing of a sweep counts before all of
 * it is there; until then, and when it fails, the texts of the one before stay.
 */
#include "fleet/aws/ec2_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "fleet/aws/form.h"
#include "fleet/aws/refusal.h"

#define PAGE_BYTES (64u << 20)
/* A page that cannot be had is asked for again, so often, before the sweep has failed; */
#define TRIES 6
#define PAGE_FIRST_MS 500
#define PAGE_MOST_MS 20000
/* and then all of it. */
#define FIRST_MS 2000
#define MOST_MS 300000
/* Nor does a sweep of which each page comes, late, go on for ever: what is published stays as old. */
#define SWEEP_MOST_S 3600

static void next(struct bg_ec2 *ec2, double in_ms)
{
	ec2->due_ms = bg_monotonic_ms() + in_ms;
	ec2->changed(ec2->context);
}

/* --- ends --- */

static void go_wrong(struct bg_ec2 *ec2, const struct bg_error *err)
{
	if (!ec2->wrong_since_ns) {
		ec2->wrong_since_ns = bg_realtime_ns();
		ec2->wrong_ms = bg_monotonic_ms();
	}
	ec2->wrong = *err;
}

static void go_well(struct bg_ec2 *ec2)
{
	ec2->wrong_since_ns = 0;
	ec2->wrong = (struct bg_error){};
}

static void fail(struct bg_ec2 *ec2, const struct bg_error *err)
{
	go_wrong(ec2, err);
	ec2->failed = true;
	ec2->sweeps++;
	ec2->sweeping = false;
	bg_ec2_sweep_release(&ec2->sweep);
	next(ec2, bg_backoff_ms(&ec2->backoff, 0));
}

/* The same page, later. */
static void try_again(struct bg_ec2 *ec2, const struct bg_error *err, double asked_ms)
{
	if (++ec2->sweep.tries > TRIES) {
		fail(ec2, err);
		return;
	}
	ec2->retries++;
	go_wrong(ec2, err);
	next(ec2, bg_backoff_ms(&ec2->page_backoff, asked_ms));
}

static bool same_texts(const struct bg_ec2_texts *a, const struct bg_ec2_texts *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		const struct bg_ec2_text *one = &a->text[i], *other = &b->text[i];

		if (strcmp(one->name, other->name) != 0 ||
		    one->length_bytes != other->length_bytes ||
		    memcmp(one->text, other->text, one->length_bytes) != 0)
			return false;
	}
	return true;
}

static void take_sweep(struct bg_ec2 *ec2)
{
	if (!ec2->swept_ns || !same_texts(&ec2->texts, &ec2->sweep.texts)) {
		bg_ec2_texts_release(&ec2->texts);
		ec2->texts = ec2->sweep.texts;
		ec2->sweep.texts = (struct bg_ec2_texts){};
		ec2->serial++;
	}
	ec2->swept_ns = bg_realtime_ns();
	ec2->swept_ms = bg_monotonic_ms();
	ec2->failed = false;
	ec2->sweeps++;
	ec2->sweeping = false;
	ec2->backoff.failures = 0;
	go_well(ec2);
	bg_ec2_sweep_release(&ec2->sweep);
	next(ec2, ec2->interval_ms);
}

/* --- pages --- */

/* The list, or the kind of answer, that comes next; false: that was all. */
static bool go_on(struct bg_ec2_sweep *sweep)
{
	bg_name_set_release(&sweep->seen);
	bg_name_set_release(&sweep->places);
	sweep->objects = 0;
	if (sweep->action == BG_EC2_ENTRIES)
		return ++sweep->list < sweep->lists.count;
	sweep->action++;
	return sweep->action != BG_EC2_LISTS || sweep->lists.count;
}

static void go_on_or_end(struct bg_ec2 *ec2)
{
	if (!ec2->sweep.next && !go_on(&ec2->sweep)) {
		take_sweep(ec2);
		return;
	}
	next(ec2, 0);
}

static const char *action_of(const struct bg_ec2 *ec2)
{
	return bg_ec2_answers[ec2->sweep.action].action;
}

static void take_page(struct bg_ec2 *ec2, const struct bg_web_answer *answer)
{
	struct bg_error err;
	int rc = bg_ec2_take_page(&ec2->sweep, answer->body, answer->length_bytes, &err);

	if (rc) {
		bg_fail_in(&err, rc, "%s at %.400s", action_of(ec2), ec2->url);
		fail(ec2, &err);
		return;
	}
	ec2->sweep.tries = 0;
	ec2->page_backoff.failures = 0;
	if (!ec2->failed)
		go_well(ec2);
	go_on_or_end(ec2);
}

static void take_refusal(struct bg_ec2 *ec2, const struct bg_web_answer *answer)
{
	struct bg_error err;
	int rc = bg_aws_refused(action_of(ec2), ec2->url, answer, &ec2->credentials->keys, &err);

	if (rc == -EAGAIN) {
		try_again(ec2, &err, answer->retry_after_ms);
	} else if (rc == -EKEYREJECTED && !ec2->rejected &&
		   bg_aws_credentials_reject(ec2->credentials)) {
		ec2->rejected = true;
		next(ec2, 0);
	} else if (rc == -ENOENT && ec2->sweep.action == BG_EC2_ENTRIES && !ec2->sweep.next) {
		/* it has been deleted, or is not shared any more: nobody knows what is in it */
		go_on_or_end(ec2);
	} else {
		fail(ec2, &err);
	}
}

static void page_ended(void *context, const struct bg_web_answer *answer, int rc,
		       const struct bg_error *why)
{
	struct bg_ec2 *ec2 = context;
	struct bg_error err;

	ec2->transfer = NULL;
	if (!rc && answer->status == 200) {
		take_page(ec2, answer);
	} else if (!rc) {
		take_refusal(ec2, answer);
	} else {
		err = *why;
		bg_fail_in(&err, rc, "%s", action_of(ec2));
		if (rc == -E2BIG || rc == -EINVAL || rc == -ENOMEM)
			fail(ec2, &err);
		else
			try_again(ec2, &err, 0);
	}
}

static void write_form(const struct bg_ec2 *ec2, struct bg_form *form)
{
	const struct bg_ec2_sweep *sweep = &ec2->sweep;
	const struct bg_ec2_answer *answer = &bg_ec2_answers[sweep->action];
	char key[64];

	bg_form_add(form, "Action", answer->action);
	bg_form_add(form, "Version", "2016-11-15");
	bg_form_add_number(form, "MaxResults", answer->page_objects);
	if (answer->by_vpc && ec2->vpc_count) {
		bg_form_add(form, "Filter.1.Name", "vpc-id");
		for (size_t i = 0; i < ec2->vpc_count; i++) {
			snprintf(key, sizeof(key), "Filter.1.Value.%zu", i + 1);
			bg_form_add(form, key, ec2->vpcs[i]);
		}
	}
	if (sweep->action == BG_EC2_ENTRIES) {
		bg_form_add(form, "PrefixListId", sweep->lists.name[sweep->list]);
		if (sweep->versions && sweep->versions[sweep->list])
			bg_form_add_number(form, "TargetVersion", sweep->versions[sweep->list]);
	}
	if (sweep->next)
		bg_form_add(form, "NextToken", sweep->next);
}

static int ask(struct bg_ec2 *ec2, struct bg_error *err)
{
	const struct bg_aws_keys *keys = &ec2->credentials->keys;
	bg_cleanup(bg_form_release) struct bg_form form = {};
	struct bg_web_signature signature = {
		.region = ec2->region,
		.service = "ec2",
		.key_id = keys->id,
		.secret = keys->secret,
		.session = keys->session,
	};

	write_form(ec2, &form);
	if (form.failed)
		return bg_no_memory(err, "asking EC2");
	ec2->requests++;
	return bg_web_start(ec2->web,
			    &(struct bg_web_request){
				    .url = ec2->url,
				    .post = form.text,
				    .post_type = BG_WEB_FORM,
				    .signature = &signature,
				    .most_bytes = PAGE_BYTES,
				    .anew = ec2->sweep.tries,
				    .ended = page_ended,
				    .context = ec2,
			    },
			    &ec2->transfer, err);
}

/* --- keys --- */

static void has_keys(void *context, int rc, const struct bg_error *why)
{
	struct bg_ec2 *ec2 = context;
	struct bg_error err;

	if (!rc) {
		rc = ask(ec2, &err);
		if (rc)
			fail(ec2, &err);
		return;
	}
	/* (a token or a role that is wrong does not get better by asking) */
	if (rc == -EACCES || rc == -EINVAL || rc == -ENOMEM || rc == -EPROTO || rc == -EKEYREJECTED)
		fail(ec2, why);
	else
		try_again(ec2, why, 0);
}

static void begin(struct bg_ec2 *ec2)
{
	if (ec2->sweeping)
		return;
	bg_ec2_sweep_release(&ec2->sweep);
	ec2->sweeping = true;
	ec2->begun_ms = bg_monotonic_ms();
	ec2->rejected = false;
}

static bool lasts_too_long(struct bg_ec2 *ec2)
{
	struct bg_error err;

	if (bg_monotonic_ms() - ec2->begun_ms < SWEEP_MOST_S * 1000.0)
		return false;
	bg_fail(&err, -ETIMEDOUT, "%s at %.400s: not all has come within %d s, and it begins anew",
		action_of(ec2), ec2->url, SWEEP_MOST_S);
	fail(ec2, &err);
	return true;
}

/* --- from outside --- */

void bg_ec2_open(struct bg_ec2 *ec2)
{
	ec2->page_backoff = (struct bg_backoff){ PAGE_FIRST_MS, PAGE_MOST_MS, 0 };
	ec2->backoff = (struct bg_backoff){ FIRST_MS, MOST_MS, 0 };
	ec2->due_ms = bg_monotonic_ms();
}

void bg_ec2_run(struct bg_ec2 *ec2)
{
	struct bg_error err;
	int rc;

	if (!ec2->due_ms || ec2->due_ms > bg_monotonic_ms())
		return;
	ec2->due_ms = 0;
	begin(ec2);
	if (lasts_too_long(ec2))
		return;
	rc = bg_aws_credentials_get(ec2->credentials, has_keys, ec2, &err);
	if (rc)
		has_keys(ec2, rc > 0 ? 0 : rc, &err);
}

void bg_ec2_now(struct bg_ec2 *ec2)
{
	if (!ec2->sweeping)
		next(ec2, 0);
}

void bg_ec2_close(struct bg_ec2 *ec2)
{
	if (ec2->transfer)
		bg_web_cancel(bg_take_ptr(ec2->transfer));
	bg_ec2_sweep_release(&ec2->sweep);
	bg_ec2_texts_release(&ec2->texts);
}
