// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the programs read of interfaces, branches, pods and routes: written once, cleared only
 * by who wrote it, and left as it is where the kernel does not say what is there.
 */
#include "guard/iface_maps.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "base/ip.h"
#include "guard/netlink.h"
#include "guard/routes.h"
#include "model_maker.h"
#include "scripted_maps.h"
#include "scripted_netlink.h"
#include "test.h"

static const __u8 mac_of_host[6] = { 2, 0, 0, 0, 0, 6 }, mac_of_pod[6] = { 2, 0, 0, 0, 0, 0x66 },
		  other_mac[6] = { 2, 0, 0, 0, 0, 0x77 };

/* eth0 is the primary interface, "vlan.eth.9" a branch's, "pod0" the host end of its pod's. */
static const struct script_link links[] = {
	{ .ifindex = 2, .name = "eth0", .mac = { 2, 0, 0, 0, 0, 2 } },
	{ .ifindex = 4, .name = "vlan.eth.9", .kind = "vlan", .vlan = 9, .lower = 2 },
	{ .ifindex = 6, .name = "pod0", .kind = "veth", .mac = { 2, 0, 0, 0, 0, 6 } },
};

static struct bg_netdevs *node(void)
{
	return script_netdevs(links, sizeof(links) / sizeof(links[0]));
}

static struct bg_iface iface(__u32 ifindex)
{
	return (struct bg_iface){ .ifindex = ifindex, .role = BG_ROLE_BRANCH, .vlan = 9 };
}

static const struct bg_iface *fast_iface(__u32 place)
{
	return script_entry("fast_ifaces", &place);
}

static void two_interfaces_of_one_place(void **state)
{
	struct bg_datapath *datapath = script_datapath();
	const __u32 first = 7, second = 7 + BG_IFACES;
	struct bg_iface one = iface(first), two = iface(second);
	struct bg_error err;

	(void)state;
	assert_int_equal(bg_iface_set(datapath, &one, &err), 0);
	assert_int_equal(bg_iface_set(datapath, &two, &err), 0);
	/* the later one is found in the slow map alone */
	assert_int_equal(script_entries("ifaces"), 2);
	assert_int_equal(fast_iface(7)->ifindex, first);
	/* and its end leaves the other's entry */
	assert_int_equal(bg_iface_clear(datapath, second), 0);
	assert_int_equal(fast_iface(7)->ifindex, first);
	assert_int_equal(script_entries("ifaces"), 1);
	assert_int_equal(bg_iface_clear(datapath, first), 0);
	assert_int_equal(fast_iface(7)->ifindex, 0);
	assert_int_equal(script_entries("ifaces"), 0);
}

static void what_could_not_be_read_is_not_overwritten(void **state)
{
	struct bg_datapath *datapath = script_datapath();
	struct bg_iface one = iface(7);
	struct bg_error err;

	(void)state;
	script_map_fails("fast_ifaces", SCRIPT_LOOKUP, ENOMEM);
	assert_int_equal(bg_iface_set(datapath, &one, &err), -ENOMEM);
	assert_non_null(strstr(err.text, "fast_ifaces"));
	assert_int_equal(script_entries("ifaces"), 0);
	script_map_fails("fast_ifaces", SCRIPT_LOOKUP, 0);
	script_map_fails("ifaces", SCRIPT_UPDATE, E2BIG);
	assert_int_equal(bg_iface_set(datapath, &one, &err), -E2BIG);
	assert_non_null(strstr(err.text, "ifaces is full"));
	/* what is not in the slow map is not in the fast one */
	assert_null(fast_iface(7));
	assert_int_equal(bg_iface_clear(datapath, 7), 0);
	assert_null(fast_iface(7));
}

/* What could not be cleared is told, and stays where the next daemon finds it. */
static void what_could_not_be_cleared_is_found_again(void **state)
{
	static const struct {
		const char *map;
		enum script_map_call call;
	} cases[] = {
		{ "fast_ifaces", SCRIPT_LOOKUP },
		{ "fast_ifaces", SCRIPT_UPDATE },
		{ "ifaces", SCRIPT_DELETE },
	};
	struct bg_iface one = iface(7);
	struct bg_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bg_datapath *datapath = script_datapath();

		assert_int_equal(bg_iface_set(datapath, &one, &err), 0);
		script_map_fails(cases[i].map, cases[i].call, ENOMEM);
		assert_int_equal(bg_iface_clear(datapath, 7), -ENOMEM);
		assert_int_equal(script_entries("ifaces"), 1);
		script_map_fails(cases[i].map, cases[i].call, 0);
		assert_int_equal(bg_iface_clear(datapath, 7), 0);
		assert_int_equal(script_entries("ifaces"), 0);
		assert_int_equal(fast_iface(7)->ifindex, 0);
	}
}

