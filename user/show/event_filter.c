// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The choice of events: daemon/listeners.c makes it for those who listen by its socket,
 * `monitor` when it reads the ring itself. It looks nothing up.
 */
#include "show/event_filter.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/names.h"

bool bg_event_wanted(const struct bg_event_filter *filter, const struct bg_event *event)
{
	if (filter->drops_only && event->type != BG_EVENT_DROP)
		return false;
	if (filter->flows_only && event->type != BG_EVENT_FLOW)
		return false;
	if (filter->vlan && filter->vlan != event->vlan)
		return false;
	return !filter->reasons ||
	       filter->reasons & (1ull << (event->reason & (BG_REASON_MAX - 1)));
}

int bg_event_filter_reasons(struct bg_event_filter *filter, const char *what, const char *names,
			    struct bg_error *err)
{
	char name[64];

	while (*names) {
		size_t length = strcspn(names, ",");
		int reason;

		snprintf(name, sizeof(name), "%.*s", (int)(length < 63 ? length : 63), names);
		reason = bg_reason_find(name);
		if (reason < 0)
			return bg_fail(err, -EINVAL,
				       "%s '%s': expected names of reasons, joined by commas, "
				       "such as no-rule,spoofed; `branchguard monitor --help` "
				       "lists them",
				       what, name);
		filter->reasons |= 1ull << reason;
		names += length;
		names += *names == ',';
	}
	return 0;
}

static int read_flag(const json_t *request, const char *key, bool *value, struct bg_error *err)
{
	const json_t *json = json_object_get(request, key);

	if (json && !json_is_boolean(json))
		return bg_fail(err, -EINVAL, "%s: expected true or false", key);
	*value = json_is_true(json);
	return 0;
}

static int read_text(const json_t *request, const char *key, const char **value,
		     struct bg_error *err)
{
	const json_t *json = json_object_get(request, key);

	if (json && !json_is_string(json))
		return bg_fail(err, -EINVAL, "%s: expected a string", key);
	*value = json_string_value(json);
	return 0;
}

int bg_event_filter_read(const json_t *request, struct bg_event_filter *filter, const char **branch,
			 struct bg_error *err)
{
	const char *reasons = NULL;
	int rc;

	*filter = (struct bg_event_filter){};
	*branch = NULL;
	rc = read_flag(request, "drops_only", &filter->drops_only, err) ?:
	     read_flag(request, "flows_only", &filter->flows_only, err) ?:
	     read_text(request, "reasons", &reasons, err) ?:
	     read_text(request, "branch", branch, err);
	if (!rc && reasons)
		rc = bg_event_filter_reasons(filter, "reasons", reasons, err);
	return rc;
}
