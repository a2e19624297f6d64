// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the parser's process answers, and an answer of one that has gone wrong. */
#include "compile/compile.h"
#include "compile/registry.h"
#include "feed/wire.h"
#include "feed_text.h"
#include "test.h"

/* All that a feed can have, and few bytes. */
#define RICH                                                                                       \
	"{'FeedVersion':1,'Revision':'r-\xc3\xa9','Node':{'Name':'n','PrimaryInterface':'eth0',"   \
	"'TrunkInterface':'eth1','Addresses':['10.0.1.10'],'GroupIds':['sg-2'],"                   \
	"'VpcCidrs':['10.0.0.0/16'],'ServiceCidrs':['172.20.0.0/16'],'ExternalSnat':true,"         \
	"'ExcludeSnatCidrs':['10.9.0.0/16'],'ProbeSources':['169.254.7.127/32'],"                  \
	"'LocalServices':[{'Address':'169.254.20.10','Protocol':'udp','Port':53}]},"               \
	"'SecurityGroups':[{'GroupId':'sg-1','GroupName':'pay','IpPermissions':["                  \
	"{'IpProtocol':'tcp','FromPort':1,'ToPort':2,'IpRanges':[{'CidrIp':'10.0.0.0/9'}],"        \
	"'UserIdGroupPairs':[{'GroupId':'sg-9'},{'GroupId':'sg-1'}]},"                             \
	"{'IpProtocol':'icmp','FromPort':8,'ToPort':-1,'Ipv6Ranges':[{'CidrIpv6':'2001::/5'}]}]}," \
	"{'GroupId':'sg-2','IpPermissionsEgress':[{'IpProtocol':'-1',"                             \
	"'IpRanges':[{'CidrIp':'0.0.0.0/0'}]}]}],'Branches':[{'Id':'eni-1','VlanId':9,"            \
	"'Interface':'br9','Mode':'standard','GroupIds':['sg-1','sg-2'],"                          \
	"'Pods':[{'Namespace':'s','Name':'p','HostInterface':'h9',"                                \
	"'Addresses':['10.0.0.9','2001:db8::9'],'Probes':[{'Protocol':'tcp','Port':80}]}]}]}"

struct bytes {
	unsigned char *bytes;
	size_t length;
};

static struct bytes written(struct bg_model *model)
{
	struct bytes answer;
	struct bg_error err = {};

	if (bg_wire_write(&(struct bg_wire_answer){ .model = model }, &answer.bytes, &answer.length,
			  &err))
		fail_msg("%s", err.text);
	return answer;
}

static struct bytes written_of(const char *text)
{
	struct bg_model *model = feed_parse(text);
	struct bytes answer = written(model);

	bg_model_free(model);
	return answer;
}

static struct bg_model *read_back(const struct bytes *answer)
{
	struct bg_wire_answer read;
	struct bg_error err = {};

	if (bg_wire_read(answer->bytes, answer->length, &read, &err))
		fail_msg("%s", err.text);
	assert_int_equal(read.rc, 0);
	return read.model;
}

static void is_read_as_it_was_written(const char *text)
{
	struct bg_model *model = feed_parse(text), *read;
	struct bytes answer = written(model), again;
	char *before, *after;

	read = read_back(&answer);
	before = feed_describe(model, FEED_ALL);
	after = feed_describe(read, FEED_ALL);
	assert_string_equal(before, after);
	assert_int_equal(model->member_count, read->member_count);
	/* that is not all of it, but this is */
	again = written(read);
	assert_int_equal(answer.length, again.length);
	assert_memory_equal(answer.bytes, again.bytes, answer.length);
	free(before);
	free(after);
	free(answer.bytes);
	free(again.bytes);
	bg_model_free(model);
	bg_model_free(read);
}

static void a_model_is_read_as_it_was_written(void **state)
{
	(void)state;
	is_read_as_it_was_written(feed_example);
	is_read_as_it_was_written(RICH);
	is_read_as_it_was_written("{'FeedVersion':1,'SecurityGroups':[]}");
}

