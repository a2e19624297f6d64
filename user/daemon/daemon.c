// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The daemon from its lock to its end. `run` calls it; start.c starts it, follow.c has what
 * it does from then on. It never takes anything out of force when it ends: that is
 * unload's.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/caps.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/libbpf_log.h"
#include "base/log.h"
#include "daemon/calls.h"
#include "daemon/claiming.h"
#include "daemon/running.h"
#include "daemon/upgrade.h"
#include "pinned/home.h"
#include "pinned/pin.h"

/* With --once nobody else writes what is not written then. */
#define ONCE_MS 10000

static void close_daemon(struct bg_daemon *const *closed)
{
	struct bg_daemon *daemon = *closed;

	bg_metrics_out_close(&daemon->metrics);
	bg_state_out_close(daemon);
	/* what waits for a file is waited for no longer */
	bg_child_kill(&daemon->feed_file.child);
	/* what a thread still works with ends with the process, as the lock does */
	if (bg_reload_is_busy(daemon) || daemon->state_out.work.busy)
		return;
	bg_reload_close(daemon);
	bg_ifaces_free(daemon->ifaces);
	bg_modes_free(daemon->modes);
	bg_netdevs_close(daemon->netdevs);
	bg_files_end(&daemon->feed_file);
	if (daemon->watch_fd >= 0)
		close(daemon->watch_fd);
	bg_datapath_close(daemon->datapath);
	bg_model_free(daemon->before);
	bg_holding_free(&daemon->holding);
	bg_model_free(daemon->document);
	bg_model_free(daemon->model);
	bg_state_free(daemon->state);
	/* last: from here on another daemon may start */
	if (daemon->claim_fd >= 0)
		close(daemon->claim_fd);
	if (daemon->lock_fd >= 0)
		close(daemon->lock_fd);
}

/*
 * Signals are blocked from the start, so that none ends the daemon during a step. *end_fd
 * tells of those that end it, for who works long: others may come without end.
 */
static int take_signals(int *signal_fd, int *end_fd, struct bg_error *err)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	*end_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	*signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return *end_fd < 0 || *signal_fd < 0 ? bg_fail(err, -errno, "signalfd: %s", strerror(errno))
					     : 0;
}

int bg_daemon_run(const struct bg_daemon_options *options, struct bg_error *err)
{
	/* static: a thread may have to do with it until the process is gone */
	static struct bg_daemon daemon;
	bg_cleanup(close_daemon) struct bg_daemon *closed = &daemon;
	bg_auto_close int signal_fd = -1, end_fd = -1;
	int rc;

	daemon = (struct bg_daemon){
		.options = *options,
		.lock_fd = -1,
		.claim_fd = -1,
		.watch_fd = -1,
		.group = BG_NO_GROUP,
		.reload = { .work.done_fd = -1, .compiled.image_fd = -1 },
		.metrics = { .work.done_fd = -1, .text_fd = -1 },
		.state_out = { .work.done_fd = -1, .socket.fd = -1 },
	};
	rc = bg_caps_need(BG_CAPS_OF_DAEMON, "loading and attaching BPF programs", err);
	if (rc)
		return rc;
	daemon.options.datapath.pin_dir = options->pin_dir;
	umask(077);
	bg_libbpf_log();
	/* a log that nobody reads any more, or that may not grow, is no reason to end */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	rc = take_signals(&signal_fd, &end_fd, err);
	if (rc)
		return rc;
	rc = bg_pin_lock(options->pin_dir, true, &daemon.lock_fd, err);
	if (rc)
		return rc;
	rc = bg_home_check(options->pin_dir, err) ?: bg_daemon_claim(end_fd, &daemon.claim_fd, err);
	if (!rc && options->group)
		rc = bg_share_group(options->group, &daemon.group, err);
	/* what an earlier build left may have to be opened by its id: until it is adopted */
	if (!rc)
		rc = bg_share_pins(options->pin_dir, daemon.group, err) ?:
		     bg_caps_keep(BG_CAPS_OF_DAEMON, BG_CAP(CAP_SYS_ADMIN), err) ?:
		     bg_daemon_limit_calls(err) ?:
		     bg_daemon_prepare(&daemon, err);
	/* with --once, what was begun is done */
	if (!rc && !options->once)
		bg_ifaces_interrupt_by(daemon.ifaces, end_fd);
	if (!rc)
		rc = bg_daemon_start(&daemon, end_fd, err);
	while (rc == BG_START_LATER) {
		if (bg_upgrade_wait(&daemon, signal_fd))
			return 0;
		rc = bg_daemon_start(&daemon, end_fd, err);
	}
	if (rc)
		bg_pin_prune(options->pin_dir);
	if (rc == -EINTR && !options->once) {
		bg_log(BG_LOG_INFO, "stopping, before anything was done", NULL);
		return 0;
	}
	if (rc)
		return rc;
	if (!options->once) {
		bg_log(BG_LOG_INFO, "ready", "feed=%s", bg_quote(options->feed));
		rc = bg_daemon_follow(&daemon, signal_fd, err);
	}
	if (options->once)
		bg_state_out_last(&daemon, bg_monotonic_ms() + ONCE_MS);
	if (!rc)
		bg_history_end(&daemon);
	return rc;
}
