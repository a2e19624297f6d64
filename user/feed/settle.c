// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The decisions: which branch or pod has what is claimed twice, and which branches stay in
 * force although the document lacks them. The daemon calls it for each document and after
 * each change of interfaces; merge.c makes the model.
 */
#include "feed/settle.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/dict.h"
#include "base/grow.h"
#include "base/hash.h"

#define NOBODY SIZE_MAX

struct settle {
	const struct bg_settling *given;
	struct bg_decision *decision;
	size_t *first_pod; /* by branch of the document: its first one in seen.pods */
	struct bg_dict known_groups, known_lists; /* in force */
};

static void release_settle(struct settle *settle)
{
	free(settle->first_pod);
	bg_dict_release(&settle->known_groups);
	bg_dict_release(&settle->known_lists);
}

/* --- what is there ---------------------------------------------------------- */

static bool branch_is_there(const struct settle *settle, size_t branch)
{
	return settle->given->seen.branches && settle->given->seen.branches[branch];
}

static bool pod_is_there(const struct settle *settle, size_t branch, size_t pod)
{
	return settle->given->seen.pods &&
	       settle->given->seen.pods[settle->first_pod[branch] + pod];
}

static bool lives(const struct settle *settle, enum bg_claim_kind kind,
		  const struct bg_claimant *claimant)
{
	const struct bg_model_branch *branch = &settle->given->document->branches[claimant->branch];

	if (!branch_is_there(settle, claimant->branch))
		return false;
	if (kind == BG_CLAIM_ADDRESS)
		return pod_is_there(settle, claimant->branch, claimant->pod);
	for (size_t i = 0; i < branch->pod_count; i++)
		if (pod_is_there(settle, claimant->branch, i))
			return true;
	return false;
}

/* --- what is the same ------------------------------------------------------- */

static bool same_branch(const struct bg_model_branch *a, const struct bg_model_branch *b)
{
	return a->vlan == b->vlan && !strcmp(a->id, b->id) && !strcmp(a->interface, b->interface);
}

static bool same_pod(const struct bg_model_pod *a, const struct bg_model_pod *b)
{
	return !strcmp(a->namespace, b->namespace) && !strcmp(a->name, b->name) &&
	       !strcmp(a->host_interface, b->host_interface);
}

static bool same_addresses(const struct bg_model_pod *a, const struct bg_model_pod *b)
{
	return a->address_count == b->address_count &&
	       (!a->address_count ||
		!memcmp(a->addresses, b->addresses, a->address_count * sizeof(*a->addresses)));
}

/* Groups stand in the order of their document. */
static bool has_group(const struct bg_model *model, const struct bg_model_branch *branch,
		      const char *id)
{
	for (size_t i = 0; i < branch->group_count; i++)
		if (!strcmp(model->groups[branch->groups[i]].id, id))
			return true;
	return false;
}

/* Do both say the same? */
static bool same_content(const struct bg_model *model_a, const struct bg_model_branch *a,
			 const struct bg_model *model_b, const struct bg_model_branch *b)
{
	if (!same_branch(a, b) || a->asked_mode != b->asked_mode ||
	    a->group_count != b->group_count || a->pod_count != b->pod_count)
		return false;
	for (size_t i = 0; i < a->group_count; i++)
		if (!has_group(model_b, b, model_a->groups[a->groups[i]].id))
			return false;
	for (size_t i = 0; i < a->pod_count; i++)
		if (!same_pod(&a->pods[i], &b->pods[i]) ||
		    !same_addresses(&a->pods[i], &b->pods[i]))
			return false;
	return true;
}

static const struct bg_model_branch *branch_in_force(const struct settle *settle,
						     const struct bg_model_branch *branch)
{
	const struct bg_model *in_force = settle->given->in_force;

	for (size_t i = 0; in_force && i < in_force->branch_count; i++)
		if (same_branch(&in_force->branches[i], branch))
			return &in_force->branches[i];
	return NULL;
}

static bool has_address(const struct bg_model_pod *pod, const struct bg_addr *address)
{
	for (size_t i = 0; i < pod->address_count; i++)
		if (!memcmp(&pod->addresses[i], address, sizeof(*address)))
			return true;
	return false;
}

