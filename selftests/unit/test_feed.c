// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a feed means for node, branches and pods, and which warnings it gets. */
#include "base/ip.h"
#include "feed_text.h"
#include "test.h"

static void the_least_feed(void **state)
{
	struct bg_model *model = feed_parse("{'FeedVersion':1,'SecurityGroups':[]}");

	(void)state;
	assert_string_equal(model->revision, "");
	assert_string_equal(model->node.name, "");
	assert_string_equal(model->node.primary_interface, "");
	assert_false(model->node.has_groups);
	assert_int_equal(model->branch_count, 0);
	assert_int_equal(model->warning_count, 0);
	assert_int_equal(model->node.timeouts.tcp_established_s, 350);
	assert_int_equal(model->node.timeouts.udp_s, 30);
	assert_int_equal(model->node.timeouts.udp_stream_s, 180);
	assert_int_equal(model->node.timeouts.other_s, 600);
	bg_model_free(model);
}

static void the_example(void **state)
{
	struct bg_model *model = feed_parse(feed_example);
	const struct bg_model_node *node = &model->node;
	char text[BG_IP_TEXT];

	(void)state;
	assert_string_equal(model->revision, "2026-11-23T10:00:00Z/42");
	assert_string_equal(node->name, "ip-10-0-1-10");
	assert_string_equal(node->primary_interface, "eth0");
	assert_string_equal(node->trunk_interface, "eth1");
	assert_int_equal(node->address_count, 1);
	assert_string_equal(bg_addr_format(&node->addresses[0], text), "10.0.1.10");
	assert_true(node->has_groups);
	assert_int_equal(node->group_count, 1);
	assert_string_equal(model->groups[node->groups[0]].id, "sg-0node");
	assert_int_equal(node->vpc_cidr_count, 1);
	assert_string_equal(bg_prefix_format(&node->vpc_cidrs[0], text), "10.0.0.0/16");
	assert_string_equal(bg_prefix_format(&node->service_cidrs[0], text), "172.20.0.0/16");
	assert_string_equal(bg_prefix_format(&node->exclude_snat_cidrs[0], text), "192.168.0.0/16");
	assert_int_equal(node->local_service_count, 1);
	assert_string_equal(bg_addr_format(&node->local_services[0].address, text),
			    "169.254.20.10");
	assert_int_equal(node->local_services[0].protocol, 17);
	assert_int_equal(node->local_services[0].port, 53);
	assert_true(node->external_snat);
	assert_false(node->revalidate || node->filter_platform || node->per_interface ||
		     node->live_mode_change);
	assert_int_equal(node->timeouts.tcp_established_s, 351);
	assert_int_equal(node->timeouts.udp_s, 31);
	assert_int_equal(node->timeouts.udp_stream_s, 181);
	assert_int_equal(model->branches[0].timeouts.udp_s, 31);
	bg_model_free(model);
	feed_is(feed_example, FEED_ALL,
		"group sg-0aa11 pay\n"
		"  sgr-01 ingress 6 5432-5432 10.0.0.0/16\n"
		"  - ingress 6 5432-5432 2001:db8::/48\n"
		"  - ingress 6 5432-5432 pl-0e5\n"
		"  - ingress 6 5432-5432 sg-0bb22\n"
		"  - egress -1 0-65535 0.0.0.0/0\n"
		"group sg-0node\n"
		"group sg-0cluster\n"
		"set 10.0.0.0/16: 10.0.0.0/16\n"
		"set 2001:db8::/48: 2001:db8::/48\n"
		"set pl-0e5: 192.0.2.0/24\n"
		"set sg-0bb22: 10.0.47.82/32 10.0.48.0/28 2001:db8::7c/128\n"
		"set 0.0.0.0/0: 0.0.0.0/0\n"
		"branch eni-0b2c 9 vlan.eth.9 strict: sg-0aa11\n"
		"  pod shop/cart-0 vlan0365022ad4d: 10.0.47.90 2001:db8::90 (6/8080)\n");
}

