// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From answers to the feed of a node: who gets which groups, who is a member, what is told. */
#include "for_gather.h"
#include "test.h"

static void groups_are_those_of_the_interface(void **state)
{
	(void)state;
	feed_has(ITEMS(NODE_N1 "," CART "," CART_POLICY("'sg-1'")),
		 GROUPS(GROUP("sg-1")) ACTUAL("{'GroupId':'sg-1'}"), "'GroupIds':['sg-1']", NULL,
		 NULL);
	/* a policy that was changed changes no interface that is there */
	feed_has(ITEMS(NODE_N1 "," CART "," CART_POLICY("'sg-2'")),
		 GROUPS(GROUP("sg-1") "," GROUP("sg-2")) ACTUAL("{'GroupId':'sg-1'}"),
		 "'GroupIds':['sg-1']", "sg-2",
		 "Pod shop/cart-0: eni-1 has the groups sg-1, its policies want sg-2");
	feed_has(ITEMS(NODE_N1 "," CART), GROUPS(GROUP("sg-1")) ACTUAL("{'GroupId':'sg-1'}"),
		 "'GroupIds':['sg-1']", NULL, "its policies want none");
	feed_has(
		ITEMS(NODE_N1 "," CART "," CART_POLICY("'sg-1'")),
		GROUPS(GROUP("sg-1")) INTERFACES(INTERFACE("eni-1", "sg-1", "10.0.9.9")),
		"'GroupIds':['sg-1']", NULL,
		"Pod shop/cart-0: its annotation says that eni-1 has the address 10.0.0.1, EC2 says");
	/* none at all is said, and does not fall back to a default */
	feed_has(ITEMS(NODE_N1 "," CART), GROUPS("") ACTUAL(""), "'GroupIds':[]", NULL,
		 "no groups: no rule allows anything");
	/* an interface that EC2's answer does not have yet */
	feed_has(ITEMS(NODE_N1 "," CART "," CART_POLICY("'sg-1'")),
		 GROUPS(GROUP("sg-1")) INTERFACES(""), "'GroupIds':['sg-1']", NULL,
		 "Pod shop/cart-0: EC2's answer does not have eni-1");
	/* what no policy selects got the node's groups, as far as they are known */
	feed_has(ITEMS(NODE_N1 "," CART),
		 GROUPS(GROUP("sg-n")) INTERFACES(INTERFACE("eni-n", "sg-n", "10.0.1.10")),
		 "'GroupIds':['sg-n']", NULL, "and as they want none, the node's");
	feed_has(ITEMS(NODE_N1 "," CART), GROUPS("") INTERFACES(""),
		 "'Id':'eni-1','VlanId':9,'Pods'", "GroupIds",
		 "no groups: no rule allows anything");
}

static void only_what_the_node_needs(void **state)
{
#define RULE_BY_GROUP(id)                                                                          \
	"'IpPermissions':[{'IpProtocol':'-1','UserIdGroupPairs':[{'GroupId':'" id                  \
	"'}],'IpRanges':[],'PrefixListIds':[{'PrefixListId':'pl-1'}]}]"
	(void)state;
	feed_has(
		ITEMS(NODE_N1 "," CART "," CART_POLICY("'sg-1'") "," POD(
			"elsewhere", ANNOTATED("eni-8", "1", "10.0.8.8"), "'nodeName':'n2'", "")),
		GROUPS("{'GroupId':'sg-1'," RULE_BY_GROUP("sg-2") "}," GROUP(
			"sg-2") ","
				"{'GroupId':'sg-3'," RULE_BY_GROUP("sg-4") "}")
			INTERFACES(INTERFACE("eni-1", "sg-1", "10.0.0.1") "," INTERFACE(
				"eni-2", "sg-2",
				"10.0.2.2") "," INTERFACE("eni-8", "sg-1",
							  "10.0.8.8") "," INTERFACE("eni-4", "sg-4",
										    "10.0.4.4")) "{'PrefixLists':[{'PrefixListId':'pl-1','Entries':[{'Cidr':'192.0.2.0/24'}]},"
												 "{'PrefixListId':'pl-2','Entries':[]}]}",
		"'NetworkInterfaces':[\n  {'Groups':[{'GroupId':'sg-2'}],'PrivateIpAddresses':[{"
		"'PrivateIpAddress':'10.0.2.2'}]}]",
		"sg-3", NULL);
	feed_has(ITEMS(NODE_N1), GROUPS(GROUP("sg-1")) INTERFACES(""),
		 "'SecurityGroups':[],\n 'Branches':[]", "sg-1", NULL);
}

