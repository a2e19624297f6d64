// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Requests for a Lease, as lease.c decides. target_k8s.c has one; what fails or makes no sense is
 * no reason to take a Lease, and none to go on writing when ours was not renewed in time.
 */
#include "fleet/kube/lease_keeper.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "fleet/web/refused.h"

#define LEASE_BYTES (256u << 10)
/* A renewal that hangs leaves time for another one. */
#define LIMIT_MS 4000
#define LEAVE_MS 1000

static void fail(struct bg_lease_keeper *keeper, const struct bg_error *err, double asked_ms)
{
	keeper->wrong = *err;
	keeper->lease.known = false;
	keeper->due_ms = bg_monotonic_ms() + bg_backoff_ms(&keeper->backoff, asked_ms);
}

static int take_answer(struct bg_lease_keeper *keeper, const struct bg_web_answer *answer,
		       struct bg_error *err)
{
	struct bg_lease_record record;
	int rc;

	if (keeper->step == BG_LEASE_READ && answer->status == 404) {
		bg_lease_saw(&keeper->lease, NULL, bg_monotonic_ms());
		return 0;
	}
	rc = bg_lease_read(answer->body, answer->length_bytes, &record, err);
	if (rc)
		return bg_fail_in(err, rc, "%s: the Lease %s/%s", keeper->server,
				  keeper->name_space, keeper->name);
	if (keeper->step == BG_LEASE_READ)
		bg_lease_saw(&keeper->lease, &record, bg_monotonic_ms());
	else
		bg_lease_won(&keeper->lease, &record, keeper->asked_ms);
	return 0;
}

static void ended(void *context, const struct bg_web_answer *answer, int rc,
		  const struct bg_error *err)
{
	struct bg_lease_keeper *keeper = context;
	const bool reads = keeper->step == BG_LEASE_READ;
	struct bg_error why;

	keeper->transfer = NULL;
	if (rc)
		why = *err;
	else if (answer->status == 200 || answer->status == 201 || (reads && answer->status == 404))
		rc = take_answer(keeper, answer, &why);
	else
		rc = bg_web_refused(keeper->server, answer, &why);
	if (rc == -EAGAIN || (rc == -ENOENT && keeper->step != BG_LEASE_CREATE)) {
		/* another one was there before us: who, says the Lease */
		keeper->lease.known = false;
		keeper->due_ms = bg_monotonic_ms() + bg_jittered_ms(keeper->backoff.first_ms);
	} else if (rc) {
		fail(keeper, &why, answer->retry_after_ms);
	} else {
		keeper->wrong = (struct bg_error){};
		keeper->backoff.failures = 0;
		keeper->due_ms = bg_lease_due_ms(&keeper->lease, bg_monotonic_ms());
	}
}

static void start(struct bg_lease_keeper *keeper, enum bg_lease_step step, int limit_ms)
{
	static const char *const methods[] = {
		[BG_LEASE_READ] = NULL,	  [BG_LEASE_CREATE] = NULL, [BG_LEASE_TAKE] = "PUT",
		[BG_LEASE_RENEW] = "PUT", [BG_LEASE_WAIT] = NULL,   [BG_LEASE_RELEASE] = "PUT",
	};
	bg_auto_free char *url = NULL, *body = NULL;
	struct bg_web_request request = {
		.method = methods[step],
		.most_bytes = LEASE_BYTES,
		.limit_ms = limit_ms,
		.anew = keeper->backoff.failures,
		.ended = ended,
		.context = keeper,
	};
	struct bg_error err;
	int rc;

	keeper->step = step;
	keeper->asked_ms = bg_monotonic_ms();
	keeper->due_ms = 0;
	if (asprintf(&url, "%s/apis/coordination.k8s.io/v1/namespaces/%s/leases%s%s",
		     keeper->server, keeper->name_space, step == BG_LEASE_CREATE ? "" : "/",
		     step == BG_LEASE_CREATE ? "" : keeper->name) < 0)
		url = NULL;
	if (step != BG_LEASE_READ)
		body = bg_lease_body(&keeper->lease, step, keeper->name_space, keeper->name,
				     bg_realtime_ns());
	request.url = url;
	request.post = body;
	rc = url && (body || step == BG_LEASE_READ)
		     ? bg_web_start(keeper->web, &request, &keeper->transfer, &err)
		     : bg_no_memory(&err, "%s", keeper->server);
	if (rc)
		fail(keeper, &err, 0);
}

void bg_lease_keeper_run(struct bg_lease_keeper *keeper)
{
	const double now_ms = bg_monotonic_ms();
	enum bg_lease_step step = bg_lease_next(&keeper->lease, now_ms);

	if (keeper->transfer || keeper->due_ms > now_ms)
		return;
	/* (what is taken is taken as it was read: who has renewed it since then keeps it) */
	start(keeper, step == BG_LEASE_WAIT ? BG_LEASE_READ : step, LIMIT_MS);
}

bool bg_lease_keeper_leads(const struct bg_lease_keeper *keeper)
{
	return bg_monotonic_ms() < keeper->lease.until_ms;
}

bool bg_lease_keeper_leave(struct bg_lease_keeper *keeper)
{
	/* (a renewal that is under way makes it another version) */
	if (keeper->step != BG_LEASE_RELEASE && !keeper->transfer) {
		keeper->lease.until_ms = 0;
		if (bg_lease_is_ours(&keeper->lease))
			start(keeper, BG_LEASE_RELEASE, LEAVE_MS);
	}
	return keeper->transfer;
}

void bg_lease_keeper_release(struct bg_lease_keeper *keeper)
{
	if (keeper->transfer)
		bg_web_cancel(bg_take_ptr(keeper->transfer));
	bg_lease_record_release(&keeper->lease.seen);
}