/* What the CNI does; the hash is `printf shop.cart-0 | sha1sum`. */
static void defaults_are_those_of_the_cni(void **state)
{
	(void)state;
	feed_is(FEED_POD("'Probes':[]"), FEED_BRANCHES,
		"branch eni-1 9 vlan.eth.9 strict:\n"
		"  pod shop/cart-0 vlan18582a65b10: 10.0.0.9\n");
	feed_is(FEED_BRANCH("'Mode':'standard','Pods':[{'Namespace':'shop','Name':'cart-0',"
			    "'Addresses':['10.0.0.9'],'Probes':[{'Port':80},"
			    "{'Protocol':'udp','Port':53},{'Protocol':'icmp'}]}]"),
		FEED_BRANCHES,
		"branch eni-1 9 vlan.eth.9 standard:\n"
		"  pod shop/cart-0 eni18582a65b10: 10.0.0.9 (6/80) (17/53) (1/0)\n");
}

static void groups_of_a_branch(void **state)
{
	static const char by_default[] =
		"{'FeedVersion':1,'SecurityGroups':[{'GroupId':'sg-1'},{'GroupId':'sg-2'}],"
		"'DefaultGroupIds':['sg-2'],'Branches':[{'Id':'a','VlanId':1,'Pods':[]},"
		"{'Id':'b','VlanId':2,'GroupIds':null,'Pods':[]},{'Id':'c','VlanId':3,'GroupIds':['sg-1'],'Pods':[]}]}";

	(void)state;
	feed_is(by_default, FEED_BRANCHES,
		"branch a 1 vlan.eth.1 strict: sg-2\n"
		"branch b 2 vlan.eth.2 strict: sg-2\n"
		"branch c 3 vlan.eth.3 strict: sg-1\n");
	/* in the order of the feed, once; a group that it does not have is kept by name */
	feed_is(FEED_BRANCH("'GroupIds':['sg-2','sg-1','sg-2','sg-9'],'Pods':[]"),
		FEED_BRANCHES | FEED_GROUPS,
		"group sg-1\n"
		"group sg-2\n"
		"group sg-9 (unknown)\n"
		"branch eni-1 9 vlan.eth.9 strict: sg-1 sg-2 sg-9\n");
}

static void several_pods_of_both_families(void **state)
{
	(void)state;
	feed_is(FEED_BRANCH("'Pods':["
			    "{'Namespace':'a','Name':'x','HostInterface':'vlanx',"
			    "'Addresses':['10.0.0.1','2001:db8::1']},"
			    "{'Namespace':'a','Name':'y','HostInterface':'vlany',"
			    "'Addresses':['2001:db8::2']},"
			    "{'Namespace':'b','Name':'x','HostInterface':'vlanz',"
			    "'Addresses':['10.0.0.3','10.0.0.4']}]"),
		FEED_BRANCHES,
		"branch eni-1 9 vlan.eth.9 strict:\n"
		"  pod a/x vlanx: 10.0.0.1 2001:db8::1\n"
		"  pod a/y vlany: 2001:db8::2\n"
		"  pod b/x vlanz: 10.0.0.3 10.0.0.4\n");
}

/* The AWS CLI prints many. */
static void null_is_absent(void **state)
{
	(void)state;
	feed_is("{'FeedVersion':1,'Revision':null,'Node':null,'DefaultGroupIds':null,"
		"'SecurityGroupRules':null,'PrefixLists':null,'NetworkInterfaces':null,"
		"'SecurityGroups':[{'GroupId':'sg-1','GroupName':null,'IpPermissions':null,"
		"'IpPermissionsEgress':[{'IpProtocol':'tcp','FromPort':1,'ToPort':2,"
		"'IpRanges':null,'Ipv6Ranges':[{'CidrIpv6':'::/0','Description':null}],"
		"'PrefixListIds':null,'UserIdGroupPairs':null}]}],"
		"'Branches':[{'Id':'eni-1','VlanId':9,'Interface':null,'Mode':null,"
		"'ConnectionTracking':null,'Pods':[]}]}",
		FEED_ALL & ~FEED_WARNINGS,
		"group sg-1\n"
		"  - egress 6 1-2 ::/0\n"
		"set ::/0: ::/0\n"
		"branch eni-1 9 vlan.eth.9 strict:\n");
	feed_is("{'FeedVersion':1,'SecurityGroups':[],'Branches':null}", FEED_ALL, "");
}