static void count_iface(const struct bg_iface *found, void *context)
{
	*(__u32 *)context += found->ifindex;
}

static void all_that_are_entered_are_seen(void **state)
{
	struct bg_datapath *datapath = script_datapath();
	struct bg_iface one = iface(7), two = iface(8);
	struct bg_error err;
	__u32 sum = 0;

	(void)state;
	assert_int_equal(bg_iface_each(datapath, count_iface, &sum), 0);
	assert_int_equal(sum, 0);
	assert_int_equal(bg_iface_set(datapath, &one, &err), 0);
	assert_int_equal(bg_iface_set(datapath, &two, &err), 0);
	assert_int_equal(bg_iface_each(datapath, count_iface, &sum), 0);
	assert_int_equal(sum, 15);
	/* one that goes in the middle of it is no interface with zeros */
	script_map_fails("ifaces", SCRIPT_LOOKUP, ENOENT);
	assert_int_equal(bg_iface_each(datapath, count_iface, &sum), 0);
	assert_int_equal(sum, 15);
	/* a part of them is not taken for all */
	script_map_fails("ifaces", SCRIPT_LOOKUP, ENOMEM);
	assert_int_equal(bg_iface_each(datapath, count_iface, &sum), -ENOMEM);
}

/* Else a branch that could not be read would be none. */
static void what_cannot_be_read_is_not_nothing(void **state)
{
	struct bg_datapath *datapath = script_datapath();
	struct bg_iface one = iface(7);
	struct bg_error err;
	__u32 sum = 0, vlan = 9;

	(void)state;
	assert_int_equal(bg_iface_set(datapath, &one, &err), 0);
	script_map_fails("ifaces", SCRIPT_NEXT_KEY, EINTR);
	assert_int_equal(bg_iface_each(datapath, count_iface, &sum), -EINTR);
	assert_int_equal(bg_branch_set(datapath, vlan, 7, 1, &err), 0);
	script_map_fails("branches", SCRIPT_LOOKUP, EINTR);
	assert_int_equal(bg_branch_set(datapath, vlan, 7, 1, &err), -EINTR);
	assert_non_null(strstr(err.text, "reading map branches"));
}

static void a_vlan_is_cleared_by_its_interface_alone(void **state)
{
	struct bg_datapath *datapath = script_datapath();
	const __u32 vlan = 9;
	struct bg_error err;

	(void)state;
	assert_int_equal(bg_vlan_set(datapath, vlan, 4, &err), 0);
	assert_int_equal(bg_vlan_clear(datapath, vlan, 5), 0);
	assert_int_equal(*(const __u32 *)script_entry("fast_vlans", &vlan), 4);
	script_map_fails("fast_vlans", SCRIPT_LOOKUP, EIO);
	assert_int_equal(bg_vlan_clear(datapath, vlan, 4), -EIO);
	assert_int_equal(*(const __u32 *)script_entry("fast_vlans", &vlan), 4);
	script_map_fails("fast_vlans", SCRIPT_LOOKUP, 0);
	assert_int_equal(bg_vlan_clear(datapath, vlan, 4), 0);
	assert_int_equal(*(const __u32 *)script_entry("fast_vlans", &vlan), 0);
}

static const struct bg_branch_info *branch_info(__u32 vlan)
{
	return script_entry("branches", &vlan);
}

