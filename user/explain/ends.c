// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Finds the ends of connections in the model, and has them judged; interfaces elsewhere by
 * elsewhere.c. `explain`, batch.c and path.c call it; the verdicts are the program's, and
 * what a feed does not state is not guessed.
 */
#include "explain/ends.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/dict.h"
#include "base/grow.h"
#include "base/ip.h"
#include "explain/elsewhere.h"
#include "explain/explainer.h"

/* Prefixes, and what each belongs to; the longest that has an address is found first. */
struct lookup {
	struct bg_dict dict; /* address and length, 17 bytes → index */
	bool lengths[129];
};
#define PREFIX_KEY_BYTES (sizeof(struct bg_addr) + 1)
_Static_assert(offsetof(struct bg_prefix, length) == sizeof(struct bg_addr), "prefix key");

struct bg_ends {
	struct bg_explainer *explainer;
	struct bg_model *model; /* NULL: not known */
	struct bg_dict pods;	/* address → index in explainer->branches */
	struct lookup interfaces, lists;
	const char **group_ids; /* of all interfaces, one after the other */
	size_t *first_group_id; /* by interface */
	const char **node_groups;
	struct bg_elsewhere elsewhere;
};

void bg_ends_close(struct bg_ends *ends)
{
	if (!ends)
		return;
	bg_dict_release(&ends->pods);
	bg_dict_release(&ends->interfaces.dict);
	bg_dict_release(&ends->lists.dict);
	bg_elsewhere_release(&ends->elsewhere);
	free(ends->group_ids);
	free(ends->first_group_id);
	free(ends->node_groups);
	free(ends);
}

/* --- who is where ---------------------------------------------------------------- */

/* The first one with a prefix has it. */
static int lookup_add(struct lookup *lookup, const struct bg_prefix *prefixes, size_t count,
		      size_t index)
{
	for (size_t i = 0; i < count; i++) {
		lookup->lengths[prefixes[i].length] = true;
		if (!bg_dict_put(&lookup->dict, &prefixes[i], PREFIX_KEY_BYTES, index, NULL))
			return -ENOMEM;
	}
	return 0;
}

/* The next one below *length that has the address; NULL: no more. */
static const size_t *lookup_next(const struct lookup *lookup, const struct bg_addr *addr,
				 int *length)
{
	int least = bg_addr_is_v4(addr) ? BG_V4_BITS : 0;

	while (--*length >= least) {
		struct bg_prefix prefix;
		const size_t *found;

		if (!lookup->lengths[*length])
			continue;
		prefix = bg_prefix_of(addr, (unsigned int)*length);
		found = bg_dict_find(&lookup->dict, &prefix, PREFIX_KEY_BYTES);
		if (found)
			return found;
	}
	return NULL;
}

static int know_pods(struct bg_ends *ends)
{
	const struct bg_explainer *explainer = ends->explainer;
	const struct bg_model *model = ends->model;

	for (size_t i = 0; i < explainer->pod_count; i++)
		if (!bg_dict_put(&ends->pods, &explainer->pods[i].address, sizeof(struct bg_addr),
				 explainer->pods[i].branch, NULL))
			return -ENOMEM;
	/* those of the feed whose veth is not there now */
	for (size_t i = 0; model && i < model->branch_count; i++) {
		const struct bg_model_branch *branch = &model->branches[i];
		const struct bg_explain_branch *known = bg_explain_by_id(explainer, branch->id);

		for (size_t k = 0; known && k < branch->pod_count; k++)
			for (size_t n = 0; n < branch->pods[k].address_count; n++)
				if (!bg_dict_put(&ends->pods, &branch->pods[k].addresses[n],
						 sizeof(struct bg_addr),
						 (size_t)(known - explainer->branches), NULL))
					return -ENOMEM;
	}
	return 0;
}

static int know_interfaces(struct bg_ends *ends)
{
	const struct bg_model *model = ends->model;
	size_t used = 0;

	for (size_t i = 0; i < model->interface_count; i++)
		used += model->interfaces[i].group_count;
	ends->first_group_id = calloc(model->interface_count + 1, sizeof(*ends->first_group_id));
	ends->group_ids = calloc(used + 1, sizeof(*ends->group_ids));
	if (!ends->first_group_id || !ends->group_ids)
		return -ENOMEM;
	used = 0;
	for (size_t i = 0; i < model->interface_count; i++) {
		const struct bg_model_interface *interface = &model->interfaces[i];

		ends->first_group_id[i] = used;
		for (size_t k = 0; k < interface->group_count; k++)
			ends->group_ids[used++] = model->groups[interface->groups[k]].id;
		if (lookup_add(&ends->interfaces, interface->prefixes, interface->prefix_count, i))
			return -ENOMEM;
	}
	return 0;
}

