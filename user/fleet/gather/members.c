// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Collects members from EC2's answer and from pods' annotations, which are there before EC2
 * is asked again. node_feed.c calls it for the groups that its rules name.
 */
#include "fleet/gather/members.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/grow.h"

struct collecting {
	struct bg_cluster *cluster;
	struct bg_dict groups; /* id → index in members */
	struct bg_gathered_members *members;
	const char *node;
	size_t reused; /* addresses that are another pod's now */
};

static int add(struct collecting *collecting, const struct bg_names *groups,
	       const struct bg_prefix *prefix)
{
	for (size_t i = 0; i < groups->count; i++) {
		const size_t *index =
			bg_dict_find(&collecting->groups, groups->name[i], strlen(groups->name[i]));
		struct bg_gathered_members *members;
		struct bg_prefix *added;

		if (!index)
			continue;
		members = &collecting->members[*index];
		added = BG_GROW(members->prefixes, members->count);
		if (!added)
			return -ENOMEM;
		*added = *prefix;
	}
	return 0;
}

/* The living pod that has this address, alone; NULL: none, or more than one says so, or EC2
 * knows its interface and says otherwise: an annotation may be anybody's. */
static const struct bg_kube_pod *owner_of(const struct bg_cluster *cluster,
					  const struct bg_addr *addr)
{
	const size_t *index = bg_dict_find(&cluster->owners, addr, sizeof(*addr));
	const struct bg_ec2_interface *interface;
	const struct bg_kube_pod *pod;

	if (!index || *index == SIZE_MAX)
		return NULL;
	pod = &cluster->pods[*index];
	interface = bg_pod_interface(cluster, pod);
	return interface && !bg_interface_has(interface, addr) ? NULL : pod;
}

static bool is_local(const struct collecting *collecting, const struct bg_kube_pod *pod)
{
	return collecting->node && pod->node && !strcmp(pod->node, collecting->node);
}

static int add_interface(struct collecting *collecting, const struct bg_ec2_interface *interface)
{
	for (size_t i = 0; i < interface->prefix_count; i++) {
		const struct bg_prefix *prefix = &interface->prefixes[i];
		const struct bg_kube_pod *owner =
			prefix->length == 128 ? owner_of(collecting->cluster, &prefix->addr) : NULL;
		bool others = owner && owner->interface_id && owner->interface_id != interface->id;

		collecting->reused += others;
		if (others || (owner && bg_pod_has_branch(owner) && is_local(collecting, owner)))
			continue;
		if (add(collecting, &interface->groups, prefix))
			return -ENOMEM;
	}
	return 0;
}

/* Of a pod elsewhere; where two claim an address, EC2 decides. */
static int add_pod(struct collecting *collecting, const struct bg_kube_pod *pod)
{
	const struct bg_cluster *cluster = collecting->cluster;
	const struct bg_ec2_interface *interface = bg_pod_interface(cluster, pod);
	bg_cleanup(bg_names_release) struct bg_names wanted = {};
	const struct bg_names *groups = interface ? &interface->groups : &wanted;

	if (!interface && pod->fargate_groups.count)
		groups = &pod->fargate_groups;
	else if (!interface && bg_pod_wanted(cluster, pod, &wanted))
		return -ENOMEM;
	for (size_t i = 0; i < pod->address_count; i++) {
		struct bg_prefix prefix = { pod->addresses[i], 128 };

		if (owner_of(cluster, &pod->addresses[i]) == pod &&
		    add(collecting, groups, &prefix))
			return -ENOMEM;
	}
	return 0;
}

static int by_prefix(const void *a, const void *b)
{
	return bg_prefix_compare(a, b);
}

void bg_members_tidy(struct bg_gathered_members *members)
{
	size_t kept = 0;

	if (!members->count)
		return;
	qsort(members->prefixes, members->count, sizeof(*members->prefixes), by_prefix);
	for (size_t i = 0; i < members->count; i++)
		if (!kept || bg_prefix_compare(&members->prefixes[kept - 1], &members->prefixes[i]))
			members->prefixes[kept++] = members->prefixes[i];
	members->count = kept;
}

static int collect(struct collecting *collecting)
{
	const struct bg_cluster *cluster = collecting->cluster;

	for (size_t i = 0; i < cluster->interface_count; i++)
		if (!cluster->interfaces[i].doubtful &&
		    add_interface(collecting, &cluster->interfaces[i]))
			return -ENOMEM;
	for (size_t i = 0; i < cluster->pod_count; i++) {
		const struct bg_kube_pod *pod = &cluster->pods[i];

		if (bg_pod_lives(pod) && pod->address_count &&
		    (pod->on_fargate || !is_local(collecting, pod)) && add_pod(collecting, pod))
			return -ENOMEM;
	}
	if (!collecting->reused)
		return 0;
	return bg_report(collecting->cluster,
			 "%zu addresses of interfaces in EC2's answer are those of other "
			 "interfaces' pods: it is older than the pods; there they are no members",
			 collecting->reused);
}

int bg_members_of(struct bg_cluster *cluster, const struct bg_names *groups, const char *node,
		  struct bg_gathered_members **members, struct bg_error *err)
{
	struct collecting collecting = { .cluster = cluster, .node = node };
	int rc = 0;

	*members = NULL;
	if (!groups->count)
		return 0;
	collecting.members = calloc(groups->count, sizeof(*collecting.members));
	if (!collecting.members)
		return bg_no_memory(err, BG_GATHERING);
	for (size_t i = 0; i < groups->count && !rc; i++)
		if (!bg_dict_put(&collecting.groups, groups->name[i], strlen(groups->name[i]), i,
				 NULL))
			rc = -ENOMEM;
	rc = rc ? rc : collect(&collecting);
	bg_dict_release(&collecting.groups);
	if (rc) {
		bg_members_free(collecting.members, groups->count);
		return bg_no_memory(err, BG_GATHERING);
	}
	for (size_t i = 0; i < groups->count; i++)
		bg_members_tidy(&collecting.members[i]);
	*members = collecting.members;
	return 0;
}

int bg_own_members(const struct bg_cluster *cluster, const char *node,
		   struct bg_gathered_members *own)
{
	size_t count;
	const size_t *pods = bg_node_pods(cluster, node, &count);

	for (size_t i = 0; i < count; i++) {
		const struct bg_kube_pod *pod = &cluster->pods[pods[i]];

		for (size_t k = 0; k < pod->address_count && bg_pod_has_branch(pod); k++) {
			struct bg_prefix *added;

			if (owner_of(cluster, &pod->addresses[k]) != pod)
				continue;
			added = BG_GROW(own->prefixes, own->count);
			if (!added)
				return -ENOMEM;
			*added = (struct bg_prefix){ pod->addresses[k], 128 };
		}
	}
	bg_members_tidy(own);
	return 0;
}

void bg_members_free(struct bg_gathered_members *members, size_t count)
{
	for (size_t i = 0; i < count && members; i++)
		free(members[i].prefixes);
	free(members);
}
