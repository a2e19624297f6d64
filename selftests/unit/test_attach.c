// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Attaching, replacing and moving to the front, by tcx and by clsact, by a kernel that fails any
 * call: packets meet what they met before, and the next try heals.
 */
#include <fcntl.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "datapath/order.h"
#include "for_attach.h"

/* --- attaching --------------------------------------------------------------- */

static void what_could_not_be_attached_leaves_nothing(void **state)
{
	bool failed = true;

	(void)state;
	script_other_tcx(ETH, BG_HOOK_INGRESS);
	for (unsigned int n = 1; failed; n++) {
		struct bg_attachment attachment = wanted(BG_TC_BRANCH_INGRESS);
		unsigned int open = script_open();
		struct bg_error err = {};
		bool made_qdisc = false;
		int rc;

		script_fail(SCRIPT_ANY, n, errors[n % ERRORS]);
		rc = bg_attach(&context, &attachment, &made_qdisc, &err);
		script_work();
		failed = script_failed();
		if (rc) {
			names_program_and_interface(&err);
			assert_int_equal(attachment.by, BG_ATTACH_NONE);
			assert_int_equal(attachment.link_fd, -1);
			assert_string_equal(script_pins(), "");
			packets_meet(BG_HOOK_INGRESS, "other");
			assert_int_equal(script_open(), open);
			attachment = attach(BG_TC_BRANCH_INGRESS);
		}
		packets_meet(BG_HOOK_INGRESS, "tc_branch_ingre, other");
		assert_true(is_there(&attachment));
		assert_non_null(strstr(script_pins(), "links/vlan_eth_9-7-tc_branch_ingress"));
		detach(&attachment);
		packets_meet(BG_HOOK_INGRESS, "other");
		assert_string_equal(script_pins(), "");
	}
}

static void a_filter_that_could_not_be_made_is_made_by_the_next_try(void **state)
{
	static const int calls[] = { SCRIPT_MAKE_QDISC, SCRIPT_ASK_FILTER, SCRIPT_SET_FILTER };

	(void)state;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]) * ERRORS; i++) {
		struct bg_attachment attachment = wanted(BG_TC_BRANCH_INGRESS);
		struct bg_error err = {};
		bool made_qdisc = false;

		script_fail(calls[i / ERRORS], 1, errors[i % ERRORS]);
		assert_int_equal(bg_attach(&context, &attachment, &made_qdisc, &err),
				 -errors[i % ERRORS]);
		script_work();
		names_program_and_interface(&err);
		assert_int_equal(attachment.by, BG_ATTACH_NONE);
		assert_int_equal(made_qdisc, script_has_qdisc(ETH));
		attachment = attach(BG_TC_BRANCH_INGRESS);
		packets_meet(BG_HOOK_INGRESS, "tc_branch_ingre");
		assert_true(bg_is_our_handle(attachment.handle));
		detach(&attachment);
		bg_clsact_remove_qdisc(ETH);
		packets_meet(BG_HOOK_INGRESS, "");
	}
}

static void an_interface_that_is_gone_is_no_place(void **state)
{
	struct bg_attachment attachment = wanted(BG_TC_BRANCH_INGRESS);
	struct bg_error err = {};
	bool made_qdisc = false;

	(void)state;
	script_interface_gone(ETH);
	assert_int_equal(bg_attach(&context, &attachment, &made_qdisc, &err), -ENODEV);
	names_program_and_interface(&err);
	assert_false(bg_interface_is_here(ETH));
	context.tcx = false;
	assert_int_equal(bg_attach(&context, &attachment, &made_qdisc, &err), -ENODEV);
	assert_false(made_qdisc);
	assert_int_equal(bg_attach_find_filter(BG_TC_BRANCH_INGRESS, ETH, &attachment), -ENOENT);
}

static void xdp_of_somebody_else_is_named(void **state)
{
	struct bg_attachment attachment = wanted(BG_XDP_BRANCH);
	struct bg_error err = {};
	bool made_qdisc = false;
	char id[32];

	(void)state;
	snprintf(id, sizeof(id), "program %u", script_other_xdp(ETH));
	for (int native = 0; native < 2; native++) {
		context.native_xdp = native;
		assert_int_equal(bg_attach(&context, &attachment, &made_qdisc, &err), -EBUSY);
		assert_non_null(strstr(err.text, id));
		assert_non_null(strstr(err.text, "xdp_branch to vlan.eth.9"));
	}
	packets_meet(BG_HOOK_XDP, "other");
}

