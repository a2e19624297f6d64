// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Each part of the model has one function here, which writes it or reads it: so the two
 * cannot differ, and what a field may be is checked both ways. The parser's process calls
 * it to write, the daemon to read. What is wrong is kept, and the rest is passed over.
 */
#include "feed/wire.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "feed/reading.h"
#include "feed/wire_values.h"
#include "protocol.h"

/* One function a part both reads and writes; the analyzer takes what is read for what is
 * written, and the ranges that are checked for unknown. */
/* NOLINTBEGIN(clang-analyzer-core.*,clang-analyzer-optin.core.EnumCastOutOfRange) */

#define MAGIC 0x3172657773416742ull

/* A field that is added to the model must be added here, too, unless it is none of the
 * parser's for the daemon: the numbers of the registry, ifindexes, since when something is
 * kept, interfaces and accounts one by one, and what only `check` asks for. */
BG_ASSERT_SIZE(struct bg_model, 368);
BG_ASSERT_SIZE(struct bg_model_node, 200);
BG_ASSERT_SIZE(struct bg_group, 48);
BG_ASSERT_SIZE(struct bg_model_rule, 56);
BG_ASSERT_SIZE(struct bg_set, 40);
BG_ASSERT_SIZE(struct bg_model_branch, 128);
BG_ASSERT_SIZE(struct bg_model_pod, 72);
BG_ASSERT_SIZE(struct bg_claim, 40);
BG_ASSERT_SIZE(struct bg_problem, 24);

/* --- parts of the model ------------------------------------------------------ */

static void groups(struct bg_wire *wire, struct bg_model *model)
{
	BG_WIRE_ARRAY(wire, model->groups, model->group_count, sizeof(__u64));
	for (size_t i = 0; i < model->group_count && !wire->rc; i++) {
		struct bg_group *group = &model->groups[i];

		bg_wire_words(wire, &group->id, 1, BG_ID_BYTES, "a group's id");
		bg_wire_words_or_none(wire, &group->name, "a group's name");
		group->first_rule =
			bg_wire_number(wire, group->first_rule, 0, SIZE_MAX, "a group's rules");
		group->rule_count =
			bg_wire_number(wire, group->rule_count, 0, SIZE_MAX, "a group's rules");
		bg_wire_flag(wire, &group->known, "a group");
		bg_wire_flag(wire, &group->defined, "a group");
		bg_wire_flag(wire, &group->stated[BG_INGRESS], "a group");
		bg_wire_flag(wire, &group->stated[BG_EGRESS], "a group");
	}
}

static void service(struct bg_wire *wire, struct bg_model_rule *rule)
{
	rule->protocol = bg_wire_integer(wire, rule->protocol, -1, 255, "a rule's protocol");
	rule->from_port = bg_wire_integer(wire, rule->from_port, -1, 65535, "a rule's ports");
	rule->to_port = bg_wire_integer(wire, rule->to_port, -1, 65535, "a rule's ports");
	switch (rule->protocol) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
		bg_wire_must(wire, rule->from_port >= 0 && rule->from_port <= rule->to_port,
			     "a rule's ports");
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		bg_wire_must(wire,
			     rule->from_port <= 255 && rule->to_port <= 255 &&
				     (rule->from_port >= 0 || rule->to_port < 0),
			     "a rule's type");
		break;
	default:
		bg_wire_must(wire, !rule->from_port && rule->to_port == 65535, "a rule's ports");
	}
}

static void rules(struct bg_wire *wire, struct bg_model *model)
{
	BG_WIRE_ARRAY(wire, model->rules, model->rule_count, sizeof(__u64));
	for (size_t i = 0; i < model->rule_count && !wire->rc; i++) {
		struct bg_model_rule *rule = &model->rules[i];

		bg_wire_words_or_none(wire, &rule->rule_id, "a rule's id");
		rule->group = bg_wire_number(wire, rule->group, 0, SIZE_MAX, "a rule's group");
		rule->set = bg_wire_number(wire, rule->set, 0, SIZE_MAX, "a rule's set");
		rule->direction = bg_wire_integer(wire, (int)rule->direction, 0, BG_DIRECTIONS - 1,
						  "a rule's direction");
		rule->list =
			bg_wire_integer(wire, (int)rule->list, 0, BG_PEERS_FLAT, "a rule's place");
		rule->permission =
			bg_wire_number(wire, rule->permission, 0, UINT32_MAX, "a rule's place");
		rule->peer = bg_wire_number(wire, rule->peer, 0, UINT32_MAX, "a rule's place");
		service(wire, rule);
	}
}

