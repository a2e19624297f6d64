// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What is attached: taking it away, looking whether it is there, and what an earlier daemon left,
 * by a kernel that fails any call: what it cannot say is not known to be gone.
 */
#include "for_attach.h"
#include "pinned/pin.h"

/* --- taking away ------------------------------------------------------------- */

static void what_cannot_be_taken_away_stays_known(void **state)
{
	static const int calls[] = { SCRIPT_REMOVE_FILTER, BPF_LINK_DETACH };

	(void)state;
	for (int by_link = 0; by_link < 2; by_link++) {
		struct bg_attachment attachment;
		struct bg_error err = {};

		context.tcx = by_link;
		attachment = attach(BG_TC_BRANCH_INGRESS);
		script_fail(calls[by_link], 0, EBUSY);
		/* a link ends with its pin and its descriptor as well */
		assert_int_equal(bg_detach(pin_dir, &attachment, &err), by_link ? 0 : -EBUSY);
		script_work();
		packets_meet(BG_HOOK_INGRESS, by_link ? "" : "tc_branch_ingre");
		if (!by_link) {
			assert_non_null(strstr(err.text, "taking tc_branch_ingress away from "
							 "vlan.eth.9 (clsact): "));
			assert_int_equal(attachment.by, BG_ATTACH_CLSACT);
			detach(&attachment);
		}
		packets_meet(BG_HOOK_INGRESS, "");
		assert_string_equal(script_pins(), "");
	}
}

/* A daemon that was killed on the way to the front left two. */
static void a_filter_goes_with_its_twin(void **state)
{
	struct bg_attachment attachment = attach(BG_TC_BRANCH_INGRESS);
	struct bg_error err = {};

	(void)state;
	script_other_filter(ETH, BG_HOOK_INGRESS, 5);
	script_fail(SCRIPT_REMOVE_FILTER, 0, EBUSY);
	assert_int_equal(bg_attach_to_front(&context, &attachment, &err), 0);
	script_work();
	packets_meet(BG_HOOK_INGRESS, "tc_branch_ingre, other, tc_branch_ingre");
	detach(&attachment);
	packets_meet(BG_HOOK_INGRESS, "other");
}

/* --- what is there ------------------------------------------------------------ */

static void what_the_kernel_cannot_say_is_as_it_was(void **state)
{
	struct bg_attachment link = attach(BG_TC_BRANCH_INGRESS), filter;

	(void)state;
	context.tcx = false;
	filter = attach(BG_TC_BRANCH_EGRESS);
	for (size_t i = 0; i < ERRORS; i++) {
		script_fail(SCRIPT_ANY, 0, errors[i]);
		assert_true(is_there(&link));
		assert_true(is_there(&filter));
		script_work();
	}
	bg_clsact_detach(&filter);
	assert_false(is_there(&filter));
	bg_attach_release(&filter);
	assert_false(is_there(&filter));
	/* the pin alone keeps a link */
	bg_attach_release(&link);
	packets_meet(BG_HOOK_INGRESS, "tc_branch_ingre");
}

static void a_pin_that_somebody_removed_is_put_back(void **state)
{
	struct bg_attachment attachment = attach(BG_TC_BRANCH_INGRESS);
	struct bg_error err = {};
	char *pins = strdup(script_pins());

	(void)state;
	assert_int_equal(bg_attach_pin_again(pin_dir, &attachment, &err), 0);
	assert_int_equal(bg_pin_remove(pin_dir, BG_PIN_LINKS, "vlan_eth_9-7-tc_branch_ingress"), 0);
	script_fail(BPF_OBJ_PIN, 1, ENOMEM);
	assert_int_equal(bg_attach_pin_again(pin_dir, &attachment, &err), -ENOMEM);
	assert_non_null(strstr(err.text, "links/vlan_eth_9-7-tc_branch_ingress"));
	assert_int_equal(bg_attach_pin_again(pin_dir, &attachment, &err), 1);
	assert_string_equal(script_pins(), pins);
	/* one that could not be looked at is not known to be gone */
	script_fail(BPF_OBJ_GET, 1, EINTR);
	assert_int_equal(bg_attach_pin_again(pin_dir, &attachment, &err), 0);
	assert_string_equal(script_pins(), pins);
	free(pins);
}

/* --- what an earlier daemon left --------------------------------------------- */

struct found {
	struct bg_attachment attachment[4];
	unsigned int count;
};

static void take(struct bg_attachment *attachment, void *context_of)
{
	struct found *found = context_of;

	assert_true(found->count < 4);
	found->attachment[found->count++] = *attachment;
}

