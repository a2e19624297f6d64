// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The format of netlink messages: requests are written and answers read here and, of routes,
 * in netlink_routes.c; only netdevs.c calls them. They keep no table, and ask: of what the
 * kernel has, nothing is changed but that it looks after a neighbour.
 */
#include "guard/netlink.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include "base/cleanup.h"
#include "base/ip.h"
#include "datapath/clsact.h"

#define ANSWER_S 2

BG_CLEANUP_OF(mnl_socket_close, struct mnl_socket)

static int send_request(struct mnl_socket *socket, int type, int flags, const void *header,
			size_t header_length, const struct bg_netlink_attribute *attributes)
{
	char request[512];
	struct nlmsghdr *message = mnl_nlmsg_put_header(request);

	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST | flags;
	message->nlmsg_seq = 1;
	memcpy(mnl_nlmsg_put_extra_header(message, header_length), header, header_length);
	for (; attributes && attributes->type; attributes++)
		mnl_attr_put(message, attributes->type, attributes->length, attributes->data);
	return mnl_socket_sendto(socket, message, message->nlmsg_len) < 0 ? -errno : 0;
}

static size_t header_size(int type)
{
	switch (type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return sizeof(struct ifinfomsg);
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		return sizeof(struct ndmsg);
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return sizeof(struct rtmsg);
	case RTM_NEWRULE:
	case RTM_DELRULE:
		return sizeof(struct fib_rule_hdr);
	default:
		return 0; /* we read none of its attributes */
	}
}

static bool has_whole_attributes(const struct nlmsghdr *message)
{
	size_t header = header_size(message->nlmsg_type);
	const char *end = mnl_nlmsg_get_payload_tail(message);
	const struct nlattr *attribute;

	if (!header)
		return true;
	if (message->nlmsg_len < mnl_nlmsg_size(header))
		return false;
	attribute = mnl_nlmsg_get_payload_offset(message, header);
	while (mnl_attr_ok(attribute, (int)(end - (const char *)attribute)))
		attribute = mnl_attr_next(attribute);
	return end - (const char *)attribute < (long)sizeof(*attribute);
}

/* libmnl takes a length above INT_MAX for a negative one, and goes backward. */
static bool has_message(const struct nlmsghdr *message, int left)
{
	return mnl_nlmsg_ok(message, left) && message->nlmsg_len <= (__u32)left;
}

bool bg_netlink_is_whole(const void *buffer, size_t length)
{
	const struct nlmsghdr *message = buffer;
	int left = (int)length;

	for (; has_message(message, left); message = mnl_nlmsg_next(message, &left))
		if (!has_whole_attributes(message))
			return false;
	return left <= 0;
}

/* The kernel answers at once, or not at all. */
static int limit_waiting(struct mnl_socket *socket)
{
	struct timeval limit = { .tv_sec = ANSWER_S };

	return setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVTIMEO, &limit,
			  sizeof(limit));
}

static int ask(struct bg_netlink *netlink, int type, int flags, const void *header,
	       size_t header_length, const struct bg_netlink_attribute *attributes, mnl_cb_t each,
	       void *context)
{
	bg_cleanup(mnl_socket_close_at) struct mnl_socket *socket = NULL;
	int rc;

	socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 || limit_waiting(socket))
		return -errno;
	rc = send_request(socket, type, flags, header, header_length, attributes);
	if (rc)
		return rc;
	for (;;) {
		ssize_t length =
			mnl_socket_recvfrom(socket, netlink->buffer, sizeof(netlink->buffer));

		if (length < 0 && errno == EINTR)
			continue;
		if (length < 0)
			return -errno;
		if (!bg_netlink_is_whole(netlink->buffer, length))
			return -EBADMSG;
		rc = mnl_cb_run(netlink->buffer, length, 1, mnl_socket_get_portid(socket), each,
				context);
		if (rc < 0)
			return -errno;
		if (rc == MNL_CB_STOP)
			return 0;
	}
}

int bg_netlink_ask(struct bg_netlink *netlink, int type, const void *header, size_t header_length,
		   const struct bg_netlink_attribute *attributes, mnl_cb_t each, void *context)
{
	/* a dump has an end of its own; any other answer ends with an acknowledgement */
	return ask(netlink, type, NLM_F_ACK, header, header_length, attributes, each, context);
}

int bg_netlink_dump(struct bg_netlink *netlink, int type, const void *header, size_t header_length,
		    void (*begin)(void *context), mnl_cb_t each, void *context)
{
	int rc = 0;

	for (int tries = 0; tries < BG_DUMP_TRIES; tries++) {
		begin(context);
		rc = ask(netlink, type, NLM_F_DUMP, header, header_length, NULL, each, context);
		if (!rc)
			return 0;
	}
	return rc;
}

__u32 bg_netlink_number(const struct nlattr *attribute)
{
	return mnl_attr_get_payload_len(attribute) < sizeof(__u32) ? 0
								   : mnl_attr_get_u32(attribute);
}

