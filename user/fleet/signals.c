// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Ends `follow` and `publish` while they work, however long that may still take. It waits for
 * nothing and puts nothing in order.
 */
#include "fleet/signals.h"

#include <signal.h>
#include <unistd.h>

#include "verbs/cli.h"

static void end(int signal)
{
	(void)signal;
	_exit(BG_EXIT_DONE);
}

void bg_end_by_signals(void)
{
	const struct sigaction action = { .sa_handler = end };

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
}
