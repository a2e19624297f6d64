// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The decisions: which branch or pod has what is claimed twice (contest.c), and which
 * branches stay in force although the document lacks them. The daemon calls it for each
 * document and after each change of interfaces; merge.c makes the model.
 */
#include "feed/settle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/dict.h"
#include "base/hash.h"
#include "feed/contest.h"

struct settle {
	const struct bg_settling *given;
	struct bg_decision *decision;
	struct bg_dict known_groups, known_lists; /* in force */
};

static void release_settle(struct settle *settle)
{
	bg_dict_release(&settle->known_groups);
	bg_dict_release(&settle->known_lists);
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
		rc = bg_settle_claims(settling, &made) ?: settle_kept(&settle) ?:
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
