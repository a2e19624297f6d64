// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The answer to a path as text and as JSON: its ends, its steps, and the rule that is
 * missing. `explain` prints it; it asks no program.
 */
#include <stdio.h>
#include <string.h>

#include "base/format.h"
#include "base/ip.h"
#include "base/names.h"
#include "explain/answer.h"
#include "explain/path.h"
#include "show/out.h"

#define END_TEXT 640

/* "shop/cart-0 (10.0.47.90)", "node (10.0.1.10)" or "192.0.2.1" */
static const char *end_text(const struct bg_path *path, bool to, char text[END_TEXT])
{
	const struct bg_model_pod *pod = to ? path->to_pod : path->from_pod;
	const struct bg_addr *addr = to ? &path->to : &path->from;
	bool node = to ? path->to_node : path->from_node;
	char ip[BG_IP_TEXT];

	bg_addr_format(addr, ip);
	if (node)
		snprintf(text, END_TEXT, "node (%s)", ip);
	else if (pod && *pod->name)
		snprintf(text, END_TEXT, "%s%s%s (%s)", pod->namespace, *pod->namespace ? "/" : "",
			 pod->name, ip);
	else
		snprintf(text, END_TEXT, "%s", ip);
	return text;
}

static void print_rule(const struct bg_side *side, const char *head, __u32 number)
{
	const struct bg_explain_rule *rule = bg_explain_rule(side->judge, number);
	char text[BG_RULE_TEXT];

	if (rule)
		printf("      %-9s %s\n", head, bg_format_rule(&rule->rule, text));
}

static void print_step(const struct bg_path *path, const struct bg_path_step *step)
{
	const struct bg_side *side = &step->side;
	struct bg_missing missing;

	printf("  %-15s %-7s %-5s  %s: %s\n", step->interface,
	       bg_direction_name(side->question.direction), side->answer.allowed ? "allow" : "deny",
	       bg_reason_name(side->answer.reason), bg_side_meaning(side));
	if (!step->enforced)
		printf("      not enforced on this node\n");
	print_rule(side, "rule", side->answer.rule);
	print_rule(side, "node rule", side->answer.node_rule);
	if (bg_ends_missing(path->ends, side, &missing))
		bg_missing_print(&missing, 6);
}

void bg_path_print(const struct bg_path *path)
{
	char from[END_TEXT], to[END_TEXT], service[BG_SERVICE_TEXT];

	printf("%s: %s from %s to %s\n", path->allowed ? "allow" : "deny",
	       bg_question_service(&path->question, service), end_text(path, false, from),
	       end_text(path, true, to));
	for (size_t i = 0; i < path->step_count; i++)
		print_step(path, &path->steps[i]);
	if (*path->between)
		printf("  %s\n", path->between);
	if (*path->unknown)
		printf("  %s\n", path->unknown);
}

static json_t *step_json(const struct bg_path *path, const struct bg_path_step *step)
{
	const struct bg_side *side = &step->side;
	json_t *json = bg_answer_json(side->judge, &side->answer), *more;
	struct bg_missing missing;

	more = json_pack("{s:o, s:s, s:s, s:o, s:b, s:o}", "Interface",
			 bg_json_text(step->interface), "Program",
			 bg_explain_program_name(step->program), "Direction",
			 bg_direction_name(side->question.direction), "Branch",
			 side->end.branch ? bg_json_text(side->end.branch->id) : json_null(),
			 "Enforced", step->enforced, "Missing",
			 bg_ends_missing(path->ends, side, &missing) ? bg_missing_json(&missing)
								     : json_null());
	return bg_json_join(json, more);
}

json_t *bg_path_json(const struct bg_path *path)
{
	char from[BG_IP_TEXT], to[BG_IP_TEXT];
	json_t *steps = json_array();

	for (size_t i = 0; i < path->step_count && steps; i++) {
		if (json_array_append_new(steps, step_json(path, &path->steps[i]))) {
			json_decref(steps);
			steps = NULL;
		}
	}
	return json_pack("{s:s, s:s, s:s, s:o, s:s, s:o}", "Verdict",
			 path->allowed ? "allow" : "deny", "From",
			 bg_addr_format(&path->from, from), "To", bg_addr_format(&path->to, to),
			 "Steps", steps, "Way", path->between, "Unknown",
			 *path->unknown ? bg_json_text(path->unknown) : json_null());
}

const char *bg_path_surprise(const struct bg_path *path, enum bg_expected expected, char *text)
{
	const bool allow = expected == BG_EXPECT_ALLOW;

	if (expected == BG_EXPECT_NOTHING || path->allowed == allow)
		return NULL;
	snprintf(text, BG_PATH_SURPRISE_TEXT, "expected %s, found %s: from %s to %s",
		 allow ? "allow" : "deny", path->allowed ? "allow" : "deny", path->from_name,
		 path->to_name);
	return text;
}
