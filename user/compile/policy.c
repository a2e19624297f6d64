// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Rows follow the class tree: the row of a class is that of its parent, with
 * the rules added whose peers are among the class's own sets. All chunks that no
 * such rule touches are shared with the parent's row, so a class costs what its own
 * sets add, not the number of services. compile.c calls it once for each list of
 * groups and direction; the model's rules are never changed or reordered.
 *
 * An example: rule 1 allows tcp 80 from 10.0.0.0/8, rule 2 tcp 443 from
 * 10.1.0.0/16. Port 80 is service class 1, port 443 is 2.
 *
 *	address class	its own set	its row: [1] [2]
 *	0		none		0, allows nothing
 *	1		10.0.0.0/8	rule 1, -	row 0 and rule 1
 *	2, below 1	10.1.0.0/16	rule 1, rule 2	the row of 1 and rule 2
 */
#include "compile/policy.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "compile/class_index.h"
#include "compile/row.h"

#define NONE 0xffffffffu
#define NUMBER_MAX (1u << 24) /* of rules; far more than a map holds */

struct policy_rule {
	__u32 number;
	__u32 spec;
	__u32 next; /* next rule with the same set, NONE = last */
};

/* A set as the policy in work sees it; valid where `mark` is its serial. */
struct policy_set {
	__u32 mark;
	__u32 first, last; /* rules */
	/* the last result of adding this set alone to a parent's row */
	bool memo;
	__u32 memo_parent, memo_row;
};

/* The rules of the policy in work: collect_rules() and number_specs() fill it. */
struct collected {
	__u32 serial;		   /* of this policy; marks that hold it are valid */
	struct policy_rule *rules; /* in the order in which they win */
	struct bg_spec *specs;	   /* distinct */
	__u32 rule_count, spec_count;
	__u32 *rank; /* by rule number: place in `rules` */
	struct policy_set *sets;
};

/* The rows that the classes got: visit_sets() fills it, class by class. */
struct class_rows {
	__u32 *row, *mark; /* by class */
	__u32 *chunk_mark; /* by class / 64: one of these classes has a row */
	__u32 *waiting;	   /* classes still to be visited, a stack */
};

struct bg_policies {
	const struct bg_model *model;
	const struct bg_classes *classes;
	struct bg_writer *writer;
	struct bg_class_index index;

	struct collected collected;
	struct bg_services services; /* of collected.specs */
	struct class_rows rows;
	struct bg_row_maker maker;
};

void bg_policies_free(struct bg_policies *policies)
{
	if (!policies)
		return;
	bg_services_release(&policies->services);
	bg_class_index_release(&policies->index);
	bg_row_release(&policies->maker);
	free(policies->collected.rules);
	free(policies->collected.specs);
	free(policies->collected.rank);
	free(policies->collected.sets);
	free(policies->rows.row);
	free(policies->rows.mark);
	free(policies->rows.chunk_mark);
	free(policies->rows.waiting);
	free(policies);
}

size_t bg_policies_rows(const struct bg_policies *policies)
{
	return policies->maker.made;
}

/* The highest number that a rule has; -EINVAL: one has none, or one too high. */
static int highest_number(const struct bg_model *model, __u32 *highest, struct bg_error *err)
{
	*highest = 0;
	for (size_t i = 0; i < model->rule_count; i++) {
		__u32 number = model->rules[i].number;

		if (!number || number > NUMBER_MAX)
			return bg_fail(err, -EINVAL,
				       "compiling the policy image: rule %zu of group %s has the "
				       "number %u, expected 1 to %u",
				       i, model->groups[model->rules[i].group].id, number,
				       NUMBER_MAX);
		if (number > *highest)
			*highest = number;
	}
	return 0;
}