static void a_refusal_is_read_as_it_was_written(void **state)
{
	struct bg_wire_answer answer = { .rc = -ERANGE, .why = { "feed: found \"\xe2\x82\xac\"" } };
	struct bg_wire_answer read;
	struct bg_error err = {};
	struct bytes bytes;

	(void)state;
	bg_problems_add(&answer.errors, "/Node", (struct bg_place){ 7, 9 }, "first");
	bg_problems_add(&answer.errors, "", (struct bg_place){}, "second");
	answer.errors.more = 5;
	assert_int_equal(bg_wire_write(&answer, &bytes.bytes, &bytes.length, &err), 0);
	assert_int_equal(bg_wire_read(bytes.bytes, bytes.length, &read, &err), 0);
	assert_int_equal(read.rc, -ERANGE);
	assert_null(read.model);
	assert_string_equal(read.why.text, answer.why.text);
	assert_int_equal(read.errors.count, 2);
	assert_int_equal(read.errors.more, 5);
	assert_string_equal(read.errors.problem[0].pointer, "/Node");
	assert_string_equal(read.errors.problem[0].text, "first");
	assert_int_equal(read.errors.problem[0].place.line, 7);
	assert_int_equal(read.errors.problem[0].place.column, 9);
	assert_string_equal(read.errors.problem[1].text, "second");
	bg_wire_answer_free(&answer);
	bg_wire_answer_free(&read);
	free(bytes.bytes);
}

/* What of a model that was read is used: a sanitizer sees a step beyond it. */
static void use(struct bg_model *model)
{
	struct bg_registry *registry = bg_registry_new(100, 100);
	struct bg_image *image = NULL;
	struct bg_error err = {};

	for (size_t i = 0; i < model->group_count; i++)
		for (size_t k = 0; k < model->groups[i].rule_count; k++)
			assert_int_equal(model->rules[model->groups[i].first_rule + k].group, i);
	if (!bg_registry_assign(registry, model, &err) &&
	    !bg_compile(model, 1, 1 << 13, &image, &err))
		bg_image_free(image);
	bg_registry_free(registry);
	bg_model_free(model);
}

/* Exact bytes of the heap, so that a sanitizer sees a step beyond them. Returns the rc. */
static int try_bytes(const unsigned char *bytes, size_t length)
{
	unsigned char *copy = malloc(length ? length : 1);
	struct bg_wire_answer answer;
	struct bg_error err = {};
	int rc;

	memcpy(copy, bytes, length);
	rc = bg_wire_read(copy, length, &answer, &err);
	free(copy);
	if (rc)
		assert_true(!answer.model && *err.text);
	else if (answer.model)
		use(answer.model);
	bg_problems_free(&answer.errors);
	return rc;
}

static void an_answer_that_is_cut_is_none(void **state)
{
	struct bytes answer = written_of(RICH);
	void *longer;

	(void)state;
	for (size_t length = 0; length < answer.length; length++)
		assert_int_equal(try_bytes(answer.bytes, length), -EPROTO);
	longer = calloc(1, answer.length + 1);
	assert_non_null(longer);
	memcpy(longer, answer.bytes, answer.length);
	assert_int_equal(try_bytes(longer, answer.length + 1), -EPROTO);
	free(longer);
	free(answer.bytes);
}

static void an_answer_with_a_wrong_byte_does_no_harm(void **state)
{
	static const unsigned char values[] = { 0, 1, 2, 0x20, 0x7f, 0x80, 0xc0, 0xff };
	struct bytes answer = written_of(RICH);
	size_t refused = 0, tried = 0;

	(void)state;
	for (size_t i = 0; i < answer.length; i++) {
		unsigned char was = answer.bytes[i];

		for (size_t k = 0; k < sizeof(values); k++) {
			int rc;

			if (values[k] == was)
				continue;
			answer.bytes[i] = values[k];
			rc = try_bytes(answer.bytes, answer.length);
			assert_true(!rc || rc == -EPROTO);
			refused += rc != 0;
			tried++;
		}
		answer.bytes[i] = was;
	}
	assert_true(refused > tried / 2);
	free(answer.bytes);
}

/* The same model with one thing in it that must not be so. */
static void is_not_written(const char *what, void (*spoil)(struct bg_model *model))
{
	struct bg_model *model = feed_parse(RICH);
	unsigned char *bytes = NULL;
	struct bg_error err = {};
	size_t length;
	char wanted[128];

	spoil(model);
	assert_int_equal(bg_wire_write(&(struct bg_wire_answer){ .model = model }, &bytes, &length,
				       &err),
			 -EINVAL);
	snprintf(wanted, sizeof(wanted), "handing over the feed: %s is not as it must be", what);
	assert_string_equal(err.text, wanted);
	assert_null(bytes);
	bg_model_free(model);
}

#define SPOILER(name, change)                                                                      \
	static void name(struct bg_model *model)                                                   \
	{                                                                                          \
		change;                                                                            \
	}
