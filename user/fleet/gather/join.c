// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Joins what was read: the newest of each object, pods by node and by address, policies by
 * namespace. Called once by who has read the files, then node_feed.c and why.c ask; it
 * never changes an object, but says which are stale.
 */
#include "fleet/gather/join.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"

/* --- is it all there? --- */

static const struct {
	const char *command;
	const char *why; /* it is needed; NULL: it is not */
} commands[BG_ANSWERS] = {
	[BG_ANSWER_KUBERNETES] = { "kubectl get pods,securitygrouppolicies,... -A -o json",
				   "which pods there are" },
	[BG_ANSWER_GROUPS] = { "aws ec2 describe-security-groups", "what the groups allow" },
	[BG_ANSWER_RULES] = { "aws ec2 describe-security-group-rules", NULL },
	[BG_ANSWER_INTERFACES] = { "aws ec2 describe-network-interfaces",
				   "which groups interfaces have" },
	[BG_ANSWER_LISTS] = { "aws ec2 describe-managed-prefix-lists", NULL },
};

static int check_pages(const struct bg_cluster *cluster, struct bg_error *err)
{
	for (int i = 0; i < BG_ANSWERS; i++) {
		const struct bg_pages *pages = &cluster->pages[i];

		if (pages->more && !pages->last)
			return bg_fail(err, -ENODATA,
				       "the last page of `%s` is missing: %zu %s given, and each "
				       "says that more follow",
				       commands[i].command, pages->more,
				       pages->more == 1 ? "was" : "were");
		if (!pages->last && commands[i].why)
			return bg_fail(err, -ENODATA,
				       "no file has what `%s` prints: without it nobody knows %s",
				       commands[i].command, commands[i].why);
	}
	return 0;
}

static int check_lists(struct bg_cluster *cluster, struct bg_error *err)
{
	for (size_t i = 0; i < cluster->list_count; i++) {
		struct bg_ec2_list *list = &cluster->lists[i];

		if (!list->more_pages || list->last_pages || list->doubtful)
			continue;
		list->doubtful = true;
		if (bg_report(cluster,
			      "prefix list %s: the last page of its entries is missing; left out",
			      list->id))
			return bg_no_memory(err, BG_GATHERING);
	}
	return 0;
}

/* --- the newest of each --- */

static int by_path(const void *a, const void *b)
{
	const struct bg_kube_object *one = a, *other = b;
	int order = strcmp(one->path, other->path);

	if (order)
		return order;
	if (one->version != other->version)
		return one->version > other->version ? -1 : 1;
	order = strcmp(one->origin.file, other->origin.file);
	if (order)
		return order;
	return one->origin.index < other->origin.index ? -1 : 1;
}

/* An array of objects, each of which begins with a struct bg_kube_object. */
struct objects {
	void *array;
	size_t count, bytes;
	const char *plural;
	struct bg_dict *by_path; /* or NULL */
};

static struct bg_kube_object *nth(const struct objects *objects, size_t i)
{
	return (void *)((char *)objects->array + i * objects->bytes);
}

static int keep_newest(struct bg_cluster *cluster, const struct objects *objects,
		       struct bg_error *err)
{
	size_t differing = 0;

	if (!objects->count)
		return 0;
	qsort(objects->array, objects->count, objects->bytes, by_path);
	for (size_t i = 0; i < objects->count; i++) {
		struct bg_kube_object *object = nth(objects, i);
		const struct bg_kube_object *before = i ? nth(objects, i - 1) : NULL;

		object->stale = before && before->path == object->path;
		differing += object->stale &&
			     (before->version != object->version || !object->version);
		if (!object->stale && objects->by_path &&
		    !bg_dict_put(objects->by_path, object->path, strlen(object->path), i, NULL))
			return bg_no_memory(err, BG_GATHERING);
	}
	if (differing &&
	    bg_report(cluster,
		      "%zu %s stand in the files more than once, and not the same: the newest of "
		      "each counts",
		      differing, objects->plural))
		return bg_no_memory(err, BG_GATHERING);
	return 0;
}

/* --- what looks things up --- */

bool bg_pod_lives(const struct bg_kube_pod *pod)
{
	return !pod->object.stale && !pod->finished && !pod->host_network;
}

bool bg_pod_has_branch(const struct bg_kube_pod *pod)
{
	return bg_pod_lives(pod) && pod->interface_id && !pod->on_fargate;
}