/* Native XDP is asked for first; what the driver has not is no reason to go without. */
static void without_native_xdp_it_is_generic(void **state)
{
	struct bg_attachment attachment = wanted(BG_XDP_BRANCH);
	struct bg_error err = {};
	bool made_qdisc = false;

	(void)state;
	context.native_xdp = true;
	script_fail(BPF_LINK_CREATE, 1, EOPNOTSUPP);
	assert_int_equal(bg_attach(&context, &attachment, &made_qdisc, &err), 0);
	assert_int_equal(attachment.by, BG_ATTACH_XDP);
	packets_meet(BG_HOOK_XDP, "xdp_branch");
	detach(&attachment);
	script_fail(BPF_LINK_CREATE, 0, ENOMEM);
	assert_int_equal(bg_attach(&context, &attachment, &made_qdisc, &err), -ENOMEM);
	script_work();
	assert_non_null(strstr(err.text, "xdp_branch to vlan.eth.9 (XDP)"));
	packets_meet(BG_HOOK_XDP, "");
}

/* Whoever had no memory for it may have some at the next sync: generic XDP would stay. */
static void native_xdp_is_not_given_up_for_an_error_that_passes(void **state)
{
	static const int passing[] = { EINTR, EAGAIN, ENOMEM, ENOBUFS };
	struct bg_error err = {};
	bool made_qdisc = false;

	(void)state;
	context.native_xdp = true;
	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++) {
		struct bg_attachment attachment = wanted(BG_XDP_BRANCH);

		script_fail(BPF_LINK_CREATE, 1, passing[i]);
		assert_int_equal(bg_attach(&context, &attachment, &made_qdisc, &err), -passing[i]);
		script_work();
		assert_non_null(strstr(err.text, "natively"));
		packets_meet(BG_HOOK_XDP, "");
	}
}

/* --- replacing -------------------------------------------------------------- */

/* Each of the calls that it takes, until it needs none more. */
static void replace_by_a_failing_kernel(struct bg_attachment *attachment)
{
	bool failed = true;

	for (unsigned int n = 1; failed; n++) {
		char *before = strdup(script_hook(ETH, BG_HOOK_INGRESS));
		struct bg_datapath *old = datapath;
		struct bg_error err = {};
		bool tcx = context.tcx;
		int rc;

		load();
		context.tcx = tcx;
		script_fail(SCRIPT_ANY, n, errors[n % ERRORS]);
		rc = bg_attach_replace(&context, attachment, &err);
		script_work();
		failed = script_failed();
		if (rc) {
			names_program_and_interface(&err);
			assert_string_equal(script_hook(ETH, BG_HOOK_INGRESS), before);
			assert_true(is_there(attachment));
			assert_int_equal(bg_attach_replace(&context, attachment, &err), 0);
		}
		assert_string_not_equal(script_hook(ETH, BG_HOOK_INGRESS), before);
		packets_meet(BG_HOOK_INGRESS, "tc_branch_ingre");
		free(before);
		bg_datapath_close(old);
	}
}

static void a_link_is_replaced_or_stays(void **state)
{
	struct bg_attachment attachment = attach(BG_TC_BRANCH_INGRESS);
	struct bg_error err = {};

	(void)state;
	replace_by_a_failing_kernel(&attachment);
	/* somebody detached it */
	script_interface_gone(ETH);
	assert_false(is_there(&attachment));
	assert_int_equal(bg_attach_replace(&context, &attachment, &err), -ENOLINK);
	bg_attach_forget(pin_dir, &attachment);
	assert_string_equal(script_pins(), "");
}

static void a_filter_is_replaced_or_stays(void **state)
{
	struct bg_attachment attachment = attach(BG_TC_BRANCH_INGRESS);
	struct bg_error err = {};

	(void)state;
	replace_by_a_failing_kernel(&attachment);
	bg_clsact_remove_qdisc(ETH);
	assert_false(is_there(&attachment));
	assert_int_equal(bg_attach_replace(&context, &attachment, &err), -ENOLINK);
}

/* --- to the front ------------------------------------------------------------ */

static bool is_open_link(int fd)
{
	return fd >= 0 && fcntl(fd, F_GETFD) >= 0;
}

static void a_link_comes_first_or_stays_behind(void **state)
{
	struct bg_attachment attachment = attach(BG_TC_BRANCH_INGRESS);
	bool failed = true;

	(void)state;
	for (unsigned int n = 1; failed; n++) {
		struct bg_error err = {};
		unsigned int open;
		char *names;
		int rc;

		script_other_tcx(ETH, BG_HOOK_INGRESS);
		open = script_open();
		script_fail(SCRIPT_ANY, n, errors[n % ERRORS]);
		rc = bg_attach_to_front(&context, &attachment, &err);
		script_work();
		failed = script_failed();
		names = names_on(BG_HOOK_INGRESS);
		if (rc && *err.text == '\0')
			fail_msg("call %u: it says nothing", n);
		/* wherever it stands, packets meet it: itself, or what calls it */
		if (!strstr(names, "tc_branch_ingre") && !strstr(names, "tc_stand_in"))
			fail_msg("call %u: packets meet %s alone", n, names);
		if (script_open() != open || !is_open_link(attachment.link_fd))
			fail_msg("call %u (%s): link %d, %u were open, now %u", n, err.text,
				 attachment.link_fd, open, script_open());
		if (rc)
			assert_int_equal(bg_attach_to_front(&context, &attachment, &err), 0);
		free(names);
		names = names_on(BG_HOOK_INGRESS);
		assert_int_equal(strncmp(names, "tc_branch_ingre", 15), 0);
		assert_null(strstr(names + 1, "tc_"));
		free(names);
	}
	detach(&attachment);
	assert_string_equal(script_pins(), "");
}

