// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * From counters to likely causes, in words, for the text and the JSON of status. It reads
 * what status.c gathered and nothing else; what it says is advice, no verdict uses it.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/format.h"
#include "base/grow.h"
#include "base/names.h"
#include "base/printable.h"
#include "show/health.h"
#include "show/out.h"
#include "show/status.h"

struct causes {
	struct bg_cause *list;
	size_t count;
	bool failed; /* out of memory */
};

/* When it was, as struct bg_cause has it. */
struct when {
	__u64 since_ns, last_ns;
	bool or_later;
};

static const struct when unknown;

static void __attribute__((format(printf, 4, 5))) add(struct causes *causes, const char *subject,
						      struct when when, const char *format, ...)
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
	cause->since_ns = when.since_ns;
	cause->last_ns = when.last_ns;
	cause->or_later = when.or_later;
}

const char *bg_cause_times(const struct bg_cause *cause, __u64 now_boottime_ns, char *text)
{
	char since[BG_FORMAT_TEXT] = "", ago[BG_FORMAT_TEXT];
	size_t used;

	text[0] = '\0';
	if (!cause->since_ns)
		return text;
	used = snprintf(text, BG_CAUSE_TIMES, " (since %s%s",
			bg_format_boottime(cause->since_ns, since),
			cause->or_later ? " or later" : "");
	if (cause->last_ns)
		used += snprintf(text + used, BG_CAUSE_TIMES - used, ", last seen %s ago",
				 bg_format_duration(now_boottime_ns > cause->last_ns
							    ? now_boottime_ns - cause->last_ns
							    : 0,
						    ago));
	snprintf(text + used, BG_CAUSE_TIMES - used, ")");
	return text;
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
	case BG_REASON_ON_LINK:
		return "the pod speaks to its link, by a link-local, multicast or broadcast "
		       "address: a node-local service needs an address in LocalServices, and "
		       "nothing else there is for a strict pod";
	case BG_REASON_OFF_BRANCH:
		return "a strict pod's packet would have left by another interface than its "
		       "branch: the branch is down, is gone, or its table has no route (ip route "
		       "show table VLAN+100, ip rule)";
	case BG_REASON_TAGGED:
		return "somebody puts a VLAN tag of his own into his frames: the pod, which may "
		       "want to reach another VLAN, or the other side of the branch";
	case BG_REASON_NO_NODE_RULE:
		return "the branch's groups allow it, but the node's groups (Node.GroupIds) do not: "
		       "a standard pod needs both";
	case BG_REASON_TABLE_FULL:
		return "nobody gives way to new flows in their place of the flow table: start the "
		       "daemon with more --max-flows, or lower TcpEstablishedTimeout";
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

/* Of one counter: what it rose by lately, and when. */
struct rise {
	__u64 count;
	struct when when;
};

/*
 * `sighting` is what the daemon knows of the counter, NULL if nothing. It looks every few
 * seconds: what it has not seen yet was just now, or, when it does not run, after its end.
 */
static struct rise rise_of(const struct bg_status *status, const struct bg_sighting *sighting,
			   __u64 count)
{
	static const struct bg_sighting nothing;
	const __u64 now_ns = status->now_boottime_ns;
	const bool looks = status->daemon_runs && !bg_daemon_unheard_ns(status);
	const __u64 unseen_ns = looks ? now_ns : status->pulse.beat_ns;
	struct rise rise = {};

	if (!status->has_pulse) {
		rise.count = count; /* since the maps were pinned: nobody looks */
		return rise;
	}
	if (!sighting || count < sighting->count)
		sighting = &nothing;
	if (sighting->since_ns && unseen_ns < sighting->last_ns + BG_QUIET_NS) {
		rise.count = count - sighting->before;
		rise.when.since_ns = sighting->since_ns;
		rise.when.or_later = sighting->since_ns & BG_BOUND;
	} else if (count > sighting->count) {
		rise.count = count - sighting->count;
		rise.when.since_ns = unseen_ns;
		rise.when.or_later = !looks;
	}
	rise.when.last_ns = sighting->last_ns & BG_BOUND ? 0 : sighting->last_ns;
	if (count > sighting->count)
		rise.when.last_ns = looks ? now_ns : 0;
	else if (now_ns > sighting->last_ns + BG_QUIET_NS)
		rise.count = 0;
	return rise;
}

static const struct bg_sighting *sighting_of(const struct bg_status *status,
					     const struct bg_sighting_key *key)
{
	for (size_t i = 0; i < status->sighting_count; i++)
		if (!memcmp(&status->sightings[i].key, key, sizeof(*key)))
			return &status->sightings[i].sighting;
	return NULL;
}

static struct when both(struct when a, struct when b)
{
	if (!a.since_ns || (b.since_ns && b.since_ns < a.since_ns)) {
		a.since_ns = b.since_ns;
		a.or_later = b.or_later;
	}
	if (b.last_ns > a.last_ns)
		a.last_ns = b.last_ns;
	return a;
}

static void from_counters(struct causes *causes, const struct bg_status *status,
			  const char *subject, __u32 tag,
			  const struct bg_counters counters[BG_DIRECTIONS])
{
	for (unsigned int reason = BG_REASON_FIRST_DROP; reason < BG_REASON_MAX; reason++) {
		const char *text = advice(reason);
		struct rise rises[BG_DIRECTIONS] = {};
		char count[BG_FORMAT_TEXT];

		for (unsigned int d = 0; d < BG_DIRECTIONS && text; d++) {
			const struct bg_sighting_key key = { tag, d, reason };
			const __u64 packets = counters[d].packets[reason];

			if (packets)
				rises[d] = rise_of(status, sighting_of(status, &key), packets);
		}
		const struct rise *in = &rises[BG_INGRESS], *out = &rises[BG_EGRESS];

		if (in->count + out->count)
			add(causes, subject,
			    both(in->count ? in->when : unknown, out->count ? out->when : unknown),
			    "%s (%s %s): %s", bg_reason_name(reason),
			    bg_format_counted(in->count + out->count, "packet", count),
			    where_dropped(in->count, out->count), text);
	}
}

/* The worst there is, so it comes first. */
static void from_gaps(struct causes *causes, const struct bg_status *status)
{
	const struct when when = { .since_ns = status->pulse.beat_ns, .or_later = true };
	char doubt[BG_GAP_DOUBT];

	for (size_t i = 0; i < status->gap_count; i++)
		add(causes, status->gaps[i].interface, when,
		    "%s is not attached%s: what passes there is NOT judged; %s",
		    status->gaps[i].program, bg_gap_doubt(&status->gaps[i], doubt),
		    status->daemon_runs ? "the daemon puts it back within seconds"
					: "the daemon, which would put it back, is not running");
}

/* What health says of hooks and interfaces. */
static void from_look(struct causes *causes, const struct bg_look *look, enum bg_health_level level)
{
	for (size_t i = 0; look && i < look->finding_count; i++)
		if (look->findings[i].level == level)
			add(causes, "node", unknown, "%s", look->findings[i].text);
}

static void from_taken(struct causes *causes, const struct bg_status *status)
{
	char text[BG_TAKEN_TEXT];

	if (bg_status_taken_ifaces(status, text))
		add(causes, "node", unknown, "%s", text);
	if (bg_status_taken_branches(status, text))
		add(causes, "node", unknown, "%s", text);
}

static void from_daemon(struct causes *causes, const struct bg_status *status)
{
	const struct bg_pulse *pulse = &status->pulse;
	char text[BG_FORMAT_TEXT];

	if (!status->daemon_runs)
		add(causes, "node",
		    (struct when){ .since_ns = pulse->ended_ns ? pulse->ended_ns : pulse->beat_ns,
				   .or_later = !pulse->ended_ns },
		    "the daemon is not running: what is in force stays in force, but changes of "
		    "the feed and of interfaces are not followed");
	else if (bg_daemon_unheard_ns(status))
		add(causes, "node", (struct when){ .since_ns = pulse->beat_ns },
		    "the daemon has not been heard of for %s: it is stopped, hangs, or gets no "
		    "CPU; changes of the feed and of interfaces are not followed",
		    bg_format_duration(bg_daemon_unheard_ns(status), text));
}

#define NAMES_SHOWN 5

/* Pods come and go, and the feed may be ahead or behind: one line for all of them. */
static void from_absent(struct causes *causes, const struct bg_status *status)
{
	char names[200] = "";
	size_t absent = 0, used = 0;

	for (size_t i = 0; i < status->branch_count; i++) {
		const struct bg_branch_status *branch = &status->branches[i];

		if (branch->ifindex_now)
			continue;
		if (absent++ < NAMES_SHOWN)
			used += snprintf(names + used, sizeof(names) - used, "%s%s",
					 used ? ", " : "", branch->row.info.interface);
	}
	if (!absent)
		return;
	if (absent > NAMES_SHOWN)
		snprintf(names + used, sizeof(names) - used, " and %zu more", absent - NAMES_SHOWN);
	add(causes, "node", unknown,
	    "%zu %s of the feed %s no interface: %s; the feed is ahead of the pods or behind them, "
	    "or Interface is wrong",
	    absent, absent == 1 ? "branch" : "branches", absent == 1 ? "has" : "have", names);
}

static void from_branch(struct causes *causes, const struct bg_status *status,
			const struct bg_branch_status *branch)
{
	const struct bg_branch_info *info = &branch->row.info;

	if (!info->armed_ns && branch->ifindex_now)
		add(causes, info->id, unknown, "%s exists, but is not armed: %s", info->interface,
		    status->daemon_runs ? "the daemon's log says why"
					: "the daemon, which would do that, is not running");
	else if (info->ifindex && branch->ifindex_now && info->ifindex != branch->ifindex_now)
		add(causes, info->id, unknown, "%s was armed as ifindex %u and is now %u: %s",
		    info->interface, info->ifindex, branch->ifindex_now,
		    status->daemon_runs ? "the daemon is about to arm it again"
					: "the daemon, which would arm it again, is not running");
	if (!info->groups[0])
		add(causes, info->id, unknown,
		    "has no groups: nothing but platform traffic is allowed (GroupIds, "
		    "DefaultGroupIds)");
	from_counters(causes, status, info->id, info->tag, branch->counters);
}

/* What is wrong with interfaces, as the daemon wrote it into the state file. */
static void from_state(struct causes *causes, const struct bg_status *status)
{
	const json_t *list = bg_status_interfaces(status);

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *problem = json_array_get(list, i);
		const char *interface = json_string_value(json_object_get(problem, "Interface"));
		const char *text = json_string_value(json_object_get(problem, "Text"));
		const json_t *since = json_object_get(problem, "SinceNs");

		if (interface && text)
			add(causes, interface,
			    (struct when){ .since_ns = (__u64)json_integer_value(since) }, "%s",
			    text);
	}
}

