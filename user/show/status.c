// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Gathers struct bg_status from the pinned maps and links, and from the state file. status
 * and the metrics file call it; it prints nothing, and works without a daemon.
 */
#include "show/status.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "pinned/home.h"
#include "pinned/state_file.h"
#include "show/flow_text.h"
#include "show/status_hooks.h"

const char *const bg_flow_class_names[BG_FLOW_CLASSES] = {
	[BG_FLOWS_HALF_OPEN] = "half_open", [BG_FLOWS_REPLIED] = "replied",
	[BG_FLOWS_ASSURED] = "assured",	    [BG_FLOWS_CLOSING] = "closing",
	[BG_FLOWS_EXPIRED] = "expired",
};

static enum bg_flow_class flow_class(const struct bg_flow *flow, __u64 now_ns)
{
	if (!bg_flow_left_ns(flow, now_ns))
		return BG_FLOWS_EXPIRED;
	if (flow->flags & (BG_FLOW_FIN_LOCAL | BG_FLOW_FIN_REMOTE | BG_FLOW_RESET))
		return BG_FLOWS_CLOSING;
	if (flow->flags & BG_FLOW_ASSURED)
		return BG_FLOWS_ASSURED;
	return flow->flags & BG_FLOW_REPLIED ? BG_FLOWS_REPLIED : BG_FLOWS_HALF_OPEN;
}

struct flow_count {
	struct bg_status *status;
	__u64 now_ns;
	struct bg_branch_status *last; /* the next flow is often of the same branch */
};

static int count_flow(const struct bg_flow *flow, void *context)
{
	struct flow_count *count = context;
	struct bg_status *status = count->status;
	enum bg_flow_class class = flow_class(flow, count->now_ns);
	const __u32 tag = bg_flow_tag(&flow->key);

	status->flows[class]++;
	if (class != BG_FLOWS_EXPIRED && flow->key.branch & BG_FLOW_KEY_PROBE)
		status->probe_flows++;
	if (!count->last || count->last->row.info.tag != tag) {
		count->last = NULL;
		for (size_t i = 0; i < status->branch_count && !count->last; i++) {
			if (status->branches[i].row.info.tag == tag)
				count->last = &status->branches[i];
		}
	}
	if (count->last)
		count->last->flows[class]++;
	return 0;
}

static int read_branches(const struct bg_maps *maps, const char *name, struct bg_status *status,
			 struct bg_error *err)
{
	bg_auto_free struct bg_branch_row *rows = NULL;
	const struct bg_branch_row *row;
	size_t count = 0;
	int rc = bg_maps_branches(maps, &rows, &count, err);

	if (rc)
		return rc;
	row = rows;
	if (name) {
		row = bg_branch_find(rows, count, name, err);
		if (!row)
			return -ENOENT;
		count = 1;
	}
	status->branches = calloc(count + 1, sizeof(*status->branches));
	if (!status->branches)
		return bg_no_memory(err, "reading %zu branches", count);
	status->branch_count = count;
	for (size_t i = 0; i < count; i++) {
		struct bg_branch_status *branch = &status->branches[i];

		branch->row = row[i];
		/* elsewhere names and numbers are those of other interfaces */
		branch->ifindex_now = status->elsewhere ? row[i].info.ifindex
							: if_nametoindex(row[i].info.interface);
		rc = bg_maps_counters(maps, row[i].info.slot, branch->counters, err);
		if (rc)
			return rc;
	}
	return bg_maps_counters(maps, 0, status->node, err)
		       ?: bg_maps_branch_capacity(maps, &status->branch_capacity, err);
}

static int read_rules(const struct bg_maps *maps, struct bg_status *status, struct bg_error *err)
{
	int rc = bg_maps_rules(maps, &status->rule_list, &status->rule_list_count,
			       &status->rule_capacity, err);

	if (rc)
		return rc;
	for (size_t i = 1; i < status->rule_list_count; i++) {
		const struct bg_rule *rule = &status->rule_list[i];

		status->rules += rule->revision != 0;
		status->rules_unused += rule->revision && !rule->hits;
	}
	return 0;
}

/* One that has the ifindex of another one by now has no program of ours. */
static bool may_be_hooked(const struct bg_status *status, __u32 ifindex)
{
	for (size_t i = 0; i < status->hook_count; i++)
		if (status->hooks[i].ifindex == ifindex)
			return true;
	return status->not_looked_at;
}

/* An interface that somebody renamed is the branch's as before, for the programs go by its
 * number. */
