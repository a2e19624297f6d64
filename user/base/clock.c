// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where user/ looks at a clock, and nowhere else: so it is plain which clock a time is
 * of. Never fails, never waits.
 */
#include "base/clock.h"

#include <time.h>

static __u64 clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (__u64)now.tv_sec * BG_NS_PER_S + (__u64)now.tv_nsec;
}

__u64 bg_monotonic_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

__u64 bg_boottime_ns(void)
{
	return clock_ns(CLOCK_BOOTTIME);
}

__u64 bg_realtime_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

double bg_monotonic_ms(void)
{
	return (double)bg_monotonic_ns() / BG_NS_PER_MS;
}
