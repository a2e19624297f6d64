// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The loop of `publish`: looks at the answers when their folders say that something happened, and
 * now and then by itself, and at what EC2 describes, or an API server has, when that is another; makes
 * parts of them anew, and has the target write those that changed. cmd_publish.c calls it. From
 * what is not whole, or lost too much, it writes nothing.
 */
#include "fleet/publisher.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "fleet/publisher_sources.h"
#include "fleet/publisher_told.h"

/* Looks even without an event: something further up on the way may be another one. */
#define TICK_MS 5000
/* After an event, so that what is written together is read together; */
#define SOON_MS 100
/* and so much later than the sweep before: each may take a place in the ring of changes. */
#define BATCH_MS 1000
/* Nor sooner than so many times its own duration. */
#define REST_TIMES 5
/* What is held is told when it has been for so long: answers are written one by one. */
#define TELL_MS 1000

enum { STEP, LOOK, ASK, TICK };

struct publishing {
	const struct bg_publish *publish;
	struct bg_loop loop;
	int signal_fd, stop_fd;
	struct bg_publish_sources sources;
	struct bg_target *target;
	bool again;		 /* whether sources are the same or not */
	struct bg_error outcome; /* of the last sweep; "" = it was written */
	double swept_ms, took_ms;
	bool led;    /* we were the one who writes */
	int once_rc; /* of the one time, and why */
	struct bg_error once_err;

	struct bg_reports_told reports;
	struct bg_publish_state state;
	double held_ms;	      /* state.held_since_ns by CLOCK_MONOTONIC */
	struct bg_error told; /* why it is held; "" = it is not, or nobody knows yet */
};

/* --- what is told --- */

static void put_state(struct publishing *publishing)
{
	struct bg_publish_state state = publishing->state;
	const struct bg_input_stamp *oldest = bg_input_stamps_oldest(&publishing->sources.answers);
	bool ours;
	struct bg_error err;

	if (!publishing->publish->state)
		return;
	ours = publishing->target->calls->is_ours(publishing->target);
	if (!*publishing->told.text)
		state.held_since_ns = 0;
	state.reason = publishing->told.text;
	state.identity = publishing->target->identity;
	state.leads = publishing->target->leads;
	state.holder = publishing->target->holder;
	if (oldest) {
		state.oldest = oldest->path;
		state.oldest_ns = (__u64)oldest->stamp.modified.tv_sec * BG_NS_PER_S;
	}
	if (publishing->sources.ec2)
		bg_ec2_watched_state(publishing->sources.ec2, &state.ec2);
	if (bg_publish_state_put(publishing->publish->state, &state, &err))
		bg_log(BG_LOG_WARNING, "the state cannot be written", "error=%s",
		       bg_quote(err.text));
	/* it may stand in the same folder */
	if (ours)
		publishing->target->calls->settle(publishing->target);
}

/* The parts that there are stay. */
static void hold(struct publishing *publishing, const struct bg_error *err)
{
	const double now_ms = bg_monotonic_ms();

	if (!publishing->state.held_since_ns) {
		publishing->state.held_since_ns = bg_realtime_ns();
		publishing->held_ms = now_ms;
	}
	if (now_ms - publishing->held_ms < TELL_MS && !publishing->publish->once) {
		bg_loop_sooner(&publishing->loop, LOOK, publishing->held_ms + TELL_MS + 1);
		return;
	}
	if (!strcmp(publishing->told.text, err->text))
		return;
	publishing->told = *err;
	bg_log(BG_LOG_WARNING, "nothing is published: the parts that there are stay",
	       "reason=%s held_s=%.0f", bg_quote(err->text), (now_ms - publishing->held_ms) / 1000);
	put_state(publishing);
}

static void well(struct publishing *publishing)
{
	bool told = *publishing->told.text;

	if (told)
		bg_log(BG_LOG_INFO, "answers are published again", "held_s=%.0f",
		       (bg_monotonic_ms() - publishing->held_ms) / 1000);
	publishing->state.held_since_ns = 0;
	publishing->told = (struct bg_error){};
	if (told)
		put_state(publishing);
}

