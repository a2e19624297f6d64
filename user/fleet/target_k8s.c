// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Has an API server's parts written by the publisher, which calls it through target.h, while a
 * Lease says that it is our turn. What it knows of the server it has listed or written itself; it
 * writes nothing that is not conditional on that, and nothing after its turn.
 */
#include "fleet/target_k8s.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "fleet/kube/lease_keeper.h"
#include "fleet/kube/store.h"
#include "source/file.h"

/* So often it is listed what others have done there. */
#define LIST_MS (5 * 60 * 1000.0)
#define RETRY_FIRST_MS 500
#define RETRY_MOST_MS 30000
#define LEASE_RETRY_MOST_MS 2000
/* A holder that is gone has lost it by then. */
#define ONCE_MS (BG_LEASE_S * 1000 + 3 * BG_LEASE_LOOK_MS)
#define ONCE_FAILURES 4
#define LEAVE_MS 1500
#define WAIT_MS 500

#define NAME_TEXT 254

struct target_k8s {
	struct bg_target target;
	struct bg_api_server server;
	struct bg_web *web;
	struct bg_lease_keeper keeper;
	struct bg_k8s_store store;
	char name_space[NAME_TEXT], name[NAME_TEXT], identity[NAME_TEXT];
	bool whole;		 /* what should stand there stands there */
	double list_ms;		 /* when it is listed again */
	double retry_ms;	 /* not before, after a failure; 0: now */
	struct bg_error outcome; /* that failure */
	struct bg_backoff backoff;
};

static struct target_k8s *k8s_of(struct bg_target *target)
{
	return (struct target_k8s *)target;
}

/* --- whose turn it is --- */

static void take_turns(struct target_k8s *k8s)
{
	struct bg_target *target = &k8s->target;
	const struct bg_lease *lease = &k8s->keeper.lease;
	const bool leads = bg_lease_keeper_leads(&k8s->keeper);
	const char *holder = lease->is_there ? lease->seen.holder : "";

	if (lease->known && strcmp(holder, target->holder) != 0) {
		snprintf(target->holder, sizeof(target->holder), "%s", holder);
		target->changed = true;
	}
	if (leads == target->leads)
		return;
	target->leads = leads;
	target->changed = true;
	/* who had it meanwhile has written */
	k8s->store.known = false;
	if (leads)
		bg_log(BG_LOG_INFO, "the Lease is ours: parts are written from here",
		       "lease=%s/%s identity=%s transitions=%lld", k8s->name_space, k8s->name,
		       bg_quote(k8s->identity), (long long)lease->seen.transitions);
	else
		bg_log(BG_LOG_WARNING,
		       "the Lease is not ours any more: nothing is written from here",
		       "lease=%s/%s holder=%s error=%s", k8s->name_space, k8s->name,
		       bg_quote(target->holder), bg_quote(k8s->keeper.wrong.text));
}

static void when_due(struct target_k8s *k8s)
{
	const double wants_ms[] = {
		k8s->keeper.due_ms,
		k8s->target.leads ? k8s->keeper.lease.until_ms : 0,
		k8s->retry_ms,
	};

	k8s->target.due_ms = 0;
	for (size_t i = 0; i < sizeof(wants_ms) / sizeof(wants_ms[0]); i++)
		if (wants_ms[i] && (!k8s->target.due_ms || wants_ms[i] < k8s->target.due_ms))
			k8s->target.due_ms = wants_ms[i];
}

static void step(struct bg_target *target)
{
	struct target_k8s *k8s = k8s_of(target);

	bg_web_step(k8s->web);
	bg_lease_keeper_run(&k8s->keeper);
	take_turns(k8s);
	if (k8s->retry_ms && k8s->retry_ms <= bg_monotonic_ms()) {
		k8s->retry_ms = 0;
		target->changed = true;
	}
	when_due(k8s);
}

/* For the store, and at the begin and the end. */
static int wait_for_web(void *context, struct bg_error *err)
{
	struct target_k8s *k8s = context;
	struct pollfd fds[] = {
		{ .fd = bg_web_fd(k8s->web), .events = POLLIN },
		{ .fd = k8s->target.stop_fd, .events = POLLIN },
	};
	double wait_ms = k8s->keeper.due_ms ? k8s->keeper.due_ms - bg_monotonic_ms() : WAIT_MS;

	wait_ms = wait_ms < 0 ? 0 : wait_ms > WAIT_MS ? WAIT_MS : wait_ms;
	poll(fds, 2, (int)wait_ms + 1);
	if (fds[1].revents)
		return bg_fail(err, -EINTR, "%s: it was asked to end", k8s->target.name);
	bg_web_step(k8s->web);
	bg_lease_keeper_run(&k8s->keeper);
	return 0;
}

