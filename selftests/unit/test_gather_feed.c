// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From answers to the feed of a node: who gets which groups, who is a member, what is told. */
#include "for_gather.h"
#include "test.h"

#define ON_N1 "'nodeName':'n1'"
#define CART_POLICY(groups) POLICY("cart", "'podSelector':{}," SELECTED(groups))
#define CART POD("cart-0", ANNOTATED("eni-1", "9", "10.0.0.1"), ON_N1, "")
#define ACTUAL(groups)                                                                             \
	INTERFACES("{'NetworkInterfaceId':'eni-1','Groups':[" groups                               \
		   "],'PrivateIpAddress':'10.0.0.1'}")

/* The feed of a cluster with these answers; *cluster has the reports. */
static char *feed_of(struct bg_cluster *cluster, const char *items, const char *aws)
{
	gather(cluster, "kubectl.json", items);
	gather(cluster, "aws.json", aws);
	return gathered_feed(cluster, false);
}

/* What the feed has and lacks (NULL: nothing in particular), and a report (NULL: none at all). */
static void feed_has(const char *items, const char *aws, const char *part, const char *lacks,
		     const char *report)
{
	struct bg_cluster cluster = {};
	char *feed = feed_of(&cluster, items, aws);

	must_have(feed, part);
	if (lacks)
		must_lack(feed, lacks);
	if (report)
		must_report(&cluster, report);
	else
		must_report_nothing(&cluster);
	free(feed);
	bg_cluster_release(&cluster);
}

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
			"eni-1", "sg-1", "10.0.0.1") "," INTERFACE("eni-2", "sg-1", "10.0.0.2")));

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

/* Whatever the order, the feed is the same to the byte. */
static void files_in_any_order(void **state)
{
	static const char *const texts[] = {
		ITEMS(NODE_N1 "," CART),
		ITEMS(POD("cart-1", ANNOTATED("eni-2", "2", "10.0.0.2"), ON_N1, "")),
		ITEMS(CART_POLICY("'sg-1','sg-2'")),
		/* one pod as two tell it, neither of which is newer */
		ITEMS(POD("cart-2", ANNOTATED("eni-5", "5", "10.0.0.5"), ON_N1, "")),
		ITEMS(POD("cart-2", ANNOTATED("eni-6", "6", "10.0.0.6"), ON_N1, "")),
		GROUPS(GROUP("sg-1")),
		GROUPS(GROUP("sg-2")),
		INTERFACES(INTERFACE("eni-1", "sg-1", "10.0.0.1")),
		INTERFACES(INTERFACE("eni-1", "sg-2", "10.0.0.1")),
	};
	const size_t count = sizeof(texts) / sizeof(texts[0]);
	char *first = NULL;

	(void)state;
	for (size_t turn = 0; turn < 2 * count; turn++) {
		struct bg_cluster cluster = {};
		char *feed;

		for (size_t i = 0; i < count; i++) {
			size_t n = (turn + (turn < count ? i : count - i)) % count;
			char name[16];

			snprintf(name, sizeof(name), "%zu.json", n);
			gather(&cluster, name, texts[n]);
		}
		feed = gathered_feed(&cluster, false);
		/* described twice and differently, eni-1 counts as not described */
		must_report(&cluster, "interface eni-1 is described twice, differently");
		must_have(feed, "'Id':'eni-1','VlanId':9,'GroupIds':['sg-1','sg-2']");
		if (first)
			assert_string_equal(feed, first);
		else
			first = strdup(feed);
		free(feed);
		bg_cluster_release(&cluster);
	}
	free(first);
}

/* All in one text, as `{ kubectl ...; aws ...; } |` makes it. */
static void documents_one_after_the_other(void **state)
{
	feed_has(" " ITEMS(NODE_N1 "," CART) "\n" ITEMS(CART_POLICY("'sg-1'"))
			 GROUPS(GROUP("sg-1")) " \n",
		 ACTUAL("{'GroupId':'sg-1'}"), "'GroupIds':['sg-1']", NULL, NULL);
	(void)state;
}

