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
	for (size_t i = 0; i < explainer->branch_count; i++)
		free(explainer->branches[i].id);
	free(explainer->branches);
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

static int take_branches(struct bg_explainer *explainer, const struct bg_model *model,
			 struct bg_error *err)
{
	explainer->branches = calloc(model->branch_count + 1, sizeof(*explainer->branches));
	if (!explainer->branches)
		return bg_no_memory(err, "reading %zu branches", model->branch_count);
	for (size_t i = 0; i < model->branch_count; i++) {
		const struct bg_model_branch *from = &model->branches[i];
		struct bg_explain_branch *branch = &explainer->branches[i];

		branch->id = strdup(from->id);
		if (!branch->id)
			return bg_no_memory(err, "reading %zu branches", model->branch_count);
		explainer->branch_count++;
		branch->vlan = (__u32)from->vlan;
		branch->mode = from->mode;
		snprintf(branch->interface, sizeof(branch->interface), "%s", from->interface);
		for (size_t j = 0; j < from->pod_count; j++)
			for (size_t k = 0; k < from->pods[j].address_count; k++)
				note_local(branch, &from->pods[j].addresses[k]);
	}
	qsort(explainer->branches, explainer->branch_count, sizeof(*explainer->branches), by_id);
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

/* A feed that does not fit in the usual image gets a datapath with the room it needs. */
static int publish(struct bg_explainer *explainer, struct bg_model *model, struct bg_error *err)
{
	const char *programs[BG_EXPLAIN_PROGRAMS + 1];
	struct bg_datapath_options options = {
		.max_flows = EXPLAIN_FLOWS,
		.max_rules = (__u32)model->rule_count + 2,
		.max_branches = (__u32)model->branch_count + 2,
		.trace = true,
		.no_short_way = true,
		.only = programs,
	};
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

int bg_explainer_open(struct bg_model *model, unsigned int programs, struct bg_explainer **out,
		      struct bg_error *err)
{
	bg_cleanup(bg_explainer_close_at) struct bg_explainer *explainer = NULL;
	int rc;

	explainer = calloc(1, sizeof(*explainer));
	if (!explainer)
		return bg_no_memory(err, "preparing to explain");
	explainer->programs = programs;
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

static int take_live_branches(struct bg_explainer *explainer, const struct bg_maps *maps,
			      struct bg_error *err)
{
	bg_auto_free struct bg_branch_row *rows = NULL;
	size_t count = 0;
	int rc;

	rc = bg_maps_branches(maps, &rows, &count, err);
	if (rc)
		return rc;
	explainer->branches = calloc(count + 1, sizeof(*explainer->branches));
	if (!explainer->branches)
		return bg_no_memory(err, "reading %zu branches", count);
	for (size_t i = 0; i < count; i++) {
		struct bg_explain_branch *branch = &explainer->branches[i];

		branch->id = strdup(rows[i].info.id);
		if (!branch->id)
			return bg_no_memory(err, "reading %zu branches", count);
		explainer->branch_count++;
		branch->vlan = rows[i].vlan;
		branch->mode = rows[i].info.mode;
		snprintf(branch->interface, sizeof(branch->interface), "%s",
			 rows[i].info.interface);
	}
	qsort(explainer->branches, explainer->branch_count, sizeof(*explainer->branches), by_id);
	return 0;
}

/* An address of each branch, from the pods that are on the node now. */
static int take_live_addresses(struct bg_explainer *explainer, const struct bg_maps *maps,
			       struct bg_error *err)
{
	bg_auto_close int fd = -1;
	struct bg_addr key, *last = NULL;
	struct bg_pod pod;

	fd = bg_maps_fd(maps, "pods", sizeof(pod), false, err);
	if (fd < 0)
		return fd;
	while (!bpf_map_get_next_key(fd, last, &key)) {
		last = &key;
		if (bpf_map_lookup_elem(fd, &key, &pod))
			continue;
		for (size_t i = 0; i < explainer->branch_count; i++)
			if (explainer->branches[i].vlan == pod.vlan)
				note_local(&explainer->branches[i], &key);
	}
	return 0;
}

static int take_live_rules(struct bg_explainer *explainer, const struct bg_maps *maps,
			   struct bg_error *err)
{
	int rc;

	rc = bg_maps_rules(maps, &explainer->live_rules, &explainer->rule_count, err);
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
	struct bg_datapath_options options = {
		.max_flows = EXPLAIN_FLOWS,
		.max_rules = 2, /* hits of the running datapath are not ours */
		.max_branches = 2,
		.trace = true,
		.no_short_way = true,
		.only = programs,
	};
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

int bg_explainer_open_live(const char *pin_dir, unsigned int programs, struct bg_explainer **out,
			   struct bg_error *err)
{
	bg_cleanup(bg_maps_close) struct bg_maps maps = { .control_fd = -1 };
	bg_cleanup(bg_explainer_close_at) struct bg_explainer *explainer = NULL;
	int rc;

	explainer = calloc(1, sizeof(*explainer));
	if (!explainer)
		return bg_no_memory(err, "preparing to explain");
	explainer->programs = programs;
	explainer->live = true;
	rc = bg_maps_open(pin_dir, &maps, err);
	if (rc)
		return rc;
	rc = take_live(explainer, &maps, err);
	if (rc)
		return rc;
	*out = bg_take_ptr(explainer);
	return 0;
}
