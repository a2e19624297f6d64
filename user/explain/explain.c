// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * One packet through the real program, and what the program found. `explain`, batch.c and
 * path.c ask; there is no verdict here that the program did not give.
 */
#include "explain/explain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/ip.h"
#include "datapath/test_run.h"
#include "explain/explainer.h"

static int compare_id(const void *name, const void *branch)
{
	return strcmp(name, ((const struct bg_explain_branch *)branch)->id);
}

void bg_explainer_speak(struct bg_explainer *explainer, const struct bg_question_words *words)
{
	explainer->words = words;
}

const struct bg_explain_branch *bg_explain_by_id(const struct bg_explainer *explainer,
						 const char *id)
{
	return bsearch(id, explainer->branches, explainer->branch_count,
		       sizeof(*explainer->branches), compare_id);
}

const struct bg_explain_branch *bg_explain_find(const struct bg_explainer *explainer,
						const char *name, struct bg_error *err)
{
	const struct bg_explain_branch *found = bg_explain_by_id(explainer, name);
	char vlan[16], names[512] = "";
	size_t used = 0;

	if (found)
		return found;
	for (size_t i = 0; i < explainer->branch_count; i++) {
		found = &explainer->branches[i];
		snprintf(vlan, sizeof(vlan), "%u", found->vlan);
		if (!strcmp(found->interface, name) || !strcmp(vlan, name))
			return found;
		if (used < sizeof(names))
			used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
						 i ? ", " : "", found->id);
	}
	bg_fail(err, -ENOENT,
		"%s '%.80s': expected the id, interface or VLAN id of a branch %s; %s%s",
		explainer->words->branch, name, explainer->live ? "in force" : "of the feed",
		explainer->branch_count ? "there are " : "there is none", names);
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

static enum bg_program program_of(enum bg_explain_program asked)
{
	static const enum bg_program programs[BG_EXPLAIN_PROGRAMS] = {
		[BG_EXPLAIN_BRANCH_INGRESS] = BG_TC_BRANCH_INGRESS,
		[BG_EXPLAIN_BRANCH_INGRESS_XDP] = BG_XDP_BRANCH,
		[BG_EXPLAIN_BRANCH_EGRESS] = BG_TC_BRANCH_EGRESS,
		[BG_EXPLAIN_POD_EGRESS] = BG_TC_POD_EGRESS,
		[BG_EXPLAIN_NODE_EGRESS] = BG_TC_NODE_EGRESS,
		[BG_EXPLAIN_SNAT_EGRESS] = BG_TC_NODE_EGRESS,
	};

	return programs[asked];
}

const char *bg_explain_program_name(enum bg_explain_program program)
{
	return bg_program_code(program_of(program));
}

/* The role of the interface that the program looks up: the one that the packet is on, or
 * for SNAT the one that it came from. */
static enum bg_role role_of(enum bg_explain_program program, const struct bg_explain_branch *branch)
{
	switch (program) {
	case BG_EXPLAIN_POD_EGRESS:
	case BG_EXPLAIN_SNAT_EGRESS:
		return branch->mode == BG_STRICT ? BG_ROLE_POD_STRICT : BG_ROLE_POD_STANDARD;
	case BG_EXPLAIN_NODE_EGRESS:
		return BG_ROLE_PRIMARY;
	default:
		return BG_ROLE_BRANCH;
	}
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
		return bg_fail(
			err, -ENODATA,
			"no %s address of branch %s is known: its pod has none, or is not on "
			"this node now; say by %s IP which address the pod has",
			v4 ? "IPv4" : "IPv6", branch->id, explainer->words->local);
	memset(&question->local, 0, sizeof(question->local));
	if (v4) /* the unspecified address of IPv4, in its mapped form */
		memset(&question->local.byte[10], 0xff, 2);
	return 0;
}

int bg_explain_at(struct bg_explainer *explainer, enum bg_explain_program program,
		  const struct bg_explain_branch *branch, const struct bg_question *question,
		  struct bg_answer *answer, struct bg_error *err)
{
	struct bg_datapath *datapath = explainer->datapath;
	__u8 frame[BG_QUESTION_BYTES];
	struct bg_test_run run = {
		.program = program_of(program),
		.frame = frame,
		.frame_bytes = bg_question_frame(question, frame),
		/* what leaves has come from the pod's veth */
		.forwarded = program == BG_EXPLAIN_SNAT_EGRESS ||
			     program == BG_EXPLAIN_BRANCH_EGRESS ||
			     program == BG_EXPLAIN_POD_EGRESS,
	};
	int rc;

	if (!(explainer->programs & BG_EXPLAIN_BIT(program)))
		return bg_fail(err, -EINVAL, "program %s is not loaded",
			       bg_explain_program_name(program));
	rc = bg_datapath_stand_in(datapath, role_of(program, branch), branch->vlan, err);
	if (rc)
		return rc;
	rc = bg_datapath_run(datapath, &run, err);
	if (rc)
		return rc;
	answer->reason = run.trace.reason;
	/* there are no routes here, which would lead to the branch: its program is asked next */
	if (program == BG_EXPLAIN_POD_EGRESS && answer->reason == BG_REASON_OFF_BRANCH)
		answer->reason = BG_REASON_NONE;
	answer->allowed = bg_reason_passes(answer->reason);
	answer->rule = answer->allowed ? run.trace.rule : 0;
	answer->node_rule = answer->allowed ? run.trace.node_rule : 0;
	/* only a packet that passes makes a flow; the next question must not meet it */
	return answer->allowed ? bg_datapath_forget_flows(datapath, err) : 0;
}

enum bg_explain_program bg_explain_ingress_program(const struct bg_explainer *explainer)
{
	return explainer->programs & BG_EXPLAIN_BIT(BG_EXPLAIN_BRANCH_INGRESS)
		       ? BG_EXPLAIN_BRANCH_INGRESS
		       : BG_EXPLAIN_BRANCH_INGRESS_XDP;
}

int bg_explain(struct bg_explainer *explainer, struct bg_question *question,
	       struct bg_answer *answer, struct bg_error *err)
{
	const struct bg_explain_branch *branch;
	enum bg_explain_program program = BG_EXPLAIN_BRANCH_EGRESS;
	int rc;

	if (question->direction == BG_INGRESS)
		program = bg_explain_ingress_program(explainer);
	branch = bg_explain_find(explainer, question->branch, err);
	if (!branch)
		return -ENOENT;
	rc = set_local(explainer, branch, question, err);
	if (rc)
		return rc;
	rc = bg_explain_at(explainer, program, branch, question, answer, err);
	if (rc)
		return rc;
	if (answer->reason == BG_REASON_NONE)
		return bg_fail(err, -EIO, "%s gave no verdict", bg_explain_program_name(program));
	return 0;
}
