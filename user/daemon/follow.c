// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the running daemon follows: signals, interfaces, the feed's file, and what is due
 * from time to time. daemon.c calls it after the start; it decides when something is
 * done, revision.c and guard/ what is done.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "apart/log_writer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "daemon/answers.h"
#include "daemon/busy.h"
#include "daemon/put_back.h"
#include "daemon/running.h"
#include "daemon/upgrade.h"
#include "datapath/leftovers.h"
#include "datapath/tally.h"
#include "guard/iface_maps.h"
#include "guard/pod_neighbours.h"

/* Feed and interfaces are looked at this often, even when the kernel reports no change. */
#define ROUND_MS 3000
/* A feed is read this long after the last sign that it is being changed. */
#define SETTLE_MS 50
/* But no later than this after the first one: signs may come without end. */
#define SETTLE_MOST_MS 1000
#define METRICS_MS 15000
/* Filter and route messages that come within this time cause one look. */
#define BURST_MS 100
/* The socket is looked after this often: well within the time for which events come. */
#define ANSWERS_MS 1000
/* What the programs have counted is added up this often, for bpftool. */
#define COUNTERS_MS 1000
/* Programs and pins are looked after this often. */
#define PINS_MS 1000
/* ... or, while a revision is put in force, after this. */
#define PINS_LATER_MS 100
/* When the daemon ends: for a revision that is being put in force. */
#define LAST_PUBLISH_MS 400
/* ... and for its files, which are written beside each other. */
#define LAST_FILES_MS 500
/* Until the table of interfaces, of which changes were lost, is listed again. */
#define RETRY_MS 200
/* A feed that was refused for a passing reason is tried again after this long, then
 * after twice as long each time, up to the last. */
#define FIRST_RETRY_MS 1000
#define LAST_RETRY_MS 30000

/* In the order in which they run when several are due; each may set a later one. */
enum timer {
	TIMER_ROUND,
	TIMER_PINS,
	TIMER_NETDEVS, /* the table must be listed again */
	TIMER_RETRY,   /* of a feed that was refused for a passing reason */
	TIMER_FEED,
	TIMER_SYNC,
	TIMER_METRICS,
	TIMER_ANSWERS,
	TIMER_COUNTERS,
};

struct follower {
	struct bg_daemon *daemon;
	struct bg_loop loop;
	struct bg_answers *answers;
	struct bg_busy busy;
	struct bg_put_back put_back;
	int signal_fd;
	double changing_ms;   /* since when there are signs of that, 0 = there are none */
	double tried_ms;      /* when the feed was refused so */
	double retry_ms;      /* TIMER_RETRY's next wait; 0 = the feed was not refused so */
	struct bg_addr asked; /* of pods: the last whose neighbour was asked for */
	bool reread;	      /* read the feed even if the file is the same */
	/* what was logged last, so that it is not logged with every try */
	char sync_error[sizeof(((struct bg_error *)0)->text)];
	char netdevs_error[sizeof(((struct bg_error *)0)->text)];
	char counters_error[sizeof(((struct bg_error *)0)->text)];
};

static void on_neighbour(const struct bg_neighbour *neighbour, void *context)
{
	struct bg_daemon *daemon = context;

	bg_pods_neighbour(daemon->datapath, neighbour);
}

static void on_netdevs(void *context)
{
	struct follower *follower = context;
	struct bg_netdevs *netdevs = follower->daemon->netdevs;
	struct bg_error err = {};
	unsigned int changed;

	bg_loop_never(&follower->loop, TIMER_NETDEVS);
	if (!bg_netdevs_read(netdevs, on_neighbour, follower->daemon, &changed, &err)) {
		follower->netdevs_error[0] = '\0';
	} else if (strcmp(follower->netdevs_error, err.text) != 0) {
		memcpy(follower->netdevs_error, err.text, sizeof(follower->netdevs_error));
		bg_log(BG_LOG_ERROR,
		       "following the interfaces, will be tried again; what is armed stays armed",
		       "error=%s", bg_quote(err.text));
	}
	if (bg_netdevs_incomplete(netdevs))
		bg_loop_at(&follower->loop, TIMER_NETDEVS, bg_monotonic_ms() + RETRY_MS);
	/* who comes is to be judged from his first packet on */
	if (changed & (BG_NETDEVS_CHANGED | BG_RULES_CHANGED))
		bg_loop_sooner(&follower->loop, TIMER_SYNC, bg_monotonic_ms());
	else if (changed)
		bg_loop_sooner(&follower->loop, TIMER_SYNC, bg_monotonic_ms() + BURST_MS);
}