/* How far what is in force is this claimant: 0 not, 1 by its names, 2 in all. */
static int is_in_force(const struct settle *settle, const struct bg_claim *claim,
		       const struct bg_claimant *claimant)
{
	const struct bg_model *document = settle->given->document;
	const struct bg_model_branch *branch = &document->branches[claimant->branch];
	const struct bg_model_branch *there = branch_in_force(settle, branch);
	const struct bg_model_pod *pod;

	if (!there)
		return 0;
	if (claim->kind != BG_CLAIM_ADDRESS)
		return 1 + same_content(document, branch, settle->given->in_force, there);
	pod = &branch->pods[claimant->pod];
	for (size_t i = 0; i < there->pod_count; i++)
		if (same_pod(pod, &there->pods[i]) && has_address(&there->pods[i], &claim->address))
			return 2;
	return 0;
}

/* --- claims ------------------------------------------------------------------ */

/* Said twice in the same words: the first counts. */
static bool repeats(const struct settle *settle, const struct bg_claim *claim, size_t index)
{
	const struct bg_model *document = settle->given->document;
	const struct bg_claimant *this = &claim->claimants[index];
	const struct bg_model_branch *branch = &document->branches[this->branch];

	for (size_t i = 0; i < index; i++) {
		const struct bg_claimant *other = &claim->claimants[i];
		const struct bg_model_branch *before = &document->branches[other->branch];

		if (claim->kind != BG_CLAIM_ADDRESS) {
			if (same_content(document, branch, document, before))
				return true;
		} else if (this->branch == other->branch && branch->pods[this->pod].name[0] &&
			   same_pod(&branch->pods[this->pod], &before->pods[other->pod])) {
			return true;
		}
	}
	return false;
}

/* The index of the only one that is more in force than all others, or NOBODY. */
static size_t most_in_force(const struct settle *settle, const struct bg_claim *claim,
			    const bool *candidates)
{
	size_t winner = NOBODY;
	int best = 0;

	for (size_t i = 0; i < claim->claimant_count; i++) {
		int how = candidates[i] ? is_in_force(settle, claim, &claim->claimants[i]) : 0;

		if (how && how == best)
			winner = NOBODY;
		if (how <= best)
			continue;
		winner = i;
		best = how;
	}
	return winner;
}

/* The only one of them; NOBODY: there are more, or none. */
static size_t only_one(const bool *candidates, size_t count)
{
	size_t found = NOBODY;

	for (size_t i = 0; i < count; i++) {
		if (!candidates[i])
			continue;
		if (found != NOBODY)
			return NOBODY;
		found = i;
	}
	return found;
}

/* Who of the claimants gets it; `candidates` is changed. */
static size_t winner_of(const struct settle *settle, const struct bg_claim *claim, bool *candidates)
{
	size_t winner;

	for (size_t i = 0; i < claim->claimant_count; i++)
		candidates[i] = !repeats(settle, claim, i) &&
				(claim->kind != BG_CLAIM_ADDRESS ||
				 !settle->decision->left_out[claim->claimants[i].branch]);
	/* the others are left out, or said the same: then it is claimed once */
	winner = only_one(candidates, claim->claimant_count);
	if (winner != NOBODY)
		return winner;
	for (size_t i = 0; i < claim->claimant_count; i++)
		candidates[i] = candidates[i] && lives(settle, claim->kind, &claim->claimants[i]);
	winner = only_one(candidates, claim->claimant_count);
	return winner != NOBODY ? winner : most_in_force(settle, claim, candidates);
}

static int settle_claim(struct settle *settle, const struct bg_claim *claim)
{
	bool *candidates = calloc(claim->claimant_count, sizeof(*candidates));
	struct bg_decision *decision = settle->decision;
	size_t winner;

	if (!candidates)
		return -ENOMEM;
	winner = winner_of(settle, claim, candidates);
	free(candidates);
	for (size_t i = 0; i < claim->claimant_count; i++) {
		struct bg_lost_address *lost;

		if (i == winner)
			continue;
		if (claim->kind != BG_CLAIM_ADDRESS) {
			decision->left_out[claim->claimants[i].branch] = true;
			continue;
		}
		lost = BG_GROW(decision->lost, decision->lost_count);
		if (!lost)
			return -ENOMEM;
		lost->claimant = claim->claimants[i];
		lost->address = claim->address;
	}
	return 0;
}