bool bg_netlink_address(const struct nlattr *attribute, int family, struct bg_addr *address)
{
	const size_t length = mnl_attr_get_payload_len(attribute);

	if (length != (family == AF_INET ? 4u : 16u))
		return false;
	*address = (struct bg_addr){};
	if (family == AF_INET)
		memset(&address->byte[10], 0xff, 2);
	memcpy(&address->byte[16 - length], mnl_attr_get_payload(attribute), length);
	return true;
}

static bool is_text(const struct nlattr *attribute, const char *text)
{
	size_t length = mnl_attr_get_payload_len(attribute);

	/* with or without an end */
	return length >= strlen(text) && length <= strlen(text) + 1 &&
	       !memcmp(mnl_attr_get_payload(attribute), text, strlen(text));
}

static void parse_netdev_info(const struct nlattr *info, struct bg_netdev *netdev)
{
	const struct nlattr *attribute, *data = NULL;

	mnl_attr_for_each_nested (attribute, info) {
		switch (mnl_attr_get_type(attribute)) {
		case IFLA_INFO_KIND:
			if (is_text(attribute, "vlan"))
				netdev->kind = BG_NETDEV_VLAN;
			else if (is_text(attribute, "veth"))
				netdev->kind = BG_NETDEV_VETH;
			break;
		case IFLA_INFO_DATA:
			data = attribute;
			break;
		default:
			break;
		}
	}
	if (!data || netdev->kind != BG_NETDEV_VLAN)
		return;
	mnl_attr_for_each_nested (attribute, data) {
		if (mnl_attr_get_type(attribute) == IFLA_VLAN_ID &&
		    mnl_attr_get_payload_len(attribute) >= sizeof(__u16))
			netdev->vlan = mnl_attr_get_u16(attribute);
	}
}

bool bg_netdev_parse(const struct nlmsghdr *message, struct bg_netdev *netdev)
{
	const struct ifinfomsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *attribute;

	memset(netdev, 0, sizeof(*netdev));
	if (message->nlmsg_len < mnl_nlmsg_size(sizeof(*header)) ||
	    header->ifi_family != AF_UNSPEC || header->ifi_index <= 0)
		return false;
	netdev->ifindex = header->ifi_index;
	netdev->up = header->ifi_flags & IFF_UP;
	netdev->loopback = header->ifi_flags & IFF_LOOPBACK;
	netdev->lower_netnsid = -1;
	mnl_attr_for_each (attribute, message, sizeof(*header)) {
		switch (mnl_attr_get_type(attribute)) {
		case IFLA_IFNAME:
			snprintf(netdev->name, sizeof(netdev->name), "%.*s",
				 (int)mnl_attr_get_payload_len(attribute),
				 (const char *)mnl_attr_get_payload(attribute));
			break;
		case IFLA_ADDRESS:
			if (mnl_attr_get_payload_len(attribute) == sizeof(netdev->mac))
				memcpy(netdev->mac, mnl_attr_get_payload(attribute),
				       sizeof(netdev->mac));
			break;
		case IFLA_LINK:
			netdev->lower = bg_netlink_number(attribute);
			break;
		case IFLA_LINK_NETNSID:
			netdev->lower_netnsid = (int)bg_netlink_number(attribute);
			break;
		case IFLA_LINKINFO:
			parse_netdev_info(attribute, netdev);
			break;
		default:
			break;
		}
	}
	return netdev->name[0];
}

bool bg_neighbour_parse(const struct nlmsghdr *message, struct bg_neighbour *neighbour)
{
	const struct ndmsg *header = mnl_nlmsg_get_payload(message);
	bool have_address = false, have_mac = false;
	const struct nlattr *attribute;

	memset(neighbour, 0, sizeof(*neighbour));
	if (message->nlmsg_len < mnl_nlmsg_size(sizeof(*header)) ||
	    !(header->ndm_state &
	      (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT)))
		return false;
	neighbour->ifindex = header->ndm_ifindex;
	neighbour->permanent = header->ndm_state & NUD_PERMANENT;
	mnl_attr_for_each (attribute, message, sizeof(*header)) {
		size_t length = mnl_attr_get_payload_len(attribute);
		const void *data = mnl_attr_get_payload(attribute);

		switch (mnl_attr_get_type(attribute)) {
		case NDA_DST:
			if (header->ndm_family == AF_INET && length == 4) {
				memset(&neighbour->address.byte[10], 0xff, 2);
				memcpy(&neighbour->address.byte[12], data, 4);
				have_address = true;
			} else if (header->ndm_family == AF_INET6 && length == 16) {
				memcpy(&neighbour->address, data, 16);
				have_address = true;
			}
			break;
		case NDA_LLADDR:
			if (length == sizeof(neighbour->mac)) {
				memcpy(neighbour->mac, data, length);
				have_mac = true;
			}
			break;
		default:
			break;
		}
	}
	return have_address && have_mac;
}

static int take_netdev(const struct nlmsghdr *message, void *context)
{
	struct bg_netdev *found = context, netdev;

	if (message->nlmsg_type == RTM_NEWLINK && bg_netdev_parse(message, &netdev))
		*found = netdev;
	return MNL_CB_OK;
}

