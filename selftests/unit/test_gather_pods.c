// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is read of a pod: its interface, its probes, and what it is. */
#include "for_gather.h"
#include "test.h"

static const struct bg_kube_pod *read_pod(struct bg_cluster *cluster, const char *document)
{
	gather(cluster, "kubectl.json", document);
	return cluster->pod_count ? &cluster->pods[0] : NULL;
}

#define WITH_ANNOTATION(text)                                                                      \
	ITEMS(POD("cart-0", ",'annotations':{'vpc.amazonaws.com/pod-eni':'" text "'}", "", ""))

static void an_interface_by_its_annotation(void **state)
{
	static const struct {
		const char *document, *id;
		int vlan;
		const char *addresses;
		size_t more;
	} cases[] = {
		{ WITH_ANNOTATION("[{`eniId`:`eni-1`,`ifAddress`:`02:99:37:d3:88:dd`,`privateIp`:"
				  "`10.0.47.82`,`ipv6Addr`:``,`vlanId`:9,`subnetCidr`:`10.0.32.0/"
				  "20`,`subnetV6Cidr`:``,`associationID`:`trunk-1`}]"),
		  "eni-1", 9, "10.0.47.82", 0 },
		/* as its reader in the CNI spells it, and as old ones were */
		{ WITH_ANNOTATION("[{`eniId`:`eni-1`,`privateIp`:`10.0.0.1`,`vlanID`:4094}]"),
		  "eni-1", 4094, "10.0.0.1", 0 },
		/* Go takes keys in any case, and the last of those that are the same then */
		{ WITH_ANNOTATION(
			  "[{`ENIID`:`eni-1`,`privateip`:`10.0.0.1`,`vlanId`:1,`vlanID`:2}]"),
		  "eni-1", 2, "10.0.0.1", 0 },
		{ WITH_ANNOTATION(
			  "[{`eniId`:`eni-1`,`vlanId`:1,`privateIp`:``,`ipv6Addr`:`2001:db8::"
			  "7c`}]"),
		  "eni-1", 1, "2001:db8::7c", 0 },
		{ WITH_ANNOTATION("[{`eniId`:`eni-1`,`vlanId`:1,`privateIp`:`10.0.0.1`,`ipv6Addr`:"
				  "`2001:db8::7c`}]"),
		  "eni-1", 1, "10.0.0.1 2001:db8::7c", 0 },
		/* the CNI uses the first */
		{ WITH_ANNOTATION(
			  "[{`eniId`:`eni-1`,`vlanId`:1,`privateIp`:`10.0.0.1`},{`eniId`:`eni-"
			  "2`,`vlanId`:2,`privateIp`:`10.0.0.2`},7]"),
		  "eni-1", 1, "10.0.0.1", 2 },
		{ WITH_ANNOTATION(" [ {`eniId`:`eni-1`,`vlanId`:1,`privateIp`:`10.0.0.1`} ] "),
		  "eni-1", 1, "10.0.0.1", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bg_cluster cluster = {};
		const struct bg_kube_pod *pod = read_pod(&cluster, cases[i].document);
		char text[BG_IP_TEXT], found[256] = "";
		size_t used = 0;

		must_report_nothing(&cluster);
		assert_non_null(pod);
		assert_string_equal(pod->interface_id, cases[i].id);
		assert_int_equal(pod->vlan, cases[i].vlan);
		assert_int_equal(pod->more_interfaces, cases[i].more);
		for (size_t k = 0; k < pod->address_count; k++) {
			used += snprintf(found + used, sizeof(found) - used, "%s%s", k ? " " : "",
					 bg_addr_format(&pod->addresses[k], text));
		}
		assert_string_equal(found, cases[i].addresses);
		bg_cluster_release(&cluster);
	}
}

static void a_broken_annotation_is_reported(void **state)
{
#define PLACE "kubectl.json: /items/0/metadata/annotations/vpc.amazonaws.com~1pod-eni"
	static const struct {
		const char *document, *report;
	} cases[] = {
		{ WITH_ANNOTATION(""), PLACE ": Pod shop/cart-0: " },
		{ WITH_ANNOTATION("[]"),
		  PLACE ": Pod shop/cart-0: found an array, expected an array "
			"of interfaces; left out" },
		{ WITH_ANNOTATION("{}"), PLACE ": Pod shop/cart-0: found an object, expected" },
		{ WITH_ANNOTATION("[7]"),
		  PLACE "/0: Pod shop/cart-0: found 7, expected an object" },
		{ WITH_ANNOTATION("[{`vlanId`:1}]"),
		  PLACE "/0: Pod shop/cart-0: eniId is missing" },
		{ WITH_ANNOTATION("[{`eniId`:`e`}]"),
		  PLACE "/0: Pod shop/cart-0: vlanId is missing" },
		{ WITH_ANNOTATION("[{`eniId`:`e`,`vlanId`:0,`privateIp`:`10.0.0.1`}]"),
		  PLACE "/0/vlanId: Pod shop/cart-0: found 0, expected a number from 1 to 4094" },
		{ WITH_ANNOTATION("[{`eniId`:`e`,`vlanId`:4095,`privateIp`:`10.0.0.1`}]"),
		  PLACE "/0/vlanId: " },
		{ WITH_ANNOTATION("[{`eniId`:`e`,`vlanId`:`9`,`privateIp`:`10.0.0.1`}]"),
		  PLACE "/0/vlanId: " },
		{ WITH_ANNOTATION("[{`eniId`:``,`vlanId`:9,`privateIp`:`10.0.0.1`}]"),
		  PLACE "/0/eniId: " },
		{ WITH_ANNOTATION("[{`eniId`:`e`,`vlanId`:9,`privateIp`:`10.0.0`}]"),
		  PLACE "/0/privateIp: Pod shop/cart-0: found \"10.0.0\", expected an IP address" },
		{ WITH_ANNOTATION("[{`eniId`:`e`,`vlanId`:9,`privateIp`:`10.0.0.0/24`}]"),
		  PLACE "/0/privateIp: " },
		{ WITH_ANNOTATION("[{`eniId`:`e`,`vlanId`:9,`privateIp`:`2001:db8::1`}]"),
		  PLACE "/0/privateIp: " },
		{ WITH_ANNOTATION("[{`eniId`:`e`,`vlanId`:9,`privateIp`:``,`ipv6Addr`:``}]"),
		  PLACE "/0: Pod shop/cart-0: neither privateIp nor ipv6Addr is an address" },
		{ WITH_ANNOTATION("[{`eniId`:`e`,`vlanId`:9"),
		  PLACE ": Pod shop/cart-0: at its character" },
		{ ITEMS(POD("cart-0", ",'annotations':{'vpc.amazonaws.com/pod-eni':7}", "", "")),
		  PLACE ": Pod shop/cart-0: found 7, expected a string" },
		{ ITEMS(POD("cart-0", ",'annotations':[]", "", "")),
		  "kubectl.json: /items/0/metadata/annotations: Pod shop/cart-0: found an array" },
		{ ITEMS("{'apiVersion':'v1','kind':'Pod','metadata':{'name':'a'},'spec':{}}"),
		  "kubectl.json: /items/0/metadata: Pod: namespace is missing; left out" },
		{ ITEMS("{'apiVersion':'v1','kind':'Pod'}"),
		  "kubectl.json: /items/0: Pod: metadata is" },
		{ ITEMS("7"), "kubectl.json: /items/0: an object: found 7" },
		{ ITEMS("{}"), "kubectl.json: /items/0: an object: kind is missing" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bg_cluster cluster = {};

		assert_null(read_pod(&cluster, cases[i].document));
		assert_int_equal(cluster.report_count, 1);
		must_report(&cluster, cases[i].report);
		bg_cluster_release(&cluster);
	}
}

/* One that is left out takes no other with it. */
static void the_rest_goes_on(void **state)
{
	struct bg_cluster cluster = {};

	(void)state;
	gather(&cluster, "k.json",
	       ITEMS(POD("a", "", "", "") ",7," POD(
		       "b", ANNOTATED("e", "0", "10.0.0.1"), "",
		       "") "," POD("c", ANNOTATED("eni-3", "3", "10.0.0.3"), "", "")));
	assert_int_equal(cluster.pod_count, 2);
	assert_string_equal(cluster.pods[1].object.path, "shop/c");
	assert_string_equal(cluster.pods[1].interface_id, "eni-3");
	assert_int_equal(cluster.report_count, 2);
	bg_cluster_release(&cluster);
}

/* The API server's own lists, as `kubectl get --raw` prints them. */
static void lists_that_name_the_kind_in_front(void **state)
{
	struct bg_cluster cluster = {};

	(void)state;
	gather(&cluster, "k.json",
	       "{'kind':'PodList','apiVersion':'v1','metadata':{},'items':[{'metadata':{'name':'a',"
	       "'namespace':'shop'},'spec':{}}]}"
	       "{'kind':'SecurityGroupPolicyList','apiVersion':'vpcresources.k8s.aws/v1beta1','items':"
	       "[{'metadata':{'name':'p','namespace':'shop'},'spec':{}}]}"
	       "{'kind':'ServiceList','apiVersion':'serving.knative.dev/v1','items':[{'metadata':{"
	       "'name':'p','namespace':'shop'},'spec':{}}]}");
	must_report_nothing(&cluster);
	assert_int_equal(cluster.pod_count, 1);
	assert_int_equal(cluster.policy_count, 1);
	assert_int_equal(cluster.service_count, 0);
	gather(&cluster, "k.json",
	       "{'items':[{'metadata':{}}]}{'kind':'List','items':[{'spec':{}}]}");
	assert_int_equal(cluster.report_count, 2);
	must_report(&cluster, "k.json: /items/0: an object: kind is missing");
	bg_cluster_release(&cluster);
}

#define CONTAINER(name, more) "{'name':'" name "'" more "}"
#define PORTS ",'ports':[{'name':'http','containerPort':8080},{'containerPort':9}]"

/* "8080 app livenessProbe tcpSocket, ..." of all that is probed. */
static void probes_are(const char *spec, const char *expected, const char *report)
{
	struct bg_cluster cluster = {};
	const struct bg_kube_pod *pod;
	char *document, found[512] = "";
	size_t used = 0;

	assert_true(asprintf(&document, ITEMS(POD("cart-0", "", "%s", "")), spec) > 0);
	pod = read_pod(&cluster, document);
	free(document);
	assert_non_null(pod);
	for (size_t i = 0; i < pod->probe_count; i++)
		used += snprintf(found + used, sizeof(found) - used, "%s%d %s %s", i ? ", " : "",
				 pod->probes[i].port, pod->probes[i].container,
				 pod->probes[i].what);
	if (strcmp(found, expected) != 0)
		fail_msg("%s: expected \"%s\", found \"%s\"", spec, expected, found);
	if (report)
		must_report(&cluster, report);
	else
		must_report_nothing(&cluster);
	bg_cluster_release(&cluster);
}

static void probes_of_all_kinds(void **state)
{
	(void)state;
	probes_are("'containers':[]", "", NULL);
	probes_are("'containers':[" CONTAINER("app", PORTS ",'livenessProbe':{'tcpSocket':{'port':"
							   "8080}},'readinessProbe':{'httpGet':{"
							   "'port':'http','path':'/'}}") "]",
		   "8080 app livenessProbe tcpSocket, 8080 app readinessProbe httpGet", NULL);
	probes_are("'containers':[" CONTAINER("app", ",'startupProbe':{'grpc':{'port':50051,"
						     "'service':''}}") "]",
		   "50051 app startupProbe grpc", NULL);
	/* what runs in the container goes over no network */
	probes_are("'containers':[" CONTAINER("app",
					      ",'livenessProbe':{'exec':{'command':['x']}}") "]",
		   "", NULL);
	/* kubelet takes a number as text, too */
	probes_are("'containers':[" CONTAINER("app",
					      ",'livenessProbe':{'httpGet':{'port':'81'}}") "]",
		   "81 app livenessProbe httpGet", NULL);
	/* each container has its own names */
	probes_are(
		"'containers':[" CONTAINER("a", PORTS) "," CONTAINER(
			"b", ",'livenessProbe':{'httpGet':{'port':'http'}}") "]",
		"",
		"/items/0/spec/containers/1/livenessProbe/httpGet/port: Pod shop/cart-0, a probe: "
		"the container has no port \"http\"; left out");
	/* one that names a host does not go to the pod */
	probes_are("'containers':[" CONTAINER("a", ",'livenessProbe':{'tcpSocket':{'port':1,"
						   "'host':'10.9.9.9'}},'readinessProbe':{"
						   "'tcpSocket':{'port':2,'host':''}}") "]",
		   "2 a readinessProbe tcpSocket", NULL);
	probes_are("'containers':[" CONTAINER("a", ",'lifecycle':{'postStart':{'httpGet':{'port':"
						   "7}},'preStop':{'exec':{},'tcpSocket':{'port':"
						   "8}}}") "]",
		   "7 a postStart httpGet", NULL);
}

static void sidecars_are_probed_and_other_init_containers_are_not(void **state)
{
#define PROBED ",'readinessProbe':{'tcpSocket':{'port':15021}}"
	(void)state;
	probes_are("'initContainers':[" CONTAINER("proxy", ",'restartPolicy':'Always'" PROBED) "]",
		   "15021 proxy readinessProbe tcpSocket", NULL);
	probes_are("'initContainers':[" CONTAINER("init", PROBED) "]", "", NULL);
	probes_are("'ephemeralContainers':[" CONTAINER("debug", PROBED) "]", "", NULL);
}

static void wrong_ports_are_reported(void **state)
{
	static const char *const wrong[] = { "0",	"65536", "-1",	 "1.5", "''",  "'0'",
					     "'65536'", "'-1'",	 "null", "{}",	"true" };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char spec[160];

		snprintf(spec, sizeof(spec),
			 "'containers':[{'name':'a','livenessProbe':{'tcpSocket':{'port':%s}}}]",
			 wrong[i]);
		probes_are(spec, "", "/spec/containers/0/livenessProbe/tcpSocket");
	}
}

static void what_a_pod_is(void **state)
{
	struct bg_cluster cluster = {};
	const struct bg_kube_pod *pods;

	(void)state;
	gather(&cluster, "k.json",
	       ITEMS(POD("plain", "", "", "") "," POD("host", ANNOTATED("e", "1", "10.0.0.1"), "'hostNetwork':true", "") "," POD(
		       "done", ANNOTATED("e", "1", "10.0.0.1"), "",
		       "'phase':'Succeeded'") "," POD("failed", ANNOTATED("e", "1", "10.0.0.1"), "",
						      "'phase':'Failed'") "," POD("ending",
										  ANNOTATED(
											  "e", "1",
											  "10.0.0.1") ",'deletionTimestamp':'2026-11-27T10:00:00Z'",
										  "",
										  "'phase':'Running'") "," POD("fargate",
													       ",'labels':{'eks.amazonaws.com/fargate-profile':'f'},"
													       "'annotations':{'fargate.amazonaws.com/pod-sg':'sg-2, sg-1'}",
													       "'nodeName':'fargate-ip-10-0-9-9'",
													       "'podIPs':[{'ip':'10.0.9.9'},{'ip':'2001:db8::9'}]")));
	must_report_nothing(&cluster);
	pods = cluster.pods;
	assert_false(bg_pod_has_branch(&pods[0]) || !bg_pod_lives(&pods[0]));
	assert_false(bg_pod_lives(&pods[1]));
	assert_false(bg_pod_lives(&pods[2]) || bg_pod_lives(&pods[3]));
	/* it is guarded until it is gone */
	assert_true(bg_pod_has_branch(&pods[4]) && pods[4].terminating);
	assert_true(pods[5].on_fargate && bg_pod_lives(&pods[5]) && !bg_pod_has_branch(&pods[5]));
	assert_int_equal(pods[5].address_count, 2);
	assert_int_equal(pods[5].fargate_groups.count, 2);
	assert_string_equal(pods[5].fargate_groups.name[0], "sg-1");
	assert_string_equal(pods[0].account, "default");
	bg_cluster_release(&cluster);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_interface_by_its_annotation),
		cmocka_unit_test(a_broken_annotation_is_reported),
		cmocka_unit_test(the_rest_goes_on),
		cmocka_unit_test(lists_that_name_the_kind_in_front),
		cmocka_unit_test(probes_of_all_kinds),
		cmocka_unit_test(sidecars_are_probed_and_other_init_containers_are_not),
		cmocka_unit_test(wrong_ports_are_reported),
		cmocka_unit_test(what_a_pod_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
