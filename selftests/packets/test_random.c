// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Random feeds and random packets: the program in the kernel, the walk of its
 * image in userspace, and an oracle that reads every rule must agree. SEED in
 * the environment repeats a run.
 */
#include "base/ip.h"
#include "base/names.h"
#include "compile/compile.h"
#include "compile/image_read.h"
#include "oracle.h"
#include "random_model.h"
#include "rig.h"
#include "test.h"

#define MODELS 30
#define PACKETS 500
#define CLIENT_PORT 40000

static struct rig rig;

/* One packet to be judged, in all the forms it is needed in. */
struct question {
	const struct bg_model_branch *branch;
	enum bg_direction direction;
	struct bg_addr local, remote;
	struct oracle_service service;
	char local_text[BG_IP_TEXT], remote_text[BG_IP_TEXT];
	struct pkt pkt;
};

/* In IPv6 these numbers are headers on the way, not protocols. */
static bool is_extension(int protocol)
{
	return protocol == 0 || protocol == 43 || protocol == 44 || protocol == 51 ||
	       protocol == 60;
}

static bool pick_local(struct random_source *source, const struct bg_model_branch *branch,
		       bool ipv4, struct bg_addr *local)
{
	size_t seen = 0;

	for (size_t i = 0; i < branch->pod_count; i++) {
		for (size_t j = 0; j < branch->pods[i].address_count; j++) {
			const struct bg_addr *address = &branch->pods[i].addresses[j];

			if (bg_addr_is_v4(address) == ipv4 && !random_below(source, ++seen))
				*local = *address;
		}
	}
	return seen;
}

/* False: the branch has no pod of that family, or IPv6 has no such protocol. */
static bool pick(struct random_source *source, const struct bg_model *model, struct question *q)
{
	bool ipv4;

	memset(q, 0, sizeof(*q));
	q->branch = &model->branches[random_below(source, (__u32)model->branch_count)];
	q->direction = random_below(source, 2);
	q->remote = random_addr(source, model);
	q->service = random_service(source, model);
	ipv4 = bg_addr_is_v4(&q->remote);
	if (!pick_local(source, q->branch, ipv4, &q->local) ||
	    (!ipv4 && is_extension(q->service.protocol)))
		return false;
	bg_addr_format(&q->local, q->local_text);
	bg_addr_format(&q->remote, q->remote_text);
	q->pkt = (struct pkt){
		.from = q->direction == BG_INGRESS ? q->remote_text : q->local_text,
		.to = q->direction == BG_INGRESS ? q->local_text : q->remote_text,
		.protocol = q->service.protocol,
		.sport = CLIENT_PORT,
		.dport = q->service.port,
		.flags = "S",
		.type = q->service.type,
		.code = q->service.code,
		.payload = 8,
		.chain = !ipv4 && !random_below(source, 4) ? "HD" : NULL,
		.option_words = ipv4 ? (int)random_below(source, 3) : 0,
	};
	return true;
}

static bool is_error(const struct question *q)
{
	if (q->service.protocol == 1 && bg_addr_is_v4(&q->remote))
		return q->service.type == 3 || q->service.type == 11 || q->service.type == 12;
	return q->service.protocol == 58 && !bg_addr_is_v4(&q->remote) && q->service.type < 128;
}

static bool opens_flow(const struct question *q)
{
	if (q->service.protocol == 1 && bg_addr_is_v4(&q->remote))
		return q->service.type == 8 || q->service.type == 13;
	if (q->service.protocol == 58 && !bg_addr_is_v4(&q->remote))
		return q->service.type == 128;
	return true;
}

