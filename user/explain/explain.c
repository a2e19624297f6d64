// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One packet through the real program, and what it made of it. */
#include "explain/explain.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/ip.h"
#include "branchguard.skel.h"
#include "datapath/programs.h"
#include "explain/explainer.h"

static int compare_id(const void *name, const void *branch)
{
	return strcmp(name, ((const struct bg_explain_branch *)branch)->id);
}

const struct bg_explain_branch *bg_explain_find(const struct bg_explainer *explainer,
						const char *name, struct bg_error *err)
{
	const struct bg_explain_branch *found;
	char vlan[16];

	found = bsearch(name, explainer->branches, explainer->branch_count, sizeof(*found),
			compare_id);
	if (found)
		return found;
	for (size_t i = 0; i < explainer->branch_count; i++) {
		found = &explainer->branches[i];
		snprintf(vlan, sizeof(vlan), "%u", found->vlan);
		if (!strcmp(found->interface, name) || !strcmp(vlan, name))
			return found;
	}
	bg_fail(err, -ENOENT, "Branch '%.80s' is not one of the %zu branches %s", name,
		explainer->branch_count, explainer->live ? "in force" : "of the feed");
	return NULL;
}

const struct bg_explain_rule *bg_explain_rule(const struct bg_explainer *explainer, __u32 number)
{
	if (!number || number >= explainer->rule_count || !explainer->rules[number].group_id)
		return NULL;
	return &explainer->rules[number];
}

const char *bg_explain_revision(const struct bg_explainer *explainer)
{
	return explainer->revision;
}

const char *bg_explain_program_name(enum bg_explain_program program)
{
	static const enum bg_program programs[BG_EXPLAIN_PROGRAMS] = {
		[BG_EXPLAIN_BRANCH_INGRESS] = BG_TC_BRANCH_INGRESS,
		[BG_EXPLAIN_BRANCH_INGRESS_XDP] = BG_XDP_BRANCH,
		[BG_EXPLAIN_BRANCH_EGRESS] = BG_TC_BRANCH_EGRESS,
		[BG_EXPLAIN_POD_EGRESS] = BG_TC_POD_EGRESS,
		[BG_EXPLAIN_NODE_EGRESS] = BG_TC_NODE_EGRESS,
		[BG_EXPLAIN_SNAT_EGRESS] = BG_TC_NODE_EGRESS,
	};

	return bg_program_code(programs[program]);
}

/* The loopback device takes the part of the interface that the packet is on, or,
 * where the program asks for that, of the one that it came from. */
static int stand_in(struct bg_explainer *explainer, enum bg_explain_program program,
		    const struct bg_explain_branch *branch, struct bg_error *err)
{
	struct bg_iface iface = {
		.ifindex = explainer->ifindex,
		.role = BG_ROLE_BRANCH,
		.vlan = branch->vlan,
	};
	__u32 place = explainer->ifindex & (BG_IFACES - 1);
	int rc;

	if (program == BG_EXPLAIN_POD_EGRESS || program == BG_EXPLAIN_SNAT_EGRESS)
		iface.role = branch->mode == BG_STRICT ? BG_ROLE_POD_STRICT : BG_ROLE_POD_STANDARD;
	if (program == BG_EXPLAIN_NODE_EGRESS)
		iface.role = BG_ROLE_PRIMARY;
	if (!memcmp(&iface, &explainer->iface, sizeof(iface)))
		return 0;
	rc = bg_map_set(explainer->datapath->skel->maps.ifaces, &place, &iface, err);
	if (!rc)
		explainer->iface = iface;
	return rc;
}

/* Every question meets an empty flow table. */
static int forget_flows(struct bg_explainer *explainer, struct bg_error *err)
{
	int fd = bpf_map__fd(explainer->datapath->skel->maps.flows), rc;
	__u32 count = explainer->bucket_count;

	rc = bpf_map_update_batch(fd, explainer->bucket_keys, explainer->empty_buckets, &count,
				  NULL);
	return rc ? bg_fail(err, rc, "clearing the flow table: %s", strerror(-rc)) : 0;
}

static int set_local(const struct bg_explainer *explainer, const struct bg_explain_branch *branch,
		     struct bg_question *question, struct bg_error *err)
{
	bool v4 = bg_addr_is_v4(&question->remote);

