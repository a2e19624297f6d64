// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Model → image. The daemon and explain call it by datapath/, check directly; it never
 * loads what it made. Order of the cells: header, branch table, roots, branch
 * records, trie nodes and short lists, class_info, probes and local services, then the
 * vectors of the policies, which share chunks and heads.
 */
#include "compile/compile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "compile/image_read.h"
#include "compile/policy.h"
#include "compile/special.h"

/* A list of groups and what it compiled to. */
struct group_list {
	const size_t *groups;
	size_t count;
	struct bg_policy policy[BG_DIRECTIONS];
};

struct compilation {
	const struct bg_model *model;
	struct bg_writer writer;
	struct bg_classes classes;
	struct bg_specials specials;
	struct bg_policies *policies;
	struct group_list *lists; /* distinct */
	size_t list_count;
	struct bg_header header;
	struct bg_trie_counts trie;
};

static void release_compilation(struct compilation *compilation)
{
	bg_writer_release(&compilation->writer);
	bg_classes_release(&compilation->classes);
	bg_specials_release(&compilation->specials);
	bg_policies_free(compilation->policies);
	free(compilation->lists);
}

/* --- addresses --- */

static void use_groups(const struct bg_model *model, const size_t *groups, size_t count, bool *used)
{
	for (size_t i = 0; i < count; i++) {
		const struct bg_group *group = &model->groups[groups[i]];

		for (size_t n = 0; n < group->rule_count; n++)
			used[model->rules[group->first_rule + n].set] = true;
	}
}

/* Only sets that a rule in force names: others make no difference between addresses. */
static int add_sets(struct compilation *compilation)
{
	const struct bg_model *model = compilation->model;
	bg_auto_free bool *used = calloc(model->set_count + 1, sizeof(*used));

	if (!used)
		return -ENOMEM;
	use_groups(model, model->node.groups, model->node.group_count, used);
	for (size_t i = 0; i < model->branch_count; i++)
		use_groups(model, model->branches[i].groups, model->branches[i].group_count, used);
	for (size_t set = 0; set < model->set_count; set++)
		for (size_t i = 0; used[set] && i < model->sets[set].prefix_count; i++) {
			int rc = bg_classes_add(&compilation->classes,
						&model->sets[set].prefixes[i], set);

			if (rc)
				return rc;
		}
	return 0;
}

static int classify_addresses(struct compilation *compilation, struct bg_error *err)
{
	struct bg_classes *classes = &compilation->classes;

	if (add_sets(compilation) ||
	    bg_specials_add(&compilation->specials, compilation->model, classes) ||
	    bg_classes_build(classes))
		return bg_no_memory(err, BG_COMPILING);
	compilation->header.classes = classes->count;
	return 0;
}

static int write_addresses(struct compilation *compilation, struct bg_error *err)
{
	const struct bg_classes *classes = &compilation->classes;
	struct bg_writer *writer = &compilation->writer;
	struct bg_header *header = &compilation->header;
	int rc;

	rc = bg_write_trie(writer, classes->prefixes[BG_CLASSES_V4],
			   classes->prefix_count[BG_CLASSES_V4], header->trie4, &compilation->trie,
			   err);
	if (rc)
		return rc;
	rc = bg_write_trie(writer, classes->prefixes[BG_CLASSES_V6],
			   classes->prefix_count[BG_CLASSES_V6], header->trie6, &compilation->trie,
			   err);
	if (rc)
		return rc;
	rc = bg_writer_take(writer, classes->count, 1, &header->class_info, err);
	if (rc)
		return rc;
	bg_specials_info(&compilation->specials, classes, writer->cells + header->class_info);
	/* class_of() starts from the header */
	memcpy(writer->cells, header, sizeof(*header));
	return 0;
}

/* The class of one address, by the tries that were just written. */
static __u32 class_of(const struct compilation *compilation, const struct bg_addr *addr)
{
	const struct bg_image image = {
		.blocks = (struct bg_block *)compilation->writer.cells,
		.block_count = compilation->writer.room >> BG_BLOCK_SHIFT,
	};

	return bg_image_class(&image, addr);
}