static void a_branch_says_since_when_it_is_armed(void **state)
{
	struct bg_datapath *datapath = script_datapath();
	const struct bg_branch_info info = { .id = "eni-9", .tag = 3 };
	const __u32 vlan = 9;
	struct bg_error err;

	(void)state;
	/* one that no revision has is not made up */
	assert_int_equal(bg_branch_set(datapath, vlan, 4, 5000, &err), 0);
	assert_int_equal(script_entries("branches"), 0);
	assert_int_equal(bg_branch_armed_ns(datapath, vlan, 4), 0);

	script_put("branches", &vlan, &info);
	assert_int_equal(bg_branch_set(datapath, vlan, 4, 5000, &err), 0);
	assert_int_equal(branch_info(vlan)->ifindex, 4);
	assert_int_equal(branch_info(vlan)->tag, 3);
	assert_int_equal(strlen(branch_info(vlan)->armed_since), strlen("2026-11-24T18:20:31Z"));
	assert_int_equal(bg_branch_armed_ns(datapath, vlan, 4), 5000);
	/* not on the interface that it had before */
	assert_int_equal(bg_branch_armed_ns(datapath, vlan, 5), 0);
	assert_int_equal(script_writes("branches"), 1);
	assert_int_equal(bg_branch_set(datapath, vlan, 4, 5000, &err), 0);
	assert_int_equal(script_writes("branches"), 1);

	assert_int_equal(bg_branch_set(datapath, vlan, 0, 0, &err), 0);
	assert_string_equal(branch_info(vlan)->armed_since, "");
	script_map_fails("branches", SCRIPT_UPDATE, ENOMEM);
	assert_int_equal(bg_branch_set(datapath, vlan, 4, 5000, &err), -ENOMEM);
	assert_int_equal(branch_info(vlan)->ifindex, 0);
}

/* --- pods ------------------------------------------------------------------ */

#define POD "10.0.0.9"
#define POD_TWO "10.0.0.10"

/* A branch with one pod, which has these addresses. */
static struct bg_model *feed(const char *address, const char *address_two)
{
	struct bg_model *model = maker_new();
	size_t branch = maker_branch(model, "eni-9", 9), pod = maker_pod(model, branch, "cart");

	snprintf(model->branches[0].interface, 16, "vlan.eth.9");
	snprintf(model->branches[0].pods[0].host_interface, 16, "pod0");
	maker_pod_address(model, branch, pod, maker_addr(address));
	if (address_two)
		maker_pod_address(model, branch, pod, maker_addr(address_two));
	return model;
}

static const struct bg_pod *pod_of(const char *text)
{
	const struct bg_addr address = maker_addr(text);

	return script_entry("pods", &address);
}

/* The kernel knows the pod's hardware address; or it does not. */
static void answer_neighbour(const char *address)
{
	struct script_part *part = script_answer();

	if (address)
		script_neighbour(part, RTM_NEWNEIGH, 6, NUD_REACHABLE, address, mac_of_pod);
	script_done(part);
}

static void pods_are_where_their_veths_are(void **state)
{
	struct bg_datapath *datapath = script_datapath();
	struct bg_netdevs *netdevs = node();
	struct bg_model *model = feed(POD, NULL);
	struct bg_error err;

	(void)state;
	answer_neighbour(POD);
	assert_int_equal(bg_pods_sync(datapath, model, netdevs, &err), 0);
	assert_int_equal(pod_of(POD)->host_ifindex, 6);
	assert_int_equal(pod_of(POD)->branch_ifindex, 4);
	assert_int_equal(pod_of(POD)->vlan, 9);
	assert_memory_equal(pod_of(POD)->host_mac, mac_of_host, 6);
	assert_memory_equal(pod_of(POD)->mac, mac_of_pod, 6);
	assert_string_equal(pod_of(POD)->address, POD);
	assert_string_equal(pod_of(POD)->mac_text, "02:00:00:00:00:66");
	/* nothing is asked or written for what is right */
	script_reset();
	assert_int_equal(bg_pods_sync(datapath, model, netdevs, &err), 0);
	assert_int_equal(script_writes("pods"), 1);
	assert_int_equal(script_asked(), 0);
	bg_model_free(model);

	/* another address came, the first is gone: its entry goes, too */
	model = feed(POD_TWO, NULL);
	answer_neighbour(NULL);
	assert_int_equal(bg_pods_sync(datapath, model, netdevs, &err), 0);
	assert_null(pod_of(POD));
	assert_string_equal(pod_of(POD_TWO)->mac_text, "");
	bg_model_free(model);
	bg_netdevs_close(netdevs);
}

static void a_pod_without_veth_has_no_entry(void **state)
{
	struct bg_datapath *datapath = script_datapath();
	struct bg_netdevs *netdevs = node();
	struct bg_model *model = feed(POD, POD_TWO);
	struct bg_error err;

	(void)state;
	answer_neighbour(POD);
	answer_neighbour(POD_TWO);
	assert_int_equal(bg_pods_sync(datapath, model, netdevs, &err), 0);
	assert_int_equal(script_entries("pods"), 2);
	snprintf(model->branches[0].pods[0].host_interface, 16, "pod1");
	assert_int_equal(bg_pods_sync(datapath, model, netdevs, &err), 0);
	assert_int_equal(script_entries("pods"), 0);
	bg_model_free(model);
	bg_netdevs_close(netdevs);
}

