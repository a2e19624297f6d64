// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One answer in words, for `explain`; the missing rule for path_text.c too. It asks nothing. */
#include <stdio.h>

#include "base/format.h"
#include "base/names.h"
#include "explain/answer.h"

const char *bg_side_meaning(const struct bg_side *side)
{
	if (side->end.branch)
		return bg_reason_meaning(side->answer.reason);
	return side->answer.allowed ? "a rule of its groups allows it"
				    : "no rule of its groups allows it";
}

void bg_missing_print(const struct bg_missing *missing, int indent)
{
	char text[BG_MISSING_TEXT];

	printf("%*s%-9s %s\n", indent, "", "missing", bg_missing_text(missing, text));
	if (*bg_missing_command(missing, text))
		printf("%*s%-9s %s\n", indent, "", "command", text);
}

static void print_rule(const struct bg_side *side, const char *head, __u32 number, int indent)
{
	const struct bg_explain_rule *rule = bg_explain_rule(side->judge, number);
	char protocol[BG_PROTOCOL_TEXT], ports[BG_FORMAT_TEXT];

	if (!rule)
		return;
	printf("%*s%-9s %s", indent, "", head, rule->group_id);
	if (rule->group_name && *rule->group_name)
		printf(" (%s)", rule->group_name);
	if (rule->rule_id)
		printf(" %s", rule->rule_id);
	printf(": %s %s", bg_direction_name(rule->rule.direction),
	       bg_protocol_format(rule->rule.protocol, protocol));
	if (rule->rule.protocol >= 0)
		printf(" %s", bg_format_ports(&rule->rule, ports));
	printf(" %s %s\n", rule->rule.direction == BG_INGRESS ? "from" : "to", rule->rule.peer);
}

static void print_side(const struct bg_ends *ends, const struct bg_side *side, int indent)
{
	struct bg_missing missing;

	printf("%*s%-9s %s: %s\n", indent, "", "reason", bg_reason_name(side->answer.reason),
	       bg_side_meaning(side));
	print_rule(side, "rule", side->answer.rule, indent);
	print_rule(side, "node rule", side->answer.node_rule, indent);
	if (bg_ends_missing(ends, side, &missing))
		bg_missing_print(&missing, indent);
}

static void print_there(const struct bg_ends *ends, const struct bg_side *there)
{
	char name[BG_IP_TEXT];

	if (there->unstated)
		printf("  %-9s %s is not judged: the feed does not have the %s rules of its group "
		       "%s\n",
		       "other end", bg_end_name(&there->end, name),
		       bg_direction_name(there->question.direction), there->unstated);
	if (!there->judged)
		return;
	printf("  %-9s %s: %s of %s, ", "other end", there->answer.allowed ? "allow" : "deny",
	       bg_direction_name(there->question.direction), bg_end_name(&there->end, name));
	if (there->end.branch)
		printf("%s of this node\n", there->end.branch->interface);
	else
		printf("not enforced on this node\n");
	print_side(ends, there, 4);
}

static const char *headline(const struct bg_explained *explained)
{
	if (explained->after_dnat)
		return "undecided";
	return explained->allowed ? "allow" : "deny";
}

void bg_explained_print(const struct bg_ends *ends, const struct bg_explained *explained)
{
	const struct bg_side *here = &explained->here;
	const struct bg_explain_branch *branch = here->end.branch;
	bool v4 = bg_addr_is_v4(&here->question.remote);
	bool by_other = here->answer.allowed && !explained->allowed;
	char text[BG_QUESTION_TEXT], ip[BG_IP_TEXT];

	printf("%s: %s, %s of %s%s\n", headline(explained),
	       bg_question_format(&here->question, text),
	       bg_direction_name(here->question.direction), branch->id,
	       by_other ? "; by the other end" : "");
	if (explained->after_dnat)
		printf("  %-9s %s is in ServiceCidrs: the verdict falls after DNAT, on the address\n"
		       "  %-9s and port of an endpoint; ask for that one. Untranslated it would be\n"
		       "  %-9s %s.\n",
		       "service", bg_addr_format(&here->question.remote, ip), "", "",
		       here->answer.allowed ? "allowed" : "denied");
	print_side(ends, here, 2);
	if (!here->question.has_local && !branch->has_local[!v4])
		printf("  %-9s the branch has no %s address\n", "", v4 ? "IPv4" : "IPv6");
	print_there(ends, &explained->there);
	printf("  %-9s %s, %s, VLAN %u\n", "branch", branch->interface, bg_mode_name(branch->mode),
	       branch->vlan);
	if (*bg_explain_revision(here->judge))
		printf("  %-9s feed \"%s\"\n", "revision", bg_explain_revision(here->judge));
}
