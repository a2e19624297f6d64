// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The model that is in force: a copy of the document, less what others have, with what is
 * kept from before. Called after settle.c, which decided; the models that it is made of are
 * not changed, and nothing of them is shared.
 */
#include "feed/settle.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/dict.h"
#include "base/grow.h"
#include "feed/copy.h"

#define NONE SIZE_MAX

struct merge {
	const struct bg_settling *given;
	const struct bg_decision *decision;
	struct bg_model *model;			/* the one that is made */
	struct bg_dict groups;			/* id → index in model->groups */
	struct bg_dict sets[BG_SET_GROUP + 1];	/* name → index in model->sets */
	struct bg_dict spare[BG_SET_GROUP + 1]; /* name → index in the document's spare_sets */
	struct bg_dict lists; /* in force: name → index in sets, or behind them in spare_sets */
	bool *adds_members;   /* by branch of the model */
	size_t branch_room;
};

static void release_merge(struct merge *merge)
{
	bg_dict_release(&merge->groups);
	for (int kind = 0; kind <= BG_SET_GROUP; kind++) {
		bg_dict_release(&merge->sets[kind]);
		bg_dict_release(&merge->spare[kind]);
	}
	bg_dict_release(&merge->lists);
	free(merge->adds_members);
	bg_model_free(merge->model);
}

/* --- sets ------------------------------------------------------------------------ */

static size_t find(const struct bg_dict *dict, const char *name)
{
	const size_t *index = bg_dict_find(dict, name, strlen(name));

	return index ? *index : NONE;
}

static int put(struct bg_dict *dict, const char *name, size_t index)
{
	return bg_dict_put(dict, name, strlen(name), index, NULL) ? 0 : -ENOMEM;
}

static int add_set(struct merge *merge, const struct bg_set *from, size_t *index)
{
	struct bg_set *set = BG_GROW(merge->model->sets, merge->model->set_count);

	*index = merge->model->set_count - 1;
	if (!set || bg_copy_set(from, set))
		return -ENOMEM;
	return put(&merge->sets[set->kind], set->name, *index);
}

/* The lists of these that have entries; `first`: of whose index it is. */
static int learn_lists(struct merge *merge, const struct bg_set *sets, size_t count, size_t first)
{
	for (size_t i = 0; i < count; i++)
		if (sets[i].kind == BG_SET_LIST && sets[i].resolved &&
		    put(&merge->lists, sets[i].name, first + i))
			return -ENOMEM;
	return 0;
}

static int learn_sets(struct merge *merge)
{
	const struct bg_model *document = merge->given->document;
	const struct bg_model *in_force = merge->given->in_force;

	for (size_t i = 0; i < document->spare_set_count; i++) {
		const struct bg_set *set = &document->spare_sets[i];

		if (put(&merge->spare[set->kind], set->name, i))
			return -ENOMEM;
	}
	if (!in_force)
		return 0;
	return learn_lists(merge, in_force->sets, in_force->set_count, 0)
		       ?: learn_lists(merge, in_force->spare_sets, in_force->spare_set_count,
				      in_force->set_count);
}

/* The entries that a list had; NULL: none are known. */
static const struct bg_set *list_in_force(const struct merge *merge, const char *name)
{
	const struct bg_model *in_force = merge->given->in_force;
	size_t index = find(&merge->lists, name);

	if (index == NONE)
		return NULL;
	return index < in_force->set_count ? &in_force->sets[index]
					   : &in_force->spare_sets[index - in_force->set_count];
}

/* A list that the document does not resolve keeps the entries that it had. */
static int keep_entries(struct merge *merge, struct bg_set *set)
{
	const struct bg_set *before;
	__u64 since_ns;

	if (set->kind != BG_SET_LIST || set->resolved)
		return 0;
	before = list_in_force(merge, set->name);
	if (!before)
		return 0;
	since_ns = before->kept_since_ns ? before->kept_since_ns : merge->given->now_ns;
	if (!bg_keeps(merge->given, since_ns))
		return 0;
	set->prefixes =
		bg_copy_array(before->prefixes, before->prefix_count, sizeof(*set->prefixes));
	if (before->prefix_count && !set->prefixes)
		return -ENOMEM;
	set->prefix_count = before->prefix_count;
	set->resolved = true;
	set->kept_since_ns = since_ns;
	return 0;
}

