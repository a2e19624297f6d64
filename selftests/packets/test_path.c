// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* explain --from --to: which interfaces judge a packet, and what is missing where. What the
 * other end says is judged with addresses that stand in for an interface's own: it must be
 * what a branch in the same groups would say. */
#include "base/names.h"
#include "explain/path.h"
#include "feed_text.h"
#include "test.h"

/* text and tables, to be read by row */
/* clang-format off */
#define NODE_AND(more) \
	"{'FeedVersion': 1," \
	" 'Node': {'PrimaryInterface': 'eth0', 'Addresses': ['10.0.1.10', '2001:db8::10']," \
	"   'VpcCidrs': ['10.0.0.0/16'], 'ServiceCidrs': ['172.20.0.0/16'], 'GroupIds': ['sg-node']," \
	"   'LocalServices': [{'Address': '169.254.20.10', 'Protocol': 'udp', 'Port': 53}]" more "}," \
	" 'SecurityGroups': [" \
	"   {'GroupId': 'sg-db', 'IpPermissions': [{'IpProtocol': 'tcp', 'FromPort': 5432," \
	"     'ToPort': 5432, 'UserIdGroupPairs': [{'GroupId': 'sg-web'}]}]}," \
	"   {'GroupId': 'sg-out', 'IpPermissions': [{'IpProtocol': 'tcp', 'FromPort': 443," \
	"     'ToPort': 443, 'IpRanges': [{'CidrIp': '10.0.1.10/32'}]}]}," \
	"   {'GroupId': 'sg-web', 'IpPermissionsEgress': [{'IpProtocol': '-1'," \
	"     'IpRanges': [{'CidrIp': '0.0.0.0/0'}], 'Ipv6Ranges': [{'CidrIpv6': '::/0'}]}]}," \
	"   {'GroupId': 'sg-node', 'IpPermissionsEgress': [{'IpProtocol': 'tcp', 'FromPort': 443," \
	"     'ToPort': 443, 'IpRanges': [{'CidrIp': '0.0.0.0/0'}]}]}]," \
	" 'PrefixLists': [{'PrefixListId': 'pl-wide', 'Entries': [{'Cidr': '198.51.0.0/16'}]}," \
	"   {'PrefixListId': 'pl-narrow', 'Entries': [{'Cidr': '198.51.100.0/24'}]}]," \
	" 'NetworkInterfaces': [" \
	"   {'NetworkInterfaceId': 'eni-rds', 'Groups': [{'GroupId': 'sg-db'}]," \
	"    'PrivateIpAddresses': [{'PrivateIpAddress': '10.0.3.30'}]}," \
	"   {'NetworkInterfaceId': 'eni-far', 'Groups': [{'GroupId': 'sg-web'}]," \
	"    'Ipv4Prefixes': [{'Ipv4Prefix': '10.0.48.0/28'}]," \
	"    'Ipv6Addresses': [{'Ipv6Address': '2001:db8::200'}]}," \
	"   {'NetworkInterfaceId': 'eni-both', 'Groups': [{'GroupId': 'sg-db'}, {'GroupId': 'sg-web'}]," \
	"    'PrivateIpAddresses': [{'PrivateIpAddress': '10.0.3.31'}]}," \
	"   {'NetworkInterfaceId': 'eni-peer', 'Groups': [{'GroupId': 'sg-peer'}]," \
	"    'PrivateIpAddresses': [{'PrivateIpAddress': '10.0.3.32'}]}," \
	"   {'NetworkInterfaceId': 'eni-nat', 'Groups': []," \
	"    'PrivateIpAddresses': [{'PrivateIpAddress': '10.0.3.33'}]}," \
	"   {'NetworkInterfaceId': 'eni-out', 'Groups': [{'GroupId': 'sg-out'}]," \
	"    'PrivateIpAddresses': [{'PrivateIpAddress': '192.0.2.9'}]}]," \
	" 'Branches': [" \
	"   {'Id': 'eni-db', 'VlanId': 9, 'Mode': 'strict', 'GroupIds': ['sg-db'], 'Pods': [" \
	"     {'Namespace': 'shop', 'Name': 'db-0', 'Addresses': ['10.0.47.90']," \
	"      'HostInterface': 'vlandb', 'Probes': [{'Protocol': 'tcp', 'Port': 8080}]}]}," \
	"   {'Id': 'eni-web', 'VlanId': 10, 'Mode': 'strict', 'GroupIds': ['sg-web'], 'Pods': [" \
	"     {'Namespace': 'shop', 'Name': 'web-0', 'Addresses': ['10.0.47.100', '2001:db8::100']," \
	"      'HostInterface': 'vlanweb'}]}," \
	"   {'Id': 'eni-bare', 'VlanId': 12, 'Mode': 'strict', 'GroupIds': [], 'Pods': [" \
	"     {'Namespace': 'test', 'Name': 'bare', 'Addresses': ['10.0.47.120']}," \
	"     {'Namespace': 'test', 'Name': 'twin', 'Addresses': ['10.0.47.121']}]}," \
	"   {'Id': 'eni-shut', 'VlanId': 13, 'Mode': 'strict', 'GroupIds': ['sg-out'], 'Pods': [" \
	"     {'Namespace': 'test', 'Name': 'shut', 'Addresses': ['10.0.47.130']}]}," \
	"   {'Id': 'eni-std', 'VlanId': 11, 'Mode': 'standard', 'GroupIds': ['sg-web'], 'Pods': [" \
	"     {'Namespace': 'shop', 'Name': 'std-0', 'Addresses': ['10.0.47.110']," \
	"      'HostInterface': 'enistd0'}," \
	"     {'Namespace': 'shop', 'Name': 'twin', 'Addresses': ['10.0.47.111']}]}]}"

