// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What must not occur twice in a feed: ids, VLANs, interfaces, pods' addresses. Called
 * once by branches.c, when node and branches are in the model; it changes neither.
 */
#include "feed/reading.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

struct uniqueness {
	struct bg_dict ids, interfaces, host_interfaces, addresses, node_addresses;
	size_t vlans[BG_VLANS]; /* index of the branch + 1 */
};

static void release_uniqueness(struct uniqueness *seen)
{
	bg_dict_release(&seen->ids);
	bg_dict_release(&seen->interfaces);
	bg_dict_release(&seen->host_interfaces);
	bg_dict_release(&seen->addresses);
	bg_dict_release(&seen->node_addresses);
}

/* What has this interface already; NULL: nothing. With the programs of two roles an
 * interface would be cut off; if it is the node's own, so would the node. */
static const char *owner_of(const struct uniqueness *seen, const struct bg_model *model,
			    const char *interface, char text[64])
{
	const size_t *branch = bg_dict_find(&seen->interfaces, interface, strlen(interface));

	if (!strcmp(interface, model->node.primary_interface))
		return "the node's (/Node/PrimaryInterface)";
	if (!strcmp(interface, model->node.trunk_interface))
		return "the trunk (/Node/TrunkInterface)";
	if (!branch)
		return NULL;
	snprintf(text, 64, "that of /Branches/%zu", *branch);
	return text;
}

static int unique_branch(struct uniqueness *seen, const struct bg_model *model, size_t index,
			 struct bg_error *err)
{
	const struct bg_model_branch *branch = &model->branches[index];
	const size_t *first;
	bool is_new;
	char owner_text[64];
	const char *owner;

	if (seen->vlans[branch->vlan])
		return bg_fail(
			err, -EINVAL,
			"/Branches/%zu/VlanId: found %d, which is that of /Branches/%zu (%s) "
			"already",
			index, branch->vlan, seen->vlans[branch->vlan] - 1,
			model->branches[seen->vlans[branch->vlan] - 1].id);
	seen->vlans[branch->vlan] = index + 1;
	owner = owner_of(seen, model, branch->interface, owner_text);
	if (owner)
		return bg_fail(err, -EINVAL, "/Branches/%zu/Interface: found \"%s\", which is %s",
			       index, branch->interface, owner);
	if (!bg_dict_put(&seen->interfaces, branch->interface, strlen(branch->interface), index,
			 NULL))
		return bg_no_memory(err, BG_READING);
	first = bg_dict_put(&seen->ids, branch->id, strlen(branch->id), index, &is_new);
	if (!first)
		return bg_no_memory(err, BG_READING);
	if (!is_new)
		return bg_fail(
			err, -EINVAL,
			"/Branches/%zu/Id: found \"%s\", which is that of /Branches/%zu already",
			index, branch->id, *first);
	return 0;
}

#define POD_SHIFT 32

static int unique_addresses(struct uniqueness *seen, const struct bg_model_pod *pod, size_t branch,
			    size_t index, struct bg_error *err)
{
	char text[BG_IP_TEXT];

	for (size_t i = 0; i < pod->address_count; i++) {
		bool is_new;
		const size_t *first = bg_dict_put(&seen->addresses, &pod->addresses[i],
						  sizeof(pod->addresses[i]),
						  branch << POD_SHIFT | index, &is_new);

		if (!first)
			return bg_no_memory(err, BG_READING);
		if (bg_dict_find(&seen->node_addresses, &pod->addresses[i],
				 sizeof(pod->addresses[i])))
			return bg_fail(err, -EINVAL,
				       "/Branches/%zu/Pods/%zu/Addresses: found %s, which is the "
				       "node's (/Node/Addresses)",
				       branch, index, bg_addr_format(&pod->addresses[i], text));
		if (!is_new)
			return bg_fail(err, -EINVAL,
				       "/Branches/%zu/Pods/%zu/Addresses: found %s, which belongs "
				       "to the pod at /Branches/%zu/Pods/%zu already",
				       branch, index, bg_addr_format(&pod->addresses[i], text),
				       *first >> POD_SHIFT, *first & 0xffffffff);
	}
	return 0;
}

/* A pod that was replaced may stay in the feed beside its successor for a moment, so a
 * name that both have is no error. */
static int unique_host_interface(struct bg_feed *feed, struct uniqueness *seen,
				 const struct bg_model_pod *pod, size_t branch, size_t index,
				 struct bg_error *err)
{
	const struct bg_model *model = feed->model;
	char pointer[96], owner_text[64];
	const char *owner;
	const size_t *first;
	bool is_new;

	if (!pod->host_interface[0])
		return 0;
	owner = owner_of(seen, model, pod->host_interface, owner_text);
	if (owner)
		return bg_fail(err, -EINVAL,
			       "/Branches/%zu/Pods/%zu/HostInterface: found \"%s\", which is %s",
			       branch, index, pod->host_interface, owner);
	snprintf(pointer, sizeof(pointer), "/Branches/%zu/Pods/%zu/HostInterface", branch, index);
	first = bg_dict_put(&seen->host_interfaces, pod->host_interface,
			    strlen(pod->host_interface), branch << POD_SHIFT | index, &is_new);
	if (!first)
		return bg_no_memory(err, BG_READING);
	if (is_new)
		return 0;
	if (bg_warn_pointer(feed, BG_WARN_BRANCH, pointer,
			    "%s is that of the pod at /Branches/%zu/Pods/%zu too",
			    pod->host_interface, *first >> POD_SHIFT, *first & 0xffffffff))
		return bg_no_memory(err, BG_READING);
	return 0;
}

int bg_feed_check_uniqueness(struct bg_feed *feed, struct bg_error *err)
{
	bg_cleanup(release_uniqueness) struct uniqueness seen = {};
	const struct bg_model *model = feed->model;

	for (size_t i = 0; i < model->node.address_count; i++) {
		if (!bg_dict_put(&seen.node_addresses, &model->node.addresses[i],
				 sizeof(model->node.addresses[i]), i, NULL))
			return bg_no_memory(err, BG_READING);
	}
	/* all interfaces of branches first: pods are compared with them */
	for (size_t i = 0; i < model->branch_count; i++) {
		int rc = unique_branch(&seen, model, i, err);

		if (rc)
			return rc;
	}
	for (size_t i = 0; i < model->branch_count; i++) {
		const struct bg_model_branch *branch = &model->branches[i];

		for (size_t n = 0; n < branch->pod_count; n++) {
			int rc = unique_addresses(&seen, &branch->pods[n], i, n, err);

			if (rc)
				return rc;
			rc = unique_host_interface(feed, &seen, &branch->pods[n], i, n, err);
			if (rc)
				return rc;
		}
	}
	return 0;
}