static void let_go(struct found *found)
{
	while (found->count)
		bg_attach_release(&found->attachment[--found->count]);
}

static void links_are_adopted_or_the_start_is_refused(void **state)
{
	struct bg_attachment attachment = attach(BG_TC_BRANCH_INGRESS);
	char *before = strdup(script_hook(ETH, BG_HOOK_INGRESS)), *pins = strdup(script_pins());
	struct found found = {};
	bool failed = true;

	(void)state;
	bg_attach_release(&attachment);
	for (unsigned int n = 1; failed; n++) {
		struct bg_error err = {};
		int rc;

		script_fail(SCRIPT_ANY, n, errors[n % ERRORS]);
		rc = bg_attach_adopt(pin_dir, take, &found, &err);
		script_work();
		failed = script_failed();
		if (rc) {
			assert_non_null(strstr(err.text, "links/vlan_eth_9-7-tc_branch_ingress"));
			assert_int_equal(found.count, 0);
			assert_int_equal(bg_attach_adopt(pin_dir, take, &found, &err), 0);
		}
		assert_int_equal(found.count, 1);
		assert_int_equal(found.attachment[0].program, BG_TC_BRANCH_INGRESS);
		assert_int_equal(found.attachment[0].ifindex, ETH);
		assert_int_equal(found.attachment[0].by, BG_ATTACH_TCX);
		assert_string_equal(script_hook(ETH, BG_HOOK_INGRESS), before);
		assert_string_equal(script_pins(), pins);
		let_go(&found);
	}
	free(before);
	free(pins);
}

/* Between listing and opening somebody removed it: there is nothing to take over any more. */
static void a_link_that_is_unpinned_meanwhile_is_none(void **state)
{
	struct bg_attachment attachment = attach(BG_TC_BRANCH_INGRESS);
	struct found found = {};
	struct bg_error err = {};

	(void)state;
	script_fail(BPF_OBJ_GET, 1, ENOENT);
	assert_int_equal(bg_attach_adopt(pin_dir, take, &found, &err), 0);
	script_work();
	assert_int_equal(found.count, 0);
	detach(&attachment);
}

static void pins_of_dead_links_go_and_strange_ones_stay(void **state)
{
	struct bg_attachment attachment = attach(BG_TC_BRANCH_INGRESS);
	struct found found = {};
	struct bg_error err = {};

	(void)state;
	assert_int_equal(bg_pin_put(pin_dir, BG_PIN_LINKS, "strange", attachment.link_fd), 0);
	assert_int_equal(bg_pin_put(pin_dir, BG_PIN_LINKS, "vlan_eth_9-8-tc_branch_ingress",
				    attachment.link_fd),
			 0);
	bg_attach_release(&attachment);
	assert_int_equal(bg_attach_adopt(pin_dir, take, &found, &err), 0);
	assert_int_equal(found.count, 1);
	let_go(&found);
	assert_non_null(strstr(script_pins(), "links/strange"));
	assert_non_null(strstr(script_pins(), "links/vlan_eth_9-8-"));
	script_interface_gone(ETH);
	assert_int_equal(bg_attach_adopt(pin_dir, take, &found, &err), 0);
	assert_int_equal(found.count, 0);
	assert_string_equal(script_pins(), "");
}

static void tcx_is_chosen_where_it_is(void **state)
{
	struct bg_error err = {};
	bool tcx = false;

	(void)state;
	assert_int_equal(bg_attach_choose(BG_CHOOSE_AUTO, &tcx, &err), 0);
	assert_true(tcx);
	assert_int_equal(bg_attach_choose(BG_CHOOSE_CLSACT, &tcx, &err), 0);
	assert_false(tcx);
	script_without_tcx();
	assert_int_equal(bg_attach_choose(BG_CHOOSE_AUTO, &tcx, &err), 0);
	assert_false(tcx);
	assert_int_equal(bg_attach_choose(BG_CHOOSE_TCX, &tcx, &err), -ENOTSUP);
	assert_non_null(strstr(err.text, "Linux 6.6"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_TCX(what_cannot_be_taken_away_stays_known),
		WITHOUT(a_filter_goes_with_its_twin),
		WITH_TCX(what_the_kernel_cannot_say_is_as_it_was),
		WITH_TCX(a_pin_that_somebody_removed_is_put_back),
		WITH_TCX(links_are_adopted_or_the_start_is_refused),
		WITH_TCX(a_link_that_is_unpinned_meanwhile_is_none),
		WITH_TCX(pins_of_dead_links_go_and_strange_ones_stay),
		WITH_TCX(tcx_is_chosen_where_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
