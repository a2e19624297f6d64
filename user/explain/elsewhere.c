// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Has the program judge for interfaces of other nodes, in datapaths where they are branches.
 * ends.c calls it for those that it finds; it does not ask who has an address.
 */
#include "explain/elsewhere.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/ip.h"
#include "explain/explainer.h"

/* A datapath has no more branches than there are VLAN ids. */
#define SETS_AT_ONCE (BG_VLANS - 2)

void bg_elsewhere_release(struct bg_elsewhere *elsewhere)
{
	for (size_t i = 0; i < elsewhere->judge_room; i++)
		bg_explainer_close(elsewhere->judges[i]);
	free(elsewhere->judges);
	free(elsewhere->sets);
	bg_dict_release(&elsewhere->sets_by_groups);
}

static int add_set(struct bg_elsewhere *elsewhere, const struct bg_model_interface *interface,
		   size_t *index)
{
	const struct bg_model_interface **place;
	const size_t *known = bg_dict_find(&elsewhere->sets_by_groups, interface->groups,
					   interface->group_count * sizeof(*interface->groups));

	if (known) {
		*index = *known;
		return 0;
	}
	*index = elsewhere->set_count;
	place = BG_GROW(elsewhere->sets, elsewhere->set_count);
	if (!place ||
	    !bg_dict_put(&elsewhere->sets_by_groups, interface->groups,
			 interface->group_count * sizeof(*interface->groups), *index, NULL))
		return -ENOMEM;
	*place = interface;
	return 0;
}

int bg_elsewhere_add_all(struct bg_elsewhere *elsewhere)
{
	const struct bg_model *model = elsewhere->model;
	size_t index;

	for (size_t i = 0; i < model->interface_count; i++)
		if (model->interfaces[i].group_count &&
		    add_set(elsewhere, &model->interfaces[i], &index))
			return -ENOMEM;
	return 0;
}

/* Addresses for benchmarks (RFC 2544, RFC 5180): no pod, and no peer of a rule, has them. What
 * the program says of an interface does not depend on the address that is its own. */
static struct bg_addr stand_in(size_t set, bool v4)
{
	struct bg_addr addr = {};

	if (v4) {
		bg_addr_parse("198.19.0.0", &addr);
	} else {
		bg_addr_parse("2001:2::", &addr);
	}
	addr.byte[14] = (__u8)(set >> 8);
	addr.byte[15] = (__u8)set;
	return addr;
}

/* "0" to "4093", in place of an interface's id: that need not be the only one. */
static const char *set_name(size_t set, char text[16])
{
	snprintf(text, 16, "%zu", set);
	return text;
}

/* What a model of branches is made of that live no longer than it. */
struct stand_ins {
	struct bg_model_branch branches[SETS_AT_ONCE];
	struct bg_model_pod pods[SETS_AT_ONCE];
	struct bg_addr addresses[SETS_AT_ONCE][2];
	char names[SETS_AT_ONCE][16];
};

static void fill(struct stand_ins *in, size_t i, const struct bg_model_interface *interface)
{
	in->addresses[i][0] = stand_in(i, true);
	in->addresses[i][1] = stand_in(i, false);
	in->pods[i] = (struct bg_model_pod){
		.namespace = "",
		.name = "",
		.addresses = in->addresses[i],
		.address_count = 2,
	};
	set_name(i, in->names[i]);
	in->branches[i] = (struct bg_model_branch){
		.id = in->names[i],
		.vlan = (int)i + 1,
		.mode = BG_STRICT,
		.groups = interface->groups,
		.group_count = interface->group_count,
		.pods = &in->pods[i],
		.pod_count = 1,
	};
	snprintf(in->branches[i].interface, sizeof(in->branches[i].interface), "elsewhere%zu", i);
}

/* A datapath whose branches are the interfaces from `first` on. */
static int open_judge(const struct bg_elsewhere *elsewhere, size_t first,
		      struct bg_explainer **judge, struct bg_error *err)
{
	const unsigned int programs = BG_EXPLAIN_BIT(BG_EXPLAIN_BRANCH_INGRESS) |
				      BG_EXPLAIN_BIT(BG_EXPLAIN_BRANCH_EGRESS);
	bg_auto_free struct stand_ins *in = NULL;
	struct bg_model model = *elsewhere->model;
	size_t count = elsewhere->set_count - first;

	bg_explainer_close(*judge);
	*judge = NULL;
	in = calloc(1, sizeof(*in));
	if (!in)
		return bg_no_memory(err, "preparing to judge the other ends");
	if (count > SETS_AT_ONCE)
		count = SETS_AT_ONCE;
	for (size_t i = 0; i < count; i++)
		fill(in, i, elsewhere->sets[first + i]);
	model.branches = in->branches;
	model.branch_count = count;
	return bg_explainer_open(&model, programs, judge, err);
}

/* The branch that an interface is for its judge. */
static int find_judge(struct bg_elsewhere *elsewhere, const struct bg_model_interface *interface,
		      struct bg_explainer **judge, const struct bg_explain_branch **branch,
		      struct bg_error *err)
{
	size_t set, number;
	char name[16];
	int rc;

	if (add_set(elsewhere, interface, &set))
		return bg_no_memory(err, "preparing to judge the other ends");
	number = set / SETS_AT_ONCE;
	if (BG_RESERVE(elsewhere->judges, elsewhere->judge_room, number + 1))
		return bg_no_memory(err, "preparing to judge the other ends");
	set_name(set % SETS_AT_ONCE, name);
	*judge = elsewhere->judges[number];
	*branch = *judge ? bg_explain_by_id(*judge, name) : NULL;
	if (*branch)
		return 0;
	/* the first one, or a set that came up later */
	rc = open_judge(elsewhere, set - set % SETS_AT_ONCE, &elsewhere->judges[number], err);
	if (rc)
		return rc;
	*judge = elsewhere->judges[number];
	*branch = bg_explain_by_id(*judge, name);
	return 0;
}

int bg_elsewhere_judge(struct bg_elsewhere *elsewhere, struct bg_side *side, struct bg_error *err)
{
	struct bg_question question = side->question;
	const struct bg_explain_branch *branch = NULL;
	struct bg_explainer *judge = NULL;
	int rc = find_judge(elsewhere, side->end.interface, &judge, &branch, err);

	if (rc)
		return rc;
	if (!branch)
		return bg_fail(err, -ENOENT, "the other end is in no branch of its judge");
	question.local = branch->local[!bg_addr_is_v4(&question.remote)];
	side->judge = judge;
	return bg_explain_at(judge,
			     question.direction == BG_INGRESS ? BG_EXPLAIN_BRANCH_INGRESS
							      : BG_EXPLAIN_BRANCH_EGRESS,
			     branch, &question, &side->answer, err);
}