/* A pod that is being ended claims nothing: where its node is gone it stays so, and its
 * address has long been given to another. What EC2 still says of it counts. */
static int note_owners(struct bg_cluster *cluster, struct bg_error *err)
{
	for (size_t i = 0; i < cluster->pod_count; i++) {
		const struct bg_kube_pod *pod = &cluster->pods[i];

		for (size_t k = 0; k < pod->address_count && bg_pod_lives(pod) && !pod->terminating;
		     k++) {
			bool is_new;
			size_t *owner = bg_dict_put(&cluster->owners, &pod->addresses[k],
						    sizeof(pod->addresses[k]), i, &is_new);

			if (!owner)
				return bg_no_memory(err, BG_GATHERING);
			if (!is_new && *owner != i)
				*owner = SIZE_MAX;
		}
	}
	return 0;
}

static int note_policies(struct bg_cluster *cluster, struct bg_error *err)
{
	for (size_t i = 0; i < cluster->policy_count; i++) {
		const char *namespace = cluster->policies[i].object.namespace;

		if (!bg_dict_put(&cluster->policies_of, namespace, strlen(namespace), i, NULL))
			return bg_no_memory(err, BG_GATHERING);
	}
	return 0;
}

static int by_node(const void *a, const void *b, void *context)
{
	const struct bg_kube_pod *pods = context;
	size_t one = *(const size_t *)a, other = *(const size_t *)b;
	int order = strcmp(pods[one].node, pods[other].node);

	/* they are sorted by path */
	return order ? order : one < other ? -1 : one > other;
}

static int note_pods(struct bg_cluster *cluster, struct bg_error *err)
{
	for (size_t i = 0; i < cluster->pod_count; i++) {
		size_t *place;

		if (cluster->pods[i].object.stale || !cluster->pods[i].node)
			continue;
		place = BG_GROW(cluster->by_node, cluster->by_node_count);
		if (!place)
			return bg_no_memory(err, BG_GATHERING);
		*place = i;
	}
	if (cluster->by_node_count)
		qsort_r(cluster->by_node, cluster->by_node_count, sizeof(*cluster->by_node),
			by_node, cluster->pods);
	for (size_t i = 0; i < cluster->by_node_count; i++) {
		const char *node = cluster->pods[cluster->by_node[i]].node;

		if (!bg_dict_put(&cluster->pods_on_node, node, strlen(node), i, NULL))
			return bg_no_memory(err, BG_GATHERING);
	}
	return 0;
}

int bg_cluster_join(struct bg_cluster *cluster, struct bg_error *err)
{
	const struct objects kinds[] = {
		{ cluster->nodes, cluster->node_count, sizeof(*cluster->nodes), "nodes",
		  &cluster->nodes_by_path },
		{ cluster->accounts, cluster->account_count, sizeof(*cluster->accounts),
		  "service accounts", &cluster->accounts_by_path },
		{ cluster->services, cluster->service_count, sizeof(*cluster->services), "services",
		  NULL },
		{ cluster->policies, cluster->policy_count, sizeof(*cluster->policies), "policies",
		  NULL },
		{ cluster->pods, cluster->pod_count, sizeof(*cluster->pods), "pods",
		  &cluster->pods_by_path },
	};
	int rc = check_pages(cluster, err) ?: check_lists(cluster, err);

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && !rc; i++)
		rc = keep_newest(cluster, &kinds[i], err);
	return rc ?:
		    note_owners(cluster, err) ?:
		    note_policies(cluster, err) ?: note_pods(cluster, err);
}

/* --- asking --- */

const struct bg_ec2_interface *bg_pod_interface(const struct bg_cluster *cluster,
						const struct bg_kube_pod *pod)
{
	const size_t *known = pod->interface_id
				      ? bg_dict_find(&cluster->interfaces_by_id, pod->interface_id,
						     strlen(pod->interface_id))
				      : NULL;

	return known && !cluster->interfaces[*known].doubtful ? &cluster->interfaces[*known] : NULL;
}

bool bg_interface_has(const struct bg_ec2_interface *interface, const struct bg_addr *addr)
{
	for (size_t i = 0; i < interface->prefix_count; i++)
		if (bg_prefix_has(&interface->prefixes[i], addr))
			return true;
	return false;
}

bool bg_pod_in_doubt(const struct bg_cluster *cluster, const struct bg_kube_pod *pod)
{
	const struct bg_ec2_interface *interface = bg_pod_interface(cluster, pod);

	for (size_t i = 0; i < pod->address_count && interface && interface->prefix_count; i++)
		if (!bg_interface_has(interface, &pod->addresses[i]))
			return true;
	return false;
}

