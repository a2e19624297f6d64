/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How long to wait before something is tried again. */
#ifndef BG_WEB_BACKOFF_H
#define BG_WEB_BACKOFF_H

struct bg_backoff {
	double first_ms, most_ms;
	unsigned int failures; /* in a row; 0 when something went well */
};

/*
 * After one more failure: at random between half and all of first_ms, then of twice that, and so on
 * to most_ms, so that a fleet does not come back all at once. Not before `asked_ms`
 * (what the server wants; 0: nothing), but that counts for 10 minutes at most.
 */
double bg_backoff_ms(struct bg_backoff *backoff, double asked_ms);

/* At random between half and all of it. */
double bg_jittered_ms(double ms);

#endif