/* `steps`: interface, reason, and so on; `missing` must be in what the first
 * denied step lacks. */
static const struct trip {
	const char *from, *to;
	int protocol, port;
	bool allowed;
	const char *steps, *missing, *words;
} trips[] = {
	{ "web-0", "shop/db-0", 6, 5432, true, "vlan.eth.10 rule, vlan.eth.9 rule", "", "fabric" },
	{ "10.0.47.100", "10.0.47.90", 6, 5433, false, "vlan.eth.10 rule, vlan.eth.9 no-rule",
	  "eni-db's groups (sg-db): ingress tcp 5433 from sg-web", "" },
	{ "db-0", "web-0", 6, 80, false, "vlan.eth.9 no-rule, vlan.eth.10 no-rule",
	  "egress tcp 80 to sg-web", "" },
	{ "db-0", "bare", 6, 80, false, "vlan.eth.9 no-rule, vlan.eth.12 no-rule",
	  "egress tcp 80 to 10.0.47.120/32", "" },
	{ "bare", "192.0.2.1", 17, 80, false, "vlan.eth.12 no-rule", "a group: eni-bare has none", "" },
	/* ends that this node does not enforce */
	{ "web-0", "10.0.3.30", 6, 5432, true, "vlan.eth.10 rule, eni-rds rule", "", "" },
	{ "web-0", "10.0.3.30", 6, 5433, false, "vlan.eth.10 rule, eni-rds no-rule",
	  "a rule of eni-rds's groups (sg-db): ingress tcp 5433 from sg-web", "" },
	{ "db-0", "10.0.3.30", 6, 5432, false, "vlan.eth.9 no-rule, eni-rds no-rule",
	  "a rule of eni-db's groups (sg-db): egress tcp 5432 to sg-db", "" },
	{ "10.0.48.7", "db-0", 6, 5432, true, "eni-far rule, vlan.eth.9 rule", "", "fabric" },
	{ "10.0.48.7", "db-0", 6, 80, false, "eni-far rule, vlan.eth.9 no-rule",
	  "ingress tcp 80 from sg-web", "fabric" },
	{ "2001:db8::200", "web-0", 6, 80, false, "eni-far rule, vlan.eth.10 no-rule",
	  "ingress tcp 80 from sg-web", "" },
	{ "10.0.3.31", "db-0", 6, 80, false, "eni-both rule, vlan.eth.9 no-rule",
	  "ingress tcp 80 from sg-db (or sg-web)", "" },
	/* one group of the feed allows it; another one, of which nothing is known, cannot deny */
	{ "web-0", "10.0.3.31", 6, 5432, true, "vlan.eth.10 rule, eni-both rule", "", "" },
	/* what the feed does not state is not guessed */
	{ "10.0.3.30", "web-0", 6, 80, false, "vlan.eth.10 no-rule", "ingress tcp 80 from sg-db",
	  "" },
	{ "web-0", "10.0.3.31", 6, 80, true, "vlan.eth.10 rule", "", "" },
	{ "web-0", "10.0.3.32", 6, 80, true, "vlan.eth.10 rule", "", "" },
	{ "web-0", "10.0.3.33", 6, 80, true, "vlan.eth.10 rule", "", "" },
	/* with the node's address, as the other end sees it */
	{ "std-0", "192.0.2.9", 6, 443, true, "enistd0 rule, eth0 rule, eni-out rule", "",
	  "source-NATed" },
	{ "web-0", "192.0.2.9", 6, 443, false, "vlan.eth.10 rule, eni-out no-rule",
	  "a rule of eni-out's groups (sg-out): ingress tcp 443 from sg-web", "" },
	/* lists before addresses, the narrowest first */
	{ "shut", "198.51.100.1", 6, 80, false, "vlan.eth.13 no-rule",
	  "egress tcp 80 to pl-narrow (or pl-wide)", "" },
	{ "shut", "198.51.1.1", 6, 80, false, "vlan.eth.13 no-rule", "egress tcp 80 to pl-wide", "" },
	{ "web-0", "2001:db8:ff::1", 6, 443, true, "vlan.eth.10 rule", "", "" },
	{ "192.0.2.1", "db-0", 6, 5432, false, "vlan.eth.9 no-rule",
	  "ingress tcp 5432 from 192.0.2.1/32", "fabric" },
	/* the node */
	{ "node", "db-0", 6, 8080, true, "eth0 probe", "", "straight to vlandb" },
	{ "10.0.1.10", "db-0", 6, 8081, false, "vlan.eth.9 no-rule",
	  "ingress tcp 8081 from 10.0.1.10/32", "fabric" },
	{ "node", "std-0", 6, 1, true, "", "", "not filtered" },
	{ "web-0", "node", 6, 10250, true, "vlan.eth.10 rule", "", "" },
	{ "web-0", "169.254.20.10", 17, 53, true, "vlanweb rule", "", "on the node" },
	{ "db-0", "169.254.20.10", 17, 53, false, "vlandb no-rule", "egress udp 53", "on the node" },
	{ "web-0", "169.254.20.10", 6, 53, true, "vlan.eth.10 rule", "", "" },
	/* standard pods */
	{ "std-0", "192.0.2.1", 6, 443, true, "enistd0 rule, eth0 rule", "", "source-NATed" },
	{ "std-0", "192.0.2.1", 6, 80, false, "enistd0 rule, eth0 no-node-rule",
	  "the node's groups (sg-node): egress tcp 80 to 192.0.2.1/32", "source-NATed" },
	{ "std-0", "10.0.99.1", 6, 443, true, "vlan.eth.11 rule", "", "" },
	{ "std-0", "10.0.99.1", 6, 80, false, "vlan.eth.11 no-node-rule", "the node's groups", "" },
	{ "std-0", "shop/twin", 6, 80, true, "", "", "not filtered" },
	{ "std-0", "node", 6, 80, true, "", "", "not filtered" },
	{ "std-0", "db-0", 6, 5432, false, "vlan.eth.11 no-node-rule, vlan.eth.9 rule",
	  "the node's groups", "fabric" },
};

