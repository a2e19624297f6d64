/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The two clocks that the datapath knows. */
#ifndef BG_CLOCK_H
#define BG_CLOCK_H

#include <linux/types.h>

/* CLOCK_MONOTONIC, as flows and events have it. */
__u64 bg_monotonic_ns(void);

/* CLOCK_BOOTTIME, as branches and control have it. */
__u64 bg_boottime_ns(void);

#endif