int bg_netlink_ask_peer(struct bg_netlink *netlink, const struct bg_netdev *netdev, __u8 mac[6])
{
	static const __u8 none[6];
	struct ifinfomsg header = { .ifi_index = (int)netdev->lower };
	struct bg_netlink_attribute attributes[] = {
		{ IFLA_TARGET_NETNSID, &netdev->lower_netnsid, sizeof(netdev->lower_netnsid) }, {}
	};
	struct bg_netdev peer = {};
	int rc;

	if (!netdev->lower)
		return -ENOENT;
	rc = bg_netlink_ask(netlink, RTM_GETLINK, &header, sizeof(header),
			    netdev->lower_netnsid < 0 ? NULL : attributes, take_netdev, &peer);
	if (rc)
		return rc;
	/* another device may have the peer's ifindex by now */
	if (peer.kind != BG_NETDEV_VETH || peer.lower != netdev->ifindex ||
	    !memcmp(peer.mac, none, sizeof(none)))
		return -ENOENT;
	memcpy(mac, peer.mac, sizeof(peer.mac));
	return 0;
}

static int take_neighbour(const struct nlmsghdr *message, void *context)
{
	struct bg_neighbour *found = context, neighbour;

	if (message->nlmsg_type == RTM_NEWNEIGH && bg_neighbour_parse(message, &neighbour))
		*found = neighbour;
	return MNL_CB_OK;
}

/* A request about a neighbour; the attribute is part of it. */
struct neighbour_request {
	struct ndmsg header;
	struct bg_netlink_attribute attributes[2];
};

static struct neighbour_request about_neighbour(__u32 ifindex, const struct bg_addr *address)
{
	bool v4 = bg_addr_is_v4(address);

	return (struct neighbour_request){
		.header = { .ndm_family = v4 ? AF_INET : AF_INET6, .ndm_ifindex = (int)ifindex },
		.attributes = { { NDA_DST, &address->byte[v4 ? 12 : 0], v4 ? 4 : 16 } },
	};
}

int bg_netlink_ask_neighbour(struct bg_netlink *netlink, __u32 ifindex,
			     const struct bg_addr *address, struct bg_neighbour *neighbour)
{
	struct neighbour_request request = about_neighbour(ifindex, address);
	struct bg_neighbour found = {};
	int rc;

	rc = bg_netlink_ask(netlink, RTM_GETNEIGH, &request.header, sizeof(request.header),
			    request.attributes, take_neighbour, &found);
	if (rc)
		return rc;
	if (!found.ifindex)
		return -ENOENT;
	*neighbour = found;
	return 0;
}

int bg_netlink_use_neighbour(struct bg_netlink *netlink, __u32 ifindex,
			     const struct bg_addr *address)
{
	struct neighbour_request request = about_neighbour(ifindex, address);

	request.header.ndm_flags = NTF_USE;
	return ask(netlink, RTM_NEWNEIGH, NLM_F_ACK | NLM_F_CREATE, &request.header,
		   sizeof(request.header), request.attributes, NULL, NULL);
}

struct hook_filters {
	int count;
	__u32 first, numbers;
};

static void forget_filters(void *context)
{
	memset(context, 0, sizeof(struct hook_filters));
}

/* The kernel lists filters in the order in which it asks them. */
static int take_filter(const struct nlmsghdr *message, void *context)
{
	const struct tcmsg *header = mnl_nlmsg_get_payload(message);
	struct hook_filters *filters = context;
	int number;

	/* a message without a handle is the chain itself */
	if (message->nlmsg_type != RTM_NEWTFILTER || !header->tcm_handle)
		return MNL_CB_OK;
	if (!filters->count)
		filters->first = header->tcm_handle;
	filters->count++;
	number = bg_filter_number(header->tcm_handle);
	if (number >= 0)
		filters->numbers |= 1u << number;
	return MNL_CB_OK;
}

static int ask_hook_filters(struct bg_netlink *netlink, __u32 ifindex, __u32 hook,
			    struct hook_filters *filters)
{
	struct tcmsg header = {
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = (int)ifindex,
		.tcm_parent = TC_H_MAKE(TC_H_CLSACT, hook),
	};

	return bg_netlink_dump(netlink, RTM_GETTFILTER, &header, sizeof(header), forget_filters,
			       take_filter, filters);
}

int bg_netlink_ask_filters(struct bg_netlink *netlink, __u32 ifindex, struct bg_filters *filters)
{
	struct hook_filters ingress, egress;
	int rc;

	rc = ask_hook_filters(netlink, ifindex, TC_H_MIN_INGRESS, &ingress);
	if (rc)
		return rc;
	rc = ask_hook_filters(netlink, ifindex, TC_H_MIN_EGRESS, &egress);
	if (rc)
		return rc;
	filters->count = ingress.count + egress.count;
	filters->first_ingress = ingress.first;
	filters->first_egress = egress.first;
	filters->numbers = ingress.numbers | egress.numbers;
	return 0;
}
