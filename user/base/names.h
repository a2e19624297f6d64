/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Names for people and JSON of what headers/ numbers. Pure. */
#ifndef BG_BASE_NAMES_H
#define BG_BASE_NAMES_H

#include "maps.h"

/* "no-rule"; NULL for a number that is none. */
const char *bg_reason_name(unsigned int reason);

/* "no rule of the branch's groups allows it"; "" for a number that is none. */
const char *bg_reason_meaning(unsigned int reason);

/* The number, or -1. */
int bg_reason_find(const char *name);

const char *bg_direction_name(unsigned int direction); /* "ingress", "egress" */
const char *bg_mode_name(unsigned int mode);	       /* "strict", "standard" */

/* "tcp", "udp", "icmp", "icmpv6", "all" (-1), or the number, in `text`, which
 * holds BG_PROTOCOL_TEXT bytes; returns `text`. */
#define BG_PROTOCOL_TEXT 16
const char *bg_protocol_format(int protocol, char *text);

/* A name of the above or a number from 0 to 255; -1 for "all"; -2: neither. */
int bg_protocol_parse(const char *text);

#endif