int bg_policies_new(const struct bg_model *model, const struct bg_classes *classes,
		    struct bg_writer *writer, struct bg_policies **result, struct bg_error *err)
{
	bg_cleanup(bg_policies_free_at) struct bg_policies *policies = calloc(1, sizeof(*policies));
	struct collected *collected;
	struct class_rows *rows;
	__u32 highest;
	int rc;

	if (!policies)
		return bg_no_memory(err, BG_COMPILING);
	policies->model = model;
	policies->classes = classes;
	policies->writer = policies->maker.writer = writer;
	rc = highest_number(model, &highest, err);
	if (rc)
		return rc;
	collected = &policies->collected;
	collected->rules = calloc(model->rule_count + 1, sizeof(*collected->rules));
	collected->specs = calloc(model->rule_count + 1, sizeof(*collected->specs));
	collected->rank = calloc((size_t)highest + 1, sizeof(__u32));
	collected->sets = calloc(model->set_count + 1, sizeof(*collected->sets));
	rows = &policies->rows;
	rows->row = calloc(classes->count, sizeof(__u32));
	rows->mark = calloc(classes->count, sizeof(__u32));
	rows->chunk_mark = calloc(classes->count / BG_CHUNK_CELLS + 1, sizeof(__u32));
	rows->waiting = calloc(classes->count, sizeof(__u32));
	if (!collected->rules || !collected->specs || !collected->rank || !collected->sets ||
	    !rows->row || !rows->mark || !rows->chunk_mark || !rows->waiting ||
	    bg_class_index_build(&policies->index, classes))
		return bg_no_memory(err, BG_COMPILING);
	*result = bg_take_ptr(policies);
	return 0;
}

/* --- rules and services --- */

static int compare_specs(const void *left, const void *right)
{
	const struct bg_spec *a = left, *b = right;

	if (a->protocol != b->protocol)
		return a->protocol < b->protocol ? -1 : 1;
	if (a->from_port != b->from_port)
		return a->from_port < b->from_port ? -1 : 1;
	if (a->to_port != b->to_port)
		return a->to_port < b->to_port ? -1 : 1;
	return 0;
}

/* Ports that do not matter become 0, so that specs of the same meaning are equal. */
static struct bg_spec spec_of(const struct bg_model_rule *rule)
{
	bool ported = bg_space_of(rule->protocol) != BG_SPACE_OTHER;

	return (struct bg_spec){ .protocol = rule->protocol < 0 ? -1 : rule->protocol,
				 .from_port = ported ? rule->from_port : 0,
				 .to_port = ported ? rule->to_port : 0 };
}

static void add_rule(struct collected *collected, const struct bg_model_rule *rule)
{
	struct policy_set *set = &collected->sets[rule->set];
	__u32 place = collected->rule_count++;

	collected->rules[place] = (struct policy_rule){ .number = rule->number, .next = NONE };
	collected->specs[collected->spec_count++] = spec_of(rule);
	/* rules that read the same have one number: the first place counts */
	if (collected->rank[rule->number] >= place ||
	    collected->rules[collected->rank[rule->number]].number != rule->number)
		collected->rank[rule->number] = place;
	if (set->mark != collected->serial)
		*set = (struct policy_set){ .mark = collected->serial, .first = place };
	else
		collected->rules[set->last].next = place;
	set->last = place;
}

static void collect_rules(struct collected *collected, const struct bg_model *model,
			  const size_t *groups, size_t group_count, enum bg_direction direction)
{
	collected->serial++;
	collected->rule_count = 0;
	collected->spec_count = 0;
	for (size_t i = 0; i < group_count; i++) {
		const struct bg_group *group = &model->groups[groups[i]];

		for (size_t n = 0; n < group->rule_count; n++) {
			const struct bg_model_rule *rule = &model->rules[group->first_rule + n];

			if (rule->direction == direction)
				add_rule(collected, rule);
		}
	}
}