static void sets(struct bg_wire *wire, struct bg_set **list, size_t *count)
{
	bg_wire_array(wire, (void **)list, count, sizeof(**list), sizeof(__u64), "sets");
	for (size_t i = 0; i < *count && !wire->rc; i++) {
		struct bg_set *set = &(*list)[i];

		bg_wire_words(wire, &set->name, 1, BG_ID_BYTES, "a set's name");
		bg_wire_flag(wire, &set->resolved, "a set");
		set->kind = bg_wire_integer(wire, (int)set->kind, BG_SET_CIDR, BG_SET_GROUP,
					    "a set's kind");
		bg_wire_prefixes(wire, &set->prefixes, &set->prefix_count, true);
		bg_wire_must(wire, set->resolved || !set->prefix_count, "a set");
	}
}

/* Every rule is one of its group's, which stand together, and has a set. */
static void must_fit(struct bg_wire *wire, const struct bg_model *model)
{
	size_t counted = 0;

	for (size_t i = 0; i < model->group_count && !wire->rc; i++) {
		const struct bg_group *group = &model->groups[i];

		bg_wire_must(wire,
			     group->rule_count <= model->rule_count &&
				     group->first_rule <= model->rule_count - group->rule_count,
			     "a group's rules");
		for (size_t k = 0; k < group->rule_count && !wire->rc; k++)
			bg_wire_must(wire, model->rules[group->first_rule + k].group == i,
				     "a group's rules");
		counted += group->rule_count;
	}
	bg_wire_must(wire, counted == model->rule_count, "the rules");
	for (size_t i = 0; i < model->rule_count && !wire->rc; i++)
		bg_wire_must(wire,
			     model->rules[i].group < model->group_count &&
				     model->rules[i].set < model->set_count,
			     "a rule");
}

static void pod(struct bg_wire *wire, struct bg_model_pod *pod)
{
	bg_wire_words(wire, &pod->namespace, 0, BG_TEXT_BYTES, "a pod's namespace");
	bg_wire_words(wire, &pod->name, 0, BG_TEXT_BYTES, "a pod's name");
	bg_wire_interface(wire, pod->host_interface, true, "a pod's interface");
	bg_wire_addresses(wire, &pod->addresses, &pod->address_count);
	BG_WIRE_ARRAY(wire, pod->probes, pod->probe_count, sizeof(__u64));
	for (size_t i = 0; i < pod->probe_count && !wire->rc; i++) {
		pod->probes[i].protocol = bg_wire_integer(wire, pod->probes[i].protocol, 0, 255,
							  "a probe's protocol");
		pod->probes[i].port =
			bg_wire_integer(wire, pod->probes[i].port, 0, 65535, "a probe's port");
	}
}

static void branches(struct bg_wire *wire, struct bg_model *model)
{
	BG_WIRE_ARRAY(wire, model->branches, model->branch_count, sizeof(__u64));
	for (size_t i = 0; i < model->branch_count && !wire->rc; i++) {
		struct bg_model_branch *branch = &model->branches[i];

		bg_wire_words(wire, &branch->id, 1, BG_ID_BYTES, "a branch's id");
		branch->vlan =
			bg_wire_integer(wire, branch->vlan, 1, BG_VLANS - 2, "a branch's VLAN");
		bg_wire_interface(wire, branch->interface, false, "a branch's interface");
		branch->mode = bg_wire_integer(wire, (int)branch->mode, BG_STRICT, BG_STANDARD,
					       "a branch's mode");
		branch->asked_mode = branch->mode;
		bg_wire_group_list(wire, &branch->groups, &branch->group_count, model->group_count);
		BG_WIRE_ARRAY(wire, branch->pods, branch->pod_count, sizeof(__u64));
		for (size_t k = 0; k < branch->pod_count && !wire->rc; k++)
			pod(wire, &branch->pods[k]);
		bg_wire_timeouts(wire, &branch->timeouts);
	}
}

