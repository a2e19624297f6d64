// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Numbers, times, flows, events, causes and metrics, as people and programs read them. */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "event_text.h"
#include "flow_text.h"
#include "ip.h"
#include "names.h"
#include "out.h"
#include "status.h"
#include "test.h"

#define S 1000000000ull

static char text[BG_RULE_TEXT];

static void counts(void **state)
{
	(void)state;
	assert_string_equal(bg_format_count(0, text), "0");
	assert_string_equal(bg_format_count(999, text), "999");
	assert_string_equal(bg_format_count(1000, text), "1,000");
	assert_string_equal(bg_format_count(1234567, text), "1,234,567");
	assert_string_equal(bg_format_count(~0ull, text), "18,446,744,073,709,551,615");
	assert_string_equal(bg_format_counted(1, "packet", text), "1 packet");
	assert_string_equal(bg_format_counted(0, "packet", text), "0 packets");
	assert_string_equal(bg_format_counted(2000, "flow", text), "2,000 flows");
}

static void short_counts_fit_columns(void **state)
{
	(void)state;
	assert_string_equal(bg_format_short(0, text), "0");
	assert_string_equal(bg_format_short(9999, text), "9999");
	assert_string_equal(bg_format_short(10000, text), "10.0k");
	assert_string_equal(bg_format_short(123456, text), "123k");
	assert_string_equal(bg_format_short(999949, text), "1000k");
	assert_string_equal(bg_format_short(999950, text), "1.0M");
	assert_string_equal(bg_format_short(1500000000, text), "1.5G");
	assert_string_equal(bg_format_short(~0ull, text), "18.4E");
}

static void bytes(void **state)
{
	(void)state;
	assert_string_equal(bg_format_bytes(0, text), "0 B");
	assert_string_equal(bg_format_bytes(1023, text), "1023 B");
	assert_string_equal(bg_format_bytes(1024, text), "1.0 KiB");
	assert_string_equal(bg_format_bytes(1536, text), "1.5 KiB");
	assert_string_equal(bg_format_bytes(102400, text), "100 KiB");
	assert_string_equal(bg_format_bytes(1048575, text), "1.0 MiB");
	assert_string_equal(bg_format_bytes(~0ull, text), "16.0 EiB");
}

static void durations(void **state)
{
	(void)state;
	assert_string_equal(bg_format_duration(0, text), "0.0 s");
	assert_string_equal(bg_format_duration(S / 2, text), "0.5 s");
	assert_string_equal(bg_format_duration(59 * S, text), "59 s");
	assert_string_equal(bg_format_duration(60 * S, text), "1 min 0 s");
	assert_string_equal(bg_format_duration(3599 * S, text), "59 min 59 s");
	assert_string_equal(bg_format_duration(7980 * S, text), "2 h 13 min");
	assert_string_equal(bg_format_duration(183600 * S, text), "2 d 3 h");
	assert_string_equal(bg_format_age(599 * S, text), "599s");
	assert_string_equal(bg_format_age(600 * S, text), "10m");
	assert_string_equal(bg_format_age(36000 * S, text), "10h");
	assert_string_equal(bg_format_age(864000 * S, text), "10d");
}

static struct bg_addr address(const char *written)
{
	struct bg_addr addr;

	assert_int_equal(bg_addr_parse(written, &addr), 0);
	return addr;
}

static void endpoints(void **state)
{
	struct bg_addr v4 = address("10.0.0.1"), v6 = address("2001:db8::1");

	(void)state;
	assert_string_equal(bg_format_endpoint(&v4, htons(80), true, text), "10.0.0.1:80");
	assert_string_equal(bg_format_endpoint(&v6, htons(80), true, text), "[2001:db8::1]:80");
	assert_string_equal(bg_format_endpoint(&v4, htons(80), false, text), "10.0.0.1");
	assert_string_equal(bg_format_endpoint(&v6, 0, false, text), "2001:db8::1");
}

static const char *ports_of(int protocol, int from, int to)
{
	const struct bg_rule rule = { .protocol = protocol, .from_port = from, .to_port = to };

	return bg_format_ports(&rule, text);
}

static void ports(void **state)
{
	(void)state;
	assert_string_equal(ports_of(IPPROTO_TCP, 80, 80), "80");
	assert_string_equal(ports_of(IPPROTO_UDP, 1024, 65535), "1024-65535");
	assert_string_equal(ports_of(IPPROTO_TCP, 0, 65535), "all");
	assert_string_equal(ports_of(IPPROTO_TCP, 0, 0), "0");
	assert_string_equal(ports_of(IPPROTO_ICMP, -1, -1), "all");
	assert_string_equal(ports_of(IPPROTO_ICMP, 8, -1), "type 8");
	assert_string_equal(ports_of(IPPROTO_ICMPV6, 1, 4), "type 1 code 4");
	assert_string_equal(ports_of(47, 0, 65535), "all");
	assert_string_equal(ports_of(-1, 0, 65535), "all");
}

