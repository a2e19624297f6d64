// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Answers for the tests of guard/, without a kernel: the functions of libmnl that open a
 * socket, send and receive are these here in every unit test. None of the tests may need
 * the true ones.
 */
#include "scripted_netlink.h"

#include <arpa/inet.h>
#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "test.h"

#define PARTS 64

struct mnl_socket {
	bool of_events;
};

struct queue {
	struct script_part parts[PARTS];
	unsigned int written, read;
};

static struct queue answers, events;
static unsigned int asked;

void script_reset(void)
{
	answers.written = answers.read = events.written = events.read = asked = 0;
}

static struct script_part *next_part(struct queue *queue)
{
	struct script_part *part = &queue->parts[queue->written];

	assert_true(queue->written < PARTS);
	queue->written++;
	part->length = 0;
	part->error = 0;
	part->for_ever = false;
	return part;
}

struct script_part *script_answer(void)
{
	return next_part(&answers);
}

struct script_part *script_event(void)
{
	return next_part(&events);
}

unsigned int script_left(void)
{
	return answers.written - answers.read;
}

unsigned int script_asked(void)
{
	return asked;
}

/* --- libmnl's sockets ------------------------------------------------------ */

struct mnl_socket *mnl_socket_open2(int bus, int flags)
{
	static struct mnl_socket of_events = { .of_events = true }, of_requests;

	(void)bus;
	return flags & SOCK_NONBLOCK ? &of_events : &of_requests;
}

int mnl_socket_bind(struct mnl_socket *socket, unsigned int groups, pid_t pid)
{
	(void)socket;
	(void)groups;
	(void)pid;
	return 0;
}

int mnl_socket_close(struct mnl_socket *socket)
{
	(void)socket;
	return 0;
}

int mnl_socket_setsockopt(const struct mnl_socket *socket, int type, void *buffer, socklen_t length)
{
	(void)socket;
	(void)type;
	(void)buffer;
	(void)length;
	return 0;
}

int mnl_socket_get_fd(const struct mnl_socket *socket)
{
	static int pair[2];

	/* options are set on it */
	(void)socket;
	if (!pair[0])
		assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	return pair[0];
}

unsigned int mnl_socket_get_portid(const struct mnl_socket *socket)
{
	(void)socket;
	return 0;
}

ssize_t mnl_socket_sendto(const struct mnl_socket *socket, const void *request, size_t length)
{
	assert_false(socket->of_events);
	assert_int_equal(((const struct nlmsghdr *)request)->nlmsg_len, length);
	asked++;
	return (ssize_t)length;
}

ssize_t mnl_socket_recvfrom(const struct mnl_socket *socket, void *buffer, size_t size)
{
	struct queue *queue = socket->of_events ? &events : &answers;
	const struct script_part *part = &queue->parts[queue->read];

	if (queue->read == queue->written) {
		errno = EAGAIN;
		return -1;
	}
	queue->read += !part->for_ever;
	if (part->error) {
		errno = part->error;
		return -1;
	}
	assert_true(part->length <= size);
	memcpy(buffer, part->bytes, part->length);
	return (ssize_t)part->length;
}

/* --- messages -------------------------------------------------------------- */

static struct nlmsghdr *begin(struct script_part *part, int type)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(part->bytes + part->length);

	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_MULTI;
	return message;
}

static struct nlmsghdr *end(struct script_part *part, struct nlmsghdr *message)
{
	part->length += MNL_ALIGN(message->nlmsg_len);
	assert_true(part->length < sizeof(part->bytes));
	return message;
}

struct nlmsghdr *script_link(struct script_part *part, int type, const struct script_link *link)
{
	struct nlmsghdr *message = begin(part, type);
	struct ifinfomsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	struct nlattr *info, *data;

	header->ifi_family = link->family;
	header->ifi_index = (int)link->ifindex;
	header->ifi_flags = link->flags;
	if (link->name)
		mnl_attr_put_strz(message, IFLA_IFNAME, link->name);
	mnl_attr_put(message, IFLA_ADDRESS, sizeof(link->mac), link->mac);
	if (link->lower)
		mnl_attr_put_u32(message, IFLA_LINK, link->lower);
	if (link->netnsid)
		mnl_attr_put_u32(message, IFLA_LINK_NETNSID, link->netnsid - 1);
	if (link->kind) {
		info = mnl_attr_nest_start(message, IFLA_LINKINFO);
		mnl_attr_put_strz(message, IFLA_INFO_KIND, link->kind);
		data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
		mnl_attr_put_u16(message, IFLA_VLAN_ID, link->vlan);
		mnl_attr_nest_end(message, data);
		mnl_attr_nest_end(message, info);
	}
	return end(part, message);
}