static int settle_claims(struct settle *settle)
{
	const struct bg_model *document = settle->given->document;

	/* addresses last: of branches that are left out nothing is wanted */
	for (int addresses = 0; addresses < 2; addresses++) {
		for (size_t i = 0; i < document->claim_count; i++) {
			const struct bg_claim *claim = &document->claims[i];

			if ((claim->kind == BG_CLAIM_ADDRESS) != addresses)
				continue;
			if (settle_claim(settle, claim))
				return -ENOMEM;
		}
	}
	return 0;
}

/* --- what is kept ------------------------------------------------------------- */

/* What the document names: nothing of that is kept from before. */
struct named {
	struct bg_dict ids, interfaces, addresses;
	bool vlans[BG_VLANS];
};

static void release_named(struct named *named)
{
	bg_dict_release(&named->ids);
	bg_dict_release(&named->interfaces);
	bg_dict_release(&named->addresses);
}

static bool put_text(struct bg_dict *dict, const char *text)
{
	return !*text || bg_dict_put(dict, text, strlen(text), 0, NULL);
}

static bool has_text(const struct bg_dict *dict, const char *text)
{
	return *text && bg_dict_find(dict, text, strlen(text));
}

static bool put_addresses(struct named *named, const struct bg_addr *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!bg_dict_put(&named->addresses, &list[i], sizeof(list[i]), 0, NULL))
			return false;
	return true;
}

static int collect(const struct bg_model *document, struct named *named)
{
	bool whole = put_text(&named->interfaces, document->node.primary_interface) &&
		     put_text(&named->interfaces, document->node.trunk_interface) &&
		     put_addresses(named, document->node.addresses, document->node.address_count);

	for (size_t i = 0; i < document->branch_count && whole; i++) {
		const struct bg_model_branch *branch = &document->branches[i];

		named->vlans[branch->vlan] = true;
		whole = put_text(&named->ids, branch->id) &&
			put_text(&named->interfaces, branch->interface);
		for (size_t k = 0; k < branch->pod_count && whole; k++)
			whole = put_text(&named->interfaces, branch->pods[k].host_interface) &&
				put_addresses(named, branch->pods[k].addresses,
					      branch->pods[k].address_count);
	}
	return whole ? 0 : -ENOMEM;
}

static bool is_named(const struct named *named, const struct bg_model_branch *branch)
{
	if (has_text(&named->ids, branch->id) || named->vlans[branch->vlan] ||
	    has_text(&named->interfaces, branch->interface))
		return true;
	for (size_t i = 0; i < branch->pod_count; i++) {
		const struct bg_model_pod *pod = &branch->pods[i];

		if (has_text(&named->interfaces, pod->host_interface))
			return true;
		for (size_t k = 0; k < pod->address_count; k++)
			if (bg_dict_find(&named->addresses, &pod->addresses[k],
					 sizeof(pod->addresses[k])))
				return true;
	}
	return false;
}

static int settle_kept(struct settle *settle)
{
	const struct bg_settling *given = settle->given;
	const struct bg_model *in_force = given->in_force;
	bg_cleanup(release_named) struct named named = {};

	if (!in_force || in_force == given->document || !given->alive)
		return 0;
	if (collect(given->document, &named))
		return -ENOMEM;
	for (size_t i = 0; i < in_force->branch_count; i++) {
		const struct bg_model_branch *branch = &in_force->branches[i];

		settle->decision->kept[i] = given->alive[i] && !is_named(&named, branch) &&
					    bg_keeps(given, branch->kept_since_ns
								    ? branch->kept_since_ns
								    : given->now_ns);
	}
	return 0;
}

/* --- the whole ----------------------------------------------------------------- */

/* Do its branches or rules name what it lacks, and what is in force has? */
static bool lacks_what_is_in_force(const struct settle *settle)
{
	const struct bg_model *document = settle->given->document;
	bool lacks = false;

	for (size_t i = 0; i < document->group_count && !lacks; i++)
		lacks = !document->groups[i].known &&
			has_text(&settle->known_groups, document->groups[i].id);
	for (size_t i = 0; i < document->set_count && !lacks; i++)
		lacks = document->sets[i].kind == BG_SET_LIST && !document->sets[i].resolved &&
			has_text(&settle->known_lists, document->sets[i].name);
	return lacks;
}

