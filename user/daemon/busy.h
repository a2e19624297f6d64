/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is said when a step of the loop took long: interfaces and feeds waited for it. */
#ifndef BG_DAEMON_BUSY_H
#define BG_DAEMON_BUSY_H

struct bg_busy {
	double said_ms;	   /* when it was said last, CLOCK_MONOTONIC; 0 = never */
	double longest_ms; /* of the steps of which it was said then */
};

/* A step took so long. Logged if that is worth it, at most so often. */
void bg_busy_note(struct bg_busy *busy, const char *step, double took_ms);

#endif