/* The error of join or of the feed. */
static void no_feed(const char *kubectl, const char *aws, const char *expected)
{
	const struct bg_settings settings = {};
	struct bg_json_writer feed = {};
	struct bg_cluster cluster = {};
	struct bg_error err = {};

	if (*kubectl)
		gather(&cluster, "kubectl.json", kubectl);
	if (*aws)
		gather(&cluster, "aws.json", aws);
	assert_true(bg_cluster_join(&cluster, &err) ||
		    bg_node_feed(&cluster, "n1", false, &settings, &feed, &err));
	if (!strstr(err.text, expected))
		fail_msg("expected \"%s\", found \"%s\"", expected, err.text);
	bg_json_writer_free(&feed);
	bg_cluster_release(&cluster);
}

static void of_half_a_cluster_there_is_no_feed(void **state)
{
	(void)state;
	no_feed("", GROUPS("") INTERFACES(""), "no file has what `kubectl get");
	no_feed(ITEMS(NODE_N1), INTERFACES(""),
		"no file has what `aws ec2 describe-security-groups`");
	no_feed(ITEMS(NODE_N1), GROUPS(""),
		"no file has what `aws ec2 describe-network-interfaces`");
	no_feed(ITEMS(NODE_N1), GROUPS("") "{'NetworkInterfaces':[],'NextToken':'t'}",
		"the last page of `aws ec2 describe-network-interfaces` is missing: 1 was given");
	no_feed("{'kind':'List','items':[" NODE_N1 "],'metadata':{'continue':'t'}}",
		GROUPS("") INTERFACES(""), "the last page of `kubectl get");
	no_feed(ITEMS(""), GROUPS("") INTERFACES(""), "n1: the files have no such node: expected");
	no_feed(ITEMS(OBJECT("v1", "Node", "'name':'n2'", "")), GROUPS("") INTERFACES(""),
		"one that they have is n2");
	/* with its last page it is whole */
	feed_has(ITEMS(NODE_N1),
		 GROUPS("") "{'NetworkInterfaces':[],'NextToken':'t'}{'NetworkInterfaces':[],"
			    "'NextToken':null}{'NetworkInterfaces':[],'NextToken':''}",
		 "'Branches':[]", NULL, NULL);
}

#define LISTED                                                                                     \
	GROUPS("{'GroupId':'sg-1','IpPermissions':[{'IpProtocol':'-1','PrefixListIds':[{"          \
	       "'PrefixListId':'pl-1'}]}]}")                                                       \
	ACTUAL("{'GroupId':'sg-1'}")

static void prefix_lists(void **state)
{
	static const char items[] = ITEMS(NODE_N1 "," CART "," CART_POLICY("'sg-1'"));

	(void)state;
	/* nothing is said of a list without entries: the daemon keeps those that it had */
	feed_has(items, LISTED, "'PrefixListId':'pl-1'", "Entries",
		 "the feed has no entries of pl-1");
	feed_has(items,
		 LISTED "{'PrefixLists':[{'PrefixListId':'pl-1','State':'create-complete'}]}",
		 "'PrefixListId':'pl-1'", "Entries", "the feed has no entries of pl-1");
	/* an empty one is empty */
	feed_has(items, LISTED "{'PrefixListId':'pl-1','Entries':[]}",
		 "{'PrefixListId':'pl-1','Entries':[]}", NULL, NULL);
	/* two pages, and AWS's own form */
	feed_has(items,
		 LISTED
		 "{'PrefixListId':'pl-1','Entries':[{'Cidr':'192.0.2.0/24'}],'NextToken':'t'}"
		 "{'PrefixListId':'pl-1','Entries':[{'Cidr':'2001:db8::/32'}]}",
		 "'Entries':[{'Cidr':'192.0.2.0/24'},{'Cidr':'2001:db8::/32'}]", NULL, NULL);
	feed_has(items, LISTED "{'PrefixLists':[{'PrefixListId':'pl-1','Cidrs':['192.0.2.0/24']}]}",
		 "'Entries':[{'Cidr':'192.0.2.0/24'}]", NULL, NULL);
	/* the last page is missing, or two answers differ */
	feed_has(items,
		 LISTED
		 "{'PrefixListId':'pl-1','Entries':[{'Cidr':'192.0.2.0/24'}],'NextToken':'t'}",
		 "pl-1", "192.0.2", "prefix list pl-1: the last page of its entries is missing");
	feed_has(items,
		 LISTED "{'PrefixListId':'pl-1','Entries':[{'Cidr':'192.0.2.0/24'}]}"
			"{'PrefixListId':'pl-1','Entries':[{'Cidr':'192.0.3.0/24'}]}",
		 "pl-1", "192.0.", "prefix list pl-1 is described twice, differently");
	feed_has(items,
		 LISTED "{'PrefixListId':'pl-1','Entries':[{'Cidr':'192.0.2.0'},{'Cidr':'x'}]}",
		 "pl-1", "192.0.2",
		 "/Entries/1/Cidr: prefix list pl-1: found \"x\", expected a CIDR");
}