/* What is under way when our turn ends was asked for before, and ends before anybody else's
 * begins. */
static int may_write_ms(void *context)
{
	struct target_k8s *k8s = context;
	const double left_ms = k8s->keeper.lease.until_ms - bg_monotonic_ms();

	take_turns(k8s);
	return left_ms > 0 ? (int)left_ms + (BG_LEASE_S * 1000 - BG_LEASE_WRITE_MS) : 0;
}

static int begin(struct bg_target *target, bool once, struct bg_error *err)
{
	struct target_k8s *k8s = k8s_of(target);
	const double over_ms = bg_monotonic_ms() + ONCE_MS;
	int rc = bg_web_open(&k8s->server.identity, &k8s->web, err);

	if (rc)
		return rc;
	target->fd = bg_web_fd(k8s->web);
	k8s->keeper.web = k8s->store.web = k8s->web;
	do {
		bg_lease_keeper_run(&k8s->keeper);
		if (!once || bg_lease_keeper_leads(&k8s->keeper))
			break;
		rc = wait_for_web(k8s, err);
	} while (!rc && k8s->keeper.backoff.failures < ONCE_FAILURES &&
		 bg_monotonic_ms() < over_ms);
	take_turns(k8s);
	when_due(k8s);
	if (rc || !once || target->leads)
		return rc;
	*err = k8s->keeper.wrong;
	return *err->text
		       ? -EIO
		       : bg_fail(err, -EBUSY,
				 "%s: another publisher has the Lease %s/%s, %.100s: end it first",
				 target->name, k8s->name_space, k8s->name, target->holder);
}

static int enter(struct bg_target *target, struct bg_error *err)
{
	struct target_k8s *k8s = k8s_of(target);

	take_turns(k8s);
	if (!target->leads && *k8s->keeper.wrong.text) {
		*err = k8s->keeper.wrong;
		return -EIO;
	}
	if (!target->leads)
		return BG_TARGET_WAITS;
	if (k8s->retry_ms <= bg_monotonic_ms())
		return 0;
	*err = k8s->outcome;
	return -EIO;
}

/* --- parts --- */

static bool is_ours(struct bg_target *target)
{
	const struct target_k8s *k8s = k8s_of(target);

	return k8s->whole && k8s->store.known && !target->doubted &&
	       bg_monotonic_ms() < k8s->list_ms;
}

static void settle(struct bg_target *target)
{
	(void)target; /* no file of ours is there */
}

static int fail(struct target_k8s *k8s, int rc, const struct bg_error *err)
{
	k8s->whole = false;
	k8s->outcome = *err;
	k8s->retry_ms = bg_monotonic_ms() + bg_backoff_ms(&k8s->backoff, k8s->store.retry_after_ms);
	when_due(k8s);
	/* the same answers may do another time, whatever it is */
	return rc == -ENOMEM ? rc : -EIO;
}

static int read_parts(struct bg_target *target, struct bg_part_set *old,
		      void (*bad)(const char *text), struct bg_error *err)
{
	struct target_k8s *k8s = k8s_of(target);
	int rc = 0;

	if (!k8s->store.known || target->doubted || bg_monotonic_ms() >= k8s->list_ms) {
		rc = bg_k8s_store_list(&k8s->store, bad, err);
		if (!rc)
			k8s->list_ms = bg_monotonic_ms() + bg_jittered_ms(LIST_MS);
	}
	target->doubted = false;
	rc = rc ?: bg_standing_parts(&k8s->store.standing, old, err);
	when_due(k8s);
	return rc ? fail(k8s, rc, err) : 0;
}

static int write_parts(struct bg_target *target, const struct bg_part_set *old,
		       const struct bg_part_set *made, struct bg_parts_written *written,
		       struct bg_error *err)
{
	struct target_k8s *k8s = k8s_of(target);
	int rc = bg_k8s_store_write(&k8s->store, made, written, err);

	(void)old; /* the store has it, with versions */
	if (written->written || written->removed || !rc)
		k8s->backoff.failures = 0;
	take_turns(k8s);
	when_due(k8s);
	if (rc)
		return fail(k8s, rc, err);
	k8s->whole = true;
	k8s->retry_ms = 0;
	return 0;
}

static void close_k8s(struct bg_target *target)
{
	struct target_k8s *k8s = k8s_of(target);
	const double over_ms = bg_monotonic_ms() + LEAVE_MS;

	while (k8s->web && bg_lease_keeper_leave(&k8s->keeper) && bg_monotonic_ms() < over_ms) {
		struct pollfd fd = { .fd = bg_web_fd(k8s->web), .events = POLLIN };

		poll(&fd, 1, WAIT_MS);
		bg_web_step(k8s->web);
	}
	bg_lease_keeper_release(&k8s->keeper);
	bg_k8s_store_release(&k8s->store);
	if (k8s->web)
		bg_web_close(k8s->web);
	free(k8s);
}