/* --- policies --- */

static int policy_of(struct compilation *compilation, const size_t *groups, size_t count,
		     struct bg_policy out[BG_DIRECTIONS], struct bg_error *err)
{
	struct group_list *list;

	for (size_t i = 0; i < compilation->list_count; i++) {
		list = &compilation->lists[i];
		if (list->count == count &&
		    (!count || !memcmp(list->groups, groups, count * sizeof(*groups)))) {
			memcpy(out, list->policy, sizeof(list->policy));
			return 0;
		}
	}
	list = &compilation->lists[compilation->list_count++];
	list->groups = groups;
	list->count = count;
	for (int direction = 0; direction < BG_DIRECTIONS; direction++) {
		int rc = bg_policy_write(compilation->policies, groups, count, direction,
					 &list->policy[direction], err);

		if (rc)
			return rc;
	}
	memcpy(out, list->policy, sizeof(list->policy));
	return 0;
}

/* --- branches --- */

/* Entries of a list (image.h) as they are collected: class << 32 | service. */
struct list {
	__u64 *entries;
	size_t count;
};

static void list_add(struct list *list, __u32 c, int protocol, int port)
{
	list->entries[list->count++] = (__u64)c << 32 | (__u32)(protocol & 0xff) << 16 |
				       (port & 0xffff);
}

static int compare_entries(const void *left, const void *right)
{
	__u64 a = *(const __u64 *)left, b = *(const __u64 *)right;

	return (a > b) - (a < b);
}

/* `what` names the list in the text of a refusal. */
static int write_list(struct bg_writer *writer, struct list *list, const char *what, const char *of,
		      __u32 *index, __u32 *written, struct bg_error *err)
{
	size_t count = 0;
	int rc;

	*index = *written = 0;
	if (!list->count)
		return 0;
	qsort(list->entries, list->count, sizeof(*list->entries), compare_entries);
	for (size_t i = 0; i < list->count; i++)
		if (!count || list->entries[i] != list->entries[count - 1])
			list->entries[count++] = list->entries[i];
	if (count >= BG_LIST_MOST)
		return bg_fail(err, -EINVAL,
			       "%s %s: %zu of them, counted by address, and at most %u fit", what,
			       of, count, BG_LIST_MOST - 1);
	rc = bg_writer_take(writer, 2 * count, 1, index, err);
	if (rc)
		return rc;
	for (size_t i = 0; i < count; i++) {
		writer->cells[*index + 2 * i] = (__u32)(list->entries[i] >> 32);
		writer->cells[*index + 2 * i + 1] = (__u32)list->entries[i];
	}
	*written = (__u32)count;
	return 0;
}

static int write_probes(struct compilation *compilation, const struct bg_model_branch *model,
			struct bg_branch *branch, struct bg_error *err)
{
	bg_auto_free __u64 *entries = NULL;
	struct list list = {};
	size_t most = 0;

	for (size_t i = 0; i < model->pod_count; i++)
		most += model->pods[i].address_count * model->pods[i].probe_count;
	list.entries = entries = calloc(most + 1, sizeof(*entries));
	if (!entries)
		return bg_no_memory(err, BG_COMPILING);
	for (size_t i = 0; i < model->pod_count; i++) {
		const struct bg_model_pod *pod = &model->pods[i];

		for (size_t n = 0; n < pod->address_count; n++) {
			__u32 class = class_of(compilation, &pod->addresses[n]);

			for (size_t k = 0; k < pod->probe_count; k++)
				list_add(&list, class, pod->probes[k].protocol,
					 pod->probes[k].port);
		}
	}
	return write_list(&compilation->writer, &list, "probes of branch", model->id,
			  &branch->probes, &branch->probe_count, err);
}

