// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One packet through the real program, and what it made of it. */
#include "explain.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "branchguard.skel.h"
#include "explain_private.h"
#include "ip.h"

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

/* The loopback device takes the part of the branch's interface. */
static int stand_in(struct bg_explainer *explainer, const struct bg_explain_branch *branch,
		    struct bg_error *err)
{
	struct bg_iface iface = {
		.ifindex = explainer->ifindex,
		.role = BG_ROLE_BRANCH,
		.vlan = branch->vlan,
	};
	__u32 place = explainer->ifindex & (BG_IFACES - 1);
	int rc;

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

static const struct bpf_program *program_of(const struct bg_explainer *explainer,
					    enum bg_direction direction)
{
	const struct branchguard_bpf *skel = explainer->datapath->skel;

	if (direction == BG_EGRESS)
		return skel->progs.tc_branch_egress;
	return explainer->scope.hook == BG_EXPLAIN_XDP ? skel->progs.xdp_branch
						       : skel->progs.tc_branch_ingress;
}

/* Runs the program on the frame; the answer is what it wrote into `trace`. */
static int judge(struct bg_explainer *explainer, const struct bg_question *question,
		 struct bg_trace *trace, struct bg_error *err)
{
	const struct bpf_program *program = program_of(explainer, question->direction);
	struct bpf_map *traces = explainer->datapath->skel->maps.trace;
	__u8 frame[BG_QUESTION_BYTES];
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame,
		    .data_size_in = (__u32)bg_question_frame(question, frame), .repeat = 1);
	struct bg_trace none = {};
	__u32 zero = 0;
	int rc;

	rc = bg_map_set(traces, &zero, &none, err);
	if (rc)
		return rc;
	rc = bpf_prog_test_run_opts(bpf_program__fd(program), &run);
	if (rc)
		return bg_fail(err, rc, "test run of %s: %s", bpf_program__name(program),
			       strerror(-rc));
	rc = bpf_map_lookup_elem(bpf_map__fd(traces), &zero, trace);
	if (rc)
		return bg_fail(err, rc, "reading map trace: %s", strerror(-rc));
	if (trace->reason == BG_REASON_NONE || trace->direction != question->direction ||
	    trace->action != run.retval)
		return bg_fail(err, -EIO, "%s gave no verdict (it returned %d)",
			       bpf_program__name(program), (int)run.retval);
	return 0;
}

int bg_explain(struct bg_explainer *explainer, struct bg_question *question,
	       struct bg_answer *answer, struct bg_error *err)
{
	const struct bg_explain_branch *branch;
	struct bg_trace trace;
	int rc;

	if (!explainer->scope.directions[question->direction])
		return bg_fail(err, -EINVAL, "the program for that direction is not loaded");
	branch = bg_explain_find(explainer, question->branch, err);
	if (!branch)
		return -ENOENT;
	rc = set_local(explainer, branch, question, err);
	if (!rc)
		rc = stand_in(explainer, branch, err);
	if (!rc)
		rc = judge(explainer, question, &trace, err);
	if (rc)
		return rc;
	answer->reason = trace.reason;
	answer->allowed = bg_reason_passes(trace.reason);
	answer->rule = answer->allowed ? trace.rule : 0;
	answer->node_rule = answer->allowed ? trace.node_rule : 0;
	return answer->allowed ? forget_flows(explainer, err) : 0;
}
