// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Loading, taking over, pinning and replacing, by a kernel that fails any one call: what is
 * in force stays, the text says what was being done, nothing is left open, and the next
 * start goes on from there.
 */
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/capability.h>

#include "base/caps.h"
#include "base/libbpf_log.h"
#include "branchguard.skel.h"
#include "datapath/datapath.h"
#include "datapath/layout_2.h"
#include "datapath/layout_3.h"
#include "guard/guards.h"
#include "pinned/home.h"
#include "pinned/pin.h"
#include "pinned/share.h"
#include "scripted_datapath.h"
#include "test.h"

static const char *pin_dir;

static const char *const only[] = { "tc_trunk_guard", NULL };

static int begin(void **state)
{
	(void)state;
	pin_dir = script_begin_locked();
	return 0;
}

static int end(void **state)
{
	(void)state;
	script_end_locked();
	return 0;
}

/* What start.c does: 0, or what failed. */
static int start(struct bg_datapath **datapath, struct bg_error *err)
{
	const struct bg_datapath_options options = script_options(only);
	int rc = bg_datapath_open(&options, datapath, err);

	/* of another ABI: once there is a revision */
	if (rc || (*datapath)->from)
		return rc;
	rc = bg_datapath_pin(*datapath, err);
	rc = rc < 0 ? rc : bg_datapath_pin_programs(*datapath, err);
	if (rc >= 0)
		return 0;
	bg_datapath_close(*datapath);
	*datapath = NULL;
	return rc;
}

static struct bg_datapath *must_start(void)
{
	struct bg_datapath *datapath = NULL;
	struct bg_error err = {};

	if (start(&datapath, &err))
		fail_msg("%s", err.text);
	return datapath;
}

/* The pins of maps, of which the programs' data are made anew at each start. */
static char *pinned_maps(void)
{
	char *pins = strdup(script_pins()), *into = pins;

	assert_non_null(pins);
	for (const char *line = pins, *next; *line; line = next) {
		next = strchr(line, '\n') + 1;
		if (!strncmp(line, "maps/config ", 12) || !strncmp(line, "maps/seed ", 10) ||
		    !strncmp(line, "programs/", 9))
			continue;
		memmove(into, line, (size_t)(next - line));
		into += next - line;
	}
	*into = '\0';
	return pins;
}

static void first_daemon(void)
{
	struct bg_datapath *datapath = must_start();
	struct bg_error err = {};

	assert_false(datapath->adopted);
	script_publish(datapath);
	if (bg_datapath_pin(datapath, &err) < 0)
		fail_msg("%s", err.text);
	bg_datapath_close(datapath);
	assert_int_equal(script_open(), 0);
}

static void goes_on_from_there(struct bg_datapath *datapath)
{
	assert_true(datapath->adopted);
	assert_string_equal(datapath->dropped, "");
	assert_int_equal(datapath->revision, 1);
	assert_int_equal(datapath->old_flows_fd, -1);
	assert_true(datapath->image_fd >= 0);
	assert_string_equal(datapath->rules[1].group, "sg-1");
}

static const int errors[] = { EPERM, EBUSY, EINTR, ENOMEM };

#define ERRORS (sizeof(errors) / sizeof(errors[0]))

/* A path of the pin directory, the name of a map, or what libbpf said. */
static void says_what(const struct bg_error *err, unsigned int call)
{
	if (strlen(err->text) < 20)
		fail_msg("call %u: it only says: %s", call, err->text);
}

static void a_start_on_pins_survives_each_failure(void **state)
{
	unsigned int left, left_before = 0;
	bool failed = true;
	char *before;

	(void)state;
	first_daemon();
	before = pinned_maps();
	for (unsigned int n = 1; failed; n++) {
		struct bg_datapath *datapath = NULL;
		struct bg_error err = {};
		char *after;
		int rc;

		script_fail(SCRIPT_ANY, n, errors[n % ERRORS]);
		rc = start(&datapath, &err);
		script_work();
		failed = script_failed();
		if (rc)
			says_what(&err, n);
		else
			goes_on_from_there(datapath);
		bg_datapath_close(datapath);
		after = pinned_maps();
		assert_string_equal(after, before);
		free(after);
		left = script_open() - left_before;
		/* libbpf itself loses the descriptor of a map whose data it could not write */
		if (left && !(left == 1 && !strncmp(err.text, "loading the BPF", 15)))
			fail_msg("call %u, %d (%s): %u stay open", n, rc, err.text, left);
		left_before += left;
		if (!rc)
			continue;
		datapath = must_start();
		goes_on_from_there(datapath);
		bg_datapath_close(datapath);
	}
	free(before);
}

