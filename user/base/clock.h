/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The clocks: the two that the datapath knows, and that of the calendar. */
#ifndef BG_BASE_CLOCK_H
#define BG_BASE_CLOCK_H

#include <linux/types.h>

#define BG_NS_PER_S 1000000000ull
#define BG_NS_PER_MS 1000000ull

/* CLOCK_MONOTONIC, as flows and events have it. */
__u64 bg_monotonic_ns(void);

/* CLOCK_BOOTTIME, as branches and control have it. */
__u64 bg_boottime_ns(void);

/* CLOCK_REALTIME, for people. */
__u64 bg_realtime_ns(void);

/* CLOCK_MONOTONIC, for what is due when and how long something took. */
double bg_monotonic_ms(void);

#endif
