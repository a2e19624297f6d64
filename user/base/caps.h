/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Capabilities of this process: what it lacks, in words, and giving up the others. A set
 * is the BG_CAP() of each, as in /proc/PID/status.
 */
#ifndef BG_BASE_CAPS_H
#define BG_BASE_CAPS_H

#include <linux/capability.h>
#include <linux/types.h>

#include "base/error.h"

#define BG_CAP(number) (1ULL << (number))

/* What loading programs, attaching them and reading kernel memory by them takes. */
#define BG_CAPS_OF_DAEMON (BG_CAP(CAP_BPF) | BG_CAP(CAP_NET_ADMIN) | BG_CAP(CAP_PERFMON))

__u64 bg_caps(void); /* in effect */

/* "CAP_BPF and CAP_PERFMON"; "" for none. */
#define BG_CAPS_TEXT 256
const char *bg_caps_names(__u64 set, char text[BG_CAPS_TEXT]);

/*
 * Why the kernel may say EPERM or EACCES to who needs these: which of them are missing,
 * that they are those of another user namespace, or else what is left. For the end of a
 * sentence; always says something.
 */
const char *bg_caps_why(__u64 needed, char text[BG_CAPS_TEXT]);

/* 0, or -EPERM and an error that begins with `doing` and names what is missing. */
int bg_caps_need(__u64 needed, const char *doing, struct bg_error *err);

/*
 * Gives up all capabilities but those of the set, in each of the five sets of a process,
 * and the way to get others by an exec: no_new_privs. Those of `for_now` stay in effect as
 * well, until the next call.
 */
int bg_caps_keep(__u64 set, __u64 for_now, struct bg_error *err);

#endif
