// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The answer to a path as text and as JSON: its ends, its steps, and the rule that is
 * missing. `explain` prints it; it asks no program, and what it proposes is not checked.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/format.h"
#include "base/ip.h"
#include "base/names.h"
#include "explain/batch.h"
#include "explain/path.h"
#include "show/out.h"
#include "protocol.h"

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

struct writer {
	char *text;
	size_t length;
};

static void __attribute__((format(printf, 2, 3))) add(struct writer *w, const char *format, ...)
{
	size_t room = BG_PATH_MISSING_TEXT - w->length;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(w->text + w->length, room, format, arguments);
	va_end(arguments);
	if (length > 0)
		w->length += (size_t)length < room ? (size_t)length : room - 1;
}

static void add_groups(struct writer *w, const struct bg_model *model, const size_t *groups,
		       size_t count)
{
	for (size_t i = 0; i < count; i++)
		add(w, "%s%s", i ? ", " : "", model->groups[groups[i]].id);
}

static void add_service(struct writer *w, const struct bg_question *question)
{
	char protocol[BG_PROTOCOL_TEXT];

	add(w, "%s", bg_protocol_format(question->protocol, protocol));
	if (bg_has_ports(question->protocol))
		add(w, " %d", question->port);
	else if (bg_is_icmp(question->protocol))
		add(w, " type %d code %d", question->icmp_type, question->icmp_code);
}

const char *bg_path_missing(const struct bg_path *path, const struct bg_path_step *step, char *text)
{
	const struct bg_model *model = path->model;
	const struct bg_model_branch *branch = step->branch, *other;
	bool egress = step->direction == BG_EGRESS;
	bool node = step->answer.reason == BG_REASON_NO_NODE_RULE;
	struct writer w = { .text = text };
	char ip[BG_IP_TEXT];

	*text = '\0';
	if (!node && step->answer.reason != BG_REASON_NO_RULE)
		return text;
	other = egress ? path->to_branch : path->from_branch;
	if (node) {
		add(&w, "a rule of the node's groups (");
		add_groups(&w, model, model->node.groups, model->node.group_count);
	} else if (!branch->group_count) {
		add(&w, "a group: %s has none, so nothing is allowed", branch->id);
		return text;
	} else {
		add(&w, "a rule of %s's groups (", branch->id);
		add_groups(&w, model, branch->groups, branch->group_count);
	}
	add(&w, "): %s ", egress ? "egress" : "ingress");
	add_service(&w, &path->question);
	add(&w, " %s %s/%d", egress ? "to" : "from",
	    bg_addr_format(egress ? &path->to : &path->from, ip),
	    bg_addr_is_v4(&path->to) ? 32 : 128);
	if (other && other->group_count) {
		add(&w, ", or %s a group that it is in (", egress ? "to" : "from");
		add_groups(&w, model, other->groups, other->group_count);
		add(&w, ")");
	}
	return text;
}

static void print_step(const struct bg_path *path, const struct bg_path_step *step)
{
	const struct bg_explain_rule *rule = bg_explain_rule(path->explainer, step->answer.rule);
	const struct bg_explain_rule *node_rule =
		bg_explain_rule(path->explainer, step->answer.node_rule);
	char text[BG_PATH_MISSING_TEXT], rule_text[BG_RULE_TEXT];

	printf("  %-15s %-7s %-5s  %s: %s\n", step->interface, bg_direction_name(step->direction),
	       step->answer.allowed ? "allow" : "deny", bg_reason_name(step->answer.reason),
	       bg_reason_meaning(step->answer.reason));
	if (rule)
		printf("      %-9s %s\n", "rule", bg_format_rule(&rule->rule, rule_text));
	if (node_rule)
		printf("      %-9s %s\n", "node rule", bg_format_rule(&node_rule->rule, rule_text));
	if (*bg_path_missing(path, step, text))
		printf("      %-9s %s\n", "missing", text);
}

void bg_path_print(const struct bg_path *path)
{
	struct writer service = { .text = (char[BG_PATH_MISSING_TEXT]){ 0 } };
	char from[END_TEXT], to[END_TEXT];

	add_service(&service, &path->question);
	printf("%s: %s from %s to %s\n", path->allowed ? "allow" : "deny", service.text,
	       end_text(path, false, from), end_text(path, true, to));
	for (size_t i = 0; i < path->step_count; i++)
		print_step(path, &path->steps[i]);
	if (*path->between)
		printf("  %s\n", path->between);
}

static json_t *step_json(const struct bg_path *path, const struct bg_path_step *step)
{
	json_t *json = bg_answer_json(path->explainer, &step->answer), *more;
	char missing[BG_PATH_MISSING_TEXT];

	bg_path_missing(path, step, missing);
	more = json_pack("{s:o, s:s, s:s, s:o, s:o}", "Interface", bg_json_text(step->interface),
			 "Program", bg_explain_program_name(step->program), "Direction",
			 bg_direction_name(step->direction), "Branch",
			 bg_json_text(step->branch->id), "Missing",
			 *missing ? bg_json_text(missing) : json_null());
	if (!json || !more || json_object_update(json, more)) {
		json_decref(json);
		json = NULL;
	}
	json_decref(more);
	return json;
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
	return json_pack("{s:s, s:s, s:s, s:o, s:s}", "Verdict", path->allowed ? "allow" : "deny",
			 "From", bg_addr_format(&path->from, from), "To",
			 bg_addr_format(&path->to, to), "Steps", steps, "Way", path->between);
}