static void find_renamed(struct bg_status *status)
{
	for (size_t i = 0; i < status->branch_count; i++) {
		struct bg_branch_status *branch = &status->branches[i];
		const __u32 ifindex = branch->row.info.ifindex;
		char name[IF_NAMESIZE];

		for (size_t k = 0; k < status->iface_count && !branch->ifindex_now; k++) {
			if (!ifindex || status->ifaces[k].ifindex != ifindex ||
			    status->ifaces[k].role != BG_ROLE_BRANCH ||
			    status->ifaces[k].vlan != branch->row.vlan ||
			    !may_be_hooked(status, ifindex) || !if_indextoname(ifindex, name))
				continue;
			branch->ifindex_now = ifindex;
			snprintf(branch->called, sizeof(branch->called), "%s", name);
		}
	}
}

/* An interface that is gone meanwhile is not up either. */
static int find_down(struct bg_status *status, struct bg_error *err)
{
	bg_auto_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	for (size_t i = 0; i < status->branch_count; i++) {
		struct bg_branch_status *branch = &status->branches[i];
		const char *name = branch->called[0] ? branch->called : branch->row.info.interface;
		struct ifreq request = {};

		if (!branch->ifindex_now)
			continue;
		snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
		if (fd < 0 || (ioctl(fd, SIOCGIFFLAGS, &request) && errno != ENODEV))
			return bg_fail(err, -errno, "asking whether %s is up: %s", name,
				       strerror(errno));
		branch->down = !(request.ifr_flags & IFF_UP);
	}
	return 0;
}

static int read_all(const char *pin_dir, const char *branch, struct bg_status *status,
		    struct bg_error *err)
{
	bg_cleanup(bg_maps_close) struct bg_maps maps = { .control_fd = -1 };
	struct flow_count count = { .status = status, .now_ns = bg_monotonic_ns() };
	int rc = bg_maps_open(pin_dir, &maps, err);

	if (rc)
		return rc;
	rc = bg_home_check(pin_dir, err);
	if (rc && rc != -EXDEV)
		return rc;
	status->elsewhere = rc == -EXDEV;
	status->now_boottime_ns = bg_boottime_ns();
	status->daemon_runs = bg_lock_held(pin_dir, &status->daemon);
	rc = bg_maps_control(&maps, &status->control, err) ?:
	       read_branches(&maps, branch, status, err) ?:
	       bg_maps_flows(&maps, count_flow, &count, &status->flow_capacity, err) ?:
	       bg_maps_fragments(&maps, &status->fragments, &status->fragment_capacity, err) ?:
	       read_rules(&maps, status, err) ?:
	       bg_maps_image(&maps, &status->image, &status->image_capacity_bytes,
			     &status->has_image, err) ?:
	       bg_maps_pods(&maps, &status->pods, &status->pod_count, err) ?:
	       bg_maps_pulse(&maps, &status->pulse, &status->has_pulse, err) ?:
	       bg_maps_sightings(&maps, &status->sightings, &status->sighting_count, err) ?:
	       bg_maps_revisions(&maps, &status->revisions, &status->revision_count, err) ?:
	       bg_status_read_hooks(&maps, status, err);
	if (!status->elsewhere) {
		find_renamed(status);
		rc = rc ?: find_down(status, err);
	}
	/* who cannot see the lock goes by what the daemon writes every second */
	if (status->daemon.hidden && status->has_pulse)
		status->daemon_runs = status->now_boottime_ns <
				      status->pulse.beat_ns + BG_UNHEARD_NS;
	return rc;
}

int bg_status_read_maps(const char *pin_dir, const char *branch, json_t *state,
			struct bg_status *status, struct bg_error *err)
{
	int rc;

	*status = (struct bg_status){ .state = json_incref(state) };
	rc = read_all(pin_dir, branch, status, err);
	if (rc)
		bg_status_free(status);
	return rc;
}

int bg_status_read(const char *pin_dir, const char *branch, struct bg_status *status,
		   struct bg_error *err)
{
	struct bg_error state_error = {};
	json_t *state = NULL;
	int rc;

	if (!bg_state_read(pin_dir, &state, &state_error))
		state_error.text[0] = '\0';
	rc = bg_status_read_maps(pin_dir, branch, state, status, err);
	if (!rc)
		status->state_error = state_error;
	json_decref(state);
	return rc;
}

void bg_status_free(struct bg_status *status)
{
	free(status->branches);
	free(status->hooks);
	free(status->ifaces);
	free(status->gaps);
	free(status->rule_list);
	bg_taken_free(&status->taken);
	free(status->pods);
	free(status->sightings);
	free(status->revisions);
	json_decref(status->state);
	*status = (struct bg_status){};
}

#define PUT_BACK                                                                                   \
	"somebody took it out, which changes no verdict, but what is shown; a new revision or a "  \
	"restart of the daemon puts it back"

bool bg_status_taken_ifaces(const struct bg_status *status, char text[BG_TAKEN_TEXT])
{
	const struct bg_taken *taken = &status->taken;

	if (taken->iface_count)
		snprintf(text, BG_TAKEN_TEXT, "map ifaces lacks %s (%zu in all): " PUT_BACK,
			 taken->ifaces[0].interface, taken->iface_count);
	return taken->iface_count;
}

