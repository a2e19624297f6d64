// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Tells stories: takes step after step on a rig and compares what came of it with
 * what the step expects. Called by the main() of a file of stories; it has no packets
 * and no rules of its own.
 */
#include "story.h"

#include "base/names.h"
#include "feeds.h"
#include "show/flow_text.h"
#include "test.h"

static struct rig rig;

struct telling {
	const struct story *story;
	const char *feed;
	enum hook ingress;
};

static const char *const hook_names[] = { "TC", "XDP", "XDP on the trunk", "TC egress" };

static void same_text(const struct step *step, const char *what, const char *got,
		      const char *expected)
{
	if (!got == !expected && (!got || !strcmp(got, expected)))
		return;
	fail_msg("%s: %s is %s, expected %s", step->says, what, got ? got : "none",
		 expected ? expected : "none");
}

static void check_verdict(const struct step *step, __u32 vlan, const struct outcome *outcome)
{
	same_text(step, "reason", bg_reason_name(outcome->trace.reason),
		  bg_reason_name(step->expect));
	if (outcome->passed != !!bg_reason_passes(step->expect))
		fail_msg("%s: the program returned %d", step->says, outcome->action);
	if (outcome->trace.action != (__u32)outcome->action)
		fail_msg("%s: the program returned %d, the trace says %d", step->says,
			 outcome->action, (int)outcome->trace.action);
	if (outcome->counted != 1)
		fail_msg("%s: %u verdicts were counted", step->says, outcome->counted);
	same_text(step, "counter", bg_reason_name(outcome->counted_reason),
		  bg_reason_name(step->expect));
	if (outcome->counted_direction != step->goes || outcome->trace.direction != step->goes)
		fail_msg("%s: counted as %s", step->says,
			 bg_direction_name(outcome->counted_direction));
	if (outcome->trace.vlan != vlan)
		fail_msg("%s: judged as VLAN %u, not %u", step->says, outcome->trace.vlan, vlan);
}

static void check_flow(const struct step *step, __u32 vlan)
{
	struct bg_flow flow;
	bool found;

	if (!step->flow)
		return;
	found = rig_flow(&rig, vlan, step->goes, &step->pkt, &flow);
	same_text(step, "flow", found ? bg_flow_state(&flow) : NO_FLOW, step->flow);
	if (step->timeout_s && flow.timeout_s != step->timeout_s)
		fail_msg("%s: time-out is %u s, expected %u s", step->says, flow.timeout_s,
			 step->timeout_s);
}

static void take_step(const struct step *step, enum hook ingress)
{
	enum hook hook = step->goes == IN ? ingress : TC_EGRESS;
	__u32 vlan = step->vlan ? step->vlan : BRANCH_A;
	struct pkt pkt = step->pkt;
	struct outcome outcome;
	__u8 frame[PKT_BYTES];
	size_t bytes;

	if (step->wait_s)
		rig_age(&rig, step->wait_s);
	if (step->publish)
		rig_publish(&rig, step->publish);
	if (!pkt.from && !pkt.ethertype)
		return;
	if (hook == XDP_TRUNK && !pkt.outer_vlan) {
		if (pkt.vlan) {
			/* one more in front of it */
			pkt.outer_vlan = (int)vlan;
		} else {
			pkt.vlan = (int)vlan;
			pkt.cut = pkt.cut ? pkt.cut + 4 : 0;
		}
	}
	bytes = pkt_build(&pkt, frame);
	rig.host_sends = step->own;
	rig_send(&rig, hook, vlan, frame, bytes, &outcome);
	check_verdict(step, vlan, &outcome);
	same_text(step, "rule", rig_rule_id(&rig, outcome.trace.rule), step->rule);
	same_text(step, "node rule", rig_rule_id(&rig, outcome.trace.node_rule), step->node_rule);
	check_flow(step, vlan);
}

static void tell(void **state)
{
	const struct telling *telling = *state;
	const struct story *story = telling->story;

	rig_publish(&rig, story->feed ? story->feed : telling->feed);
	rig_clear(&rig);
	for (size_t i = 0; i < MOST_STEPS && story->steps[i].says; i++)
		take_step(&story->steps[i], telling->ingress);
}

/* A story in which nothing comes in needs one telling. */
static bool has_ingress(const struct story *story)
{
	for (size_t i = 0; i < MOST_STEPS && story->steps[i].says; i++)
		if (story->steps[i].goes == IN &&
		    (story->steps[i].pkt.from || story->steps[i].pkt.ethertype))
			return true;
	return false;
}

int tell_stories(const char *group, const struct story *stories, size_t count, const char *feed)
{
	struct CMUnitTest *tests = calloc(count * 3, sizeof(*tests));
	struct telling *tellings = calloc(count * 3, sizeof(*tellings));
	size_t used = 0;
	int failed;

	if (!tests || !tellings)
		abort();
	rig_open(&rig, 0);
	for (size_t i = 0; i < count; i++) {
		bool once = stories[i].tc_only || !has_ingress(&stories[i]);

		for (enum hook hook = TC_INGRESS; hook <= (once ? TC_INGRESS : XDP_TRUNK); hook++) {
			char *name;

			if (asprintf(&name, "%s (%s)", stories[i].name, hook_names[hook]) < 0)
				abort();
			tellings[used] = (struct telling){ &stories[i], feed, hook };
			tests[used] =
				(struct CMUnitTest){ name, tell, NULL, NULL, &tellings[used] };
			used++;
		}
	}
	failed = _cmocka_run_group_tests(group, tests, used, NULL, NULL);
	rig_close(&rig);
	for (size_t i = 0; i < used; i++)
		free((char *)tests[i].name);
	free(tests);
	free(tellings);
	return failed;
}
