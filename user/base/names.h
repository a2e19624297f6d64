/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The names, in text and JSON, of what is a number in headers/. Pure. */
#ifndef BG_BASE_NAMES_H
#define BG_BASE_NAMES_H

#include "maps.h"

/* "no-rule"; NULL: no reason has this number. */
const char *bg_reason_name(unsigned int reason);

/* "no rule of the branch's groups allows it"; "": no reason has this number. */
const char *bg_reason_meaning(unsigned int reason);

/* The number, or -1. */
int bg_reason_find(const char *name);

const char *bg_direction_name(unsigned int direction); /* "ingress", "egress" */
const char *bg_mode_name(unsigned int mode);	       /* "strict", "standard" */

/* "tcp", "udp", "icmp", "icmpv6", "all" (-1), or the number, in `text`, which
 * holds BG_PROTOCOL_TEXT bytes; returns `text`. */
#define BG_PROTOCOL_TEXT 16
const char *bg_protocol_format(int protocol, char *text);

/* Of one of these names or a number from 0 to 255: the protocol, -1 for "all"; -2: it is
 * neither. */
int bg_protocol_parse(const char *text);

#endif
