// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Decides who holds a Lease, and what to write into it. lease_keeper.c asks and is answered; it
 * believes no clock but the one that it is given, and takes nothing that somebody may still hold.
 */
#include "fleet/kube/lease.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "fleet/kube/standing.h"

BG_CLEANUP_OF(json_decref, json_t)

/* --- the object --- */

static int read_text(const json_t *spec, const char *key, char *text, size_t room,
		     struct bg_error *err)
{
	const json_t *value = json_object_get(spec, key);

	if (value && !json_is_null(value) && !json_is_string(value))
		return bg_fail(err, -EPROTO, "found no text in /spec/%s of the Lease", key);
	snprintf(text, room, "%s", json_string_value(value) ?: "");
	return 0;
}

static json_int_t number_of(const json_t *spec, const char *key, json_int_t most)
{
	const json_int_t number = json_integer_value(json_object_get(spec, key));

	return number < 0 || number > most ? 0 : number;
}

int bg_lease_read(const char *text, size_t length_bytes, struct bg_lease_record *record,
		  struct bg_error *err)
{
	json_error_t error;
	bg_cleanup(json_decref_at)
		json_t *object = json_loadb(text, length_bytes, JSON_REJECT_DUPLICATES, &error);
	const char *kind = json_string_value(json_object_get(object, "kind"));
	const json_t *spec = json_object_get(object, "spec");
	struct bg_lease_record read = {};
	int rc;

	if (!object)
		return bg_fail(err, -EPROTO, "found no JSON (line %d, column %d: %s)", error.line,
			       error.column, error.text);
	if (!kind || strcmp(kind, "Lease") != 0)
		return bg_fail(err, -EPROTO, "found something else than a Lease");
	rc = bg_k8s_read_version(object, &read.version, err)
		     ?: read_text(spec, "holderIdentity", read.holder, sizeof(read.holder), err)
		     ?: read_text(spec, "acquireTime", read.acquired, sizeof(read.acquired), err)
		     ?: read_text(spec, "renewTime", read.renewed, sizeof(read.renewed), err);
	if (rc)
		return rc;
	read.duration_s = number_of(spec, "leaseDurationSeconds", LONG_MAX);
	read.transitions = number_of(spec, "leaseTransitions", INT_MAX - 1);
	read.kept = bg_k8s_kept_metadata(json_object_get(object, "metadata"));
	*record = read;
	return 0;
}

void bg_lease_record_release(struct bg_lease_record *record)
{
	json_decref(record->kept);
	*record = (struct bg_lease_record){};
}

/* --- what is known --- */

bool bg_lease_is_ours(const struct bg_lease *lease)
{
	const char *renewed = lease->seen.renewed;

	return lease->is_there && *renewed && !strcmp(lease->seen.holder, lease->identity) &&
	       (!strcmp(renewed, lease->ours) || !strcmp(renewed, lease->asked));
}

/* Whoever else writes into the object does not renew it by that. */
static bool is_same(const struct bg_lease_record *a, const struct bg_lease_record *b)
{
	return !strcmp(a->holder, b->holder) && !strcmp(a->renewed, b->renewed) &&
	       !strcmp(a->acquired, b->acquired) && a->duration_s == b->duration_s &&
	       a->transitions == b->transitions;
}

static void take(struct bg_lease *lease, struct bg_lease_record *record)
{
	bg_lease_record_release(&lease->seen);
	lease->known = true;
	lease->is_there = record;
	if (record)
		lease->seen = *record;
}

void bg_lease_saw(struct bg_lease *lease, struct bg_lease_record *record, double now_ms)
{
	if (!record || !lease->is_there || !is_same(record, &lease->seen))
		lease->since_ms = now_ms;
	take(lease, record);
	if (!bg_lease_is_ours(lease)) {
		lease->ours[0] = lease->asked[0] = '\0';
		lease->until_ms = 0;
	} else {
		snprintf(lease->ours, sizeof(lease->ours), "%s", lease->seen.renewed);
	}
}