/* Between locking and sharing the directory somebody removed it; it is made again. */
static void a_directory_that_went_is_no_reason_to_end(void **state)
{
	struct bg_error err = {};
	char path[256];

	(void)state;
	snprintf(path, sizeof(path), "%s/maps", pin_dir);
	assert_int_equal(bg_share_pins(pin_dir, BG_NO_GROUP, &err), 0);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(bg_share_pins(pin_dir, BG_NO_GROUP, &err), 0);
	assert_int_equal(bg_pin_lock_again(pin_dir, &script_lock_fd, &err), 0);
	assert_int_equal(bg_share_pins(pin_dir, BG_NO_GROUP, &err), 0);
	/* what stands there instead is not made ours */
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(symlink("/", path), 0);
	assert_int_equal(bg_share_pins(pin_dir, BG_NO_GROUP, &err), -ELOOP);
	assert_non_null(strstr(err.text, "setting who may read"));
	assert_int_equal(unlink(path), 0);
}

/* --- the entry of `policy` -------------------------------------------------- */

static __u32 policy_of(const struct bg_datapath *datapath)
{
	__u32 zero = 0, id = 0;

	(void)bpf_map_lookup_elem(bpf_map__fd(datapath->skel->maps.policy), &zero, &id);
	return id;
}

static void the_policy_that_somebody_took_out_is_put_back(void **state)
{
	const struct script_map other = { "other", BPF_MAP_TYPE_ARRAY, 4, 1024, 1024, 0 };
	struct bg_datapath *datapath;
	struct bg_error err = {};
	__u32 zero = 0, ours;
	char path[256];
	int fd, other_fd;

	(void)state;
	first_daemon();
	datapath = must_start();
	fd = bpf_map__fd(datapath->skel->maps.policy);
	ours = policy_of(datapath);
	assert_true(ours);
	assert_int_equal(bg_datapath_policy_again(datapath, &err), 0);
	assert_int_equal(bpf_map_delete_elem(fd, &zero), 0);
	assert_int_equal(bg_datapath_policy_again(datapath, &err), 1);
	assert_int_equal(policy_of(datapath), ours);
	snprintf(path, sizeof(path), "%s/maps/other", pin_dir);
	other_fd = script_map(path, &other);
	assert_int_equal(bpf_map_update_elem(fd, &zero, &other_fd, BPF_ANY), 0);
	assert_int_equal(bg_datapath_policy_again(datapath, &err), 1);
	assert_int_equal(policy_of(datapath), ours);
	/* what could not be asked is left as it is */
	script_fail(BPF_MAP_LOOKUP_ELEM, 1, EINTR);
	assert_int_equal(bg_datapath_policy_again(datapath, &err), -EINTR);
	assert_non_null(strstr(err.text, "map policy"));
	script_fail(BPF_MAP_UPDATE_ELEM, 1, ENOMEM);
	assert_int_equal(bpf_map_delete_elem(fd, &zero), 0);
	assert_int_equal(bg_datapath_policy_again(datapath, &err), -ENOMEM);
	assert_non_null(strstr(err.text, "map policy"));
	assert_int_equal(bg_datapath_policy_again(datapath, &err), 1);
	assert_int_equal(policy_of(datapath), ours);
	close(other_fd);
	bg_datapath_close(datapath);
}

/* --- a build of another ABI ------------------------------------------------- */

static int make(const char *name, __u32 type, __u32 key_bytes, __u32 value_bytes, __u32 max_entries)
{
	const struct script_map map = { name, type, key_bytes, value_bytes, max_entries, 0 };
	char path[256];

	snprintf(path, sizeof(path), "%s/maps/%s", pin_dir, name);
	return script_map(path, &map);
}

/* The key may be longer than that. */
static void fill(int fd, __u32 key, const void *value)
{
	const __u32 room[16] = { key };

	assert_int_equal(bpf_map_update_elem(fd, room, value, BPF_ANY), 0);
	close(fd);
}

