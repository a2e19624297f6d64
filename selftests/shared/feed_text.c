// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Reads the feeds that tests write, and writes models as text. Unit and packet tests
 * call it; what a feed means only the parser says, nothing is worked out here.
 */
#include "feed_text.h"

#include "test.h"

const char *const feed_example =
	"{ 'FeedVersion': 1, 'Revision': '2026-11-23T10:00:00Z/42',"
	"  'Node': { 'Name': 'ip-10-0-1-10', 'PrimaryInterface': 'eth0', 'TrunkInterface': 'eth1',"
	"            'Addresses': ['10.0.1.10'], 'GroupIds': ['sg-0node'],"
	"            'VpcCidrs': ['10.0.0.0/16'], 'ServiceCidrs': ['172.20.0.0/16'],"
	"            'ExternalSnat': true, 'ExcludeSnatCidrs': ['192.168.0.0/16'],"
	"            'LocalServices': [{'Address': '169.254.20.10', 'Protocol': 'udp', 'Port': 53}],"
	"            'ConnectionTracking': {'TcpEstablishedTimeout': 351, 'UdpTimeout': 31,"
	"                                   'UdpStreamTimeout': 181} },"
	"  'DefaultGroupIds': ['sg-0cluster'],"
	"  'SecurityGroups': ["
	"    { 'GroupId': 'sg-0aa11', 'GroupName': 'pay',"
	"      'IpPermissions': [ {'IpProtocol': 'tcp', 'FromPort': 5432, 'ToPort': 5432,"
	"        'IpRanges': [{'CidrIp': '10.0.0.0/16', 'Description': 'vpc'}],"
	"        'Ipv6Ranges': [{'CidrIpv6': '2001:db8::/48'}],"
	"        'PrefixListIds': [{'PrefixListId': 'pl-0e5'}],"
	"        'UserIdGroupPairs': [{'GroupId': 'sg-0bb22', 'UserId': '111122223333'}]} ],"
	"      'IpPermissionsEgress': [ {'IpProtocol': '-1',"
	"                                'IpRanges': [{'CidrIp': '0.0.0.0/0'}]} ] },"
	"    { 'GroupId': 'sg-0node' }, { 'GroupId': 'sg-0cluster' } ],"
	"  'SecurityGroupRules': [ {'SecurityGroupRuleId': 'sgr-01', 'GroupId': 'sg-0aa11',"
	"     'IsEgress': false, 'IpProtocol': 'tcp', 'FromPort': 5432, 'ToPort': 5432,"
	"     'CidrIpv4': '10.0.0.0/16'} ],"
	"  'PrefixLists': [ {'PrefixListId': 'pl-0e5',"
	"     'Entries': [{'Cidr': '192.0.2.0/24', 'Description': 'dc1'}]} ],"
	"  'NetworkInterfaces': [ {'NetworkInterfaceId': 'eni-0a1b',"
	"     'Groups': [{'GroupId': 'sg-0bb22'}],"
	"     'PrivateIpAddresses': [{'PrivateIpAddress': '10.0.47.82'}],"
	"     'Ipv6Addresses': [{'Ipv6Address': '2001:db8::7c'}],"
	"     'Ipv4Prefixes': [{'Ipv4Prefix': '10.0.48.0/28'}], 'Ipv6Prefixes': []} ],"
	"  'Branches': [ { 'Id': 'eni-0b2c', 'VlanId': 9, 'Interface': 'vlan.eth.9',"
	"     'Mode': 'strict', 'GroupIds': ['sg-0aa11'],"
	"     'Pods': [ {'Namespace': 'shop', 'Name': 'cart-0',"
	"                'Addresses': ['10.0.47.90', '2001:db8::90'],"
	"                'HostInterface': 'vlan0365022ad4d',"
	"                'Probes': [{'Protocol': 'tcp', 'Port': 8080}]} ] } ] }";

char *json_of(const char *text, size_t *length)
{
	char *json;

	*length = strlen(text);
	json = malloc(*length ? *length : 1);
	assert_non_null(json);
	for (size_t i = 0; i < *length; i++)
		json[i] = text[i] == '\'' ? '"' : text[i];
	return json;
}

int feed_try(const char *text, struct bg_model **model, struct bg_error *err)
{
	size_t length;
	char *json = json_of(text, &length);
	int rc = bg_feed_parse("feed", json, length, model, NULL, err);

	free(json);
	return rc;
}

struct bg_model *feed_parse(const char *text)
{
	struct bg_model *model = NULL;
	struct bg_error err = {};

	if (feed_try(text, &model, &err))
		fail_msg("%s\n  -> %s", text, err.text);
	return model;
}

