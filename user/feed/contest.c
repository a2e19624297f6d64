// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The claims of a document, one by one; settle.c calls it. A document may have a hundred
 * thousand branches that claim the same, and the daemon's loop waits for the decision: so no
 * two of them are compared, but each one's digest is looked up.
 */
#include "feed/contest.h"

#include <errno.h>
#include <sha2.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/dict.h"
#include "base/grow.h"

#define NOBODY SIZE_MAX

/* What a branch or a pod says: the same bytes, the same words. */
struct digest {
	__u8 bytes[SHA256_DIGEST_LENGTH];
};

/* Of a model's branches, each made when it is asked for. */
struct digests {
	const struct bg_model *model;
	struct digest *of;
	bool *made;
};

struct contest {
	const struct bg_settling *given;
	struct bg_decision *decision;
	size_t *first_pod;	       /* by branch of the document: its first one in seen.pods */
	struct digests said, in_force; /* by the document; of what is in force */
	struct bg_dict ids;	       /* of branches in force → index */
	struct bg_dict owners;	       /* address in force → struct owner */
	struct owner *owner;
};

struct owner {
	size_t branch, pod;
};

static void release_digests(struct digests *digests)
{
	free(digests->of);
	free(digests->made);
}

static void release_contest(struct contest *contest)
{
	free(contest->first_pod);
	release_digests(&contest->said);
	release_digests(&contest->in_force);
	bg_dict_release(&contest->ids);
	bg_dict_release(&contest->owners);
	free(contest->owner);
}

/* --- what is there ---------------------------------------------------------- */

static bool branch_is_there(const struct contest *contest, size_t branch)
{
	return contest->given->seen.branches && contest->given->seen.branches[branch];
}

static bool pod_is_there(const struct contest *contest, size_t branch, size_t pod)
{
	return contest->given->seen.pods &&
	       contest->given->seen.pods[contest->first_pod[branch] + pod];
}

static bool lives(const struct contest *contest, enum bg_claim_kind kind,
		  const struct bg_claimant *claimant)
{
	const struct bg_model_branch *branch =
		&contest->given->document->branches[claimant->branch];

	if (!branch_is_there(contest, claimant->branch))
		return false;
	if (kind == BG_CLAIM_ADDRESS)
		return pod_is_there(contest, claimant->branch, claimant->pod);
	for (size_t i = 0; i < branch->pod_count; i++)
		if (pod_is_there(contest, claimant->branch, i))
			return true;
	return false;
}

/* --- what is the same ------------------------------------------------------- */

static void add_text(SHA2_CTX *context, const char *text)
{
	/* with its end, so that two texts are not taken for one */
	SHA256Update(context, (const __u8 *)text, strlen(text) + 1);
}

static void add_number(SHA2_CTX *context, size_t number)
{
	SHA256Update(context, (const __u8 *)&number, sizeof(number));
}

