// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * From counters to likely causes, in words, for the text and the JSON of status. It reads
 * what status.c gathered and nothing else; what it says is advice, no verdict uses it.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "base/grow.h"
#include "base/names.h"
#include "show/out.h"
#include "show/status.h"

struct causes {
	struct bg_cause *list;
	size_t count;
	bool failed; /* out of memory */
};

static void __attribute__((format(printf, 3, 4))) add(struct causes *causes, const char *subject,
						      const char *format, ...)
{
	struct bg_cause *cause;
	va_list args;

	cause = BG_GROW(causes->list, causes->count);
	if (!cause) {
		causes->failed = true;
		return;
	}
	snprintf(cause->subject, sizeof(cause->subject), "%s", subject);
	va_start(args, format);
	vsnprintf(cause->text, sizeof(cause->text), format, args);
	va_end(args);
	bg_printable(cause->subject);
	bg_printable(cause->text);
}

/* Why packets are dropped for this reason, and what to do; NULL: its meaning says it. */
static const char *advice(enum bg_reason reason)
{
	switch (reason) {
	case BG_REASON_NO_POLICY:
		return "nothing passes until a feed is accepted: check it with `branchguard check "
		       "FEED`, and the daemon's log";
	case BG_REASON_NO_BRANCH:
		return "the feed in force has no branch for an interface that carries traffic: the "
		       "feed is behind, or its VlanId or Interface is wrong";
	case BG_REASON_NOT_ARMED:
		return "frames of a VLAN came before its branch was armed: usual for a moment when "
		       "a pod starts, else the feed lacks the branch or the daemon is not running";
	case BG_REASON_SPOOFED:
		return "the pod sends from an address that the feed does not list for this branch: "
		       "Pods[].Addresses is incomplete, or something in the pod forwards for others";
	case BG_REASON_NOT_OURS:
		return "packets arrive for an address that the feed does not list for this branch: "
		       "the pod was replaced and the feed is behind, or the fabric still knows the "
		       "old owner";
	case BG_REASON_FOREIGN_SOURCE:
		return "a masquerade rule of the node rewrites the source of this strict pod's "
		       "service flows: exempt the pod's address from it (iptables -t nat -S "
		       "POSTROUTING, nft list ruleset)";
	case BG_REASON_NO_NODE_RULE:
		return "the branch's groups allow it, but the node's groups (Node.GroupIds) do not: "
		       "a standard pod needs both";
	case BG_REASON_TABLE_FULL:
		return "new flows find only assured flows in their place: start the daemon with "
		       "more --max-flows, or lower TcpEstablishedTimeout";
	case BG_REASON_EXTENSION:
		return "IPv6 packets with headers that cannot be judged (ESP, unknown, or too many)";
	case BG_REASON_REVOKED:
		return "flows that an earlier revision admitted were cut: EstablishedFlows is "
		       "\"revalidate\" and no rule admits them now";
	case BG_REASON_INTERNAL:
		return "a map entry that must be there was missing: please report this with the "
		       "output of `branchguard status --json`";
	default:
		return NULL;
	}
}

static const char *where_dropped(__u64 ingress, __u64 egress)
{
	if (ingress && egress)
		return "in and out";
	return ingress ? "toward the pod" : "from the pod";
}

static void from_counters(struct causes *causes, const char *subject,
			  const struct bg_counters counters[BG_DIRECTIONS])
{
	for (unsigned int reason = BG_REASON_FIRST_DROP; reason < BG_REASON_MAX; reason++) {
		const __u64 in = counters[BG_INGRESS].packets[reason];
		const __u64 out = counters[BG_EGRESS].packets[reason];
		const char *text = advice(reason);
		char count[BG_FORMAT_TEXT];

		if (!text || !(in + out))
			continue;
		add(causes, subject, "%s (%s %s): %s", bg_reason_name(reason),
		    bg_format_counted(in + out, "packet", count), where_dropped(in, out), text);
	}
}

/* The worst there is, so it comes first. */
static void from_gaps(struct causes *causes, const struct bg_status *status)
{
	for (size_t i = 0; i < status->gap_count; i++)
		add(causes, status->gaps[i].interface,
		    "%s is not attached: what passes there is NOT judged; %s",
		    status->gaps[i].program,
		    status->daemon_runs ? "the daemon puts it back within seconds"
					: "the daemon, which would put it back, is not running");
}

static void from_branch(struct causes *causes, const struct bg_status *status,
			const struct bg_branch_status *branch)
{
	const struct bg_branch_info *info = &branch->row.info;

	if (!info->armed_ns && branch->ifindex_now)
		add(causes, info->id, "%s exists, but is not armed: %s", info->interface,
		    status->daemon_runs ? "the daemon's log says why"
					: "the daemon, which would do that, is not running");
	else if (info->ifindex && branch->ifindex_now && info->ifindex != branch->ifindex_now)
		add(causes, info->id, "%s was armed as ifindex %u and is now %u: %s",
		    info->interface, info->ifindex, branch->ifindex_now,
		    status->daemon_runs ? "the daemon is about to arm it again"
					: "the daemon, which would arm it again, is not running");
	if (!info->groups[0])
		add(causes, info->id,
		    "has no groups: nothing but platform traffic is allowed (GroupIds, "
		    "DefaultGroupIds)");
	from_counters(causes, info->id, branch->counters);
}

/* What is wrong with interfaces, as the daemon wrote it into the state file. */
static void from_state(struct causes *causes, const struct bg_status *status)
{
	const json_t *list = bg_status_interfaces(status);

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *problem = json_array_get(list, i);
		const char *interface = json_string_value(json_object_get(problem, "Interface"));
		const char *text = json_string_value(json_object_get(problem, "Text"));

		if (interface && text)
			add(causes, interface, "%s", text);
	}
}

static void nearly_full(struct causes *causes, const char *what, size_t used, size_t capacity,
			const char *cure)
{
	if (capacity && used >= capacity - capacity / 10)
		add(causes, "node", "%s: %zu of %zu are used: %s", what, used, capacity, cure);
}

int bg_status_causes(const struct bg_status *status, struct bg_cause **list, size_t *count)
{
	struct causes causes = {};
	char text[BG_FORMAT_TEXT];

	from_gaps(&causes, status);
	if (!status->control.revision)
		add(&causes, "node",
		    "no revision is in force: every packet of a branch is dropped "
		    "until a feed is accepted");
	if (!status->daemon_runs)
		add(&causes, "node",
		    "the daemon is not running: what is in force stays in force, but changes of "
		    "the feed and of interfaces are not followed");
	from_state(&causes, status);
	for (size_t i = 0; i < status->branch_count; i++)
		from_branch(&causes, status, &status->branches[i]);
	from_counters(&causes, "node", status->node);
	nearly_full(&causes, "flow table", bg_flows_live(status->flows), status->flow_capacity,
		    "start the daemon with more --max-flows, before new flows find no place");
	nearly_full(&causes, "fragments", status->fragments, status->fragment_capacity,
		    "later fragments of the oldest datagrams are dropped");
	if (status->control.flows_evicted)
		add(&causes, "node",
		    "%s gave way to newer ones in a full place of the flow table: a flood of "
		    "connections that nobody answers, or --max-flows is too small",
		    bg_format_counted(status->control.flows_evicted, "half-open flow", text));
	if (causes.failed) {
		free(causes.list);
		return -ENOMEM;
	}
	*list = causes.list;
	*count = causes.count;
	return 0;
}
