// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The answer to "why has this pod these groups?": its interface, what EC2 says of that, each
 * policy of its namespace with what speaks for or against it, and its probes. The verb asks;
 * it decides nothing that join.c has not decided.
 */
#include "fleet/gather/why.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"

int bg_why_find(const struct bg_cluster *cluster, const char *name, const struct bg_kube_pod **pod,
		struct bg_error *err)
{
	const struct bg_kube_pod *found = strchr(name, '/') ? bg_find_pod(cluster, name) : NULL;

	for (size_t i = 0; i < cluster->pod_count && !strchr(name, '/'); i++) {
		const struct bg_kube_pod *candidate = &cluster->pods[i];

		if (candidate->object.stale || strcmp(candidate->object.name, name) != 0)
			continue;
		if (found)
			return bg_fail(err, -EINVAL,
				       "pod '%.80s': found %s and %s, expected NAMESPACE/NAME",
				       name, found->object.path, candidate->object.path);
		found = candidate;
	}
	if (!found)
		return bg_fail(
			err, -ENOENT,
			"pod '%.80s': the files have no such pod, expected NAMESPACE/NAME as "
			"`kubectl get pods -A` prints them",
			name);
	*pod = found;
	return 0;
}

static void put_names(FILE *out, const struct bg_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		fprintf(out, "%s%s", i ? " " : "", names->name[i]);
	if (!names->count)
		fputs("none", out);
}

static void put_groups(FILE *out, const char *head, const struct bg_names *names, const char *why)
{
	fprintf(out, "  %-9s ", head);
	put_names(out, names);
	fprintf(out, ", %s\n", why);
}

/* What it is, if it is no pod with an interface of its own; NULL: it is one. */
static const char *other_kind(const struct bg_kube_pod *pod)
{
	if (pod->host_network)
		return "it is in the node's own network: policies do not count, and the node's "
		       "groups do";
	if (pod->finished)
		return "it has finished: its interface was given back";
	if (pod->on_fargate)
		return "it runs on Fargate: it is a member of its groups, and no node's branch";
	if (!pod->interface_id && pod->pending)
		return "it has no interface yet: nothing has annotated it with "
		       "vpc.amazonaws.com/pod-eni";
	if (!pod->interface_id)
		return "it has no interface of its own (no annotation vpc.amazonaws.com/pod-eni): "
		       "it goes with the node's groups";
	return NULL;
}

static void put_interface(FILE *out, const struct bg_kube_pod *pod)
{
	const char *other = other_kind(pod);
	char text[BG_IP_TEXT];

	if (other) {
		fprintf(out, "  %-9s none: %s\n", "branch", other);
		return;
	}
	fprintf(out, "  %-9s %s, VLAN %d", "branch", pod->interface_id, pod->vlan);
	for (size_t i = 0; i < pod->address_count; i++)
		fprintf(out, ", %s", bg_addr_format(&pod->addresses[i], text));
	if (pod->terminating)
		fputs("; the pod is being ended, and guarded until it is gone", out);
	fputc('\n', out);
}

static void put_label(FILE *out, const struct bg_labels *labels,
		      const struct bg_requirement *requirement)
{
	const char *value = bg_labels_find(labels, requirement->key);
	char text[512];

	fprintf(out, "wants %s, found ", bg_requirement_text(requirement, text, sizeof(text)));
	if (value)
		fprintf(out, "\"%s\"", value);
	else
		fputs("no such label", out);
}

static void put_selection(const struct bg_cluster *cluster, const struct bg_kube_policy *policy,
			  const struct bg_kube_pod *pod, FILE *out)
{
	const struct bg_requirement *why = NULL;
	const struct bg_kube_account *account = bg_pod_account(cluster, pod);

	fprintf(out, "  %-9s %s: ", "policy", policy->object.path);
	switch (bg_policy_selects(cluster, policy, pod, &why)) {
	case BG_SELECTS:
		fputs("selects it: ", out);
		put_names(out, &policy->groups);
		break;
	case BG_SELECTS_NOTHING:
		fputs(policy->groups.count ? "selects nothing: it has no selector"
					   : "selects nothing: it has no groups",
		      out);
		break;
	case BG_NOT_BY_POD:
		fputs("not by its podSelector: ", out);
		put_label(out, &pod->labels, why);
		break;
	case BG_NOT_BY_ACCOUNT:
		fprintf(out,
			"not by its serviceAccountSelector, of service account %s: ", pod->account);
		put_label(out, &account->labels, why);
		break;
	case BG_NO_ACCOUNT:
		fprintf(out,
			"not by its serviceAccountSelector: the files do not have the service "
			"account %s",
			pod->account);
		break;
	}
	fputc('\n', out);
}

static int put_all_groups(const struct bg_cluster *cluster, const struct bg_kube_pod *pod,
			  FILE *out)
{
	bg_cleanup(bg_names_release) struct bg_names wanted = {}, common = {};
	const struct bg_ec2_interface *interface = bg_pod_interface(cluster, pod);

	if (bg_pod_wanted(cluster, pod, &wanted))
		return -ENOMEM;
	if (bg_pod_has_branch(pod) && bg_pod_in_doubt(cluster, pod)) {
		if (bg_names_add_all(&common, &wanted))
			return -ENOMEM;
		bg_names_keep(&common, &interface->groups);
		put_groups(out, "groups", &common,
			   "which its policies want and EC2 says its interface has; EC2 also says "
			   "that the interface has not its addresses, so where another pod of the "
			   "node has the interface or the VLAN, this one has nothing");
		return 0;
	}
	if (pod->on_fargate && pod->fargate_groups.count)
		put_groups(out, "groups", &pod->fargate_groups,
			   "by its annotation fargate.amazonaws.com/pod-sg");
	else if (interface && bg_pod_has_branch(pod))
		put_groups(out, "groups", &interface->groups, "which EC2 says its interface has");
	else if (bg_pod_has_branch(pod))
		put_groups(out, "groups", &wanted,
			   wanted.count ? "which its policies want: EC2's answer does not have the "
					  "interface"
					: "by its policies: EC2's answer does not have the "
					  "interface, which then got those of the node");
	if (interface && bg_pod_has_branch(pod) && !bg_names_equal(&interface->groups, &wanted))
		put_groups(out, "drift", &wanted,
			   "which its policies want now: an interface keeps what it was made with "
			   "until the pod is made anew, or somebody changed it in EC2");
	else if (!bg_pod_has_branch(pod) && !pod->host_network)
		put_groups(out, "wanted", &wanted, "by its policies");
	return 0;
}

int bg_why(const struct bg_cluster *cluster, const struct bg_kube_pod *pod, FILE *out)
{
	size_t count;
	const struct bg_kube_policy *policies =
		bg_policies_of(cluster, pod->object.namespace, &count);
	bool any = false;

	fprintf(out, "%s on %s, service account %s\n", pod->object.path,
		pod->node ? pod->node : "no node yet", pod->account);
	put_interface(out, pod);
	if (put_all_groups(cluster, pod, out))
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		if (policies[i].object.stale)
			continue;
		any = true;
		put_selection(cluster, &policies[i], pod, out);
	}
	if (!any)
		fprintf(out, "  %-9s none in namespace %s\n", "policy", pod->object.namespace);
	for (size_t i = 0; i < pod->probe_count; i++)
		fprintf(out, "  %-9s tcp %d, container %s: %s\n", "probe", pod->probes[i].port,
			pod->probes[i].container, pod->probes[i].what);
	return 0;
}
