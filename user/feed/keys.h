/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The objects of a feed and the keys that each may have. Every object is read by this
 * table (bg_feed_fields()), and branchguard.feed(5) is compared with it: a new key
 * goes here, into the enum of its object, and into the manual.
 */
#ifndef BG_FEED_KEYS_H
#define BG_FEED_KEYS_H

#include "feed/json.h"
#include "feed/model.h"

enum bg_object {
	BG_OBJECT_DOCUMENT,
	BG_OBJECT_NODE,
	BG_OBJECT_SERVICE,
	BG_OBJECT_TRACKING,
	BG_OBJECT_GROUP,
	BG_OBJECT_PERMISSION,
	/* peers of a permission, in the order of enum bg_peer_list */
	BG_OBJECT_IPV4_PEER,
	BG_OBJECT_IPV6_PEER,
	BG_OBJECT_LIST_PEER,
	BG_OBJECT_GROUP_PEER,
	BG_OBJECT_RULE,
	BG_OBJECT_REFERENCED_GROUP,
	BG_OBJECT_LIST,
	BG_OBJECT_LIST_ENTRY,
	BG_OBJECT_INTERFACE,
	BG_OBJECT_IPV4_ADDRESS,
	BG_OBJECT_IPV6_ADDRESS,
	BG_OBJECT_IPV4_PREFIX,
	BG_OBJECT_IPV6_PREFIX,
	BG_OBJECT_GROUP_ID,
	BG_OBJECT_BRANCH,
	BG_OBJECT_POD,
	BG_OBJECT_PROBE,
	BG_OBJECTS,
};

struct bg_object_keys {
	const char *name; /* the key that it stands under; its heading in the manual */
	struct bg_shape shape;
};

extern const struct bg_object_keys bg_objects[BG_OBJECTS];

/* The keys of an object that are read, in its shape's order. Where there is no enum, there
 * is one key, or an array says what is done with each. */

enum root_field {
	ROOT_VERSION,
	ROOT_REVISION,
	ROOT_NODE,
	ROOT_DEFAULT_GROUPS,
	ROOT_GROUPS,
	ROOT_RULES,
	ROOT_LISTS,
	ROOT_INTERFACES,
	ROOT_BRANCHES,
	ROOT_USED,
};

enum node_field {
	NODE_NAME,
	NODE_PRIMARY,
	NODE_TRUNK,
	NODE_ADDRESSES,
	NODE_GROUPS,
	NODE_VPC,
	NODE_SERVICES,
	NODE_EXTERNAL_SNAT,
	NODE_EXCLUDE_SNAT,
	NODE_LOCAL_SERVICES,
	NODE_PROBE_SOURCES,
	NODE_TRACKING,
	NODE_ESTABLISHED,
	NODE_PLATFORM,
	NODE_STANDARD_MODE,
	NODE_LIVE_MODE,
	NODE_USED,
};

enum service_field { SERVICE_ADDRESS, SERVICE_PROTOCOL, SERVICE_PORT, SERVICE_USED };

enum group_field {
	GROUP_ID,
	GROUP_NAME,
	GROUP_INGRESS,
	GROUP_EGRESS,
	GROUP_OWNER,
	GROUP_USED,
};

/* Of UserIdGroupPairs and ReferencedGroupInfo. */
enum peer_group_field { PEER_GROUP_ID, PEER_GROUP_OWNER, PEER_GROUP_USED };

/* In the order of enum bg_peer_list, from PEERS on. */
enum permission_field {
	PERMISSION_PROTOCOL,
	PERMISSION_FROM,
	PERMISSION_TO,
	PERMISSION_PEERS,
	PERMISSION_USED = PERMISSION_PEERS + BG_PEERS_FLAT,
};

enum flat_field {
	FLAT_ID,
	FLAT_GROUP,
	FLAT_EGRESS,
	FLAT_PROTOCOL,
	FLAT_FROM,
	FLAT_TO,
	FLAT_CIDR4, /* from here on one peer each, in this order */
	FLAT_CIDR6,
	FLAT_LIST,
	FLAT_REFERENCE,
	FLAT_OWNER,
	FLAT_USED,
};

enum list_field { LIST_ID, LIST_ENTRIES, LIST_CIDRS, LIST_USED };

enum interface_field {
	INTERFACE_ID,
	INTERFACE_GROUPS,
	INTERFACE_ADDRESS,
	INTERFACE_ADDRESSES,
	INTERFACE_ADDRESS6,
	INTERFACE_ADDRESSES6,
	INTERFACE_PREFIXES,
	INTERFACE_PREFIXES6,
	INTERFACE_TRACKING,
	INTERFACE_USED,
};

enum branch_field {
	BRANCH_ID,
	BRANCH_VLAN,
	BRANCH_INTERFACE,
	BRANCH_MODE,
	BRANCH_GROUPS,
	BRANCH_EC2_GROUPS,
	BRANCH_PODS,
	BRANCH_TRACKING,
	BRANCH_USED,
};

enum pod_field { POD_NAMESPACE, POD_NAME, POD_ADDRESSES, POD_INTERFACE, POD_PROBES, POD_USED };

enum probe_field { PROBE_PROTOCOL, PROBE_PORT, PROBE_USED };

#endif