/* The set for a rule that is kept. A group's members, and a list's entries, are those that
 * the document gives, if it does. */
static int set_like(struct merge *merge, const struct bg_set *before, size_t *index)
{
	const struct bg_model *document = merge->given->document;
	struct bg_set empty = { .kind = before->kind, .name = before->name };
	size_t group = find(&merge->groups, before->name);
	size_t spare;

	*index = find(&merge->sets[before->kind], before->name);
	if (*index != NONE)
		return 0;
	if (before->kind == BG_SET_CIDR)
		return add_set(merge, before, index);
	spare = find(&merge->spare[before->kind], before->name);
	if (spare != NONE)
		return add_set(merge, &document->spare_sets[spare], index);
	empty.resolved = before->kind == BG_SET_GROUP && group != NONE &&
			 merge->model->groups[group].known;
	return add_set(merge, &empty, index);
}

/* --- groups ------------------------------------------------------------------------ */

static int group_like(struct merge *merge, const struct bg_group *before, size_t *index)
{
	struct bg_group unknown = { .id = before->id };
	struct bg_group *group;

	*index = find(&merge->groups, before->id);
	if (*index != NONE)
		return 0;
	group = BG_GROW(merge->model->groups, merge->model->group_count);
	*index = merge->model->group_count - 1;
	if (!group || bg_copy_group(&unknown, group))
		return -ENOMEM;
	return put(&merge->groups, group->id, *index);
}

static int keep_rule(struct merge *merge, const struct bg_model_rule *before, size_t group)
{
	struct bg_model_rule rule = *before, *added;
	int rc = set_like(merge, &merge->given->in_force->sets[before->set], &rule.set);

	if (rc)
		return rc;
	rule.group = group;
	if (bg_own_text(&rule.rule_id))
		return -ENOMEM;
	added = BG_GROW(merge->model->rules, merge->model->rule_count);
	if (!added) {
		free(rule.rule_id);
		return -ENOMEM;
	}
	*added = rule;
	merge->model->groups[group].rule_count++;
	return 0;
}

/* The rules that a group had, which a branch names and the document does not have. */
static int keep_rules(struct merge *merge, size_t index, const struct bg_group *before)
{
	const struct bg_model *in_force = merge->given->in_force;
	struct bg_group *group = &merge->model->groups[index];
	__u64 since_ns = before->kept_since_ns ? before->kept_since_ns : merge->given->now_ns;

	if (!before->known || !bg_keeps(merge->given, since_ns))
		return 0;
	if (before->name && !group->name) {
		group->name = strdup(before->name);
		if (!group->name)
			return -ENOMEM;
	}
	group->known = true;
	group->defined = before->defined;
	memcpy(group->stated, before->stated, sizeof(group->stated));
	group->kept_since_ns = since_ns;
	group->first_rule = merge->model->rule_count;
	for (size_t i = 0; i < before->rule_count; i++) {
		int rc = keep_rule(merge, &in_force->rules[before->first_rule + i], index);

		if (rc)
			return rc;
	}
	return 0;
}

static int keep_groups(struct merge *merge)
{
	const struct bg_model *in_force = merge->given->in_force;

	for (size_t i = 0; in_force && i < in_force->group_count; i++) {
		size_t index = find(&merge->groups, in_force->groups[i].id);
		int rc;

		if (index == NONE || merge->model->groups[index].known)
			continue;
		rc = keep_rules(merge, index, &in_force->groups[i]);
		if (rc)
			return rc;
	}
	return 0;
}

/* --- branches ------------------------------------------------------------------------ */