static int know_node(struct bg_ends *ends)
{
	const struct bg_model_node *node = &ends->model->node;

	ends->node_groups = calloc(node->group_count + 1, sizeof(*ends->node_groups));
	if (!ends->node_groups)
		return -ENOMEM;
	for (size_t i = 0; i < node->group_count; i++)
		ends->node_groups[i] = ends->model->groups[node->groups[i]].id;
	return 0;
}

/* Those that a rule names, and then the others. */
static const struct bg_set *set_of(const struct bg_model *model, size_t index)
{
	return index < model->set_count ? &model->sets[index]
					: &model->spare_sets[index - model->set_count];
}

static int know(struct bg_ends *ends, enum bg_ends_asked asked)
{
	const struct bg_model *model = ends->model;
	int rc = know_pods(ends);

	if (rc || !model)
		return rc;
	for (size_t i = 0; !rc && i < model->set_count + model->spare_set_count; i++) {
		const struct bg_set *set = set_of(model, i);

		if (set->kind == BG_SET_LIST)
			rc = lookup_add(&ends->lists, set->prefixes, set->prefix_count, i);
	}
	if (!rc)
		rc = know_interfaces(ends) ?: know_node(ends);
	return rc || asked == BG_ENDS_FEW ? rc : bg_elsewhere_add_all(&ends->elsewhere);
}

int bg_ends_open(struct bg_explainer *explainer, struct bg_model *model, enum bg_ends_asked asked,
		 struct bg_ends **out, struct bg_error *err)
{
	bg_cleanup(bg_ends_close_at) struct bg_ends *ends = calloc(1, sizeof(*ends));

	if (!ends)
		return bg_no_memory(err, "noting who the feed knows");
	ends->explainer = explainer;
	ends->model = model;
	ends->elsewhere.model = model;
	if (know(ends, asked))
		return bg_no_memory(err, "noting who the feed knows");
	*out = bg_take_ptr(ends);
	return 0;
}

struct bg_end bg_ends_find(const struct bg_ends *ends, const struct bg_addr *addr)
{
	const size_t *pod = bg_dict_find(&ends->pods, addr, sizeof(*addr)), *interface;
	struct bg_end end = {};
	int length = 129;

	if (pod) {
		end.branch = &ends->explainer->branches[*pod];
		return end;
	}
	interface = lookup_next(&ends->interfaces, addr, &length);
	if (interface)
		end.interface = &ends->model->interfaces[*interface];
	return end;
}

const char *bg_end_name(const struct bg_end *end, char text[BG_IP_TEXT])
{
	if (end->branch)
		return end->branch->id;
	if (end->interface && *end->interface->id)
		return end->interface->id;
	return end->interface ? bg_addr_format(&end->interface->prefixes[0].addr, text) : "";
}

static bool any_has(const struct bg_prefix *prefixes, size_t count, const struct bg_addr *addr)
{
	for (size_t i = 0; i < count; i++)
		if (bg_prefix_has(&prefixes[i], addr))
			return true;
	return false;
}

bool bg_ends_is_service(const struct bg_ends *ends, const struct bg_addr *addr)
{
	const struct bg_model_node *node = ends->model ? &ends->model->node : NULL;

	if (!node || !any_has(node->service_cidrs, node->service_cidr_count, addr))
		return false;
	for (size_t i = 0; i < node->local_service_count; i++)
		if (!memcmp(&node->local_services[i].address, addr, sizeof(*addr)))
			return false;
	return !bg_dict_find(&ends->pods, addr, sizeof(*addr));
}

const struct bg_addr *bg_ends_seen_as(const struct bg_ends *ends,
				      const struct bg_explain_branch *branch,
				      const struct bg_question *question)
{
	const struct bg_model_node *node = ends->model ? &ends->model->node : NULL;
	const struct bg_addr *remote = &question->remote;

	if (!node || !branch || branch->mode != BG_STANDARD || question->direction != BG_EGRESS ||
	    node->external_snat || !bg_addr_is_v4(remote) ||
	    any_has(node->vpc_cidrs, node->vpc_cidr_count, remote) ||
	    any_has(node->exclude_snat_cidrs, node->exclude_snat_cidr_count, remote) ||
	    bg_dict_find(&ends->pods, remote, sizeof(*remote)))
		return &question->local;
	for (size_t i = 0; i < node->address_count; i++)
		if (bg_addr_is_v4(&node->addresses[i]))
			return &node->addresses[i];
	return &question->local;
}

/* A group of the interface whose rules in this direction the feed does not state. */
static const char *unstated_group(const struct bg_ends *ends, const struct bg_side *side)
{
	const struct bg_model_interface *interface = side->end.interface;

	for (size_t i = 0; i < interface->group_count; i++) {
		const struct bg_group *group = &ends->model->groups[interface->groups[i]];

		if (!group->known || !group->stated[side->question.direction])
			return group->id;
	}
	return NULL;
}

/* --- judging -------------------------------------------------------------------------- */