	if (question->has_local)
		return 0;
	if (branch->has_local[!v4]) {
		question->local = branch->local[!v4];
		return 0;
	}
	if (explainer->live)
		return bg_fail(err, -ENODATA,
			       "no %s address of branch %s is known (its pod is not there, or has "
			       "none): give Local",
			       v4 ? "IPv4" : "IPv6", branch->id);
	memset(&question->local, 0, sizeof(question->local));
	if (v4) /* mapped, as all are */
		memset(&question->local.byte[10], 0xff, 2);
	return 0;
}

/* Runs the program on the frame; what it decided stands in `trace`, reason NONE
 * when it did not. */
static int run(struct bg_explainer *explainer, enum bg_explain_program asked,
	       const struct bg_question *question, struct bg_trace *trace, struct bg_error *err)
{
	struct __sk_buff context = {
		.ingress_ifindex = asked == BG_EXPLAIN_SNAT_EGRESS ? explainer->ifindex : 0,
	};
	struct bpf_map *traces = explainer->datapath->skel->maps.trace;
	__u8 frame[BG_QUESTION_BYTES];
	LIBBPF_OPTS(bpf_test_run_opts, test, .data_in = frame,
		    .data_size_in = (__u32)bg_question_frame(question, frame), .repeat = 1);
	struct bg_trace none = {};
	__u32 zero = 0;
	int rc;

	if (context.ingress_ifindex) {
		test.ctx_in = &context;
		test.ctx_size_in = sizeof(context);
	}
	rc = bg_map_set(traces, &zero, &none, err);
	if (rc)
		return rc;
	rc = bpf_prog_test_run_opts(explainer->fds[asked], &test);
	if (rc)
		return bg_fail(err, rc, "test run of %s: %s", bg_explain_program_name(asked),
			       strerror(-rc));
	rc = bpf_map_lookup_elem(bpf_map__fd(traces), &zero, trace);
	if (rc)
		return bg_fail(err, rc, "reading map trace: %s", strerror(-rc));
	if (trace->reason != BG_REASON_NONE && trace->action != test.retval)
		return bg_fail(err, -EIO, "%s returned %d, and says %d",
			       bg_explain_program_name(asked), (int)test.retval,
			       (int)trace->action);
	return 0;
}

int bg_explain_at(struct bg_explainer *explainer, enum bg_explain_program program,
		  const struct bg_explain_branch *branch, const struct bg_question *question,
		  struct bg_answer *answer, struct bg_error *err)
{
	struct bg_trace trace = {};
	int rc;

	if (!(explainer->programs & BG_EXPLAIN_BIT(program)))
		return bg_fail(err, -EINVAL, "program %s is not loaded",
			       bg_explain_program_name(program));
	rc = stand_in(explainer, program, branch, err);
	if (!rc)
		rc = run(explainer, program, question, &trace, err);
	if (rc)
		return rc;
	answer->reason = trace.reason;
	answer->allowed = bg_reason_passes(trace.reason);
	answer->rule = answer->allowed ? trace.rule : 0;
	answer->node_rule = answer->allowed ? trace.node_rule : 0;
	return answer->allowed ? forget_flows(explainer, err) : 0;
}

int bg_explain(struct bg_explainer *explainer, struct bg_question *question,
	       struct bg_answer *answer, struct bg_error *err)
{
	const struct bg_explain_branch *branch;
	enum bg_explain_program program = BG_EXPLAIN_BRANCH_EGRESS;
	int rc;

	if (question->direction == BG_INGRESS)
		program = explainer->programs & BG_EXPLAIN_BIT(BG_EXPLAIN_BRANCH_INGRESS)
				  ? BG_EXPLAIN_BRANCH_INGRESS
				  : BG_EXPLAIN_BRANCH_INGRESS_XDP;
	branch = bg_explain_find(explainer, question->branch, err);
	if (!branch)
		return -ENOENT;
	rc = set_local(explainer, branch, question, err);
	if (!rc)
		rc = bg_explain_at(explainer, program, branch, question, answer, err);
	if (!rc && answer->reason == BG_REASON_NONE)
		rc = bg_fail(err, -EIO, "%s gave no verdict", bg_explain_program_name(program));
	return rc;
}
