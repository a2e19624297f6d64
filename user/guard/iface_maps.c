// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Writes the maps by which the programs know interfaces, branches and pods. Called by the
 * files that arm and adopt, and by the daemon for neighbours; entries that are right are
 * not written again, and what the maps say is decided elsewhere.
 */
#include "guard/iface_maps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "base/format.h"
#include "base/ip.h"
#include "base/sound.h"
#include "branchguard.skel.h"
#include "guard/plan.h"

static int map_get(const struct bpf_map *map, const void *key, void *value)
{
	return bpf_map_lookup_elem(bpf_map__fd(map), key, value);
}

int bg_iface_set(const struct bg_datapath *datapath, const struct bg_iface *iface,
		 struct bg_error *err)
{
	struct bpf_map *fast = datapath->skel->maps.fast_ifaces;
	__u32 place = iface->ifindex & (BG_IFACES - 1);
	struct bg_iface there = {};
	int rc = map_get(fast, &place, &there);

	/* unread, it may be that of another interface */
	if (rc)
		return bg_fail(err, rc, "reading map fast_ifaces: %s", strerror(-rc));
	rc = bg_map_set(datapath->skel->maps.ifaces, &iface->ifindex, iface, err);
	if (rc || (there.ifindex && there.ifindex != iface->ifindex))
		return rc;
	return bg_map_set(fast, &place, iface, err);
}

bool bg_iface_is_entered(const struct bg_datapath *datapath, const struct bg_iface *iface)
{
	__u32 place = iface->ifindex & (BG_IFACES - 1);
	struct bg_iface there = {};
	int rc = map_get(datapath->skel->maps.ifaces, &iface->ifindex, &there);

	if (rc == -ENOENT || (!rc && memcmp(&there, iface, sizeof(there)) != 0))
		return false;
	rc = map_get(datapath->skel->maps.fast_ifaces, &place, &there);
	/* another one may have its place there */
	return rc || (there.ifindex && there.ifindex != iface->ifindex) ||
	       !memcmp(&there, iface, sizeof(there));
}

int bg_iface_clear(const struct bg_datapath *datapath, __u32 ifindex)
{
	struct bpf_map *fast = datapath->skel->maps.fast_ifaces;
	__u32 place = ifindex & (BG_IFACES - 1);
	struct bg_iface there = {}, none = {};
	int rc = map_get(fast, &place, &there);

	if (!rc && there.ifindex == ifindex)
		rc = bpf_map_update_elem(bpf_map__fd(fast), &place, &none, BPF_ANY);
	/* last: by what is entered here, a daemon that starts finds the rest */
	if (!rc)
		rc = bpf_map_delete_elem(bpf_map__fd(datapath->skel->maps.ifaces), &ifindex);
	return rc == -ENOENT ? 0 : rc;
}

int bg_iface_each(const struct bg_datapath *datapath,
		  void (*each)(const struct bg_iface *iface, void *context), void *context)
{
	const struct bpf_map *map = datapath->skel->maps.ifaces;
	__u32 key, *last = NULL;
	struct bg_iface iface;
	int rc;

	while (!(rc = bpf_map_get_next_key(bpf_map__fd(map), last, &key))) {
		last = &key;
		rc = map_get(map, &key, &iface);
		if (rc && rc != -ENOENT)
			return rc;
		if (!rc && bg_sound_iface(&iface))
			each(&iface, context);
	}
	return rc == -ENOENT ? 0 : rc;
}

int bg_vlan_set(const struct bg_datapath *datapath, __u32 vlan, __u32 ifindex, struct bg_error *err)
{
	return bg_map_set(datapath->skel->maps.fast_vlans, &vlan, &ifindex, err);
}

int bg_vlan_clear(const struct bg_datapath *datapath, __u32 vlan, __u32 ifindex)
{
	struct bpf_map *map = datapath->skel->maps.fast_vlans;
	__u32 there = 0, none = 0;
	int rc = map_get(map, &vlan, &there);

	if (!rc && there == ifindex)
		rc = bpf_map_update_elem(bpf_map__fd(map), &vlan, &none, BPF_ANY);
	/* an earlier daemon's entry may say anything */
	return rc == -ENOENT ? 0 : rc;
}

int bg_branch_set(const struct bg_datapath *datapath, __u32 vlan, __u32 ifindex, __u64 armed_ns,
		  struct bg_error *err)
{
	struct bpf_map *map = datapath->skel->maps.branches;
	struct bg_branch_info info;
	char since[BG_FORMAT_TEXT];
	int rc = map_get(map, &vlan, &info);

	if (rc)
		return rc == -ENOENT ? 0
				     : bg_fail(err, rc, "reading map branches: %s", strerror(-rc));
	if (info.ifindex == ifindex && info.armed_ns == armed_ns)
		return 0;
	info.ifindex = ifindex;
	info.armed_ns = armed_ns;
	memset(info.armed_since, 0, sizeof(info.armed_since));
	if (armed_ns)
		snprintf(info.armed_since, sizeof(info.armed_since), "%s",
			 bg_format_boottime(armed_ns, since));
	return bg_map_set(map, &vlan, &info, err);
}

__u64 bg_branch_armed_ns(const struct bg_datapath *datapath, __u32 vlan, __u32 ifindex)
{
	struct bg_branch_info info;

	if (map_get(datapath->skel->maps.branches, &vlan, &info) || info.ifindex != ifindex)
		return 0;
	return info.armed_ns;
}