static void claims(struct bg_wire *wire, struct bg_model *model)
{
	BG_WIRE_ARRAY(wire, model->claims, model->claim_count, sizeof(__u64));
	for (size_t i = 0; i < model->claim_count && !wire->rc; i++) {
		struct bg_claim *claim = &model->claims[i];

		claim->kind =
			bg_wire_integer(wire, (int)claim->kind, 0, BG_CLAIM_ADDRESS, "a claim");
		bg_wire_raw(wire, &claim->address, sizeof(claim->address));
		BG_WIRE_ARRAY(wire, claim->claimants, claim->claimant_count, sizeof(__u64));
		bg_wire_must(wire, claim->claimant_count > 1, "a claim");
		for (size_t k = 0; k < claim->claimant_count && !wire->rc; k++) {
			struct bg_claimant *by = &claim->claimants[k];

			by->branch = bg_wire_number(wire, by->branch, 0, SIZE_MAX, "a claimant");
			by->pod = bg_wire_number(wire, by->pod, 0, SIZE_MAX, "a claimant");
			bg_wire_must(wire,
				     by->branch < model->branch_count &&
					     (claim->kind != BG_CLAIM_ADDRESS ||
					      by->pod < model->branches[by->branch].pod_count),
				     "a claimant");
		}
	}
}

static void local_services(struct bg_wire *wire, struct bg_model_node *node)
{
	BG_WIRE_ARRAY(wire, node->local_services, node->local_service_count,
		      sizeof(struct bg_addr));
	for (size_t i = 0; i < node->local_service_count && !wire->rc; i++) {
		struct bg_model_service *service = &node->local_services[i];

		bg_wire_raw(wire, &service->address, sizeof(service->address));
		service->protocol =
			bg_wire_integer(wire, service->protocol, -1, 255, "a service's protocol");
		service->port = bg_wire_integer(wire, service->port, 0, 65535, "a service's port");
	}
}

static void node(struct bg_wire *wire, struct bg_model_node *node, size_t group_count)
{
	bool *const flags[] = { &node->has_groups,    &node->external_snat,
				&node->revalidate,    &node->filter_platform,
				&node->per_interface, &node->live_mode_change };

	bg_wire_words(wire, &node->name, 0, BG_TEXT_BYTES, "the node's name");
	bg_wire_interface(wire, node->primary_interface, true, "the primary interface");
	bg_wire_interface(wire, node->trunk_interface, true, "the trunk");
	bg_wire_addresses(wire, &node->addresses, &node->address_count);
	bg_wire_group_list(wire, &node->groups, &node->group_count, group_count);
	bg_wire_prefixes(wire, &node->vpc_cidrs, &node->vpc_cidr_count, false);
	bg_wire_prefixes(wire, &node->service_cidrs, &node->service_cidr_count, false);
	bg_wire_prefixes(wire, &node->exclude_snat_cidrs, &node->exclude_snat_cidr_count, false);
	bg_wire_prefixes(wire, &node->probe_sources, &node->probe_source_count, false);
	local_services(wire, node);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		bg_wire_flag(wire, flags[i], "the node");
	bg_wire_timeouts(wire, &node->timeouts);
}

static void problems(struct bg_wire *wire, struct bg_problem **list, size_t *count)
{
	bg_wire_array(wire, (void **)list, count, sizeof(**list), sizeof(__u64), "problems");
	for (size_t i = 0; i < *count && !wire->rc; i++) {
		struct bg_problem *problem = &(*list)[i];

		bg_wire_text(wire, &problem->pointer, "a problem");
		bg_wire_text(wire, &problem->text, "a problem");
		bg_wire_raw(wire, &problem->place, sizeof(problem->place));
	}
}

