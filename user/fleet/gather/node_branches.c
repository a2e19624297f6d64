// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Which branches a node has, with which groups: those that their interfaces have in EC2,
 * whatever the policies say now; those that the policies want where EC2's answer does not
 * have the interface; and without either the node's own, which the controller takes then.
 * Who names an interface that EC2 says is not his gets no group by it that his policies do not
 * want, and nothing that another pod has. node_feed.c calls it, and writes what it finds.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/grow.h"
#include "fleet/gather/node_feed.h"

void bg_gathered_node_release(struct bg_gathered_node *node)
{
	for (size_t i = 0; i < node->branch_count; i++) {
		bg_names_release(&node->branches[i].groups);
		free(node->branches[i].pods);
	}
	free(node->branches);
	bg_names_release(&node->groups);
	*node = (struct bg_gathered_node){};
}

/* --- the node --- */

static bool has_address(const struct bg_ec2_interface *interface, const struct bg_kube_node *node)
{
	for (size_t i = 0; i < node->address_count; i++)
		for (size_t k = 0; k < interface->prefix_count; k++)
			if (!bg_prefix_compare(&interface->prefixes[k], &node->addresses[i]))
				return true;
	return false;
}

static int node_groups(const struct bg_cluster *cluster, struct bg_gathered_node *node)
{
	for (size_t i = 0; i < cluster->interface_count && node->object; i++) {
		const struct bg_ec2_interface *interface = &cluster->interfaces[i];

		if (!interface->doubtful && has_address(interface, node->object) &&
		    bg_names_add_all(&node->groups, &interface->groups))
			return -ENOMEM;
	}
	bg_names_tidy(&node->groups);
	return 0;
}

/* A misspelled name must not look like a node without pods. */
static int find_node(struct bg_cluster *cluster, const char *name, struct bg_gathered_node *node,
		     struct bg_error *err)
{
	size_t count;

	node->name = name;
	node->object = bg_find_node(cluster, name);
	if (node->object)
		return 0;
	bg_node_pods(cluster, name, &count);
	if (cluster->node_count || !count)
		return bg_fail(err, -ENOENT,
			       "%s: the files have no such node%s%s: expected its name as `kubectl "
			       "get nodes` prints it",
			       name, cluster->node_count ? "; one that they have is " : "",
			       cluster->node_count ? cluster->nodes[0].object.name : "");
	return bg_report(cluster,
			 "the files do not have the node %s itself, so its addresses are not "
			 "known: probes need rules; give `kubectl get nodes` as well",
			 name)
		       ? bg_no_memory(err, BG_GATHERING)
		       : 0;
}

/* --- what is odd with a pod --- */

/* "sg-1 sg-2", "none" */
static const char *join(const struct bg_names *names, char *text, size_t size)
{
	size_t used = 0;

	snprintf(text, size, "none");
	for (size_t i = 0; i < names->count && used < size; i++)
		used += snprintf(text + used, size - used, "%s%s", i ? " " : "", names->name[i]);
	return text;
}

static int report_drift(struct bg_cluster *cluster, const struct bg_kube_pod *pod,
			const struct bg_names *actual, const struct bg_names *wanted, bool in_doubt)
{
	char has[512], wants[512];

	return bg_report(cluster, "Pod %s: %s has the groups %s, its policies want %s: %s",
			 pod->object.path, pod->interface_id, join(actual, has, sizeof(has)),
			 join(wanted, wants, sizeof(wants)),
			 in_doubt ? "what is in both is in force, as the interface may be another "
				    "pod's"
				  : "what it has is in force, until the pod is made anew");
}

/* A pod without a branch that should have one: it goes with the node's groups. */
static int report_unguarded(struct bg_cluster *cluster, const struct bg_kube_pod *pod)
{
	bg_cleanup(bg_names_release) struct bg_names wanted = {};
	char wants[512];

	if (!bg_pod_lives(pod) || pod->on_fargate || pod->pending || pod->terminating)
		return 0;
	if (bg_pod_wanted(cluster, pod, &wanted))
		return -ENOMEM;
	if (!wanted.count)
		return 0;
	return bg_report(
		cluster,
		"Pod %s: its policies want %s, but it has no interface of its own and goes "
		"with the node's groups: it is older than they are, or the admission "
		"webhook did not see it; make it anew",
		pod->object.path, join(&wanted, wants, sizeof(wants)));
}

/* Its annotation is what the daemon goes by, and EC2 what the VPC does. */
static int report_address(struct bg_cluster *cluster, const struct bg_kube_pod *pod,
			  const struct bg_ec2_interface *interface)
{
	char text[BG_IP_TEXT];

	for (size_t i = 0; i < pod->address_count && interface->prefix_count; i++)
		if (!bg_interface_has(interface, &pod->addresses[i]) &&
		    bg_report(cluster,
			      "Pod %s: its annotation says that %s has the address %s, EC2 "
			      "says that it has not",
			      pod->object.path, pod->interface_id,
			      bg_addr_format(&pod->addresses[i], text)))
			return -ENOMEM;
	return 0;
}