static int judge_branch(const struct bg_ends *ends, struct bg_side *side, struct bg_error *err)
{
	enum bg_explain_program program = BG_EXPLAIN_BRANCH_EGRESS;

	if (side->question.direction == BG_INGRESS)
		program = bg_explain_ingress_program(ends->explainer);
	side->judge = ends->explainer;
	return bg_explain_at(ends->explainer, program, side->end.branch, &side->question,
			     &side->answer, err);
}

int bg_ends_judge(struct bg_ends *ends, struct bg_side *side, struct bg_error *err)
{
	int rc;

	side->judged = false;
	side->unstated = NULL;
	/* without groups EC2 does not filter (a NAT gateway), or nobody said which */
	if (!side->end.branch && (!side->end.interface || !side->end.interface->group_count))
		return 0;
	rc = side->end.branch ? judge_branch(ends, side, err)
			      : bg_elsewhere_judge(&ends->elsewhere, side, err);
	if (rc)
		return rc;
	if (side->end.interface && !side->answer.allowed)
		side->unstated = unstated_group(ends, side);
	side->judged = side->answer.reason != BG_REASON_NONE && !side->unstated;
	return 0;
}

int bg_ends_judge_other(struct bg_ends *ends, const struct bg_explain_branch *branch,
			const struct bg_question *question, struct bg_side *side,
			struct bg_error *err)
{
	memset(side, 0, sizeof(*side));
	side->end = bg_ends_find(ends, &question->remote);
	if (!side->end.branch && !side->end.interface)
		return 0;
	/* the node's own routes take it, past both branches */
	if (side->end.branch && side->end.branch->mode == BG_STANDARD &&
	    branch->mode == BG_STANDARD)
		return 0;
	side->question = *question;
	side->question.direction = question->direction == BG_INGRESS ? BG_EGRESS : BG_INGRESS;
	side->question.local = question->remote;
	side->question.has_local = true;
	side->question.remote = *bg_ends_seen_as(ends, branch, question);
	return bg_ends_judge(ends, side, err);
}

/* --- the missing rule -------------------------------------------------------------------- */

static void name_groups(const struct bg_ends *ends, const struct bg_end *end,
			const char *const **groups, size_t *count)
{
	*groups = NULL;
	*count = 0;
	if (end->branch) {
		*groups = (const char *const *)end->branch->groups;
		*count = end->branch->group_count;
	} else if (end->interface) {
		*groups = ends->group_ids +
			  ends->first_group_id[end->interface - ends->model->interfaces];
		*count = end->interface->group_count;
	}
}

/* Of the first peer, unless it is the group's own to which the rule would be added. */
static const char *other_account(const struct bg_ends *ends, const struct bg_missing *missing)
{
	const char *account, *own = NULL;

	if (!ends->model)
		return NULL;
	account = bg_model_account(ends->model, missing->peers[0]);
	if (missing->group_count)
		own = bg_model_account(ends->model, missing->groups[0]);
	return account && (!own || strcmp(account, own) != 0) ? account : NULL;
}

/* Groups that the remote is in, or else lists that have it, the narrowest first. */
static void name_peers(const struct bg_ends *ends, struct bg_missing *missing)
{
	struct bg_end remote = bg_ends_find(ends, &missing->question->remote);
	const char *const *groups;
	const size_t *list;
	int length = 129;
	size_t count;

	name_groups(ends, &remote, &groups, &count);
	if (count > BG_MISSING_PEERS)
		count = BG_MISSING_PEERS;
	for (size_t i = 0; i < count; i++)
		missing->peers[i] = groups[i];
	missing->peer_count = count;
	missing->peers_are_lists = !count;
	if (count)
		missing->peer_account = other_account(ends, missing);
	while (missing->peers_are_lists && missing->peer_count < BG_MISSING_PEERS &&
	       (list = lookup_next(&ends->lists, &missing->question->remote, &length)))
		missing->peers[missing->peer_count++] = set_of(ends->model, *list)->name;
}

bool bg_ends_missing(const struct bg_ends *ends, const struct bg_side *side,
		     struct bg_missing *missing)
{
	const struct bg_end *end = &side->end;

	memset(missing, 0, sizeof(*missing));
	if (!side->judged || bg_ends_is_service(ends, &side->question.remote))
		return false;
	missing->question = &side->question;
	if (side->answer.reason == BG_REASON_NO_NODE_RULE) {
		missing->owner = "the node";
		missing->groups = ends->node_groups;
		missing->group_count = ends->model ? ends->model->node.group_count : 0;
		missing->groups_unknown = !ends->model;
	} else if (side->answer.reason == BG_REASON_NO_RULE) {
		missing->owner = end->branch	       ? end->branch->id
				 : *end->interface->id ? end->interface->id
						       : "the interface";
		name_groups(ends, end, &missing->groups, &missing->group_count);
	} else {
		return false;
	}
	name_peers(ends, missing);
	return true;
}
