// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a packet of an established connection pays in all programs that it crosses on its way,
 * in ns above an empty program, on one CPU:
 *	bench_ways [--json]
 *
 * The node is a network namespace of its own with the CNI's interfaces, veth pairs for all of
 * them. Nothing is attached: each program of a way gets the packet as the one before leaves it,
 * by BPF test run, in turns with the empty program. Beside it one look-up of a flow table as
 * others have it. What XDP costs, new and denied packets: bench_packet.
 */
#include <errno.h>
#include <libgen.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bench.h"
#include "branchguard.skel.h"
#include "datapath/test_run.h"
#include "guard/iface_maps.h"
#include "measure.h"
#include "model_maker.h"
#include "scenario.h"

#define RUNS 25
#define REPEAT 20000
#define PORT 443
#define CLIENT_PORT 40000
/* skb->tc_index: bpf/short_way.h */
#define CAME_BY_SHORT_WAY 0xb602
#define CAME_JUDGED 0xb603

enum { SYN = 2, ACK = 16 };
enum end { STRICT_POD, STANDARD_POD, CLIENT, NODE, BRIDGED, ENDS };

static const char *const addresses[ENDS][2] = {
	[STRICT_POD] = { "10.0.0.90", "2001:db8::90" },
	[STANDARD_POD] = { "10.0.0.91", "2001:db8::91" },
	[CLIENT] = { "10.1.0.7", "2001:db8:1::7" },
	[NODE] = { "10.0.1.10", "2001:db8:0:1::10" },
	[BRIDGED] = { "172.17.0.2", "2001:db8:2::2" },
};

enum place { PRIMARY, TRUNK, BRANCH, STRICT_VETH, STANDARD_VETH, BRIDGE, PLACES };

static const struct {
	const char *interface;
	enum bg_role role;
	__u32 vlan;
} places[PLACES] = {
	[PRIMARY] = { "eth0", BG_ROLE_PRIMARY, 0 },
	[TRUNK] = { "eth1", BG_ROLE_TRUNK, 0 },
	[BRANCH] = { "vlan.eth.9", BG_ROLE_BRANCH, SCENARIO_STRICT_VLAN },
	[STRICT_VETH] = { "vlan18582a65b10", BG_ROLE_POD_STRICT, SCENARIO_STRICT_VLAN },
	[STANDARD_VETH] = { "vlan18582a65b11", BG_ROLE_POD_STANDARD, SCENARIO_STANDARD_VLAN },
	[BRIDGE] = { "docker0", BG_ROLE_NONE, 0 },
};

struct step {
	const char *program;
	enum place at, came_by;
	bool forwarded; /* came_by is meant */
	__u32 mark;
	bool tagged;
	int action; /* what the program must return */
};

