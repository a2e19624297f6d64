// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Brings the files of the state up to date, for start.c and follow.c; what a feed's acceptance
 * adds to it revision.c has noted before, and state_out.c has it written.
 */
#include "daemon/running.h"

static void note_trouble(const char *interface, const char *text, bool open, void *context)
{
	bg_state_add_interface(context, interface, text, open);
}

void bg_daemon_write_state(struct bg_daemon *daemon)
{
	bg_state_clear_interfaces(daemon->state);
	bg_ifaces_troubles(daemon->ifaces, note_trouble, daemon->state);
	bg_state_out_put(daemon);
}
