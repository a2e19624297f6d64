// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Names of pinned links, what is done with each, and who comes first on a hook: as tables. */
#include "datapath/clsact.h"
#include "datapath/link_name.h"
#include "datapath/order.h"
#include "test.h"

static void a_name_says_what_was_named(void **state)
{
	static const struct bg_attachment links[] = {
		{ .program = BG_TC_BRANCH_INGRESS, .ifindex = 7, .interface = "vlan.eth.9" },
		{ .program = BG_XDP_TRUNK, .ifindex = INT32_MAX, .interface = "a-b-1" },
		{ .program = BG_TC_POD_EGRESS, .ifindex = 1, .interface = "0123456789abcde" },
		{ .program = BG_PROGRAMS, .ifindex = 8, .interface = "eth0", .stray = "tc_new" },
	};
	static const char *const names[] = {
		"vlan_eth_9-7-tc_branch_ingress",
		"a-b-1-2147483647-xdp_trunk",
		"0123456789abcde-1-tc_pod_egress",
		"eth0-8-tc_new",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		struct bg_attachment read = {};
		char name[BG_LINK_NAME_BYTES];

		assert_string_equal(bg_link_name(&links[i], name), names[i]);
		assert_int_equal(bg_link_name_parse(name, &read), 0);
		assert_int_equal(read.program, links[i].program);
		assert_int_equal(read.ifindex, links[i].ifindex);
		assert_string_equal(read.stray, links[i].stray);
	}
}

static void what_is_no_name_of_ours(void **state)
{
	static const char *const names[] = {
		"",
		"-",
		"--",
		"strange",
		"-7-tc_branch_ingress",
		"eth0-7",
		"eth0-7-",
		"eth0--tc_branch_ingress",
		"eth0-0-tc_branch_ingress",
		"eth0-07-tc_branch_ingress",
		"eth0-+7-tc_branch_ingress",
		"eth0- 7-tc_branch_ingress",
		"eth0-7x-tc_branch_ingress",
		"eth0-2147483648-tc_branch_ingress",
		"eth0-99999999999999999999999-tc_branch_ingress",
		"0123456789abcdef-7-tc_branch_ingress",
		"eth0-7-a_program_whose_name_has_32_bytes_",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct bg_attachment read = {};

		if (bg_link_name_parse(names[i], &read) != -EINVAL)
			fail_msg("'%s' is %s-%u", names[i], read.interface, read.ifindex);
	}
}

static void what_becomes_of_a_pinned_link(void **state)
{
	static const struct {
		const char *name;
		int rc;
		__u32 ifindex;
		enum bg_link_fate fate;
	} rows[] = {
		{ "eth0-7-tc_branch_ingress", 0, 7, BG_LINK_ADOPTED },
		{ "eth0-7-xdp_branch", 0, 7, BG_LINK_ADOPTED },
		{ "eth0-7-tc_new", 0, 7, BG_LINK_ADOPTED },
		/* whatever it is called, it is dead */
		{ "strange", 0, 0, BG_LINK_DEAD },
		{ "eth0-7-tc_branch_ingress", 0, 0, BG_LINK_DEAD },
		{ "eth0-7-tc_branch_ingress", 0, 8, BG_LINK_STRANGE },
		{ "eth0-07-tc_branch_ingress", 0, 7, BG_LINK_STRANGE },
		/* no link to an interface */
		{ "eth0-7-tc_branch_ingress", -EINVAL, 0, BG_LINK_STRANGE },
		{ "eth0-7-tc_new", -EINVAL, 0, BG_LINK_STRANGE },
		{ "eth0-7-tc_branch_ingress", -EINTR, 0, BG_LINK_UNKNOWN },
		{ "strange", -ENOMEM, 0, BG_LINK_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bg_attachment link = { .link_fd = -1 };
		enum bg_link_fate fate =
			bg_link_fate(rows[i].name, rows[i].rc, rows[i].ifindex, &link);

		if (fate != rows[i].fate)
			fail_msg("row %zu, %s: %d", i, rows[i].name, fate);
		/* what is not adopted is not filled in */
		if (fate != BG_LINK_ADOPTED)
			assert_int_equal(link.ifindex, 0);
		else
			assert_int_equal(link.by, strstr(rows[i].name, "xdp") ? BG_ATTACH_XDP
									      : BG_ATTACH_TCX);
	}
}

#define TCX { .by = BG_ATTACH_TCX, .prog_id = 5 }
#define FILTER { .by = BG_ATTACH_CLSACT, .prog_id = 5 }

static void who_comes_first(void **state)
{
	static const struct {
		struct bg_attachment ours;
		struct bg_hooked hooked;
		bool behind, shared;
	} rows[] = {
		{ TCX, { 1, 5, 0, 0 }, false, false },
		{ TCX, { 2, 5, 0, 0 }, false, true },
		{ TCX, { 2, 6, 0, 0 }, true, true },
		/* that of our own second program on this hook */
		{ TCX, { 2, 9, 0, 0 }, false, true },
		/* filters come after tcx, but are passed by on the short way */
		{ TCX, { 1, 5, 77, 1 }, false, true },
		/* what could not be asked is not guessed */
		{ TCX, { 0, 0, 0, 0 }, false, false },
		{ FILTER, { 0, 0, BG_FILTER_HANDLE, 1 }, false, false },
		{ FILTER,
		  { 0, 0, BG_FILTER_OTHER_HANDLE + BG_FILTER_NUMBERS - 1, 1 },
		  false,
		  false },
		{ FILTER, { 0, 0, BG_FILTER_HANDLE + BG_FILTER_NUMBERS, 1 }, true, false },
		{ FILTER, { 0, 0, 1, 2 }, true, true },
		{ FILTER, { 1, 6, BG_FILTER_HANDLE, 1 }, true, true },
		{ { .by = BG_ATTACH_XDP }, { 1, 6, 1, 0 }, false, true },
		{ { .by = BG_ATTACH_NONE }, { 1, 6, 1, 0 }, false, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const enum bg_program program = BG_TC_BRANCH_INGRESS;
		struct bg_attachment ours[BG_PROGRAMS] = { [BG_TC_BRANCH_INGRESS] = rows[i].ours };

		/* on the other hook */
		ours[BG_TC_BRANCH_EGRESS] =
			(struct bg_attachment){ .by = BG_ATTACH_TCX, .prog_id = 9 };
		if (bg_order_is_behind(ours, program, &rows[i].hooked) != rows[i].behind)
			fail_msg("row %zu: behind", i);
		if (bg_order_is_shared(ours, program, &rows[i].hooked) != rows[i].shared)
			fail_msg("row %zu: shared", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_says_what_was_named),
		cmocka_unit_test(what_is_no_name_of_ours),
		cmocka_unit_test(what_becomes_of_a_pinned_link),
		cmocka_unit_test(who_comes_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