static void words_of_the_node(void **state)
{
	struct bg_model *model = feed_parse(
		FEED_WITH("'Node':{'EstablishedFlows':'revalidate','PlatformTraffic':'filter',"
			  "'StandardMode':'per-interface','LiveModeChange':true,'GroupIds':[],"
			  "'ProbeSources':['10.0.2.0/24'],"
			  "'ConnectionTracking':{'UdpTimeout':60}},"
			  "'Branches':[{'Id':'a','VlanId':1,"
			  "'Pods':[],'ConnectionTracking':{'UdpStreamTimeout':90}}]"));

	(void)state;
	assert_true(model->node.revalidate);
	assert_true(model->node.filter_platform);
	assert_true(model->node.per_interface);
	assert_true(model->node.live_mode_change);
	assert_true(model->node.has_groups);
	assert_int_equal(model->node.group_count, 0);
	assert_int_equal(model->node.probe_source_count, 1);
	assert_int_equal(model->node.timeouts.udp_s, 60);
	assert_int_equal(model->branches[0].timeouts.udp_s, 60);
	assert_int_equal(model->branches[0].timeouts.udp_stream_s, 90);
	assert_int_equal(model->branches[0].timeouts.tcp_established_s, 350);
	bg_model_free(model);
}

/* What the AWS CLI prints, whole: no warning of what we have no use for. */
static void output_of_the_aws_cli_as_it_is(void **state)
{
	static const char text[] =
		"{'FeedVersion':1,'SecurityGroups':[{"
		"'GroupId':'sg-0123456789abcdef0','IpPermissionsEgress':[{'IpProtocol':'-1',"
		"'UserIdGroupPairs':[],'IpRanges':[{'CidrIp':'0.0.0.0/0'}],'Ipv6Ranges':[],"
		"'PrefixListIds':[]}],'Tags':[{'Key':'Name','Value':'db'}],"
		"'VpcId':'vpc-1a2b3c4d','SecurityGroupArn':'arn:aws:ec2:eu-west-1:1:sg/sg-0',"
		"'OwnerId':'111122223333','GroupName':'db','Description':'of the database',"
		"'IpPermissions':[{'IpProtocol':'tcp','FromPort':5432,'ToPort':5432,"
		"'UserIdGroupPairs':[{'Description':'app','UserId':'111122223333',"
		"'GroupId':'sg-0fedcba9876543210','GroupName':'app','VpcId':'vpc-2',"
		"'VpcPeeringConnectionId':'pcx-1','PeeringStatus':'active'}],'IpRanges':[],"
		"'Ipv6Ranges':[],'PrefixListIds':[{'Description':'s3','PrefixListId':'pl-6da54004'}]"
		"}]}],"
		"'SecurityGroupRules':[{'SecurityGroupRuleId':'sgr-0123456789abcdef0',"
		"'GroupId':'sg-0123456789abcdef0','GroupOwnerId':'111122223333','IsEgress':true,"
		"'IpProtocol':'-1','FromPort':-1,'ToPort':-1,'CidrIpv4':'0.0.0.0/0',"
		"'Description':'all','Tags':[],'SecurityGroupRuleArn':'arn:aws:ec2:x'},"
		"{'SecurityGroupRuleId':'sgr-0fedcba9876543210',"
		"'GroupId':'sg-0123456789abcdef0','GroupOwnerId':'111122223333','IsEgress':false,"
		"'IpProtocol':'tcp','FromPort':5432,'ToPort':5432,'ReferencedGroupInfo':"
		"{'GroupId':'sg-0fedcba9876543210','UserId':'111122223333','VpcId':'vpc-2',"
		"'VpcPeeringConnectionId':'pcx-1','PeeringStatus':'active'},'Tags':[]}],"
		"'PrefixLists':[{'PrefixListId':'pl-6da54004','AddressFamily':'IPv4',"
		"'State':'create-complete','PrefixListArn':'arn:aws:ec2:x','PrefixListName':'s3',"
		"'MaxEntries':10,'Version':1,'Tags':[],'OwnerId':'AWS','Entries':"
		"[{'Cidr':'52.218.0.0/17','Description':''}]}],"
		"'NetworkInterfaces':[{'Association':{'IpOwnerId':'amazon',"
		"'PublicDnsName':'ec2-1.amazonaws.com','PublicIp':'203.0.113.1'},"
		"'Attachment':{'AttachTime':'2026-11-01T00:00:00+00:00','AttachmentId':'a',"
		"'DeleteOnTermination':true,'DeviceIndex':0,'NetworkCardIndex':0,"
		"'InstanceId':'i-1','InstanceOwnerId':'1','Status':'attached'},"
		"'AvailabilityZone':'eu-west-1a','AvailabilityZoneId':'euw1-az1',"
		"'ConnectionTrackingConfiguration':{'TcpEstablishedTimeout':600,"
		"'UdpStreamTimeout':60,'UdpTimeout':30},"
		"'Description':'','Groups':[{'GroupName':'app','GroupId':'sg-0fedcba9876543210'}],"
		"'InterfaceType':'interface','Ipv6Addresses':[{'Ipv6Address':'2001:db8::5',"
		"'IsPrimaryIpv6':false,'PublicIpv6DnsName':'x'}],'MacAddress':'02:00:00:00:00:01',"
		"'NetworkInterfaceId':'eni-0123456789abcdef0','OwnerId':'1',"
		"'PrivateDnsName':'ip-10-0-0-5.ec2.internal','PrivateIpAddress':'10.0.0.5',"
		"'PrivateIpAddresses':[{'Association':{'IpOwnerId':'amazon'},'Primary':true,"
		"'PrivateDnsName':'x','PrivateIpAddress':'10.0.0.5'}],'Ipv4Prefixes':[],"
		"'Ipv6Prefixes':[],'RequesterId':'AIDA','RequesterManaged':false,"
		"'SourceDestCheck':true,'Status':'in-use','SubnetId':'subnet-1','TagSet':[],"
		"'VpcId':'vpc-1','DenyAllIgwTraffic':false,'Ipv6Native':false,"
		"'Ipv6Address':'2001:db8::5','Operator':{'Managed':false},'AssociatedSubnets':[]}],"
		"'NextToken':null}";

	(void)state;
	feed_is(text, FEED_ALL,
		"group sg-0123456789abcdef0 db\n"
		"  - ingress 6 5432-5432 pl-6da54004\n"
		"  sgr-0fedcba9876543210 ingress 6 5432-5432 sg-0fedcba9876543210\n"
		"  sgr-0123456789abcdef0 egress -1 0-65535 0.0.0.0/0\n"
		"set pl-6da54004: 52.218.0.0/17\n"
		"set sg-0fedcba9876543210: 10.0.0.5/32 2001:db8::5/128\n"
		"set 0.0.0.0/0: 0.0.0.0/0\n");
}