const struct bg_kube_account *bg_pod_account(const struct bg_cluster *cluster,
					     const struct bg_kube_pod *pod)
{
	size_t length = strlen(pod->object.namespace);
	char path[2 * BG_POINTER_TEXT];
	const size_t *known;

	if (length + strlen(pod->account) + 2 > sizeof(path))
		return NULL;
	length = snprintf(path, sizeof(path), "%s/%s", pod->object.namespace, pod->account);
	known = bg_dict_find(&cluster->accounts_by_path, path, length);
	return known ? &cluster->accounts[*known] : NULL;
}

const struct bg_kube_pod *bg_find_pod(const struct bg_cluster *cluster, const char *path)
{
	const size_t *known = bg_dict_find(&cluster->pods_by_path, path, strlen(path));

	return known ? &cluster->pods[*known] : NULL;
}

const struct bg_kube_node *bg_find_node(const struct bg_cluster *cluster, const char *name)
{
	const size_t *known = bg_dict_find(&cluster->nodes_by_path, name, strlen(name));

	return known ? &cluster->nodes[*known] : NULL;
}

const struct bg_ec2_rules *bg_find_group(const struct bg_cluster *cluster, const char *id)
{
	const size_t *index = bg_dict_find(&cluster->groups_by_id, id, strlen(id));

	return index && !cluster->groups[*index].doubtful ? &cluster->groups[*index] : NULL;
}

const struct bg_ec2_list *bg_find_list(const struct bg_cluster *cluster, const char *id)
{
	const size_t *index = bg_dict_find(&cluster->lists_by_id, id, strlen(id));
	const struct bg_ec2_list *list = index ? &cluster->lists[*index] : NULL;

	return list && list->has_entries && !list->doubtful ? list : NULL;
}

const size_t *bg_node_pods(const struct bg_cluster *cluster, const char *name, size_t *count)
{
	const size_t *first = bg_dict_find(&cluster->pods_on_node, name, strlen(name));
	size_t end;

	*count = 0;
	if (!first)
		return NULL;
	for (end = *first; end < cluster->by_node_count &&
			   !strcmp(cluster->pods[cluster->by_node[end]].node, name);
	     end++)
		++*count;
	return &cluster->by_node[*first];
}

const struct bg_kube_policy *bg_policies_of(const struct bg_cluster *cluster, const char *namespace,
					    size_t *count)
{
	const size_t *first = bg_dict_find(&cluster->policies_of, namespace, strlen(namespace));

	*count = 0;
	if (!first)
		return NULL;
	for (size_t end = *first;
	     end < cluster->policy_count && cluster->policies[end].object.namespace == namespace;
	     end++)
		++*count;
	return &cluster->policies[*first];
}

/* As the controller decides it: a selector that is given has to match, one that is not does
 * not matter, and with neither, or without groups, the policy is none. */
enum bg_selection bg_policy_selects(const struct bg_cluster *cluster,
				    const struct bg_kube_policy *policy,
				    const struct bg_kube_pod *pod,
				    const struct bg_requirement **why)
{
	if ((!policy->pods.given && !policy->accounts.given) || !policy->groups.count)
		return BG_SELECTS_NOTHING;
	if (policy->pods.given && !bg_selector_matches(&policy->pods, &pod->labels, why))
		return BG_NOT_BY_POD;
	if (policy->accounts.given) {
		const struct bg_kube_account *account = bg_pod_account(cluster, pod);

		if (!account)
			return BG_NO_ACCOUNT;
		if (!bg_selector_matches(&policy->accounts, &account->labels, why))
			return BG_NOT_BY_ACCOUNT;
	}
	return BG_SELECTS;
}

int bg_pod_wanted(const struct bg_cluster *cluster, const struct bg_kube_pod *pod,
		  struct bg_names *wanted)
{
	size_t count;
	const struct bg_kube_policy *policies =
		bg_policies_of(cluster, pod->object.namespace, &count);

	for (size_t i = 0; i < count; i++) {
		if (policies[i].object.stale ||
		    bg_policy_selects(cluster, &policies[i], pod, NULL) != BG_SELECTS)
			continue;
		if (bg_names_add_all(wanted, &policies[i].groups))
			return -ENOMEM;
	}
	bg_names_tidy(wanted);
	return 0;
}
