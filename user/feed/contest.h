/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who gets what more than one branch or pod of a document claims. */
#ifndef BG_FEED_CONTEST_H
#define BG_FEED_CONTEST_H

#include "feed/settle.h"

/* Fills in `left_out` and `lost` of a decision. 0 or -ENOMEM. */
int bg_settle_claims(const struct bg_settling *settling, struct bg_decision *decision);

#endif
