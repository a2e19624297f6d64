// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The node's own errors about what a strict pod has sent, from its veth by the routes of a real
 * node (a network namespace). Nothing is attached; with sockets: net/test_ttl.sh.
 *
 * Tried, in both families: an error about what expires, and about what is too large for the
 * branch; about nothing, again, about another packet, too late, to another pod, from somebody
 * else, about a fragment, and one that quotes nothing; and a pod that has thousands of packets
 * expire, beside another pod's fragments.
 */
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/names.h"
#include "branchguard.skel.h"
#include "datapath/programs.h"
#include "feeds.h"
#include "model_maker.h"
#include "rig.h"
#include "test.h"

#define NODE_ADDRESS "10.0.1.10"
#define NODE_ADDRESS6 "2001:db8:1::10"
#define DNS "169.254.20.10"
#define DNS6 "fd00:ec2::10"
#define THE_FEED                                                                                   \
	FEED(NODE_WITH("'Addresses': ['" NODE_ADDRESS "', '" NODE_ADDRESS6                         \
		       "'], 'LocalServices': [{'Address': '" DNS                                   \
		       "', 'Protocol': 'udp', 'Port': 53}, {'Address': '" DNS6                     \
		       "', 'Protocol': 'udp', 'Port': 53}]"),                                      \
	     ALL_RULES, ALL_BRANCHES)

#define VETH "vlan18582a65b10" /* the host end of the pod's */
/* With a veth pair for the branch: not every kernel has 8021q. It takes less than the pod's. */
#define NODE                                                                                       \
	"ip -batch - <<'END'\n"                                                                    \
	"link set lo up\n"                                                                         \
	"link add eth0 type veth peer name far0\n"                                                 \
	"link add " VETH " type veth peer name pod9\n"                                             \
	"link add vlan.eth.9 mtu 1300 type veth peer name far9\n"                                  \
	"link set far0 up\nlink set far9 up\nlink set pod9 up\n"                                   \
	"link set eth0 up\nlink set vlan.eth.9 up\nlink set " VETH " up\n"                         \
	"route add default via 10.0.32.1 dev vlan.eth.9 onlink table 109\n"                        \
	"rule add prio 10 iif " VETH " lookup 109\n"                                               \
	"END\n"                                                                                    \
	"ip -6 route add default via fe80::1 dev vlan.eth.9 onlink table 109;"                     \
	"ip -6 rule add prio 10 iif " VETH " lookup 109;"                                          \
	"echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding"

static struct rig rig;

static int start(void **state)
{
	const struct bg_route route = { .ifindex = if_nametoindex("vlan.eth.9"),
					.gateway4 = maker_addr("10.0.32.1"),
					.gateway6 = maker_addr("fe80::1") };
	const struct bg_host host = { .primary_ifindex = if_nametoindex("eth0") };
	const struct bpf_map *nodes = rig.datapath->skel->maps.node;
	__u32 zero = 0, vlan = BRANCH_A;
	struct bg_error err;

	(void)state;
	rig_publish(&rig, THE_FEED);
	rig_clear(&rig);
	rig_enter(&rig, if_nametoindex(VETH), BG_ROLE_POD_STRICT, BRANCH_A, 0);
	rig_enter(&rig, if_nametoindex("vlan.eth.9"), BG_ROLE_BRANCH, BRANCH_A, 0);
	rig_enter(&rig, if_nametoindex("eth0"), BG_ROLE_PRIMARY, 0, 0);
	rig_set_pod(&rig, POD, BRANCH_A, if_nametoindex(VETH));
	rig_set_pod(&rig, POD6, BRANCH_A, if_nametoindex(VETH));
	rig_set_pod(&rig, NEIGHBOUR, BRANCH_B, if_nametoindex(VETH));
	assert_int_equal(bg_map_set(nodes, &zero, &host, &err), 0);
	assert_int_equal(bg_map_set(rig.datapath->skel->maps.fast_routes, &vlan, &route, &err), 0);
	return 0;
}

static enum bg_reason run(enum bg_program program, const char *interface, const struct pkt *pkt,
			  int *action)
{
	struct __sk_buff context = { .ifindex = if_nametoindex(interface) };
	struct ifreq request = {};
	__u8 frame[PKT_BYTES];
	size_t bytes = pkt_build(pkt, frame);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	assert_int_equal(ioctl(fd, SIOCGIFHWADDR, &request), 0);
	close(fd);
	memcpy(frame, request.ifr_hwaddr.sa_data, 6);
	return rig_through(&rig, program, &context, frame, bytes, action);
}

/* At the pod's veth: left to the stack, which will answer. */
static void sends(const struct pkt *pkt)
{
	int action;
	enum bg_reason reason = run(BG_TC_POD_EGRESS, VETH, pkt, &action);

	if (reason != BG_REASON_NONE || action != TC_ACT_UNSPEC)
		fail_msg("%s to %s is %s and %d, expected to be left to the stack", pkt->from,
			 pkt->to, bg_reason_name(reason), action);
}

/* At the primary interface, of the node's own. */
static void answer(const char *says, const struct pkt *error, enum bg_reason expected)
{
	const int wanted = expected == BG_REASON_NONE ? TC_ACT_UNSPEC : TC_ACT_REDIRECT;
	int action;
	enum bg_reason reason = run(BG_TC_NODE_EGRESS, "eth0", error, &action);

	if (reason != expected || action != wanted)
		fail_msg("%s: %s to %s is %s and %d, expected %s and %d", says, error->from,
			 error->to, bg_reason_name(reason), action, bg_reason_name(expected),
			 wanted);
}

