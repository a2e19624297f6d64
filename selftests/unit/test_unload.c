// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Taking everything away: what `unload` decides, as a table; and all of it on a kernel that
 * fails any one call: it changes nothing, or says what is left and takes that away when it is
 * called again. It never says "unloaded" of what still runs.
 */
#include <linux/capability.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/caps.h"
#include "branchguard.skel.h"
#include "daemon/unload.h"
#include "daemon/unload_plan.h"
#include "datapath/attach.h"
#include "datapath/clsact.h"
#include "datapath/datapath.h"
#include "guard/iface_maps.h"
#include "pinned/claim.h"
#include "pinned/held_file.h"
#include "pinned/pin.h"
#include "pinned/state_file.h"
#include "scripted_datapath.h"
#include "test.h"

/* --- the table --------------------------------------------------------------- */

static void what_is_ours_by_what_was_seen(void **state)
{
	__u32 programs[] = { 10, 11 }, maps[] = { 20, 21 }, qdiscs[] = { 7 };
	const struct bg_unload_ours ours = { { programs, 2 }, { maps, 2 }, { qdiscs, 1 } };
	static const __u32 of_ours[] = { 5, 21 }, of_others[] = { 5, 6 };
	static const struct {
		struct bg_unload_filter filter;
		enum bg_unload_fate fate;
	} rows[] = {
		{ { 10, 0, NULL, 0 }, BG_UNLOAD_TAKEN },
		/* pinned: nobody has to be asked */
		{ { 11, -EINTR, NULL, 0 }, BG_UNLOAD_TAKEN },
		{ { 12, 0, of_ours, 2 }, BG_UNLOAD_TAKEN },
		{ { 12, 0, of_ours, 1 }, BG_UNLOAD_LEFT },
		{ { 12, 0, of_others, 2 }, BG_UNLOAD_LEFT },
		{ { 12, 0, NULL, 0 }, BG_UNLOAD_LEFT },
		/* the number of a map is not that of a program */
		{ { 20, 0, NULL, 0 }, BG_UNLOAD_LEFT },
		{ { 12, -ENOENT, NULL, 0 }, BG_UNLOAD_LEFT },
		{ { 12, -EPERM, NULL, 0 }, BG_UNLOAD_DOUBT },
		{ { 12, -EINTR, NULL, 0 }, BG_UNLOAD_DOUBT },
		{ { 12, -ENOMEM, of_others, 2 }, BG_UNLOAD_DOUBT },
	};
	enum bg_unload_fate fates[sizeof(rows) / sizeof(rows[0])];
	struct bg_unload_filter filters[sizeof(rows) / sizeof(rows[0])];
	const size_t count = sizeof(rows) / sizeof(rows[0]);
	size_t first_doubt = 0;

	(void)state;
	for (size_t i = 0; i < count; i++)
		filters[i] = rows[i].filter;
	assert_int_equal(bg_unload_plan(&ours, filters, count, fates, &first_doubt), 3);
	assert_int_equal(first_doubt, 8);
	for (size_t i = 0; i < count; i++)
		if (fates[i] != rows[i].fate)
			fail_msg("filter %zu: %d, expected %d", i, fates[i], rows[i].fate);
	assert_int_equal(bg_unload_plan(&ours, filters, 8, fates, &first_doubt), 0);
	assert_int_equal(bg_unload_plan(&ours, NULL, 0, NULL, &first_doubt), 0);
	assert_true(bg_unload_takes_qdisc(&ours, 7, 0));
	assert_false(bg_unload_takes_qdisc(&ours, 7, 1));
	assert_false(bg_unload_takes_qdisc(&ours, 8, 0));
}

/* --- a node ------------------------------------------------------------------ */

#define ETH 7	/* guarded, with a qdisc that we made */
#define OTHER 8 /* somebody else's filter has a handle of ours */

static const char *const only[] = { "tc_branch_ingress", "tc_branch_egress", "tc_trunk_guard",
				    "xdp_branch", NULL };
static const char *pin_dir;
static bool by_filters;

static struct bg_netdev netdevs[] = {
	{ .ifindex = ETH, .name = "vlan.eth.9" },
	{ .ifindex = OTHER, .name = "eth2" },
};

int __wrap_bg_netdevs_open(struct bg_netdevs **table, struct bg_error *err);
int __wrap_bg_netdevs_open(struct bg_netdevs **table, struct bg_error *err)
{
	(void)err;
	*table = NULL;
	return 0;
}

void __wrap_bg_netdevs_close(struct bg_netdevs *table);
void __wrap_bg_netdevs_close(struct bg_netdevs *table)
{
	assert_null(table);
}

const struct bg_netdev *__wrap_bg_netdevs_list(const struct bg_netdevs *table, size_t *count);
const struct bg_netdev *__wrap_bg_netdevs_list(const struct bg_netdevs *table, size_t *count)
{
	(void)table;
	*count = sizeof(netdevs) / sizeof(netdevs[0]);
	return netdevs;
}

static int filters_error;