static void whole_model(struct bg_wire *wire, struct bg_model *model)
{
	bg_wire_words(wire, &model->revision, 0, BG_TEXT_BYTES, "the revision");
	groups(wire, model);
	rules(wire, model);
	sets(wire, &model->sets, &model->set_count);
	must_fit(wire, model);
	sets(wire, &model->spare_sets, &model->spare_set_count);
	branches(wire, model);
	claims(wire, model);
	node(wire, &model->node, model->group_count);
	problems(wire, &model->warnings, &model->warning_count);
	model->member_count = 0;
	for (size_t i = 0; i < model->set_count; i++)
		model->member_count += model->sets[i].prefix_count;
}

/* --- the answer -------------------------------------------------------------- */

/* The lowest errno that a call can give. */
#define LEAST_RC (-4095)

static int head(struct bg_wire *wire, int rc)
{
	bg_wire_number(wire, MAGIC, MAGIC, MAGIC, "its head");
	return bg_wire_integer(wire, rc, LEAST_RC, 0, "its head");
}

/* Why there is no model. */
static void refusal(struct bg_wire *wire, char **why, struct bg_problems *errors)
{
	bg_wire_text(wire, why, "the refusal");
	problems(wire, &errors->problem, &errors->count);
	errors->more = bg_wire_number(wire, errors->more, 0, SIZE_MAX, "its errors");
	bg_wire_must(wire, errors->count <= BG_ERRORS_MOST, "its errors");
}

int bg_wire_write(const struct bg_wire_answer *answer, unsigned char **bytes, size_t *length_bytes,
		  struct bg_error *err)
{
	struct bg_problems errors = answer->errors;
	char *why = (char *)answer->why.text;
	struct bg_wire wire = { .writes = true };

	head(&wire, answer->rc);
	/* what is written is only looked at */
	if (answer->rc)
		refusal(&wire, &why, &errors);
	else
		whole_model(&wire, answer->model);
	if (wire.rc) {
		free(wire.bytes);
		return wire.rc == -ENOMEM
			       ? bg_no_memory(err, "handing over the feed")
			       : bg_fail(err, wire.rc,
					 "handing over the feed: %s is not as it must be",
					 wire.wrong);
	}
	*bytes = wire.bytes;
	*length_bytes = wire.at;
	return 0;
}

void bg_wire_answer_free(struct bg_wire_answer *answer)
{
	bg_model_free(answer->model);
	bg_problems_free(&answer->errors);
	answer->model = NULL;
}

static void read_answer(struct bg_wire *wire, struct bg_wire_answer *answer)
{
	bg_auto_free char *why = NULL;

	answer->rc = head(wire, 0);
	if (wire->rc)
		return;
	if (answer->rc) {
		refusal(wire, &why, &answer->errors);
		bg_fail(&answer->why, 0, "%s", why ? why : "");
	} else {
		answer->model = calloc(1, sizeof(*answer->model));
		if (answer->model)
			whole_model(wire, answer->model);
		else
			bg_wire_fails(wire, -ENOMEM, "the model");
	}
	bg_wire_must(wire, wire->at == wire->room, "its end");
}

int bg_wire_read(const unsigned char *bytes, size_t length_bytes, struct bg_wire_answer *answer,
		 struct bg_error *err)
{
	struct bg_wire wire = { .bytes = (unsigned char *)bytes, .room = length_bytes };

	memset(answer, 0, sizeof(*answer));
	read_answer(&wire, answer);
	if (!wire.rc)
		return 0;
	bg_wire_answer_free(answer);
	if (wire.rc == -ENOMEM)
		return bg_no_memory(err, BG_READING);
	return bg_fail(err, wire.rc,
		       "the parser's answer is none: byte %zu of %zu: %s is not as it must be",
		       wire.at, length_bytes, wire.wrong);
}

/* NOLINTEND(clang-analyzer-core.*,clang-analyzer-optin.core.EnumCastOutOfRange) */