static struct bg_model_branch *add_branch(struct merge *merge, const struct bg_model_branch *from,
					  bool adds_members)
{
	struct bg_model *model = merge->model;
	struct bg_model_branch *branch;

	if (BG_RESERVE(merge->adds_members, merge->branch_room, model->branch_count + 1))
		return NULL;
	branch = BG_GROW(model->branches, model->branch_count);
	if (!branch || bg_copy_branch(from, branch))
		return NULL;
	merge->adds_members[model->branch_count - 1] = adds_members;
	return branch;
}

/* What follows each other in the list is lost by the same pod. */
static size_t lost_by_pod(const struct bg_decision *decision, size_t first)
{
	const struct bg_claimant *of = &decision->lost[first].claimant;
	size_t end = first;

	while (end < decision->lost_count && decision->lost[end].claimant.branch == of->branch &&
	       decision->lost[end].claimant.pod == of->pod)
		end++;
	return end - first;
}

static int take_away(struct bg_model_pod *pod, const struct bg_lost_address *lost, size_t count)
{
	bg_cleanup(bg_dict_release) struct bg_dict gone = {};
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (!bg_dict_put(&gone, &lost[i].address, sizeof(lost[i].address), i, NULL))
			return -ENOMEM;
	for (size_t i = 0; i < pod->address_count; i++)
		if (!bg_dict_find(&gone, &pod->addresses[i], sizeof(*pod->addresses)))
			pod->addresses[kept++] = pod->addresses[i];
	pod->address_count = kept;
	return 0;
}

static int add_named_branches(struct merge *merge)
{
	const struct bg_model *document = merge->given->document;
	const struct bg_decision *decision = merge->decision;
	bg_auto_free bool *claims = calloc(document->branch_count + 1, sizeof(*claims));
	const struct bg_lost_address *lost = decision->lost;

	if (!claims)
		return -ENOMEM;
	for (size_t i = 0; i < document->claim_count; i++)
		for (size_t k = 0; k < document->claims[i].claimant_count; k++)
			claims[document->claims[i].claimants[k].branch] = true;
	for (size_t i = 0, at = 0, count; i < document->branch_count; i++) {
		struct bg_model_branch *branch = NULL;

		if (!decision->left_out[i]) {
			branch = add_branch(merge, &document->branches[i], claims[i]);
			if (!branch)
				return -ENOMEM;
		}
		for (; at < decision->lost_count && lost[at].claimant.branch == i; at += count) {
			count = lost_by_pod(decision, at);
			if (branch &&
			    take_away(&branch->pods[lost[at].claimant.pod], &lost[at], count))
				return -ENOMEM;
		}
	}
	return 0;
}

static int compare_indices(const void *a, const void *b)
{
	size_t left = *(const size_t *)a, right = *(const size_t *)b;

	return left < right ? -1 : left > right;
}

static int keep_branch(struct merge *merge, const struct bg_model_branch *before)
{
	const struct bg_model *in_force = merge->given->in_force;
	struct bg_model_branch *branch = add_branch(merge, before, true);

	if (!branch)
		return -ENOMEM;
	if (!branch->kept_since_ns)
		branch->kept_since_ns = merge->given->now_ns;
	for (size_t i = 0; i < branch->group_count; i++) {
		int rc =
			group_like(merge, &in_force->groups[before->groups[i]], &branch->groups[i]);

		if (rc)
			return rc;
	}
	if (branch->group_count)
		qsort(branch->groups, branch->group_count, sizeof(*branch->groups),
		      compare_indices);
	return 0;
}

static int keep_branches(struct merge *merge)
{
	const struct bg_model *in_force = merge->given->in_force;

	for (size_t i = 0; in_force && i < in_force->branch_count; i++) {
		int rc = merge->decision->kept[i] ? keep_branch(merge, &in_force->branches[i]) : 0;

		if (rc)
			return rc;
	}
	return 0;
}

/* --- members --------------------------------------------------------------------------- */