static void on_signal(void *context)
{
	struct follower *follower = context;
	struct signalfd_siginfo info;

	while (read(follower->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP) {
			follower->reread = true;
			bg_loop_sooner(&follower->loop, TIMER_FEED, bg_monotonic_ms());
		} else {
			bg_log(BG_LOG_INFO,
			       "stopping; everything stays pinned and in force (`branchguard "
			       "unload` ends it)",
			       "signal=%s revision=%u", strsignal((int)info.ssi_signo),
			       follower->daemon->datapath->revision);
			bg_loop_stop(&follower->loop);
		}
	}
}

static void log_sync_error(struct follower *follower, const struct bg_error *err)
{
	if (!strcmp(follower->sync_error, err->text))
		return;
	memcpy(follower->sync_error, err->text, sizeof(follower->sync_error));
	bg_log(BG_LOG_ERROR, "guarding the interfaces, will be tried again", "error=%s",
	       bg_quote(err->text));
}

static void sync_now(void *context)
{
	struct follower *follower = context;
	struct bg_error err = {};

	bg_loop_never(&follower->loop, TIMER_SYNC);
	if (bg_daemon_sync(follower->daemon, &err) >= 0) {
		follower->sync_error[0] = '\0';
		if (!bg_netdevs_incomplete(follower->daemon->netdevs) &&
		    !bg_ifaces_interrupted(follower->daemon->ifaces))
			bg_history_synced(follower->daemon);
	} else {
		log_sync_error(follower, &err);
	}
	/* the signal first, then the rest of them */
	if (bg_ifaces_interrupted(follower->daemon->ifaces))
		bg_loop_sooner(&follower->loop, TIMER_SYNC, bg_monotonic_ms());
	bg_daemon_write_state(follower->daemon);
}

/* Why a feed was refused that is none of its own: the same one may be accepted later. */
static bool is_passing(int rc)
{
	return rc == -ENOMEM || rc == -EMFILE || rc == -ENFILE || rc == -EAGAIN || rc == -EBUSY ||
	       rc == -EINTR || rc == -ENOBUFS || rc == -EIO || rc == -ESTALE || rc == -ETIMEDOUT;
}

static void plan_retry(struct follower *follower, int rc)
{
	if (!is_passing(rc)) {
		follower->retry_ms = 0;
		bg_loop_never(&follower->loop, TIMER_RETRY);
		return;
	}
	follower->retry_ms = follower->retry_ms ? follower->retry_ms * 2 : FIRST_RETRY_MS;
	if (follower->retry_ms > LAST_RETRY_MS)
		follower->retry_ms = LAST_RETRY_MS;
	follower->tried_ms = bg_monotonic_ms();
	bg_loop_at(&follower->loop, TIMER_RETRY, follower->tried_ms + follower->retry_ms);
}

/* Of a reload: what was refused for a passing reason is tried again. */
static void after_feed(struct follower *follower, int rc)
{
	plan_retry(follower, rc);
	if (!rc)
		sync_now(follower);
	bg_daemon_write_state(follower->daemon);
}

static void read_feed_now(void *context)
{
	struct follower *follower = context;
	struct bg_daemon *daemon = follower->daemon;
	struct bg_error err = {};
	int rc;

	rc = bg_reload_begin(daemon, follower->reread, &err);
	follower->reread = false;
	follower->changing_ms = 0;
	if (!rc)
		return;
	bg_daemon_refuse(daemon, &(struct bg_problems){}, rc, &err);
	after_feed(follower, rc);
}

/* Of a revision of the same feed, for other interfaces. If there is none, the guards are brought
 * in line all the same, and the next round tries again. */
static void after_again(struct follower *follower, int rc, const struct bg_error *err)
{
	struct bg_error guards = {};

	if (!rc) {
		sync_now(follower);
		return;
	}
	log_sync_error(follower, err);
	if (bg_daemon_sync_guards(follower->daemon, &guards) < 0)
		log_sync_error(follower, &guards);
	bg_daemon_write_state(follower->daemon);
}

