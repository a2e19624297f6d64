// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What is valid but hardly meant: rules without effect, pods cut off. Only `check` calls
 * it; a lint warns, it never refuses and never changes what the feed means.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/lint_rule.h"
#include "protocol.h"

#define DNS_PORT 53

#define LINT_POINTER 64

/* What the lints ask of a set more than once. */
struct set_facts {
	bool v4, v6;   /* has addresses of the family */
	bool node;     /* holds an address of the node */
	bool resolver; /* holds the address of a local DNS service */
	bool reported;
};

static bool is_dns(const struct bg_model_service *service)
{
	return service->protocol == IPPROTO_UDP && service->port == DNS_PORT;
}

static void learn_set(const struct bg_model *model, const struct bg_set *set,
		      struct set_facts *facts)
{
	const struct bg_model_node *node = &model->node;

	for (size_t i = 0; i < set->prefix_count; i++) {
		const struct bg_prefix *prefix = &set->prefixes[i];

		if (bg_prefix_is_v4(prefix))
			facts->v4 = true;
		else
			facts->v6 = true;
		for (size_t k = 0; k < node->address_count && !facts->node; k++)
			facts->node = bg_prefix_has(prefix, &node->addresses[k]);
		for (size_t k = 0; k < node->local_service_count && !facts->resolver; k++)
			facts->resolver = is_dns(&node->local_services[k]) &&
					  bg_prefix_has(prefix, &node->local_services[k].address);
	}
}

/* Is all of `inner` in `outer`? */
static bool prefix_within(const struct bg_prefix *inner, const struct bg_prefix *outer)
{
	return inner->length >= outer->length && bg_prefix_has(outer, &inner->addr);
}

static bool in_service_cidrs(const struct bg_model *model, const struct bg_set *set)
{
	const struct bg_model_node *node = &model->node;

	for (size_t i = 0; i < set->prefix_count; i++) {
		bool inside = false;

		for (size_t k = 0; k < node->service_cidr_count && !inside; k++)
			inside = prefix_within(&set->prefixes[i], &node->service_cidrs[k]);
		if (!inside)
			return false;
	}
	return set->prefix_count > 0;
}

/* Once for each set, at the first rule that names it. A reference to what the feed does
 * not have has a warning of the parser already. */
static int lint_empty_set(struct bg_model *model, const struct bg_model_rule *rule,
			  struct set_facts *facts)
{
	const struct bg_set *set = &model->sets[rule->set];
	char pointer[BG_RULE_POINTER_TEXT], text[BG_LINT_RULE];

	if (!set->resolved || facts->reported)
		return 0;
	facts->reported = true;
	return bg_model_warn(model, bg_rule_pointer(rule, pointer),
			     "group %s: rule %s can never match: %s has no %s in this feed",
			     model->groups[rule->group].id, bg_lint_rule(model, rule, text),
			     set->name, strncmp(set->name, "pl-", 3) ? "members" : "entries");
}

static int lint_rule(struct bg_model *model, const struct bg_model_rule *rule,
		     struct set_facts *facts)
{
	const struct bg_set *set = &model->sets[rule->set];
	char pointer[BG_RULE_POINTER_TEXT], text[BG_LINT_RULE];
	const char *group = model->groups[rule->group].id;

	if (!set->prefix_count)
		return lint_empty_set(model, rule, facts);
	bg_rule_pointer(rule, pointer);
	if (rule->protocol == IPPROTO_ICMP && !facts->v4)
		return bg_model_warn(
			model, pointer,
			"group %s: rule %s can never match: icmp is IPv4's, and %s has "
			"only IPv6 addresses (icmpv6 is meant?)",
			group, bg_lint_rule(model, rule, text), set->name);
	if (rule->protocol == IPPROTO_ICMPV6 && !facts->v6)
		return bg_model_warn(model, pointer,
				     "group %s: rule %s can never match: icmpv6 is IPv6's, and %s "
				     "has only IPv4 addresses (icmp is meant?)",
				     group, bg_lint_rule(model, rule, text), set->name);
	if (rule->direction == BG_EGRESS && in_service_cidrs(model, set))
		return bg_model_warn(
			model, pointer,
			"group %s: rule %s names service addresses: the verdict falls "
			"after their translation, so allow the pods behind them instead",
			group, bg_lint_rule(model, rule, text));
	return 0;
}

/* Is it true of any rule of the branch's groups? */
static bool any_rule(const struct bg_model *model, const struct bg_model_branch *branch,
		     const struct set_facts *facts,
		     bool (*holds)(const struct bg_model_rule *rule, const struct bg_set *set,
				   const struct set_facts *facts))
{
	for (size_t g = 0; g < branch->group_count; g++) {
		const struct bg_group *group = &model->groups[branch->groups[g]];

		for (size_t i = 0; i < group->rule_count; i++) {
			const struct bg_model_rule *rule = &model->rules[group->first_rule + i];

			if (holds(rule, &model->sets[rule->set], &facts[rule->set]))
				return true;
		}
	}
	return false;
}

static bool is_any(const struct bg_model_rule *rule, const struct bg_set *set,
		   const struct set_facts *facts)
{
	(void)rule;
	(void)facts;
	return set->prefix_count > 0;
}

static bool admits_dns(const struct bg_model_rule *rule, const struct bg_set *set,
		       const struct set_facts *facts)
{
	(void)facts;
	return rule->direction == BG_EGRESS && set->prefix_count &&
	       (rule->protocol < 0 || (rule->protocol == IPPROTO_UDP &&
				       rule->from_port <= DNS_PORT && rule->to_port >= DNS_PORT));
}

