/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a publish leaves in the maps: no packets, so the smallest program does. */
#ifndef DATAPATH_MAPS_H
#define DATAPATH_MAPS_H

#include "datapath/datapath.h"

/* ' stands for ", see feed_text.h */
/* clang-format off */
#define FEED(rules, branches) \
	"{'FeedVersion': 1, 'Revision': 'r'," \
	" 'SecurityGroups': [{'GroupId': 'sg-1', 'IpPermissions': [" rules "]}]," \
	" 'Branches': [" branches "]}"
#define PORT(port) \
	"{'IpProtocol': 'tcp', 'FromPort': " #port ", 'ToPort': " #port "," \
	" 'IpRanges': [{'CidrIp': '10.0.0.0/8'}]}"
#define BRANCH(vlan) \
	"{'Id': 'eni-" #vlan "', 'VlanId': " #vlan ", 'GroupIds': ['sg-1']," \
	" 'Pods': [{'Namespace': 'a', 'Name': 'p" #vlan "', 'Addresses': ['10.1.0." #vlan "']}]}"

#define TWO_RULES FEED(PORT(80) "," PORT(443), BRANCH(9) "," BRANCH(10))
#define OTHER_RULE FEED(PORT(443) "," PORT(8443), BRANCH(9))
#define NEW_BRANCH FEED(PORT(443), BRANCH(9) "," BRANCH(11))
/* clang-format on */

/* The cheapest to load, for bg_datapath_options.only. */
extern const char *const maps_programs[];

struct bg_datapath *maps_open(const struct bg_datapath_options *options);
struct bg_publish_times maps_publish(struct bg_datapath *datapath, const char *feed);

/* Number of the rule for a port in force, 0 = none. */
__u32 maps_rule(const struct bg_datapath *datapath, int port, struct bg_rule *rule);
bool maps_branch(const struct bg_datapath *datapath, __u32 vlan, struct bg_branch_info *info);
/* How many entries a map has: what `bpftool map dump` prints. */
struct bpf_map;
__u32 maps_count(const struct bpf_map *map);
/* As if the rule had been hit so often. */
void maps_hit(const struct bg_datapath *datapath, __u32 number, __u64 hits);

/* Its image is larger than 1024 blocks. It has the rule of port 80, and the one of
 * port 81 is new to TWO_RULES. */
struct bg_model *maps_large_model(void);

#endif