void bg_lease_won(struct bg_lease *lease, struct bg_lease_record *record, double asked_ms)
{
	take(lease, record);
	lease->since_ms = asked_ms;
	snprintf(lease->ours, sizeof(lease->ours), "%s", record->renewed);
	lease->until_ms = bg_lease_is_ours(lease) ? asked_ms + BG_LEASE_WRITE_MS : 0;
}

/* --- what is next --- */

static double term_ms(const struct bg_lease *lease)
{
	json_int_t s = lease->seen.duration_s;

	s = s < BG_LEASE_S ? BG_LEASE_S : s > BG_LEASE_MOST_S ? BG_LEASE_MOST_S : s;
	return (double)s * 1000;
}

enum bg_lease_step bg_lease_next(const struct bg_lease *lease, double now_ms)
{
	if (!lease->known)
		return BG_LEASE_READ;
	if (!lease->is_there)
		return BG_LEASE_CREATE;
	if (bg_lease_is_ours(lease))
		return BG_LEASE_RENEW;
	return !*lease->seen.holder || now_ms - lease->since_ms >= term_ms(lease) ? BG_LEASE_TAKE
										  : BG_LEASE_WAIT;
}

double bg_lease_due_ms(const struct bg_lease *lease, double now_ms)
{
	const double look_ms = now_ms + BG_LEASE_LOOK_MS,
		     over_ms = lease->since_ms + term_ms(lease);

	switch (bg_lease_next(lease, now_ms)) {
	case BG_LEASE_RENEW:
		return lease->since_ms + BG_LEASE_RENEW_MS;
	case BG_LEASE_WAIT:
		return over_ms < look_ms ? over_ms : look_ms;
	default:
		return now_ms;
	}
}

/* --- what is written --- */

/* As the API server writes it, so that it stays the same text. */
static void format_time(__u64 realtime_ns, char text[BG_LEASE_TIME_TEXT])
{
	const time_t s = (time_t)(realtime_ns / BG_NS_PER_S);
	char upto[32] = "";
	struct tm parts;

	if (gmtime_r(&s, &parts))
		strftime(upto, sizeof(upto), "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(text, BG_LEASE_TIME_TEXT, "%s.%06uZ", upto,
		 (unsigned int)(realtime_ns % BG_NS_PER_S / 1000));
}

char *bg_lease_body(struct bg_lease *lease, enum bg_lease_step step, const char *name_space,
		    const char *name, __u64 realtime_ns)
{
	const bool renews = step == BG_LEASE_RENEW, releases = step == BG_LEASE_RELEASE;
	bg_cleanup(json_decref_at) json_t *body = NULL, *metadata = NULL;
	char now[BG_LEASE_TIME_TEXT];

	format_time(realtime_ns, now);
	metadata = json_pack("{s:s,s:s}", "namespace", name_space, "name", name);
	if (!metadata || (step != BG_LEASE_CREATE &&
			  (json_object_set_new(metadata, "resourceVersion",
					       json_string(lease->seen.version.text)) ||
			   (lease->seen.kept && json_object_update(metadata, lease->seen.kept)))))
		return NULL;
	body = json_pack("{s:s,s:s,s:O,s:{s:s,s:i,s:s,s:s,s:I}}", "apiVersion",
			 "coordination.k8s.io/v1", "kind", "Lease", "metadata", metadata, "spec",
			 "holderIdentity", releases ? "" : lease->identity, "leaseDurationSeconds",
			 releases ? 1 : BG_LEASE_S, "acquireTime",
			 renews ? lease->seen.acquired : now, "renewTime", now, "leaseTransitions",
			 lease->seen.transitions + (step == BG_LEASE_TAKE));
	/* if no answer comes, what is read afterwards says whether it was taken */
	snprintf(lease->asked, sizeof(lease->asked), "%s", now);
	return body ? json_dumps(body, JSON_COMPACT) : NULL;
}