static int write_local_services(struct compilation *compilation, struct bg_error *err)
{
	const struct bg_model_node *node = &compilation->model->node;
	bg_auto_free __u64 *entries = calloc(node->local_service_count + 1, sizeof(*entries));
	struct list list = { .entries = entries };

	if (!entries)
		return bg_no_memory(err, BG_COMPILING);
	for (size_t i = 0; i < node->local_service_count; i++) {
		const struct bg_model_service *service = &node->local_services[i];

		if (service->protocol >= 0)
			list_add(&list, class_of(compilation, &service->address), service->protocol,
				 service->port);
	}
	return write_list(&compilation->writer, &list, "local services of", "the node",
			  &compilation->header.local_services,
			  &compilation->header.local_service_count, err);
}

/* The first address of each family that the branch owns. */
static void first_addresses(const struct bg_model_branch *model, struct bg_branch *branch)
{
	bool have[2] = {};

	for (size_t i = 0; i < model->pod_count; i++) {
		for (size_t n = 0; n < model->pods[i].address_count; n++) {
			const struct bg_addr *addr = &model->pods[i].addresses[n];
			int family = bg_addr_is_v4(addr) ? 0 : 1;

			if (!have[family])
				branch->first_local[family] = *addr;
			have[family] = true;
		}
	}
}

static int write_branch(struct compilation *compilation, const struct bg_model_branch *model,
			__u32 record, struct bg_error *err)
{
	const struct bg_model_node *node = &compilation->model->node;
	struct bg_branch branch = {
		.tag = model->tag,
		.slot = model->slot,
		.mode = model->mode,
		.timeouts = model->timeouts,
		.vlan = model->vlan,
	};
	int rc;

	if (model->mode == BG_STANDARD && node->has_groups && !node->per_interface)
		branch.flags |= BG_BRANCH_NODE_GROUPS;
	first_addresses(model, &branch);
	rc = write_probes(compilation, model, &branch, err);
	if (rc)
		return rc;
	rc = policy_of(compilation, model->groups, model->group_count, branch.policy, err);
	if (rc)
		return rc;
	memcpy(compilation->writer.cells + record, &branch, sizeof(branch));
	compilation->writer.cells[compilation->header.branches + model->vlan] = record;
	return 0;
}

static int write_branches(struct compilation *compilation, __u32 records, struct bg_error *err)
{
	const struct bg_model *model = compilation->model;

	for (size_t i = 0; i < model->branch_count; i++) {
		const struct bg_model_branch *branch = &model->branches[i];
		int rc;

		if (branch->vlan <= 0 || branch->vlan >= BG_VLANS - 1)
			return bg_fail(err, -EINVAL,
				       "compiling the policy image: branch %s has VLAN id %d, "
				       "expected 1 to 4094",
				       branch->id, branch->vlan);
		rc = write_branch(compilation, branch, records + i * BG_BRANCH_CELLS, err);
		if (rc)
			return rc;
	}
	return 0;
}

/* --- the whole --- */

static __u32 header_flags(const struct bg_model *model)
{
	const struct bg_model_node *node = &model->node;
	bool standard = false;

	for (size_t i = 0; i < model->branch_count; i++)
		standard |= model->branches[i].mode == BG_STANDARD;
	return (standard ? BG_NODE_STANDARD : 0) | (node->revalidate ? BG_NODE_REVALIDATE : 0) |
	       (node->filter_platform ? BG_NODE_FILTER_PLATFORM : 0) |
	       (node->external_snat ? BG_NODE_EXTERNAL_SNAT : 0) |
	       (node->per_interface ? BG_NODE_PER_INTERFACE : 0) |
	       (node->has_groups ? BG_NODE_HAS_GROUPS : 0);
}

