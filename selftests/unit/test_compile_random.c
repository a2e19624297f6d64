// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The compiler against the oracle (oracle.h), on models and questions at random. */
#include "compile/image_read.h"
#include "compiled.h"
#include "model_maker.h"
#include "oracle.h"
#include "random_model.h"
#include "test.h"

static void describe(const struct bg_addr *addr, char *text, size_t size)
{
	for (size_t n = 0; n < 16; n++)
		snprintf(text + 2 * n, size - 2 * n, "%02x", addr->byte[n]);
}

static void check_rule(struct random_source *source, const struct bg_model *model,
		       const struct bg_image *image)
{
	const struct bg_model_branch *branch =
		&model->branches[random_below(source, model->branch_count)];
	struct oracle_service service = random_service(source, model);
	enum bg_direction direction = random_below(source, 2);
	struct bg_addr remote = random_addr(source, model);
	__u32 index, expected, got;
	enum bg_service_space space = oracle_space(&service, &index);
	char text[64];

	expected = oracle_rule(model, branch, direction, &remote, &service);
	got = bg_image_lookup(image, branch->vlan, direction, &remote, space, index);
	if (got == expected)
		return;
	describe(&remote, text, sizeof(text));
	fail_msg("VLAN %d, direction %d, remote %s, protocol %d, index %u: rule %u, expected %u",
		 branch->vlan, direction, text, service.protocol, index, got, expected);
}

static void check_info(struct random_source *source, const struct bg_model *model,
		       const struct bg_image *image)
{
	struct bg_addr addr = random_addr(source, model);
	__u32 expected = oracle_info(model, &addr), got = bg_image_class_info(image, &addr);
	char text[64];

	if (got == expected)
		return;
	describe(&addr, text, sizeof(text));
	fail_msg("%s: class_info %#x, expected %#x", text, got, expected);
}

static bool has_pair(const struct bg_image *image, __u32 pairs, __u32 count, __u32 class,
		     __u32 service)
{
	const __u32 *cells = cells_of(image);

	for (__u32 i = 0; i < count; i++)
		if (cells[pairs + 2 * i] == class && cells[pairs + 2 * i + 1] == service)
			return true;
	return false;
}

static const struct bg_branch *record_of(const struct bg_image *image, int vlan)
{
	const __u32 *cells = cells_of(image);
	__u32 at = cells[header_of(image)->branches + vlan];

	assert_int_not_equal(at, 0);
	assert_int_equal(at % BG_BRANCH_CELLS, 0);
	return (const void *)&cells[at];
}

static void check_branches(const struct bg_model *model, const struct bg_image *image)
{
	const struct bg_model_node *node = &model->node;

	for (size_t b = 0; b < model->branch_count; b++) {
		const struct bg_model_branch *branch = &model->branches[b];
		const struct bg_branch *record = record_of(image, branch->vlan);
		bool both = branch->mode == BG_STANDARD && node->has_groups && !node->per_interface;

		assert_int_equal(record->vlan, branch->vlan);
		assert_int_equal(record->tag, branch->tag);
		assert_int_equal(record->slot, branch->slot);
		assert_int_equal(record->mode, branch->mode);
		assert_int_equal(record->flags, both ? BG_BRANCH_NODE_GROUPS : 0);
		assert_memory_equal(&record->timeouts, &branch->timeouts, sizeof(branch->timeouts));
		for (size_t p = 0; p < branch->pod_count; p++) {
			const struct bg_model_pod *pod = &branch->pods[p];
			__u32 class = bg_image_class(image, &pod->addresses[0]);

			assert_int_equal(oracle_info(model, &pod->addresses[0]),
					 bg_image_class_info(image, &pod->addresses[0]));
			for (int proto = 6; proto <= 17; proto += 11)
				for (int port = 50; port < 8090; port++) {
					bool declared = false;

					for (size_t i = 0; i < pod->probe_count; i++)
						declared |= pod->probes[i].protocol == proto &&
							    pod->probes[i].port == port;
					assert_int_equal(has_pair(image, record->probes,
								  record->probe_count, class,
								  (__u32)proto << 16 | port),
							 declared);
				}
		}
	}
	for (size_t i = 0; i < node->local_service_count; i++)
		assert_true(has_pair(image, header_of(image)->local_services,
				     header_of(image)->local_service_count,
				     bg_image_class(image, &node->local_services[i].address),
				     17u << 16 | node->local_services[i].port));
}

static void check_flags(const struct bg_model *model, const struct bg_image *image)
{
	__u32 flags = header_of(image)->flags;
	const struct bg_model_node *node = &model->node;
	bool standard = false;

	for (size_t i = 0; i < model->branch_count; i++)
		standard |= model->branches[i].mode == BG_STANDARD;
	assert_int_equal(!!(flags & BG_NODE_STANDARD), standard);
	assert_int_equal(!!(flags & BG_NODE_REVALIDATE), node->revalidate);
	assert_int_equal(!!(flags & BG_NODE_FILTER_PLATFORM), node->filter_platform);
	assert_int_equal(!!(flags & BG_NODE_EXTERNAL_SNAT), node->external_snat);
	assert_int_equal(!!(flags & BG_NODE_PER_INTERFACE), node->per_interface);
	assert_int_equal(!!(flags & BG_NODE_HAS_GROUPS), node->has_groups);
}

/* The node's policy is asked through a branch record that carries it. */
static void check_node_policy(struct random_source *source, const struct bg_model *model,
			      struct bg_image *image)
{
	struct bg_branch *record = (void *)record_of(image, model->branches[0].vlan);
	struct bg_policy kept[BG_DIRECTIONS];

	memcpy(kept, record->policy, sizeof(kept));
	memcpy(record->policy, header_of(image)->node_policy, sizeof(kept));
	for (int i = 0; i < 20; i++) {
		struct oracle_service service = random_service(source, model);
		enum bg_direction direction = random_below(source, 2);
		struct bg_addr remote = random_addr(source, model);
		__u32 index;
		enum bg_service_space space = oracle_space(&service, &index);

		assert_int_equal(bg_image_lookup(image, model->branches[0].vlan, direction, &remote,
						 space, index),
				 oracle_groups_rule(model, model->node.groups,
						    model->node.group_count, direction, &remote,
						    &service));
	}
	memcpy(record->policy, kept, sizeof(kept));
}

static void agrees_with_the_oracle(void **state)
{
	struct random_source source = random_seeded();

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct bg_model *model = random_model(&source);
		struct bg_image *image = compiled(model), *again = compiled(model);

		for (int i = 0; i < 200; i++) {
			check_rule(&source, model, image);
			if (i % 4 == 0)
				check_info(&source, model, image);
		}
		check_branches(model, image);
		check_flags(model, image);
		check_node_policy(&source, model, image);
		assert_int_equal(image->block_count, again->block_count);
		assert_memory_equal(image->blocks, again->blocks,
				    image->block_count * sizeof(struct bg_block));
		bg_image_free(again);
		bg_image_free(image);
		bg_model_free(model);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_oracle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