static void rules(void **state)
{
	struct bg_rule rule = { .group = "sg-1",
				.rule_id = "sgr-1",
				.peer = "10.0.0.0/8",
				.protocol = IPPROTO_TCP,
				.from_port = 80,
				.to_port = 81 };

	(void)state;
	assert_string_equal(bg_format_rule(&rule, text), "sg-1 sgr-1");
	rule.rule_id[0] = '\0';
	assert_string_equal(bg_format_rule(&rule, text), "sg-1 tcp 80-81 from 10.0.0.0/8");
	rule.direction = BG_EGRESS;
	rule.protocol = -1;
	assert_string_equal(bg_format_rule(&rule, text), "sg-1 all to 10.0.0.0/8");
	rule.group[0] = '\0';
	assert_string_equal(bg_format_rule(&rule, text), "");
	assert_string_equal(bg_format_rule(NULL, text), "");
}

static const char *state_of(int protocol, unsigned int flags)
{
	const struct bg_flow flow = { .key.protocol = protocol, .flags = flags };

	return bg_flow_state(&flow);
}

static void flow_states(void **state)
{
	const unsigned int replied = BG_FLOW_EGRESS | BG_FLOW_REPLIED;
	const unsigned int assured = replied | BG_FLOW_ASSURED;

	(void)state;
	assert_string_equal(state_of(IPPROTO_TCP, 0), "half-open");
	assert_string_equal(state_of(IPPROTO_UDP, BG_FLOW_EGRESS), "one-way");
	assert_string_equal(state_of(IPPROTO_TCP, replied), "replied");
	assert_string_equal(state_of(IPPROTO_TCP, assured), "assured");
	assert_string_equal(state_of(IPPROTO_UDP, assured), "stream");
	assert_string_equal(state_of(IPPROTO_TCP, assured | BG_FLOW_FIN_LOCAL), "closing");
	assert_string_equal(state_of(IPPROTO_TCP, assured | BG_FLOW_FIN_LOCAL | BG_FLOW_FIN_REMOTE),
			    "closed");
	assert_string_equal(state_of(IPPROTO_TCP, BG_FLOW_RESET), "closed");
}

static void time_left(void **state)
{
	const struct bg_flow flow = { .last_seen_ns = 100 * S, .timeout_s = 30 };

	(void)state;
	assert_int_equal(bg_flow_left_ns(&flow, 100 * S), 30 * S);
	assert_int_equal(bg_flow_left_ns(&flow, 129 * S), S);
	assert_int_equal(bg_flow_left_ns(&flow, 130 * S), 0);
	assert_int_equal(bg_flow_left_ns(&flow, 500 * S), 0);
}

static void names(void **state)
{
	char protocol[BG_PROTOCOL_TEXT];

	(void)state;
	assert_string_equal(bg_reason_name(BG_REASON_NO_RULE), "no-rule");
	assert_null(bg_reason_name(BG_REASON_MAX - 1));
	assert_null(bg_reason_name(100000));
	assert_string_equal(bg_reason_meaning(100000), "");
	assert_int_equal(bg_reason_find("spoofed"), BG_REASON_SPOOFED);
	assert_int_equal(bg_reason_find("no-such"), -1);
	assert_string_equal(bg_direction_name(BG_EGRESS), "egress");
	assert_string_equal(bg_direction_name(7), "unknown");
	assert_string_equal(bg_protocol_format(IPPROTO_ICMPV6, protocol), "icmpv6");
	assert_string_equal(bg_protocol_format(132, protocol), "132");
	assert_int_equal(bg_protocol_parse("udp"), IPPROTO_UDP);
	assert_int_equal(bg_protocol_parse("255"), 255);
	assert_int_equal(bg_protocol_parse("all"), -1);
	assert_int_equal(bg_protocol_parse("256"), -2);
	assert_int_equal(bg_protocol_parse("-3"), -2);
	assert_int_equal(bg_protocol_parse("tcpx"), -2);
	assert_int_equal(bg_protocol_parse(""), -2);
}

/* Whatever is printed while `out` is open. */
struct memory {
	char *printed;
	size_t size;
	FILE *out;
};

static void open_memory(struct memory *memory)
{
	memory->printed = NULL;
	memory->out = open_memstream(&memory->printed, &memory->size);
	assert_non_null(memory->out);
}