/* The members of sg-2, which a rule of the pod's group names. */
static void members_are(const char *items, const char *interfaces, const char *expected)
{
	struct bg_cluster cluster = {};
	char *document, *feed;

	assert_true(
		asprintf(
			&document, "%s%s%s%s",
			GROUPS("{'GroupId':'sg-1','IpPermissions':[{"
			       "'IpProtocol':'-1','UserIdGroupPairs':[{'GroupId':'sg-2'}]}]}," GROUP(
				       "sg-2")),
			"{'NetworkInterfaces':[" INTERFACE("eni-1", "sg-1", "10.0.0.1"), interfaces,
			"]}") > 0);
	feed = feed_of(&cluster, items, document);
	must_have(feed, expected);
	free(document);
	free(feed);
	bg_cluster_release(&cluster);
}

#define HERE NODE_N1 "," CART "," CART_POLICY("'sg-1'")
#define ELSEWHERE(eni, address)                                                                    \
	",{'apiVersion':'v1','kind':'Pod','metadata':{'namespace':'other','name':'p'" ANNOTATED(   \
		eni, "1", address) "},'spec':{'nodeName':'n2'},'status':{}}"
#define OTHER_POLICY                                                                               \
	"," OBJECT("vpcresources.k8s.aws/v1beta1", "SecurityGroupPolicy",                          \
		   "'namespace':'other','name':'p'",                                               \
		   ",'spec':{'podSelector':{}," SELECTED("'sg-2'") "}")
#define MEMBERS(list) "{'Groups':[{'GroupId':'sg-2'}]" list "}]"
#define ADDRESSES(list) ",'PrivateIpAddresses':[" list "]"
#define ADDRESS(text) "{'PrivateIpAddress':'" text "'}"

static void members_by_ec2_and_by_pods(void **state)
{
	(void)state;
	/* that there are none is said */
	members_are(ITEMS(HERE), "", MEMBERS(""));
	/* each address once, sorted, in one interface */
	members_are(ITEMS(HERE),
		    "," INTERFACE("eni-7", "sg-2", "10.0.7.7") "," INTERFACE(
			    "eni-6", "sg-2",
			    "10.0.6.6") ",{'NetworkInterfaceId':'eni-5','Groups':[{"
					"'GroupId':'sg-2'},{'GroupId':'sg-9'}],"
					"'PrivateIpAddress':'10.0.5.5',"
					"'PrivateIpAddresses':[{'PrivateIpAddress':"
					"'10.0.5.5','Primary':true}],"
					"'Ipv6Addresses':[{'Ipv6Address':"
					"'2001:db8::5'}],'Ipv4Prefixes':[{"
					"'Ipv4Prefix':'10.0.48.0/28'}],"
					"'Ipv6Prefixes':[{'Ipv6Prefix':"
					"'2001:db8:1::/80'}]}",
		    MEMBERS(ADDRESSES(ADDRESS("10.0.5.5") "," ADDRESS("10.0.6.6") "," ADDRESS(
			    "10.0.7.7")) ",'Ipv6Addresses':[{'Ipv6Address':'2001:db8::5'}],"
					 "'Ipv4Prefixes':[{'Ipv4Prefix':'10.0.48.0/28'}],"
					 "'Ipv6Prefixes':[{'Ipv6Prefix':'2001:db8:1::/80'}]"));
	/* a pod elsewhere is a member at once, before EC2 is asked again */
	members_are(ITEMS(HERE ELSEWHERE("eni-2", "10.0.2.2") OTHER_POLICY), "",
		    MEMBERS(ADDRESSES(ADDRESS("10.0.2.2"))));
	/* but by its interface's groups, when they are known */
	members_are(ITEMS(HERE ELSEWHERE("eni-2", "10.0.2.2") OTHER_POLICY),
		    "," INTERFACE("eni-2", "sg-3", "10.0.2.2"), MEMBERS(""));
	members_are(ITEMS(HERE ELSEWHERE("eni-2", "10.0.2.2")),
		    "," INTERFACE("eni-2", "sg-2", "10.0.2.2"),
		    MEMBERS(ADDRESSES(ADDRESS("10.0.2.2"))));
	/* the node's own are members by their branches */
	members_are(ITEMS(NODE_N1 "," POD("cart-0", ANNOTATED("eni-1", "9", "10.0.0.1"), ON_N1,
					  "") "," POD("db-0", ANNOTATED("eni-2", "8", "10.0.2.2"),
						      ON_N1, "")),
		    "," INTERFACE("eni-2", "sg-2", "10.0.2.2"), MEMBERS(""));
	/* one that is described twice, differently, is none */
	members_are(ITEMS(HERE),
		    "," INTERFACE("eni-2", "sg-2", "10.0.2.2") "," INTERFACE("eni-2", "sg-3",
									     "10.0.2.2"),
		    MEMBERS(""));
	/* Fargate, by its annotation */
	members_are(ITEMS(HERE
			  "," POD("f", ",'annotations':{'fargate.amazonaws.com/pod-sg':'sg-2'}",
				  "'nodeName':'fargate-1'", "'podIPs':[{'ip':'10.0.9.9'}]")),
		    "", MEMBERS(ADDRESSES(ADDRESS("10.0.9.9"))));
}