/* A typing error in a hundred places is one warning; the keys beside it count. */
static void unknown_keys_warn_once_a_pattern(void **state)
{
	(void)state;
	feed_is("{'FeedVersion':1,'Comment':'mine','SecurityGroups':["
		"{'GroupId':'sg-1','Allowed':[]},{'GroupId':'sg-2','Allowed':[]},"
		"{'GroupId':'sg-3','Allowed':[],'IpPermissions':[{'IpProtocol':'-1',"
		"'IpRanges':[{'CidrIp':'10.0.0.0/8','Descripton':''}]}]}]}",
		FEED_GROUPS | FEED_WARNINGS,
		"group sg-1\n"
		"group sg-2\n"
		"group sg-3\n"
		"  - ingress -1 0-65535 10.0.0.0/8\n"
		"warning /Comment: unknown key, ignored\n"
		"warning /SecurityGroups/0/Allowed: unknown key, ignored; 3 in all as "
		"/SecurityGroups/*/Allowed\n"
		"warning /SecurityGroups/2/IpPermissions/0/IpRanges/0/Descripton: unknown key, "
		"ignored\n");
}

/* Ours is there, so the other one is no slip; or EC2 has it; or too little is alike. */
static void a_key_that_is_near_to_none_that_lacks(void **state)
{
	(void)state;
	feed_is("{'FeedVersion':1,'Node':{},'Nodes':1,'SecurityGroups':[{'GroupId':'sg-1',"
		"'GroupName':'a','Tags':[],'Tag':1,'IpPermissions':[{'IpProtocol':'-1',"
		"'IpRanges':[{'CidrIp':'10.0.0.0/8','Description':'b','Descriptions':1}]}]}]}",
		FEED_WARNINGS,
		"warning /Nodes: unknown key, ignored\n"
		"warning /SecurityGroups/0/Tag: unknown key, ignored\n"
		"warning /SecurityGroups/0/IpPermissions/0/IpRanges/0/Descriptions: unknown key, "
		"ignored\n");
}

