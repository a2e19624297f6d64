// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Filters that another build left: which of them a start takes for ours, by a kernel that fails
 * any call, and when they go. Those of somebody else, and of another --pin-dir, are not touched.
 */
#include <bpf/libbpf.h>

#include "for_attach.h"
#include "guard/guards.h"

#define OTHER 8 /* an interface that is not guarded */

/* The programs that this build does not have are numbered from here. */
#define STRAY_HANDLE (BG_FILTER_HANDLE + BG_PROGRAMS)

static const struct bg_netdev netdevs[] = {
	{ .ifindex = ETH, .name = "vlan.eth.9" },
	{ .ifindex = OTHER, .name = "eth2" },
};
static bool hides_filters;

const struct bg_netdev *__wrap_bg_netdevs_list(const struct bg_netdevs *table, size_t *count);
const struct bg_netdev *__wrap_bg_netdevs_list(const struct bg_netdevs *table, size_t *count)
{
	(void)table;
	*count = sizeof(netdevs) / sizeof(netdevs[0]);
	return netdevs;
}

int __wrap_bg_netdev_filters(struct bg_netdevs *table, __u32 ifindex, struct bg_filters *filters);
int __wrap_bg_netdev_filters(struct bg_netdevs *table, __u32 ifindex, struct bg_filters *filters)
{
	(void)table;
	*filters = (struct bg_filters){ .count = script_filter_count(ifindex),
					.numbers = script_filter_numbers(ifindex) };
	return hides_filters ? -ENOBUFS : 0;
}

static struct bg_ifaces *ifaces_with_a_guard(void)
{
	const struct bg_ifaces_options options = { .pin_dir = pin_dir };
	struct bg_ifaces *ifaces = bg_ifaces_new(&options, NULL);

	assert_non_null(ifaces);
	assert_non_null(bg_guard_get(ifaces, ETH, "vlan.eth.9"));
	return ifaces;
}

/* A filter with a program that is pinned here, as another build may have attached it. */
static void leave_filter(__u32 ifindex, __u32 handle)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = handle, .priority = 1,
		    .prog_fd = bg_program_fd(datapath->skel, BG_TC_BRANCH_INGRESS));

	assert_int_equal(bpf_tc_attach(&hook, &opts), 0);
}

static void leave_some(void)
{
	load_pinned();
	script_interface(OTHER, "eth2");
	/* where we guard, the handle tells; elsewhere, the program that is pinned */
	script_other_filter(ETH, BG_HOOK_INGRESS, STRAY_HANDLE);
	script_other_filter(OTHER, BG_HOOK_EGRESS, STRAY_HANDLE);
	script_other_filter(OTHER, BG_HOOK_EGRESS, BG_FILTER_HANDLE + BG_TC_BRANCH_EGRESS);
	leave_filter(OTHER, STRAY_HANDLE + 1);
	leave_filter(OTHER, BG_FILTER_HANDLE + BG_TC_BRANCH_INGRESS);
}

static void knows_them(struct bg_ifaces *ifaces)
{
	const struct bg_guard *other = bg_guard_find(ifaces, OTHER);

	assert_int_equal(ifaces->stray_count, 2);
	assert_int_equal(ifaces->strays[0].ifindex, ETH);
	assert_int_equal(ifaces->strays[0].handle, STRAY_HANDLE);
	assert_string_equal(ifaces->strays[0].interface, "vlan.eth.9");
	assert_int_equal(ifaces->strays[1].ifindex, OTHER);
	assert_int_equal(ifaces->strays[1].handle, STRAY_HANDLE + 1);
	/* of a program that this build has: a guard without a role, which is disarmed like one
	 * that lost it */
	assert_non_null(other);
	assert_int_equal(other->role, BG_ROLE_NONE);
	assert_true(other->adopted);
	assert_int_equal(other->attachment[BG_TC_BRANCH_INGRESS].by, BG_ATTACH_CLSACT);
	assert_string_equal(other->attachment[BG_TC_BRANCH_INGRESS].interface, "eth2");
	assert_int_equal(other->attachment[BG_TC_BRANCH_EGRESS].by, BG_ATTACH_NONE);
}

static void all_are_known_or_the_start_is_refused(void **state)
{
	bool failed = true;

	(void)state;
	leave_some();
	for (unsigned int n = 1; failed; n++) {
		struct bg_ifaces *ifaces = ifaces_with_a_guard();
		struct bg_error err = {};
		int rc;

		script_fail(SCRIPT_ANY, n, errors[n % ERRORS]);
		rc = bg_strays_adopt(ifaces, &err);
		script_work();
		failed = script_failed();
		if (!rc)
			knows_them(ifaces);
		else if (!strstr(err.text, "looking "))
			fail_msg("call %u: it only says: %s", n, err.text);
		bg_ifaces_free(ifaces);
	}
}

static void whose_filters_cannot_be_counted_is_looked_at(void **state)
{
	struct bg_ifaces *ifaces;
	struct bg_error err = {};

	(void)state;
	leave_some();
	ifaces = ifaces_with_a_guard();
	hides_filters = true;
	must(bg_strays_adopt(ifaces, &err), &err);
	hides_filters = false;
	knows_them(ifaces);
	bg_ifaces_free(ifaces);
}

/* A start with hundreds of interfaces would ask hundreds of thousands of times. */
static void nothing_is_asked_where_only_ours_can_be(void **state)
{
	struct bg_attachment attachment = attach(BG_TC_BRANCH_INGRESS);
	struct bg_ifaces *ifaces;
	struct bg_error err = {};

	(void)state;
	script_interface(OTHER, "eth2");
	script_other_filter(OTHER, BG_HOOK_EGRESS, 1);
	ifaces = ifaces_with_a_guard();
	script_fail(SCRIPT_ASK_FILTER, 0, EBUSY);
	must(bg_strays_adopt(ifaces, &err), &err);
	assert_false(script_failed());
	script_work();
	assert_int_equal(ifaces->stray_count, 0);
	bg_ifaces_free(ifaces);
	detach(&attachment);
}

static void they_go_when_ours_is_in_place(void **state)
{
	struct bg_ifaces *ifaces;
	struct bg_error err = {};

	(void)state;
	leave_some();
	ifaces = ifaces_with_a_guard();
	must(bg_strays_adopt(ifaces, &err), &err);
	/* until then it may be all that guards the interface */
	bg_guard_find(ifaces, OTHER)->complete = true;
	assert_int_equal(bg_ifaces_drop_strays(ifaces), 1);
	packets_meet(BG_HOOK_INGRESS, "other");
	bg_guard_find(ifaces, ETH)->complete = true;
	script_fail(SCRIPT_REMOVE_FILTER, 0, EBUSY);
	assert_int_equal(bg_ifaces_drop_strays(ifaces), 1);
	script_work();
	packets_meet(BG_HOOK_INGRESS, "other");
	assert_int_equal(bg_ifaces_drop_strays(ifaces), 0);
	packets_meet(BG_HOOK_INGRESS, "");
	/* and nobody else's */
	assert_int_equal(script_filter_count(OTHER), 3);
	bg_ifaces_free(ifaces);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITHOUT(all_are_known_or_the_start_is_refused),
		WITHOUT(whose_filters_cannot_be_counted_is_looked_at),
		WITHOUT(nothing_is_asked_where_only_ours_can_be),
		WITHOUT(they_go_when_ours_is_in_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