static int add_members(const struct bg_model_branch *branch, struct bg_set *set)
{
	for (size_t i = 0; i < branch->pod_count; i++) {
		const struct bg_model_pod *pod = &branch->pods[i];

		for (size_t k = 0; k < pod->address_count; k++) {
			struct bg_prefix *prefix = BG_GROW(set->prefixes, set->prefix_count);

			if (!prefix)
				return -ENOMEM;
			*prefix = (struct bg_prefix){ pod->addresses[k], 128 };
		}
	}
	set->resolved = true;
	return 0;
}

/* Of branches that are no members by the document: kept ones, and who won a claim. */
static int add_all_members(struct merge *merge)
{
	struct bg_model *model = merge->model;

	for (size_t i = 0; i < model->branch_count; i++) {
		const struct bg_model_branch *branch = &model->branches[i];

		if (!merge->adds_members || !merge->adds_members[i])
			continue;
		for (size_t k = 0; k < branch->group_count; k++) {
			size_t set = find(&merge->sets[BG_SET_GROUP],
					  model->groups[branch->groups[k]].id);
			int rc = set == NONE ? 0 : add_members(branch, &model->sets[set]);

			if (rc)
				return rc;
		}
	}
	return 0;
}

/* --- the whole --------------------------------------------------------------------------- */

static int copy_document(struct merge *merge)
{
	const struct bg_model *document = merge->given->document;
	struct bg_model *model = merge->model;
	size_t index;

	for (size_t i = 0; i < document->group_count; i++) {
		struct bg_group *group = BG_GROW(model->groups, model->group_count);

		if (!group || bg_copy_group(&document->groups[i], group) ||
		    put(&merge->groups, group->id, i))
			return -ENOMEM;
	}
	for (size_t i = 0; i < document->rule_count; i++) {
		struct bg_model_rule *rule = BG_GROW(model->rules, model->rule_count);

		if (!rule)
			return -ENOMEM;
		*rule = document->rules[i];
		if (bg_own_text(&rule->rule_id))
			return -ENOMEM;
	}
	for (size_t i = 0; i < document->set_count; i++)
		if (add_set(merge, &document->sets[i], &index))
			return -ENOMEM;
	/* a list that no rule names yet may be missing when one does */
	for (size_t i = 0; i < document->spare_set_count; i++) {
		struct bg_set *set;

		if (document->spare_sets[i].kind != BG_SET_LIST)
			continue;
		set = BG_GROW(model->spare_sets, model->spare_set_count);
		if (!set || bg_copy_set(&document->spare_sets[i], set))
			return -ENOMEM;
	}
	return bg_copy_rest(document, model);
}

static int finish_sets(struct merge *merge)
{
	struct bg_model *model = merge->model;

	for (size_t i = 0; i < model->set_count; i++) {
		int rc = keep_entries(merge, &model->sets[i]);

		if (rc)
			return rc;
		bg_set_tidy(&model->sets[i]);
		model->member_count += model->sets[i].prefix_count;
	}
	return 0;
}

int bg_merge(const struct bg_settling *settling, const struct bg_decision *decision,
	     struct bg_model **model)
{
	bg_cleanup(release_merge) struct merge merge = {
		.given = settling,
		.decision = decision,
		.model = calloc(1, sizeof(*merge.model)),
	};
	int rc = merge.model ? 0 : -ENOMEM;

	rc = rc ?: learn_sets(&merge) ?: copy_document(&merge) ?: add_named_branches(&merge) ?: keep_branches(&merge) ?:
	     keep_groups(&merge) ?: add_all_members(&merge) ?: finish_sets(&merge);
	if (!rc)
		*model = bg_take_ptr(merge.model);
	return rc;
}

int bg_settle_alone(const struct bg_model *document, struct bg_model **settled)
{
	struct bg_settling settling = { .document = document };
	struct bg_decision decision = {};
	int rc = bg_settle(&settling, &decision);

	*settled = NULL;
	if (!rc && !decision.as_document)
		rc = bg_merge(&settling, &decision, settled);
	bg_decision_free(&decision);
	return rc;
}