static void put_address(struct nlmsghdr *message, int type, const char *text)
{
	char address[16];
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;

	assert_int_equal(inet_pton(family, text, address), 1);
	mnl_attr_put(message, type, family == AF_INET ? 4 : 16, address);
}

struct nlmsghdr *script_neighbour(struct script_part *part, int type, __u32 ifindex, int state,
				  const char *address, const __u8 *mac)
{
	struct nlmsghdr *message = begin(part, type);
	struct ndmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));

	header->ndm_family = address && strchr(address, ':') ? AF_INET6 : AF_INET;
	header->ndm_ifindex = (int)ifindex;
	header->ndm_state = state;
	if (address)
		put_address(message, NDA_DST, address);
	if (mac)
		mnl_attr_put(message, NDA_LLADDR, 6, mac);
	return end(part, message);
}

struct nlmsghdr *script_route(struct script_part *part, int type, const struct script_route *route)
{
	struct nlmsghdr *message = begin(part, type);
	struct rtmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	const struct rtnexthop hops[2] = {
		{ .rtnh_len = sizeof(hops[0]), .rtnh_ifindex = (int)route->hops[0] },
		{ .rtnh_len = sizeof(hops[0]), .rtnh_ifindex = (int)route->hops[1] },
	};

	header->rtm_family = route->family;
	header->rtm_type = route->type;
	header->rtm_dst_len = route->prefix_length;
	header->rtm_table = route->table < 256 ? route->table : RT_TABLE_COMPAT;
	if (route->table > 255)
		mnl_attr_put_u32(message, RTA_TABLE, route->table);
	if (route->ifindex)
		mnl_attr_put_u32(message, RTA_OIF, route->ifindex);
	if (route->metric)
		mnl_attr_put_u32(message, RTA_PRIORITY, route->metric);
	if (route->gateway)
		put_address(message, RTA_GATEWAY, route->gateway);
	if (route->to)
		put_address(message, RTA_DST, route->to);
	if (route->hops[0])
		mnl_attr_put(message, RTA_MULTIPATH, sizeof(hops), hops);
	return end(part, message);
}

struct nlmsghdr *script_rule(struct script_part *part, int type, const struct script_rule *rule)
{
	struct nlmsghdr *message = begin(part, type);
	struct fib_rule_hdr *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));

	header->family = rule->family;
	header->src_len = rule->prefix_length;
	header->action = rule->action;
	header->flags = rule->flags;
	header->table = rule->table < 256 ? rule->table : RT_TABLE_COMPAT;
	if (rule->table > 255)
		mnl_attr_put_u32(message, FRA_TABLE, rule->table);
	if (rule->priority)
		mnl_attr_put_u32(message, FRA_PRIORITY, rule->priority);
	if (rule->from)
		put_address(message, FRA_SRC, rule->from);
	return end(part, message);
}

struct nlmsghdr *script_filter(struct script_part *part, __u32 handle)
{
	struct nlmsghdr *message = begin(part, RTM_NEWTFILTER);
	struct tcmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));

	header->tcm_handle = handle;
	return end(part, message);
}

void script_done(struct script_part *part)
{
	struct nlmsghdr *message = begin(part, NLMSG_DONE);

	*(int *)mnl_nlmsg_put_extra_header(message, sizeof(int)) = 0;
	end(part, message);
}

void script_error(struct script_part *part, int error)
{
	struct nlmsghdr *message = begin(part, NLMSG_ERROR);
	struct nlmsgerr *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));

	message->nlmsg_flags = 0;
	header->error = -error;
	end(part, message);
}

struct bg_netdevs *script_netdevs(const struct script_link *links, size_t count)
{
	struct script_part *part;
	struct bg_netdevs *netdevs;
	struct bg_error err;

	script_reset();
	part = script_answer();
	for (size_t i = 0; i < count; i++)
		script_link(part, RTM_NEWLINK, &links[i]);
	script_done(part);
	assert_int_equal(bg_netdevs_open(&netdevs, &err), 0);
	return netdevs;
}
