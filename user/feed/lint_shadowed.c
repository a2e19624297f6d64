// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Rules that another rule of the same group and direction makes superfluous: a
 * peer in a broader CIDR (or the same peer), with the same or a wider service.
 * One sweep over the sorted rules; a stack holds those whose peer covers that of the
 * present one. lint.c calls it; after BUDGET comparisons it says so and stops.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "feed/lint_rule.h"
#include "protocol.h"

/* Comparisons, all groups together: about a third of a second. Only a group of tens
 * of thousands of rules that all name the same peer needs more. */
#define BUDGET 50000000u

struct candidate {
	const struct bg_model_rule *rule;
	const struct bg_prefix *cidr; /* NULL: no CIDR, only the same peer covers it */
};

/* NULL unless the rule names this CIDR itself: a group with one member or a list with one
 * entry may have more tomorrow, so there is no warning of them. */
static const struct bg_prefix *cidr_of(const struct bg_set *set)
{
	return set->prefix_count == 1 && strchr(set->name, '/') ? set->prefixes : NULL;
}

/* A CIDR comes before those that it covers, equal peers stand together. */
static int compare(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	int order = 0;

	if (x->rule->direction != y->rule->direction)
		return x->rule->direction < y->rule->direction ? -1 : 1;
	if (!x->cidr != !y->cidr)
		return !x->cidr - !y->cidr;
	if (x->cidr) {
		/* ::/0 has the mapped addresses of IPv4 in its range, not in its meaning */
		order = bg_prefix_is_v4(y->cidr) - bg_prefix_is_v4(x->cidr);
		if (!order)
			order = bg_prefix_compare(x->cidr, y->cidr);
	} else if (x->rule->set != y->rule->set) {
		order = x->rule->set < y->rule->set ? -1 : 1;
	}
	return order ? order : (x->rule > y->rule) - (x->rule < y->rule);
}

static bool peer_within(const struct candidate *inner, const struct candidate *outer)
{
	if (inner->rule->direction != outer->rule->direction || !inner->cidr != !outer->cidr)
		return false;
	if (!inner->cidr)
		return inner->rule->set == outer->rule->set;
	return inner->cidr->length >= outer->cidr->length &&
	       bg_prefix_has(outer->cidr, &inner->cidr->addr);
}

static bool service_within(const struct bg_model_rule *inner, const struct bg_model_rule *outer)
{
	if (outer->protocol < 0)
		return true;
	if (inner->protocol != outer->protocol)
		return false;
	if (bg_is_icmp(inner->protocol))
		return outer->from_port < 0 ||
		       (inner->from_port == outer->from_port &&
			(outer->to_port < 0 || inner->to_port == outer->to_port));
	return inner->from_port >= outer->from_port && inner->to_port <= outer->to_port;
}

static int warn(struct bg_model *model, const struct bg_model_rule *inner,
		const struct bg_model_rule *outer)
{
	char pointer[BG_RULE_POINTER_TEXT], text[BG_LINT_RULE], by[BG_LINT_RULE];

	return bg_model_warn(model, bg_rule_pointer(inner, pointer),
			     "group %s: rule %s adds nothing to %s", model->groups[inner->group].id,
			     bg_lint_rule(model, inner, text), bg_lint_rule(model, outer, by));
}

static int lint_group(struct bg_model *model, const struct bg_group *group,
		      struct candidate *candidates, size_t *stack, size_t *budget)
{
	size_t depth = 0, count = 0;
	int rc = 0;

	for (size_t i = 0; i < group->rule_count; i++) {
		const struct bg_model_rule *rule = &model->rules[group->first_rule + i];
		const struct bg_set *set = &model->sets[rule->set];

		if (set->prefix_count) /* else lint.c says that it can never match */
			candidates[count++] = (struct candidate){ rule, cidr_of(set) };
	}
	qsort(candidates, count, sizeof(*candidates), compare);
	for (size_t i = 0; i < count && !rc; i++) {
		const struct candidate *candidate = &candidates[i];
		const struct bg_model_rule *by = NULL;

		while (depth && !peer_within(candidate, &candidates[stack[depth - 1]]))
			depth--;
		for (size_t k = 0; k < depth && !by && *budget; k++, --*budget)
			if (service_within(candidate->rule, candidates[stack[k]].rule))
				by = candidates[stack[k]].rule;
		/* with the same peer, the wider service may come later */
		for (size_t k = i + 1; k < count && !by && *budget &&
				       candidates[k].rule->set == candidate->rule->set &&
				       candidates[k].rule->direction == candidate->rule->direction;
		     k++, --*budget)
			if (service_within(candidate->rule, candidates[k].rule) &&
			    !service_within(candidates[k].rule, candidate->rule))
				by = candidates[k].rule;
		if (by)
			rc = warn(model, candidate->rule, by);
		else /* (one that another covers covers nothing that the other does not) */
			stack[depth++] = i;
	}
	return rc;
}

int bg_lint_shadowed(struct bg_model *model)
{
	bg_auto_free struct candidate *candidates = NULL;
	bg_auto_free size_t *stack = NULL;
	size_t most = 0, budget = BUDGET;
	int rc = 0;

	for (size_t i = 0; i < model->group_count; i++)
		if (model->groups[i].rule_count > most)
			most = model->groups[i].rule_count;
	candidates = calloc(most + 1, sizeof(*candidates));
	stack = calloc(most + 1, sizeof(*stack));
	if (!candidates || !stack)
		return -ENOMEM;
	for (size_t i = 0; i < model->group_count && !rc; i++)
		rc = lint_group(model, &model->groups[i], candidates, stack, &budget);
	if (rc)
		return rc;
	if (!budget)
		return bg_model_warn(model, "",
				     "too many rules name the same peers: not all were searched "
				     "for rules that add nothing");
	return 0;
}
