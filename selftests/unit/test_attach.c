// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Attaching, replacing, moving to the front and taking away, by tcx and by clsact, by a
 * kernel that fails any call: packets meet what they met before, and the next try heals.
 */
#include <fcntl.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "branchguard.skel.h"
#include "datapath/attach.h"
#include "datapath/attach_look.h"
#include "datapath/clsact.h"
#include "datapath/datapath.h"
#include "datapath/link_name.h"
#include "datapath/order.h"
#include "pinned/pin.h"
#include "scripted_bpf.h"
#include "test.h"

#define ETH 7

static const char *const only[] = { "tc_branch_ingress", "tc_branch_egress", "tc_stand_in",
				    "xdp_branch", NULL };
static const char *pin_dir;
static struct bg_datapath *datapath;
static struct bg_attach_context context;
static int lock_fd = -1;

/* A datapath, whose programs have numbers of their own. */
static void load(void)
{
	const struct bg_datapath_options options = { .max_flows = 64, .only = only };
	struct bg_error err = {};

	if (bg_datapath_open(&options, &datapath, &err))
		fail_msg("%s", err.text);
	context = (struct bg_attach_context){ .pin_dir = pin_dir, .skel = datapath->skel };
}

static int begin(void **state)
{
	struct bg_error err = {};

	(void)state;
	pin_dir = script_bpf_begin();
	script_interface(ETH, "vlan.eth.9");
	if (bg_pin_lock(pin_dir, true, &lock_fd, &err)) {
		print_error("%s\n", err.text);
		return -1;
	}
	load();
	context.tcx = true;
	return 0;
}

static int begin_without_tcx(void **state)
{
	if (begin(state))
		return -1;
	script_without_tcx();
	context.tcx = false;
	return 0;
}

static int end(void **state)
{
	(void)state;
	bg_datapath_close(datapath);
	datapath = NULL;
	close(lock_fd);
	lock_fd = -1;
	script_bpf_end();
	return 0;
}

static const int errors[] = { EPERM, EBUSY, EINTR, ENOMEM, ENOBUFS };

#define ERRORS (sizeof(errors) / sizeof(errors[0]))

static struct bg_attachment wanted(enum bg_program program)
{
	struct bg_attachment attachment = { .program = program, .ifindex = ETH, .link_fd = -1 };

	snprintf(attachment.interface, sizeof(attachment.interface), "vlan.eth.9");
	return attachment;
}

static struct bg_attachment attach(enum bg_program program)
{
	struct bg_attachment attachment = wanted(program);
	struct bg_error err = {};
	bool made_qdisc = false;

	if (bg_attach(&context, &attachment, &made_qdisc, &err))
		fail_msg("%s", err.text);
	return attachment;
}

static void detach(struct bg_attachment *attachment)
{
	struct bg_error err = {};

	if (bg_detach(pin_dir, attachment, &err))
		fail_msg("%s", err.text);
}

static bool is_there(const struct bg_attachment *attachment)
{
	return bg_attach_look(attachment) == BG_ATTACH_RUNS;
}

/* "other 14, tc_branch_ingress 12" without the numbers. */
static char *names_on(enum bg_hook hook)
{
	char *names = strdup(script_hook(ETH, hook)), *into = names;

	assert_non_null(names);
	for (const char *c = names; *c; c++) {
		if (c[0] == ' ' && c[1] >= '0' && c[1] <= '9') {
			c += strcspn(c + 1, ",");
			continue;
		}
		*into++ = *c;
	}
	*into = '\0';
	return names;
}

static void packets_meet(enum bg_hook hook, const char *expected)
{
	char *names = names_on(hook);

	assert_string_equal(names, expected);
	free(names);
}

static void names_program_and_interface(const struct bg_error *err)
{
	if (!strstr(err->text, "tc_branch_ingress") || !strstr(err->text, "vlan"))
		fail_msg("it only says: %s", err->text);
}

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

#define WITH_TCX(test) cmocka_unit_test_setup_teardown(test, begin, end)
#define WITHOUT(test) cmocka_unit_test_setup_teardown(test, begin_without_tcx, end)

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