static void expect_printed(struct memory *memory, const char *expected)
{
	fclose(memory->out);
	assert_string_equal(memory->printed, expected);
	free(memory->printed);
}

static void tables_fit_what_is_in_them(void **state)
{
	static const char *const heads[] = { "NAME", "^COUNT", "LAST" };
	static const char *const cells[] = { "a", "1", "x", "longer name", "123,456", "y z" };
	struct bg_table table = { .columns = 3, .heads = heads };
	struct memory memory;

	(void)state;
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(bg_table_add(&table, cells[i]), 0);
	open_memory(&memory);
	bg_table_print(memory.out, &table, 1);
	expect_printed(&memory, " NAME           COUNT  LAST\n"
				" a                  1  x\n"
				" longer name  123,456  y z\n");
	assert_null(table.cells);
}

static void tables_do_not_drive_the_terminal(void **state)
{
	static const char *const heads[] = { "NAME" };
	struct bg_table table = { .columns = 1, .heads = heads };
	struct memory memory;

	(void)state;
	assert_int_equal(bg_table_add(&table, "a\x1b[2J\nb"), 0);
	open_memory(&memory);
	bg_table_print(memory.out, &table, 0);
	expect_printed(&memory, "NAME\na?[2J?b\n");
}

static struct bg_branch_row branch_row(void)
{
	struct bg_branch_row row = {
		.vlan = 9,
		.info = { .id = "eni-0b2c",
			  .interface = "vlan.eth.9",
			  .ifindex = 14,
			  .tag = 3,
			  .slot = 1,
			  .armed_ns = S,
			  .groups = "sg-1,sg-2" },
	};

	return row;
}

static struct bg_flow some_flow(void)
{
	return (struct bg_flow){
		.key = { .local = address("10.0.47.90"),
			 .remote = address("10.0.9.5"),
			 .local_port = htons(43210),
			 .remote_port = htons(5432),
			 .protocol = IPPROTO_TCP,
			 .branch = 3 },
		.created_ns = 100 * S,
		.last_seen_ns = 150 * S,
		.bytes = { 12345, 60 },
		.packets = { 10, 1 },
		.timeout_s = 350,
		.rule = 1,
		.revision = 42,
		.flags = BG_FLOW_EGRESS | BG_FLOW_REPLIED | BG_FLOW_ASSURED,
	};
}

static void flows_as_lines(void **state)
{
	const struct bg_rule list[] = { {},
					{ .group = "sg-1", .rule_id = "sgr-1", .revision = 1 } };
	const struct bg_branch_row branch = branch_row();
	const struct bg_flow_names view = { &branch, 1, list, 2 };
	struct bg_flow flow = some_flow();
	struct memory memory;

	(void)state;
	open_memory(&memory);
	bg_flow_print_line(memory.out, &flow, &view, 160 * S);
	expect_printed(&memory, "eni-0b2c       tcp   10.0.47.90:43210 -> 10.0.9.5:5432 assured "
				"age=60s in=10/12.3k out=1/60 sg-1 sgr-1");
	/* an unknown branch, a rule that went, the other direction */
	flow.key.branch = 4;
	flow.rule = 7;
	flow.flags = 0;
	open_memory(&memory);
	bg_flow_print_line(memory.out, &flow, &view, 160 * S);
	expect_printed(&memory, "(gone, tag 4)  tcp   10.0.47.90:43210 <- 10.0.9.5:5432 half-open "
				"age=60s in=10/12.3k out=1/60 (rule 7, removed since)");
}

static void flows_as_json(void **state)
{
	const struct bg_rule list[] = { {},
					{ .group = "sg-1", .rule_id = "sgr-1", .revision = 1 } };
	const struct bg_branch_row branch = branch_row();
	const struct bg_flow_names view = { &branch, 1, list, 2 };
	const struct bg_flow flow = some_flow();
	json_t *json = bg_flow_json(&flow, &view, 160 * S), *packets;
	const char *id, *direction, *local, *flow_state, *group, *rule;
	double left_s;
	int port;

	(void)state;
	assert_non_null(json);
	assert_int_equal(json_unpack(json, "{s:s, s:s, s:s, s:i, s:s, s:s, s:s, s:F, s:o}",
				     "branch", &id, "direction", &direction, "local", &local,
				     "remote_port", &port, "state", &flow_state, "group_id", &group,
				     "rule_id", &rule, "left_s", &left_s, "packets", &packets),
			 0);
	assert_string_equal(id, "eni-0b2c");
	assert_string_equal(direction, "egress");
	assert_string_equal(local, "10.0.47.90");
	assert_int_equal(port, 5432);
	assert_string_equal(flow_state, "assured");
	assert_string_equal(group, "sg-1");
	assert_string_equal(rule, "sgr-1");
	assert_true(left_s == 340.0);
	assert_int_equal(json_integer_value(json_object_get(packets, "ingress")), 10);
	json_decref(json);
}

