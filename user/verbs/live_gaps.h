/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whether what is in force is asked at all. */
#ifndef BG_VERBS_LIVE_GAPS_H
#define BG_VERBS_LIVE_GAPS_H

/* A line on stderr for each program that must be attached and is not. */
void bg_live_gaps_warn(const char *pin_dir);

#endif
