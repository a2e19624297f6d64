// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Gathers struct bg_status from the pinned maps and links, and from the state file. status
 * and the metrics file call it; it prints nothing, and works without a daemon.
 */
#include "show/status.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/grow.h"
#include "datapath/attach.h"
#include "pinned/pin.h"
#include "pinned/state_file.h"
#include "show/flow_text.h"

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

	status->flows[class]++;
	if (!count->last || count->last->row.info.tag != flow->key.branch) {
		count->last = NULL;
		for (size_t i = 0; i < status->branch_count && !count->last; i++) {
			if (status->branches[i].row.info.tag == flow->key.branch)
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
		branch->ifindex_now = if_nametoindex(row[i].info.interface);
		rc = bg_maps_counters(maps, row[i].info.slot, branch->counters, err);
		if (rc)
			return rc;
	}
	return bg_maps_counters(maps, 0, status->node, err);
}

static int read_rules(const struct bg_maps *maps, struct bg_status *status, struct bg_error *err)
{
	bg_auto_free struct bg_rule *rules = NULL;
	size_t count = 0;
	int rc = bg_maps_rules(maps, &rules, &count, err);

	if (rc)
		return rc;
	status->rule_capacity = count ? count - 1 : 0; /* number 0 is none */
	for (size_t i = 1; i < count; i++) {
		status->rules += rules[i].revision != 0;
		status->rules_unused += rules[i].revision && !rules[i].hits;
	}
	return 0;
}

struct hook_list {
	const char *pin_dir;
	struct bg_status *status;
	struct bg_iface *ifaces; /* that the programs know */
	size_t iface_count;
	bool tcx; /* the kernel has tcx, so there are no filters of ours */
};

static void hook_list_free(struct hook_list *list)
{
	free(list->ifaces);
}

static int add_iface(const struct bg_iface *iface, void *context)
{
	struct hook_list *list = context;
	struct bg_iface *added = BG_GROW(list->ifaces, list->iface_count);

	if (!added)
		return -ENOMEM;
	*added = *iface;
	return 0;
}

/* The kernel keeps 15 bytes of a program's name, and some of ours are longer. */
static void name_program(__u32 id, struct bg_hook_status *hook)
{
	struct bpf_prog_info info = {};
	__u32 info_bytes = sizeof(info);
	bg_auto_close int fd = bpf_prog_get_fd_by_id(id);
	int program = 0;

	if (fd < 0 || bpf_prog_get_info_by_fd(fd, &info, &info_bytes))
		info.name[0] = '?';
	while (program < BG_PROGRAMS &&
	       strncmp(bg_program_name(program), info.name, sizeof(info.name) - 1) != 0)
		program++;
	snprintf(hook->program, sizeof(hook->program), "%s",
		 program < BG_PROGRAMS ? bg_program_name(program) : info.name);
}

static int add_hook(struct hook_list *list, const struct bg_hook_status *found)
{
	struct bg_status *status = list->status;
	struct bg_hook_status *hook = BG_GROW(status->hooks, status->hook_count);

	if (!hook)
		return -ENOMEM;
	*hook = *found;
	if (!hook->ifindex || !if_indextoname(hook->ifindex, hook->interface))
		hook->interface[0] = '\0';
	for (size_t i = 0; i < list->iface_count; i++) {
		if (list->ifaces[i].ifindex != hook->ifindex)
			continue;
		hook->vlan = list->ifaces[i].vlan;
		hook->shared = list->ifaces[i].flags & BG_IFACE_SHARED;
	}
	return 0;
}

static int add_link(const char *name, void *context)
{
	struct hook_list *list = context;
	struct bpf_link_info info = {};
	__u32 info_bytes = sizeof(info);
	struct bg_hook_status hook = {};
	bg_auto_close int fd = bg_pin_get(list->pin_dir, BG_PIN_LINKS, name);

	/* it was detached after it was listed */
	if (fd < 0 || bpf_link_get_info_by_fd(fd, &info, &info_bytes))
		return 0;
	if (info.type == BPF_LINK_TYPE_XDP) {
		hook.ifindex = info.xdp.ifindex;
		hook.where = hook.by = "xdp";
	} else if (info.type == BPF_LINK_TYPE_TCX) {
		hook.ifindex = info.tcx.ifindex;
		hook.where = info.tcx.attach_type == BPF_TCX_EGRESS ? "egress" : "ingress";
		hook.by = "tcx";
		list->tcx = true;
	} else {
		return 0;
	}
	name_program(info.prog_id, &hook);
	return add_hook(list, &hook);
}

/* Filters of clsact have no pins: looks for each that this interface may have. */
static int add_filters(struct hook_list *list, const struct bg_iface *iface)
{
	int rc = 0;

	for (int program = 0; program < BG_PROGRAMS && !rc; program++) {
		struct bg_attachment found;
		struct bg_hook_status hook = { .ifindex = iface->ifindex, .by = "clsact" };

		if (bg_program_hook(program) == BG_HOOK_XDP ||
		    bg_attach_find_filter(program, iface->ifindex, &found))
			continue;
		hook.where = bg_program_hook(program) == BG_HOOK_EGRESS ? "egress" : "ingress";
		name_program(found.prog_id, &hook);
		rc = add_hook(list, &hook);
	}
	return rc;
}

static int by_interface(const void *a, const void *b)
{
	const struct bg_hook_status *x = a, *y = b;

	if (x->ifindex != y->ifindex)
		return x->ifindex < y->ifindex ? -1 : 1;
	return strcmp(y->where, x->where); /* xdp, ingress, egress */
}