static void tell_bad(const char *text)
{
	bg_log(BG_LOG_WARNING, "what stands there is no part: it is written anew", "reason=%s",
	       bg_quote(text));
}

/* --- a sweep --- */

static int write_parts(struct publishing *publishing, const struct bg_part_set *old,
		       const struct bg_part_set *made, double start_ms, struct bg_error *err)
{
	struct bg_publish_state *state = &publishing->state;
	struct bg_parts_written written = {};
	int rc = publishing->target->calls->write(publishing->target, old, made, &written, err);

	state->written += written.written;
	state->written_bytes += written.written_bytes;
	state->removed += written.removed;
	if (rc)
		return rc;
	state->parts = made->count;
	if (written.written || written.removed || !state->published_ns)
		bg_log(BG_LOG_INFO, "parts published",
		       "parts=%zu written=%zu bytes=%zu removed=%zu sweep_ms=%.0f", made->count,
		       written.written, written.written_bytes, written.removed,
		       bg_monotonic_ms() - start_ms);
	state->published_ns = bg_realtime_ns();
	return 0;
}

static int sweep_into(struct publishing *publishing, struct bg_sweep *sweep, double start_ms,
		      struct bg_error *err)
{
	struct bg_part_set old = {}, made = {};
	struct bg_error report_err;
	int rc = bg_sources_read(&publishing->sources, sweep, err)
			 ?: publishing->target->calls->read(publishing->target, &old, tell_bad, err)
			 ?: bg_sweep_make(&publishing->publish->wanted, sweep, &old, &made, err)
			 ?: write_parts(publishing, &old, &made, start_ms, err);

	publishing->state.reports = sweep->cluster.report_count + sweep->cluster.more_reports;
	/* of an answer that is cut, nobody knows yet what will be odd */
	if ((!rc || rc == -ESTALE) &&
	    bg_reports_tell(&publishing->reports, &sweep->cluster, &report_err))
		bg_log(BG_LOG_WARNING, "what is odd cannot be told", "error=%s",
		       bg_quote(report_err.text));
	bg_part_set_release(&old);
	bg_part_set_release(&made);
	return rc;
}

static int sweep(struct publishing *publishing, struct bg_error *err)
{
	const double start_ms = bg_monotonic_ms();
	struct bg_sweep sweep = {};
	int rc = sweep_into(publishing, &sweep, start_ms, err);

	bg_sweep_release(&sweep);
	/* until the next one, all of it is of no use here */
	malloc_trim(0);
	publishing->swept_ms = bg_monotonic_ms();
	publishing->took_ms = publishing->swept_ms - start_ms;
	publishing->state.sweeps++;
	publishing->state.sweep_ms = (__u64)publishing->took_ms;
	publishing->outcome = rc ? *err : (struct bg_error){};
	/* another time the same answers may do; not those that are cut, or lost too much */
	publishing->again = rc && rc != -ESTALE && rc != -ENODATA && rc != -EINVAL;
	return rc;
}

/* --- looking --- */

static int look_at(struct publishing *publishing, struct bg_error *err)
{
	struct bg_target *target = publishing->target;
	bool same;
	int rc = target->calls->enter(target, err)
			 ?: bg_sources_look(&publishing->sources, &same, err);

	if (rc)
		return rc;
	if (!target->calls->is_ours(target) || !same || publishing->again)
		return sweep(publishing, err);
	*err = publishing->outcome;
	if (*err->text)
		return -EBADMSG;
	publishing->state.published_ns = bg_realtime_ns();
	return 0;
}