static void a_byte_order_mark_is_no_text(void **state)
{
	(void)state;
	feed_is("\xef\xbb\xbf{'FeedVersion':1,'SecurityGroups':[{'GroupId':'sg-1'}]}", FEED_ALL,
		"group sg-1\n");
}

static void what_a_user_is_warned_of(void **state)
{
	(void)state;
	feed_is("{'FeedVersion':1,'SecurityGroups':[{'GroupId':'sg-1','IpPermissions':["
		"{'IpProtocol':'tcp','FromPort':1,'ToPort':1,'IpRanges':[{'CidrIp':'10.1.2.3/8'}],"
		"'PrefixListIds':[{'PrefixListId':'pl-1'}],"
		"'UserIdGroupPairs':[{'GroupId':'sg-9'}]},{'IpProtocol':'-1'}]}],"
		"'DefaultGroupIds':['sg-8'],"
		"'Branches':[{'Id':'a','VlanId':1,'Pods':[]},"
		"{'Id':'b','VlanId':2,'GroupIds':[],'Pods':[{'Addresses':[]}]}]}",
		FEED_WARNINGS,
		"warning /SecurityGroups/0/IpPermissions/0/IpRanges/0/CidrIp: 10.1.2.3/8 has bits "
		"behind its length, taken as 10.0.0.0/8\n"
		"warning /SecurityGroups/0/IpPermissions/1: names no peer: it allows nothing\n"
		"warning /DefaultGroupIds/0: sg-8 is not in the feed: no rules of it\n"
		"warning /Branches/0/Pods: no pod: nothing passes\n"
		"warning /Branches/1: no groups: no rule allows anything\n"
		"warning /Branches/1/Pods/0/Addresses: no address: nothing of the pod passes\n"
		"warning /SecurityGroups/0/IpPermissions/0/PrefixListIds/0: the feed has no "
		"entries of pl-1: it matches nothing\n"
		"warning /SecurityGroups/0/IpPermissions/0/UserIdGroupPairs/0: the feed has "
		"neither sg-9 nor members of it: it matches nothing\n");
}

/* A branch in EC2's own shape. */
static void groups_of_a_branch_as_ec2_writes_them(void **state)
{
	(void)state;
	feed_is(FEED_BRANCH("'Groups':[{'GroupId':'sg-2','GroupName':'x'}],'Pods':[]"),
		FEED_BRANCHES, "branch eni-1 9 vlan.eth.9 strict: sg-2\n");
}

/* The time-outs of the interface that the branch is. */
static void tracking_of_the_interface(void **state)
{
	struct bg_model *model = feed_parse(
		"{'FeedVersion':1,'SecurityGroups':[],'NetworkInterfaces':["
		"{'NetworkInterfaceId':'eni-1','ConnectionTrackingConfiguration':"
		"{'TcpEstablishedTimeout':432000,'UdpTimeout':31}}],'Branches':["
		"{'Id':'eni-1','VlanId':1,'Pods':[],'ConnectionTracking':{'UdpTimeout':32}},"
		"{'Id':'eni-2','VlanId':2,'Pods':[]}]}");

	(void)state;
	assert_int_equal(model->branches[0].timeouts.tcp_established_s, 432000);
	assert_int_equal(model->branches[0].timeouts.udp_s, 32);
	assert_int_equal(model->branches[1].timeouts.tcp_established_s, 350);
	assert_int_equal(model->branches[1].timeouts.udp_s, 30);
	bg_model_free(model);
}

