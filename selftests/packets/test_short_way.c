// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * When the short way is taken, and what it writes into a packet: between the branch and the veth
 * of a node as the CNI makes it. Nothing is attached.
 *
 * Tried: frames for another MAC; a pod whose place in `pods` is yet that of another branch;
 * programs of somebody else's on one end or both; every kind of carry in an IPv4 checksum.
 */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <string.h>

#include <bpf/bpf.h>

#include "branchguard.skel.h"
#include "cni_node.h"
#include "datapath/test_run.h"
#include "feeds.h"
#include "model_maker.h"
#include "test.h"

/* What comes in for another MAC is judged, and left to the stack, which drops it. */
static void for_another_mac(void **state)
{
	const struct pkt packets[] = { { TCP(CLIENT, 40000, POD, 443, "S") },
				       { TCP(CLIENT6, 40000, POD6, 443, "S") } };
	const struct cni_way in = { BG_TC_BRANCH_INGRESS, "vlan.eth.9", cni_index("vlan.eth.9"),
				    CNI_TO_DEVICE };
	struct cni_way for_another = in, for_all = in;
	bool left_to_stack;

	(void)state;
	for_another.receiver = CNI_TO_ANOTHER;
	for_all.receiver = CNI_TO_ALL;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(cni_ask(&for_another, &packets[i], &left_to_stack),
				 BG_REASON_RULE);
		assert_true(left_to_stack);
		assert_int_equal(cni_ask(&for_all, &packets[i], &left_to_stack), BG_REASON_TRACKED);
		assert_true(left_to_stack);
		assert_int_equal(cni_ask(&in, &packets[i], &left_to_stack), BG_REASON_TRACKED);
		assert_false(left_to_stack);
	}
}

/* The image has the pod at this branch, `pods` still at another. */
static void not_by_the_branch_before(void **state)
{
	const struct cni_way in = { BG_TC_BRANCH_INGRESS, "vlan.eth.9", cni_index("vlan.eth.9"),
				    CNI_TO_DEVICE };
	const struct pkt packets[] = { { TCP(CLIENT, 40000, POD, 443, "S") },
				       { TCP(CLIENT6, 40000, POD6, 443, "S") } };
	bool left_to_stack;

	(void)state;
	for (int i = 0; i < 2; i++) {
		rig_set_pod(&cni_rig, i ? POD6 : POD, BRANCH_B, cni_index(CNI_VETH));
		assert_int_equal(cni_ask(&in, &packets[i], &left_to_stack), BG_REASON_RULE);
		assert_true(left_to_stack);
		cni_set_pod(i ? POD6 : POD, cni_index(CNI_VETH));
		assert_int_equal(cni_ask(&in, &packets[i], &left_to_stack), BG_REASON_TRACKED);
		assert_false(left_to_stack);
	}
}

/* With a program of somebody else's on either end, both directions keep to the stack; but what
 * the stack would not do, the pod's packets to its own node, is redirected even so. */
static void short_in_both_directions_or_in_none(void **state)
{
	const struct cni_way out = cni_at_veth(), in = { BG_TC_BRANCH_INGRESS, "vlan.eth.9",
							 cni_index("vlan.eth.9"), CNI_TO_DEVICE };
	const struct pkt queries[] = { { UDP(CLIENT, 40000, POD, 53) },
				       { UDP(CLIENT6, 40000, POD6, 53) } };
	const struct pkt answers[] = { { UDP(POD, 53, CLIENT, 40000) },
				       { UDP(POD6, 53, CLIENT6, 40000) } };
	const struct pkt node = { TCP(POD, 5000, "10.0.1.10", 22, "S") };
	bool by_stack;

	(void)state;
	rig_publish(&cni_rig,
		    FEED(NODE_WITH("'Addresses': ['10.0.1.10']"), ALL_RULES, ALL_BRANCHES));
	cni_set_route(true);
	for (int shared = 0; shared < 4; shared++) {
		cni_enter_shared(CNI_VETH, BG_ROLE_POD_STRICT, BRANCH_A, shared & 1);
		cni_enter_shared("vlan.eth.9", BG_ROLE_BRANCH, BRANCH_A, shared & 2);
		for (int i = 0; i < 2; i++) {
			bool in_by_stack, out_by_stack;

			cni_ask(&in, &queries[i], &in_by_stack);
			cni_ask(&out, &answers[i], &out_by_stack);
			if (in_by_stack != !!shared || out_by_stack != !!shared)
				fail_msg("shared %d: in by the %s, out by the %s", shared,
					 in_by_stack ? "stack" : "short way",
					 out_by_stack ? "stack" : "short way");
		}
		cni_ask(&out, &node, &by_stack);
		assert_false(by_stack);
	}
}

