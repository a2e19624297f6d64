// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The state of the node and what is wrong with it: text and JSON. */
#include "show/health.h"
#include "show/status.h"
#include "showing.h"
#include "test.h"

#define S 1000000000ull /* ns */

static void a_healthy_node_has_no_causes(void **state)
{
	struct bg_branch_status branch;
	struct bg_status status;
	struct bg_cause *causes = NULL;
	size_t count = 99;

	(void)state;
	healthy_node(&status, &branch);
	/* denied traffic is what groups are for */
	branch.counters[BG_INGRESS].packets[BG_REASON_NO_RULE] = 1000;
	assert_int_equal(bg_status_causes(&status, &causes, &count), 0);
	assert_int_equal(count, 0);
	free(causes);
}

static bool has_cause(const struct bg_status *status, const char *subject, const char *words)
{
	struct bg_cause *causes = NULL;
	size_t count = 0;
	bool found = false;

	assert_int_equal(bg_status_causes(status, &causes, &count), 0);
	for (size_t i = 0; i < count; i++)
		found |= !strcmp(causes[i].subject, subject) && strstr(causes[i].text, words);
	free(causes);
	return found;
}

static void causes_name_what_is_wrong(void **state)
{
	struct bg_branch_status branch;
	struct bg_status status;

	(void)state;
	healthy_node(&status, &branch);
	branch.counters[BG_EGRESS].packets[BG_REASON_FOREIGN_SOURCE] = 3;
	assert_true(has_cause(&status, "eni-0b2c",
			      "foreign-source (3 packets from the pod): a masquerade rule"));
	status.node[BG_INGRESS].packets[BG_REASON_NOT_ARMED] = 1;
	assert_true(has_cause(&status, "node", "not-armed (1 packet toward the pod)"));
	branch.ifindex_now = 17;
	assert_true(has_cause(&status, "eni-0b2c", "armed as ifindex 14 and is now 17"));
	branch.row.info.armed_ns = 0;
	assert_true(has_cause(&status, "eni-0b2c", "vlan.eth.9 exists, but is not armed"));
	branch.row.info.groups[0] = '\0';
	assert_true(has_cause(&status, "eni-0b2c", "has no groups"));
	status.daemon_runs = false;
	assert_true(has_cause(&status, "node", "the daemon is not running"));
	status.control.revision = 0;
	assert_true(has_cause(&status, "node", "no revision is in force"));
	status.flows[BG_FLOWS_ASSURED] = 950;
	assert_true(has_cause(&status, "node", "950 of 1000"));
	status.control.flows_evicted = 5;
	assert_true(has_cause(&status, "node", "5 flows gave way"));
	status.rules = 90;
	status.rule_capacity = 100;
	assert_true(has_cause(&status, "node", "rules: 90 of 100 are used"));
	status.control.revision = 42;
	status.has_image = false;
	assert_true(has_cause(&status, "node", "revision 42 is not in the map policy"));
	status.has_image = true;
	status.image.cells_used = 230u << 10;
	status.image_capacity_bytes = 1u << 20;
	assert_false(has_cause(&status, "node", "image (KiB)"));
	status.image.cells_used = 240u << 10;
	assert_true(has_cause(&status, "node", "image (KiB): 960 of 1024 are used"));
}

/* Of places that are not probes': never more than all of them. */
static void flows_are_counted_by_their_places(void **state)
{
	struct bg_branch_status branch;
	struct bg_status status;

	(void)state;
	healthy_node(&status, &branch);
	status.flows[BG_FLOWS_ASSURED] = 1000;
	status.flows[BG_FLOWS_REPLIED] = 200;
	status.flows[BG_FLOWS_EXPIRED] = 50;
	status.probe_flows = 200;
	assert_true(has_cause(&status, "node", "flow table: 1000 of 1000 are used"));
	status.flows[BG_FLOWS_ASSURED] = 899;
	assert_false(has_cause(&status, "node", "flow table"));
	status.flows[BG_FLOWS_ASSURED] = 900;
	assert_true(has_cause(&status, "node", "flow table: 900 of 1000 are used"));
}