/* More of a kind are only counted. */
#define KEPT_NAMED 5

static void from_kept(struct causes *causes, const struct bg_status *status)
{
	const json_t *list = bg_status_kept(status);
	size_t count = json_array_size(list);

	for (size_t i = 0; i < count && i < KEPT_NAMED; i++) {
		const json_t *kept = json_array_get(list, i);
		const char *kind = json_string_value(json_object_get(kept, "Kind"));
		const char *id = json_string_value(json_object_get(kept, "Id"));
		struct when when = { .since_ns = (__u64)json_integer_value(
					     json_object_get(kept, "SinceNs")) };

		if (!kind || !id)
			continue;
		if (!strcmp(kind, "branch"))
			add(causes, id, when,
			    "the feed lacks this branch, which is alive: it stays in force as it was "
			    "until its interface or its veths are gone; who wants it cut off puts it "
			    "into the feed with \"GroupIds\": []");
		else
			add(causes, id, when,
			    "the feed lacks this %s, which %s names: it stays as it was; an explicit "
			    "empty one takes effect",
			    kind, !strcmp(kind, "group") ? "a branch" : "a rule");
	}
	if (count > KEPT_NAMED)
		add(causes, "feed", unknown, "lacks %zu more that stay in force as they were",
		    count - KEPT_NAMED);
}