static void an_address_that_was_given_on_is_its_new_owners(void **state)
{
	(void)state;
	/* EC2's answer is older than the pod that has the address now */
	members_are(ITEMS(HERE ELSEWHERE("eni-3", "10.0.2.2")),
		    "," INTERFACE("eni-2", "sg-2", "10.0.2.2"), MEMBERS(""));
	/* one of the node's own is no member by an old interface either */
	members_are(ITEMS(HERE), "," INTERFACE("eni-2", "sg-2", "10.0.0.1"), MEMBERS(""));
	/* two pods that claim one: EC2 decides */
	members_are(ITEMS(HERE ELSEWHERE("eni-3", "10.0.2.2") OTHER_POLICY
			  "," POD("q", ANNOTATED("eni-4", "3", "10.0.2.2"), "'nodeName':'n3'", "")),
		    "", MEMBERS(""));
	members_are(ITEMS(HERE ELSEWHERE("eni-3", "10.0.2.2") OTHER_POLICY
			  "," POD("q", ANNOTATED("eni-4", "3", "10.0.2.2"), "'nodeName':'n3'", "")),
		    "," INTERFACE("eni-3", "sg-2", "10.0.2.2"),
		    MEMBERS(ADDRESSES(ADDRESS("10.0.2.2"))));
	/* an annotation that EC2 contradicts claims nothing either */
	members_are(ITEMS(HERE ELSEWHERE("eni-3", "10.0.2.2")),
		    "," INTERFACE("eni-2", "sg-2", "10.0.2.2") "," INTERFACE("eni-3", "sg-2",
									     "10.0.3.3"),
		    MEMBERS(ADDRESSES(ADDRESS("10.0.2.2") "," ADDRESS("10.0.3.3"))));
	members_are(ITEMS(HERE ELSEWHERE("eni-3", "10.0.9.9")),
		    "," INTERFACE("eni-3", "sg-2", "10.0.3.3"),
		    MEMBERS(ADDRESSES(ADDRESS("10.0.3.3"))));
	/* nor one that is being ended: its node may be gone, and the address given on */
	members_are(ITEMS(HERE "," POD("q",
				       ANNOTATED("eni-4", "3", "10.0.2.2") ",'deletionTimestamp':"
									   "'2026-11-27T10:00:00Z'",
				       "'nodeName':'n3'", "")),
		    "," INTERFACE("eni-2", "sg-2", "10.0.2.2"),
		    MEMBERS(ADDRESSES(ADDRESS("10.0.2.2"))));
	members_are(ITEMS(HERE ELSEWHERE("eni-3", "10.0.2.2") OTHER_POLICY
			  "," POD("q",
				  ANNOTATED("eni-4", "3", "10.0.2.2") ",'deletionTimestamp':"
								      "'2026-11-27T10:00:00Z'",
				  "'nodeName':'n3'", "")),
		    "", MEMBERS(ADDRESSES(ADDRESS("10.0.2.2"))));
	/* one that has finished claims nothing */
	members_are(ITEMS(HERE "," POD("q", ANNOTATED("eni-4", "3", "10.0.2.2"), "'nodeName':'n3'",
				       "'phase':'Failed'")),
		    "," INTERFACE("eni-2", "sg-2", "10.0.2.2"),
		    MEMBERS(ADDRESSES(ADDRESS("10.0.2.2"))));
}