/* A map that is full only costs the short way; one that cannot be written is an error. */
static void pods_without_room_take_the_stack(void **state)
{
	static const struct {
		int error, expected;
	} cases[] = { { E2BIG, 0 }, { EPERM, -EPERM } };
	struct bg_netdevs *netdevs = node();
	struct bg_model *model = feed(POD, NULL);
	struct bg_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bg_datapath *datapath = script_datapath();

		script_reset();
		answer_neighbour(NULL);
		script_map_fails("pods", SCRIPT_UPDATE, cases[i].error);
		assert_int_equal(bg_pods_sync(datapath, model, netdevs, &err), cases[i].expected);
	}
	bg_model_free(model);
	bg_netdevs_close(netdevs);
}

static void a_neighbour_is_taken_from_the_pod_s_veth_alone(void **state)
{
	struct bg_datapath *datapath = script_datapath();
	struct bg_neighbour neighbour = { .ifindex = 6, .address = maker_addr(POD) };
	struct bg_pod pod = { .host_ifindex = 6 };

	(void)state;
	memcpy(neighbour.mac, mac_of_pod, 6);
	/* nobody's */
	bg_pods_neighbour(datapath, &neighbour);
	assert_int_equal(script_entries("pods"), 0);

	script_put("pods", &neighbour.address, &pod);
	bg_pods_neighbour(datapath, &neighbour);
	assert_memory_equal(pod_of(POD)->mac, mac_of_pod, 6);
	assert_string_equal(pod_of(POD)->mac_text, "02:00:00:00:00:66");
	bg_pods_neighbour(datapath, &neighbour);
	assert_int_equal(script_writes("pods"), 1);
	/* somebody else says that he has the address */
	neighbour.ifindex = 2;
	memcpy(neighbour.mac, other_mac, 6);
	bg_pods_neighbour(datapath, &neighbour);
	assert_memory_equal(pod_of(POD)->mac, mac_of_pod, 6);
}

/* --- routes ---------------------------------------------------------------- */

/* What the kernel answers: the routes of IPv4, then those of IPv6. */
static void answer_routes(const struct script_route *routes, size_t count)
{
	static const int families[] = { AF_INET, AF_INET6 };

	script_reset();
	for (size_t f = 0; f < 2; f++) {
		struct script_part *part = script_answer();

		for (size_t i = 0; i < count; i++)
			if (routes[i].family == families[f])
				script_route(part, RTM_NEWROUTE, &routes[i]);
		script_done(part);
	}
}

#define ROUTE(FAMILY, TABLE, IFINDEX, METRIC, GATEWAY)                                             \
	{ .family = (FAMILY),                                                                      \
	  .type = RTN_UNICAST,                                                                     \
	  .table = (TABLE),                                                                        \
	  .ifindex = (IFINDEX),                                                                    \
	  .metric = (METRIC),                                                                      \
	  .gateway = (GATEWAY) }

static const struct bg_host *host(void)
{
	const __u32 zero = 0;

	return script_entry("node", &zero);
}

static const struct bg_route *fast_route(__u32 vlan)
{
	return script_entry("fast_routes", &vlan);
}

static const struct bg_route_info *route_info(__u32 vlan)
{
	return script_entry("routes", &vlan);
}

