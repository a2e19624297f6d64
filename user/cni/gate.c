// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Decides whether a pod's branches are armed, and says what is missing. gate_look.c calls it,
 * with what it read; whether a branch is armed is decided as for `status`.
 */
#include "cni/gate.h"

#include <errno.h>
#include <string.h>

#include "base/ip.h"
#include "base/printable.h"

static bool not_yet(struct bg_error *why, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static bool not_yet(struct bg_error *why, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why->text, sizeof(why->text), format, args);
	va_end(args);
	bg_printable(why->text);
	return false;
}

/* "revision 7 of the feed ("42")" */
#define REVISION_TEXT 120
static const char *revision_of(const struct bg_status *status, char text[REVISION_TEXT])
{
	snprintf(text, REVISION_TEXT, "revision %u of the feed (\"%s\")", status->control.revision,
		 status->control.feed_revision);
	return text;
}

static const struct bg_branch_status *branch_of(const struct bg_status *status, __u32 vlan)
{
	for (size_t i = 0; i < status->branch_count; i++)
		if (status->branches[i].row.vlan == vlan)
			return &status->branches[i];
	return NULL;
}

static bool has_address(const struct bg_gate_pod *pod, const struct bg_addr *address)
{
	for (size_t i = 0; i < pod->made->address_count; i++)
		if (!memcmp(&pod->made->addresses[i], address, sizeof(*address)))
			return true;
	return false;
}

static bool has_host(const struct bg_gate_pod *pod, __u32 ifindex)
{
	for (size_t i = 0; i < pod->made->host_count; i++)
		if (ifindex && pod->host_ifindexes[i] == ifindex)
			return true;
	return false;
}

/* The entry of this pod behind a branch. */
static const struct bg_pod_row *row_of(const struct bg_gate_pod *pod,
				       const struct bg_status *status, __u32 vlan)
{
	for (size_t i = 0; i < status->pod_count; i++) {
		const struct bg_pod_row *row = &status->pods[i];

		if (row->pod.vlan == vlan && has_address(pod, &row->address) &&
		    has_host(pod, row->pod.host_ifindex))
			return row;
	}
	return NULL;
}

/* Why there is none: the feed may still have the pod that was there before. */
static bool is_another(const struct bg_gate_pod *pod, const struct bg_status *status, __u32 vlan,
		       struct bg_error *why)
{
	char revision[REVISION_TEXT], address[BG_IP_TEXT];

	revision_of(status, revision);
	for (size_t i = 0; i < status->pod_count; i++) {
		const struct bg_pod_row *row = &status->pods[i];

		if (!has_address(pod, &row->address))
			continue;
		bg_addr_format(&row->address, address);
		if (row->pod.vlan != vlan)
			return not_yet(why, "%s has %s behind VLAN %u, not VLAN %u", revision,
				       address, row->pod.vlan, vlan);
		return not_yet(why,
			       "%s has %s behind an interface of the node (ifindex %u) that is not "
			       "this pod's: it is of a pod before this one",
			       revision, address, row->pod.host_ifindex);
	}
	return not_yet(why, "%s has VLAN %u, but no pod of it with %s%s behind %s", revision, vlan,
		       bg_addr_format(&pod->made->addresses[0], address),
		       pod->made->address_count > 1 ? " or its other addresses" : "",
		       pod->made->hosts[0]);
}

bool bg_gate_is_known(const struct bg_gate_pod *pod, const struct bg_status *status,
		      struct bg_error *why)
{
	char revision[REVISION_TEXT];

	if (!status->control.revision || !status->has_image)
		return not_yet(why, "no feed is in force yet");
	for (size_t i = 0; i < pod->made->vlan_count; i++) {
		const __u32 vlan = pod->made->vlans[i];

		if (!branch_of(status, vlan))
			return not_yet(why, "%s has no branch with VLAN id %u",
				       revision_of(status, revision), vlan);
		if (!row_of(pod, status, vlan))
			return is_another(pod, status, vlan, why);
	}
	return true;
}

static const struct bg_iface *iface_of(const struct bg_status *status, __u32 ifindex)
{
	for (size_t i = 0; i < status->iface_count; i++)
		if (status->ifaces[i].ifindex == ifindex)
			return &status->ifaces[i];
	return NULL;
}

static bool is_guarded(const struct bg_status *status, __u32 ifindex, __u32 vlan, bool of_pod)
{
	const struct bg_iface *iface = iface_of(status, ifindex);

	if (!iface || iface->vlan != vlan)
		return false;
	return of_pod ? iface->role == BG_ROLE_POD_STRICT || iface->role == BG_ROLE_POD_STANDARD
		      : iface->role == BG_ROLE_BRANCH;
}

static bool is_branch_armed(const struct bg_gate_pod *pod, const struct bg_status *status,
			    __u32 vlan, struct bg_error *why)
{
	const struct bg_branch_status *branch = branch_of(status, vlan);
	const struct bg_pod_row *row = row_of(pod, status, vlan);
	const struct bg_branch_info *info = &branch->row.info;

	if (!branch->ifindex_now)
		return not_yet(why, "branch %s: its interface %s is not there", info->id,
			       info->interface);
	for (size_t i = 0; i < status->gap_count; i++)
		if (status->gaps[i].vlan == vlan)
			return not_yet(why, "branch %s: program %s is missing at %s", info->id,
				       status->gaps[i].program, status->gaps[i].interface);
	if (!bg_branch_is_armed(status, branch) ||
	    !is_guarded(status, branch->ifindex_now, vlan, false))
		return not_yet(why, "branch %s: %s is not armed yet", info->id, info->interface);
	if (row->pod.branch_ifindex != branch->ifindex_now)
		return not_yet(why, "branch %s: %s was made anew, and the pod is not yet behind it",
			       info->id, info->interface);
	if (!is_guarded(status, row->pod.host_ifindex, vlan, true))
		return not_yet(why, "branch %s: the pod's interface %s is not armed yet", info->id,
			       pod->made->hosts[0]);
	return true;
}

bool bg_gate_is_armed(const struct bg_gate_pod *pod, const struct bg_status *status,
		      struct bg_error *why)
{
	if (!bg_gate_is_known(pod, status, why))
		return false;
	/* what is said to be armed would be so by the daemon's word alone */
	if (status->not_looked_at)
		return not_yet(why, "%s", status->not_looked_at);
	for (size_t i = 0; i < pod->made->vlan_count; i++)
		if (!is_branch_armed(pod, status, pod->made->vlans[i], why))
			return false;
	return true;
}