/* Keeps each distinct spec once, and notes in each rule which one it has. */
static int number_specs(struct collected *collected)
{
	struct bg_spec *specs = collected->specs;
	bg_auto_free struct bg_spec *of_rule = NULL;
	__u32 kept = 0;

	of_rule = malloc(collected->rule_count * sizeof(*of_rule));
	if (!of_rule)
		return -ENOMEM;
	memcpy(of_rule, specs, collected->rule_count * sizeof(*of_rule));
	qsort(specs, collected->spec_count, sizeof(*specs), compare_specs);
	for (__u32 i = 0; i < collected->spec_count; i++)
		if (!i || compare_specs(&specs[i], &specs[kept - 1]))
			specs[kept++] = specs[i];
	collected->spec_count = kept;
	for (__u32 i = 0; i < collected->rule_count; i++) {
		const struct bg_spec *spec =
			bsearch(&of_rule[i], specs, kept, sizeof(*specs), compare_specs);

		collected->rules[i].spec = spec - specs;
	}
	return 0;
}

/* --- rows --- */

/* Adds the rules whose peer is this set; of two rules for a service the first wins. */
static void add_set(struct bg_policies *policies, const struct policy_set *set)
{
	const struct collected *collected = &policies->collected;
	const struct bg_services *services = &policies->services;

	for (__u32 i = set->first; i != NONE; i = collected->rules[i].next) {
		__u32 spec = collected->rules[i].spec, number = collected->rules[i].number;

		for (__u32 n = services->start[spec]; n < services->start[spec + 1]; n++) {
			const struct bg_span *span = &services->spans[n];

			for (__u32 k = span->first; k < span->end; k++) {
				__u32 *cell = bg_row_cell(&policies->maker, services->class_of[k]);

				if (!*cell || collected->rank[number] < collected->rank[*cell])
					*cell = number;
			}
		}
	}
}

/* The set, if a rule of the policy in work names it; NULL. */
static struct policy_set *named_set(const struct bg_policies *policies, __u32 set)
{
	const struct collected *collected = &policies->collected;

	/* behind the model's sets are those of special addresses, which no rule names */
	if (set >= policies->model->set_count || collected->sets[set].mark != collected->serial)
		return NULL;
	return &collected->sets[set];
}

/* The row of a class, from its parent's and from its own sets. */
static int row_of_class(struct bg_policies *policies, __u32 class, __u32 parent_row, __u32 *row,
			struct bg_error *err)
{
	const struct bg_classes *classes = policies->classes;
	const __u32 *own = classes->own + classes->own_start[class];
	__u32 count = classes->own_start[class + 1] - classes->own_start[class], named = 0;
	struct policy_set *set, *only = NULL;
	int rc;

	for (__u32 i = 0; i < count; i++) {
		set = named_set(policies, own[i]);
		if (set) {
			only = set;
			named++;
		}
	}
	if (!named) {
		*row = parent_row;
		return 0;
	}
	if (named == 1 && only->memo && only->memo_parent == parent_row) {
		*row = only->memo_row;
		return 0;
	}
	bg_row_begin(&policies->maker, parent_row);
	for (__u32 i = 0; i < count; i++) {
		set = named_set(policies, own[i]);
		if (set)
			add_set(policies, set);
	}
	rc = bg_row_end(&policies->maker, row, err);
	if (rc)
		return rc;
	if (named == 1) {
		only->memo = true;
		only->memo_parent = parent_row;
		only->memo_row = *row;
	}
	return 0;
}

/* The row that a class has in the policy in work, 0 = the one that allows nothing. */
static __u32 row_in_work(const struct bg_policies *policies, __u32 class)
{
	const struct class_rows *rows = &policies->rows;

	return rows->mark[class] == policies->collected.serial ? rows->row[class] : 0;
}