static const struct way {
	const char *name;
	enum end from, to;
	bool all_strict; /* no standard pod on the node, from here on */
	struct step steps[3];
} ways[] = {
	{ "strict pod, in",
	  CLIENT,
	  STRICT_POD,
	  false,
	  { { "tc_branch_ingress", BRANCH, BRANCH, true, 0, false, TC_ACT_REDIRECT } } },
	{ "strict pod, out",
	  STRICT_POD,
	  CLIENT,
	  false,
	  { { "tc_pod_egress", STRICT_VETH, STRICT_VETH, true, 0, false, TC_ACT_REDIRECT },
	    { "tc_branch_egress", BRANCH, STRICT_VETH, true, CAME_BY_SHORT_WAY, false,
	      TC_ACT_UNSPEC },
	    { "tc_trunk_guard", TRUNK, STRICT_VETH, true, 0, true, TC_ACT_UNSPEC } } },
	{ "standard pod, in",
	  CLIENT,
	  STANDARD_POD,
	  false,
	  { { "tc_node_ingress", PRIMARY, PRIMARY, true, 0, false, TC_ACT_UNSPEC },
	    { "tc_pod_ingress", STANDARD_VETH, PRIMARY, true, 0, false, TC_ACT_UNSPEC } } },
	{ "standard pod, out",
	  STANDARD_POD,
	  CLIENT,
	  false,
	  { { "tc_pod_egress", STANDARD_VETH, STANDARD_VETH, true, 0, false, TC_ACT_UNSPEC },
	    { "tc_node_egress", PRIMARY, STANDARD_VETH, true, CAME_JUDGED, false,
	      TC_ACT_UNSPEC } } },
	{ "the node's own, in",
	  CLIENT,
	  NODE,
	  false,
	  { { "tc_node_ingress", PRIMARY, PRIMARY, true, 0, false, TC_ACT_UNSPEC } } },
	{ "the node's own, out",
	  NODE,
	  CLIENT,
	  false,
	  { { "tc_node_egress", PRIMARY, PRIMARY, false, 0, false, TC_ACT_UNSPEC } } },
	{ "foreign, forwarded out",
	  BRIDGED,
	  CLIENT,
	  false,
	  { { "tc_node_egress", PRIMARY, BRIDGE, true, 0, false, TC_ACT_UNSPEC } } },
	{ "all strict: own, in",
	  CLIENT,
	  NODE,
	  true,
	  { { "tc_node_ingress", PRIMARY, PRIMARY, true, 0, false, TC_ACT_UNSPEC } } },
};
#define WAYS (sizeof(ways) / sizeof(ways[0]))
#define STEPS (sizeof(ways[0].steps) / sizeof(ways[0].steps[0]))

struct campaign {
	struct bench bench;
	struct bpf_object *front;
	int again, empty, hot_lookup;
};

/* --- the node --- */

static void make_node(void)
{
	if (unshare(CLONE_NEWNET))
		bench_die("a network namespace of its own: %s", strerror(errno));
	for (int place = 0; place < PLACES; place++) {
		char command[256];

		snprintf(command, sizeof(command),
			 "ip link add %s type veth peer name far%d && ip link set %s up && "
			 "ip link set far%d up",
			 places[place].interface, place, places[place].interface, place);
		if (system(command)) /* NOLINT(cert-env33-c) */
			bench_die("failed: %s", command);
	}
}

static void mac_of(const char *interface, __u8 mac[6])
{
	struct ifreq request = {};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &request))
		bench_die("hardware address of %s: %s", interface, strerror(errno));
	close(fd);
	memcpy(mac, request.ifr_hwaddr.sa_data, 6);
}

static __u32 index_of(enum place place)
{
	return if_nametoindex(places[place].interface);
}

static void set_pod(const struct bench *bench, enum end end, enum place veth)
{
	struct bg_pod pod = { .vlan = places[veth].vlan, .host_ifindex = index_of(veth) };
	char peer[IFNAMSIZ];
	struct bg_error err;

	snprintf(peer, sizeof(peer), "far%d", veth);
	mac_of(peer, pod.mac);
	mac_of(places[veth].interface, pod.host_mac);
	for (int family = 0; family < 2; family++) {
		const struct bg_addr address = maker_addr(addresses[end][family]);

		if (bg_map_set(bench->datapath->skel->maps.pods, &address, &pod, &err))
			bench_die("%s", err.text);
	}
}

static void enter_node(const struct bench *bench)
{
	const struct bg_host host = { .primary_ifindex = index_of(PRIMARY) };
	const struct bg_route route = { .ifindex = index_of(BRANCH),
					.gateway4 = maker_addr("10.0.32.1"),
					.gateway6 = maker_addr("fe80::1") };
	__u32 vlan = SCENARIO_STRICT_VLAN, zero = 0;
	struct bg_error err;

	for (int place = 0; place < PLACES; place++) {
		const struct bg_iface iface = { .ifindex = index_of(place),
						.role = places[place].role,
						.vlan = places[place].vlan };

		if (iface.role != BG_ROLE_NONE && bg_iface_set(bench->datapath, &iface, &err))
			bench_die("%s", err.text);
	}
	if (bg_vlan_set(bench->datapath, vlan, route.ifindex, &err) ||
	    bg_map_set(bench->datapath->skel->maps.fast_routes, &vlan, &route, &err) ||
	    bg_map_set(bench->datapath->skel->maps.node, &zero, &host, &err))
		bench_die("%s", err.text);
	set_pod(bench, STRICT_POD, STRICT_VETH);
	set_pod(bench, STANDARD_POD, STANDARD_VETH);
}

