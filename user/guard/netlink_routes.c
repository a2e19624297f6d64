// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Netlink messages about routes and the rules that choose a table: all default routes, what
 * routes pods, and the one that a pod's packets take. Called by netdevs.c, as netlink.c is.
 */
#include "guard/netlink.h"

#include <errno.h>
#include <string.h>

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

#include "base/ip.h"

/* By several ways: the first of them. */
static __u32 first_hop(const struct nlattr *attribute)
{
	const struct rtnexthop *hop = mnl_attr_get_payload(attribute);

	return mnl_attr_get_payload_len(attribute) < sizeof(*hop) || hop->rtnh_ifindex < 0
		       ? 0
		       : (__u32)hop->rtnh_ifindex;
}

bool bg_default_route_parse(const struct nlmsghdr *message, struct bg_default_route *route)
{
	const struct rtmsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *attribute;

	memset(route, 0, sizeof(*route));
	if (message->nlmsg_len < mnl_nlmsg_size(sizeof(*header)) || header->rtm_dst_len ||
	    header->rtm_type != RTN_UNICAST)
		return false;
	route->table = header->rtm_table;
	mnl_attr_for_each (attribute, message, sizeof(*header)) {
		size_t length = mnl_attr_get_payload_len(attribute);

		switch (mnl_attr_get_type(attribute)) {
		case RTA_TABLE: /* ids above 255 */
			route->table = bg_netlink_number(attribute);
			break;
		case RTA_OIF:
			route->ifindex = bg_netlink_number(attribute);
			break;
		case RTA_MULTIPATH:
			route->ifindex = first_hop(attribute);
			route->has_several_hops = true;
			break;
		case RTA_PRIORITY:
			route->metric = bg_netlink_number(attribute);
			break;
		case RTA_GATEWAY:
			if (length != 4 && length != 16)
				break;
			if (length == 4)
				memset(&route->gateway.byte[10], 0xff, 2);
			memcpy(&route->gateway.byte[16 - length], mnl_attr_get_payload(attribute),
			       length);
			break;
		default:
			break;
		}
	}
	return route->ifindex;
}

/* Where it leads in one hop. */
bool bg_host_route_parse(const struct nlmsghdr *message, struct bg_host_route *route)
{
	const struct rtmsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *attribute;
	bool has_address = false;
	__u32 table;

	memset(route, 0, sizeof(*route));
	if (message->nlmsg_len < mnl_nlmsg_size(sizeof(*header)) ||
	    header->rtm_dst_len != (header->rtm_family == AF_INET ? 32 : 128) ||
	    header->rtm_type != RTN_UNICAST)
		return false;
	table = header->rtm_table;
	mnl_attr_for_each (attribute, message, sizeof(*header)) {
		switch (mnl_attr_get_type(attribute)) {
		case RTA_TABLE:
			table = bg_netlink_number(attribute);
			break;
		case RTA_OIF:
			route->ifindex = bg_netlink_number(attribute);
			break;
		case RTA_DST:
			has_address = bg_netlink_address(attribute, header->rtm_family, &route->to);
			break;
		default:
			break;
		}
	}
	return has_address && route->ifindex && table == RT_TABLE_MAIN;
}

int bg_netlink_dump_routes(struct bg_netlink *netlink, int family, void (*begin)(void *context),
			   mnl_cb_t each, void *context)
{
	struct rtmsg header = { .rtm_family = family, .rtm_type = RTN_UNICAST };

	return bg_netlink_dump(netlink, RTM_GETROUTE, &header, sizeof(header), begin, each,
			       context);
}

/* The CNI's priority of rules for what a pod sends. */
#define FROM_POD_PRIORITY 1536

bool bg_routing_rule_parse(const struct nlmsghdr *message, struct bg_routing_rule *rule)
{
	const struct fib_rule_hdr *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *attribute;
	bool has_address = false;
	__u32 priority = 0;

	memset(rule, 0, sizeof(*rule));
	if (message->nlmsg_len < mnl_nlmsg_size(sizeof(*header)) ||
	    header->src_len != (header->family == AF_INET ? 32 : 128) ||
	    header->action != FR_ACT_TO_TBL || header->flags & FIB_RULE_INVERT)
		return false;
	rule->table = header->table;
	mnl_attr_for_each (attribute, message, sizeof(*header)) {
		switch (mnl_attr_get_type(attribute)) {
		case FRA_TABLE: /* ids above 255 */
			rule->table = bg_netlink_number(attribute);
			break;
		case FRA_PRIORITY:
			priority = bg_netlink_number(attribute);
			break;
		case FRA_SRC:
			has_address = bg_netlink_address(attribute, header->family, &rule->from);
			break;
		default:
			break;
		}
	}
	return has_address && priority == FROM_POD_PRIORITY;
}

int bg_netlink_dump_rules(struct bg_netlink *netlink, int family, void (*begin)(void *context),
			  mnl_cb_t each, void *context)
{
	struct fib_rule_hdr header = { .family = family };

	return bg_netlink_dump(netlink, RTM_GETRULE, &header, sizeof(header), begin, each, context);
}

static int take_found_route(const struct nlmsghdr *message, void *context)
{
	struct bg_found_route *found = context;
	const struct rtmsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *attribute;

	if (message->nlmsg_type != RTM_NEWROUTE ||
	    message->nlmsg_len < mnl_nlmsg_size(sizeof(*header)))
		return MNL_CB_OK;
	found->table = header->rtm_table;
	mnl_attr_for_each (attribute, message, sizeof(*header)) {
		if (mnl_attr_get_type(attribute) == RTA_TABLE)
			found->table = bg_netlink_number(attribute);
		else if (mnl_attr_get_type(attribute) == RTA_OIF && header->rtm_type == RTN_UNICAST)
			found->ifindex = bg_netlink_number(attribute);
	}
	return MNL_CB_OK;
}

/* Addresses for documentation (RFC 5737, RFC 3849): whatever has no route of its own. */
static const struct bg_addr *far_away(bool v4, struct bg_addr *addr)
{
	bg_addr_parse(v4 ? "198.51.100.1" : "2001:db8:ffff:ffff::1", addr);
	return addr;
}

int bg_netlink_ask_route(struct bg_netlink *netlink, __u32 ifindex, const struct bg_addr *from,
			 struct bg_found_route *route)
{
	const bool v4 = bg_addr_is_v4(from);
	const size_t skipped = v4 ? 12 : 0, bytes = 16 - skipped;
	struct rtmsg header = {
		.rtm_family = v4 ? AF_INET : AF_INET6,
		.rtm_dst_len = (__u8)(8 * bytes),
		.rtm_src_len = (__u8)(8 * bytes),
		.rtm_flags = RTM_F_FIB_MATCH,
	};
	struct bg_addr to;
	const struct bg_netlink_attribute attributes[] = {
		{ RTA_DST, &far_away(v4, &to)->byte[skipped], bytes },
		{ RTA_SRC, &from->byte[skipped], bytes },
		{ RTA_IIF, &ifindex, sizeof(ifindex) },
		{},
	};
	int rc;

	*route = (struct bg_found_route){};
	rc = bg_netlink_ask(netlink, RTM_GETROUTE, &header, sizeof(header), attributes,
			    take_found_route, route);
	switch (rc) {
	case -ENETUNREACH: /* there is none, or one that says so */
	case -EHOSTUNREACH:
	case -EACCES:
	case -EINVAL:
	case -EXDEV: /* the node would not take it from there (rp_filter) */
		*route = (struct bg_found_route){};
		return 0;
	default:
		return rc;
	}
}