static void pods_that_are_no_branches(void **state)
{
	(void)state;
	feed_has(
		ITEMS(NODE_N1 "," POD(
			"host", ANNOTATED("eni-1", "9", "10.0.0.1"), ON_N1 ",'hostNetwork':true",
			"'phase':'Running'") "," POD("done", ANNOTATED("eni-2", "8", "10.0.0.2"),
						     ON_N1,
						     "'phase':'Succeeded'") "," CART_POLICY("'sg-1'")),
		GROUPS("") INTERFACES(""), "'Branches':[]", NULL, NULL);
	/* one that a policy selects, and that has no branch, is told */
	feed_has(ITEMS(NODE_N1
		       "," POD("old", "", ON_N1, "'phase':'Running'") "," CART_POLICY("'sg-1'")),
		 GROUPS("") INTERFACES(""), "'Branches':[]", NULL,
		 "Pod shop/old: its policies want sg-1, but it has no interface of its own");
	/* one that only just starts has none yet */
	feed_has(ITEMS(NODE_N1
		       "," POD("new", "", ON_N1, "'phase':'Pending'") "," CART_POLICY("'sg-1'")),
		 GROUPS("") INTERFACES(""), "'Branches':[]", NULL, NULL);
}

static void what_is_claimed_twice_is_handed_on(void **state)
{
	struct bg_cluster cluster = {};
	char *feed = feed_of(
		&cluster,
		ITEMS(NODE_N1 "," CART "," POD("cart-1", ANNOTATED("eni-2", "9", "10.0.0.1"), ON_N1,
					       "") "," CART_POLICY("'sg-1'")),
		GROUPS(GROUP("sg-1")) INTERFACES(INTERFACE(
			"eni-1", "sg-1", "10.0.0.1") "," INTERFACE("eni-2", "sg-1", "10.0.0.1")));

	(void)state;
	must_have(feed, "'Id':'eni-1','VlanId':9");
	must_have(feed, "'Id':'eni-2','VlanId':9");
	must_report(&cluster, "in the feed, /Branches/1");
	free(feed);
	bg_cluster_release(&cluster);
	/* several pods behind one interface are one branch */
	feed_has(
		ITEMS(NODE_N1 "," CART "," POD("cart-1", ANNOTATED("eni-1", "9", "10.0.0.2"), ON_N1,
					       "") "," CART_POLICY("'sg-1'")),
		GROUPS(GROUP("sg-1")) INTERFACES(
			"{'NetworkInterfaceId':'eni-1','Groups':[{'GroupId':'sg-1'}],'Ipv4Prefixes':[{'Ipv4Prefix':'10.0.0.0/28'}]}"),
		"'Pods':[{'Namespace':'shop','Name':'cart-0','Addresses':['10.0.0.1'],'Probes':[]},{"
		"'Namespace':'shop','Name':'cart-1','Addresses':['10.0.0.2'],'Probes':[]}]",
		NULL, NULL);
}

/* Pods behind one interface that EC2 does not describe get what all of them want. */
static void pods_of_one_interface_that_want_different_groups(void **state)
{
	(void)state;
	feed_has(
		ITEMS(NODE_N1 "," CART "," POD("cart-1", ",'labels':{'app':'other'}", "", "") "," POD(
			"cart-2",
			",'annotations':{'vpc.amazonaws.com/pod-eni':'[{`eniId`:`eni-1`,`vlanId`:9,"
			"`privateIp`:`10.0.0.3`}]'}",
			ON_N1,
			"") "," CART_POLICY("'sg-1'") "," POLICY("more",
								 "'podSelector':{'matchLabels':{'app':'cart'}}," SELECTED(
									 "'sg-2'"))),
		GROUPS(GROUP("sg-1") "," GROUP("sg-2")) INTERFACES(""), "'GroupIds':['sg-1']",
		"sg-2", "EC2's answer does not have eni-1");
	/* one id with two VLANs is two branches, which claim it both */
	feed_has(ITEMS(NODE_N1 "," CART "," POD("cart-1", ANNOTATED("eni-1", "8", "10.0.0.2"),
						ON_N1, "") "," CART_POLICY("'sg-1'")),
		 GROUPS(GROUP("sg-1")) INTERFACES(""), "'Id':'eni-1','VlanId':8", NULL,
		 "in the feed, /Branches/1");
}

/* The node's groups count for standard pods alone. */
static void a_strict_feed_has_no_groups_of_the_node(void **state)
{
	(void)state;
	feed_has(ITEMS(NODE_N1 "," CART "," CART_POLICY("'sg-1'")),
		 GROUPS(GROUP("sg-1") "," GROUP("sg-n")) INTERFACES(INTERFACE(
			 "eni-1", "sg-1", "10.0.0.1") "," INTERFACE("eni-n", "sg-n", "10.0.1.10")),
		 "'GroupIds':['sg-1']", "sg-n", NULL);
}