/* Half-closed connections live as long as open ones, unless somebody says otherwise. */
static void tracking_of_what_one_end_has_closed(void **state)
{
	struct bg_model *model = feed_parse(
		"{'FeedVersion':1,'SecurityGroups':[],'NetworkInterfaces':["
		"{'NetworkInterfaceId':'eni-1','ConnectionTrackingConfiguration':"
		"{'TcpEstablishedTimeout':432000}}],'Branches':["
		"{'Id':'eni-1','VlanId':1,'Pods':[]},"
		"{'Id':'eni-2','VlanId':2,'Pods':[]},"
		"{'Id':'eni-3','VlanId':3,'Pods':[],'ConnectionTracking':{'TcpClosingTimeout':9}}]}");

	(void)state;
	assert_int_equal(model->branches[0].timeouts.tcp_closing_s, 432000);
	assert_int_equal(model->branches[1].timeouts.tcp_closing_s, 350);
	assert_int_equal(model->branches[2].timeouts.tcp_closing_s, 9);
	assert_int_equal(model->branches[2].timeouts.tcp_established_s, 350);
	bg_model_free(model);
	model = feed_parse("{'FeedVersion':1,'SecurityGroups':[],"
			   "'Node':{'ConnectionTracking':{'TcpClosingTimeout':8}},"
			   "'Branches':[{'Id':'eni-1','VlanId':1,'Pods':[]}]}");
	assert_int_equal(model->branches[0].timeouts.tcp_closing_s, 8);
	bg_model_free(model);
}

/* Interfaces one by one, for who asks about the other end of a connection. */
static void what_is_beyond_the_node(void **state)
{
	static const char text[] =
		"{'FeedVersion':1,'SecurityGroups':["
		" {'GroupId':'sg-1','IpPermissions':[]},{'GroupId':'sg-2'},"
		" {'GroupId':'sg-3'}],"
		"'SecurityGroupRules':[{'GroupId':'sg-3','IsEgress':true,'IpProtocol':'-1',"
		" 'CidrIpv4':'0.0.0.0/0'}],"
		"'NetworkInterfaces':[{'NetworkInterfaceId':'eni-1',"
		" 'Groups':[{'GroupId':'sg-x'},{'GroupId':'sg-1'},{'GroupId':'sg-x'}],"
		" 'PrivateIpAddresses':[{'PrivateIpAddress':'10.0.0.1'}],"
		" 'Ipv6Prefixes':[{'Ipv6Prefix':'2001:db8::/80'}]},"
		" {'Groups':[{'GroupId':'sg-1'}]}]}";
	struct bg_model *model = feed_parse_all(text);
	const struct bg_model_interface *interface = model->interfaces;
	char ip[BG_IP_TEXT];

	(void)state;
	/* one without an address is nobody's other end */
	assert_int_equal(model->interface_count, 1);
	assert_string_equal(interface->id, "eni-1");
	assert_int_equal(interface->prefix_count, 2);
	assert_string_equal(bg_prefix_format(&interface->prefixes[0], ip), "10.0.0.1/32");
	assert_string_equal(bg_prefix_format(&interface->prefixes[1], ip), "2001:db8::/80");
	assert_int_equal(interface->group_count, 2);
	assert_string_equal(model->groups[interface->groups[0]].id, "sg-1");
	assert_string_equal(model->groups[interface->groups[1]].id, "sg-x");
	assert_false(model->groups[interface->groups[1]].known);
	/* an empty list is said, an absent one is not */
	assert_true(model->groups[0].stated[BG_INGRESS]);
	assert_false(model->groups[0].stated[BG_EGRESS]);
	assert_false(model->groups[1].stated[BG_INGRESS]);
	assert_true(model->groups[2].stated[BG_INGRESS] && model->groups[2].stated[BG_EGRESS]);
	bg_model_free(model);
	/* the daemon has no use for them */
	model = feed_parse(text);
	assert_int_equal(model->interface_count, 0);
	assert_null(model->interfaces);
	bg_model_free(model);
}

/* Whose a group is, for who prints a command that names it; no verdict hangs on it, so what
 * is no account refuses nothing. */
static void accounts(void **state)
{
	static const char text[] =
		"{'FeedVersion':1,'SecurityGroups':["
		" {'GroupId':'sg-1','OwnerId':'111122223333','IpPermissions':[{'IpProtocol':'-1',"
		"  'UserIdGroupPairs':[{'GroupId':'sg-2','UserId':'444455556666'},"
		"  {'GroupId':'sg-1','UserId':'999999999999'},{'GroupId':'sg-5','UserId':7},"
		"  {'GroupId':'sg-6','UserId':'amazon-elb'},{'GroupId':'sg-7','UserId':''},"
		"  {'GroupId':'sg-8','UserId':'1;reboot'},{'GroupId':'sg-9'}]}]}],"
		"'SecurityGroupRules':[{'GroupId':'sg-3','GroupOwnerId':'111122223333',"
		" 'IpProtocol':'-1','ReferencedGroupInfo':{'GroupId':'sg-4',"
		" 'UserId':'777788889999'}}]}";
	struct bg_model *model = feed_parse_all(text);

	(void)state;
	assert_string_equal(bg_model_account(model, "sg-1"), "111122223333");
	assert_string_equal(bg_model_account(model, "sg-2"), "444455556666");
	assert_string_equal(bg_model_account(model, "sg-3"), "111122223333");
	assert_string_equal(bg_model_account(model, "sg-4"), "777788889999");
	assert_null(bg_model_account(model, "sg-10"));
	assert_int_equal(model->account_count, 4);
	bg_model_free(model);
	/* the daemon has no use for them */
	model = feed_parse(text);
	assert_int_equal(model->account_count, 0);
	bg_model_free(model);
}

