// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Rows follow the class tree: the row of a class is that of its parent, with
 * the rules added whose peers are among the class's own sets. Only the chunks
 * that such a rule touches are made anew, so a class costs what its own sets
 * add, not the number of services.
 */
#include "compile/policy.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "compile/class_index.h"

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
	/* the row that came of adding this set alone to a parent's row */
	bool memo;
	__u32 memo_parent, memo_row;
};

struct bg_policies {
	const struct bg_model *model;
	const struct bg_classes *classes;
	struct bg_writer *writer;

	struct bg_class_index index;

	/* the policy in work; marks hold `serial` where they are valid */
	__u32 serial;
	struct policy_rule *rules; /* in the order in which they win */
	struct bg_spec *specs;	   /* distinct */
	__u32 rule_count, spec_count;
	struct bg_services services;
	__u32 *rank; /* by rule number: place in `rules` */
	struct policy_set *sets;
	__u32 *row, *row_mark; /* by class */
	__u32 *chunk_mark;     /* by class / 64 */
	__u32 *stack;	       /* classes to visit */

	/* the row in work: its head, and those chunks that change */
	__u32 *head, *cells, *loaded, *touched;
	__u32 *empty; /* head of the row that allows nothing */
	size_t chunk_room;
	__u32 touched_count, row_serial;
	size_t row_count;
};

static int out_of_memory(struct bg_error *err)
{
	return bg_fail(err, -ENOMEM, "compiling the policy image: out of memory");
}

void bg_policies_free(struct bg_policies *policies)
{
	if (!policies)
		return;
	bg_services_release(&policies->services);
	bg_class_index_release(&policies->index);
	free(policies->rules);
	free(policies->specs);
	free(policies->rank);
	free(policies->sets);
	free(policies->row);
	free(policies->row_mark);
	free(policies->chunk_mark);
	free(policies->stack);
	free(policies->head);
	free(policies->cells);
	free(policies->loaded);
	free(policies->touched);
	free(policies->empty);
	free(policies);
}

size_t bg_policies_rows(const struct bg_policies *policies)
{
	return policies->row_count;
}

int bg_policies_new(const struct bg_model *model, const struct bg_classes *classes,
		    struct bg_writer *writer, struct bg_policies **result, struct bg_error *err)
{
	bg_cleanup(bg_policies_free_at) struct bg_policies *policies = calloc(1, sizeof(*policies));
	__u32 numbers = 0;

	if (!policies)
		return out_of_memory(err);
	policies->model = model;
	policies->classes = classes;
	policies->writer = writer;
	for (size_t i = 0; i < model->rule_count; i++) {
		__u32 number = model->rules[i].number;

		if (!number || number > NUMBER_MAX)
			return bg_fail(err, -EINVAL,
				       "compiling the policy image: rule %zu of group %s has the "
				       "number %u, expected 1 to %u",
				       i, model->groups[model->rules[i].group].id, number,
				       NUMBER_MAX);
		if (number > numbers)
			numbers = number;
	}
	policies->rules = calloc(model->rule_count + 1, sizeof(*policies->rules));
	policies->specs = calloc(model->rule_count + 1, sizeof(*policies->specs));
	policies->rank = calloc((size_t)numbers + 1, sizeof(__u32));
	policies->sets = calloc(model->set_count + 1, sizeof(*policies->sets));
	policies->row = calloc(classes->count, sizeof(__u32));
	policies->row_mark = calloc(classes->count, sizeof(__u32));
	policies->chunk_mark = calloc(classes->count / BG_CHUNK_CELLS + 1, sizeof(__u32));
	policies->stack = calloc(classes->count, sizeof(__u32));
	if (!policies->rules || !policies->specs || !policies->rank || !policies->sets ||
	    !policies->row || !policies->row_mark || !policies->chunk_mark || !policies->stack ||
	    bg_class_index_build(&policies->index, classes))
		return out_of_memory(err);
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

/* What does not matter is made equal, so that equal specs are one. */
static struct bg_spec spec_of(const struct bg_model_rule *rule)
{
	bool ported = bg_space_of(rule->protocol) != BG_SPACE_OTHER;