static int report_pod(struct bg_cluster *cluster, const struct bg_kube_pod *pod,
		      const struct bg_ec2_interface *interface, const struct bg_names *wanted,
		      bool in_doubt)
{
	int rc = interface ? report_address(cluster, pod, interface) : 0;

	if (interface && !bg_names_equal(&interface->groups, wanted) && !rc)
		rc = report_drift(cluster, pod, &interface->groups, wanted, in_doubt);
	if (!interface && !rc)
		rc = bg_report(cluster,
			       "Pod %s: EC2's answer does not have %s: it is taken to have the "
			       "groups that policies want%s",
			       pod->object.path, pod->interface_id,
			       wanted->count ? "" : ", and as they want none, the node's");
	if (pod->more_interfaces && !rc)
		rc = bg_report(
			cluster,
			"Pod %s: its annotation names %zu more interfaces, which the CNI does "
			"not use",
			pod->object.path, pod->more_interfaces);
	return rc;
}

/* --- branches --- */

/* The branch of a pod: several pods may be behind one interface. */
static struct bg_gathered_branch *branch_of(struct bg_gathered_node *node,
					    const struct bg_kube_pod *pod)
{
	struct bg_gathered_branch *branch;

	for (size_t i = 0; i < node->branch_count; i++) {
		branch = &node->branches[i];
		if (branch->id == pod->interface_id && branch->vlan == pod->vlan)
			return branch;
	}
	branch = BG_GROW(node->branches, node->branch_count);
	if (branch)
		*branch = (struct bg_gathered_branch){ .id = pod->interface_id, .vlan = pod->vlan };
	return branch;
}

/* Pods behind one interface have the same groups; what only one of them wants is doubtful. */
static int add_pod(struct bg_cluster *cluster, struct bg_gathered_node *node,
		   const struct bg_kube_pod *pod, bool in_doubt)
{
	bg_cleanup(bg_names_release) struct bg_names wanted = {};
	const struct bg_ec2_interface *interface = bg_pod_interface(cluster, pod);
	struct bg_gathered_branch *branch = branch_of(node, pod);
	const struct bg_kube_pod **place = branch ? BG_GROW(branch->pods, branch->pod_count) : NULL;

	if (!place || bg_pod_wanted(cluster, pod, &wanted))
		return -ENOMEM;
	*place = pod;
	branch->interface = interface;
	branch->in_doubt = in_doubt;
	if (report_pod(cluster, pod, interface, &wanted, in_doubt))
		return -ENOMEM;
	if (branch->pod_count == 1) {
		if (bg_names_add_all(&branch->groups, interface ? &interface->groups : &wanted))
			return -ENOMEM;
		bg_names_tidy(&branch->groups);
		branch->has_groups = interface || branch->groups.count;
	}
	if (in_doubt || (branch->pod_count > 1 && !interface))
		bg_names_keep(&branch->groups, &wanted);
	return 0;
}

/* A pod in doubt comes after those that are not: what they have, interface or VLAN, it has not. */
static int add_pod_in_doubt(struct bg_cluster *cluster, struct bg_gathered_node *node,
			    const struct bg_kube_pod *pod)
{
	for (size_t i = 0; i < node->branch_count; i++) {
		const struct bg_gathered_branch *branch = &node->branches[i];

		if (branch->in_doubt ||
		    (branch->id != pod->interface_id && branch->vlan != pod->vlan))
			continue;
		return report_address(cluster, pod, bg_pod_interface(cluster, pod))
			       ?: bg_report(cluster,
					    "Pod %s: left out, as Pod %s has %s and VLAN %d",
					    pod->object.path, branch->pods[0]->object.path,
					    branch->id, branch->vlan);
	}
	return add_pod(cluster, node, pod, true);
}

static int by_vlan(const void *a, const void *b)
{
	const struct bg_gathered_branch *one = a, *other = b;

	if (one->vlan != other->vlan)
		return one->vlan < other->vlan ? -1 : 1;
	return strcmp(one->id, other->id);
}

static int add_pods(struct bg_cluster *cluster, struct bg_gathered_node *node)
{
	size_t count;
	const size_t *pods = bg_node_pods(cluster, node->name, &count);

	for (size_t i = 0; i < count; i++) {
		const struct bg_kube_pod *pod = &cluster->pods[pods[i]];

		if (!bg_pod_has_branch(pod)) {
			if (report_unguarded(cluster, pod))
				return -ENOMEM;
		} else if (!bg_pod_in_doubt(cluster, pod) && add_pod(cluster, node, pod, false)) {
			return -ENOMEM;
		}
	}
	for (size_t i = 0; i < count; i++) {
		const struct bg_kube_pod *pod = &cluster->pods[pods[i]];

		if (bg_pod_has_branch(pod) && bg_pod_in_doubt(cluster, pod) &&
		    add_pod_in_doubt(cluster, node, pod))
			return -ENOMEM;
	}
	if (node->branch_count)
		qsort(node->branches, node->branch_count, sizeof(*node->branches), by_vlan);
	return 0;
}

/* The controller gives what no policy selects the node's groups. */
static int default_groups(struct bg_gathered_node *node)
{
	for (size_t i = 0; i < node->branch_count; i++) {
		struct bg_gathered_branch *branch = &node->branches[i];

		if (branch->has_groups || !node->groups.count)
			continue;
		if (bg_names_add_all(&branch->groups, &node->groups))
			return -ENOMEM;
		branch->has_groups = true;
	}
	return 0;
}

int bg_node_branches(struct bg_cluster *cluster, const char *name, struct bg_gathered_node *node,
		     struct bg_error *err)
{
	int rc = find_node(cluster, name, node, err);

	if (rc)
		return rc;
	if (node_groups(cluster, node) || add_pods(cluster, node) || default_groups(node))
		return bg_no_memory(err, BG_GATHERING);
	return 0;
}
