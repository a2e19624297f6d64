/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How verbs that stay are ended. */
#ifndef BG_FLEET_SIGNALS_H
#define BG_FLEET_SIGNALS_H

/* SIGTERM and SIGINT end the process at once, with status 0, wherever it is: for those who write
 * nothing that is not whole by a rename, or not there. */
void bg_end_by_signals(void);

#endif
