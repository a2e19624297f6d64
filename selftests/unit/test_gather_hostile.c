// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Answers that nobody would give: cut, deep, large, of wrong types, and what stands in them. */
#include "for_gather.h"
#include "test.h"

static void refused(const char *text, size_t length, const char *expected)
{
	struct bg_cluster cluster = {};
	char *copy = malloc(length + !length);
	struct bg_error err = {};

	assert_non_null(copy);
	memcpy(copy, text, length);
	if (!bg_cluster_read(&cluster, "f.json", copy, length, &err))
		fail_msg("taken: %.*s", (int)length, text);
	if (strncmp(err.text, "f.json", 6) != 0 || !strstr(err.text, expected))
		fail_msg("expected \"%s\", found \"%s\"", expected, err.text);
	free(copy);
	bg_cluster_release(&cluster);
}

static void what_is_no_answer(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{ "", "f.json: empty, expected what `kubectl get" },
		{ " \n\t", "f.json: empty" },
		{ "{", "f.json:1:2: premature EOF" },
		{ "{\"items\":[", "premature EOF" },
		{ "{\"items\":[]}\n{\"items\":[}", "f.json:2:11: " },
		{ "{\"items\":[]}\n {\"items\":[],\"items\":[]}",
		  "f.json:2:14: a key that the object has" },
		{ "{\"items\":[{\"kind\":\"Pod\",\"kind\":\"Pod\"}]}", "f.json:1:25: a key that" },
		{ "[]", "f.json:1:1: found an array, expected an object" },
		{ "7", "f.json:1:1: found 7, expected an object" },
		{ "{}", "f.json:1:1: found none of items, SecurityGroups," },
		{ "{\"items\":{}}", "/items: found an object, expected an array" },
		{ "{\"items\":7}", "/items: found 7, expected an array" },
		{ "{\"NetworkInterfaces\":\"x\"}",
		  "/NetworkInterfaces: found \"x\", expected an array" },
		{ "{\"PrefixLists\":{}}", "/PrefixLists: found an object" },
		{ "{\"items\":[],\"metadata\":7}", "/metadata: found 7, expected an object" },
		{ "{\"SecurityGroups\":[],\"NextToken\":7}", "/NextToken: found 7" },
		/* one's own output, in the folder that is read */
		{ "{\"FeedVersion\":1,\"SecurityGroups\":[]}", "f.json:1:1: found a feed" },
		{ "NAME READY\ncart-0 1/1\n", "f.json:1:1: " },
		{ "{\"items\":[]} x", "f.json:1:14: " },
		{ "\xff\xfe{\0", "f.json: found UTF-16" },
		{ "{\"items\":[\"\x80\"]}", "f.json:1:" },
	};
	static const char start[] = "{\"items\":[{\"kind\":\"Pod\",\"spec\":";
	char *deep = malloc(400000);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		refused(cases[i].text, strlen(cases[i].text), cases[i].expected);
	refused("{\"items\":[\"\0\"]}", 14, "f.json:1:");
	assert_non_null(deep);
	memset(deep, '[', 400000);
	refused(deep, 400000, "nested deeper than 64 levels");
	deep[snprintf(deep, 400000, "%s", start)] = '[';
	refused(deep, 400000, "nested deeper than 64 levels");
	free(deep);
}