static void arrives(const char *says, const struct pkt *error)
{
	answer(says, error, BG_REASON_ICMP_ERROR);
}

/* By the fabric, as whatever the node sends. */
static void does_not(const char *says, const struct pkt *error)
{
	answer(says, error, BG_REASON_NONE);
}

struct family {
	const char *pod, *node, *service, *stranger;
};
static const struct family families[] = { { POD, NODE_ADDRESS, DNS, STRANGER },
					  { POD6, NODE_ADDRESS6, DNS6, STRANGER6 } };

static struct pkt error_about(const struct family *f, const char *from, const char *to,
			      const struct pkt *quote)
{
	struct pkt error = { .from = from, .to = to, .quote = quote };

	/* time exceeded */
	error.protocol = f == &families[0] ? 1 : 58;
	error.type = f == &families[0] ? 11 : 3;
	return error;
}

static void about_what_the_pod_has_sent(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		const struct family *f = &families[i];
		const struct pkt sent = { UDP(f->pod, 40000, f->stranger, 33434), .ttl = 1 };
		const struct pkt other = { UDP(f->pod, 40000, f->stranger, 33435) };
		const struct pkt elsewhere = { UDP(f->pod, 40000, f->service, 33434) };
		const struct pkt large = { UDP(f->pod, 40000, f->stranger, 33436),
					   .payload = 1350 };
		const struct pkt about_sent = error_about(f, f->node, f->pod, &sent);
		const struct pkt about_other = error_about(f, f->node, f->pod, &other);
		const struct pkt about_elsewhere = error_about(f, f->node, f->pod, &elsewhere);
		const struct pkt about_large = error_about(f, f->node, f->pod, &large);

		does_not("about nothing", &about_sent);
		sends(&sent);
		does_not("about another", &about_other);
		does_not("about one to another", &about_elsewhere);
		arrives("about it", &about_sent);
		does_not("once", &about_sent);
		sends(&large);
		arrives("about one that is too large", &about_large);
		sends(&sent);
		rig_age(&rig, 4);
		does_not("too late", &about_sent);
	}
}

#define LATER .offset_bytes = 136, .bare = true, .payload = 64

static void errors_of_others(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		const struct family *f = &families[i];
		const struct pkt sent = { UDP(f->pod, 40000, f->stranger, 33434), .ttl = 1 };
		const struct pkt later = { UDP(f->pod, 40000, f->stranger, 33434), LATER };
		const struct pkt back = { UDP(f->stranger, 33434, f->pod, 40000) };
		struct pkt error = error_about(f, f->service, f->pod, &sent);

		sends(&sent);
		does_not("of a local service", &error);
		error = error_about(f, f->stranger, f->pod, &sent);
		does_not("of somebody's", &error);
		error = error_about(f, f->node, i ? POD_TWO6 : NEIGHBOUR, &sent);
		does_not("to another pod", &error);
		error = error_about(f, f->node, f->pod, &later);
		does_not("about a later fragment", &error);
		error = error_about(f, f->node, f->pod, &back);
		does_not("the wrong way round", &error);
		error = error_about(f, f->node, f->pod, NULL);
		does_not("that quotes nothing", &error);
		error = error_about(f, f->node, f->pod, &sent);
		error.type = i ? 129 : 0;
		does_not("that is none", &error);
		error = error_about(f, f->node, f->pod, &sent);
		arrives("the node's", &error);
	}
}

static size_t entries(void)
{
	struct bg_fragment_key key, *last = NULL;
	size_t count = 0;

	while (!bpf_map_get_next_key(bpf_map__fd(rig.datapath->skel->maps.fragments), last, &key)) {
		last = &key;
		count++;
	}
	return count;
}

/* Its packets need no rule for that: so what is noted of them must not fill the map in which
 * everybody's fragments are. */
static void a_pod_that_has_all_expire(void **state)
{
	enum { PACKETS = 2000, FEW = 8 };

	(void)state;
	for (int i = 0; i < 2; i++) {
		const struct family *f = &families[i];
		const struct pkt sent = { UDP(f->pod, 40000, f->stranger, 33434), .ttl = 1 };
		const struct pkt about_sent = error_about(f, f->node, f->pod, &sent);

		for (int k = 0; k < PACKETS; k++)
			sends(&(const struct pkt){ UDP(f->pod, 1 + k, f->stranger, 1 + k % 7),
						   .ttl = 1 });
		if (entries() > (size_t)(i + 1) * FEW)
			fail_msg("%d packets of a pod took %zu entries, expected %d at most",
				 (i + 1) * PACKETS, entries(), (i + 1) * FEW);
		sends(&sent);
		arrives("about the last one", &about_sent);
	}
}

int main(void)
{
	static const char *const programs[] = { "tc_node_egress", "tc_pod_egress", NULL };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(about_what_the_pod_has_sent, start),
		cmocka_unit_test_setup(errors_of_others, start),
		cmocka_unit_test_setup(a_pod_that_has_all_expire, start),
	};

	if (unshare(CLONE_NEWNET) || system(NODE)) /* NOLINT(cert-env33-c) */
		return 1;
	return RIG_RUN(&rig, 0, programs, tests);
}