int __wrap_bg_netdev_filters(struct bg_netdevs *table, __u32 ifindex, struct bg_filters *filters);
int __wrap_bg_netdev_filters(struct bg_netdevs *table, __u32 ifindex, struct bg_filters *filters)
{
	(void)table;
	*filters = (struct bg_filters){ .count = script_filter_count(ifindex) };
	return -filters_error;
}

/* What is in /run is that of the machine. */
int __wrap_bg_claim_netns(int *claim_fd, struct bg_error *err);
int __wrap_bg_claim_netns(int *claim_fd, struct bg_error *err)
{
	*claim_fd = -1;
	return bg_fail(err, -EBUSY, "not here");
}

void __wrap_bg_held_files_remove(const char *dir);
void __wrap_bg_held_files_remove(const char *dir)
{
	assert_string_equal(dir, pin_dir);
}

void __wrap_bg_state_remove(const char *dir);
void __wrap_bg_state_remove(const char *dir)
{
	assert_string_equal(dir, pin_dir);
}

static void attach(const struct bg_datapath *datapath, enum bg_program program)
{
	const struct bg_attach_context context = { .pin_dir = pin_dir,
						   .skel = datapath->skel,
						   .tcx = !by_filters };
	struct bg_attachment attachment = { .program = program, .ifindex = ETH, .link_fd = -1 };
	struct bg_error err = {};
	bool made_qdisc = false;

	snprintf(attachment.interface, sizeof(attachment.interface), "vlan.eth.9");
	must(bg_attach(&context, &attachment, &made_qdisc, &err), &err);
	bg_attach_release(&attachment);
}

/* What a daemon left, and a program of ours whose pin is gone: its maps tell. */
static void daemon_was_here(void)
{
	const struct bg_datapath_options options = script_options(only);
	const struct bg_iface iface = { .ifindex = ETH,
					.role = BG_ROLE_BRANCH,
					.vlan = 9,
					.flags = by_filters ? BG_IFACE_OUR_QDISC : 0 };
	struct bg_datapath *datapath = NULL;
	struct bg_error err = {};

	must(bg_datapath_open(&options, &datapath, &err), &err);
	must(bg_datapath_pin(datapath, &err), &err);
	must(bg_datapath_pin_programs(datapath, &err), &err);
	attach(datapath, BG_TC_BRANCH_INGRESS);
	attach(datapath, BG_TC_BRANCH_EGRESS);
	attach(datapath, BG_XDP_BRANCH);
	must(bg_iface_set(datapath, &iface, &err), &err);
	if (by_filters)
		must(bg_pin_remove(pin_dir, BG_PIN_PROGRAMS, "tc_branch_ingress"), &err);
	/* it had not come to the end of an upgrade */
	must(bg_pin_aside_make(pin_dir, &err), &err);
	must(bg_pin_put(pin_dir, BG_PIN_ASIDE, "flows", bpf_map__fd(datapath->skel->maps.flows)),
	     &err);
	bg_datapath_close(datapath);
}

static void begin(void)
{
	pin_dir = script_begin_locked();
	script_interface(ETH, "vlan.eth.9");
	script_interface(OTHER, "eth2");
	if (by_filters)
		script_without_tcx();
	script_other_filter(OTHER, BG_HOOK_INGRESS, BG_FILTER_HANDLE + BG_TC_BRANCH_INGRESS);
	daemon_was_here();
	script_unlock();
}

/* Of all hooks and pins, to be freed. */
static char *all_there_is(void)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	assert_non_null(stream);
	for (enum bg_hook hook = BG_HOOK_XDP; hook <= BG_HOOK_EGRESS; hook++)
		for (__u32 ifindex = ETH; ifindex <= OTHER; ifindex++)
			fprintf(stream, "%u: %s\n", ifindex, script_hook(ifindex, hook));
	fprintf(stream, "qdisc: %d\n%s", script_has_qdisc(ETH), script_pins());
	assert_int_equal(fclose(stream), 0);
	return text;
}

static void nothing_of_ours_is_left(unsigned int call)
{
	char *left = all_there_is();

	if (strstr(left, "tc_") || strstr(left, "xdp_") || strstr(left, "maps/") ||
	    script_has_qdisc(ETH))
		fail_msg("call %u: unloaded, and left: %s", call, left);
	assert_non_null(strstr(left, "8: other"));
	assert_int_equal(access(pin_dir, F_OK), -1);
	free(left);
}

static int unload(struct bg_error *err)
{
	struct bg_unloaded unloaded = {};

	*err = (struct bg_error){};
	return bg_unload(pin_dir, false, &unloaded, err);
}

static const int errors[] = { EPERM, EBUSY, EINTR, ENOMEM, ENOBUFS };

#define ERRORS (sizeof(errors) / sizeof(errors[0]))

/* Half of it is gone, or nothing; and then the rest goes, too. */
static void check_failure(unsigned int call, const char *before, const struct bg_error *said)
{
	char *after = all_there_is();
	struct bg_error err;

	if (strlen(said->text) < 20)
		fail_msg("call %u: it only says: %s", call, said->text);
	if (!strcmp(before, after) ? (bool)strstr(said->text, "are gone")
				   : !strstr(said->text, "run `branchguard unload` again"))
		fail_msg("call %u: it says '%s', before and after:\n%s\n%s", call, said->text,
			 before, after);
	if (strcmp(before, after) != 0) {
		must(unload(&err), &err);
		nothing_of_ours_is_left(call);
	}
	free(after);
}