static void add_pod(SHA2_CTX *context, const struct bg_model_pod *pod)
{
	add_text(context, pod->namespace);
	add_text(context, pod->name);
	add_text(context, pod->host_interface);
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Groups stand in the order of their document, which says nothing. */
static int add_groups(SHA2_CTX *context, const struct bg_model *model,
		      const struct bg_model_branch *branch)
{
	const char **ids;

	add_number(context, branch->group_count);
	if (!branch->group_count)
		return 0;
	ids = calloc(branch->group_count, sizeof(*ids));
	if (!ids)
		return -ENOMEM;
	for (size_t i = 0; i < branch->group_count; i++)
		ids[i] = model->groups[branch->groups[i]].id;
	qsort(ids, branch->group_count, sizeof(*ids), compare_texts);
	for (size_t i = 0; i < branch->group_count; i++)
		add_text(context, ids[i]);
	free(ids);
	return 0;
}

static int digest_branch(const struct bg_model *model, const struct bg_model_branch *branch,
			 struct digest *digest)
{
	SHA2_CTX context;

	SHA256Init(&context);
	add_number(&context, (size_t)branch->vlan);
	add_number(&context, branch->asked_mode);
	add_text(&context, branch->id);
	add_text(&context, branch->interface);
	if (add_groups(&context, model, branch))
		return -ENOMEM;
	add_number(&context, branch->pod_count);
	for (size_t i = 0; i < branch->pod_count; i++) {
		const struct bg_model_pod *pod = &branch->pods[i];

		add_pod(&context, pod);
		add_number(&context, pod->address_count);
		if (pod->address_count)
			SHA256Update(&context, (const __u8 *)pod->addresses,
				     pod->address_count * sizeof(*pod->addresses));
	}
	SHA256Final(digest->bytes, &context);
	return 0;
}

static int digest_of(struct digests *digests, size_t branch, const struct digest **digest)
{
	*digest = &digests->of[branch];
	if (!digests->made[branch] &&
	    digest_branch(digests->model, &digests->model->branches[branch], &digests->of[branch]))
		return -ENOMEM;
	digests->made[branch] = true;
	return 0;
}

static void digest_pod(const struct bg_claimant *claimant, const struct bg_model_pod *pod,
		       struct digest *digest)
{
	SHA2_CTX context;

	SHA256Init(&context);
	add_number(&context, claimant->branch);
	add_pod(&context, pod);
	SHA256Final(digest->bytes, &context);
}

/* Said twice in the same words: the first counts. */
static int find_repeats(struct contest *contest, const struct bg_claim *claim, bool *repeats)
{
	const struct bg_model_branch *branches = contest->given->document->branches;
	bg_cleanup(bg_dict_release) struct bg_dict said = {};
	bg_auto_free struct digest *of_pods = NULL;

	of_pods = calloc(claim->claimant_count, sizeof(*of_pods));
	if (!of_pods)
		return -ENOMEM;
	for (size_t i = 0; i < claim->claimant_count; i++) {
		const struct bg_claimant *claimant = &claim->claimants[i];
		const struct digest *digest = &of_pods[i];
		bool is_new;

		if (claim->kind == BG_CLAIM_ADDRESS) {
			const struct bg_model_pod *pod =
				&branches[claimant->branch].pods[claimant->pod];

			if (!pod->name[0])
				continue;
			digest_pod(claimant, pod, &of_pods[i]);
		} else if (digest_of(&contest->said, claimant->branch, &digest)) {
			return -ENOMEM;
		}
		if (!bg_dict_put(&said, digest, sizeof(*digest), i, &is_new))
			return -ENOMEM;
		repeats[i] = !is_new;
	}
	return 0;
}

/* --- what is in force -------------------------------------------------------- */

static bool same_branch(const struct bg_model_branch *a, const struct bg_model_branch *b)
{
	return a->vlan == b->vlan && !strcmp(a->id, b->id) && !strcmp(a->interface, b->interface);
}

static bool same_pod(const struct bg_model_pod *a, const struct bg_model_pod *b)
{
	return !strcmp(a->namespace, b->namespace) && !strcmp(a->name, b->name) &&
	       !strcmp(a->host_interface, b->host_interface);
}

static size_t count_addresses(const struct bg_model *model)
{
	size_t count = 0;

	for (size_t i = 0; i < model->branch_count; i++)
		for (size_t k = 0; k < model->branches[i].pod_count; k++)
			count += model->branches[i].pods[k].address_count;
	return count;
}

/* Nothing is claimed twice there. */
static int learn_in_force(struct contest *contest)
{
	const struct bg_model *in_force = contest->given->in_force;
	size_t count = 0;

	if (!in_force)
		return 0;
	contest->owner = calloc(count_addresses(in_force) + 1, sizeof(*contest->owner));
	if (!contest->owner)
		return -ENOMEM;
	for (size_t i = 0; i < in_force->branch_count; i++) {
		const struct bg_model_branch *branch = &in_force->branches[i];

		if (!bg_dict_put(&contest->ids, branch->id, strlen(branch->id), i, NULL))
			return -ENOMEM;
		for (size_t k = 0; k < branch->pod_count; k++) {
			const struct bg_model_pod *pod = &branch->pods[k];

			for (size_t n = 0; n < pod->address_count; n++, count++) {
				contest->owner[count] = (struct owner){ i, k };
				if (!bg_dict_put(&contest->owners, &pod->addresses[n],
						 sizeof(*pod->addresses), count, NULL))
					return -ENOMEM;
			}
		}
	}
	return 0;
}

static size_t branch_in_force(const struct contest *contest, const struct bg_model_branch *branch)
{
	const struct bg_model *in_force = contest->given->in_force;
	const size_t *index = bg_dict_find(&contest->ids, branch->id, strlen(branch->id));

	return index && same_branch(&in_force->branches[*index], branch) ? *index : NOBODY;
}

static bool has_address(const struct contest *contest, size_t branch,
			const struct bg_model_pod *pod, const struct bg_addr *address)
{
	const size_t *index = bg_dict_find(&contest->owners, address, sizeof(*address));
	const struct bg_model *in_force = contest->given->in_force;
	const struct owner *owner;

	if (!index)
		return false;
	owner = &contest->owner[*index];
	return owner->branch == branch &&
	       same_pod(pod, &in_force->branches[branch].pods[owner->pod]);
}

/* How far what is in force is this claimant: 0 not, 1 by its names, 2 in all. */
static int is_in_force(struct contest *contest, const struct bg_claim *claim,
		       const struct bg_claimant *claimant, int *how)
{
	const struct bg_model_branch *branch =
		&contest->given->document->branches[claimant->branch];
	const struct digest *said, *there;
	size_t index = branch_in_force(contest, branch);

	*how = 0;
	if (index == NOBODY)
		return 0;
	if (claim->kind == BG_CLAIM_ADDRESS) {
		if (has_address(contest, index, &branch->pods[claimant->pod], &claim->address))
			*how = 2;
		return 0;
	}
	if (digest_of(&contest->said, claimant->branch, &said) ||
	    digest_of(&contest->in_force, index, &there))
		return -ENOMEM;
	*how = 1 + !memcmp(said, there, sizeof(*said));
	return 0;
}

/* --- claims ------------------------------------------------------------------ */

/* The index of the only one that is more in force than all others, or NOBODY. */
static int most_in_force(struct contest *contest, const struct bg_claim *claim,
			 const bool *candidates, size_t *winner)
{
	int best = 0, how = 0;

	*winner = NOBODY;
	for (size_t i = 0; i < claim->claimant_count; i++) {
		if (!candidates[i])
			continue;
		if (is_in_force(contest, claim, &claim->claimants[i], &how))
			return -ENOMEM;
		if (how && how == best)
			*winner = NOBODY;
		if (how <= best)
			continue;
		*winner = i;
		best = how;
	}
	return 0;
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
static int find_winner(struct contest *contest, const struct bg_claim *claim, bool *candidates,
		       size_t *winner)
{
	int rc = find_repeats(contest, claim, candidates);

	if (rc)
		return rc;
	for (size_t i = 0; i < claim->claimant_count; i++)
		candidates[i] = !candidates[i] &&
				(claim->kind != BG_CLAIM_ADDRESS ||
				 !contest->decision->left_out[claim->claimants[i].branch]);
	/* the others are left out, or said the same: then it is claimed once */
	*winner = only_one(candidates, claim->claimant_count);
	if (*winner != NOBODY)
		return 0;
	for (size_t i = 0; i < claim->claimant_count; i++)
		candidates[i] = candidates[i] && lives(contest, claim->kind, &claim->claimants[i]);
	*winner = only_one(candidates, claim->claimant_count);
	return *winner != NOBODY ? 0 : most_in_force(contest, claim, candidates, winner);
}

static int settle_claim(struct contest *contest, const struct bg_claim *claim)
{
	bg_auto_free bool *candidates = calloc(claim->claimant_count, sizeof(*candidates));
	struct bg_decision *decision = contest->decision;
	size_t winner;

	if (!candidates || find_winner(contest, claim, candidates, &winner))
		return -ENOMEM;
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

static int settle_all(struct contest *contest)
{
	const struct bg_model *document = contest->given->document;

	/* addresses last: of branches that are left out nothing is wanted */
	for (int addresses = 0; addresses < 2; addresses++) {
		for (size_t i = 0; i < document->claim_count; i++) {
			const struct bg_claim *claim = &document->claims[i];

			if ((claim->kind == BG_CLAIM_ADDRESS) != addresses)
				continue;
			if (settle_claim(contest, claim))
				return -ENOMEM;
		}
	}
	return 0;
}

/* By branch and pod, for who takes them away; then so that there is one order. */
static int compare_lost(const void *a, const void *b)
{
	const struct bg_lost_address *left = a, *right = b;

	if (left->claimant.branch != right->claimant.branch)
		return left->claimant.branch < right->claimant.branch ? -1 : 1;
	if (left->claimant.pod != right->claimant.pod)
		return left->claimant.pod < right->claimant.pod ? -1 : 1;
	return memcmp(&left->address, &right->address, sizeof(left->address));
}

static int number_pods(struct contest *contest)
{
	const struct bg_model *document = contest->given->document;
	size_t pods = 0;

	contest->first_pod = calloc(document->branch_count + 1, sizeof(*contest->first_pod));
	if (!contest->first_pod)
		return -ENOMEM;
	for (size_t i = 0; i < document->branch_count; i++) {
		contest->first_pod[i] = pods;
		pods += document->branches[i].pod_count;
	}
	return 0;
}

static int make_room(struct digests *digests, const struct bg_model *model)
{
	size_t count = model ? model->branch_count : 0;

	digests->model = model;
	digests->of = calloc(count + 1, sizeof(*digests->of));
	digests->made = calloc(count + 1, sizeof(*digests->made));
	return digests->of && digests->made ? 0 : -ENOMEM;
}

int bg_settle_claims(const struct bg_settling *settling, struct bg_decision *decision)
{
	bg_cleanup(release_contest) struct contest contest = {
		.given = settling,
		.decision = decision,
	};

	if (!settling->document->claim_count)
		return 0;
	if (number_pods(&contest) || make_room(&contest.said, settling->document) ||
	    make_room(&contest.in_force, settling->in_force) || learn_in_force(&contest) ||
	    settle_all(&contest))
		return -ENOMEM;
	if (decision->lost_count)
		qsort(decision->lost, decision->lost_count, sizeof(*decision->lost), compare_lost);
	return 0;
}
