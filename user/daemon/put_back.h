/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What somebody takes away while the daemon runs: the policy out of its map, and pins. */
#ifndef BG_DAEMON_PUT_BACK_H
#define BG_DAEMON_PUT_BACK_H

#include <linux/types.h>

#include "base/error.h"

struct bg_daemon;

struct bg_put_back {
	__u64 policy_ns; /* when the map `policy` was last as it should be */
	/* what was logged last, so that it is not logged with every try */
	char error[sizeof(((struct bg_error *)0)->text)];
};

/* What is attached lives on by us while its pins are gone, and would end with us. */
void bg_put_back_pins(struct bg_daemon *daemon, struct bg_put_back *put_back);

#endif
