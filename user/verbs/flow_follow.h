/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `flows --follow`: the flows that begin and end. */
#ifndef BG_VERBS_FLOW_FOLLOW_H
#define BG_VERBS_FLOW_FOLLOW_H

#include "verbs/flow_list.h"

/* Until SIGINT or SIGTERM. */
int bg_flow_follow(const struct bg_maps *maps, const struct bg_flow_query *query,
		   struct bg_error *err);

#endif