static bool admits_local_dns(const struct bg_model_rule *rule, const struct bg_set *set,
			     const struct set_facts *facts)
{
	return admits_dns(rule, set, facts) && facts->resolver;
}

static bool admits_node(const struct bg_model_rule *rule, const struct bg_set *set,
			const struct set_facts *facts)
{
	(void)set;
	return rule->direction == BG_INGRESS && facts->node &&
	       (rule->protocol < 0 || rule->protocol == IPPROTO_TCP);
}

static bool has_local_dns(const struct bg_model *model)
{
	for (size_t i = 0; i < model->node.local_service_count; i++)
		if (is_dns(&model->node.local_services[i]))
			return true;
	return false;
}

/* The feed does not say which resolver a pod asks: a local service if there is one,
 * else the cluster's, which may have any address. */
static int lint_dns(struct bg_model *model, const char *pointer,
		    const struct bg_model_branch *branch, const struct set_facts *facts)
{
	const char *left = model->node.filter_platform ? "no DNS server"
						       : "only the resolver of the VPC";

	if (!any_rule(model, branch, facts, admits_dns))
		return bg_model_warn(model, pointer,
				     "branch %s: no egress rule admits UDP 53: its pods reach %s",
				     branch->id, left);
	if (has_local_dns(model) && branch->mode == BG_STRICT &&
	    !any_rule(model, branch, facts, admits_local_dns))
		return bg_model_warn(model, pointer,
				     "branch %s: no egress rule admits UDP 53 to the DNS server in "
				     "/Node/LocalServices",
				     branch->id);
	return 0;
}

static int lint_probes(struct bg_model *model, size_t index, const struct set_facts *facts)
{
	const struct bg_model_branch *branch = &model->branches[index];
	char pointer[LINT_POINTER];
	int rc = 0;

	/* a standard pod is reached directly; without addresses nothing is known */
	if (branch->mode != BG_STRICT || !model->node.address_count ||
	    any_rule(model, branch, facts, admits_node))
		return 0;
	for (size_t i = 0; i < branch->pod_count && !rc; i++) {
		const struct bg_model_pod *pod = &branch->pods[i];

		if (pod->probe_count)
			continue;
		snprintf(pointer, sizeof(pointer), "/Branches/%zu/Pods/%zu", index, i);
		rc = bg_model_warn(
			model, pointer,
			"pod %s%s%s: kubelet cannot probe it: it declares no Probes, and "
			"no ingress rule of %s admits an address of the node",
			pod->namespace, *pod->namespace ? "/" : "",
			*pod->name ? pod->name : "without a name", branch->id);
	}
	return rc;
}

static int lint_branch(struct bg_model *model, size_t index, const struct set_facts *facts)
{
	const struct bg_model_branch *branch = &model->branches[index];
	char pointer[LINT_POINTER];
	int rc;

	snprintf(pointer, sizeof(pointer), "/Branches/%zu", index);
	/* without groups or pods: the parser has warned already */
	if (!branch->group_count || !branch->pod_count)
		return 0;
	if (!any_rule(model, branch, facts, is_any))
		return bg_model_warn(model, pointer,
				     "branch %s: its groups have no rule that can match: nothing "
				     "is allowed",
				     branch->id);
	rc = lint_dns(model, pointer, branch, facts);
	return rc ? rc : lint_probes(model, index, facts);
}

/* Probes are recognized by the node's addresses. */
static int lint_node(struct bg_model *model)
{
	if (model->node.address_count || model->node.probe_source_count)
		return 0;
	for (size_t i = 0; i < model->branch_count; i++)
		for (size_t k = 0; k < model->branches[i].pod_count; k++)
			if (model->branches[i].mode == BG_STRICT &&
			    model->branches[i].pods[k].probe_count)
				return bg_model_warn(model, "/Node/Addresses",
						     "pods declare Probes, but the feed gives no "
						     "address of the node that they may come from");
	return 0;
}

static bool any_group_is_named(const struct bg_model *model)
{
	for (size_t i = 0; i < model->rule_count; i++)
		if (model->sets[model->rules[i].set].kind == BG_SET_GROUP)
			return true;
	return false;
}

/* Of a node without pods that is right; of a query that found nothing by mistake it is
 * not, and the two look the same. A key that is left out was hardly forgotten. */
static int lint_empty_lists(struct bg_model *model)
{
	int rc = 0;

	if (model->no_branches)
		rc = bg_model_warn(model, "/Branches",
				   "is empty: branches that are in force stay so while they live, "
				   "and any other one drops everything");
	if (!rc && model->no_interfaces && any_group_is_named(model))
		rc = bg_model_warn(model, "/NetworkInterfaces",
				   "is empty: rules that name a group admit branches of this feed "
				   "and nobody else");
	return rc;
}

static int lint_all(struct bg_model *model, struct set_facts *facts)
{
	int rc = lint_empty_lists(model) ?: lint_node(model);

	for (size_t i = 0; i < model->set_count; i++)
		learn_set(model, &model->sets[i], &facts[i]);
	for (size_t i = 0; i < model->rule_count && !rc; i++)
		rc = lint_rule(model, &model->rules[i], &facts[model->rules[i].set]);
	if (rc)
		return rc;
	rc = bg_lint_shadowed(model);
	for (size_t i = 0; i < model->branch_count && !rc; i++)
		rc = lint_branch(model, i, facts);
	return rc;
}

int bg_feed_lint(struct bg_model *model)
{
	struct set_facts *facts = calloc(model->set_count + 1, sizeof(*facts));
	int rc = facts ? lint_all(model, facts) : -ENOMEM;

	free(facts);
	return rc;
}
