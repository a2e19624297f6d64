/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which events somebody wants, as options, as a request to the daemon, as a test. Pure. */
#ifndef BG_SHOW_EVENT_FILTER_H
#define BG_SHOW_EVENT_FILTER_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"
#include "maps.h"

struct bg_event_filter {
	__u64 reasons; /* 1 << reason; 0 = any */
	__u32 vlan;    /* 0 = any */
	bool drops_only, flows_only;
};

bool bg_event_wanted(const struct bg_event_filter *filter, const struct bg_event *event);

/* Adds names of reasons, joined by commas, that stood in `what`. -EINVAL: one is none. */
int bg_event_filter_reasons(struct bg_event_filter *filter, const char *what, const char *names,
			    struct bg_error *err);

/*
 * From a request; all keys may be missing:
 *	drops_only, flows_only	true or false
 *	reasons			names, joined by commas
 *	branch			its id, VLAN id or interface: *branch is set, for the caller
 */
int bg_event_filter_read(const json_t *request, struct bg_event_filter *filter, const char **branch,
			 struct bg_error *err);

#endif
