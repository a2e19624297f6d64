// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Start, the event loop, and the end. `run` calls it; revision.c does what follows from a
 * feed or from interfaces that changed. It never takes anything out of force when it
 * ends: that is unload's.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/libbpf_log.h"
#include "base/log.h"
#include "branchguard.skel.h"
#include "daemon/running.h"
#include "guard/iface_maps.h"
#include "pinned/home.h"
#include "pinned/pin.h"
#include "show/metrics_file.h"

/* Feed and interfaces are looked at this often, even when the kernel reports no change. */
#define ROUND_MS 3000
/* A feed is read this long after the last sign that it is being changed. */
#define SETTLE_MS 50
#define METRICS_MS 15000
/* Filter and route messages that come within this time cause one look. */
#define BURST_MS 100
/* Programs and pins are looked after this often. */
#define PINS_MS 1000
/* Until the table of interfaces, of which changes were lost, is listed again. */
#define RETRY_MS 200
/* A feed that was refused for a passing reason is tried again after this long, then
 * after twice as long each time, up to the last. */
#define FIRST_RETRY_MS 1000
#define LAST_RETRY_MS 30000

struct loop {
	struct bg_daemon *daemon;
	int epoll_fd, signal_fd;
	double feed_due_ms, sync_due_ms; /* 0 = not due */
	double netdevs_due_ms;		 /* the table must be listed again; 0 = not */
	double retry_due_ms, retry_ms;	 /* a feed refused for a passing reason; 0 = none */
	double round_due_ms, pins_due_ms;
	double metrics_due_ms; /* 0 = never */
	bool reread;	       /* read the feed even if the file is the same */
	bool stopping;
	bool metrics_failed; /* and that was logged */
	/* what was logged last, so that it is not logged with every try */
	char sync_error[sizeof(((struct bg_error *)0)->text)];
	char netdevs_error[sizeof(((struct bg_error *)0)->text)];
	char pins_error[sizeof(((struct bg_error *)0)->text)];
};

static void close_daemon(struct bg_daemon *daemon)
{
	bg_ifaces_free(daemon->ifaces);
	bg_modes_free(daemon->modes);
	bg_netdevs_close(daemon->netdevs);
	bg_file_watch_close(daemon->file_watch);
	bg_datapath_close(daemon->datapath);
	bg_model_free(daemon->model);
	bg_state_free(daemon->state);
	/* last: from here on another daemon may start */
	if (daemon->lock_fd >= 0)
		close(daemon->lock_fd);
}

/* --- start ----------------------------------------------------------------- */

static int adopt_modes(struct bg_daemon *daemon)
{
	int fd = bpf_map__fd(daemon->datapath->skel->maps.branches);
	struct bg_branch_info info;
	__u32 key, *last = NULL;
	int rc;

	while (!(rc = bpf_map_get_next_key(fd, last, &key))) {
		last = &key;
		rc = bpf_map_lookup_elem(fd, &key, &info) ?: bg_modes_adopt(daemon->modes, &info);
		if (rc)
			return rc;
	}
	return rc == -ENOENT ? 0 : rc;
}

static int load(struct bg_daemon *daemon, struct bg_model *model, struct bg_error *err)
{
	struct bg_datapath_options options = daemon->options.datapath;
	double start_ms = bg_monotonic_ms();
	int rc;

	if (!options.image_blocks && model)
		options.image_blocks = bg_daemon_first_capacity(daemon, model);
	bg_pin_tidy(daemon->options.pin_dir);
	rc = bg_datapath_open(&options, &daemon->datapath, err);
	if (rc)
		return rc;
	if (daemon->datapath->dropped[0])
		bg_log(BG_LOG_WARNING,
		       "maps of the daemon before do not fit and start empty (rules and counters "
		       "are copied)",
		       "maps=%s", daemon->datapath->dropped);
	bg_log(BG_LOG_INFO,
	       daemon->datapath->adopted ? "loaded, taking over what is pinned" : "loaded",
	       "pin_dir=%s revision=%u flows=%u rules=%u branches=%u image_kib=%u load_ms=%.0f",
	       bg_quote(daemon->options.pin_dir), daemon->datapath->revision,
	       daemon->datapath->options.max_flows, daemon->datapath->options.max_rules,
	       daemon->datapath->options.max_branches, daemon->datapath->options.image_blocks,
	       bg_monotonic_ms() - start_ms);
	rc = bg_datapath_pin(daemon->datapath, err);
	return rc < 0 ? rc : 0;
}

