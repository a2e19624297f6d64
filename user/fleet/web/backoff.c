// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Waiting times that grow and differ from node to node. Who follows a server calls it; it
 * waits for nothing itself.
 */
#include "fleet/web/backoff.h"

#include <limits.h>
#include <stdlib.h>

#define ASKED_MOST_MS (10 * 60 * 1000.0)
#define DOUBLINGS 20

double bg_jittered_ms(double ms)
{
	return ms / 2 + ms / 2 * (arc4random() / (double)UINT_MAX);
}

double bg_backoff_ms(struct bg_backoff *backoff, double asked_ms)
{
	double ms = backoff->first_ms;

	for (unsigned int i = 0; i < backoff->failures && i < DOUBLINGS && ms < backoff->most_ms;
	     i++)
		ms *= 2;
	if (backoff->failures < UINT_MAX)
		backoff->failures++;
	ms = bg_jittered_ms(ms < backoff->most_ms ? ms : backoff->most_ms);
	if (!(asked_ms > ms)) /* nor what is no number */
		return ms;
	return asked_ms < ASKED_MOST_MS ? asked_ms : ASKED_MOST_MS;
}