SPOILER(direction, model->rules[0].direction = 2)
SPOILER(rule_group, model->rules[0].group = 1)
SPOILER(rule_set, model->rules[2].set = model->set_count)
SPOILER(first_rule, model->groups[1].first_rule = 1)
SPOILER(rule_count, model->groups[1].rule_count = 0)
SPOILER(ports, model->rules[0].from_port = 3)
SPOILER(no_port, model->rules[0].from_port = -1)
SPOILER(type, model->rules[3].from_port = 256)
SPOILER(any_type, model->rules[3].from_port = -1; model->rules[3].to_port = 0)
SPOILER(all_ports, model->rules[4].to_port = 80)
SPOILER(length, model->sets[0].prefixes[0].length = 129)
SPOILER(host_bits, model->sets[0].prefixes[0].addr.byte[13] |= 1)
SPOILER(unresolved, model->sets[0].resolved = false)
SPOILER(vlan, model->branches[0].vlan = BG_VLANS - 1)
SPOILER(no_vlan, model->branches[0].vlan = 0)
SPOILER(mode, memset(&model->branches[0].mode, 2, 1))
SPOILER(no_interface, model->branches[0].interface[0] = '\0')
SPOILER(way_up, strcpy(model->branches[0].interface, "../x"))
SPOILER(behind_name, model->branches[0].interface[15] = 'x')
SPOILER(no_end, memset(model->branches[0].interface, 'x', 16))
SPOILER(veth, strcpy(model->branches[0].pods[0].host_interface, "a b"))
SPOILER(no_id, model->branches[0].id[0] = '\0')
SPOILER(long_id, free(model->branches[0].id); model->branches[0].id = calloc(1, 200);
	memset(model->branches[0].id, 'x', 128))
SPOILER(two_lines, model->branches[0].id[3] = '\n')
SPOILER(escape, model->groups[0].name[0] = '\x1b')
SPOILER(two_revisions, model->revision[1] = '\n')
SPOILER(no_words, free(model->sets[0].name); model->sets[0].name = NULL)
SPOILER(not_utf8, model->branches[0].id[0] = '\xff')
SPOILER(cut_utf8, memcpy(model->branches[0].id + 3, "\xe2\x82", 3))
SPOILER(long_utf8, memcpy(model->branches[0].id + 3, "\xc0\x80", 3))
SPOILER(unknown_group, model->branches[0].groups[1] = 3)
SPOILER(group_twice, model->branches[0].groups[1] = 0)
SPOILER(timeout, model->branches[0].timeouts.udp_s = 432001)
SPOILER(probe, model->branches[0].pods[0].probes[0].port = 65536)
SPOILER(service_port, model->node.local_services[0].port = -1)

static void a_model_that_is_not_whole_is_not_handed_over(void **state)
{
	(void)state;
	is_not_written("a rule's direction", direction);
	is_not_written("a group's rules", rule_group);
	is_not_written("a rule", rule_set);
	is_not_written("a group's rules", first_rule);
	is_not_written("the rules", rule_count);
	is_not_written("a rule's ports", ports);
	is_not_written("a rule's ports", no_port);
	is_not_written("a rule's type", type);
	is_not_written("a rule's type", any_type);
	is_not_written("a rule's ports", all_ports);
	is_not_written("a prefix", length);
	is_not_written("a prefix", host_bits);
	is_not_written("a set", unresolved);
	is_not_written("a branch's VLAN", vlan);
	is_not_written("a branch's VLAN", no_vlan);
	is_not_written("a branch's mode", mode);
	is_not_written("a branch's interface", no_interface);
	is_not_written("a branch's interface", way_up);
	is_not_written("a branch's interface", behind_name);
	is_not_written("a branch's interface", no_end);
	is_not_written("a pod's interface", veth);
	is_not_written("a branch's id", no_id);
	is_not_written("a branch's id", long_id);
	is_not_written("a branch's id", two_lines);
	is_not_written("a group's name", escape);
	is_not_written("the revision", two_revisions);
	is_not_written("a set's name", no_words);
	is_not_written("a branch's id", not_utf8);
	is_not_written("a branch's id", cut_utf8);
	is_not_written("a branch's id", long_utf8);
	is_not_written("a group", unknown_group);
	is_not_written("the order of groups", group_twice);
	is_not_written("a time-out", timeout);
	is_not_written("a probe's port", probe);
	is_not_written("a service's port", service_port);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_model_is_read_as_it_was_written),
		cmocka_unit_test(a_refusal_is_read_as_it_was_written),
		cmocka_unit_test(an_answer_that_is_cut_is_none),
		cmocka_unit_test(an_answer_with_a_wrong_byte_does_no_harm),
		cmocka_unit_test(a_model_that_is_not_whole_is_not_handed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