struct bg_model *feed_parse_all(const char *text)
{
	size_t length;
	char *json = json_of(text, &length);
	struct bg_model *model = NULL;
	struct bg_error err = {};

	if (bg_feed_parse_all("feed", json, length, &model, NULL, &err))
		fail_msg("%s\n  -> %s", text, err.text);
	free(json);
	return model;
}

/* The place in the text is tested by itself: of an error with a pointer, that alone. */
static const char *without_place(const char *error)
{
	const char *text = error + strspn(error, "0123456789:");

	return *text == ' ' && text[1] == '/' ? text + 1 : error;
}

const char *feed_error(const char *text, struct bg_error *err)
{
	struct bg_model *model = NULL;
	int rc = feed_try(text, &model, err);

	if (!rc) {
		bg_model_free(model);
		fail_msg("taken: %s", text);
	}
	assert_true(rc < 0);
	assert_null(model);
	if (strncmp(err->text, "feed:", 5) != 0)
		fail_msg("the error does not name the feed: %s", err->text);
	return without_place(err->text + 5 + (err->text[5] == ' '));
}

static void describe_groups(FILE *out, const struct bg_model *model)
{
	for (size_t i = 0; i < model->group_count; i++) {
		const struct bg_group *group = &model->groups[i];

		fprintf(out, "group %s%s%s%s\n", group->id, group->name ? " " : "",
			group->name ? group->name : "", group->known ? "" : " (unknown)");
		for (size_t k = 0; k < group->rule_count; k++) {
			const struct bg_model_rule *rule = &model->rules[group->first_rule + k];

			assert_int_equal(rule->group, i);
			fprintf(out, "  %s %s %d %d-%d %s\n", rule->rule_id ? rule->rule_id : "-",
				rule->direction == BG_INGRESS ? "ingress" : "egress",
				rule->protocol, rule->from_port, rule->to_port,
				model->sets[rule->set].name);
		}
	}
}

static void describe_sets(FILE *out, const struct bg_model *model)
{
	for (size_t i = 0; i < model->set_count; i++) {
		const struct bg_set *set = &model->sets[i];

		fprintf(out, "set %s:%s", set->name, set->resolved ? "" : " (unresolved)");
		for (size_t k = 0; k < set->prefix_count; k++) {
			char text[BG_IP_TEXT];

			fprintf(out, " %s", bg_prefix_format(&set->prefixes[k], text));
		}
		fputc('\n', out);
	}
}

static void describe_pod(FILE *out, const struct bg_model_pod *pod)
{
	fprintf(out, "  pod %s/%s %s:", pod->namespace, pod->name, pod->host_interface);
	for (size_t i = 0; i < pod->address_count; i++) {
		char text[BG_IP_TEXT];

		fprintf(out, " %s", bg_addr_format(&pod->addresses[i], text));
	}
	for (size_t i = 0; i < pod->probe_count; i++)
		fprintf(out, " (%d/%d)", pod->probes[i].protocol, pod->probes[i].port);
	fputc('\n', out);
}

static void describe_branches(FILE *out, const struct bg_model *model)
{
	for (size_t i = 0; i < model->branch_count; i++) {
		const struct bg_model_branch *branch = &model->branches[i];

		fprintf(out, "branch %s %d %s %s:", branch->id, branch->vlan, branch->interface,
			branch->mode == BG_STRICT ? "strict" : "standard");
		for (size_t k = 0; k < branch->group_count; k++)
			fprintf(out, " %s", model->groups[branch->groups[k]].id);
		fputc('\n', out);
		for (size_t k = 0; k < branch->pod_count; k++)
			describe_pod(out, &branch->pods[k]);
	}
}

char *feed_describe(const struct bg_model *model, int lines)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	if (lines & FEED_GROUPS)
		describe_groups(out, model);
	if (lines & FEED_SETS)
		describe_sets(out, model);
	if (lines & FEED_BRANCHES)
		describe_branches(out, model);
	for (size_t i = 0; i < model->warning_count && lines & FEED_WARNINGS; i++)
		fprintf(out, "warning %s: %s\n", model->warnings[i].pointer,
			model->warnings[i].text);
	assert_int_equal(fclose(out), 0);
	return text;
}

void feed_is(const char *text, int lines, const char *expected)
{
	struct bg_model *model = feed_parse(text);
	char *found = feed_describe(model, lines);

	bg_model_free(model);
	if (strcmp(found, expected) != 0)
		fail_msg("%s\n--- expected\n%s--- found\n%s", text, expected, found);
	free(found);
}
