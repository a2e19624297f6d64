// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Says when the loop was busy for long with one step. follow.c calls it after each; it
 * changes nothing of what is done.
 */
#include "daemon/busy.h"

#include "base/clock.h"
#include "base/log.h"

/* Longer than a step may take without anybody being told. */
#define LONG_MS 500
/* For who looks closely. */
#define NOTABLE_MS 10
/* The same again is said this often. */
#define PAUSE_MS 60000

void bg_busy_note(struct bg_busy *busy, const char *step, double took_ms)
{
	const double now_ms = bg_monotonic_ms();

	if (took_ms < NOTABLE_MS)
		return;
	if (took_ms < LONG_MS || (busy->said_ms && now_ms - busy->said_ms < PAUSE_MS &&
				  took_ms < 2 * busy->longest_ms)) {
		bg_log(BG_LOG_DEBUG, "a step of the loop", "step=%s ms=%.0f", step, took_ms);
		return;
	}
	busy->said_ms = now_ms;
	busy->longest_ms = took_ms;
	bg_log(BG_LOG_INFO, "the loop was busy for long: all else waited meanwhile",
	       "step=%s ms=%.0f", step, took_ms);
}