/* XDP programs that no interface will get: they are not loaded. */
static void list_unused(enum bg_xdp_choice xdp, const char *names[BG_PROGRAMS + 1])
{
	size_t count = 0;

	if (xdp != BG_XDP_ON_BRANCH)
		names[count++] = bg_program_code(BG_XDP_BRANCH);
	if (xdp != BG_XDP_ON_TRUNK)
		names[count++] = bg_program_code(BG_XDP_TRUNK);
	names[count] = NULL;
}

static int prepare(struct bg_daemon *daemon, struct bg_error *err)
{
	struct bg_daemon_options *options = &daemon->options;
	struct bg_ifaces_options ifaces = { .pin_dir = options->pin_dir, .xdp = options->xdp };
	int rc;

	list_unused(options->xdp, daemon->unused_programs);
	options->datapath.without = daemon->unused_programs;
	rc = bg_attach_choose(options->attach, &ifaces.tcx, err);
	if (rc)
		return rc;
	/* subscribed before the feed is read, so no change is missed */
	if (!options->once) {
		rc = bg_file_watch_open(options->feed, &daemon->file_watch, err);
		if (rc)
			return rc;
		bg_file_watch_changed(daemon->file_watch);
	}
	rc = bg_netdevs_open(&daemon->netdevs, err);
	if (rc)
		return rc;
	daemon->ifaces = bg_ifaces_new(&ifaces, daemon->netdevs);
	daemon->modes = bg_modes_new();
	daemon->state = bg_state_new(options->pin_dir, options->feed);
	if (!daemon->ifaces || !daemon->modes || !daemon->state)
		return bg_no_memory(err, "starting");
	return 0;
}

/*
 * From here on everything is guarded by the programs of this build. Until then, those
 * that an earlier daemon left are at work, with its last revision.
 */
static int take_over(struct bg_daemon *daemon, struct bg_error *err)
{
	int rc;

	bg_ifaces_switch(daemon->ifaces, daemon->datapath);
	rc = bg_datapath_pin_programs(daemon->datapath, err);
	if (rc < 0)
		return rc;
	return bg_daemon_sync(daemon, err);
}

static void note_trouble(const char *interface, const char *text, void *context)
{
	bg_state_add_interface(context, interface, text);
}

static void write_state(struct bg_daemon *daemon)
{
	bg_state_clear_interfaces(daemon->state);
	bg_ifaces_troubles(daemon->ifaces, note_trouble, daemon->state);
	bg_state_write(daemon->state);
}

static int start(struct bg_daemon *daemon, struct bg_error *err)
{
	bg_cleanup(bg_parsed_free) struct bg_parsed parsed;
	int rc;

	/* with --once, a feed that is refused ends it */
	if (bg_daemon_parse(daemon, &parsed) && daemon->options.once) {
		*err = parsed.err;
		return parsed.rc;
	}
	rc = load(daemon, parsed.model, err);
	if (rc)
		return rc;
	if (daemon->datapath->adopted) {
		rc = adopt_modes(daemon);
		if (rc)
			return bg_fail(err, rc, "taking over the modes of the branches: %s",
				       strerror(-rc));
		rc = bg_ifaces_adopt(daemon->ifaces, daemon->datapath, err);
		if (rc)
			return rc;
	}
	rc = bg_daemon_accept(daemon, &parsed, err);
	write_state(daemon);
	if (rc && daemon->options.once) {
		/* nothing was attached: leave no trace */
		if (!daemon->datapath->adopted)
			bg_pin_clear(daemon->options.pin_dir);
		return rc;
	}
	/* without --once a refused feed is no error: the daemon waits for the next one */
	rc = take_over(daemon, err);
	write_state(daemon);
	if (rc > 0 && daemon->options.once)
		return bg_fail(err, -EIO, "%d interfaces are not guarded as they should be", rc);
	return rc < 0 ? rc : 0;
}

