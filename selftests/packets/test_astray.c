// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What leaves by a branch without a mark of a veth's program has come in where the pod is
 * whose source it bears.
 *
 * Tried, in both families and modes, as a whole, as a fragment and with options: from the
 * primary interface, the trunk, an interface of nobody's, the veth of another pod, each with
 * the pod's veth known and alive; beside it the pod's own veth, one that nobody knows while
 * the known one is gone, a pod that is not known, and the node itself.
 */
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <sched.h>
#include <unistd.h>

#include "base/names.h"
#include "datapath/programs.h"
#include "datapath/test_run.h"
#include "feeds.h"
#include "model_maker.h"
#include "rig.h"
#include "test.h"

#define NODE                                                                                       \
	"ip -batch - <<'END'\n"                                                                    \
	"link set lo up\n"                                                                         \
	"link add eth0 type veth peer name eth1\n"                                                 \
	"link add pod type veth peer name other\n"                                                 \
	"link add branch type veth peer name nobody\n"                                             \
	"END\n"
/* Some other interface, which is not there (any more) */
#define GONE 4000

static struct rig rig;

static __u32 index_of(const char *interface)
{
	return interface ? if_nametoindex(interface) : 0;
}

/* The reason for which it leaves by the branch, or does not. */
static enum bg_reason leaves(const struct pkt *pkt, const char *came_by)
{
	struct __sk_buff context = { .ifindex = index_of("branch"),
				     .ingress_ifindex = index_of(came_by) };
	__u8 frame[PKT_BYTES];
	enum bg_reason reason;
	int action;

	reason = rig_through(&rig, BG_TC_BRANCH_EGRESS, &context, frame, pkt_build(pkt, frame),
			     &action);
	assert_int_equal(action == TC_ACT_UNSPEC, bg_reason_passes(reason));
	return reason;
}

struct mode {
	__u32 vlan;
	enum bg_role role;
	const char *pod, *pod6;
};

static const struct mode strict = { BRANCH_A, BG_ROLE_POD_STRICT, POD, POD6 };
static const struct mode standard = { BRANCH_C, BG_ROLE_POD_STANDARD, STANDARD, STANDARD6 };

static void set_node(const struct mode *mode, __u32 veth)
{
	rig_publish(&rig, FEED(NODE_WITHOUT_GROUPS, ALL_RULES, ALL_BRANCHES));
	rig_clear(&rig);
	rig_enter(&rig, index_of("branch"), BG_ROLE_BRANCH, mode->vlan, 0);
	rig_enter(&rig, index_of("eth0"), BG_ROLE_PRIMARY, 0, 0);
	rig_enter(&rig, index_of("eth1"), BG_ROLE_TRUNK, 0, 0);
	rig_enter(&rig, index_of("pod"), mode->role, mode->vlan, 0);
	rig_enter(&rig, index_of("other"), BG_ROLE_POD_STRICT, BRANCH_B, 0);
	rig_set_pod(&rig, mode->pod, mode->vlan, veth);
	rig_set_pod(&rig, mode->pod6, mode->vlan, veth);
}

/* By each packet that the branch's groups admit, if it is one of the pod's. */
static void expect(const char *says, const struct mode *mode, const char *came_by, bool is_spoofed)
{
	const struct pkt packets[] = {
		{ UDP(mode->pod, 5000, CLIENT, 1500) },
		{ UDP(mode->pod6, 5000, CLIENT6, 1500) },
		{ TCP(mode->pod, 5000, CLIENT, 5432, "S") },
		{ UDP(mode->pod, 5001, CLIENT, 1500), .more = true, .payload = 800 },
		{ UDP(mode->pod, 5001, CLIENT, 1500), .offset_bytes = 808, .bare = true,
		  .payload = 100 },
		{ UDP(mode->pod, 5002, CLIENT, 1500), .option_words = 2 },
		{ UDP(mode->pod6, 5002, CLIENT6, 1500), .chain = "D" },
	};

	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
		enum bg_reason is = leaves(&packets[i], came_by);

		if (is_spoofed ? is != BG_REASON_SPOOFED : !bg_reason_passes(is))
			fail_msg("%s: packet %zu from %s is %s", says, i, packets[i].from,
				 bg_reason_name(is));
	}
}

static void from_where_the_pod_is(void **state)
{
	const struct mode *mode = *state;

	set_node(mode, index_of("pod"));
	expect("its veth", mode, "pod", false);
	expect("the primary interface", mode, "eth0", true);
	expect("the trunk", mode, "eth1", true);
	expect("an interface of nobody's", mode, "nobody", true);
	expect("the veth of another pod", mode, "other", true);
	expect("the node itself", mode, NULL, false);
}

static void while_its_veth_is_not_known(void **state)
{
	const struct mode *mode = *state;
	const __u32 unknown[] = { 0, GONE };

	for (int i = 0; i < 2; i++) {
		set_node(mode, unknown[i]);
		expect("one made anew", mode, "nobody", false);
		expect("the primary interface", mode, "eth0", true);
		expect("the trunk", mode, "eth1", true);
	}
}

int main(void)
{
	static const char *const programs[] = { "tc_branch_egress", NULL };
	const struct CMUnitTest tests[] = {
		{ "strict: from where the pod is", from_where_the_pod_is, NULL, NULL,
		  (void *)&strict },
		{ "standard: from where the pod is", from_where_the_pod_is, NULL, NULL,
		  (void *)&standard },
		{ "strict: while its veth is not known", while_its_veth_is_not_known, NULL, NULL,
		  (void *)&strict },
		{ "standard: while its veth is not known", while_its_veth_is_not_known, NULL, NULL,
		  (void *)&standard },
	};

	if (unshare(CLONE_NEWNET) || system(NODE)) /* NOLINT(cert-env33-c) */
		return 1;
	return RIG_RUN(&rig, 0, programs, tests);
}
