/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The gate before the pins: looks, and waits. */
#ifndef BG_CNI_GATE_LOOK_H
#define BG_CNI_GATE_LOOK_H

#include <stdbool.h>

#include "base/error.h"
#include "cni/prev_result.h"

enum bg_gate_state {
	BG_GATE_ARMED,
	BG_GATE_NOT_ARMED, /* not yet */
	BG_GATE_NO_PINS,   /* nothing is loaded */
	BG_GATE_UNSEEN,	   /* it could not be looked at */
};

/* Each but ARMED with *why. */
enum bg_gate_state bg_gate_look(const char *pin_dir, const struct bg_prev_result *made,
				struct bg_error *why);

/* Looks again until it is armed, but no longer than that (0: looks once). */
enum bg_gate_state bg_gate_wait(const char *pin_dir, const struct bg_prev_result *made,
				int timeout_s, struct bg_error *why);

/* Is there something pinned, whatever it is? */
bool bg_gate_is_loaded(const char *pin_dir, struct bg_error *why);

#endif
