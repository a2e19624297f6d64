// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Flows and events, as people and programs read them. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <time.h>

#include "base/clock.h"
#include "base/ip.h"
#include "base/names.h"
#include "model_maker.h"
#include "protocol.h"
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

/* The same by the library, for comparison. */
static int set(json_t *object, const char *key, json_t *value)
{
	return json_object_set_new(object, key, value);
}

static int set_ports(json_t *object, const struct bg_flow *flow)
{
	__u16 local = ntohs(flow->key.local_port), remote = ntohs(flow->key.remote_port);

	if (bg_has_ports(flow->key.protocol))
		return set(object, "local_port", json_integer(local))
			       ?: set(object, "remote_port", json_integer(remote));
	if (bg_is_icmp(flow->key.protocol))
		return set(object, "icmp_id", json_integer(local))
			       ?: set(object, "icmp_type",
				      json_integer(flow->key.remote_port & 0xff));
	return 0;
}

static int set_rule(json_t *object, __u32 number, const struct bg_flow_names *names)
{
	const struct bg_rule *rule = number && number < names->rule_count &&
						     names->rules[number].group[0]
					     ? &names->rules[number]
					     : NULL;

	return set(object, "rule", number ? json_integer(number) : json_null()) ?:
	       set(object, "group_id", rule ? bg_json_text(rule->group) : json_null()) ?:
	       set(object, "rule_id",
		   rule && rule->rule_id[0] ? bg_json_text(rule->rule_id) : json_null());
}

static json_t *next_by_library(const struct bg_flow *flow, const struct bg_flow_names *names)
{
	const bool egress = flow->next.flags & BG_FLOW_EGRESS;
	json_t *next;

	if (!(flow->flags & BG_FLOW_NEXT))
		return json_null();
	next = json_object();
	if (next && !(set(next, "direction", json_string(egress ? "egress" : "ingress")) ?:
		      set_rule(next, flow->next.rule, names) ?:
		      set(next, "revision", json_integer(flow->next.revision))))
		return next;
	json_decref(next);
	return NULL;
}

/* To the millisecond: the clock's tick makes the rest meaningless. */
static __u64 since_ns(__u64 then_ns, __u64 now_ns)
{
	return now_ns > then_ns ? now_ns - then_ns : 0;
}

static json_t *seconds(__u64 duration_ns)
{
	const __u64 duration_ms = duration_ns / BG_NS_PER_MS;

	return json_real((double)duration_ms / 1000);
}

static json_t *by_direction(__u64 ingress, __u64 egress)
{
	return json_pack("{s:I, s:I}", "ingress", (json_int_t)ingress, "egress",
			 (json_int_t)egress);
}

static json_t *flow_by_library(const struct bg_flow *flow, const struct bg_flow_names *names,
			       struct bg_calendar *calendar, __u64 now_ns)
{
	const struct bg_branch_row *branch =
		bg_branch_of_tag(names->branches, names->branch_count, flow->key.branch);
	char protocol[BG_PROTOCOL_TEXT], local[BG_IP_TEXT], remote[BG_IP_TEXT],
		text[BG_CALENDAR_TEXT];
	json_t *o = json_object();
	const __u32 flags = flow->flags;

	if (o &&
	    !(set(o, "branch", branch ? bg_json_text(branch->info.id) : json_null()) ?:
	      set(o, "vlan", branch ? json_integer(branch->vlan) : json_null()) ?:
	      set(o, "direction", json_string(bg_direction_name(bg_flow_direction(flow)))) ?:
	      set(o, "protocol",
		  json_string(bg_protocol_format(flow->key.protocol, protocol))) ?:
	      set(o, "local", json_string(bg_addr_format(&flow->key.local, local))) ?:
	      set(o, "remote", json_string(bg_addr_format(&flow->key.remote, remote))) ?:
	      set_ports(o, flow) ?:
	      set(o, "state", json_string(bg_flow_state(flow))) ?:
	      set_rule(o, flow->rule, names) ?:
	      set(o, "platform", json_boolean(flags & BG_FLOW_PLATFORM)) ?:
	      set(o, "probe", json_boolean(flags & BG_FLOW_PROBE)) ?:
	      set(o, "local_service", json_boolean(flags & BG_FLOW_LOCAL_SERVICE)) ?:
	      set(o, "midstream", json_boolean(flags & BG_FLOW_MIDSTREAM)) ?:
	      set(o, "revision", json_integer(flow->revision)) ?:
	      set(o, "next", next_by_library(flow, names)) ?:
	      set(o, "packets", by_direction(flow->packets[BG_INGRESS], flow->packets[BG_EGRESS])) ?:
	      set(o, "bytes", by_direction(flow->bytes[BG_INGRESS], flow->bytes[BG_EGRESS])) ?:
	      set(o, "created", json_string(bg_calendar_format(calendar, flow->created_ns, text))) ?:
	      set(o, "age_s", seconds(since_ns(flow->created_ns, now_ns))) ?:
	      set(o, "idle_s", seconds(since_ns(flow->last_seen_ns, now_ns))) ?:
	      set(o, "left_s", seconds(bg_flow_left_ns(flow, now_ns))) ?:
	      set(o, "timeout_s", json_integer(flow->timeout_s))))
		return o;
	json_decref(o);
	return NULL;
}