/* --- loop ------------------------------------------------------------------ */

static void on_neighbour(const struct bg_neighbour *neighbour, void *context)
{
	struct bg_daemon *daemon = context;

	bg_pods_neighbour(daemon->datapath, neighbour);
}

static void sooner(double *due_ms, double at_ms)
{
	if (!*due_ms || at_ms < *due_ms)
		*due_ms = at_ms;
}

static void on_netdevs(struct loop *loop)
{
	struct bg_netdevs *netdevs = loop->daemon->netdevs;
	struct bg_error err = {};
	unsigned int changed;

	loop->netdevs_due_ms = 0;
	if (!bg_netdevs_read(netdevs, on_neighbour, loop->daemon, &changed, &err)) {
		loop->netdevs_error[0] = '\0';
	} else if (strcmp(loop->netdevs_error, err.text) != 0) {
		memcpy(loop->netdevs_error, err.text, sizeof(loop->netdevs_error));
		bg_log(BG_LOG_ERROR,
		       "following the interfaces, will be tried again; what is armed stays armed",
		       "error=%s", bg_quote(err.text));
	}
	if (bg_netdevs_incomplete(netdevs))
		loop->netdevs_due_ms = bg_monotonic_ms() + RETRY_MS;
	if (changed & BG_NETDEVS_CHANGED)
		sooner(&loop->sync_due_ms, bg_monotonic_ms());
	else if (changed)
		sooner(&loop->sync_due_ms, bg_monotonic_ms() + BURST_MS);
}

static void on_signal(struct loop *loop)
{
	struct signalfd_siginfo info;

	while (read(loop->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP) {
			loop->reread = true;
			sooner(&loop->feed_due_ms, bg_monotonic_ms());
		} else {
			bg_log(BG_LOG_INFO,
			       "stopping; everything stays pinned and in force (`branchguard "
			       "unload` ends it)",
			       "signal=%s revision=%u", strsignal((int)info.ssi_signo),
			       loop->daemon->datapath->revision);
			loop->stopping = true;
		}
	}
}

static void sync_now(struct loop *loop)
{
	struct bg_error err = {};

	loop->sync_due_ms = 0;
	if (bg_daemon_sync(loop->daemon, &err) >= 0) {
		loop->sync_error[0] = '\0';
	} else if (strcmp(loop->sync_error, err.text) != 0) {
		memcpy(loop->sync_error, err.text, sizeof(loop->sync_error));
		bg_log(BG_LOG_ERROR, "guarding the interfaces, will be tried again", "error=%s",
		       bg_quote(err.text));
	}
	write_state(loop->daemon);
}

/* Why a feed was refused that is none of its own: the same one may be accepted later. */
static bool is_passing(int rc)
{
	return rc == -ENOMEM || rc == -EMFILE || rc == -ENFILE || rc == -EAGAIN || rc == -EBUSY ||
	       rc == -EINTR || rc == -ENOBUFS;
}

static void plan_retry(struct loop *loop, int rc)
{
	if (!is_passing(rc)) {
		loop->retry_ms = loop->retry_due_ms = 0;
		return;
	}
	loop->retry_ms = loop->retry_ms ? loop->retry_ms * 2 : FIRST_RETRY_MS;
	if (loop->retry_ms > LAST_RETRY_MS)
		loop->retry_ms = LAST_RETRY_MS;
	loop->retry_due_ms = bg_monotonic_ms() + loop->retry_ms;
}

