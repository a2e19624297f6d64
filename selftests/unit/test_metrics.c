// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The state of the node as Prometheus reads it. */
#include <jansson.h>

#include "show/health.h"
#include "show/status.h"
#include "showing.h"
#include "test.h"

#define S 1000000000ull /* ns */

static void metrics_are_well_formed(void **state)
{
	struct bg_branch_status branch;
	struct bg_status status;
	struct memory memory;

	(void)state;
	healthy_node(&status, &branch);
	branch.counters[BG_EGRESS].packets[BG_REASON_NO_RULE] = 7;
	open_memory(&memory);
	bg_metrics_print(memory.out, &status, &(struct bg_build){ "0.2.0", "abcdef" });
	fclose(memory.out);
	assert_non_null(
		strstr(memory.printed,
		       "\nbranchguard_packets_total{branch=\"eni-0b2c\",direction=\"egress\","
		       "reason=\"no-rule\",verdict=\"drop\"} 7\n"));
	assert_non_null(strstr(memory.printed,
			       "\nbranchguard_revision_info{feed_revision=\"a \\\"b\\\"\"} 1\n"));
	assert_non_null(strstr(memory.printed, "\n# TYPE branchguard_packets_total counter\n"));
	/* every line is a comment or a sample of ours with a value */
	for (char *line = strtok(memory.printed, "\n"); line; line = strtok(NULL, "\n")) {
		const char *value = strrchr(line, ' ');
		char *end;

		if (!strncmp(line, "# HELP branchguard_", 19) ||
		    !strncmp(line, "# TYPE branchguard_", 19))
			continue;
		assert_int_equal(strncmp(line, "branchguard_", 12), 0);
		assert_non_null(value);
		strtod(value + 1, &end);
		assert_true(end > value + 1 && *end == '\0');
	}
	free(memory.printed);
}

/* What is for a collector that asks often: no drops that are 0, and what else is known. */
static void sparse_metrics(void **state)
{
	struct bg_rule rules[4] = {
		[1] = { .group = "sg-\"1\"",
			.peer = "10.0.0.0/8",
			.protocol = 6,
			.from_port = 80,
			.to_port = 80,
			.revision = 1,
			.hits = 5 },
		[2] = { .group = "sg-unused", .peer = "10.0.0.0/8", .protocol = 6, .revision = 1 },
		[3] = { .group = "sg-former", .peer = "10.0.0.0/8", .protocol = 6, .hits = 5 },
	};
	struct bg_gap gap = { .interface = "vlan.eth.9\xff",
			      .program = "tc_branch_egress",
			      .vlan = 9,
			      .ifindex = 14 };
	struct bg_health health = {};
	struct bg_branch_status branch;
	struct bg_status status;
	struct memory memory;

	(void)state;
	healthy_node(&status, &branch);
	status.rule_list = rules;
	status.rule_list_count = 4;
	status.gaps = &gap;
	status.gap_count = 1;
	status.pulse.feed_read_ns = 8 * S;
	status.state =
		json_pack("{s:{s:f, s:s}}", "RevisionTook", "CompileMs", 12.5, "PublishMs", "x");
	branch.counters[BG_EGRESS].packets[BG_REASON_NO_RULE] = 7;
	/* one byte that is no UTF-8, in the middle of a character */
	snprintf(status.control.feed_revision, sizeof(status.control.feed_revision), "a\n\\\xc3");
	health.concerns[BG_CONCERN_FEED].known = true;
	health.concerns[BG_CONCERN_FEED].level = BG_HEALTH_DEGRADED;
	open_memory(&memory);
	bg_metrics_print_sparse(memory.out, &status, &(struct bg_build){ "0.2.0", "abcdef" },
				&health);
	fclose(memory.out);
	assert_non_null(strstr(memory.printed, "reason=\"no-rule\",verdict=\"drop\"} 7\n"));
	assert_null(strstr(memory.printed, "reason=\"spoofed\""));
	assert_non_null(strstr(memory.printed, "\nbranchguard_rule_hits_total{rule=\"1\","
					       "group=\"sg-\\\"1\\\"\",rule_id=\"\","
					       "direction=\"ingress\",protocol=\"tcp\","
					       "ports=\"80\",peer=\"10.0.0.0/8\"} 5\n"));
	assert_null(strstr(memory.printed, "sg-unused"));
	assert_null(strstr(memory.printed, "sg-former"));
	assert_non_null(strstr(memory.printed,
			       "\nbranchguard_program_missing{interface=\"vlan.eth.9?\","
			       "program=\"tc_branch_egress\",ifindex=\"14\","
			       "vlan=\"9\"} 1\n"));
	assert_non_null(strstr(memory.printed, "{feed_revision=\"a\\n\\\\?\"} 1\n"));
	assert_non_null(strstr(memory.printed, "\nbranchguard_feed_age_seconds 2\n"));
	assert_non_null(strstr(memory.printed, "\nbranchguard_revision_compile_seconds 0.0125"));
	assert_null(strstr(memory.printed, "revision_publish_seconds"));
	assert_non_null(strstr(memory.printed, "\nbranchguard_health{concern=\"feed\"} 1\n"));
	assert_null(strstr(memory.printed, "concern=\"tables\""));
	free(memory.printed);
	json_decref(status.state);
}

/* The rest of them is counted. */
static void rules_with_a_series_are_bounded(void **state)
{
	const size_t count = 2101; /* number 0 is none */
	struct bg_rule *rules = calloc(count, sizeof(*rules));
	struct bg_branch_status branch;
	struct bg_status status;
	struct memory memory;
	size_t series = 0;

	(void)state;
	healthy_node(&status, &branch);
	for (size_t i = 1; i < count; i++)
		rules[i] = (struct bg_rule){
			.group = "sg-1", .peer = "10.0.0.0/8", .revision = 1, .hits = i
		};
	status.rule_list = rules;
	status.rule_list_count = count;
	open_memory(&memory);
	bg_metrics_print(memory.out, &status, &(struct bg_build){ "0.2.0", "abcdef" });
	fclose(memory.out);
	for (const char *at = memory.printed; (at = strstr(at, "\nbranchguard_rule_hits_total{"));
	     at++)
		series++;
	assert_int_equal(series, 2000);
	assert_non_null(strstr(memory.printed, "\nbranchguard_rules_left_out 100\n"));
	free(memory.printed);
	free(rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metrics_are_well_formed),
		cmocka_unit_test(sparse_metrics),
		cmocka_unit_test(rules_with_a_series_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