/* with ExternalSnat and "per-interface" */
static const struct trip per_interface[] = {
	{ "std-0", "192.0.2.1", 6, 80, true, "vlan.eth.11 rule", "", "" },
	{ "std-0", "db-0", 6, 5432, true, "vlan.eth.11 rule, vlan.eth.9 rule", "", "" },
};
/* clang-format on */

static struct bg_question service_of(const struct trip *trip)
{
	return (struct bg_question){ .protocol = trip->protocol,
				     .port = trip->port,
				     .icmp_type = -1 };
}

static void go(struct bg_model *model, const struct trip *trip, struct bg_explainer *shared,
	       struct bg_ends *ends)
{
	struct bg_path path = { .model = model,
				.shared_explainer = shared,
				.shared_ends = ends,
				.from_name = trip->from,
				.to_name = trip->to,
				.question = service_of(trip),
				.words = &bg_question_keys };
	char steps[256] = "", missing[BG_MISSING_TEXT] = "", text[BG_MISSING_TEXT];
	struct bg_missing lacks;
	struct bg_error err;
	size_t length = 0;

	if (bg_explain_path(&path, &err))
		fail_msg("%s to %s: %s", trip->from, trip->to, err.text);
	for (size_t i = 0; i < path.step_count; i++) {
		const struct bg_path_step *step = &path.steps[i];

		length += (size_t)snprintf(steps + length, sizeof(steps) - length, "%s%s %s",
					   i ? ", " : "", step->interface,
					   bg_reason_name(step->side.answer.reason));
		assert_int_equal(!bg_ends_missing(path.ends, &step->side, &lacks),
				 step->side.answer.allowed);
		assert_int_equal(step->enforced, strncmp(step->interface, "eni-", 4) != 0);
		if (!step->side.answer.allowed && !*missing)
			memcpy(missing, bg_missing_text(&lacks, text), sizeof(missing));
	}
	if (path.allowed != trip->allowed || strcmp(steps, trip->steps) != 0 ||
	    !strstr(missing, trip->missing) || !*missing != !*trip->missing ||
	    !strstr(path.between, trip->words))
		fail_msg("%s to %s %d/%d: %s by \"%s\", missing \"%s\", %s", trip->from, trip->to,
			 trip->protocol, trip->port, path.allowed ? "allow" : "deny", steps,
			 missing, path.between);
	bg_path_release(&path);
}