static void read_feed_now(struct loop *loop)
{
	struct bg_error err = {};
	int rc;

	loop->feed_due_ms = 0;
	if (!bg_file_watch_changed(loop->daemon->file_watch) && !loop->reread)
		return;
	loop->reread = false;
	rc = bg_daemon_read_feed(loop->daemon, &err);
	plan_retry(loop, rc);
	if (!rc)
		sync_now(loop);
	write_state(loop->daemon);
}

static void write_metrics(struct loop *loop)
{
	const struct bg_daemon_options *options = &loop->daemon->options;
	struct bg_error err = {};
	int rc;

	loop->metrics_due_ms = bg_monotonic_ms() + METRICS_MS;
	rc = bg_metrics_write(options->pin_dir, options->metrics_file, &err);
	if (rc && !loop->metrics_failed)
		bg_log(BG_LOG_WARNING, "metrics not written, will be tried again", "error=%s",
		       bg_quote(err.text));
	loop->metrics_failed = rc != 0;
}

/* Of a link or a filter that is taken away nobody is told: it is looked for. */
static void check_programs(struct loop *loop)
{
	if (bg_ifaces_lost(loop->daemon->ifaces))
		sooner(&loop->sync_due_ms, bg_monotonic_ms());
}

/* Somebody may have removed pins: what is attached lives on by us, and would end with us. */
static void check_pins(struct loop *loop)
{
	struct bg_daemon *daemon = loop->daemon;
	struct bg_error err = {};
	int moved, made = 0, rc;

	loop->pins_due_ms = bg_monotonic_ms() + PINS_MS;
	moved = rc = bg_pin_lock_again(daemon->options.pin_dir, &daemon->lock_fd, &err);
	if (rc >= 0)
		made = rc = bg_datapath_pin(daemon->datapath, &err);
	if (rc >= 0) {
		rc = bg_datapath_pin_programs(daemon->datapath, &err);
		made += rc;
	}
	if (rc >= 0) {
		rc = bg_ifaces_pin_again(daemon->ifaces, &err);
		made += rc;
	}
	if (rc < 0 && strcmp(loop->pins_error, err.text) != 0) {
		memcpy(loop->pins_error, err.text, sizeof(loop->pins_error));
		bg_log(BG_LOG_ERROR, "pinning again what somebody unpinned, will be tried again",
		       "error=%s", bg_quote(err.text));
	}
	if (rc < 0)
		return;
	loop->pins_error[0] = '\0';
	if (made || moved)
		bg_log(BG_LOG_WARNING,
		       "somebody removed pins, put back: without them enforcement would have ended "
		       "with this daemon",
		       "pin_dir=%s pins=%d", bg_quote(daemon->options.pin_dir), made);
}

static void do_what_is_due(struct loop *loop)
{
	double now = bg_monotonic_ms();

	if (now >= loop->round_due_ms) {
		loop->round_due_ms = now + ROUND_MS;
		sooner(&loop->sync_due_ms, now);
		/* finds a change that inotify does not report */
		sooner(&loop->feed_due_ms, now);
	}
	if (now >= loop->pins_due_ms) {
		check_programs(loop);
		check_pins(loop);
	}
	if (loop->netdevs_due_ms && now >= loop->netdevs_due_ms)
		on_netdevs(loop);
	if (loop->retry_due_ms && now >= loop->retry_due_ms) {
		loop->reread = true;
		sooner(&loop->feed_due_ms, now);
	}
	if (loop->feed_due_ms && now >= loop->feed_due_ms)
		read_feed_now(loop);
	if (loop->sync_due_ms && now >= loop->sync_due_ms)
		sync_now(loop);
	if (loop->metrics_due_ms && now >= loop->metrics_due_ms)
		write_metrics(loop);
}

