// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What explain asks: a private datapath with a feed's policy, or with the one in force.
 * `explain` and path.c call it; the pinned maps are only read.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "base/grow.h"
#include "base/ip.h"
#include "compile/compile.h"
#include "explain/explainer.h"
#include "pinned/maps_read.h"

/* There is one flow at a time at most, since the table is emptied after each. */
#define EXPLAIN_FLOWS 64

void bg_explainer_close(struct bg_explainer *explainer)
{
	if (!explainer)
		return;
	for (size_t i = 0; i < explainer->branch_count; i++) {
		struct bg_explain_branch *branch = &explainer->branches[i];

		for (size_t k = 0; k < branch->group_count; k++)
			free(branch->groups[k]);
		free(branch->groups);
		free(branch->id);
	}
	free(explainer->branches);
	free(explainer->pods);
	free(explainer->rules);
	free(explainer->live_rules);
	bg_datapath_close(explainer->datapath);
	free(explainer);
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct bg_explain_branch *)a)->id,
		      ((const struct bg_explain_branch *)b)->id);
}

static void note_local(struct bg_explain_branch *branch, const struct bg_addr *address)
{
	int family = bg_addr_is_v4(address) ? 0 : 1;

	if (branch->has_local[family])
		return;
	branch->has_local[family] = true;
	branch->local[family] = *address;
}

/* Branches must be sorted. */
static int add_pod(struct bg_explainer *explainer, struct bg_explain_branch *branch,
		   const struct bg_addr *address)
{
	struct bg_explain_pod *pod = BG_GROW(explainer->pods, explainer->pod_count);

	if (!pod)
		return -ENOMEM;
	pod->address = *address;
	pod->branch = (size_t)(branch - explainer->branches);
	note_local(branch, address);
	return 0;
}

static int add_group(struct bg_explain_branch *branch, const char *id, size_t length)
{
	char **place = BG_GROW(branch->groups, branch->group_count);

	if (!place)
		return -ENOMEM;
	*place = strndup(id, length);
	if (*place)
		return 0;
	branch->group_count--;
	return -ENOMEM;
}

static struct bg_explain_branch *add_branch(struct bg_explainer *explainer, const char *id)
{
	struct bg_explain_branch *branch = BG_GROW(explainer->branches, explainer->branch_count);

	if (branch)
		branch->id = strdup(id);
	return branch && branch->id ? branch : NULL;
}

static void sort_branches(struct bg_explainer *explainer)
{
	if (explainer->branch_count)
		qsort(explainer->branches, explainer->branch_count, sizeof(*explainer->branches),
		      by_id);
}

static struct bg_explain_branch *branch_of_vlan(struct bg_explainer *explainer, __u32 vlan)
{
	for (size_t i = 0; i < explainer->branch_count; i++)
		if (explainer->branches[i].vlan == vlan)
			return &explainer->branches[i];
	return NULL;
}

static int take_pods(struct bg_explainer *explainer, const struct bg_model_branch *from)
{
	struct bg_explain_branch *branch =
		(struct bg_explain_branch *)bg_explain_by_id(explainer, from->id);

	for (size_t i = 0; i < from->pod_count; i++)
		for (size_t k = 0; k < from->pods[i].address_count; k++)
			if (add_pod(explainer, branch, &from->pods[i].addresses[k]))
				return -ENOMEM;
	return 0;
}

static int take_branches(struct bg_explainer *explainer, const struct bg_model *model,
			 struct bg_error *err)
{
	for (size_t i = 0; i < model->branch_count; i++) {
		const struct bg_model_branch *from = &model->branches[i];
		struct bg_explain_branch *branch = add_branch(explainer, from->id);

		if (!branch)
			return bg_no_memory(err, "reading %zu branches", model->branch_count);
		branch->vlan = (__u32)from->vlan;
		branch->mode = from->mode;
		snprintf(branch->interface, sizeof(branch->interface), "%s", from->interface);
		for (size_t k = 0; k < from->group_count; k++) {
			const char *id = model->groups[from->groups[k]].id;

			if (add_group(branch, id, strlen(id)))
				return bg_no_memory(err, "reading %zu branches",
						    model->branch_count);
		}
	}
	sort_branches(explainer);
	for (size_t i = 0; i < model->branch_count; i++)
		if (take_pods(explainer, &model->branches[i]))
			return bg_no_memory(err, "reading %zu branches", model->branch_count);
	return 0;
}

static int take_rules(struct bg_explainer *explainer, const struct bg_model *model,
		      struct bg_error *err)
{
	__u32 highest = 0;