static void entries_without_an_id_are_their_files(void **state)
{
	struct bg_cluster cluster = {};
	struct bg_error err;

	(void)state;
	gather(&cluster, "/tmp/pl-x/entries of pl-0e5.json",
	       "{'Entries':[{'Cidr':'192.0.2.0/24'}]}");
	assert_int_equal(cluster.list_count, 1);
	assert_string_equal(cluster.lists[0].id, "pl-0e5");
	assert_int_equal(gather_try(&cluster, "pl-1/entries.json", "{'Entries':[]}", &err),
			 -EINVAL);
	must_have(err.text, "whose entries are these?");
	bg_cluster_release(&cluster);
}

static void broken_objects_of_ec2(void **state)
{
	(void)state;
	/* rules by themselves would define a group that was left out */
	feed_has(
		ITEMS(NODE_N1 "," CART "," CART_POLICY("'sg-1'")),
		GROUPS("{'GroupId':'sg-1','IpPermissions':7}") "{'SecurityGroupRules':[{'GroupId':"
							       "'sg-1','IpProtocol':'-1','CidrIpv4':'10.0.0.0/8','SecurityGroupRuleId':'sgr-1'}]}" ACTUAL(
								       "{'GroupId':'sg-1'}"),
		"'SecurityGroups':[]", "sgr-1",
		"/SecurityGroups/0/IpPermissions: group sg-1: found 7");
	feed_has(
		ITEMS(NODE_N1 "," CART "," CART_POLICY("'sg-1'")),
		GROUPS("{'GroupId':'sg-1','IpPermissions':[{'IpProtocol':'tcp','FromPort':1,'ToPort':"
		       "70000}]}") ACTUAL("{'GroupId':'sg-1'}"),
		"'SecurityGroups':[]", NULL,
		"aws.json: /SecurityGroups/0/IpPermissions/0/ToPort: group sg-1: found 70000");
	feed_has(ITEMS(NODE_N1 "," CART "," CART_POLICY("'sg-1'")),
		 GROUPS(GROUP("sg-1") ",{'GroupName':'x'}")
			 INTERFACES("7,{'NetworkInterfaceId':'eni-9','PrivateIpAddress':'x'},"
				    "{'NetworkInterfaceId':'eni-1','Groups':[{'GroupId':'sg-1'}]}"),
		 "'GroupIds':['sg-1']", NULL,
		 "aws.json: /NetworkInterfaces/1/PrivateIpAddress: interface eni-9: found \"x\"");
	feed_has(ITEMS(NODE_N1 "," CART "," CART_POLICY("'sg-1'")),
		 GROUPS(GROUP(
			 "sg-1")) "{'SecurityGroupRules':[{'GroupId':'sg-1','IpProtocol':'tcp',"
				  "'FromPort':1,'ToPort':2,'CidrIpv4':'10.0.0.0/33',"
				  "'SecurityGroupRuleId':'sgr-1'}]}" ACTUAL("{'GroupId':'sg-1'}"),
		 "'sg-1'", "sgr-1", "/SecurityGroupRules/0/CidrIpv4: rule sgr-1: ");
	feed_has(ITEMS(NODE_N1 "," CART "," CART_POLICY("'sg-1'")),
		 GROUPS(GROUP("sg-1") ",{'GroupId':'sg-1','GroupName':'other'}")
			 ACTUAL("{'GroupId':'sg-1'}"),
		 "'SecurityGroups':[]", NULL, "group sg-1 is described twice, differently");
}

