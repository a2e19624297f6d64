// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Times for lists of flows, where the library's functions for each would take longer than
 * all the rest. show/ calls it.
 */
#include "base/calendar.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"

#define DAY_S 86400

void bg_calendar_open(struct bg_calendar *calendar)
{
	*calendar = (struct bg_calendar){ .day = -1 };
	calendar->offset_ns = (__s64)bg_realtime_ns() - (__s64)bg_monotonic_ns();
}

static void set_day(struct bg_calendar *calendar, __s64 day)
{
	time_t s = day * DAY_S;
	struct tm utc;

	gmtime_r(&s, &utc);
	strftime(calendar->date, sizeof(calendar->date), "%Y-%m-%dT", &utc);
	calendar->day = day;
}

static char *put_two(char *to, int value, char behind)
{
	to[0] = (char)('0' + value / 10);
	to[1] = (char)('0' + value % 10);
	to[2] = behind;
	return to + 3;
}

const char *bg_calendar_format(struct bg_calendar *calendar, __u64 monotonic_ns, char *text)
{
	__s64 ns = (__s64)monotonic_ns + calendar->offset_ns, s;
	char *to = text;
	int rest, ms;

	/* before 1970 is no time of ours */
	if (ns < 0)
		ns = 0;
	s = ns / (__s64)BG_NS_PER_S;
	ms = (int)(ns % (__s64)BG_NS_PER_S / (__s64)BG_NS_PER_MS);
	rest = (int)(s % DAY_S);
	if (s / DAY_S != calendar->day)
		set_day(calendar, s / DAY_S);
	to = stpcpy(to, calendar->date);
	to = put_two(to, rest / 3600, ':');
	to = put_two(to, rest / 60 % 60, ':');
	to = put_two(to, rest % 60, '.');
	*to++ = (char)('0' + ms / 100);
	to = put_two(to, ms % 100, 'Z');
	*to = '\0';
	return text;
}
