// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Flows and events, as people and programs read them. */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "model_maker.h"
#include "show/event_filter.h"
#include "show/event_text.h"
#include "show/flow_text.h"
#include "showing.h"
#include "test.h"

#define S 1000000000ull /* ns */

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

static struct bg_flow some_flow(void)
{
	return (struct bg_flow){
		.key = { .local = maker_addr("10.0.47.90"),
			 .remote = maker_addr("10.0.9.5"),
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
	const struct bg_branch_row branch = some_branch();
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
	const struct bg_branch_row branch = some_branch();
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

static struct bg_event some_event(void)
{
	return (struct bg_event){
		.type = BG_EVENT_DROP,
		.reason = BG_REASON_NO_RULE,
		.direction = BG_EGRESS,
		.vlan = 9,
		.ifindex = 4,
		.revision = 7,
		.length_bytes = 60,
		.local = maker_addr("10.0.47.90"),
		.remote = maker_addr("10.0.9.5"),
		.local_port = htons(43210),
		.remote_port = htons(5432),
		.protocol = IPPROTO_TCP,
	};
}

static const struct bg_event_names dropped = { .time = "2026-11-27T01:02:03.004Z",
					       .reason = "no-rule",
					       .branch = "eni-0b2c",
					       .groups = "sg-1,sg-2" };
static const struct bg_event_names admitted = { .time = "2026-11-27T01:02:03.004Z",
						.reason = "rule",
						.branch = "eni-0b2c",
						.groups = "sg-1,sg-2",
						.group_id = "sg-1",
						.rule_id = "sgr-1",
						.rule_text = "sg-1 sgr-1" };
static const struct bg_event_names unparsed = { .time = "2026-11-27T01:02:03.004Z",
						.reason = "malformed" };

/* As it is, and as it is read back from its JSON. */
static void expect_event(const struct bg_event *event, const struct bg_event_names *names,
			 const char *text)
{
	struct bg_json_writer writer = {};
	struct bg_event_names read_names;
	struct bg_event read;
	struct memory memory;
	char groups[BG_EVENT_GROUPS_BYTES];
	json_t *json;

	open_memory(&memory);
	bg_event_print(memory.out, event, names);
	expect_printed(&memory, text);
	bg_event_write(&writer, event, names);
	assert_false(writer.failed);
	json = json_loadb(writer.text, writer.length_bytes, 0, NULL);
	assert_non_null(json);
	assert_true(bg_event_read(json, &read, &read_names, groups));
	open_memory(&memory);
	bg_event_print(memory.out, &read, &read_names);
	expect_printed(&memory, text);
	json_decref(json);
	bg_json_writer_free(&writer);
}

static void events_as_lines(void **state)
{
	struct bg_event_names names = dropped;
	struct bg_event event = some_event();

	(void)state;
	expect_event(&event, &names,
		     "2026-11-27T01:02:03.004Z drop eni-0b2c       egress  tcp 10.0.47.90:43210 -> "
		     "10.0.9.5:5432 60 bytes: no-rule in sg-1,sg-2\n");
	names.groups = "";
	expect_event(&event, &names,
		     "2026-11-27T01:02:03.004Z drop eni-0b2c       egress  tcp 10.0.47.90:43210 -> "
		     "10.0.9.5:5432 60 bytes: no-rule, the branch has no groups\n");
	event.type = BG_EVENT_FLOW;
	event.reason = BG_REASON_RULE;
	event.direction = BG_INGRESS;
	expect_event(&event, &admitted,
		     "2026-11-27T01:02:03.004Z flow eni-0b2c       ingress tcp 10.0.47.90:43210 <- "
		     "10.0.9.5:5432 60 bytes: rule, sg-1 sgr-1\n");
	event.protocol = IPPROTO_ICMPV6;
	event.icmp_type = 128;
	event.local = maker_addr("2001:db8::1");
	expect_event(&event, &admitted,
		     "2026-11-27T01:02:03.004Z flow eni-0b2c       ingress icmpv6 2001:db8::1 <- "
		     "10.0.9.5 type 128 code 0 60 bytes: rule, sg-1 sgr-1\n");
	/* what could not be parsed, on no branch */
	event = (struct bg_event){ .type = BG_EVENT_DROP,
				   .reason = BG_REASON_MALFORMED,
				   .length_bytes = 14 };
	expect_event(
		&event, &unparsed,
		"2026-11-27T01:02:03.004Z drop (no branch)    ingress 14 bytes: malformed (header "
		"lengths contradict each other)\n");
}

static void events_as_json(void **state)
{
	struct bg_json_writer writer = {};
	struct bg_event event = some_event();
	struct bg_event_names names = admitted;

	(void)state;
	bg_event_write(&writer, &event, &dropped);
	bg_json_raw(&writer, "", 1);
	assert_string_equal(
		writer.text,
		"{\"time\":\"2026-11-27T01:02:03.004Z\",\"event\":\"drop\","
		"\"branch\":\"eni-0b2c\",\"vlan\":9,\"ifindex\":4,"
		"\"direction\":\"egress\",\"protocol\":\"tcp\",\"local\":\"10.0.47.90\","
		"\"remote\":\"10.0.9.5\",\"local_port\":43210,\"remote_port\":5432,"
		"\"length_bytes\":60,\"reason\":\"no-rule\",\"groups\":[\"sg-1\",\"sg-2\"],"
		"\"rule\":null,\"group_id\":null,\"rule_id\":null,\"rule_text\":null,"
		"\"revision\":7}");
	/* a name that a feed chose to look like something else */
	bg_json_clear(&writer);
	names.group_id = "\",\"event\":\"lost\",\"x\":\"\033[2J";
	bg_event_write(&writer, &event, &names);
	bg_json_raw(&writer, "", 1);
	assert_non_null(strstr(writer.text, "\"group_id\":\"\\\",\\\"event\\\":\\\"lost\\\",\\\"x\\"
					    "\":\\\"\\u001B[2J\""));
	assert_null(strstr(writer.text, "\"event\":\"lost\""));
	bg_json_writer_free(&writer);
}

static bool wants(const char *request, const struct bg_event *event)
{
	json_t *json = json_loads(request, 0, NULL);
	struct bg_event_filter filter;
	struct bg_error err;
	const char *branch;
	bool wanted;

	assert_int_equal(bg_event_filter_read(json, &filter, &branch, &err), 0);
	wanted = bg_event_wanted(&filter, event);
	json_decref(json);
	return wanted;
}

static void expect_no_filter(const char *request, const char *says)
{
	json_t *json = json_loads(request, 0, NULL);
	struct bg_event_filter filter;
	struct bg_error err;
	const char *branch;

	assert_int_equal(bg_event_filter_read(json, &filter, &branch, &err), -EINVAL);
	assert_non_null(strstr(err.text, says));
	json_decref(json);
}

static void events_are_chosen(void **state)
{
	struct bg_event_filter filter = { .vlan = 10 };
	struct bg_event event = some_event();

	(void)state;
	assert_true(wants("{}", &event));
	assert_true(wants("{\"drops_only\":true}", &event));
	assert_false(wants("{\"flows_only\":true}", &event));
	assert_true(wants("{\"reasons\":\"spoofed,no-rule\"}", &event));
	assert_false(wants("{\"reasons\":\"spoofed\"}", &event));
	assert_false(bg_event_wanted(&filter, &event));
	event.type = BG_EVENT_FLOW;
	assert_false(wants("{\"drops_only\":true,\"other\":1}", &event));
	expect_no_filter("{\"drops_only\":1}", "drops_only: expected true or false");
	expect_no_filter("{\"reasons\":[]}", "reasons: expected a string");
	expect_no_filter("{\"reasons\":\"nope\"}", "reasons 'nope': expected names");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flow_states),	     cmocka_unit_test(time_left),
		cmocka_unit_test(flows_as_lines),    cmocka_unit_test(flows_as_json),
		cmocka_unit_test(events_as_lines),   cmocka_unit_test(events_as_json),
		cmocka_unit_test(events_are_chosen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