static bool is_platform(const struct bg_model *model, const struct question *q)
{
	__u32 info = oracle_info(model, &q->remote);
	bool tcp = q->service.protocol == 6, udp = q->service.protocol == 17;
	int port = q->service.port;

	if (q->direction != BG_EGRESS || model->node.filter_platform)
		return false;
	return ((tcp || udp) && port == 53 && info & BG_CLASS_DNS) ||
	       (tcp && port == 80 && info & (BG_CLASS_IMDS | BG_CLASS_ECS)) ||
	       (udp && port == 123 && info & BG_CLASS_TIME) ||
	       (tcp && port == 1688 && info & BG_CLASS_KMS);
}

static enum bg_reason expected_reason(const struct bg_model *model, const struct question *q,
				      __u32 rule)
{
	const struct bg_model_node *node = &model->node;
	bool node_too = q->branch->mode == BG_STANDARD && node->has_groups && !node->per_interface;

	if (is_platform(model, q))
		return BG_REASON_PLATFORM;
	if (!rule)
		return is_error(q) ? BG_REASON_ICMP_ERROR_UNKNOWN : BG_REASON_NO_RULE;
	if (node_too && !oracle_groups_rule(model, node->groups, node->group_count, q->direction,
					    &q->remote, &q->service))
		return BG_REASON_NO_NODE_RULE;
	return opens_flow(q) ? BG_REASON_RULE : BG_REASON_RULE_UNTRACKED;
}

static __u32 image_rule(const struct bg_image *image, const struct question *q)
{
	__u32 index;
	enum bg_service_space space = oracle_space(&q->service, &index);

	return bg_image_lookup(image, q->branch->vlan, q->direction, &q->remote, space, index);
}

static void ask(const struct bg_model *model, const struct bg_image *image,
		const struct question *q, enum hook hook)
{
	__u32 rule = oracle_rule(model, q->branch, q->direction, &q->remote, &q->service);
	enum bg_reason expected = expected_reason(model, q, rule);
	struct bg_trace trace;
	__u8 frame[PKT_BYTES];
	bool by_rule;

	rig_judge(&rig, hook, (__u32)q->branch->vlan, frame, pkt_build(&q->pkt, frame), &trace);
	/* no rule is asked about what the platform admits */
	by_rule = expected != BG_REASON_PLATFORM;
	if (trace.reason != expected ||
	    (by_rule && (trace.rule != rule || image_rule(image, q) != rule)))
		fail_msg("VLAN %d %s %s -> %s protocol %d port %d type %d code %d: the program "
			 "says %s by rule %u, the image rule %u, the oracle %s by rule %u",
			 q->branch->vlan, bg_direction_name(q->direction), q->pkt.from, q->pkt.to,
			 q->service.protocol, q->service.port, q->service.type, q->service.code,
			 bg_reason_name(trace.reason), trace.rule, image_rule(image, q),
			 bg_reason_name(expected), rule);
}

static void all_agree(void **state)
{
	struct random_source source = random_seeded();
	size_t asked = 0, allowed = 0;

	(void)state;
	for (int m = 0; m < MODELS; m++) {
		struct bg_model *model = random_model(&source);
		struct bg_image *image;
		struct bg_error err;

		rig_publish_model(&rig, model);
		if (bg_compile(model, 1, BG_DEFAULT_IMAGE_BLOCKS, &image, &err))
			fail_msg("%s", err.text);
		for (int i = 0; i < PACKETS; i++) {
			struct question q;
			enum hook hook;

			if (!pick(&source, model, &q))
				continue;
			hook = q.direction == BG_EGRESS ? TC_EGRESS : (enum hook)(i % 2);
			rig_clear(&rig);
			ask(model, image, &q, hook);
			asked++;
			allowed += oracle_rule(model, q.branch, q.direction, &q.remote,
					       &q.service) != 0;
		}
		bg_image_free(image);
	}
	printf("# %zu packets, %zu allowed\n", asked, allowed);
	/* otherwise this shows little */
	assert_in_range(asked, MODELS * PACKETS / 4, MODELS * PACKETS);
	assert_in_range(allowed, asked / 50, asked);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(all_agree) };
	int failed;

	rig_open(&rig, 0);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rig_close(&rig);
	return failed;
}