static void events_as_lines(void **state)
{
	const struct bg_branch_row branch = branch_row();
	const struct bg_rule rule = { .group = "sg-1", .rule_id = "sgr-1" };
	struct bg_event event = {
		.type = BG_EVENT_DROP,
		.reason = BG_REASON_NO_RULE,
		.direction = BG_EGRESS,
		.vlan = 9,
		.length_bytes = 60,
		.local = address("10.0.47.90"),
		.remote = address("10.0.9.5"),
		.local_port = htons(43210),
		.remote_port = htons(5432),
		.protocol = IPPROTO_TCP,
	};
	struct memory memory;

	(void)state;
	open_memory(&memory);
	bg_event_print(memory.out, &event, &branch, NULL);
	event.type = BG_EVENT_FLOW;
	event.reason = BG_REASON_RULE;
	event.direction = BG_INGRESS;
	bg_event_print(memory.out, &event, &branch, &rule);
	/* what could not be parsed, on no branch */
	event = (struct bg_event){ .type = BG_EVENT_DROP,
				   .reason = BG_REASON_MALFORMED,
				   .length_bytes = 14 };
	bg_event_print(memory.out, &event, NULL, NULL);
	fclose(memory.out);
	assert_non_null(strstr(memory.printed,
			       "Z drop eni-0b2c       egress  tcp 10.0.47.90:43210 -> "
			       "10.0.9.5:5432 60 bytes: no-rule in sg-1,sg-2\n"));
	assert_non_null(strstr(memory.printed,
			       "Z flow eni-0b2c       ingress tcp 10.0.47.90:43210 <- "
			       "10.0.9.5:5432 60 bytes: rule, sg-1 sgr-1\n"));
	assert_non_null(strstr(memory.printed,
			       "Z drop (no branch)    ingress 14 bytes: malformed (header lengths "
			       "contradict each other)\n"));
	free(memory.printed);
}

/* A healthy node with one branch. */
static void make_status(struct bg_status *status, struct bg_branch_status *branch)
{
	*branch = (struct bg_branch_status){ .row = branch_row(), .ifindex_now = 14 };
	*status = (struct bg_status){
		.control = { .abi = BG_ABI, .revision = 42, .feed_revision = "a \"b\"" },
		.daemon_runs = true,
		.now_boottime_ns = 10 * S,
		.branches = branch,
		.branch_count = 1,
		.flow_capacity = 1000,
		.fragment_capacity = 100,
	};
}

static void a_healthy_node_has_no_causes(void **state)
{
	struct bg_branch_status branch;
	struct bg_status status;
	struct bg_cause *causes = NULL;
	size_t count = 99;

	(void)state;
	make_status(&status, &branch);
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
	make_status(&status, &branch);
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
	assert_true(has_cause(&status, "node", "5 half-open flows gave way"));
}

static void metrics_are_well_formed(void **state)
{
	struct bg_branch_status branch;
	struct bg_status status;
	struct memory memory;

	(void)state;
	make_status(&status, &branch);
	branch.counters[BG_EGRESS].packets[BG_REASON_NO_RULE] = 7;
	open_memory(&memory);
	bg_metrics_print(memory.out, &status);
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

static void status_as_text(void **state)
{
	struct bg_branch_status branch;
	struct bg_status status;
	struct memory memory;

	(void)state;
	make_status(&status, &branch);
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

static void status_as_json(void **state)
{
	struct bg_branch_status branch;
	struct bg_status status;
	json_t *json, *first;

	(void)state;
	make_status(&status, &branch);
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
		cmocka_unit_test(counts),
		cmocka_unit_test(short_counts_fit_columns),
		cmocka_unit_test(bytes),
		cmocka_unit_test(durations),
		cmocka_unit_test(endpoints),
		cmocka_unit_test(ports),
		cmocka_unit_test(rules),
		cmocka_unit_test(flow_states),
		cmocka_unit_test(time_left),
		cmocka_unit_test(names),
		cmocka_unit_test(tables_fit_what_is_in_them),
		cmocka_unit_test(tables_do_not_drive_the_terminal),
		cmocka_unit_test(flows_as_lines),
		cmocka_unit_test(flows_as_json),
		cmocka_unit_test(events_as_lines),
		cmocka_unit_test(a_healthy_node_has_no_causes),
		cmocka_unit_test(causes_name_what_is_wrong),
		cmocka_unit_test(metrics_are_well_formed),
		cmocka_unit_test(status_as_text),
		cmocka_unit_test(status_as_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
