/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who needs no TLS. Pure. */
#ifndef BG_WEB_LOOPBACK_H
#define BG_WEB_LOOPBACK_H

#include <stdbool.h>

/* Is this host (with a port or a path behind it, or nothing) this machine, by a name or address that
 * always is? Nobody between can read or change what comes from there. */
bool bg_web_is_loopback(const char *host);

#endif
