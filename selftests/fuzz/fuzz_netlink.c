// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * libFuzzer: any bytes as what the kernel says of interfaces, neighbours, routes and rules; as they
 * are, and behind the head of one message, so that attributes are reached. What is
 * found whole may be read.
 */
#include <stdint.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include "guard/netlink.h"
#include "promises.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void must_be_readable(const struct nlmsghdr *message)
{
	struct bg_default_route route;
	struct bg_neighbour neighbour;
	struct bg_routing_rule rule;
	struct bg_host_route host;
	struct bg_netdev netdev;

	switch (message->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		if (!bg_netdev_parse(message, &netdev))
			return;
		MUST(netdev.ifindex && *netdev.name);
		MUST(memchr(netdev.name, '\0', sizeof(netdev.name)));
		return;
	case RTM_NEWNEIGH:
		bg_neighbour_parse(message, &neighbour);
		return;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		MUST(!bg_default_route_parse(message, &route) || route.ifindex);
		MUST(!bg_host_route_parse(message, &host) || host.ifindex);
		return;
	case RTM_NEWRULE:
	case RTM_DELRULE:
		bg_routing_rule_parse(message, &rule);
		return;
	default:
		return;
	}
}

/* In memory of just its size, padded as all messages are: a byte too far is found. */
static void take(const void *bytes, size_t length)
{
	void *copy = calloc(1, length ? MNL_ALIGN(length) : 1);
	const struct nlmsghdr *message = copy;
	int left = (int)length;

	MUST(copy);
	memcpy(copy, bytes, length);
	if (bg_netlink_is_whole(copy, length))
		for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left))
			must_be_readable(message);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const __u16 types[] = { RTM_NEWLINK, RTM_DELLINK, RTM_NEWNEIGH, RTM_NEWROUTE,
				       RTM_NEWRULE };
	struct nlmsghdr *message;

	take(bytes, length);
	if (!length)
		return 0;
	message = calloc(1, MNL_NLMSG_HDRLEN + length);
	MUST(message);
	message->nlmsg_len = MNL_NLMSG_HDRLEN + length - 1;
	message->nlmsg_type = types[bytes[0] % 5];
	memcpy(mnl_nlmsg_get_payload(message), bytes + 1, length - 1);
	take(message, message->nlmsg_len);
	free(message);
	return 0;
}
