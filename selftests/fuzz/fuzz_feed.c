// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * libFuzzer: any bytes as a feed, and what is accepted on through numbers, image
 * and lints, as the daemon and `check` do. Sanitizers find the rest; here stand
 * the promises that later parts rely on.
 */
#include <stdint.h>
#include <string.h>

#include "compile/compile.h"
#include "compile/image_read.h"
#include "compile/registry.h"
#include "feed/feed.h"
#include "feed/settle.h"
#include "promises.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void ids_must_differ(const struct bg_model *model)
{
	for (size_t i = 0; i < model->branch_count; i++)
		for (size_t j = 0; j < i; j++)
			MUST(strcmp(model->branches[j].id, model->branches[i].id) != 0);
}

/* What holds for every branch: a pod's address is of a class of its own
 * branch, and a branch without rules allows nothing. */
static void must_answer(const struct bg_model *model, const struct bg_image *image)
{
	for (size_t i = 0; i < model->branch_count; i++) {
		const struct bg_model_branch *branch = &model->branches[i];
		size_t rules = 0;

		for (size_t k = 0; k < branch->group_count; k++)
			rules += model->groups[branch->groups[k]].rule_count;
		for (size_t k = 0; k < branch->pod_count; k++)
			for (size_t n = 0; n < branch->pods[k].address_count; n++) {
				const struct bg_addr *addr = &branch->pods[k].addresses[n];
				__u32 info = bg_image_class_info(image, addr), number;

				MUST((info & BG_CLASS_VLAN_MASK) == (__u32)branch->vlan);
				number = bg_image_lookup(image, branch->vlan, BG_EGRESS, addr,
							 BG_SPACE_TCP, 443);
				MUST(number <= model->rule_count && (rules || !number));
			}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct bg_registry *registry;
	struct bg_model *model = NULL, *settled = NULL;
	struct bg_image *image = NULL;
	struct bg_error err = {};

	if (bg_feed_parse("feed", (const char *)bytes, length, &model, NULL, &err)) {
		MUST(!model && !strncmp(err.text, "feed:", 5));
		must_be_printable(err.text);
		return 0;
	}
	must_be_whole(model);
	MUST(!bg_settle_alone(model, &settled));
	if (settled) {
		bg_model_free(model);
		model = settled;
		must_be_whole(model);
	}
	ids_must_differ(model);
	registry = bg_registry_new(1 << 16, 1 << 12);
	MUST(registry);
	if (!bg_registry_assign(registry, model, &err) &&
	    !bg_compile(model, 1, 1 << 13, &image, &err))
		must_answer(model, image);
	MUST(!bg_feed_lint(model));
	for (size_t i = 0; i < model->warning_count; i++) {
		must_be_printable(model->warnings[i].pointer);
		must_be_printable(model->warnings[i].text);
	}
	bg_image_free(image);
	bg_registry_free(registry);
	bg_model_free(model);
	return 0;
}