/* Of a node without groups the daemon believes that it allows everything. */
static void a_standard_feed_without_groups_of_the_node(void **state)
{
	struct bg_cluster cluster = {};
	char *feed;

	(void)state;
	gather(&cluster, "kubectl.json", ITEMS(NODE_N1));
	gather(&cluster, "aws.json", GROUPS("") INTERFACES(""));
	feed = gathered_feed(&cluster, true);
	must_lack(feed, "GroupIds");
	must_report(&cluster, "the node's groups are not known");
	free(feed);
	bg_cluster_release(&cluster);
}

/* Of one pod the newest counts: it may have been made anew under its name. */
static void a_pod_that_was_made_anew(void **state)
{
	(void)state;
	feed_has(ITEMS(NODE_N1 "," POD(
			 "cart-0", ANNOTATED("eni-1", "9", "10.0.0.1") ",'resourceVersion':'99'",
			 ON_N1,
			 "") "," POD("cart-0",
				     ANNOTATED("eni-2", "8", "10.0.0.2") ",'resourceVersion':'100'",
				     ON_N1, "") "," CART_POLICY("'sg-1'")),
		 GROUPS(GROUP("sg-1")) INTERFACES(""), "'Id':'eni-2'", "eni-1",
		 "1 pods stand in the");
}

static void services(void **state)
{
#define SERVICE(name, spec, status)                                                                \
	OBJECT("v1", "Service", "'namespace':'shop','name':'" name "'",                            \
	       ",'spec':{" spec "},'status':{" status "}")
	(void)state;
	feed_has(
		ITEMS(NODE_N1 "," SERVICE(
			"a",
			"'clusterIP':'172.20.0.9','clusterIPs':['172.20.0.9','fd00::9'],"
			"'externalIPs':['198.51.100.7']",
			"'loadBalancer':{'ingress':[{'ip':'203.0.113.5'},{'hostname':'x.example'},{"
			"'ip':'203.0.113.6','ipMode':'Proxy'},{'ip':'203.0.113.7','ipMode':'VIP'}]}") "," SERVICE("b",
														  "'clusterIP':'None','clusterIPs':['None']",
														  "") "," SERVICE("c",
																  "'type':'ExternalName','externalName':'x.example'",
																  "") "," OBJECT("serving.knative.dev/v1",
																		 "Service",
																		 "'namespace':'shop','name':'k'",
																		 ",'spec':{'clusterIP':7}")),
		GROUPS("") INTERFACES(""),
		"'ServiceCidrs':['172.20.0.9/32','198.51.100.7/32','203.0.113.5/32','203.0.113.7/32',"
		"'fd00::9/128']",
		NULL, NULL);
	feed_has(ITEMS(NODE_N1
		       ",{'apiVersion':'networking.k8s.io/v1','kind':'ServiceCIDR','metadata':"
		       "{'name':'kubernetes'},'spec':{'cidrs':['172.20.0.0/16']}}," SERVICE(
			       "a", "'clusterIP':'172.20.0.9'",
			       "") "," SERVICE("b", "'clusterIP':'172.21.0.9'", "")),
		 GROUPS("") INTERFACES(""), "'ServiceCidrs':['172.20.0.0/16','172.21.0.9/32']",
		 NULL, NULL);
	/* that there are none is said */
	feed_has(ITEMS(NODE_N1), GROUPS("") INTERFACES(""),
		 "'Addresses':['10.0.1.10'],'ServiceCidrs':[]}", NULL, NULL);
}

static void timeouts_of_the_interface(void **state)
{
	(void)state;
	feed_has(
		ITEMS(NODE_N1 "," CART "," CART_POLICY("'sg-1'")),
		GROUPS(GROUP("sg-1")) INTERFACES(
			"{'NetworkInterfaceId':'eni-1','Groups':[{'GroupId':'sg-1'}],"
			"'ConnectionTrackingConfiguration':{'UdpTimeout':45,'TcpEstablishedTimeout':"
			"600}}"),
		"'ConnectionTracking':{'TcpEstablishedTimeout':600,'UdpTimeout':45}", NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_are_those_of_the_interface),
		cmocka_unit_test(only_what_the_node_needs),
		cmocka_unit_test(members_by_ec2_and_by_pods),
		cmocka_unit_test(an_address_that_was_given_on_is_its_new_owners),
		cmocka_unit_test(pods_that_are_no_branches),
		cmocka_unit_test(what_is_claimed_twice_is_handed_on),
		cmocka_unit_test(pods_of_one_interface_that_want_different_groups),
		cmocka_unit_test(a_strict_feed_has_no_groups_of_the_node),
		cmocka_unit_test(a_standard_feed_without_groups_of_the_node),
		cmocka_unit_test(a_pod_that_was_made_anew),
		cmocka_unit_test(services),
		cmocka_unit_test(timeouts_of_the_interface),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