	for (size_t i = 0; i < model->rule_count; i++)
		if (model->rules[i].number > highest)
			highest = model->rules[i].number;
	explainer->rule_count = (size_t)highest + 1;
	explainer->rules = calloc(explainer->rule_count, sizeof(*explainer->rules));
	if (!explainer->rules)
		return bg_no_memory(err, "reading %zu rules", model->rule_count);
	for (size_t i = 0; i < model->rule_count; i++) {
		const struct bg_model_rule *from = &model->rules[i];
		struct bg_explain_rule *rule = &explainer->rules[from->number];

		rule->group_id = model->groups[from->group].id;
		rule->group_name = model->groups[from->group].name;
		rule->rule_id = from->rule_id;
		bg_rule_describe(model, from, &rule->rule);
	}
	return 0;
}

static void list_programs(unsigned int programs, const char *names[BG_EXPLAIN_PROGRAMS + 1])
{
	size_t count = 0;

	for (enum bg_explain_program i = 0; i < BG_EXPLAIN_PROGRAMS; i++)
		if (programs & BG_EXPLAIN_BIT(i))
			names[count++] = bg_explain_program_name(i);
	names[count] = NULL;
}

#define OPTIONS(programs, rules, all_branches)                                                     \
	{                                                                                          \
		.max_flows = EXPLAIN_FLOWS,                                                        \
		.max_rules = (rules),                                                              \
		.max_branches = (all_branches),                                                    \
		.trace = true,                                                                     \
		.no_short_way = true,                                                              \
		.only = (programs),                                                                \
	}

/* A feed that does not fit in the usual image gets a datapath with the room it needs. */
static int publish(struct bg_explainer *explainer, struct bg_model *model, struct bg_error *err)
{
	const char *programs[BG_EXPLAIN_PROGRAMS + 1];
	struct bg_datapath_options options =
		OPTIONS(programs, (__u32)model->rule_count + 2, (__u32)model->branch_count + 2);
	bg_cleanup(bg_datapath_close_at) struct bg_datapath *first = NULL;
	bg_cleanup(bg_image_free_at) struct bg_image *image = NULL;
	struct bg_publish_times times;
	int rc;

	list_programs(explainer->programs, programs);
	rc = bg_datapath_open(&options, &explainer->datapath, err);
	if (rc)
		return rc;
	rc = bg_datapath_compile(explainer->datapath, model, BG_MAX_IMAGE_BLOCKS, &image, &times,
				 err);
	if (rc)
		return rc;
	if (!bg_datapath_has_room(explainer->datapath, image)) {
		first = bg_take_ptr(explainer->datapath);
		options.image_blocks = (__u32)image->block_count;
		rc = bg_datapath_open(&options, &explainer->datapath, err);
		if (rc)
			return rc;
		bg_datapath_take_numbers(explainer->datapath, first);
	}
	return bg_datapath_publish(explainer->datapath, model, image, &times, err);
}

static struct bg_explainer *new_explainer(unsigned int programs, bool live, struct bg_error *err)
{
	struct bg_explainer *explainer = calloc(1, sizeof(*explainer));

	if (!explainer) {
		bg_no_memory(err, "preparing to explain");
		return NULL;
	}
	explainer->programs = programs;
	explainer->live = live;
	explainer->words = &bg_question_keys;
	return explainer;
}

int bg_explainer_open(struct bg_model *model, unsigned int programs, struct bg_explainer **out,
		      struct bg_error *err)
{
	bg_cleanup(bg_explainer_close_at) struct bg_explainer *explainer =
		new_explainer(programs, false, err);
	int rc;

	if (!explainer)
		return -ENOMEM;
	snprintf(explainer->revision, sizeof(explainer->revision), "%s",
		 model->revision ? model->revision : "");
	rc = publish(explainer, model, err) ?:
	     take_branches(explainer, model, err) ?:
	     take_rules(explainer, model, err);
	if (rc)
		return rc;
	*out = bg_take_ptr(explainer);
	return 0;
}

/* "sg-a,sg-b,...": the map has no room for more than some, and says so by dots. */
static int take_live_groups(struct bg_explain_branch *branch, const char *groups)
{
	while (*groups) {
		size_t length = strcspn(groups, ",");

		if (length && strncmp(groups, "...", 3) != 0 && add_group(branch, groups, length))
			return -ENOMEM;
		groups += length + (groups[length] == ',');
	}
	return 0;
}

static int take_live_branches(struct bg_explainer *explainer, const struct bg_maps *maps,
			      struct bg_error *err)
{
	bg_auto_free struct bg_branch_row *rows = NULL;
	size_t count = 0;
	int rc;