static void from_left_out(struct causes *causes, const struct bg_status *status)
{
	size_t count;
	const json_t *list = bg_status_left_out(status, &count);

	for (size_t i = 0; i < json_array_size(list) && i < KEPT_NAMED; i++) {
		const json_t *left_out = json_array_get(list, i);
		const char *pointer = json_string_value(json_object_get(left_out, "Pointer"));
		const char *what = json_string_value(json_object_get(left_out, "What"));

		if (pointer && what)
			add(causes, what, unknown,
			    "left out, as %s has it: another entry of the feed claims the same and "
			    "has it, or nobody has until it is clear whose it is",
			    pointer);
	}
	if (count > KEPT_NAMED)
		add(causes, "feed", unknown, "%zu more of its claims are left out",
		    count - KEPT_NAMED);
}

static void nearly_full(struct causes *causes, const char *what, size_t used, size_t capacity,
			struct when when, const char *cure)
{
	if (bg_is_nearly_full(used, capacity))
		add(causes, "node", when, "%s: %zu of %zu are used: %s", what, used, capacity,
		    cure);
}

static void from_tables(struct causes *causes, const struct bg_status *status)
{
	/* what a revision fills has been so since it came in force */
	const struct when published = { .since_ns = status->control.published_ns };
	struct rise rise;
	char text[BG_FORMAT_TEXT];

	nearly_full(causes, "flow table", bg_status_flows_used(status), status->flow_capacity,
		    unknown,
		    "start the daemon with more --max-flows, before new flows find no place");
	nearly_full(causes, "rules", status->rules, status->rule_capacity, published,
		    "start the daemon with more --max-rules, before a feed is refused");
	nearly_full(causes, "image (KiB)", bg_status_image_kib(status),
		    status->image_capacity_bytes / 1024, published,
		    "a larger feed makes the daemon load once more, with more room, and is refused "
		    "if that is more than --image-mib");
	nearly_full(causes, "fragments", status->fragments, status->fragment_capacity, unknown,
		    "later fragments of the oldest datagrams are dropped");
	rise = rise_of(status, &status->pulse.flows_evicted, status->control.flows_evicted);
	if (rise.count)
		add(causes, "node", rise.when,
		    "%s gave way to newer ones in a full place of the flow table: a flood of "
		    "connections that nobody answers, a branch with more than its share, or "
		    "--max-flows is too small",
		    bg_format_counted(rise.count, "flow", text));
}