static bool put_lists(struct bg_dict *dict, const struct bg_set *sets, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (sets[i].kind == BG_SET_LIST && sets[i].resolved &&
		    !put_text(dict, sets[i].name))
			return false;
	return true;
}

static int learn_in_force(struct settle *settle)
{
	const struct bg_model *in_force = settle->given->in_force;

	if (!in_force || in_force == settle->given->document)
		return 0;
	for (size_t i = 0; i < in_force->group_count; i++)
		if (in_force->groups[i].known &&
		    !put_text(&settle->known_groups, in_force->groups[i].id))
			return -ENOMEM;
	return put_lists(&settle->known_lists, in_force->sets, in_force->set_count) &&
			       put_lists(&settle->known_lists, in_force->spare_sets,
					 in_force->spare_set_count)
		       ? 0
		       : -ENOMEM;
}

static __u64 add_to_hash(__u64 hash, const void *bytes, size_t count)
{
	return (hash ^ bg_hash_bytes(bytes, count)) * 0x9e3779b97f4a7c15ull;
}

static void sum_up(const struct settle *settle, struct bg_decision *decision)
{
	const struct bg_settling *given = settle->given;
	const struct bg_model *in_force = given->in_force;
	__u64 hash = add_to_hash(0, decision->left_out, given->document->branch_count);
	size_t kept = 0, given_up = 0;

	for (size_t i = 0; i < decision->lost_count; i++) {
		const struct bg_lost_address *lost = &decision->lost[i];

		hash = add_to_hash(hash, &lost->claimant, sizeof(lost->claimant));
		hash = add_to_hash(hash, &lost->address, sizeof(lost->address));
	}
	for (size_t i = 0; in_force && i < in_force->branch_count; i++) {
		if (!decision->kept[i])
			continue;
		kept++;
		hash = add_to_hash(hash, in_force->branches[i].id,
				   strlen(in_force->branches[i].id));
	}
	for (size_t i = 0; in_force && i < in_force->group_count; i++)
		given_up += in_force->groups[i].kept_since_ns &&
			    !bg_keeps(given, in_force->groups[i].kept_since_ns);
	for (size_t i = 0; in_force && i < in_force->set_count; i++)
		given_up += in_force->sets[i].kept_since_ns &&
			    !bg_keeps(given, in_force->sets[i].kept_since_ns);
	decision->hash = add_to_hash(hash, &given_up, sizeof(given_up));
	decision->as_document = !given->document->claim_count && !kept &&
				!lacks_what_is_in_force(settle);
}

void bg_decision_free(struct bg_decision *decision)
{
	free(decision->left_out);
	free(decision->kept);
	free(decision->lost);
	*decision = (struct bg_decision){};
}

static int number_pods(struct settle *settle)
{
	const struct bg_model *document = settle->given->document;
	size_t pods = 0;

	settle->first_pod = calloc(document->branch_count + 1, sizeof(*settle->first_pod));
	if (!settle->first_pod)
		return -ENOMEM;
	for (size_t i = 0; i < document->branch_count; i++) {
		settle->first_pod[i] = pods;
		pods += document->branches[i].pod_count;
	}
	return 0;
}

int bg_settle(const struct bg_settling *settling, struct bg_decision *decision)
{
	size_t before = settling->in_force ? settling->in_force->branch_count : 0;
	struct bg_decision made = {
		.left_out = calloc(settling->document->branch_count + 1, sizeof(bool)),
		.kept = calloc(before + 1, sizeof(bool)),
	};
	struct settle settle = { .given = settling, .decision = &made };
	int rc = made.left_out && made.kept ? 0 : -ENOMEM;

	if (!rc)
		rc = number_pods(&settle) ?: settle_claims(&settle) ?: settle_kept(&settle) ?:
		     learn_in_force(&settle);
	if (!rc)
		sum_up(&settle, &made);
	release_settle(&settle);
	if (rc) {
		bg_decision_free(&made);
		return rc;
	}
	*decision = made;
	return 0;
}