/* Reading or compiling is done, which went on beside the loop. */
static void on_reload(void *context)
{
	struct follower *follower = context;
	struct bg_daemon *daemon = follower->daemon;
	struct bg_error err = {};
	enum bg_reload_of of;
	int rc;

	if (!bg_reload_go_on(daemon, &of, &rc, &err))
		return;
	if (of == BG_RELOAD_OF_LOOK)
		bg_history_feed_same(daemon);
	else if (of == BG_RELOAD_OF_FEED)
		after_feed(follower, rc);
	else
		after_again(follower, rc, &err);
	if (daemon->reload.again)
		bg_loop_sooner(&follower->loop, TIMER_FEED, bg_monotonic_ms());
}

static void write_metrics(void *context)
{
	struct follower *follower = context;

	bg_loop_at(&follower->loop, TIMER_METRICS, bg_monotonic_ms() + METRICS_MS);
	bg_metrics_out_put(&follower->daemon->metrics);
}

static void on_metrics(void *context)
{
	struct follower *follower = context;

	bg_metrics_out_done(&follower->daemon->metrics);
}

static void on_state(void *context)
{
	struct follower *follower = context;

	bg_state_out_done(follower->daemon);
	bg_answers_placed(follower->answers);
}

static void add_up_counters(void *context)
{
	struct follower *follower = context;
	struct bg_error err = {};

	bg_loop_at(&follower->loop, TIMER_COUNTERS, bg_monotonic_ms() + COUNTERS_MS);
	if (!bg_datapath_tally(follower->daemon->datapath, &err)) {
		follower->counters_error[0] = '\0';
	} else if (strcmp(follower->counters_error, err.text) != 0) {
		memcpy(follower->counters_error, err.text, sizeof(follower->counters_error));
		bg_log(BG_LOG_WARNING,
		       "the map counters is not up to date, will be tried again; status is",
		       "error=%s", bg_quote(err.text));
	}
}

/* Of a link or a filter that is taken away nobody is told: it is looked for. */
static void check_programs(struct follower *follower)
{
	if (bg_ifaces_lost(follower->daemon->ifaces))
		bg_loop_sooner(&follower->loop, TIMER_SYNC, bg_monotonic_ms());
}

static void on_round(void *context)
{
	struct follower *follower = context;
	double now_ms = bg_monotonic_ms();

	bg_loop_at(&follower->loop, TIMER_ROUND, now_ms + ROUND_MS);
	bg_loop_sooner(&follower->loop, TIMER_SYNC, now_ms);
	/* finds a change that inotify does not report; what is tried again anyway has its time */
	if (!follower->retry_ms)
		bg_loop_sooner(&follower->loop, TIMER_FEED, now_ms);
	bg_pods_ask(follower->daemon->datapath, follower->daemon->netdevs, &follower->asked);
	bg_log_writer_look();
}

static void on_pins(void *context)
{
	struct follower *follower = context;

	check_programs(follower);
	if (bg_reload_publishes(follower->daemon)) {
		bg_loop_at(&follower->loop, TIMER_PINS, bg_monotonic_ms() + PINS_LATER_MS);
	} else {
		bg_loop_at(&follower->loop, TIMER_PINS, bg_monotonic_ms() + PINS_MS);
		bg_put_back_pins(follower->daemon, &follower->put_back);
		bg_datapath_settle(follower->daemon->datapath);
		if (!bg_reload_makes(follower->daemon))
			bg_datapath_sweep(follower->daemon->datapath);
		bg_upgrade_finish(follower->daemon);
	}
	bg_history_beat(follower->daemon);
}

static void on_retry(void *context)
{
	struct follower *follower = context;

	follower->reread = true;
	bg_loop_sooner(&follower->loop, TIMER_FEED, bg_monotonic_ms());
}

static void on_file(void *context)
{
	struct follower *follower = context;
	double due_ms, now_ms = bg_monotonic_ms();

	if (!bg_file_watch_read(follower->daemon->watch_fd))
		return;
	if (!follower->changing_ms)
		follower->changing_ms = now_ms;
	due_ms = now_ms + SETTLE_MS;
	if (due_ms > follower->changing_ms + SETTLE_MOST_MS)
		due_ms = follower->changing_ms + SETTLE_MOST_MS;
	/* what cannot be read now is not tried with every event */
	if (follower->retry_ms && due_ms < follower->tried_ms + FIRST_RETRY_MS)
		due_ms = follower->tried_ms + FIRST_RETRY_MS;
	bg_loop_at(&follower->loop, TIMER_FEED, due_ms);
}