static void a_branch_s_route_is_the_best_of_its_own_table(void **state)
{
	static const struct script_route routes[] = {
		ROUTE(AF_INET, RT_TABLE_MAIN, 2, 100, "10.0.0.1"),
		ROUTE(AF_INET, 109, 4, 200, "10.0.48.2"),
		ROUTE(AF_INET, 109, 4, 100, "10.0.48.1"),
		ROUTE(AF_INET, 109, 2, 1, "10.0.0.1"), /* by another interface */
		ROUTE(AF_INET, 110, 4, 1, "10.0.0.3"), /* another branch's */
		ROUTE(AF_INET6, 109, 4, 100, "fe80::1"),
	};
	struct bg_datapath *datapath = script_datapath();
	struct bg_netdevs *netdevs = node();
	struct bg_model *model = feed(POD, NULL);
	struct bg_addr expected = maker_addr("10.0.48.1");
	struct bg_error err;
	__u32 primary;

	(void)state;
	answer_routes(routes, sizeof(routes) / sizeof(routes[0]));
	assert_int_equal(bg_routes_sync(datapath, model, netdevs, &primary, &err), 0);
	assert_int_equal(primary, 2);
	assert_int_equal(host()->primary_ifindex, 2);
	assert_string_equal(host()->primary_interface, "eth0");
	assert_string_equal(host()->primary_mac_text, "02:00:00:00:00:02");
	assert_int_equal(fast_route(9)->ifindex, 4);
	assert_memory_equal(&fast_route(9)->gateway4, &expected, sizeof(expected));
	assert_string_equal(route_info(9)->gateway4, "10.0.48.1");
	assert_string_equal(route_info(9)->gateway6, "fe80::1");
	assert_string_equal(route_info(9)->interface, "vlan.eth.9");
	/* the same routes write nothing */
	answer_routes(routes, sizeof(routes) / sizeof(routes[0]));
	assert_int_equal(bg_routes_sync(datapath, model, netdevs, &primary, &err), 0);
	assert_int_equal(script_writes("fast_routes") + script_writes("routes"), 2);
	assert_int_equal(script_writes("node"), 1);
	/* the branch's are gone: both maps forget them, the primary interface stays */
	answer_routes(routes, 1);
	assert_int_equal(bg_routes_sync(datapath, model, netdevs, &primary, &err), 0);
	assert_int_equal(script_entries("routes"), 0);
	assert_int_equal(fast_route(9)->ifindex, 0);
	assert_int_equal(primary, 2);
	bg_model_free(model);
	bg_netdevs_close(netdevs);
}

/* Whatever is in the fast map is in the slow one, even where one of the two fails. */
static void what_can_be_cleared_is_cleared_last(void **state)
{
	static const struct script_route routes[] = { ROUTE(AF_INET6, 109, 4, 1, "fe80::1") };
	struct bg_datapath *datapath = script_datapath();
	struct bg_netdevs *netdevs = node();
	struct bg_model *model = feed(POD, NULL);
	struct bg_error err;
	__u32 primary;

	(void)state;
	script_map_fails("fast_routes", SCRIPT_UPDATE, ENOMEM);
	answer_routes(routes, 1);
	assert_int_equal(bg_routes_sync(datapath, model, netdevs, &primary, &err), -ENOMEM);
	assert_non_null(route_info(9));
	assert_null(fast_route(9));
	script_map_fails("fast_routes", SCRIPT_UPDATE, 0);
	answer_routes(routes, 1);
	assert_int_equal(bg_routes_sync(datapath, model, netdevs, &primary, &err), 0);
	assert_int_equal(fast_route(9)->ifindex, 4);
	assert_int_equal(primary, 0);
	assert_null(host());
	/* the interface is not there any more */
	snprintf(model->branches[0].interface, 16, "vlan.eth.8");
	script_map_fails("fast_routes", SCRIPT_UPDATE, ENOMEM);
	answer_routes(routes, 1);
	assert_int_equal(bg_routes_sync(datapath, model, netdevs, &primary, &err), -ENOMEM);
	assert_non_null(route_info(9));
	script_map_fails("routes", SCRIPT_UPDATE, EPERM);
	snprintf(model->branches[0].interface, 16, "eth0");
	answer_routes((const struct script_route[]){ ROUTE(AF_INET, 109, 2, 1, "10.0.0.1") }, 1);
	assert_int_equal(bg_routes_sync(datapath, model, netdevs, &primary, &err), -EPERM);
	bg_model_free(model);
	bg_netdevs_close(netdevs);
}