	rc = bg_maps_branches(maps, &rows, &count, err);
	if (rc)
		return rc;
	for (size_t i = 0; i < count; i++) {
		struct bg_explain_branch *branch = add_branch(explainer, rows[i].info.id);

		if (!branch || take_live_groups(branch, rows[i].info.groups))
			return bg_no_memory(err, "reading %zu branches", count);
		branch->vlan = rows[i].vlan;
		branch->mode = rows[i].info.mode;
		snprintf(branch->interface, sizeof(branch->interface), "%s",
			 rows[i].info.interface);
	}
	sort_branches(explainer);
	return 0;
}

/* An address of each branch, from the pods that are on the node now. */
static int take_live_addresses(struct bg_explainer *explainer, const struct bg_maps *maps,
			       struct bg_error *err)
{
	bg_auto_close int fd = -1;
	struct bg_explain_branch *branch;
	struct bg_addr key, *last = NULL;
	struct bg_pod pod;

	fd = bg_maps_fd(maps, "pods", sizeof(pod), false, err);
	if (fd < 0)
		return fd;
	while (!bpf_map_get_next_key(fd, last, &key)) {
		last = &key;
		if (bpf_map_lookup_elem(fd, &key, &pod))
			continue;
		branch = branch_of_vlan(explainer, pod.vlan);
		if (branch && add_pod(explainer, branch, &key))
			return bg_no_memory(err, "reading the pods");
	}
	return 0;
}

static int take_live_rules(struct bg_explainer *explainer, const struct bg_maps *maps,
			   struct bg_error *err)
{
	int rc;

	rc = bg_maps_rules(maps, &explainer->live_rules, &explainer->rule_count, NULL, err);
	if (rc)
		return rc;
	explainer->rules = calloc(explainer->rule_count + 1, sizeof(*explainer->rules));
	if (!explainer->rules)
		return bg_no_memory(err, "reading %zu rules", explainer->rule_count);
	for (size_t i = 1; i < explainer->rule_count; i++) {
		const struct bg_rule *from = &explainer->live_rules[i];
		struct bg_explain_rule *rule = &explainer->rules[i];

		if (!from->group[0])
			continue;
		rule->group_id = from->group;
		rule->rule_id = from->rule_id[0] ? from->rule_id : NULL;
		rule->rule = *from;
	}
	return 0;
}

static int take_live(struct bg_explainer *explainer, const struct bg_maps *maps,
		     struct bg_error *err)
{
	const char *programs[BG_EXPLAIN_PROGRAMS + 1];
	/* hits and counters of the running datapath are not ours */
	struct bg_datapath_options options = OPTIONS(programs, 2, 2);
	bg_auto_close int policy_fd = -1;
	struct bg_control control;
	int rc;

	rc = bg_maps_control(maps, &control, err);
	if (rc)
		return rc;
	if (!control.revision)
		return bg_fail(err, -ENODATA, "no revision is in force yet in %s", maps->pin_dir);
	snprintf(explainer->revision, sizeof(explainer->revision), "%.*s",
		 (int)sizeof(control.feed_revision) - 1, control.feed_revision);
	policy_fd = bg_maps_fd(maps, "policy", sizeof(__u32), false, err);
	if (policy_fd < 0)
		return policy_fd;
	list_programs(explainer->programs, programs);
	options.policy_fd = policy_fd;
	return bg_datapath_open(&options, &explainer->datapath, err) ?:
	       take_live_branches(explainer, maps, err) ?:
	       take_live_addresses(explainer, maps, err) ?:
	       take_live_rules(explainer, maps, err);
}

void bg_explainer_know(struct bg_explainer *explainer, const struct bg_model *in_force)
{
	for (size_t i = 0; i < in_force->branch_count; i++) {
		const struct bg_model_branch *from = &in_force->branches[i];
		struct bg_explain_branch *branch =
			(struct bg_explain_branch *)bg_explain_by_id(explainer, from->id);

		for (size_t k = 0; branch && k < from->pod_count; k++)
			for (size_t a = 0; a < from->pods[k].address_count; a++)
				note_local(branch, &from->pods[k].addresses[a]);
	}
}

int bg_explainer_open_live(const char *pin_dir, unsigned int programs, struct bg_explainer **out,
			   struct bg_error *err)
{
	bg_cleanup(bg_maps_close) struct bg_maps maps = { .control_fd = -1 };
	bg_cleanup(bg_explainer_close_at) struct bg_explainer *explainer =
		new_explainer(programs, true, err);
	int rc;

	if (!explainer)
		return -ENOMEM;
	rc = bg_maps_open(pin_dir, &maps, err) ?: take_live(explainer, &maps, err);
	if (rc)
		return rc;
	*out = bg_take_ptr(explainer);
	return 0;
}