__u64 bg_last_beat_ns(const struct bg_datapath *datapath)
{
	struct bg_pulse pulse;
	__u32 zero = 0;

	return map_get(datapath->skel->maps.pulse, &zero, &pulse) ? 0 : pulse.beat_ns;
}

static bool has_mac(const struct bg_pod *pod)
{
	static const __u8 none[sizeof(pod->mac)];

	return memcmp(pod->mac, none, sizeof(none)) != 0;
}

/* What people read. */
static void describe_pod(struct bg_pod *pod, const struct bg_addr *address)
{
	char text[BG_IP_TEXT];

	snprintf(pod->address, sizeof(pod->address), "%s", bg_addr_format(address, text));
	if (has_mac(pod))
		bg_format_mac(pod->mac, pod->mac_text);
	bg_format_mac(pod->host_mac, pod->host_mac_text);
}

static int set_pod(const struct bg_datapath *datapath, struct bg_netdevs *netdevs,
		   const struct bg_netdev *host, const struct bg_addr *address,
		   const struct bg_pod *wanted, struct bg_error *err)
{
	struct bpf_map *map = datapath->skel->maps.pods;
	struct bg_pod pod = *wanted, there = {};
	bool known = !map_get(map, address, &there);
	int rc;

	if (known && there.host_ifindex == pod.host_ifindex)
		memcpy(pod.mac, there.mac, sizeof(pod.mac));
	if (!has_mac(&pod))
		bg_netdev_peer_mac(netdevs, host, address, pod.mac);
	describe_pod(&pod, address);
	if (known && !memcmp(&pod, &there, sizeof(pod)))
		return 0;
	rc = bg_map_set(map, address, &pod, err);
	/* the map is full: without an entry, the pod's packets do not take the short way */
	return rc == -E2BIG ? 0 : rc;
}

static int compare_addresses(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct bg_addr));
}

static void remove_stale_pods(const struct bg_datapath *datapath, struct bg_addr *wanted,
			      size_t count)
{
	int fd = bpf_map__fd(datapath->skel->maps.pods);
	struct bg_addr key, last;
	bool more;

	qsort(wanted, count, sizeof(*wanted), compare_addresses);
	more = !bpf_map_get_next_key(fd, NULL, &key);
	while (more) {
		last = key;
		/* the next key is taken before this entry goes, or else the walk starts over */
		more = !bpf_map_get_next_key(fd, &last, &key);
		if (!bsearch(&last, wanted, count, sizeof(*wanted), compare_addresses))
			bpf_map_delete_elem(fd, &last);
	}
}

int bg_pods_forget(const struct bg_datapath *datapath, __u32 ifindex)
{
	int fd = bpf_map__fd(datapath->skel->maps.pods);
	struct bg_addr key, last;
	struct bg_pod pod;
	int rc, next_rc = bpf_map_get_next_key(fd, NULL, &key);

	while (!next_rc) {
		last = key;
		next_rc = bpf_map_get_next_key(fd, &last, &key);
		rc = bpf_map_lookup_elem(fd, &last, &pod);
		if (!rc && pod.host_ifindex == ifindex)
			rc = bpf_map_delete_elem(fd, &last);
		if (rc && rc != -ENOENT)
			return rc;
	}
	return next_rc == -ENOENT ? 0 : next_rc;
}

int bg_pods_sync(const struct bg_datapath *datapath, const struct bg_model *model,
		 struct bg_netdevs *netdevs, struct bg_error *err)
{
	bg_auto_free struct bg_addr *wanted = NULL;
	size_t count = 0, most = 0;

	for (size_t i = 0; i < model->branch_count; i++)
		for (size_t j = 0; j < model->branches[i].pod_count; j++)
			most += model->branches[i].pods[j].address_count;
	wanted = calloc(most + 1, sizeof(*wanted));
	if (!wanted)
		return bg_no_memory(err, "listing the addresses of the pods");
	for (size_t i = 0; i < model->branch_count; i++) {
		const struct bg_model_branch *branch = &model->branches[i];
		const struct bg_netdev *netdev = bg_netdev_by_name(netdevs, branch->interface);

		for (size_t j = 0; j < branch->pod_count; j++) {
			const struct bg_netdev *host = bg_pod_netdev(netdevs, &branch->pods[j]);
			struct bg_pod pod = { .vlan = branch->vlan, .mode = branch->mode };

			if (!host)
				continue;
			pod.host_ifindex = host->ifindex;
			pod.branch_ifindex = netdev ? netdev->ifindex : 0;
			memcpy(pod.host_mac, host->mac, sizeof(pod.host_mac));
			for (size_t k = 0; k < branch->pods[j].address_count; k++) {
				const struct bg_addr *address = &branch->pods[j].addresses[k];
				int rc = set_pod(datapath, netdevs, host, address, &pod, err);

				if (rc)
					return rc;
				wanted[count++] = *address;
			}
		}
	}
	remove_stale_pods(datapath, wanted, count);
	return 0;
}

void bg_pods_neighbour(const struct bg_datapath *datapath, const struct bg_neighbour *neighbour)
{
	struct bpf_map *map = datapath->skel->maps.pods;
	struct bg_pod pod;

	if (map_get(map, &neighbour->address, &pod) || pod.host_ifindex != neighbour->ifindex ||
	    !memcmp(pod.mac, neighbour->mac, sizeof(pod.mac)))
		return;
	memcpy(pod.mac, neighbour->mac, sizeof(pod.mac));
	bg_format_mac(pod.mac, pod.mac_text);
	bpf_map_update_elem(bpf_map__fd(map), &neighbour->address, &pod, BPF_EXIST);
}
