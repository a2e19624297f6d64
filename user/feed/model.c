// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What every owner or reader of a model needs: freeing it, warnings, finding a branch,
 * naming a rule. Called from most rooms; it neither reads a feed nor judges one.
 */
#include "feed/model.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/hash.h"

static void free_branch(struct bg_model_branch *branch)
{
	for (size_t i = 0; i < branch->pod_count; i++) {
		struct bg_model_pod *pod = &branch->pods[i];

		free(pod->namespace);
		free(pod->name);
		free(pod->addresses);
		free(pod->probes);
	}
	free(branch->pods);
	free(branch->groups);
	free(branch->id);
}

static void free_node(struct bg_model_node *node)
{
	free(node->name);
	free(node->addresses);
	free(node->groups);
	free(node->vpc_cidrs);
	free(node->service_cidrs);
	free(node->exclude_snat_cidrs);
	free(node->probe_sources);
	free(node->local_services);
}

void bg_model_free(struct bg_model *model)
{
	if (!model)
		return;
	for (size_t i = 0; i < model->group_count; i++) {
		free(model->groups[i].id);
		free(model->groups[i].name);
	}
	for (size_t i = 0; i < model->rule_count; i++)
		free(model->rules[i].rule_id);
	for (size_t i = 0; i < model->set_count; i++) {
		free(model->sets[i].name);
		free(model->sets[i].prefixes);
	}
	for (size_t i = 0; i < model->spare_set_count; i++) {
		free(model->spare_sets[i].name);
		free(model->spare_sets[i].prefixes);
	}
	for (size_t i = 0; i < model->branch_count; i++)
		free_branch(&model->branches[i]);
	for (size_t i = 0; i < model->claim_count; i++)
		free(model->claims[i].claimants);
	for (size_t i = 0; i < model->warning_count; i++) {
		free(model->warnings[i].pointer);
		free(model->warnings[i].text);
	}
	for (size_t i = 0; i < model->interface_count; i++) {
		free(model->interfaces[i].id);
		free(model->interfaces[i].groups);
		free(model->interfaces[i].prefixes);
	}
	for (size_t i = 0; i < model->account_count; i++) {
		free(model->accounts[i].group_id);
		free(model->accounts[i].account);
	}
	free_node(&model->node);
	free(model->accounts);
	free(model->interfaces);
	free(model->groups);
	free(model->rules);
	free(model->sets);
	free(model->spare_sets);
	free(model->claims);
	free(model->branches);
	free(model->warnings);
	free(model->revision);
	free(model);
}

int bg_model_warn(struct bg_model *model, const char *pointer, const char *format, ...)
{
	struct bg_problem *warning = BG_GROW(model->warnings, model->warning_count);
	va_list args;

	if (!warning)
		return -ENOMEM;
	va_start(args, format);
	if (vasprintf(&warning->text, format, args) < 0)
		warning->text = NULL;
	va_end(args);
	warning->pointer = strdup(pointer);
	if (warning->text && warning->pointer)
		return 0;
	free(warning->text);
	free(warning->pointer);
	model->warning_count--;
	return -ENOMEM;
}

static int compare_prefixes(const void *a, const void *b)
{
	return bg_prefix_compare(a, b);
}

void bg_set_tidy(struct bg_set *set)
{
	size_t kept = 0;

	if (set->prefix_count < 2)
		return;
	qsort(set->prefixes, set->prefix_count, sizeof(*set->prefixes), compare_prefixes);
	for (size_t i = 0; i < set->prefix_count; i++) {
		if (!i || bg_prefix_compare(&set->prefixes[i], &set->prefixes[kept - 1]))
			set->prefixes[kept++] = set->prefixes[i];
	}
	set->prefix_count = kept;
}

/* Groups of SecurityGroups come first in the model, in the order of the feed. */
const char *bg_rule_pointer(const struct bg_model_rule *rule, char *text)
{
	static const char *const lists[] = { "IpRanges", "Ipv6Ranges", "PrefixListIds",
					     "UserIdGroupPairs" };

	if (rule->list == BG_PEERS_FLAT)
		snprintf(text, BG_RULE_POINTER_TEXT, "/SecurityGroupRules/%u", rule->permission);
	else
		snprintf(text, BG_RULE_POINTER_TEXT, "/SecurityGroups/%zu/%s/%u/%s/%u", rule->group,
			 rule->direction == BG_INGRESS ? "IpPermissions" : "IpPermissionsEgress",
			 rule->permission, lists[rule->list], rule->peer);
	return text;
}

/*
 * Copies a text into a field of the map. One that is too long is cut, and its
 * end replaced by a hash of the whole, so that two long texts still differ.
 */
static void copy_text(char *field, size_t size, const char *text)
{
	size_t length = strlen(text);

	snprintf(field, size, "%s", text);
	if (length >= size)
		snprintf(field + size - 10, 10, "~%08x", bg_hash_bytes32(text, length));
}

void bg_rule_describe(const struct bg_model *model, const struct bg_model_rule *rule,
		      struct bg_rule *out)
{
	memset(out, 0, sizeof(*out));
	copy_text(out->group, sizeof(out->group), model->groups[rule->group].id);
	if (rule->rule_id)
		copy_text(out->rule_id, sizeof(out->rule_id), rule->rule_id);
	copy_text(out->peer, sizeof(out->peer), model->sets[rule->set].name);
	out->direction = rule->direction;
	out->protocol = rule->protocol;
	out->from_port = rule->from_port;
	out->to_port = rule->to_port;
}
