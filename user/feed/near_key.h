/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Keys that are probably misspelled. Pure. */
#ifndef BG_FEED_NEAR_KEY_H
#define BG_FEED_NEAR_KEY_H

#include <stdbool.h>

#include "feed/json.h"

/*
 * Is the key one edit away from ours (a letter more, less or another, two neighbours
 * exchanged), or the same but for the case of its letters? Keys of three letters and
 * less are too like each other: of these only the case may differ.
 */
bool bg_key_is_near(struct bg_text key, const char *ours);

#endif