	return (struct bg_spec){ .protocol = rule->protocol < 0 ? -1 : rule->protocol,
				 .from_port = ported ? rule->from_port : 0,
				 .to_port = ported ? rule->to_port : 0 };
}

static void add_rule(struct bg_policies *policies, const struct bg_model_rule *rule)
{
	struct policy_set *set = &policies->sets[rule->set];
	__u32 place = policies->rule_count++;

	policies->rules[place] = (struct policy_rule){ .number = rule->number, .next = NONE };
	policies->specs[policies->spec_count++] = spec_of(rule);
	/* rules that read the same have one number: the first place counts */
	if (policies->rank[rule->number] >= place ||
	    policies->rules[policies->rank[rule->number]].number != rule->number)
		policies->rank[rule->number] = place;
	if (set->mark != policies->serial) {
		*set = (struct policy_set){ .mark = policies->serial, .first = place };
	} else {
		policies->rules[set->last].next = place;
	}
	set->last = place;
}

static void collect_rules(struct bg_policies *policies, const size_t *groups, size_t group_count,
			  enum bg_direction direction)
{
	const struct bg_model *model = policies->model;

	policies->serial++;
	policies->rule_count = 0;
	policies->spec_count = 0;
	for (size_t i = 0; i < group_count; i++) {
		const struct bg_group *group = &model->groups[groups[i]];

		for (size_t n = 0; n < group->rule_count; n++) {
			const struct bg_model_rule *rule = &model->rules[group->first_rule + n];

			if (rule->direction == direction)
				add_rule(policies, rule);
		}
	}
}

/* Makes the specs distinct and tells each rule its own. */
static int number_specs(struct bg_policies *policies)
{
	struct bg_spec *specs = policies->specs;
	bg_auto_free struct bg_spec *of_rule = NULL;
	__u32 kept = 0;

	of_rule = malloc(policies->rule_count * sizeof(*of_rule));
	if (!of_rule)
		return -ENOMEM;
	memcpy(of_rule, specs, policies->rule_count * sizeof(*of_rule));
	qsort(specs, policies->spec_count, sizeof(*specs), compare_specs);
	for (__u32 i = 0; i < policies->spec_count; i++)
		if (!i || compare_specs(&specs[i], &specs[kept - 1]))
			specs[kept++] = specs[i];
	policies->spec_count = kept;
	for (__u32 i = 0; i < policies->rule_count; i++) {
		const struct bg_spec *spec =
			bsearch(&of_rule[i], specs, kept, sizeof(*specs), compare_specs);

		policies->rules[i].spec = spec - specs;
	}
	return 0;
}

/* --- rows --- */

static size_t row_chunks(const struct bg_policies *policies)
{
	return (policies->services.count + BG_CHUNK_CELLS - 1) / BG_CHUNK_CELLS;
}

static size_t chunk_length(const struct bg_policies *policies, __u32 chunk)
{
	size_t left = policies->services.count - (size_t)chunk * BG_CHUNK_CELLS;

	return left < BG_CHUNK_CELLS ? left : BG_CHUNK_CELLS;
}

/* Room to make rows in, and the head of the row that allows nothing. */
static int prepare_rows(struct bg_policies *policies, struct bg_error *err)
{
	static const __u32 zeros[BG_CHUNK_CELLS];
	size_t chunks = row_chunks(policies);

	if (chunks > policies->chunk_room) {
		free(policies->head);
		free(policies->cells);
		free(policies->loaded);
		free(policies->touched);
		free(policies->empty);
		policies->head = calloc(chunks, sizeof(__u32));
		policies->cells = calloc(chunks * BG_CHUNK_CELLS, sizeof(__u32));
		policies->loaded = calloc(chunks, sizeof(__u32));
		policies->touched = calloc(chunks, sizeof(__u32));
		policies->empty = calloc(chunks, sizeof(__u32));
		policies->row_serial = 0;
		policies->chunk_room = chunks;
		if (!policies->head || !policies->cells || !policies->loaded ||
		    !policies->touched || !policies->empty)
			return out_of_memory(err);
	}
	for (size_t i = 0; i < chunks; i++) {
		int rc = bg_writer_run(policies->writer, zeros, chunk_length(policies, i),
				       &policies->empty[i], err);

		if (rc)
			return rc;
	}
	return 0;
}

/* Begins with a copy of a row, 0 = the one that allows nothing. */
static void begin_row(struct bg_policies *policies, __u32 row)
{
	policies->row_serial++;
	policies->touched_count = 0;
	memcpy(policies->head, row ? policies->writer->cells + row : policies->empty,
	       row_chunks(policies) * sizeof(__u32));
}

static void add_to_cell(struct bg_policies *policies, __u32 service, __u32 number)
{
	__u32 chunk = service / BG_CHUNK_CELLS;
	__u32 *cell = &policies->cells[service];

	if (policies->loaded[chunk] != policies->row_serial) {
		policies->loaded[chunk] = policies->row_serial;
		policies->touched[policies->touched_count++] = chunk;
		memcpy(&policies->cells[(size_t)chunk * BG_CHUNK_CELLS],
		       policies->writer->cells + policies->head[chunk],
		       chunk_length(policies, chunk) * sizeof(__u32));
	}
	if (!*cell || policies->rank[number] < policies->rank[*cell])
		*cell = number;
}

/* Adds the rules whose peer is this set. */
static void add_set(struct bg_policies *policies, const struct policy_set *set)
{
	const struct bg_services *services = &policies->services;

	for (__u32 i = set->first; i != NONE; i = policies->rules[i].next) {
		__u32 spec = policies->rules[i].spec, number = policies->rules[i].number;

		for (__u32 n = services->start[spec]; n < services->start[spec + 1]; n++)
			for (__u32 k = services->spans[n].first; k < services->spans[n].end; k++)
				add_to_cell(policies, services->class_of[k], number);
	}
}

static int end_row(struct bg_policies *policies, __u32 *row, struct bg_error *err)
{
	struct bg_writer *writer = policies->writer;
	size_t runs;
	int rc;

	for (__u32 i = 0; i < policies->touched_count; i++) {
		__u32 chunk = policies->touched[i];

		rc = bg_writer_run(writer, &policies->cells[(size_t)chunk * BG_CHUNK_CELLS],
				   chunk_length(policies, chunk), &policies->head[chunk], err);
		if (rc)
			return rc;
	}
	runs = writer->run_count;
	rc = bg_writer_run(writer, policies->head, row_chunks(policies), row, err);
	policies->row_count += writer->run_count - runs;
	return rc;
}

/* The row of a class, from its parent's and from its own sets. */
static int row_of_class(struct bg_policies *policies, __u32 class, __u32 parent_row, __u32 *row,
			struct bg_error *err)
{
	const struct bg_classes *classes = policies->classes;
	const __u32 *own = classes->own + classes->own_start[class];
	__u32 count = classes->own_start[class + 1] - classes->own_start[class], named = 0;
	struct policy_set *only = NULL;
	int rc;