static void on_socket(void *context)
{
	struct follower *follower = context;

	bg_answers_serve(follower->answers);
}

static void on_answers(void *context)
{
	struct follower *follower = context;

	bg_loop_at(&follower->loop, TIMER_ANSWERS, bg_monotonic_ms() + ANSWERS_MS);
	bg_answers_tick(follower->answers);
}

static void after_step(void *context, const char *step, double ms)
{
	struct follower *follower = context;

	bg_busy_note(&follower->busy, step, ms);
}

static void set_timers(struct follower *follower)
{
	static const struct bg_loop_step steps[] = {
		[TIMER_ROUND] = { "round", on_round },
		[TIMER_PINS] = { "pins", on_pins },
		[TIMER_NETDEVS] = { "interface-list", on_netdevs },
		[TIMER_RETRY] = { "feed-retry", on_retry },
		[TIMER_FEED] = { "feed", read_feed_now },
		[TIMER_SYNC] = { "interfaces", sync_now },
		[TIMER_METRICS] = { "metrics", write_metrics },
		[TIMER_ANSWERS] = { "listeners", on_answers },
		[TIMER_COUNTERS] = { "counters", add_up_counters },
	};

	for (unsigned int i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		bg_loop_timer(&follower->loop, i, steps[i].name, steps[i].run);
	bg_loop_at(&follower->loop, TIMER_ROUND, bg_monotonic_ms() + ROUND_MS);
	bg_loop_at(&follower->loop, TIMER_PINS, bg_monotonic_ms() + PINS_MS);
	bg_loop_at(&follower->loop, TIMER_ANSWERS, bg_monotonic_ms() + ANSWERS_MS);
	bg_loop_at(&follower->loop, TIMER_COUNTERS, bg_monotonic_ms() + COUNTERS_MS);
	plan_retry(follower, follower->daemon->refused);
	if (follower->daemon->options.metrics_file)
		write_metrics(follower);
}

int bg_daemon_follow(struct bg_daemon *daemon, int signal_fd, struct bg_error *err)
{
	struct follower follower = {
		.daemon = daemon,
		.signal_fd = signal_fd,
		.put_back.policy_ns = bg_boottime_ns(),
	};
	struct bg_loop *loop = &follower.loop;
	double end_ms;
	int rc;

	rc = bg_loop_open(loop, &follower, err);
	if (rc)
		return rc;
	loop->took = after_step;
	rc = bg_loop_watch(loop, signal_fd, "signal", on_signal, err) ?:
	     bg_loop_watch(loop, bg_netdevs_fd(daemon->netdevs), "interface-events", on_netdevs,
			   err) ?:
	     bg_loop_watch(loop, daemon->reload.work.done_fd, "revision", on_reload, err);
	/* without it, each round finds what has changed */
	if (!rc && daemon->watch_fd >= 0)
		rc = bg_loop_watch(loop, daemon->watch_fd, "feed-events", on_file, err);
	if (!rc && daemon->options.metrics_file)
		rc = bg_loop_watch(loop, daemon->metrics.work.done_fd, "metrics", on_metrics, err);
	if (!rc)
		rc = bg_loop_watch(loop, daemon->state_out.work.done_fd, "state", on_state, err);
	if (!rc) {
		follower.answers = bg_answers_new(daemon, loop, on_socket);
		if (!follower.answers)
			rc = bg_no_memory(err, "starting");
	}
	if (!rc) {
		set_timers(&follower);
		rc = bg_loop_run(loop, err);
	}
	bg_answers_free(follower.answers);
	bg_loop_close(loop);
	end_ms = bg_monotonic_ms() + LAST_FILES_MS;
	bg_reload_end(daemon, LAST_PUBLISH_MS);
	bg_state_out_put(daemon);
	/* the file outlives us, and must not say that we run */
	if (!rc)
		bg_metrics_out_last(&daemon->metrics, end_ms);
	bg_state_out_last(daemon, end_ms);
	return rc;
}