/* --- who we are --- */

static bool is_name(const char *text, size_t length)
{
	return length && length < NAME_TEXT && *text != '.' && *text != '-' &&
	       strspn(text, "0123456789abcdefghijklmnopqrstuvwxyz-.") >= length;
}

static int pod_name_space(struct target_k8s *k8s, struct bg_error *err)
{
	char *text = NULL;
	size_t length = 0;
	int rc = bg_file_read(BG_K8S_MOUNT "/namespace", BG_FILE_REGULAR, NAME_TEXT, &text, &length,
			      err);

	if (!rc && !is_name(text, length))
		rc = bg_fail(err, -EINVAL, BG_K8S_MOUNT "/namespace: found no name");
	if (!rc)
		snprintf(k8s->name_space, sizeof(k8s->name_space), "%.*s", (int)length, text);
	free(text);
	return rc ? bg_fail_in(err, -EINVAL, "the Lease's namespace (--lease gives another)") : 0;
}

static int find_lease(struct target_k8s *k8s, const struct bg_target_k8s_wanted *wanted,
		      struct bg_error *err)
{
	const char *slash = wanted->lease ? strchr(wanted->lease, '/') : NULL;

	snprintf(k8s->name, sizeof(k8s->name), "%s", slash ? slash + 1 : BG_LEASE_NAME);
	if (slash && is_name(wanted->lease, (size_t)(slash - wanted->lease)) &&
	    is_name(slash + 1, strlen(slash + 1)))
		snprintf(k8s->name_space, sizeof(k8s->name_space), "%.*s",
			 (int)(slash - wanted->lease), wanted->lease);
	else if (wanted->lease)
		return bg_fail(err, -EINVAL, "--lease %.100s: expected NAMESPACE/NAME",
			       wanted->lease);
	else if (!strcmp(wanted->to, BG_K8S_SOURCE))
		return pod_name_space(k8s, err);
	else
		snprintf(k8s->name_space, sizeof(k8s->name_space), "default");
	return 0;
}

static int find_identity(struct target_k8s *k8s, const char *holder, struct bg_error *err)
{
	if (!holder && gethostname(k8s->identity, sizeof(k8s->identity) - 1))
		return bg_fail(err, -EINVAL, "this host's name: %s: give --identity",
			       strerror(errno));
	if (holder && strlen(holder) >= sizeof(k8s->identity))
		return bg_fail(err, -EINVAL, "--identity: longer than %zu bytes",
			       sizeof(k8s->identity) - 1);
	if (holder)
		snprintf(k8s->identity, sizeof(k8s->identity), "%s", holder);
	return *k8s->identity ? 0 : bg_fail(err, -EINVAL, "--identity: expected a name");
}

static void set_up(struct target_k8s *k8s)
{
	k8s->target.identity = k8s->identity;
	k8s->keeper.server = k8s->store.server = k8s->server.url;
	k8s->keeper.name_space = k8s->name_space;
	k8s->keeper.name = k8s->name;
	k8s->keeper.lease.identity = k8s->identity;
	k8s->keeper.backoff =
		(struct bg_backoff){ .first_ms = RETRY_FIRST_MS, .most_ms = LEASE_RETRY_MOST_MS };
	k8s->backoff = (struct bg_backoff){ .first_ms = RETRY_FIRST_MS, .most_ms = RETRY_MOST_MS };
	k8s->store.wait = wait_for_web;
	k8s->store.may_write_ms = may_write_ms;
	k8s->store.context = k8s;
}

int bg_target_k8s_new(const struct bg_target_k8s_wanted *wanted, struct bg_target **target,
		      struct bg_error *err)
{
	static const struct bg_target_calls calls = {
		.begin = begin,
		.step = step,
		.enter = enter,
		.is_ours = is_ours,
		.settle = settle,
		.read = read_parts,
		.write = write_parts,
		.close = close_k8s,
	};
	struct target_k8s *made = calloc(1, sizeof(*made));
	int rc;

	if (!made)
		return bg_no_memory(err, "%s", wanted->to);
	made->target = (struct bg_target){
		.calls = &calls, .name = wanted->to, .fd = -1, .stop_fd = -1, .says_bye = true
	};
	rc = bg_api_server_find(wanted->to, &wanted->identity, &made->server, err)
		     ?: find_lease(made, wanted, err)
		     ?: find_identity(made, wanted->holder, err);
	if (rc) {
		free(made);
		return rc;
	}
	set_up(made);
	*target = &made->target;
	return 0;
}