/* Cut anywhere, it is an error and nothing else. */
static void cut_anywhere(void **state)
{
	static const char whole[] =
		"{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":[{\"apiVersion\":\"v1\",\"kind\":\"Pod\","
		"\"metadata\":{\"name\":\"a\",\"namespace\":\"b\",\"annotations\":{"
		"\"vpc.amazonaws.com/pod-eni\":\"[{\\\"eniId\\\":\\\"e\\\",\\\"vlanId\\\":1,"
		"\\\"privateIp\\\":\\\"10.0.0.1\\\"}]\"}},\"spec\":{\"nodeName\":\"n\",\"containers\":[{"
		"\"name\":\"c\",\"livenessProbe\":{\"grpc\":{\"port\":1}}}]}}]}";

	(void)state;
	for (size_t length = 0; length < sizeof(whole) - 1; length++)
		refused(whole, length, length ? "f.json:1:" : "empty");
}

/* Each value of an object by another of each type: reports, and no harm. */
static void wrong_types_everywhere(void **state)
{
	static const char *const objects[] = {
		POD("a", ANNOTATED("e", "1", "10.0.0.1"),
		    "'nodeName':'n1','hostNetwork':false,"
		    "'serviceAccountName':'s','initContainers':[{'name':'i','restartPolicy':'Always',"
		    "'readinessProbe':{'tcpSocket':{'port':'p'}},'ports':[{'name':'p','containerPort':"
		    "3}]}],'containers':[]",
		    "'phase':'Running','podIPs':[{'ip':'10.0.0.1'}]"),
		POLICY("p",
		       "'podSelector':{'matchLabels':{'a':'b'},'matchExpressions':[{'key':'a',"
		       "'operator':'In','values':['b']}]},'serviceAccountSelector':{}," SELECTED(
			       "'sg-1'")),
		NODE_N1,
		OBJECT("v1", "ServiceAccount", "'namespace':'shop','name':'s','labels':{'a':'b'}",
		       ""),
		OBJECT("v1", "Service", "'namespace':'shop','name':'s'",
		       ",'spec':{'type':'ClusterIP','clusterIP':'10.9.0.1','clusterIPs':['10.9.0.1'],"
		       "'externalIPs':['1.2.3.4']},'status':{'loadBalancer':{'ingress':[{'ip':"
		       "'1.2.3.5','ipMode':'VIP'}]}}"),
		"{'GroupId':'sg-1','GroupName':'g','IpPermissions':[{'IpProtocol':'tcp','FromPort':1,"
		"'ToPort':2,'IpRanges':[{'CidrIp':'10.0.0.0/8'}],'UserIdGroupPairs':[{'GroupId':'sg-1'}],"
		"'PrefixListIds':[{'PrefixListId':'pl-1'}]}]}",
		"{'NetworkInterfaceId':'e','Groups':[{'GroupId':'sg-1'}],'PrivateIpAddress':'10.0.0.1',"
		"'PrivateIpAddresses':[{'PrivateIpAddress':'10.0.0.1'}],'Ipv6Addresses':[{'Ipv6Address':"
		"'fd00::1'}],'Ipv4Prefixes':[{'Ipv4Prefix':'10.0.0.0/28'}],"
		"'ConnectionTrackingConfiguration':{'UdpTimeout':30}}",
		"{'PrefixListId':'pl-1','Entries':[{'Cidr':'10.0.0.0/8'}],'Cidrs':['10.0.0.0/8']}",
	};
	static const char *const lists[] = { "items",
					     "items",
					     "items",
					     "items",
					     "items",
					     "SecurityGroups",
					     "NetworkInterfaces",
					     "PrefixLists" };
	static const char *const wrong[] = { "null", "true",	  "7",	       "-1.5e9",
					     "'x'",  "''",	  "[]",	       "[7]",
					     "{}",   "{'a':'b'}", "'\\u0000'", "'\\u001b[31m'" };
	char text[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
		for (const char *colon = strchr(objects[i], ':'); colon;
		     colon = strchr(colon + 1, ':')) {
			const char *end = colon + 1;
			int depth = 0;

			/* (a colon within a string only makes no JSON) */
			for (; *end && (depth || (*end != ',' && *end != '}' && *end != ']'));
			     end++)
				depth +=
					(*end == '{' || *end == '[') - (*end == '}' || *end == ']');
			for (size_t k = 0; k < sizeof(wrong) / sizeof(wrong[0]); k++) {
				const struct bg_settings settings = {};
				struct bg_json_writer feed = {};
				struct bg_cluster cluster = {};
				struct bg_error err = {};

				snprintf(text, sizeof(text), "{'%s':[%.*s:%s%s]}", lists[i],
					 (int)(colon - objects[i]), objects[i], wrong[k], end);
				gather(&cluster, "base.json", ITEMS(NODE_N1));
				gather(&cluster, "aws.json", GROUPS("") INTERFACES(""));
				if (!gather_try(&cluster, "k.json", text, &err) &&
				    !bg_cluster_join(&cluster, &err))
					bg_node_feed(&cluster, "n1", true, &settings, &feed, &err);
				for (size_t n = 0; n < cluster.report_count; n++)
					assert_null(strchr(cluster.reports[n].text, '\033'));
				bg_json_writer_free(&feed);
				bg_cluster_release(&cluster);
			}
		}
	}
}

/* What an environment or another annotation says is in no report, whatever is wrong. */
static void secrets_are_not_told(void **state)
{
	struct bg_cluster cluster = {};
	char *feed;

	(void)state;
	gather(&cluster, "k.json",
	       ITEMS(NODE_N1 "," POD(
		       "a",
		       ",'annotations':{'example.com/token':'hunter2','vpc.amazonaws.com/pod-eni':"
		       "'[{`eniId`:`e`,`vlanId`:1,`privateIp`:`10.0.0.1`,`token`:`hunter2`}]'}",
		       "'nodeName':'n1','containers':[{'name':'c','env':[{'name':'P','value':"
		       "'hunter2'}],'args':['hunter2'],'livenessProbe':{'httpGet':{'port':'nope',"
		       "'httpHeaders':[{'name':'Authorization','value':'hunter2'}]}}}]",
		       "") "," POD("b",
				   ",'annotations':{'vpc.amazonaws.com/pod-eni':'[{`token`:`hunter2`}]'}",
				   "'nodeName':'n1','containers':[{'name':'c','env':{'hunter2':'hunter2'}}]",
				   "") "," OBJECT("v1", "Secret", "'namespace':'shop','name':'s'",
						  ",'data':{'x':'hunter2'}")));
	gather(&cluster, "aws.json",
	       GROUPS("{'GroupId':'sg-1','Description':'hunter2','Tags':[{'Key':'a','Value':'hunter2'}]}")
		       INTERFACES(""));
	feed = gathered_feed(&cluster, false);
	must_lack(feed, "hunter2");
	assert_true(cluster.report_count >= 2);
	for (size_t i = 0; i < cluster.report_count; i++)
		must_lack(cluster.reports[i].text, "hunter2");
	free(feed);
	bg_cluster_release(&cluster);
}

/* Annotations are anybody's: a pod with thousands must not keep the rest from being read. */
static void a_pod_with_thousands_of_annotations(void **state)
{
	const size_t count = 20000;
	struct bg_cluster cluster = {};
	char *text = malloc(16 * count + 512), *to = text;
	struct bg_error err;

	(void)state;
	assert_non_null(text);
	to += sprintf(
		to, "{\"items\":[{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"spec\":{},"
		    "\"metadata\":{\"namespace\":\"s\",\"name\":\"p\",\"annotations\":{\"a\":\"\"");
	for (size_t i = 0; i < count; i++)
		to += sprintf(to, ",\"%zu\":\"\"", i);
	to += sprintf(to, ",\"fargate.amazonaws.com/pod-sg\":\"sg-1\"}}}]}");
	if (bg_cluster_read(&cluster, "f.json", text, to - text, &err))
		fail_msg("%s", err.text);
	assert_int_equal(cluster.pod_count, 1);
	assert_true(cluster.pods[0].on_fargate);
	free(text);
	bg_cluster_release(&cluster);
}

#define IN_NAMESPACE(namespace, name, annotation)                                                  \
	OBJECT("v1", "Pod", "'namespace':'" namespace "','name':'" name "'" annotation,            \
	       ",'spec':{'nodeName':'n1'}")
#define DB IN_NAMESPACE("shop", "db-0", ANNOTATED("eni-db", "9", "10.0.0.9"))
#define POLICY_OF_X(group)                                                                         \
	OBJECT("vpcresources.k8s.aws/v1beta1", "SecurityGroupPolicy",                              \
	       "'namespace':'evil','name':'p'",                                                    \
	       ",'spec':{'podSelector':{}," SELECTED("'" group "'") "}")

/* Who keeps annotations from being anybody's may be down: what a pod has made up gives it no
 * group of another's interface, and takes nothing from that one. */
static void an_annotation_with_anothers_interface(void **state)
{
#define X(namespace, vlan) IN_NAMESPACE(namespace, "x", ANNOTATED("eni-db", vlan, "10.0.0.66"))
	static const struct {
		const char *items, *has, *lacks;
	} cases[] = {
		{ X("evil", "7"), "'Id':'eni-db','VlanId':7,'GroupIds':[],", "sg-db" },
		{ X("evil", "7") "," POLICY_OF_X("sg-x"), "'VlanId':7,'GroupIds':[],", "sg-" },
		/* what it would have without it, too */
		{ X("evil", "7") "," POLICY_OF_X("sg-db"), "'VlanId':7,'GroupIds':['sg-db'],",
		  "sg-x" },
		/* of two families one is right */
		{ IN_NAMESPACE("evil", "x",
			       ",'annotations':{'vpc.amazonaws.com/pod-eni':'[{`eniId`:`eni-db`,"
			       "`vlanId`:7,`privateIp`:`10.0.0.9`,`ipv6Addr`:`fd00::66`}]'}"),
		  "'VlanId':7,'GroupIds':[],", "sg-db" },
		{ DB "," X("evil", "7"), "'VlanId':9,'GroupIds':['sg-db'],", "'x'" },
		{ DB "," X("evil", "9"), "'VlanId':9,'GroupIds':['sg-db'],", "'x'" },
		{ DB "," X("zoo", "9"), "'VlanId':9,'GroupIds':['sg-db'],", "'x'" },
		{ DB "," IN_NAMESPACE("evil", "x", ANNOTATED("eni-other", "9", "10.0.0.66")),
		  "'Id':'eni-db','VlanId':9,'GroupIds':['sg-db'],", "'x'" },
		/* two that are wrong alike */
		{ X("evil", "7") "," X("zoo", "7") "," POLICY_OF_X("sg-db"),
		  "'VlanId':7,'GroupIds':[],", "sg-db" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bg_cluster cluster = {};
		char items[4096], *feed;

		snprintf(items, sizeof(items), ITEMS(NODE_N1 ",%s"), cases[i].items);
		gather(&cluster, "k.json", items);
		gather(&cluster, "aws.json",
		       GROUPS(GROUP("sg-db") "," GROUP("sg-x"))
			       INTERFACES(INTERFACE("eni-db", "sg-db", "10.0.0.9") "," INTERFACE(
				       "eni-other", "sg-x", "10.0.0.5")));
		feed = gathered_feed(&cluster, false);
		must_have(feed, cases[i].has);
		must_lack(feed, cases[i].lacks);
		must_report(&cluster, "/x: its annotation says that eni-");
		free(feed);
		bg_cluster_release(&cluster);
	}
}

/* A Service names a pod's address as an external one: what that pod sends would be taken for the
 * service's answer. And a pod names a service's address as its own. */
static void a_service_with_a_pods_address(void **state)
{
	struct bg_cluster cluster = {};
	char *feed;

	(void)state;
	gather(&cluster, "k.json",
	       ITEMS(NODE_N1
		     "," DB
		     "," IN_NAMESPACE("evil", "x", ANNOTATED("eni-new", "7", "172.20.0.9")) "," OBJECT(
			     "v1", "Service", "'namespace':'evil','name':'s'",
			     ",'spec':{'clusterIP':'172.20.0.9','externalIPs':['10.0.0.9',"
			     "'198.51.100.7']}")));
	gather(&cluster, "aws.json",
	       GROUPS(GROUP("sg-db")) INTERFACES(INTERFACE("eni-db", "sg-db", "10.0.0.9")));
	feed = gathered_feed(&cluster, false);
	must_have(feed, "'ServiceCidrs':['172.20.0.9/32','198.51.100.7/32']");
	must_report(&cluster, "Service evil/s: it has the address 10.0.0.9, which is that of Pod "
			      "shop/db-0");
	free(feed);
	bg_cluster_release(&cluster);
}

/* Reports are many, and then they are counted. */
static void a_flood_of_broken_objects(void **state)
{
	struct bg_cluster cluster = {};
	const size_t count = 5000;
	char *text = malloc(8 * count + 64), *to = text;
	struct bg_error err;

	(void)state;
	assert_non_null(text);
	to += sprintf(to, "{\"items\":[7");
	for (size_t i = 1; i < count; i++)
		to += sprintf(to, ",7");
	to += sprintf(to, "]}");
	assert_int_equal(bg_cluster_read(&cluster, "f.json", text, to - text, &err), 0);
	assert_int_equal(cluster.report_count, BG_REPORTS_MOST);
	assert_int_equal(cluster.more_reports, count - BG_REPORTS_MOST);
	free(text);
	bg_cluster_release(&cluster);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_answer),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(wrong_types_everywhere),
		cmocka_unit_test(secrets_are_not_told),
		cmocka_unit_test(a_pod_with_thousands_of_annotations),
		cmocka_unit_test(an_annotation_with_anothers_interface),
		cmocka_unit_test(a_service_with_a_pods_address),
		cmocka_unit_test(a_flood_of_broken_objects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
