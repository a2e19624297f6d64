// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Puts back the policy and the pins that somebody took away. follow.c calls it once a second;
 * programs that are gone from an interface it looks for itself, and guard/ puts them back.
 */
#include "daemon/put_back.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/running.h"
#include "pinned/pin.h"

static int check_policy(struct bg_daemon *daemon, struct bg_put_back *put_back,
			struct bg_error *err)
{
	int rc = bg_datapath_policy_again(daemon->datapath, err);
	const __u64 now_ns = bg_boottime_ns();

	if (rc < 0)
		return rc;
	if (rc)
		bg_log(BG_LOG_WARNING,
		       "somebody took the policy out of its map, it is put back: what came "
		       "meanwhile was judged without it",
		       "revision=%u at_most_ms=%llu", daemon->datapath->revision,
		       (now_ns - put_back->policy_ns) / BG_NS_PER_MS);
	daemon->history.pulse.pins_put_back += rc;
	put_back->policy_ns = now_ns;
	return 0;
}

void bg_put_back_pins(struct bg_daemon *daemon, struct bg_put_back *put_back)
{
	struct bg_error err = {};
	int moved = 0, made = 0, rc;

	rc = check_policy(daemon, put_back, &err);
	if (rc >= 0)
		moved = rc = bg_pin_lock_again(daemon->options.pin_dir, &daemon->lock_fd, &err);
	if (rc >= 0)
		rc = bg_share_pins(daemon->options.pin_dir, daemon->group, &err);
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
	if (rc < 0 && strcmp(put_back->error, err.text) != 0) {
		memcpy(put_back->error, err.text, sizeof(put_back->error));
		bg_log(BG_LOG_ERROR, "pinning again what somebody unpinned, will be tried again",
		       "error=%s", bg_quote(err.text));
	}
	if (rc < 0)
		return;
	put_back->error[0] = '\0';
	daemon->history.pulse.pins_put_back += made;
	if (made || moved)
		bg_log(BG_LOG_WARNING,
		       "somebody removed pins, put back: without them enforcement would have ended "
		       "with this daemon",
		       "pin_dir=%s pins=%d", bg_quote(daemon->options.pin_dir), made);
}
