// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Both ends of one question, and what they come to. `explain` calls it for one question,
 * batch.c for many; the verdicts are explain.c's and ends.c's.
 */
#include "explain/answer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/format.h"
#include "base/names.h"
#include "explain/explainer.h"
#include "show/out.h"

/* Did the rules decide? Then there is something to say of services, and of the other end. */
static bool by_rules(const struct bg_answer *answer)
{
	return answer->reason == BG_REASON_RULE || answer->reason == BG_REASON_NO_RULE ||
	       answer->reason == BG_REASON_NO_NODE_RULE;
}

int bg_explain_ends(struct bg_explainer *explainer, struct bg_ends *ends,
		    struct bg_question *question, struct bg_explained *explained,
		    struct bg_error *err)
{
	struct bg_side *here = &explained->here;
	int rc;

	memset(explained, 0, sizeof(*explained));
	here->end.branch = bg_explain_find(explainer, question->branch, err);
	if (!here->end.branch)
		return -ENOENT;
	rc = bg_explain(explainer, question, &here->answer, err);
	if (rc)
		return rc;
	here->question = *question;
	here->judged = true;
	here->judge = explainer;
	explained->after_dnat = question->direction == BG_EGRESS && by_rules(&here->answer) &&
				bg_ends_is_service(ends, &question->remote);
	if (!explained->after_dnat && by_rules(&here->answer))
		rc = bg_ends_judge_other(ends, here->end.branch, question, &explained->there, err);
	explained->allowed = here->answer.allowed &&
			     (!explained->there.judged || explained->there.answer.allowed);
	return rc;
}

const char *bg_explained_surprise(const struct bg_explained *explained, enum bg_expected expected,
				  char *text)
{
	const struct bg_side *here = &explained->here, *decides = here;
	char packet[BG_QUESTION_TEXT], name[BG_IP_TEXT];

	if (expected == BG_EXPECT_NOTHING ||
	    (!explained->after_dnat && explained->allowed == (expected == BG_EXPECT_ALLOW)))
		return NULL;
	if (here->answer.allowed && explained->there.judged)
		decides = &explained->there;
	snprintf(text, BG_SURPRISE_TEXT, "expected %s, found %s: %s, %s of %s, %s",
		 expected == BG_EXPECT_ALLOW ? "allow" : "deny",
		 explained->after_dnat ? "a service address, which is judged after DNAT"
		 : explained->allowed  ? "allow"
				       : "deny",
		 bg_question_format(&here->question, packet),
		 bg_direction_name(decides->question.direction), bg_end_name(&decides->end, name),
		 bg_reason_name(decides->answer.reason));
	return text;
}

json_t *bg_json_join(json_t *json, json_t *more)
{
	if (!json || !more || json_object_update(json, more)) {
		json_decref(json);
		json = NULL;
	}
	json_decref(more);
	return json;
}

json_t *bg_answer_json(const struct bg_explainer *judge, const struct bg_answer *answer)
{
	const struct bg_explain_rule *rule = bg_explain_rule(judge, answer->rule);

	return json_pack("{s:s, s:s, s:o, s:o}", "Verdict", answer->allowed ? "allow" : "deny",
			 "Reason", bg_reason_name(answer->reason), "GroupId",
			 rule ? bg_json_text(rule->group_id) : json_null(), "RuleId",
			 rule && rule->rule_id ? bg_json_text(rule->rule_id) : json_null());
}

static json_t *missing_json(const struct bg_ends *ends, const struct bg_side *side)
{
	struct bg_missing missing;

	return bg_ends_missing(ends, side, &missing) ? bg_missing_json(&missing) : json_null();
}

/* null: nothing is known of it. */
static json_t *there_json(const struct bg_ends *ends, const struct bg_side *there)
{
	char name[BG_IP_TEXT];
	json_t *json;

	if (!there->judged && !there->unstated)
		return json_null();
	json = json_pack("{s:o, s:s, s:b}", "Id", bg_json_text(bg_end_name(&there->end, name)),
			 "Direction", bg_direction_name(there->question.direction), "Enforced",
			 there->end.branch != NULL);
	if (!there->judged)
		return bg_json_join(json, json_pack("{s:n, s:o}", "Verdict", "UnknownGroup",
						    bg_json_text(there->unstated)));
	json = bg_json_join(json, bg_answer_json(there->judge, &there->answer));
	if (there->answer.allowed)
		return json;
	return bg_json_join(json, json_pack("{s:o}", "Missing", missing_json(ends, there)));
}

static const char *overall(const struct bg_explained *explained)
{
	return explained->allowed ? "allow" : "deny";
}

json_t *bg_explained_json(const struct bg_ends *ends, const struct bg_explained *explained)
{
	json_t *json = bg_answer_json(explained->here.judge, &explained->here.answer);
	struct bg_missing missing;

	if (bg_ends_missing(ends, &explained->here, &missing))
		json = bg_json_join(json, json_pack("{s:o}", "Missing", bg_missing_json(&missing)));
	if (explained->there.judged || explained->there.unstated)
		json = bg_json_join(json, json_pack("{s:o}", "OtherEnd",
						    there_json(ends, &explained->there)));
	if (explained->there.judged)
		json = bg_json_join(json, json_pack("{s:s}", "Overall", overall(explained)));
	if (explained->after_dnat)
		json = bg_json_join(json, json_pack("{s:b}", "AfterDnat", 1));
	return json;
}

static json_t *rule_json(const struct bg_explain_rule *rule)
{
	char protocol[BG_PROTOCOL_TEXT], ports[BG_FORMAT_TEXT];

	if (!rule)
		return json_null();
	return json_pack("{s:s, s:o, s:o, s:s, s:s, s:s, s:o}", "GroupId", rule->group_id,
			 "GroupName",
			 rule->group_name ? bg_json_text(rule->group_name) : json_null(), "RuleId",
			 rule->rule_id ? bg_json_text(rule->rule_id) : json_null(), "Direction",
			 bg_direction_name(rule->rule.direction), "Protocol",
			 bg_protocol_format(rule->rule.protocol, protocol), "Ports",
			 bg_format_ports(&rule->rule, ports), "Peer",
			 bg_json_text(rule->rule.peer));
}

json_t *bg_explained_json_full(const struct bg_ends *ends, const struct bg_explained *explained)
{
	const struct bg_side *here = &explained->here;
	const struct bg_explain_rule *rule = bg_explain_rule(here->judge, here->answer.rule);
	const struct bg_explain_rule *node_rule =
		bg_explain_rule(here->judge, here->answer.node_rule);
	char text[BG_QUESTION_TEXT], local[BG_IP_TEXT];
	json_t *json = bg_answer_json(here->judge, &here->answer);

	json = bg_json_join(json,
			    json_pack("{s:s, s:s, s:o, s:s, s:o, s:o, s:o, s:o}", "Meaning",
				      bg_reason_meaning(here->answer.reason), "Packet",
				      bg_question_format(&here->question, text), "Branch",
				      bg_json_text(here->end.branch->id), "Direction",
				      bg_direction_name(here->question.direction), "Local",
				      bg_json_text(bg_addr_format(&here->question.local, local)),
				      "Rule", rule_json(rule), "NodeRule", rule_json(node_rule),
				      "Revision", bg_json_text(bg_explain_revision(here->judge))));
	return bg_json_join(json,
			    json_pack("{s:o, s:o, s:o, s:b}", "Missing", missing_json(ends, here),
				      "OtherEnd", there_json(ends, &explained->there), "Overall",
				      explained->after_dnat ? json_null()
							    : json_string(overall(explained)),
				      "AfterDnat", explained->after_dnat));
}
