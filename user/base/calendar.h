/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The calendar's time of many moments: the clocks are read once for all of them. */
#ifndef BG_BASE_CALENDAR_H
#define BG_BASE_CALENDAR_H

#include <linux/types.h>

struct bg_calendar {
	__s64 offset_ns; /* from CLOCK_MONOTONIC to the calendar */
	__s64 day;	 /* since 1970, whose date this is: */
	char date[16];
};

void bg_calendar_open(struct bg_calendar *calendar);

/* As bg_format_monotonic() writes it; `text` holds BG_CALENDAR_TEXT bytes. */
#define BG_CALENDAR_TEXT 32
const char *bg_calendar_format(struct bg_calendar *calendar, __u64 monotonic_ns, char *text);

#endif
