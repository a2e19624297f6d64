// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a start takes where a build of another ABI was at work, older or newer. start.c
 * calls it in this order: the new maps take the place of the old ones once a revision
 * is in force in them, then the programs are replaced (take_over()), and what is left of
 * the other build goes when none of its programs runs any more.
 */
#include "daemon/upgrade.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/log.h"

/* The feed is read this often until there is one that can be put in force. */
#define LOOK_AGAIN_MS 3000

int bg_upgrade_place_maps(struct bg_daemon *daemon, struct bg_error *err)
{
	struct bg_datapath *datapath = daemon->datapath;
	__u32 abi = datapath->from_abi;
	int rc;

	if (!datapath->from)
		return 0;
	rc = bg_datapath_pin(datapath, err);
	if (rc < 0)
		return rc;
	bg_log(BG_LOG_INFO,
	       abi < BG_ABI ? "replacing an older build: its maps were carried over"
			    : "replacing a newer build: what this one knows was carried over",
	       "abi=%u was=%u revision=%u%s%s flows_without_place=%lu", BG_ABI, abi,
	       datapath->revision, datapath->dropped[0] ? " empty=" : "", datapath->dropped,
	       datapath->flows_lost);
	return 0;
}

void bg_upgrade_finish(struct bg_daemon *daemon)
{
	struct bg_error err = {};

	if (daemon->upgraded || bg_ifaces_outdated(daemon->ifaces) ||
	    bg_ifaces_drop_strays(daemon->ifaces))
		return;
	daemon->upgraded = true;
	if (bg_datapath_finish(daemon->datapath, &err))
		bg_log(BG_LOG_WARNING, "ending the upgrade", "error=%s", bg_quote(err.text));
}

bool bg_upgrade_needs_feed(const struct bg_daemon *daemon)
{
	return daemon->datapath->from && daemon->datapath->without_policy && !daemon->model;
}

void bg_upgrade_put_off(struct bg_daemon *daemon)
{
	daemon->put_off = true;
	bg_log(BG_LOG_ERROR,
	       "the programs and the policy of the other build stay in force, and no new interface "
	       "is armed, until there is a feed that can be put in force",
	       "abi=%u theirs=%u pin_dir=%s", BG_ABI, daemon->datapath->from_abi,
	       bg_quote(daemon->options.pin_dir));
	bg_datapath_close(daemon->datapath);
	daemon->datapath = NULL;
}

int bg_upgrade_wait(const struct bg_daemon *daemon, int signal_fd)
{
	struct pollfd signals = { .fd = signal_fd, .events = POLLIN };
	struct signalfd_siginfo info;

	poll(&signals, 1, LOOK_AGAIN_MS);
	while (read(signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			continue;
		bg_log(BG_LOG_INFO, "stopping; what the other build pinned stays in force",
		       "pin_dir=%s", bg_quote(daemon->options.pin_dir));
		return 1;
	}
	return 0;
}
