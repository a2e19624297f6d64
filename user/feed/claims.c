// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a document says twice: ids, VLANs and interfaces of branches, addresses of pods. It
 * is no reason to refuse the rest: each is a warning and a claim in the model, and who gets
 * it is decided where interfaces are known (settle.h). What is the node's own is nobody's.
 * Called once by branches.c, when node and branches are in the model.
 */
#include "feed/reading.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* In a dict: the only claimant so far, or (without the bit) the index of the claim. */
#define ONLY_ONE ((size_t)1 << 63)
#define POD_SHIFT 32
#define POD_MASK 0x7fffffffu

struct search {
	struct bg_feed *feed;
	bool *contested;
	struct bg_dict *addresses; /* those that are contested */
	struct bg_dict seen[BG_CLAIM_ADDRESS + 1];
	struct bg_dict host_interfaces, node_addresses;
};

static void release_search(struct search *search)
{
	for (int kind = 0; kind <= BG_CLAIM_ADDRESS; kind++)
		bg_dict_release(&search->seen[kind]);
	bg_dict_release(&search->host_interfaces);
	bg_dict_release(&search->node_addresses);
}

static void pointer_of(const struct bg_claimant *claimant, enum bg_claim_kind kind, char *pointer)
{
	static const char *const keys[] = {
		[BG_CLAIM_ID] = "Id",
		[BG_CLAIM_VLAN] = "VlanId",
		[BG_CLAIM_INTERFACE] = "Interface",
	};

	if (kind == BG_CLAIM_ADDRESS)
		snprintf(pointer, BG_RULE_POINTER_TEXT, "/Branches/%zu/Pods/%zu/Addresses",
			 claimant->branch, claimant->pod);
	else
		snprintf(pointer, BG_RULE_POINTER_TEXT, "/Branches/%zu/%s", claimant->branch,
			 keys[kind]);
}

static int add_claimant(struct bg_claim *claim, struct bg_claimant claimant)
{
	struct bg_claimant *added = BG_GROW(claim->claimants, claim->claimant_count);

	if (!added)
		return -ENOMEM;
	*added = claimant;
	return 0;
}

/* Without memory, -ENOMEM. */
static int contest(struct search *search, struct bg_claim *claim, struct bg_claimant claimant,
		   const char *what)
{
	char first[BG_RULE_POINTER_TEXT], pointer[BG_RULE_POINTER_TEXT];

	if (claim->kind != BG_CLAIM_ADDRESS) {
		search->contested[claim->claimants[0].branch] = true;
		search->contested[claimant.branch] = true;
	}
	pointer_of(&claim->claimants[0], claim->kind, first);
	pointer_of(&claimant, claim->kind, pointer);
	return add_claimant(claim, claimant)
		       ?: bg_warn_pointer(
				  search->feed, BG_WARN_CLAIM, pointer,
				  "%s stands at %s, too: it goes to the one whose interface and veth "
				  "exist; if both do, to the one in force already; else to nobody",
				  what, first);
}

/* `key` must live as long as the model. */
static int claim(struct search *search, enum bg_claim_kind kind, const void *key, size_t key_bytes,
		 struct bg_claimant claimant, const char *what)
{
	struct bg_model *model = search->feed->model;
	size_t packed = claimant.branch << POD_SHIFT | claimant.pod;
	bool is_new;
	size_t *known =
		bg_dict_put(&search->seen[kind], key, key_bytes, packed | ONLY_ONE, &is_new);
	struct bg_claim *made;

	if (!known)
		return -ENOMEM;
	if (is_new)
		return 0;
	if (*known & ONLY_ONE) {
		struct bg_claimant first = { .branch = (*known & ~ONLY_ONE) >> POD_SHIFT,
					     .pod = *known & POD_MASK };

		made = BG_GROW(model->claims, model->claim_count);
		if (!made)
			return -ENOMEM;
		made->kind = kind;
		if (kind == BG_CLAIM_ADDRESS) {
			memcpy(&made->address, key, sizeof(made->address));
			if (!bg_dict_put(search->addresses, key, key_bytes, 0, NULL))
				return -ENOMEM;
		}
		*known = model->claim_count - 1;
		if (add_claimant(made, first))
			return -ENOMEM;
	}
	return contest(search, &model->claims[*known], claimant, what);
}

/* What of the node's has this name; NULL: nothing. */
static const char *role_of(const struct bg_model *model, const char *interface)
{
	if (!strcmp(interface, model->node.primary_interface))
		return "the node's (/Node/PrimaryInterface)";
	if (!strcmp(interface, model->node.trunk_interface))
		return "the trunk (/Node/TrunkInterface)";
	return NULL;
}