static char *with_settings(struct bg_cluster *cluster, const char *text, struct bg_error *err)
{
	struct bg_settings settings = {};
	struct bg_json_writer feed = {};
	char *copy = strdup(text), *result = NULL;

	for (char *c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
	gather(cluster, "kubectl.json", ITEMS(NODE_N1 "," CART));
	gather(cluster, "aws.json",
	       GROUPS(GROUP("sg-1")) INTERFACES(INTERFACE("eni-n", "sg-1", "10.0.1.10")));
	if (!bg_settings_read(cluster, "settings.json", copy, strlen(copy), &settings, err) &&
	    !bg_cluster_join(cluster, err) &&
	    !bg_node_feed(cluster, "n1", true, &settings, &feed, err))
		result = strndup(feed.text, feed.length_bytes);
	bg_json_writer_free(&feed);
	bg_settings_release(&settings);
	free(copy);
	return result;
}

static void settings_are_taken_as_they_are(void **state)
{
	struct bg_cluster cluster = {};
	struct bg_error err;
	char *feed = with_settings(
		&cluster,
		"{'Node':{'Name':'x','VpcCidrs':['10.0.0.0/16'],'ExternalSnat':true,'ServiceCidrs':["
		"'172.20.0.0/16'],'LocalServices':[{'Address':'169.254.20.10','Protocol':'udp','Port':"
		"53}]}}",
		&err);

	(void)state;
	assert_non_null(feed);
	must_have(feed,
		  "'Node':{'Name':'n1','Addresses':['10.0.1.10'],'GroupIds':['sg-1'],"
		  "'ServiceCidrs':['172.20.0.0/16'],'VpcCidrs':['10.0.0.0/16'],'ExternalSnat':"
		  "true,'LocalServices':[{'Address':'169.254.20.10','Protocol':'udp','Port':53}]}");
	must_have(feed, "'Mode':'standard'");
	free(feed);
	bg_cluster_release(&cluster);
}

static void settings_that_are_wrong(void **state)
{
	static const char *const cases[][2] = {
		{ "{'Node':{'VpcCidrs':['x']}}", "settings.json: /Node/VpcCidrs/0: found" },
		{ "{'Branches':[]}",
		  "settings.json: found other keys than Node and DefaultGroupIds" },
		{ "[]", "settings.json:1:1: found an array, expected a JSON object" },
		{ "{'Node':{}} {}", "settings.json:1:" },
		{ "{'DefaultGroupIds':[7]}", "settings.json: /DefaultGroupIds/0: " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bg_cluster cluster = {};
		struct bg_error err = {};

		assert_null(with_settings(&cluster, cases[i][0], &err));
		must_have(err.text, cases[i][1]);
		bg_cluster_release(&cluster);
	}
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
		cmocka_unit_test(files_in_any_order),
		cmocka_unit_test(documents_one_after_the_other),
		cmocka_unit_test(of_half_a_cluster_there_is_no_feed),
		cmocka_unit_test(prefix_lists),
		cmocka_unit_test(entries_without_an_id_are_their_files),
		cmocka_unit_test(broken_objects_of_ec2),
		cmocka_unit_test(settings_are_taken_as_they_are),
		cmocka_unit_test(settings_that_are_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