/* Takes the cells that must have a place before anything is written. */
static int lay_out(struct compilation *compilation, __u32 *records, struct bg_error *err)
{
	struct bg_header *header = &compilation->header;
	struct bg_writer *writer = &compilation->writer;

	return bg_writer_take(writer, BG_VLANS, 1, &header->branches, err) ?:
	       bg_writer_take(writer, BG_ROOT_CELLS, 1, &header->trie4, err) ?:
	       bg_writer_take(writer, BG_ROOT_CELLS, 1, &header->trie6, err) ?:
	       bg_writer_take(writer, compilation->model->branch_count * BG_BRANCH_CELLS,
			      BG_BRANCH_CELLS, records, err);
}

static int write_node_policy(struct compilation *compilation, struct bg_error *err)
{
	const struct bg_model_node *node = &compilation->model->node;

	if (!node->has_groups)
		return 0;
	return policy_of(compilation, node->groups, node->group_count,
			 compilation->header.node_policy, err);
}

static int write_all(struct compilation *compilation, struct bg_error *err)
{
	const struct bg_model *model = compilation->model;
	struct bg_header *header = &compilation->header;
	__u32 records;
	int rc;

	rc = lay_out(compilation, &records, err) ?:
	     write_addresses(compilation, err) ?:
	     bg_policies_new(model, &compilation->classes, &compilation->writer,
			     &compilation->policies, err) ?:
	     write_local_services(compilation, err) ?:
	     write_node_policy(compilation, err) ?:
	     write_branches(compilation, records, err);
	if (rc)
		return rc;
	header->cells_used = compilation->writer.used;
	memcpy(compilation->writer.cells, header, sizeof(*header));
	return 0;
}

/* The cells become the blocks of the image: whole blocks, the rest of them zero. */
static int make_image(struct compilation *compilation, struct bg_image **result,
		      struct bg_error *err)
{
	struct bg_writer *writer = &compilation->writer;
	bg_auto_free struct bg_image *image = calloc(1, sizeof(*image));
	size_t blocks = (writer->used + BG_BLOCK_CELLS - 1) / BG_BLOCK_CELLS;
	size_t cells = blocks * BG_BLOCK_CELLS;
	__u32 *fitted;

	fitted = reallocarray(writer->cells, cells, sizeof(*fitted));
	if (!image || !fitted) {
		if (fitted)
			writer->cells = fitted;
		return bg_no_memory(err, BG_COMPILING);
	}
	writer->cells = NULL;
	memset(fitted + writer->used, 0, (cells - writer->used) * sizeof(*fitted));
	image->blocks = (struct bg_block *)fitted;
	image->block_count = blocks;
	image->prefixes = compilation->classes.item_count;
	image->classes = compilation->classes.count;
	image->nodes = compilation->trie.nodes;
	image->shortlisted = compilation->trie.shortlisted;
	image->rows = bg_policies_rows(compilation->policies);
	image->chunks = writer->run_count;
	*result = bg_take_ptr(image);
	return 0;
}

int bg_compile(const struct bg_model *model, __u32 revision, size_t max_blocks,
	       struct bg_image **image, struct bg_error *err)
{
	bg_cleanup(release_compilation) struct compilation compilation = {
		.model = model,
		.header = {
			.magic = BG_IMAGE_MAGIC,
			.abi = BG_ABI,
			.revision = revision,
			.flags = header_flags(model),
			.node_timeouts = model->node.timeouts,
		},
	};
	struct bg_timeouts *timeouts = &compilation.header.node_timeouts;
	int rc;

	if (!timeouts->tcp_closing_s)
		timeouts->tcp_closing_s = timeouts->tcp_established_s;
	compilation.lists = calloc(model->branch_count + 1, sizeof(*compilation.lists));
	if (!compilation.lists)
		return bg_no_memory(err, BG_COMPILING);
	rc = classify_addresses(&compilation, err);
	if (rc)
		return rc;
	return bg_writer_init(&compilation.writer, max_blocks, compilation.classes.item_count,
			      err) ?:
	       write_all(&compilation, err) ?:
	       make_image(&compilation, image, err);
}

void bg_image_free(struct bg_image *image)
{
	if (!image)
		return;
	free(image->blocks);
	free(image);
}