	for (__u32 i = 0; i < count; i++)
		if (own[i] < policies->model->set_count &&
		    policies->sets[own[i]].mark == policies->serial) {
			only = &policies->sets[own[i]];
			named++;
		}
	if (!named) {
		*row = parent_row;
		return 0;
	}
	if (named == 1 && only->memo && only->memo_parent == parent_row) {
		*row = only->memo_row;
		return 0;
	}
	begin_row(policies, parent_row);
	for (__u32 i = 0; i < count; i++)
		if (own[i] < policies->model->set_count &&
		    policies->sets[own[i]].mark == policies->serial)
			add_set(policies, &policies->sets[own[i]]);
	rc = end_row(policies, row, err);
	if (rc)
		return rc;
	if (named == 1) {
		only->memo = true;
		only->memo_parent = parent_row;
		only->memo_row = *row;
	}
	return 0;
}

/* Gives rows to a class and to all below it. */
static int visit_classes(struct bg_policies *policies, __u32 top, struct bg_error *err)
{
	const struct bg_class_index *index = &policies->index;
	const struct bg_classes *classes = policies->classes;
	__u32 waiting = 0;

	policies->stack[waiting++] = top;
	while (waiting) {
		__u32 class = policies->stack[--waiting], parent = classes->parent[class];
		__u32 parent_row =
			policies->row_mark[parent] == policies->serial ? policies->row[parent] : 0;
		int rc = row_of_class(policies, class, parent_row, &policies->row[class], err);

		if (rc)
			return rc;
		policies->row_mark[class] = policies->serial;
		policies->chunk_mark[class / BG_CHUNK_CELLS] = policies->serial;
		for (__u32 i = index->child_start[class]; i < index->child_start[class + 1]; i++)
			policies->stack[waiting++] = index->child[i];
	}
	return 0;
}

static int write_row_vector(struct bg_policies *policies, __u32 *vector, struct bg_error *err)
{
	__u32 count = policies->classes->count, values[BG_CHUNK_CELLS];
	__u32 chunks = (count + BG_CHUNK_CELLS - 1) / BG_CHUNK_CELLS;
	bg_auto_free __u32 *head = malloc(chunks * sizeof(*head));
	int rc = 0;

	if (!head)
		return out_of_memory(err);
	for (__u32 chunk = 0; !rc && chunk < chunks; chunk++) {
		if (policies->chunk_mark[chunk] != policies->serial) {
			rc = bg_writer_uniform(policies->writer, 0, &head[chunk], err);
			continue;
		}
		for (__u32 i = 0; i < BG_CHUNK_CELLS; i++) {
			__u32 class = chunk * BG_CHUNK_CELLS + i;

			values[i] = class < count && policies->row_mark[class] == policies->serial
					    ? policies->row[class]
					    : 0;
		}
		rc = bg_writer_run(policies->writer, values, BG_CHUNK_CELLS, &head[chunk], err);
	}
	return rc ? rc : bg_writer_run(policies->writer, head, chunks, vector, err);
}

/* The classes that a set names, least first, so that a parent comes before what
 * is below it. */
static int visit_sets(struct bg_policies *policies, struct bg_error *err)
{
	const __u32 *with = policies->index.with, *start = policies->index.with_start;
	const struct bg_model *model = policies->model;
	const size_t sets = model->set_count;
	bg_auto_free bool *named = NULL;

	named = calloc(policies->classes->count, sizeof(*named));
	if (!named)
		return out_of_memory(err);
	for (size_t set = 0; set < sets; set++)
		if (policies->sets[set].mark == policies->serial)
			for (__u32 i = start[set]; i < start[set + 1]; i++)
				named[with[i]] = true;
	for (__u32 c = 1; c < policies->classes->count; c++) {
		int rc;

		if (!named[c] || policies->row_mark[c] == policies->serial)
			continue;
		rc = visit_classes(policies, c, err);
		if (rc)
			return rc;
	}
	return 0;
}

int bg_policy_write(struct bg_policies *policies, const size_t *groups, size_t group_count,
		    enum bg_direction direction, struct bg_policy *out, struct bg_error *err)
{
	struct bg_services *services = &policies->services;
	struct bg_policy policy = {};
	int rc;

	memset(out, 0, sizeof(*out));
	collect_rules(policies, groups, group_count, direction);
	if (!policies->rule_count)
		return 0;
	if (number_specs(policies))
		return out_of_memory(err);
	bg_services_release(services);
	rc = bg_services_build(services, policies->writer, policies->specs, policies->spec_count,
			       err);
	if (rc)
		return rc;
	rc = prepare_rows(policies, err);
	if (rc)
		return rc;
	rc = visit_sets(policies, err);
	if (rc)
		return rc;
	memcpy(policy.services, services->vector, sizeof(policy.services));
	rc = write_row_vector(policies, &policy.rows, err);
	if (rc)
		return rc;
	*out = policy;
	return 0;
}