/* What a build of ABI 2 left: a revision, an interface, a branch, a rule and a flow. */
static void abi_2(void)
{
	const struct bg_control_2 control = { .abi = 2, .revision = 7, .feed_revision = "old" };
	const struct bg_iface_2 iface = { .ifindex = 5, .role = BG_ROLE_BRANCH, .vlan = 9 };
	const struct bg_branch_info_2 branch = {
		.id = "eni-9", .interface = "vlan.eth.9", .ifindex = 5, .tag = 3, .slot = 1
	};
	const struct bg_rule_2 rule = { .group = "sg-1", .peer = "10.0.0.0/8", .revision = 7 };
	struct bg_bucket_3 bucket = {};

	bucket.tag[2] = 1;
	bucket.flow[2].key.protocol = 6;
	bucket.flow[2].key.branch = 3;
	fill(make("ifaces", BPF_MAP_TYPE_ARRAY, 4, sizeof(iface), 1024), 5, &iface);
	fill(make("branches", BPF_MAP_TYPE_HASH, 4, sizeof(branch), 4096), 9, &branch);
	fill(make("rules", BPF_MAP_TYPE_ARRAY, 4, sizeof(rule), 8), 1, &rule);
	fill(make("flows", BPF_MAP_TYPE_ARRAY, 4, sizeof(bucket), 32), 0, &bucket);
	fill(make("control", BPF_MAP_TYPE_ARRAY, 4, sizeof(control), 1), 0, &control);
}

/* As start.c and upgrade.c do it. */
static int upgrade(struct bg_datapath **datapath, struct bg_error *err)
{
	int rc = start(datapath, err);

	if (rc)
		return rc;
	script_publish(*datapath);
	rc = bg_datapath_pin(*datapath, err);
	rc = rc < 0 ? rc : bg_datapath_finish(*datapath, err);
	if (!rc)
		return 0;
	bg_datapath_close(*datapath);
	*datapath = NULL;
	return rc;
}

static void has_what_was_there(const struct bg_datapath *datapath)
{
	struct bg_branch_info branch;
	struct bg_iface iface;
	__u32 ifindex = 5, vlan = 9;

	if (!datapath) {
		fail_msg("no datapath");
		return;
	}
	assert_int_equal(datapath->revision, 8);
	assert_int_equal(
		bpf_map_lookup_elem(bpf_map__fd(datapath->skel->maps.ifaces), &ifindex, &iface), 0);
	assert_int_equal(iface.role, BG_ROLE_BRANCH);
	assert_int_equal(iface.vlan, 9);
	assert_int_equal(
		bpf_map_lookup_elem(bpf_map__fd(datapath->skel->maps.branches), &vlan, &branch), 0);
	assert_int_equal(branch.tag, 3);
	assert_int_equal(branch.slot, 1);
	/* in the table of that build and in maps_aside */
	assert_true(script_imported() >= 1);
}

static void abi_2_is_replaced_all_at_once_or_not_at_all(void **state)
{
	bool failed = true;

	for (unsigned int n = 1; failed; n++) {
		struct bg_datapath *datapath = NULL;
		struct bg_error err = {};
		char *before, *after;
		int rc;

		assert_int_equal(begin(state), 0);
		abi_2();
		before = pinned_maps();
		/* what follows is the same again, for each of them */
		script_fail(BPF_OBJ_PIN, n, errors[n % ERRORS]);
		rc = upgrade(&datapath, &err);
		script_work();
		failed = script_failed();
		after = pinned_maps();
		if (rc) {
			says_what(&err, n);
			assert_string_equal(after, before);
			assert_int_equal(upgrade(&datapath, &err), 0);
		}
		has_what_was_there(datapath);
		bg_datapath_close(datapath);
		free(before);
		free(after);
		assert_int_equal(end(state), 0);
	}
}