static int wait_ms(const struct loop *loop)
{
	double due = loop->round_due_ms, left;

	if (loop->pins_due_ms < due)
		due = loop->pins_due_ms;
	if (loop->netdevs_due_ms && loop->netdevs_due_ms < due)
		due = loop->netdevs_due_ms;
	if (loop->retry_due_ms && loop->retry_due_ms < due)
		due = loop->retry_due_ms;
	if (loop->feed_due_ms && loop->feed_due_ms < due)
		due = loop->feed_due_ms;
	if (loop->sync_due_ms && loop->sync_due_ms < due)
		due = loop->sync_due_ms;
	if (loop->metrics_due_ms && loop->metrics_due_ms < due)
		due = loop->metrics_due_ms;
	left = due - bg_monotonic_ms();
	return left > 0 ? (int)left + 1 : 0;
}

static int listen_to(struct loop *loop, int fd, struct bg_error *err)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event))
		return bg_fail(err, -errno, "epoll: %s", strerror(errno));
	return 0;
}

static int run_loop(struct bg_daemon *daemon, int signal_fd, struct bg_error *err)
{
	bg_auto_close int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	struct loop loop = { .daemon = daemon, .epoll_fd = epoll_fd, .signal_fd = signal_fd };
	int netdevs_fd = bg_netdevs_fd(daemon->netdevs);
	int feed_fd = bg_file_watch_fd(daemon->file_watch), rc;

	if (epoll_fd < 0)
		return bg_fail(err, -errno, "epoll: %s", strerror(errno));
	rc = listen_to(&loop, signal_fd, err) ?:
	     listen_to(&loop, netdevs_fd, err) ?:
	     listen_to(&loop, feed_fd, err);
	if (rc)
		return rc;
	loop.round_due_ms = bg_monotonic_ms() + ROUND_MS;
	loop.pins_due_ms = bg_monotonic_ms() + PINS_MS;
	plan_retry(&loop, daemon->refused);
	if (daemon->options.metrics_file)
		write_metrics(&loop);
	while (!loop.stopping) {
		struct epoll_event events[4];
		int count = epoll_wait(epoll_fd, events, 4, wait_ms(&loop));

		if (count < 0 && errno != EINTR)
			return bg_fail(err, -errno, "epoll: %s", strerror(errno));
		for (int i = 0; i < count; i++) {
			if (events[i].data.fd == signal_fd)
				on_signal(&loop);
			else if (events[i].data.fd == netdevs_fd)
				on_netdevs(&loop);
			else if (bg_file_watch_read(daemon->file_watch))
				loop.feed_due_ms = bg_monotonic_ms() + SETTLE_MS;
		}
		if (!loop.stopping)
			do_what_is_due(&loop);
	}
	return 0;
}

/* Signals are blocked from the start, so that none ends the daemon during a step. */
static int take_signals(int *signal_fd, struct bg_error *err)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	*signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return *signal_fd < 0 ? bg_fail(err, -errno, "signalfd: %s", strerror(errno)) : 0;
}

int bg_daemon_run(const struct bg_daemon_options *options, struct bg_error *err)
{
	bg_cleanup(close_daemon) struct bg_daemon daemon = { .options = *options, .lock_fd = -1 };
	bg_auto_close int signal_fd = -1;
	int rc;

	daemon.options.datapath.pin_dir = options->pin_dir;
	bg_libbpf_log();
	/* a log that nobody reads any more is no reason to end */
	signal(SIGPIPE, SIG_IGN);
	rc = take_signals(&signal_fd, err);
	if (rc)
		return rc;
	rc = bg_pin_lock(options->pin_dir, true, &daemon.lock_fd, err);
	if (rc)
		return rc;
	rc = bg_home_check(options->pin_dir, err);
	if (rc)
		return rc;
	rc = prepare(&daemon, err);
	if (!rc)
		rc = start(&daemon, err);
	if (rc)
		bg_pin_prune(options->pin_dir);
	if (rc || options->once)
		return rc;
	bg_log(BG_LOG_INFO, "ready", "feed=%s", bg_quote(options->feed));
	return run_loop(&daemon, signal_fd, err);
}
