// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * After a change of interfaces: what is in force first, if they make a difference to it, then
 * the guards. Called by the loop and the start; reload.c and guard/ do the work.
 */
#include "daemon/running.h"

int bg_daemon_sync(struct bg_daemon *daemon, struct bg_error *err)
{
	struct bg_error later = {};
	int again, rc;

	again = bg_reload_again(daemon, &later);
	/* then it is called once more when that is done */
	if (daemon->reload.stage == BG_RELOAD_COMPILES_AGAIN)
		return 0;
	/* whatever became of that: interfaces do not wait for it */
	rc = bg_daemon_sync_guards(daemon, err);
	if (again && rc >= 0) {
		*err = later;
		return again;
	}
	return rc;
}

int bg_daemon_sync_guards(struct bg_daemon *daemon, struct bg_error *err)
{
	return bg_ifaces_sync(daemon->ifaces, daemon->datapath, daemon->model, err);
}