/* Gives rows to a class and to all below it. */
static int visit_classes(struct bg_policies *policies, __u32 top, struct bg_error *err)
{
	const struct bg_class_index *index = &policies->index;
	const __u32 serial = policies->collected.serial;
	struct class_rows *rows = &policies->rows;
	__u32 count = 0;

	rows->waiting[count++] = top;
	while (count) {
		__u32 class = rows->waiting[--count];
		__u32 parent_row = row_in_work(policies, policies->classes->parent[class]);
		int rc = row_of_class(policies, class, parent_row, &rows->row[class], err);

		if (rc)
			return rc;
		rows->mark[class] = serial;
		rows->chunk_mark[class / BG_CHUNK_CELLS] = serial;
		for (__u32 i = index->child_start[class]; i < index->child_start[class + 1]; i++)
			rows->waiting[count++] = index->child[i];
	}
	return 0;
}

/* The classes that have a named set among their own, least first: so a parent comes
 * before its children. */
static int visit_sets(struct bg_policies *policies, struct bg_error *err)
{
	const __u32 *with = policies->index.with, *start = policies->index.with_start;
	const __u32 serial = policies->collected.serial;
	bg_auto_free bool *named = NULL;

	named = calloc(policies->classes->count, sizeof(*named));
	if (!named)
		return bg_no_memory(err, BG_COMPILING);
	for (size_t set = 0; set < policies->model->set_count; set++)
		if (policies->collected.sets[set].mark == serial)
			for (__u32 i = start[set]; i < start[set + 1]; i++)
				named[with[i]] = true;
	for (__u32 c = 1; c < policies->classes->count; c++) {
		int rc;

		if (!named[c] || policies->rows.mark[c] == serial)
			continue;
		rc = visit_classes(policies, c, err);
		if (rc)
			return rc;
	}
	return 0;
}

/* The vector from classes to their rows. */
static int write_rows(struct bg_policies *policies, __u32 *vector, struct bg_error *err)
{
	__u32 count = policies->classes->count, values[BG_CHUNK_CELLS];
	__u32 chunks = (count + BG_CHUNK_CELLS - 1) / BG_CHUNK_CELLS;
	bg_auto_free __u32 *head = malloc(chunks * sizeof(*head));
	int rc = 0;

	if (!head)
		return bg_no_memory(err, BG_COMPILING);
	for (__u32 chunk = 0; !rc && chunk < chunks; chunk++) {
		if (policies->rows.chunk_mark[chunk] != policies->collected.serial) {
			rc = bg_writer_uniform(policies->writer, 0, &head[chunk], err);
			continue;
		}
		for (__u32 i = 0; i < BG_CHUNK_CELLS; i++) {
			__u32 class = chunk * BG_CHUNK_CELLS + i;

			values[i] = class < count ? row_in_work(policies, class) : 0;
		}
		rc = bg_writer_run(policies->writer, values, BG_CHUNK_CELLS, &head[chunk], err);
	}
	return rc ? rc : bg_writer_run(policies->writer, head, chunks, vector, err);
}

int bg_policy_write(struct bg_policies *policies, const size_t *groups, size_t group_count,
		    enum bg_direction direction, struct bg_policy *out, struct bg_error *err)
{
	struct collected *collected = &policies->collected;
	struct bg_services *services = &policies->services;
	struct bg_policy policy = {};
	int rc;

	memset(out, 0, sizeof(*out));
	collect_rules(collected, policies->model, groups, group_count, direction);
	if (!collected->rule_count)
		return 0;
	if (number_specs(collected))
		return bg_no_memory(err, BG_COMPILING);
	bg_services_release(services);
	rc = bg_services_build(services, policies->writer, collected->specs, collected->spec_count,
			       err);
	if (rc)
		return rc;
	rc = bg_row_resize(&policies->maker, services->count, err);
	if (rc)
		return rc;
	rc = visit_sets(policies, err);
	if (rc)
		return rc;
	memcpy(policy.services, services->vector, sizeof(policy.services));
	rc = write_rows(policies, &policy.rows, err);
	if (rc)
		return rc;
	*out = policy;
	return 0;
}
