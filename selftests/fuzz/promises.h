/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What later parts rely on in a model, wherever it comes from. */
#ifndef PROMISES_H
#define PROMISES_H

#include <stdio.h>
#include <stdlib.h>

#include "feed/model.h"

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* One line that a terminal can bear. */
static inline void must_be_printable(const char *text)
{
	for (; *text; text++)
		MUST((unsigned char)*text >= ' ' && *text != 0x7f);
}

static inline void must_be_whole(const struct bg_model *model)
{
	size_t rules = 0, members = 0;

	for (size_t i = 0; i < model->group_count; i++) {
		const struct bg_group *group = &model->groups[i];

		rules += group->rule_count;
		for (size_t k = 0; k < group->rule_count; k++)
			MUST(model->rules[group->first_rule + k].group == i);
	}
	MUST(rules == model->rule_count);
	for (size_t i = 0; i < model->rule_count; i++) {
		char pointer[BG_RULE_POINTER_TEXT];

		MUST(model->rules[i].set < model->set_count);
		must_be_printable(bg_rule_pointer(&model->rules[i], pointer));
	}
	for (size_t i = 0; i < model->set_count; i++) {
		MUST(model->sets[i].resolved || !model->sets[i].prefix_count);
		members += model->sets[i].prefix_count;
	}
	MUST(members == model->member_count);
	for (size_t i = 0; i < model->branch_count; i++) {
		const struct bg_model_branch *branch = &model->branches[i];

		MUST(branch->vlan > 0 && branch->vlan < BG_VLANS - 1);
		MUST(*branch->interface);
		for (size_t k = 0; k < branch->group_count; k++)
			MUST(branch->groups[k] < model->group_count &&
			     (!k || branch->groups[k] > branch->groups[k - 1]));
	}
}

#endif