static void every_interface_on_the_way(void **state)
{
	struct bg_model *model = feed_parse_all(NODE_AND(""));

	(void)state;
	for (size_t i = 0; i < sizeof(trips) / sizeof(trips[0]); i++)
		go(model, &trips[i], NULL, NULL);
	bg_model_free(model);
}

static void one_interface_a_packet(void **state)
{
	struct bg_model *model =
		feed_parse_all(NODE_AND(", 'ExternalSnat': true, 'StandardMode': 'per-interface'"));

	(void)state;
	for (size_t i = 0; i < sizeof(per_interface) / sizeof(per_interface[0]); i++)
		go(model, &per_interface[i], NULL, NULL);
	bg_model_free(model);
}

/* What one datapath with all programs says of many paths is what each says of its own. */
static void many_paths_by_one_datapath(void **state)
{
	struct bg_model *model = feed_parse_all(NODE_AND(""));
	struct bg_explainer *explainer = NULL;
	struct bg_ends *ends = NULL;
	struct bg_error err;

	(void)state;
	if (bg_path_open_all(model, NULL, &explainer, &ends, &err))
		fail_msg("%s", err.text);
	for (int again = 0; again < 2; again++)
		for (size_t i = 0; i < sizeof(trips) / sizeof(trips[0]); i++)
			go(model, &trips[i], explainer, ends);
	bg_ends_close(ends);
	bg_explainer_close(explainer);
	bg_model_free(model);
}

static void ends_that_make_no_path(void **state)
{
	static const struct {
		const char *from, *to, *says;
		int code;
	} cases[] = {
		{ "nobody", "db-0", "no pod of the feed", -ENOENT },
		{ "web-0", "", "no pod of the feed", -ENOENT },
		{ "twin", "db-0", "name the namespace", -EINVAL },
		{ "192.0.2.1", "node", "neither end", -EINVAL },
		{ "web-0", "10.0.47.100", "same pod", -EINVAL },
		{ "db-0", "2001:db8::1", "one family", -EINVAL },
		{ "web-0", "172.20.0.1", "service address", -EINVAL },
		{ "web-0", "::ffff:10.0.2.20", "as IPv4: 10.0.2.20", -EINVAL },
	};
	struct bg_model *model = feed_parse_all(NODE_AND(""));

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bg_path path = { .model = model,
					.from_name = cases[i].from,
					.to_name = cases[i].to,
					.question = service_of(&trips[0]),
					.words = &bg_question_keys };
		struct bg_error err = {};
		int rc = bg_explain_path(&path, &err);

		bg_path_release(&path);

		if (rc != cases[i].code || !strstr(err.text, cases[i].says))
			fail_msg("%s to %s: %d, %s", cases[i].from, cases[i].to, rc, err.text);
	}
	bg_model_free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_interface_on_the_way),
		cmocka_unit_test(one_interface_a_packet),
		cmocka_unit_test(many_paths_by_one_datapath),
		cmocka_unit_test(ends_that_make_no_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