static bool is_hooked(const struct bg_status *status, __u32 ifindex, enum bg_program program)
{
	const char *where = bg_hook_name(bg_program_hook(program));

	for (size_t i = 0; i < status->hook_count; i++) {
		const struct bg_hook_status *hook = &status->hooks[i];

		if (hook->ifindex == ifindex && !strcmp(hook->where, where) &&
		    !strcmp(hook->program, bg_program_code(program)))
			return true;
	}
	return false;
}

/* What the interfaces that the programs know must have, and have not. */
static int find_gaps(struct hook_list *list)
{
	struct bg_status *status = list->status;

	for (size_t i = 0; i < list->iface_count; i++) {
		const struct bg_iface *iface = &list->ifaces[i];
		const unsigned int wanted = bg_tc_programs(iface->role);
		char interface[IF_NAMESIZE];

		if (!if_indextoname(iface->ifindex, interface))
			continue; /* it is gone, and nothing passes there */
		for (int program = 0; program < BG_PROGRAMS; program++) {
			struct bg_gap *gap;

			if (!(wanted & BG_PROGRAM_BIT(program)) ||
			    is_hooked(status, iface->ifindex, program))
				continue;
			gap = BG_GROW(status->gaps, status->gap_count);
			if (!gap)
				return -ENOMEM;
			gap->vlan = iface->vlan;
			gap->program = bg_program_name(program);
			snprintf(gap->interface, sizeof(gap->interface), "%s", interface);
		}
	}
	return 0;
}

static int read_hooks(const struct bg_maps *maps, struct bg_status *status, struct bg_error *err)
{
	bg_cleanup(hook_list_free) struct hook_list list = { .pin_dir = maps->pin_dir,
							     .status = status };
	int rc = bg_maps_ifaces(maps, add_iface, &list, err);

	if (rc)
		return rc;
	rc = bg_pin_each(maps->pin_dir, BG_PIN_LINKS, add_link, &list);
	for (size_t i = 0; i < list.iface_count && !list.tcx && !rc; i++)
		rc = add_filters(&list, &list.ifaces[i]);
	if (rc)
		return bg_fail(err, rc, "cannot list %s/links: %s", maps->pin_dir, strerror(-rc));
	if (find_gaps(&list))
		return bg_no_memory(err, "looking for gaps");
	if (status->hook_count)
		qsort(status->hooks, status->hook_count, sizeof(*status->hooks), by_interface);
	return 0;
}

static bool other_netns(int pid)
{
	struct stat ours, theirs;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	return pid && !stat("/proc/self/ns/net", &ours) && !stat(path, &theirs) &&
	       ours.st_ino != theirs.st_ino;
}

/* For a daemon in another network namespace: what the maps say is right, but names that
 * were looked up by ifindex in this namespace are not. */
static void forget_names(struct bg_status *status)
{
	for (size_t i = 0; i < status->branch_count; i++)
		status->branches[i].ifindex_now = status->branches[i].row.info.ifindex;
	for (size_t i = 0; i < status->hook_count; i++)
		snprintf(status->hooks[i].interface, sizeof(status->hooks[i].interface),
			 "ifindex %u", status->hooks[i].ifindex);
	/* nor can it be seen from here what is missing there */
	status->gap_count = 0;
}

static int read_all(const char *pin_dir, const char *branch, struct bg_status *status,
		    struct bg_error *err)
{
	bg_cleanup(bg_maps_close) struct bg_maps maps = { .control_fd = -1 };
	struct flow_count count = { .status = status, .now_ns = bg_monotonic_ns() };
	char state[BG_STATE_PATH_BYTES];
	int rc = bg_maps_open(pin_dir, &maps, err);

	if (rc)
		return rc;
	status->now_boottime_ns = bg_boottime_ns();
	bg_state_path(pin_dir, state);
	status->state = json_load_file(state, 0, NULL);
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
	       read_hooks(&maps, status, err);
	status->flow_capacity /= 2;
	if (!rc && other_netns(status->daemon.pid))
		forget_names(status);
	return rc;
}

int bg_status_read(const char *pin_dir, const char *branch, struct bg_status *status,
		   struct bg_error *err)
{
	int rc;

	*status = (struct bg_status){};
	rc = read_all(pin_dir, branch, status, err);
	if (rc)
		bg_status_free(status);
	return rc;
}

void bg_status_free(struct bg_status *status)
{
	free(status->branches);
	free(status->hooks);
	free(status->gaps);
	free(status->pods);
	free(status->sightings);
	free(status->revisions);
	json_decref(status->state);
	*status = (struct bg_status){};
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
	const __u64 heard_ns = status->pulse.beat_ns > status->pulse.started_ns
				       ? status->pulse.beat_ns
				       : status->pulse.started_ns;

	if (!status->daemon_runs || !status->has_pulse ||
	    status->now_boottime_ns < heard_ns + BG_UNHEARD_NS)
		return 0;
	return status->now_boottime_ns - heard_ns;
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

const json_t *bg_status_warnings(const struct bg_status *status, size_t *count)
{
	const json_t *accepted = json_object_get(status->state, "LastAccepted");

	*count = (size_t)json_integer_value(json_object_get(accepted, "WarningCount"));
	return json_object_get(accepted, "Warnings");
}

const json_t *bg_status_interfaces(const struct bg_status *status)
{
	return json_object_get(status->state, "Interfaces");
}
