// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What status and a start see of what is attached and pinned, by a kernel that fails any call:
 * what could not be looked at is an error, and never a program that is missing or another one.
 */
#include <dirent.h>
#include <errno.h>

#include "base/ids.h"
#include "for_attach.h"
#include "guard/iface_maps.h"
#include "pinned/pin.h"
#include "show/status_hooks.h"

/* Reading a folder ends before all of it was read. */
static bool reading_fails;

struct dirent *__real_readdir(DIR *directory);
struct dirent *__wrap_readdir(DIR *directory);
struct dirent *__wrap_readdir(DIR *directory)
{
	struct dirent *entry = __real_readdir(directory);

	if (!reading_fails || !entry || entry->d_name[0] == '.')
		return entry;
	errno = ENOMEM;
	return NULL;
}

/* A branch that is armed, with all its pins. */
static void arm(struct bg_maps *maps)
{
	const struct bg_iface iface = {
		.ifindex = ETH, .role = BG_ROLE_BRANCH, .vlan = 9, .interface = "vlan.eth.9"
	};
	struct bg_attachment attachment;
	struct bg_error err = {};

	load_pinned();
	must(bg_iface_set(datapath, &iface, &err), &err);
	for (int i = 0; i < 2; i++) {
		attachment = attach(i ? BG_TC_BRANCH_EGRESS : BG_TC_BRANCH_INGRESS);
		bg_attach_release(&attachment);
	}
	must(bg_maps_open(pin_dir, maps, &err), &err);
}

static void status_free(struct bg_status *status)
{
	free(status->ifaces);
	free(status->hooks);
	free(status->gaps);
	*status = (struct bg_status){};
}

/* False: it is said what could not be looked at. */
static bool sees_both(const struct bg_maps *maps)
{
	struct bg_status status = {};
	struct bg_error err = {};
	int rc = bg_status_read_hooks(maps, &status, &err);

	script_work();
	if (rc && !err.text[0])
		fail_msg("it says nothing: %d", rc);
	if (!rc) {
		assert_int_equal(status.gap_count, 0);
		assert_int_equal(status.unpinned_count, 0);
		assert_int_equal(status.hook_count, 2);
		for (size_t i = 0; i < 2; i++) {
			assert_false(status.hooks[i].outdated);
			assert_string_equal(status.hooks[i].program,
					    i ? "tc_branch_egress" : "tc_branch_ingress");
		}
	}
	status_free(&status);
	return !rc;
}

static void status_by_a_failing_kernel(void)
{
	struct bg_maps maps;
	unsigned int said = 0, open;
	bool failed = true;

	arm(&maps);
	open = script_open();
	assert_true(sees_both(&maps));
	for (unsigned int n = 1; failed; n++) {
		script_fail(SCRIPT_ANY, n, errors[n % ERRORS]);
		said += !sees_both(&maps);
		failed = script_failed();
		assert_int_equal(script_open(), open);
	}
	assert_true(said > 4);
	bg_maps_close(&maps);
}

static void a_link_that_could_not_be_looked_at_is_not_missing(void **state)
{
	(void)state;
	status_by_a_failing_kernel();
}

static void a_filter_that_could_not_be_asked_for_is_not_missing(void **state)
{
	(void)state;
	status_by_a_failing_kernel();
}

static void the_pinned_programs_are_all_known_or_none(void **state)
{
	struct bg_ids ids = {};
	struct bg_maps maps;
	bool failed = true;

	(void)state;
	arm(&maps);
	bg_maps_close(&maps);
	for (unsigned int n = 1; failed; n++) {
		int rc;

		script_fail(SCRIPT_ANY, n, errors[n % ERRORS]);
		rc = bg_pinned_programs(pin_dir, &ids);
		script_work();
		failed = script_failed();
		if (rc)
			assert_int_equal(rc, -errors[n % ERRORS]);
		else
			assert_int_equal(ids.count, 4);
		bg_ids_free(&ids);
		ids = (struct bg_ids){};
	}
	/* one that somebody removes meanwhile is no program of ours any more */
	script_fail(BPF_OBJ_GET, 1, ENOENT);
	assert_int_equal(bg_pinned_programs(pin_dir, &ids), 0);
	assert_int_equal(ids.count, 3);
	bg_ids_free(&ids);
	ids = (struct bg_ids){};
	reading_fails = true;
	assert_int_equal(bg_pinned_programs(pin_dir, &ids), -ENOMEM);
	reading_fails = false;
	bg_ids_free(&ids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_TCX(a_link_that_could_not_be_looked_at_is_not_missing),
		WITHOUT(a_filter_that_could_not_be_asked_for_is_not_missing),
		WITH_TCX(the_pinned_programs_are_all_known_or_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