/* --- packets --- */

static int program_fd(const struct bpf_object *object, const char *name)
{
	const struct bpf_program *program = bpf_object__find_program_by_name(object, name);

	if (!program)
		bench_die("no program %s", name);
	return bpf_program__fd(program);
}

static void put_tag(struct frame *frame, __u16 vlan)
{
	memmove(frame->bytes + 16, frame->bytes + 12, frame->length - 12);
	frame->bytes[12] = 0x81;
	frame->bytes[13] = 0x00;
	frame->bytes[14] = vlan >> 8;
	frame->bytes[15] = vlan & 0xff;
	frame->length += 4;
}

/* The server's port is at the pod if a client speaks to it, and at the client's end else: so
 * the two directions are two connections. */
static void make_frame(const struct way *way, const struct step *step, int family, __u8 flags,
		       struct frame *frame)
{
	const struct bg_addr from = maker_addr(addresses[way->from][family]),
			     to = maker_addr(addresses[way->to][family]);

	bench_frame(frame, &from, CLIENT_PORT, &to, PORT, flags);
	mac_of(places[step->at].interface, frame->bytes);
	if (step->tagged)
		put_tag(frame, SCENARIO_STRICT_VLAN);
}

static double run(const struct campaign *campaign, const struct step *step,
		  const struct frame *frame, int program, int front, __u32 repeat, int *action)
{
	struct __sk_buff context = { .ifindex = index_of(step->at),
				     .ingress_ifindex = step->forwarded ? index_of(step->came_by)
									: 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame->bytes, .data_size_in = frame->length,
		    .ctx_in = &context, .ctx_size_in = sizeof(context), .repeat = repeat);
	const int behind = bpf_object__find_map_fd_by_name(campaign->front, "behind");
	const int globals = bpf_object__find_map_fd_by_name(campaign->front, ".bss");
	__u32 zero = 0;

	if (front >= 0 && (bpf_map_update_elem(behind, &zero, &program, BPF_ANY) ||
			   bpf_map_update_elem(globals, &zero, &step->mark, BPF_ANY)))
		bench_die("preparing a run: %s", strerror(errno));
	if (bpf_prog_test_run_opts(front >= 0 ? front : program, &opts))
		bench_die("test run: %s", strerror(errno));
	*action = (int)opts.retval;
	return opts.duration;
}

/* One packet through all programs of the way, each of which must let it go on. */
static void pass(const struct campaign *campaign, const struct way *way, int family, __u8 flags)
{
	for (const struct step *step = way->steps; step < way->steps + STEPS && step->program;
	     step++) {
		const int program = program_fd(campaign->bench.datapath->skel->obj, step->program);
		struct frame frame;
		int action;

		make_frame(way, step, family, flags, &frame);
		run(campaign, step, &frame, program, campaign->again, 1, &action);
		if (action != step->action)
			bench_die("%s, IPv%d: %s returns %d, expected %d", way->name,
				  family ? 6 : 4, step->program, action, step->action);
	}
}

static double above_empty(const struct campaign *campaign, const struct way *way,
			  const struct step *step, int family)
{
	const int program = program_fd(campaign->bench.datapath->skel->obj, step->program);
	double ns[RUNS];
	struct frame frame;
	int action;

	make_frame(way, step, family, ACK, &frame);
	for (int i = 0; i < RUNS; i++) {
		double empty = run(campaign, step, &frame, campaign->empty, campaign->again, REPEAT,
				   &action);

		ns[i] = run(campaign, step, &frame, program, campaign->again, REPEAT, &action) -
			empty;
		if (action != step->action)
			bench_die("%s: %s returns %d in the midst of it", way->name, step->program,
				  action);
	}
	return measure_median(ns, RUNS);
}