int bg_status_causes(const struct bg_status *status, struct bg_cause **list, size_t *count)
{
	struct causes causes = {};

	from_gaps(&causes, status);
	from_look(&causes, status->look, BG_HEALTH_NOT_ENFORCING);
	if (status->not_looked_at)
		add(&causes, "node", unknown, "%s", status->not_looked_at);
	if (!status->control.revision)
		add(&causes, "node", unknown,
		    "no revision is in force: every packet of a branch is dropped "
		    "until a feed is accepted");
	else if (!status->has_image)
		add(&causes, "node", unknown,
		    "revision %u is not in the map policy, from which somebody took it: every "
		    "packet of a branch is dropped until the next one, or a restart",
		    status->control.revision);
	from_daemon(&causes, status);
	from_look(&causes, status->look, BG_HEALTH_DEGRADED);
	from_taken(&causes, status);
	if (bg_status_reused(status))
		add(&causes, "node", (struct when){ .since_ns = status->control.published_ns },
		    "the feed in force has the Revision text of revision %u, but another content: "
		    "who makes the feed must give each content a name of its own",
		    bg_status_reused(status));
	from_state(&causes, status);
	from_kept(&causes, status);
	from_left_out(&causes, status);
	for (size_t i = 0; i < status->branch_count; i++)
		from_branch(&causes, status, &status->branches[i]);
	from_counters(&causes, status, "node", 0, status->node);
	from_absent(&causes, status);
	from_tables(&causes, status);
	if (causes.failed) {
		free(causes.list);
		return -ENOMEM;
	}
	*list = causes.list;
	*count = causes.count;
	return 0;
}