/* The one's complement sum of the header, as a receiver forms it without its checksum field. */
static __be16 header_checksum(const __u8 *ip)
{
	__u32 sum = 0;

	for (int i = 0; i < 20; i += 2)
		sum += i == 10 ? 0 : (__u32)ip[i] << 8 | ip[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	return htons((__u16) ~((sum & 0xffff) + (sum >> 16)));
}

/* Gives the header the identification with which its checksum is `wanted`. */
static void make_checksum(__u8 *ip, __u16 wanted)
{
	__be16 id = 0, checksum;
	__u32 sum;

	memcpy(ip + 4, &id, sizeof(id));
	sum = (__u32)ntohs(header_checksum(ip)) + (__u16)~wanted;
	id = htons((__u16)((sum & 0xffff) + (sum >> 16)));
	memcpy(ip + 4, &id, sizeof(id));
	checksum = header_checksum(ip);
	assert_int_equal(ntohs(checksum), wanted);
	memcpy(ip + 10, &checksum, sizeof(checksum));
}

/* The short way takes one hop off, whatever the checksum was, and writes nothing else but the
 * hardware addresses of the pod's veth, which alone are known without a neighbour. */
static void one_hop_less(void **state)
{
	static const __u16 checksums[] = { 0x0000, 0x00ff, 0x1234, 0xfefe,
					   0xfeff, 0xff00, 0xff01, 0xfffe };
	const struct {
		enum bg_program program;
		const char *interface;
		struct pkt pkt;
	} ways[] = {
		{ BG_TC_BRANCH_INGRESS, "vlan.eth.9", { UDP(CLIENT, 40000, POD, 53) } },
		{ BG_TC_POD_EGRESS, CNI_VETH, { UDP(POD, 53, CLIENT, 40000) } },
	};

	const struct bg_pod pod = { .vlan = BRANCH_A,
				    .host_ifindex = cni_index(CNI_VETH),
				    .mac = { 2, 1, 2, 3, 4, 5 },
				    .host_mac = { 2, 6, 7, 8, 9, 10 } };
	const struct bg_addr address = maker_addr(POD);
	struct bg_error err;

	(void)state;
	cni_set_route(true);
	assert_int_equal(bg_map_set(cni_rig.datapath->skel->maps.pods, &address, &pod, &err), 0);
	for (size_t i = 0; i < 2 * sizeof(checksums) / sizeof(checksums[0]); i++) {
		struct __sk_buff context = { .ifindex = cni_index(ways[i & 1].interface) };
		__u8 frame[PKT_BYTES], out[PKT_BYTES];
		LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_out = out,
			    .data_size_out = sizeof(out), .repeat = 1, .ctx_in = &context,
			    .ctx_size_in = sizeof(context));
		__be16 checksum;

		context.ingress_ifindex = context.ifindex;
		opts.data_size_in = (__u32)pkt_build(&ways[i & 1].pkt, frame);
		cni_mac(ways[i & 1].interface, frame);
		make_checksum(frame + ETH_HLEN, checksums[i / 2]);
		assert_int_equal(bpf_prog_test_run_opts(bg_program_fd(cni_rig.datapath->skel,
								      ways[i & 1].program),
							&opts),
				 0);
		assert_int_equal(opts.retval, TC_ACT_REDIRECT);
		assert_int_equal(opts.data_size_out, opts.data_size_in);
		if (ways[i & 1].program == BG_TC_BRANCH_INGRESS) {
			memcpy(frame, pod.mac, ETH_ALEN);
			memcpy(frame + ETH_ALEN, pod.host_mac, ETH_ALEN);
		}
		frame[ETH_HLEN + 8]--;
		checksum = header_checksum(frame + ETH_HLEN);
		memcpy(frame + ETH_HLEN + 10, &checksum, sizeof(checksum));
		assert_memory_equal(out, frame, opts.data_size_in);
	}
}

int main(void)
{
	static const char *const programs[] = { "tc_branch_ingress", "tc_pod_egress", NULL };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(for_another_mac, cni_start),
		cmocka_unit_test_setup(not_by_the_branch_before, cni_start),
		cmocka_unit_test_setup(short_in_both_directions_or_in_none, cni_start),
		cmocka_unit_test_setup(one_hop_less, cni_start),
	};

	if (cni_make())
		return 1;
	return RIG_RUN(&cni_rig, 0, programs, tests);
}
