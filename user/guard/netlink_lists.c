// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Lists of routes and of the rules that choose a table, whole or an error. Called by
 * netdevs.c; what a message says is read in netlink_routes.c, and nothing is kept.
 */
#include "guard/netlink.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <linux/rtnetlink.h>

#include "base/cleanup.h"
#include "base/grow.h"

/* What dumps of one family add to; what others gave stays when one starts over. */
struct routing_list {
	struct bg_routing *routing;
	size_t rules_before, defaults_before, hosts_before;
	bool with_hosts;
};

static void forget_listed(void *context)
{
	struct routing_list *list = context;

	list->routing->rule_count = list->rules_before;
	list->routing->default_count = list->defaults_before;
	list->routing->host_count = list->hosts_before;
}

static int taken(bool has_room)
{
	if (has_room)
		return MNL_CB_OK;
	errno = ENOMEM;
	return MNL_CB_ERROR;
}

static int take_route(const struct nlmsghdr *message, void *context)
{
	struct routing_list *list = context;
	struct bg_default_route route, *added;
	struct bg_host_route host, *added_host;

	if (message->nlmsg_type != RTM_NEWROUTE)
		return MNL_CB_OK;
	if (bg_default_route_parse(message, &route)) {
		added = BG_GROW(list->routing->defaults, list->routing->default_count);
		if (added)
			*added = route;
		return taken(added);
	}
	if (!list->with_hosts || !bg_host_route_parse(message, &host))
		return MNL_CB_OK;
	added_host = BG_GROW(list->routing->hosts, list->routing->host_count);
	if (added_host)
		*added_host = host;
	return taken(added_host);
}

static int take_rule(const struct nlmsghdr *message, void *context)
{
	struct routing_list *list = context;
	struct bg_routing_rule rule, *added;

	if (message->nlmsg_type != RTM_NEWRULE || !bg_routing_rule_parse(message, &rule))
		return MNL_CB_OK;
	added = BG_GROW(list->routing->rules, list->routing->rule_count);
	if (added)
		*added = rule;
	return taken(added);
}

int bg_netlink_list_default_routes(struct bg_netlink *netlink, int family,
				   struct bg_default_route **routes, size_t *count)
{
	bg_cleanup(bg_routing_free) struct bg_routing routing = {};
	struct routing_list list = { .routing = &routing };
	int rc = bg_netlink_dump_routes(netlink, family, forget_listed, take_route, &list);

	if (rc)
		return rc;
	*routes = bg_take_ptr(routing.defaults);
	*count = routing.default_count;
	return 0;
}

static const int families[] = { AF_INET, AF_INET6 };

/* A kernel may be without rules, or without IPv6. */
static int add_family(struct bg_netlink *netlink, int family, bool rules,
		      struct bg_routing *routing)
{
	struct routing_list list = {
		.routing = routing,
		.rules_before = routing->rule_count,
		.defaults_before = routing->default_count,
		.hosts_before = routing->host_count,
		.with_hosts = true,
	};
	int rc = rules ? bg_netlink_dump_rules(netlink, family, forget_listed, take_rule, &list)
		       : bg_netlink_dump_routes(netlink, family, forget_listed, take_route, &list);

	return rc == -EAFNOSUPPORT || rc == -EOPNOTSUPP ? 0 : rc;
}

int bg_netlink_list_routing(struct bg_netlink *netlink, struct bg_routing *out)
{
	bg_cleanup(bg_routing_free) struct bg_routing routing = {};
	int rc = 0;

	for (size_t i = 0; i < 2 && !rc; i++)
		rc = add_family(netlink, families[i], true, &routing);
	for (size_t i = 0; i < 2 && !rc && routing.rule_count; i++)
		rc = add_family(netlink, families[i], false, &routing);
	if (rc)
		return rc;
	*out = routing;
	routing = (struct bg_routing){};
	return 0;
}

void bg_routing_free(struct bg_routing *routing)
{
	free(routing->rules);
	free(routing->defaults);
	free(routing->hosts);
}