bool bg_status_taken_branches(const struct bg_status *status, char text[BG_TAKEN_TEXT])
{
	const struct bg_taken *taken = &status->taken;

	if (taken->vlan_count)
		snprintf(text, BG_TAKEN_TEXT,
			 "map branches lacks that of VLAN %u (%zu in all): " PUT_BACK,
			 taken->vlans[0], taken->vlan_count);
	return taken->vlan_count;
}

bool bg_branch_is_armed(const struct bg_status *status, const struct bg_branch_status *branch)
{
	for (size_t i = 0; i < status->gap_count; i++)
		if (status->gaps[i].vlan == branch->row.vlan)
			return false;
	/* one that was made anew is another interface */
	return branch->row.info.armed_ns && branch->row.info.ifindex == branch->ifindex_now;
}

__u64 bg_daemon_unheard_ns(const struct bg_status *status)
{
	__u64 heard_ns = status->pulse.beat_ns;

	/* one that begins has not been silent before, whatever the one before it was */
	if (status->pulse.started_ns > heard_ns)
		heard_ns = status->pulse.started_ns;
	if (status->daemon.started_ns > heard_ns)
		heard_ns = status->daemon.started_ns;
	if (!status->daemon_runs || !heard_ns || status->now_boottime_ns < heard_ns + BG_UNHEARD_NS)
		return 0;
	return status->now_boottime_ns - heard_ns;
}

bool bg_daemon_begins(const struct bg_status *status)
{
	return status->daemon_runs &&
	       (!status->has_pulse || status->pulse.beat_ns < status->pulse.started_ns ||
		status->pulse.beat_ns < status->daemon.started_ns);
}

__u32 bg_status_reused(const struct bg_status *status)
{
	const struct bg_revision_row *now, *before;

	now = bg_revision_find(status->revisions, status->revision_count, status->control.revision);
	before = now ? bg_revision_reused(status->revisions, status->revision_count, now) : NULL;
	return before ? before->number : 0;
}

const char *bg_status_feed(const struct bg_status *status)
{
	const char *feed = json_string_value(json_object_get(status->state, "Feed"));

	return feed ? feed : "";
}

__u64 bg_status_listeners(const struct bg_status *status, __u64 *lost)
{
	*lost = json_integer_value(json_object_get(status->state, "EventsLostByListeners"));
	return status->daemon_runs
		       ? (__u64)json_integer_value(json_object_get(status->state, "Listeners"))
		       : 0;
}

struct bg_sighting bg_status_listener_losses(const struct bg_status *status)
{
	const json_t *losses = json_object_get(status->state, "ListenerLosses");

	return (struct bg_sighting){
		.count = (__u64)json_integer_value(json_object_get(losses, "Count")),
		.since_ns = (__u64)json_integer_value(json_object_get(losses, "SinceNs")),
		.last_ns = (__u64)json_integer_value(json_object_get(losses, "LastNs")),
	};
}

const char *bg_status_refusal(const struct bg_status *status, __u64 *time_ns)
{
	const json_t *refused = json_object_get(status->state, "LastRefused");

	*time_ns = (__u64)json_integer_value(json_object_get(refused, "TimeNs"));
	return json_string_value(json_object_get(refused, "Error"));
}

const json_t *bg_status_errors(const struct bg_status *status, size_t *count)
{
	const json_t *refused = json_object_get(status->state, "LastRefused");

	*count = (size_t)json_integer_value(json_object_get(refused, "ErrorCount"));
	return json_object_get(refused, "Errors");
}

__u64 bg_status_refused_since(const struct bg_status *status)
{
	const json_t *refused = json_object_get(status->state, "LastRefused");

	return (__u64)json_integer_value(json_object_get(refused, "SinceNs"));
}

const json_t *bg_status_warnings(const struct bg_status *status, size_t *count)
{
	const json_t *accepted = json_object_get(status->state, "LastAccepted");

	*count = (size_t)json_integer_value(json_object_get(accepted, "WarningCount"));
	return json_object_get(accepted, "Warnings");
}

const json_t *bg_status_kept(const struct bg_status *status)
{
	return json_object_get(status->state, "Kept");
}

const json_t *bg_status_left_out(const struct bg_status *status, size_t *count)
{
	const json_t *list = json_object_get(status->state, "LeftOut");
	const json_t *all = json_object_get(status->state, "LeftOutCount");

	/* an older daemon wrote the whole list, and no count */
	*count = all ? (size_t)json_integer_value(all) : json_array_size(list);
	return list;
}

const json_t *bg_status_interfaces(const struct bg_status *status)
{
	return json_object_get(status->state, "Interfaces");
}
