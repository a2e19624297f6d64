// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Branches and rules for the events that daemon/listeners.c and `monitor` show. Branches
 * are read again for a revision or a VLAN that is new, but not for each event.
 */
#include "show/event_names.h"

#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/names.h"

#define REREAD_NS BG_NS_PER_S

static int read_branches(struct bg_event_namer *namer, struct bg_error *err)
{
	struct bg_branch_row *branches = NULL;
	size_t count = 0;
	int rc = bg_maps_branches(namer->maps, &branches, &count, err);

	if (rc)
		return rc;
	free(namer->branches);
	namer->branches = branches;
	namer->branch_count = count;
	namer->read_ns = bg_monotonic_ns();
	return 0;
}

int bg_event_namer_open(const struct bg_maps *maps, struct bg_event_namer *namer,
			struct bg_error *err)
{
	int rc;

	*namer = (struct bg_event_namer){ .maps = maps, .rules_fd = -1 };
	rc = read_branches(namer, err);
	if (rc)
		return rc;
	namer->rules_fd = bg_maps_fd(maps, "rules", sizeof(struct bg_rule), false, err);
	if (namer->rules_fd >= 0)
		return 0;
	rc = namer->rules_fd;
	bg_event_namer_close(namer);
	return rc;
}

void bg_event_namer_close(struct bg_event_namer *namer)
{
	free(namer->branches);
	if (namer->rules_fd >= 0)
		close(namer->rules_fd);
	*namer = (struct bg_event_namer){ .rules_fd = -1 };
}

static int find_branch(struct bg_event_namer *namer, const struct bg_event *event,
		       const struct bg_branch_row **branch, struct bg_error *err)
{
	*branch = bg_branch_of_vlan(namer->branches, namer->branch_count, event->vlan);
	if ((*branch || !event->vlan) && namer->revision == event->revision)
		return 0;
	if (bg_monotonic_ns() - namer->read_ns > REREAD_NS) {
		int rc = read_branches(namer, err);

		if (rc)
			return rc;
		namer->revision = event->revision;
		*branch = bg_branch_of_vlan(namer->branches, namer->branch_count, event->vlan);
	}
	return 0;
}

static void find_rule(struct bg_event_namer *namer, const struct bg_event *event,
		      struct bg_event_names *names)
{
	struct bg_rule *rule = &namer->rule;

	if (!event->rule || bpf_map_lookup_elem(namer->rules_fd, &event->rule, rule))
		return;
	rule->group[sizeof(rule->group) - 1] = '\0';
	rule->rule_id[sizeof(rule->rule_id) - 1] = '\0';
	rule->peer[sizeof(rule->peer) - 1] = '\0';
	if (!rule->group[0])
		return;
	names->group_id = rule->group;
	names->rule_id = rule->rule_id[0] ? rule->rule_id : NULL;
	names->rule_text = bg_format_rule(rule, namer->rule_text);
}

int bg_event_name(struct bg_event_namer *namer, const struct bg_event *event,
		  struct bg_event_names *names, struct bg_error *err)
{
	const struct bg_branch_row *branch;
	int rc = find_branch(namer, event, &branch, err);

	if (rc)
		return rc;
	*names = (struct bg_event_names){
		.time = bg_format_monotonic(event->time_ns, namer->time),
		.reason = bg_reason_name(event->reason),
		.branch = branch ? branch->info.id : NULL,
		.groups = branch ? branch->info.groups : NULL,
	};
	if (!names->reason) {
		snprintf(namer->reason, sizeof(namer->reason), "reason-%d", (int)event->reason);
		names->reason = namer->reason;
	}
	find_rule(namer, event, names);
	return 0;
}