/* What was counted stands under "look at" with its times, until it has been quiet. */
static void causes_get_old(void **state)
{
	static const struct {
		const char *name;
		__u64 count; /* that the map has now */
		struct bg_sighting seen;
		__u64 beat_ns;
		const char *words; /* "": no cause */
		__u64 since_ns, last_ns;
		bool runs, or_later;
	} cases[] = {
		{ "a blip, a minute ago",
		  8,
		  { 8, 0, 930 * S, 940 * S },
		  999 * S,
		  "(8 packets",
		  930 * S,
		  940 * S,
		  true,
		  false },
		{ "the same, later",
		  8,
		  { 8, 0, 600 * S, 610 * S },
		  999 * S,
		  "",
		  0,
		  0,
		  true,
		  false },
		{ "what was before does not count",
		  108,
		  { 108, 100, 930 * S, 940 * S },
		  999 * S,
		  "(8 packets",
		  930 * S,
		  940 * S,
		  true,
		  false },
		{ "it goes on, and is not looked at yet",
		  109,
		  { 108, 100, 930 * S, 940 * S },
		  999 * S,
		  "(9 packets",
		  930 * S,
		  1000 * S,
		  true,
		  false },
		{ "it begins, and is not looked at yet",
		  1,
		  {},
		  999 * S,
		  "(1 packet ",
		  1000 * S,
		  1000 * S,
		  true,
		  false },
		{ "nobody looked before the daemon did",
		  5,
		  { 5, 5, 0, 0 },
		  999 * S,
		  "",
		  0,
		  0,
		  true,
		  false },
		{ "it came while no daemon ran: when, nobody knows",
		  8,
		  { 5, 5, 0, 0 },
		  400 * S,
		  "(3 packets",
		  400 * S,
		  0,
		  false,
		  true },
		{ "it went on when the daemon ended",
		  8,
		  { 5, 0, 390 * S, 395 * S },
		  400 * S,
		  "(8 packets",
		  390 * S,
		  0,
		  false,
		  false },
		{ "the daemon is frozen: as if none ran",
		  8,
		  { 5, 5, 0, 0 },
		  400 * S,
		  "(3 packets",
		  400 * S,
		  0,
		  true,
		  true },
		{ "it was over long before the daemon ended",
		  8,
		  { 8, 0, 10 * S, 20 * S },
		  400 * S,
		  "",
		  0,
		  0,
		  false,
		  false },
		{ "it rose while nobody looked, which a new daemon found",
		  8,
		  { 8, 0, 500 * S + 1, 990 * S + 1 },
		  999 * S,
		  "(8 packets",
		  500 * S + 1,
		  0,
		  true,
		  true },
		{ "and went on",
		  8,
		  { 8, 0, 500 * S + 1, 993 * S },
		  999 * S,
		  "(8 packets",
		  500 * S + 1,
		  993 * S,
		  true,
		  true },
		{ "no daemon ever looked", 8, {}, 0, "(8 packets", 0, 0, false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bg_sighting_row row = { { 0, BG_EGRESS, BG_REASON_NO_BRANCH },
					       cases[i].seen };
		struct bg_branch_status branch;
		const struct bg_cause *found = NULL;
		struct bg_cause *causes = NULL;
		struct bg_status status;
		size_t count = 0;

		healthy_node(&status, &branch);
		status.now_boottime_ns = 1000 * S;
		status.daemon_runs = cases[i].runs;
		status.pulse.beat_ns = cases[i].beat_ns;
		status.has_pulse = cases[i].beat_ns;
		status.node[BG_EGRESS].packets[BG_REASON_NO_BRANCH] = cases[i].count;
		status.sightings = &row;
		status.sighting_count = cases[i].seen.count != 0;
		assert_int_equal(bg_status_causes(&status, &causes, &count), 0);
		for (size_t k = 0; k < count; k++)
			if (!strncmp(causes[k].text, "no-branch ", 10))
				found = &causes[k];
		if (!found != !*cases[i].words)
			fail_msg("%s: %s", cases[i].name, found ? found->text : "no cause");
		if (found &&
		    (!strstr(found->text, cases[i].words) || found->since_ns != cases[i].since_ns ||
		     found->last_ns != cases[i].last_ns || found->or_later != cases[i].or_later))
			fail_msg("%s: %s since %llu last %llu or later %d", cases[i].name,
				 found->text, found->since_ns, found->last_ns, found->or_later);
		free(causes);
	}
}

/* What health has found is no secret of health's; the worst is said first. */
static void what_the_kernel_says_is_a_cause(void **state)
{
	struct bg_cause *causes = NULL;
	struct bg_branch_status branch;
	struct bg_status status;
	struct bg_finding findings[] = {
		{ BG_CONCERN_INTERFACES, BG_HEALTH_DEGRADED, "vlan.eth.9 is down" },
		{ BG_CONCERN_INTERFACES, BG_HEALTH_NOT_ENFORCING, "vlan.eth.8 is a branch" },
		{ BG_CONCERN_ATTACHMENT, BG_HEALTH_NOT_ENFORCING, "somebody comes first" },
	};
	const struct bg_look look = { .findings = findings, .finding_count = 3 };
	size_t count = 0;

	(void)state;
	healthy_node(&status, &branch);
	status.look = &look;
	assert_int_equal(bg_status_causes(&status, &causes, &count), 0);
	assert_int_equal(count, 3);
	assert_string_equal(causes[0].text, "vlan.eth.8 is a branch");
	assert_string_equal(causes[1].text, "somebody comes first");
	assert_string_equal(causes[2].text, "vlan.eth.9 is down");
	free(causes);
}

static void many_absent_branches_are_one_cause(void **state)
{
	struct bg_branch_status branches[60];
	struct bg_cause *causes = NULL;
	struct bg_status status;
	size_t count = 0;

	(void)state;
	healthy_node(&status, &branches[0]);
	status.branches = branches;
	status.branch_count = 60;
	for (size_t i = 0; i < 60; i++) {
		branches[i] = (struct bg_branch_status){ .row = some_branch() };
		snprintf(branches[i].row.info.interface, sizeof(branches[i].row.info.interface),
			 "vlan.eth.%zu", i + 1);
	}
	assert_int_equal(bg_status_causes(&status, &causes, &count), 0);
	assert_int_equal(count, 1);
	assert_non_null(strstr(causes[0].text, "60 branches of the feed have no interface: "
					       "vlan.eth.1, vlan.eth.2, vlan.eth.3, vlan.eth.4, "
					       "vlan.eth.5 and 55 more"));
	free(causes);
}

static void the_times_of_a_cause(void **state)
{
	struct bg_cause cause = {};
	char text[BG_CAUSE_TIMES];
	__u64 now_ns = bg_boottime_ns();

	(void)state;
	assert_string_equal(bg_cause_times(&cause, now_ns, text), "");
	cause.since_ns = now_ns;
	assert_non_null(strstr(bg_cause_times(&cause, now_ns, text), " (since 20"));
	assert_null(strstr(text, "last seen"));
	cause.or_later = true;
	assert_non_null(strstr(bg_cause_times(&cause, now_ns, text), "Z or later)"));
	cause.last_ns = now_ns;
	assert_non_null(strstr(bg_cause_times(&cause, now_ns + 3 * S, text),
			       "Z or later, last seen 3.0 s ago)"));
}

static void status_as_text(void **state)
{
	struct bg_branch_status branch;
	struct bg_status status;
	struct memory memory;

	(void)state;
	healthy_node(&status, &branch);
	branch.counters[BG_INGRESS].packets[BG_REASON_TRACKED] = 1234;
	branch.counters[BG_INGRESS].packets[BG_REASON_RULE] = 5;
	branch.counters[BG_INGRESS].passed_bytes = 2048;
	branch.counters[BG_EGRESS].packets[BG_REASON_NO_RULE] = 1;
	branch.counters[BG_EGRESS].dropped_bytes = 60;
	open_memory(&memory);
	assert_int_equal(bg_status_print(memory.out, &status), 0);
	fclose(memory.out);
	assert_non_null(strstr(memory.printed, "revision   42 in force since "));
	assert_non_null(strstr(memory.printed, "daemon     running\n"));
	assert_non_null(strstr(memory.printed, "branch eni-0b2c  VLAN 9, vlan.eth.9, strict"));
	assert_non_null(strstr(memory.printed,
			       "  ingress  passed          1,239 packets   2.0 KiB   "
			       "tracked 1,234, rule 5\n"));
	assert_non_null(strstr(memory.printed,
			       "  egress   dropped             1 packet       60 B   no-rule 1\n"));
	assert_null(strstr(memory.printed, "look at"));
	free(memory.printed);
}

/* What is not judged comes before anything else, and since when. */
static void a_gap_is_said_first(void **state)
{
	struct bg_gap gaps[] = {
		{ .interface = "vlan.eth.9", .program = "tc_branch_egress", .vlan = 9 },
		{ .interface = "eth5",
		  .program = "tc_branch_egress",
		  .vlan = 10,
		  .ifindex = 12,
		  .was = "vlan.eth.10" },
		{ .interface = "vlan.eth.11", .program = "tc_branch_egress", .vlan = 11 },
		{ .interface = "vlan.eth.12", .program = "tc_branch_egress", .vlan = 12 },
	};
	struct bg_branch_status branch;
	struct bg_status status;
	struct memory memory;
	json_t *json, *gap;

	(void)state;
	healthy_node(&status, &branch);
	status.gaps = gaps;
	status.gap_count = 1;
	status.pulse.beat_ns = status.now_boottime_ns;
	open_memory(&memory);
	assert_int_equal(bg_status_print(memory.out, &status), 0);
	fclose(memory.out);
	assert_int_equal(strncmp(memory.printed,
				 "GAP        tc_branch_egress is missing at vlan.eth.9: NOT judged "
				 "there (since ",
				 78),
			 0);
	assert_non_null(strstr(memory.printed, " or later)\nrevision   42"));
	free(memory.printed);
	json = bg_status_json(&status);
	gap = json_array_get(json_object_get(json, "missing_programs"), 0);
	assert_true(json_is_string(json_object_get(gap, "since_or_later")));
	json_decref(json);
	status.gap_count = 4;
	open_memory(&memory);
	assert_int_equal(bg_status_print(memory.out, &status), 0);
	fclose(memory.out);
	assert_non_null(strstr(memory.printed, "\n           tc_branch_egress is missing at eth5 "
					       "(its ifindex, 12, was that of vlan.eth.10): NOT"));
	assert_non_null(strstr(memory.printed, "\n           and 1 more\nrevision"));
	free(memory.printed);
}

/* Probes have places of their own. */
static void flows_of_probes_stand_apart(void **state)
{
	struct bg_branch_status branch;
	struct bg_status status;
	struct memory memory;

	(void)state;
	healthy_node(&status, &branch);
	memset(status.flows, 0, sizeof(status.flows));
	status.flows[BG_FLOWS_ASSURED] = 1040;
	status.probe_flows = 120;
	open_memory(&memory);
	assert_int_equal(bg_status_print(memory.out, &status), 0);
	fclose(memory.out);
	assert_non_null(strstr(memory.printed,
			       "920 of      1,000  92.0 %  0 half-open, 1,040 assured, "
			       "0 expired, beside them 120 of probes"));
	free(memory.printed);
}

static void status_as_json(void **state)
{
	struct bg_branch_status branch;
	struct bg_status status;
	json_t *json, *first;

	(void)state;
	healthy_node(&status, &branch);
	branch.counters[BG_EGRESS].packets[BG_REASON_NO_RULE] = 7;
	json = bg_status_json(&status);
	assert_non_null(json);
	assert_int_equal(json_integer_value(json_object_get(json, "revision")), 42);
	first = json_array_get(json_object_get(json, "branches"), 0);
	assert_int_equal(json_array_size(json_object_get(first, "group_ids")), 2);
	first = json_object_get(first, "egress");
	assert_int_equal(json_integer_value(json_object_get(first, "dropped_packets")), 7);
	first = json_object_get(first, "reasons");
	assert_int_equal(json_integer_value(json_object_get(first, "no-rule")), 7);
	assert_true(json_is_null(json_object_get(json_object_get(json, "feed"), "last_refused")));
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_healthy_node_has_no_causes),
		cmocka_unit_test(causes_name_what_is_wrong),
		cmocka_unit_test(flows_are_counted_by_their_places),
		cmocka_unit_test(causes_get_old),
		cmocka_unit_test(many_absent_branches_are_one_cause),
		cmocka_unit_test(the_times_of_a_cause),
		cmocka_unit_test(what_the_kernel_says_is_a_cause),
		cmocka_unit_test(status_as_text),
		cmocka_unit_test(a_gap_is_said_first),
		cmocka_unit_test(flows_of_probes_stand_apart),
		cmocka_unit_test(status_as_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