static void the_primary_interface_is_the_feed_s_or_the_default_route_s(void **state)
{
	static const struct script_route v6_only[] = {
		ROUTE(AF_INET6, RT_TABLE_MAIN, 2, 100, "fe80::1"),
	};
	struct bg_datapath *datapath = script_datapath();
	struct bg_netdevs *netdevs = node();
	struct bg_model *model = feed(POD, NULL);
	unsigned int changed;
	struct bg_error err;
	__u32 primary;

	(void)state;
	/* before the first feed */
	answer_routes(v6_only, 1);
	assert_int_equal(bg_routes_sync(datapath, NULL, netdevs, &primary, &err), 0);
	assert_int_equal(host()->primary_ifindex, 2);
	snprintf(model->node.primary_interface, 16, "pod0");
	answer_routes(v6_only, 1);
	assert_int_equal(bg_routes_sync(datapath, model, netdevs, &primary, &err), 0);
	assert_int_equal(host()->primary_ifindex, 6);
	/* of who is named and not there another one does not get the role, but who had it keeps it */
	snprintf(model->node.primary_interface, 16, "eth7");
	answer_routes(v6_only, 1);
	assert_int_equal(bg_routes_sync(datapath, model, netdevs, &primary, &err), 0);
	assert_int_equal(host()->primary_ifindex, 6);
	/* so it does while there is no default route, ... */
	model->node.primary_interface[0] = '\0';
	answer_routes(v6_only, 0);
	assert_int_equal(bg_routes_sync(datapath, model, netdevs, &primary, &err), 0);
	assert_int_equal(primary, 0);
	assert_int_equal(host()->primary_ifindex, 6);
	/* ... until it is gone */
	script_link(script_event(), RTM_DELLINK, &links[2]);
	assert_int_equal(bg_netdevs_read(netdevs, NULL, NULL, &changed, &err), 0);
	answer_routes(v6_only, 0);
	assert_int_equal(bg_routes_sync(datapath, model, netdevs, &primary, &err), 0);
	assert_int_equal(host()->primary_ifindex, 0);
	bg_model_free(model);
	bg_netdevs_close(netdevs);
}

static void routes_that_cannot_be_listed_stay(void **state)
{
	static const struct script_route routes[] = {
		ROUTE(AF_INET, RT_TABLE_MAIN, 2, 100, "10.0.0.1"),
		ROUTE(AF_INET, 109, 4, 100, "10.0.48.1"),
	};
	struct bg_datapath *datapath = script_datapath();
	struct bg_netdevs *netdevs = node();
	struct bg_model *model = feed(POD, NULL);
	struct bg_error err;
	struct script_part *part;
	__u32 primary = 2;

	(void)state;
	answer_routes(routes, 2);
	assert_int_equal(bg_routes_sync(datapath, model, netdevs, &primary, &err), 0);
	script_reset();
	for (int i = 0; i < BG_DUMP_TRIES; i++)
		script_error(script_answer(), EPERM);
	assert_int_equal(bg_routes_sync(datapath, model, netdevs, &primary, &err), -EPERM);
	assert_non_null(strstr(err.text, "listing the default routes"));
	assert_int_equal(fast_route(9)->ifindex, 4);
	assert_int_equal(primary, 2);
	/* a kernel without IPv6 has the routes of the other family */
	script_reset();
	part = script_answer();
	for (size_t i = 0; i < 2; i++)
		script_route(part, RTM_NEWROUTE, &routes[i]);
	script_done(part);
	for (int i = 0; i < BG_DUMP_TRIES; i++)
		script_error(script_answer(), EAFNOSUPPORT);
	assert_int_equal(bg_routes_sync(datapath, model, netdevs, &primary, &err), 0);
	assert_int_equal(fast_route(9)->ifindex, 4);
	bg_model_free(model);
	bg_netdevs_close(netdevs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_interfaces_of_one_place),
		cmocka_unit_test(what_could_not_be_read_is_not_overwritten),
		cmocka_unit_test(what_could_not_be_cleared_is_found_again),
		cmocka_unit_test(all_that_are_entered_are_seen),
		cmocka_unit_test(what_cannot_be_read_is_not_nothing),
		cmocka_unit_test(a_vlan_is_cleared_by_its_interface_alone),
		cmocka_unit_test(a_branch_says_since_when_it_is_armed),
		cmocka_unit_test(pods_are_where_their_veths_are),
		cmocka_unit_test(a_pod_without_veth_has_no_entry),
		cmocka_unit_test(pods_without_room_take_the_stack),
		cmocka_unit_test(a_neighbour_is_taken_from_the_pod_s_veth_alone),
		cmocka_unit_test(a_branch_s_route_is_the_best_of_its_own_table),
		cmocka_unit_test(what_can_be_cleared_is_cleared_last),
		cmocka_unit_test(the_primary_interface_is_the_feed_s_or_the_default_route_s),
		cmocka_unit_test(routes_that_cannot_be_listed_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