static void look_soon(struct publishing *publishing)
{
	const double now_ms = bg_monotonic_ms(), rest_ms = REST_TIMES * publishing->took_ms;
	const double rested_ms =
		publishing->swept_ms
			? publishing->swept_ms + (rest_ms > BATCH_MS ? rest_ms : BATCH_MS)
			: 0;

	bg_loop_sooner(&publishing->loop, LOOK,
		       now_ms + SOON_MS > rested_ms ? now_ms + SOON_MS : rested_ms);
}

/* What it wants next, whoever called it. */
static void heed_target(struct publishing *publishing)
{
	struct bg_target *target = publishing->target;

	if (target->changed)
		look_soon(publishing);
	target->changed = false;
	if (target->due_ms)
		bg_loop_at(&publishing->loop, STEP, target->due_ms);
	else
		bg_loop_never(&publishing->loop, STEP);
	if (publishing->led != target->leads)
		put_state(publishing);
	publishing->led = target->leads;
}

/* Another one writes: what is wrong here is not told. */
static void stand_by(struct publishing *publishing)
{
	publishing->state.held_since_ns = publishing->state.published_ns = 0;
	publishing->told = (struct bg_error){};
	put_state(publishing);
}

static int look_and_tell(struct publishing *publishing, struct bg_error *err)
{
	const __u64 sweeps = publishing->state.sweeps;
	int rc = look_at(publishing, err);

	if (rc == BG_TARGET_WAITS)
		stand_by(publishing);
	else if (rc)
		hold(publishing, err);
	else
		well(publishing);
	if (sweeps != publishing->state.sweeps)
		put_state(publishing);
	heed_target(publishing);
	return rc;
}

/* Once is as soon as EC2 and the API server have said everything, or one that it does not. */
static void look_once(struct publishing *publishing)
{
	if (bg_sources_wait(&publishing->sources))
		return;
	publishing->once_rc = look_and_tell(publishing, &publishing->once_err);
	put_state(publishing);
	bg_loop_stop(&publishing->loop);
}

static void look(void *context)
{
	struct publishing *publishing = context;
	struct bg_error err = {};

	if (publishing->publish->once)
		look_once(publishing);
	else
		look_and_tell(publishing, &err);
}

/* --- the loop --- */

static void take_events(void *context)
{
	struct publishing *publishing = context;

	bg_file_watch_read(publishing->sources.watch_fd);
	look_soon(publishing);
}

/* EC2, or the API server, has said something, or is to be asked. */
static void take_change(void *context)
{
	struct publishing *publishing = context;
	const double due_ms = bg_sources_due_ms(&publishing->sources);

	if (due_ms)
		bg_loop_sooner(&publishing->loop, ASK, due_ms);
	if (bg_sources_have_changed(&publishing->sources) || publishing->publish->once)
		look_soon(publishing);
}

static void ask(void *context)
{
	struct publishing *publishing = context;

	bg_sources_run(&publishing->sources);
	take_change(publishing);
}

static void step_ec2(void *context)
{
	const struct publishing *publishing = context;

	bg_ec2_watched_step(publishing->sources.ec2);
}

static void step_cluster(void *context)
{
	const struct publishing *publishing = context;

	bg_cluster_watched_step(publishing->sources.cluster);
}

static void step(void *context)
{
	struct publishing *publishing = context;

	publishing->target->calls->step(publishing->target);
	heed_target(publishing);
}

static void take_signal(void *context)
{
	struct publishing *publishing = context;
	struct signalfd_siginfo info;

	if (read(publishing->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	publishing->again = true;
	publishing->target->doubted = true;
	if (publishing->sources.ec2)
		bg_ec2_watched_again(publishing->sources.ec2);
	bg_loop_at(&publishing->loop, LOOK, bg_monotonic_ms());
}

static void take_stop(void *context)
{
	struct publishing *publishing = context;

	bg_loop_stop(&publishing->loop);
}

static void tick(void *context)
{
	struct publishing *publishing = context;

	look(publishing);
	if (publishing->sources.ec2)
		bg_ec2_watched_tell(publishing->sources.ec2);
	put_state(publishing);
	bg_loop_at(&publishing->loop, TICK, bg_monotonic_ms() + TICK_MS);
}

static int take_by(struct publishing *publishing, int signal, int other, int *fd, bg_loop_fn *take,
		   struct bg_error *err)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, signal);
	sigaddset(&signals, other);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	*fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return *fd < 0 ? bg_fail(err, -errno, "signalfd: %s", strerror(errno))
		       : bg_loop_watch(&publishing->loop, *fd, "signal", take, err);
}