/* Up to the first pin nothing may have changed, whatever fails. */
static void abi_2_stays_while_the_new_maps_are_made(void **state)
{
	bool failed = true;

	/* most calls are those that read the 1024 entries of `ifaces`: of them, some */
	for (unsigned int n = 1; failed; n += n < 150 ? 1 : 117) {
		struct bg_datapath *datapath = NULL;
		struct bg_error err = {};
		char *before, *after;
		int rc;

		assert_int_equal(begin(state), 0);
		abi_2();
		before = pinned_maps();
		script_fail(SCRIPT_ANY, n, errors[n % ERRORS]);
		rc = start(&datapath, &err);
		script_work();
		failed = script_failed();
		after = pinned_maps();
		assert_string_equal(after, before);
		if (rc) {
			says_what(&err, n);
		} else {
			assert_int_equal(datapath->from_abi, 2);
			assert_int_equal(datapath->revision, 7);
			assert_string_equal(datapath->dropped, "");
		}
		bg_datapath_close(datapath);
		free(before);
		free(after);
		assert_int_equal(end(state), 0);
	}
}

/* The number of a role is read from `ifaces`, whoever wrote it. */
static void a_role_that_no_build_has_is_unknown(void **state)
{
	enum bg_role role;
	const __u32 strange[] = { BG_ROLE_PRIMARY + 1, UINT32_MAX };

	(void)state;
	assert_string_equal(bg_role_name(BG_ROLE_PRIMARY), "primary");
	for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
		memcpy(&role, &strange[i], sizeof(role));
		assert_string_equal(bg_role_name(role), "unknown");
	}
}

/* --- the network namespace --------------------------------------------------- */

/* Of a newer build, `home` may be longer than this one's: the cookie is what comes first. */
static void the_home_of_another_build_is_understood(void **state)
{
	char value[512] = {};
	struct bg_error err = {};
	struct bg_home here;

	(void)state;
	assert_int_equal(bg_home_here(&here, &err), 0);
	memcpy(value, &here, sizeof(here));
	fill(make("home", BPF_MAP_TYPE_ARRAY, 4, sizeof(value), 1), 0, value);
	assert_int_equal(bg_home_check(pin_dir, &err), 0);
	memset(value, 0xaa, sizeof(value));
	fill(make("home", BPF_MAP_TYPE_ARRAY, 4, sizeof(value), 1), 0, value);
	assert_int_equal(bg_home_check(pin_dir, &err), -EXDEV);
	assert_non_null(strstr(err.text, "hostNetwork"));
	/* not written yet */
	memset(value, 0, sizeof(value));
	fill(make("home", BPF_MAP_TYPE_ARRAY, 4, 4, 1), 0, value);
	assert_int_equal(bg_home_check(pin_dir, &err), 0);
	/* of such a one, as many values would come as there are CPUs */
	fill(make("home", BPF_MAP_TYPE_HASH, 64, sizeof(value), 1), 0, value);
	assert_int_equal(bg_home_check(pin_dir, &err), -EPROTO);
	close(make("home", BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(here), 1));
	assert_int_equal(bg_home_check(pin_dir, &err), -EPROTO);
	assert_non_null(strstr(err.text, "/maps/home"));
}

static void a_home_that_cannot_be_asked_for_refuses(void **state)
{
	static const int calls[] = { BPF_OBJ_GET, BPF_OBJ_GET_INFO_BY_FD, BPF_MAP_LOOKUP_ELEM };
	struct bg_error err = {};
	struct bg_home here;

	(void)state;
	assert_int_equal(bg_home_check(pin_dir, &err), 0);
	assert_int_equal(bg_home_here(&here, &err), 0);
	fill(make("home", BPF_MAP_TYPE_ARRAY, 4, sizeof(here), 1), 0, &here);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		for (size_t k = 0; k < ERRORS; k++) {
			script_fail(calls[i], 1, errors[k]);
			assert_int_equal(bg_home_check(pin_dir, &err), -errors[k]);
			assert_non_null(strstr(err.text, "/maps/home"));
			assert_int_equal(bg_home_check(pin_dir, &err), 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_start_on_pins_survives_each_failure, begin, end),
		cmocka_unit_test_setup_teardown(a_directory_that_went_is_no_reason_to_end, begin,
						end),
		cmocka_unit_test_setup_teardown(the_policy_that_somebody_took_out_is_put_back,
						begin, end),
		cmocka_unit_test(a_role_that_no_build_has_is_unknown),
		cmocka_unit_test(abi_2_is_replaced_all_at_once_or_not_at_all),
		cmocka_unit_test(abi_2_stays_while_the_new_maps_are_made),
		cmocka_unit_test_setup_teardown(the_home_of_another_build_is_understood, begin,
						end),
		cmocka_unit_test_setup_teardown(a_home_that_cannot_be_asked_for_refuses, begin,
						end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