static void a_filter_comes_first_or_stays_behind(void **state)
{
	struct bg_attachment attachment = attach(BG_TC_BRANCH_INGRESS);
	bool failed = true;

	(void)state;
	for (unsigned int n = 1; failed; n++) {
		struct bg_error err = {};
		char *names;
		int rc;

		script_other_filter(ETH, BG_HOOK_INGRESS, n);
		script_fail(SCRIPT_ANY, n, errors[n % ERRORS]);
		rc = bg_attach_to_front(&context, &attachment, &err);
		script_work();
		failed = script_failed();
		if (rc)
			assert_int_equal(bg_attach_to_front(&context, &attachment, &err), 0);
		names = names_on(BG_HOOK_INGRESS);
		assert_int_equal(strncmp(names, "tc_branch_ingre, other", 22), 0);
		free(names);
		assert_true(is_there(&attachment));
	}
	/* whatever happened on the way, nothing of it stays */
	detach(&attachment);
	assert_null(strstr(script_hook(ETH, BG_HOOK_INGRESS), "tc_"));
}

/* The way forward fails, and the way back, too: the stand-in calls the program until that is
 * replaced, and the text says so. */
static void a_step_back_that_fails_is_known(void **state)
{
	struct bg_attachment attachment = attach(BG_TC_BRANCH_INGRESS);
	struct bg_error err = {};
	__u32 link = attachment.link_id;

	(void)state;
	script_other_tcx(ETH, BG_HOOK_INGRESS);
	/* the first of them stands in, all others fail, and the new link could not be pinned */
	script_fail(BPF_LINK_UPDATE, 2, EBUSY);
	script_fail_from_then_on();
	script_fail_also(BPF_OBJ_PIN, ENOMEM);
	assert_int_equal(bg_attach_to_front(&context, &attachment, &err), -ENOMEM);
	script_work();
	packets_meet(BG_HOOK_INGRESS, "other, tc_stand_in");
	if (!strstr(err.text, "pinning ") || !strstr(err.text, "its stand-in cannot be replaced"))
		fail_msg("it only says: %s", err.text);
	assert_true(attachment.outdated);
	assert_int_equal(attachment.link_id, link);
	/* it is not taken for somebody else's */
	assert_int_equal(bg_attach_look(&attachment), BG_ATTACH_RUNS);
	assert_int_equal(bg_attach_replace(&context, &attachment, &err), 0);
	attachment.outdated = false;
	packets_meet(BG_HOOK_INGRESS, "other, tc_branch_ingre");
	assert_int_equal(bg_attach_look(&attachment), BG_ATTACH_RUNS);
	assert_int_equal(bg_attach_to_front(&context, &attachment, &err), 0);
	packets_meet(BG_HOOK_INGRESS, "tc_branch_ingre, other");
	detach(&attachment);
}

/* What holds a program holds its policy: nobody is stood in for any more. */
static void who_came_first_is_not_held_twice(void **state)
{
	struct bg_attachment attachment = attach(BG_TC_BRANCH_INGRESS);
	int map_fd = bpf_map__fd(datapath->skel->maps.stands_in_for);
	struct bg_error err = {};
	__u32 slot = 0, id;

	(void)state;
	script_other_tcx(ETH, BG_HOOK_INGRESS);
	assert_int_equal(bg_attach_to_front(&context, &attachment, &err), 0);
	assert_int_equal(bpf_map_lookup_elem(map_fd, &slot, &id), -ENOENT);
	detach(&attachment);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_TCX(what_could_not_be_attached_leaves_nothing),
		WITHOUT(a_filter_that_could_not_be_made_is_made_by_the_next_try),
		WITH_TCX(an_interface_that_is_gone_is_no_place),
		WITH_TCX(xdp_of_somebody_else_is_named),
		WITH_TCX(without_native_xdp_it_is_generic),
		WITH_TCX(native_xdp_is_not_given_up_for_an_error_that_passes),
		WITH_TCX(a_link_is_replaced_or_stays),
		WITHOUT(a_filter_is_replaced_or_stays),
		WITH_TCX(a_link_comes_first_or_stays_behind),
		WITHOUT(a_filter_comes_first_or_stays_behind),
		WITH_TCX(a_step_back_that_fails_is_known),
		WITH_TCX(who_came_first_is_not_held_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