static double hot_lookup(const struct campaign *campaign)
{
	const struct step nowhere = { .at = PRIMARY };
	struct frame frame;
	double ns[RUNS];
	int action;

	make_frame(&ways[0], &nowhere, 0, ACK, &frame);
	for (int i = 0; i < RUNS; i++) {
		double empty =
			run(campaign, &nowhere, &frame, campaign->empty, -1, REPEAT, &action);

		ns[i] = run(campaign, &nowhere, &frame, campaign->hot_lookup, -1, REPEAT, &action) -
			empty;
	}
	return measure_median(ns, RUNS);
}

/* --- figures --- */

static void print_way(const struct campaign *campaign, const struct way *way, bool json)
{
	double ns[STEPS][2], sum[2] = {};
	size_t count = 0;

	for (; count < STEPS && way->steps[count].program; count++)
		for (int family = 0; family < 2; family++) {
			ns[count][family] = above_empty(campaign, way, &way->steps[count], family);
			sum[family] += ns[count][family];
		}
	if (json) {
		for (int family = 0; family < 2; family++)
			for (size_t i = 0; i < count; i++)
				printf("{\"Way\":\"%s\",\"Family\":%d,\"Program\":\"%s\","
				       "\"NsAboveEmpty\":%.0f}\n",
				       way->name, family ? 6 : 4, way->steps[i].program,
				       ns[i][family]);
		return;
	}
	printf("%-24s %-18s %6.0f %6.0f\n", way->name, "", sum[0], sum[1]);
	for (size_t i = 0; i < count && count > 1; i++)
		printf("%-24s %-18s %6.0f %6.0f\n", "", way->steps[i].program, ns[i][0], ns[i][1]);
}

static void load_front(struct campaign *campaign, const char *program)
{
	const __u8 key[40] = { 1 }, value[64] = { 1 };
	char path[4096];

	snprintf(path, sizeof(path), "%s/ways.bpf.o", dirname(strdupa(program)));
	campaign->front = bpf_object__open_file(path, NULL);
	if (!campaign->front || bpf_object__load(campaign->front))
		bench_die("loading %s: %s", path, strerror(errno));
	campaign->again = program_fd(campaign->front, "tc_again");
	campaign->empty = program_fd(campaign->front, "tc_empty");
	campaign->hot_lookup = program_fd(campaign->front, "tc_hot_lookup");
	if (bpf_map_update_elem(bpf_object__find_map_fd_by_name(campaign->front, "hot"), key, value,
				BPF_ANY))
		bench_die("the table to compare with: %s", strerror(errno));
}

int main(int argc, char **argv)
{
	static struct campaign campaign;
	const bool json = measure_wants_json(argc, argv);
	double lookup_ns;
	char path[4096];

	measure_on_one_cpu();
	make_node();
	snprintf(path, sizeof(path), "%s", argv[0]);
	snprintf(path, sizeof(path), "%s/packets.bpf.o", dirname(strdupa(path)));
	bench_open(&campaign.bench, path, true);
	load_front(&campaign, argv[0]);
	bench_publish(&campaign.bench, scenario_both_modes());
	enter_node(&campaign.bench);
	lookup_ns = hot_lookup(&campaign);
	if (json)
		printf("{\"Way\":\"one hot LRU look-up\",\"NsAboveEmpty\":%.0f}\n", lookup_ns);
	else
		printf("\nns above the empty program, one core, median of %d, established\n\n"
		       "%-24s %-18s %6s %6s\n%-24s %-18s %6.0f\n",
		       RUNS, "", "", "IPv4", "IPv6", "one hot LRU look-up", "", lookup_ns);
	for (size_t i = 0; i < WAYS; i++) {
		if (ways[i].all_strict)
			bench_publish(&campaign.bench, scenario_one_branch(2, 1));
		for (int family = 0; family < 2; family++) {
			pass(&campaign, &ways[i], family, SYN);
			pass(&campaign, &ways[i], family, ACK);
		}
		print_way(&campaign, &ways[i], json);
	}
	bpf_object__close(campaign.front);
	bench_close(&campaign.bench);
	return 0;
}