/* Each call of a kind, or of those that are many and alike, some. */
static void each_fails_once(int call, unsigned int step)
{
	bool failed = true;

	for (unsigned int n = 1; failed; n += step) {
		char *before = all_there_is();
		struct bg_error err;
		int rc;

		script_fail(call, n, errors[n % ERRORS]);
		rc = unload(&err);
		script_work();
		failed = script_failed();
		if (rc)
			check_failure(n, before, &err);
		else
			nothing_of_ours_is_left(n);
		free(before);
		if (!access(pin_dir, F_OK))
			continue;
		/* for the next one */
		assert_int_equal(script_open(), 0);
		script_bpf_end();
		begin();
	}
}

static void each_call_fails_once(void)
{
	static const int few[] = { BPF_OBJ_GET,		  BPF_OBJ_GET_INFO_BY_FD,
				   BPF_MAP_LOOKUP_ELEM,	  BPF_MAP_GET_NEXT_KEY,
				   BPF_PROG_GET_FD_BY_ID, BPF_LINK_DETACH,
				   SCRIPT_REMOVE_FILTER,  SCRIPT_REMOVE_QDISC };

	begin();
	for (size_t i = 0; i < sizeof(few) / sizeof(few[0]); i++)
		each_fails_once(few[i], 1);
	each_fails_once(SCRIPT_ASK_FILTER, 61);
	script_bpf_end();
}

static void links_go_or_are_said_to_stay(void **state)
{
	(void)state;
	by_filters = false;
	each_call_fails_once();
}

static void filters_go_or_are_said_to_stay(void **state)
{
	(void)state;
	by_filters = true;
	each_call_fails_once();
}

/* The kernel refuses every call of a kind. */
static void what_cannot_be_taken_away_stays_known(void **state)
{
	static const struct {
		int call;
		const char *says;
	} cases[] = {
		{ SCRIPT_REMOVE_FILTER, "taking tc_branch_" },
		{ SCRIPT_REMOVE_QDISC, "removing the clsact qdisc of vlan.eth.9" },
		{ SCRIPT_ASK_FILTER, "looking for filters on eth2" },
		{ BPF_PROG_GET_FD_BY_ID, "asking the kernel whose program" },
		{ BPF_OBJ_GET_INFO_BY_FD, "reading the pin" },
		{ BPF_MAP_GET_NEXT_KEY, "maps/ifaces" },
		{ BPF_OBJ_GET, "" },
	};
	struct bg_error err;

	(void)state;
	by_filters = true;
	begin();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		/* the answer about `home` is asked for first */
		const bool spare_home = cases[i].call == BPF_OBJ_GET_INFO_BY_FD;

		script_fail(cases[i].call, spare_home ? 2 : 0, EBUSY);
		assert_int_equal(unload(&err), -EBUSY);
		script_work();
		if (!strstr(err.text, cases[i].says) || !strstr(err.text, "busy"))
			fail_msg("it says '%s', expected '%s'", err.text, cases[i].says);
		assert_int_equal(access(pin_dir, F_OK), 0);
		assert_true(script_has_qdisc(ETH));
	}
	must(unload(&err), &err);
	nothing_of_ours_is_left(0);
	script_bpf_end();
}

static void filters_that_cannot_be_counted_are_no_reason_to_say_that_all_is_gone(void **state)
{
	struct bg_error err;

	(void)state;
	by_filters = true;
	begin();
	filters_error = EINTR;
	assert_int_equal(unload(&err), -EINTR);
	filters_error = 0;
	assert_non_null(strstr(err.text, "removing the clsact qdisc of vlan.eth.9"));
	assert_non_null(strstr(err.text, "run `branchguard unload` again"));
	must(unload(&err), &err);
	nothing_of_ours_is_left(0);
	script_bpf_end();
}

/* Without CAP_SYS_ADMIN it cannot be seen whose a program is that is not pinned. */
static void whose_it_is_must_be_seen(void **state)
{
	struct bg_error err;
	char *before, *after;

	(void)state;
	by_filters = true;
	begin();
	before = all_there_is();
	script_caps(~BG_CAP(CAP_SYS_ADMIN));
	assert_int_equal(unload(&err), -EPERM);
	assert_non_null(strstr(err.text, "takes CAP_SYS_ADMIN: nothing was changed"));
	after = all_there_is();
	assert_string_equal(after, before);
	script_caps(~0ULL);
	must(unload(&err), &err);
	nothing_of_ours_is_left(0);
	script_bpf_end();
	free(before);
	free(after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_ours_by_what_was_seen),
		cmocka_unit_test(links_go_or_are_said_to_stay),
		cmocka_unit_test(filters_go_or_are_said_to_stay),
		cmocka_unit_test(what_cannot_be_taken_away_stays_known),
		cmocka_unit_test(
			filters_that_cannot_be_counted_are_no_reason_to_say_that_all_is_gone),
		cmocka_unit_test(whose_it_is_must_be_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