static int begin_target(struct publishing *publishing, struct bg_error *err)
{
	struct bg_target *target = publishing->target;
	int rc = 0;

	if (target->says_bye)
		rc = take_by(publishing, SIGTERM, SIGINT, &publishing->stop_fd, take_stop, err);
	target->stop_fd = publishing->stop_fd;
	rc = rc ?: target->calls->begin(target, publishing->publish->once, err);
	if (!rc && target->fd >= 0)
		rc = bg_loop_watch(&publishing->loop, target->fd, "target", step, err);
	return rc;
}

static int watch_sources(struct publishing *publishing, struct bg_error *err)
{
	struct bg_publish_sources *sources = &publishing->sources;
	int rc = bg_sources_open(publishing->publish, take_change, publishing, sources, err)
			 ?: bg_loop_watch(&publishing->loop, sources->watch_fd, "answers",
					  take_events, err);

	bg_loop_timer(&publishing->loop, ASK, "ask", ask);
	if (!rc && sources->ec2)
		rc = bg_loop_watch(&publishing->loop, bg_ec2_watched_fd(sources->ec2), "EC2",
				   step_ec2, err);
	if (!rc && sources->cluster)
		rc = bg_loop_watch(&publishing->loop, bg_cluster_watched_fd(sources->cluster),
				   "API server", step_cluster, err);
	if (sources->ec2 || sources->cluster)
		bg_loop_at(&publishing->loop, ASK, bg_monotonic_ms());
	return rc;
}

static int run_once(struct publishing *publishing, struct bg_error *err)
{
	int rc = 0;

	look_once(publishing);
	if (bg_sources_wait(&publishing->sources))
		rc = bg_loop_run(&publishing->loop, err);
	if (!rc && publishing->once_rc)
		*err = publishing->once_err;
	return rc ?: publishing->once_rc;
}

static int run(struct publishing *publishing, struct bg_error *err)
{
	int rc = take_by(publishing, SIGHUP, SIGHUP, &publishing->signal_fd, take_signal, err) ?:
		 watch_sources(publishing, err) ?: begin_target(publishing, err);

	if (rc)
		return rc;
	bg_loop_timer(&publishing->loop, STEP, "step", step);
	bg_loop_timer(&publishing->loop, LOOK, "look", look);
	bg_loop_timer(&publishing->loop, TICK, "tick", tick);
	if (publishing->publish->once)
		return run_once(publishing, err);
	bg_log(BG_LOG_INFO, "answers are published", "target=%s sources=%zu",
	       bg_quote(publishing->target->name), publishing->publish->wanted.file_count);
	bg_loop_at(&publishing->loop, TICK, bg_monotonic_ms());
	return bg_loop_run(&publishing->loop, err);
}

int bg_publish_run(const struct bg_publish *publish, struct bg_error *err)
{
	struct publishing publishing = {
		.publish = publish,
		.target = publish->target,
		.signal_fd = -1,
		.sources.watch_fd = -1,
		.stop_fd = -1,
		.state.target = publish->target->name,
	};
	int rc = bg_loop_open(&publishing.loop, &publishing, err);

	if (rc)
		return rc;
	rc = run(&publishing, err);
	if (publishing.stop_fd >= 0)
		close(publishing.stop_fd);
	if (publishing.signal_fd >= 0)
		close(publishing.signal_fd);
	bg_sources_close(&publishing.sources);
	bg_loop_close(&publishing.loop);
	bg_reports_release(&publishing.reports);
	return rc;
}