static __u64 random_number(void)
{
	__u64 number = ((__u64)rand() << 31 | (__u64)rand()) << 2 | (rand() & 3);

	return number >> rand() % 64;
}

static void random_bytes(void *to, size_t count)
{
	for (size_t i = 0; i < count; i++)
		((__u8 *)to)[i] = (__u8)rand();
}

static struct bg_flow random_flow(void)
{
	static const __u8 protocols[] = { IPPROTO_TCP,	  IPPROTO_UDP, IPPROTO_ICMP,
					  IPPROTO_ICMPV6, IPPROTO_GRE, 255 };
	struct bg_flow flow;

	random_bytes(&flow, sizeof(flow));
	flow.key.protocol = protocols[rand() % sizeof(protocols)];
	flow.key.branch = 1 + rand() % 4;
	flow.rule = rand() % 5;
	flow.next.rule = rand() % 5;
	if (rand() % 2)
		flow.key.local = maker_addr("10.0.47.90");
	if (rand() % 2)
		flow.key.remote = maker_addr(rand() % 2 ? "255.0.10.199" : "2001:db8::");
	flow.created_ns = random_number() >> 4;
	flow.last_seen_ns = random_number() >> 4;
	for (int i = 0; i < BG_DIRECTIONS; i++)
		flow.bytes[i] = random_number() >> 1; /* more the library does not write */
	return flow;
}

static void flows_as_json(void **state)
{
	struct bg_rule list[] = { {},
				  { .group = "sg-1", .rule_id = "sgr-1", .revision = 1 },
				  { .group = "sg \"\\\001\t", .revision = 1 },
				  { .group = "sg-\xff\xc3\xa4", .rule_id = "sgr-\xc3\xa4" } };
	struct bg_branch_row branches[] = { some_branch(), some_branch() };
	const struct bg_flow_names view = { branches, 2, list, 4 };
	struct bg_json_writer writer = {};
	struct bg_calendar calendar;

	(void)state;
	branches[1].info.tag = 2;
	branches[1].vlan = 10;
	bg_flow_sort_branches(branches, 2);
	assert_int_equal(branches[0].info.tag, 2);
	bg_calendar_open(&calendar);
	srand(8);
	for (int i = 0; i < 20000; i++) {
		struct bg_flow flow = random_flow();
		__u64 now_ns = random_number() >> 4;
		json_t *expected = flow_by_library(&flow, &view, &calendar, now_ns), *json;

		assert_non_null(expected);
		bg_json_clear(&writer);
		bg_flow_write(&writer, &flow, &view, &calendar, now_ns);
		json = json_loadb(writer.text, writer.length_bytes, JSON_REJECT_DUPLICATES, NULL);
		if (!json_equal(json, expected))
			fail_msg("%.*s\n%s", (int)writer.length_bytes, writer.text,
				 json_dumps(expected, JSON_COMPACT));
		json_decref(json);
		json_decref(expected);
	}
	bg_json_writer_free(&writer);
}

/* As the library has it, for a thousand years, and at the ends of a day. */
static void times_of_the_calendar(void **state)
{
	struct bg_calendar calendar = { .day = -1 };
	char text[BG_CALENDAR_TEXT], expected[64];

	(void)state;
	srand(9);
	for (int i = 0; i < 20000; i++) {
		__u64 s = random_number() % (290ull * 365 * 86400), ms = rand() % 1000;
		struct tm utc;
		size_t used;
		time_t time;

		if (i % 3 == 0) /* the first second of a day, or the last one */
			s = s - s % 86400 + (i % 2 ? 86399 : 0);
		time = (time_t)s;
		gmtime_r(&time, &utc);
		used = strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S", &utc);
		snprintf(expected + used, sizeof(expected) - used, ".%03uZ", (unsigned int)ms);
		assert_string_equal(bg_calendar_format(&calendar, (__u64)time * S + ms * S / 1000,
						       text),
				    expected);
	}
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
		"lengths contradict each other, or a checksum would spoil a header)\n");
}

static void events_as_json(void **state)
{
	struct bg_json_writer writer = {};
	struct bg_event event = some_event();
	struct bg_event_names names = admitted;

	(void)state;
	event.time_ns = 5;
	bg_event_write(&writer, &event, &dropped);
	bg_json_raw(&writer, "", 1);
	assert_string_equal(
		writer.text,
		"{\"time\":\"2026-11-27T01:02:03.004Z\",\"time_ns\":5,\"event\":\"drop\","
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
		cmocka_unit_test(flow_states),		 cmocka_unit_test(time_left),
		cmocka_unit_test(flows_as_lines),	 cmocka_unit_test(flows_as_json),
		cmocka_unit_test(times_of_the_calendar), cmocka_unit_test(events_as_lines),
		cmocka_unit_test(events_as_json),	 cmocka_unit_test(events_are_chosen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