static int claim_branch(struct search *search, size_t index)
{
	struct bg_model *model = search->feed->model;
	const struct bg_model_branch *branch = &model->branches[index];
	const struct bg_claimant claimant = { .branch = index };
	const char *role = role_of(model, branch->interface);
	char what[BG_ID_BYTES + 1], pointer[BG_RULE_POINTER_TEXT];
	int rc = 0;

	if (role) {
		pointer_of(&claimant, BG_CLAIM_INTERFACE, pointer);
		rc = bg_warn_pointer(search->feed, BG_WARN_CLAIM, pointer,
				     "%s is %s: the branch is left out", branch->interface, role);
	}
	snprintf(what, sizeof(what), "VLAN %d", branch->vlan);
	return rc ?: claim(search, BG_CLAIM_ID, branch->id, strlen(branch->id), claimant,
			   branch->id) ?:
	       claim(search, BG_CLAIM_VLAN, &branch->vlan, sizeof(branch->vlan), claimant, what) ?:
	       claim(search, BG_CLAIM_INTERFACE, branch->interface, strlen(branch->interface),
		     claimant, branch->interface);
}

static int claim_addresses(struct search *search, struct bg_claimant claimant)
{
	struct bg_model_pod *pod =
		&search->feed->model->branches[claimant.branch].pods[claimant.pod];
	char text[BG_IP_TEXT], pointer[BG_RULE_POINTER_TEXT];
	size_t kept = 0;
	int rc = 0;

	pointer_of(&claimant, BG_CLAIM_ADDRESS, pointer);
	for (size_t i = 0; i < pod->address_count && !rc; i++) {
		const struct bg_addr *address = &pod->addresses[i];

		if (!bg_dict_find(&search->node_addresses, address, sizeof(*address))) {
			pod->addresses[kept++] = *address;
			continue;
		}
		rc = bg_warn_pointer(search->feed, BG_WARN_CLAIM, pointer,
				     "%s is the node's (/Node/Addresses): left out",
				     bg_addr_format(address, text));
	}
	pod->address_count = kept;
	for (size_t i = 0; i < pod->address_count && !rc; i++)
		rc = claim(search, BG_CLAIM_ADDRESS, &pod->addresses[i], sizeof(pod->addresses[i]),
			   claimant, bg_addr_format(&pod->addresses[i], text));
	return rc;
}

/* A pod that was replaced may stay in the feed beside its successor for a moment, so a
 * veth that both name is no claim. */
static int name_veth(struct search *search, struct bg_claimant claimant)
{
	struct bg_feed *feed = search->feed;
	struct bg_model_pod *pod = &feed->model->branches[claimant.branch].pods[claimant.pod];
	const char *name = pod->host_interface, *role = role_of(feed->model, name);
	char pointer[BG_RULE_POINTER_TEXT];
	const size_t *first;
	bool is_new;
	int rc;

	if (!*name)
		return 0;
	snprintf(pointer, sizeof(pointer), "/Branches/%zu/Pods/%zu/HostInterface", claimant.branch,
		 claimant.pod);
	if (role)
		return bg_warn_pointer(feed, BG_WARN_CLAIM, pointer, "%s is %s: left out", name,
				       role);
	if (bg_dict_find(&search->seen[BG_CLAIM_INTERFACE], name, strlen(name))) {
		rc = bg_warn_pointer(feed, BG_WARN_CLAIM, pointer,
				     "%s is the interface of a branch: left out", name);
		memset(pod->host_interface, 0, sizeof(pod->host_interface));
		return rc;
	}
	first = bg_dict_put(&search->host_interfaces, name, strlen(name),
			    claimant.branch << POD_SHIFT | claimant.pod, &is_new);
	if (!first || is_new)
		return first ? 0 : -ENOMEM;
	return bg_warn_pointer(feed, BG_WARN_BRANCH, pointer,
			       "%s is that of the pod at /Branches/%zu/Pods/%zu too", name,
			       *first >> POD_SHIFT, *first & POD_MASK);
}

static int find_claims(struct search *search)
{
	const struct bg_model *model = search->feed->model;
	int rc = 0;

	for (size_t i = 0; i < model->node.address_count; i++)
		if (!bg_dict_put(&search->node_addresses, &model->node.addresses[i],
				 sizeof(model->node.addresses[i]), i, NULL))
			return -ENOMEM;
	/* all interfaces of branches first: pods are compared with them */
	for (size_t i = 0; i < model->branch_count && !rc; i++)
		rc = claim_branch(search, i);
	for (size_t i = 0; i < model->branch_count && !rc; i++) {
		for (size_t n = 0; n < model->branches[i].pod_count && !rc; n++) {
			struct bg_claimant claimant = { .branch = i, .pod = n };

			rc = claim_addresses(search, claimant) ?: name_veth(search, claimant);
		}
	}
	return rc;
}

int bg_feed_find_claims(struct bg_feed *feed, bool **contested, struct bg_dict *addresses,
			struct bg_error *err)
{
	bg_cleanup(release_search) struct search search = { .feed = feed, .addresses = addresses };

	search.contested = calloc(feed->model->branch_count + 1, sizeof(*search.contested));
	*contested = search.contested;
	if (!search.contested || find_claims(&search))
		return bg_no_memory(err, BG_READING);
	return 0;
}