#define WHO                                                                                        \
	"it goes to the one whose interface and veth exist; if both do, to the one in force "      \
	"already; else to nobody\n"

/* What is claimed twice holds up nothing; nor does it make members of the group before it is
 * known who gets it. */
static void claims(void **state)
{
	(void)state;
	feed_is("{'FeedVersion':1,'Node':{'Addresses':['2001:db8::a'],'PrimaryInterface':'eth0'},"
		"'SecurityGroups':[{'GroupId':'sg-1','IpPermissions':[{'IpProtocol':'-1',"
		"'UserIdGroupPairs':[{'GroupId':'sg-1'}]}]}],'DefaultGroupIds':['sg-1'],"
		"'Branches':["
		"{'Id':'eni-1','VlanId':8,'Pods':[{'Addresses':['10.0.0.1']}]},"
		"{'Id':'eni-1','VlanId':9,'Pods':[{'Addresses':['10.0.0.2']}]},"
		"{'Id':'eni-2','VlanId':8,'Interface':'x','Pods':[{'Addresses':['10.0.0.3']}]},"
		"{'Id':'eni-3','VlanId':10,'Interface':'x','Pods':[{'Addresses':['10.0.0.4']}]},"
		"{'Id':'eni-4','VlanId':11,'Interface':'eth0','Pods':["
		"{'Addresses':['10.0.0.5','2001:DB8:0::A']},"
		"{'Addresses':['10.0.0.6','10.0.0.5'],'HostInterface':'x'}]}]}",
		FEED_SETS | FEED_WARNINGS,
		"set sg-1: 10.0.0.6/32\n"
		"warning /Branches/1/Id: eni-1 stands at /Branches/0/Id, too: " WHO
		"warning /Branches/2/VlanId: VLAN 8 stands at /Branches/0/VlanId, too: " WHO
		"warning /Branches/3/Interface: x stands at /Branches/2/Interface, too: " WHO
		"warning /Branches/4/Interface: eth0 is the node's (/Node/PrimaryInterface): the "
		"branch is left out\n"
		"warning /Branches/4/Pods/0/Addresses: 2001:db8::a is the node's "
		"(/Node/Addresses): left out\n"
		"warning /Branches/4/Pods/1/Addresses: 10.0.0.5 stands at "
		"/Branches/4/Pods/0/Addresses, too: " WHO
		"warning /Branches/4/Pods/1/HostInterface: x is the interface of a branch: left "
		"out\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_least_feed),
		cmocka_unit_test(the_example),
		cmocka_unit_test(defaults_are_those_of_the_cni),
		cmocka_unit_test(groups_of_a_branch),
		cmocka_unit_test(groups_of_a_branch_as_ec2_writes_them),
		cmocka_unit_test(several_pods_of_both_families),
		cmocka_unit_test(null_is_absent),
		cmocka_unit_test(words_of_the_node),
		cmocka_unit_test(tracking_of_the_interface),
		cmocka_unit_test(tracking_of_what_one_end_has_closed),
		cmocka_unit_test(output_of_the_aws_cli_as_it_is),
		cmocka_unit_test(unknown_keys_warn_once_a_pattern),
		cmocka_unit_test(a_key_that_is_near_to_none_that_lacks),
		cmocka_unit_test(a_byte_order_mark_is_no_text),
		cmocka_unit_test(what_is_beyond_the_node),
		cmocka_unit_test(accounts),
		cmocka_unit_test(claims),
		cmocka_unit_test(what_a_user_is_warned_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
