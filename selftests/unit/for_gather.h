/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Clusters written in tests: in all texts ' stands for ", and ` for \". */
#ifndef FOR_GATHER_H
#define FOR_GATHER_H

#include <jansson.h>

#include "fleet/gather/node_feed.h"

/* An item, and a list of items; nodes, groups and interfaces as answers of their own. */
#define ITEMS(items) "{'apiVersion':'v1','kind':'List','items':[" items "]}"
#define OBJECT(api, kind, metadata, more)                                                          \
	"{'apiVersion':'" api "','kind':'" kind "','metadata':{" metadata "}" more "}"
#define POD(name, metadata, spec, status)                                                          \
	OBJECT("v1", "Pod", "'namespace':'shop','name':'" name "'" metadata,                       \
	       ",'spec':{" spec "},'status':{" status "}")
#define POLICY(name, spec)                                                                         \
	OBJECT("vpcresources.k8s.aws/v1beta1", "SecurityGroupPolicy",                              \
	       "'namespace':'shop','name':'" name "'", ",'spec':{" spec "}")
#define SELECTED(groups) "'securityGroups':{'groupIds':[" groups "]}"
/* The annotation of one interface. */
#define ANNOTATED(eni, vlan, address)                                                              \
	",'labels':{'app':'cart'},'annotations':{'vpc.amazonaws.com/pod-eni':"                     \
	"'[{`eniId`:`" eni "`,`vlanId`:" vlan ",`privateIp`:`" address "`}]'}"
#define NODE_N1                                                                                    \
	OBJECT("v1", "Node", "'name':'n1'",                                                        \
	       ",'status':{'addresses':[{'type':'InternalIP','address':'10.0.1.10'},"              \
	       "{'type':'Hostname','address':'n1'}]}")
/* The pod and the policy that most clusters are made of, and the groups its interface has. */
#define ON_N1 "'nodeName':'n1'"
#define CART_POLICY(groups) POLICY("cart", "'podSelector':{}," SELECTED(groups))
#define CART POD("cart-0", ANNOTATED("eni-1", "9", "10.0.0.1"), ON_N1, "")
#define ACTUAL(groups)                                                                             \
	INTERFACES("{'NetworkInterfaceId':'eni-1','Groups':[" groups                               \
		   "],'PrivateIpAddress':'10.0.0.1'}")
#define GROUPS(list) "{'SecurityGroups':[" list "]}"
#define GROUP(id) "{'GroupId':'" id "','IpPermissions':[],'IpPermissionsEgress':[]}"
#define INTERFACES(list) "{'NetworkInterfaces':[" list "]}"
#define INTERFACE(id, group, address)                                                              \
	"{'NetworkInterfaceId':'" id "','Groups':[{'GroupId':'" group "'}],"                       \
	"'PrivateIpAddresses':[{'PrivateIpAddress':'" address "'}]}"

/* Reads a text as file `file`; the parser's answer. */
int gather_try(struct bg_cluster *cluster, const char *file, const char *text,
	       struct bg_error *err);
/* The same, and it has to be taken. */
void gather(struct bg_cluster *cluster, const char *file, const char *text);

/* The feed of n1, strict or standard, or the test fails; the caller frees it. */
char *gathered_feed(struct bg_cluster *cluster, bool standard);

/* The value, or the test fails. */
json_t *gather_json(const char *text);

/* The feed of a cluster with these two answers; *cluster has the reports. Objects that an API server
 * can have so make the same feed, with as many reports, when they are trimmed, or the test fails. */
char *feed_of(struct bg_cluster *cluster, const char *items, const char *aws);
/* What the feed has and lacks (NULL: nothing in particular), and a report (NULL: none at all). */
void feed_has(const char *items, const char *aws, const char *part, const char *lacks,
	      const char *report);

/* Is there a report with this in it (' and ` as above)? Else the test fails with all. */
void must_report(const struct bg_cluster *cluster, const char *part);
void must_report_nothing(const struct bg_cluster *cluster);

/* Fails, unless the text has this part (lacks it). */
void must_have(const char *text, const char *part);
void must_lack(const char *text, const char *part);

#endif
