// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How the lints name a rule; only they call it. */
#include "feed/lint_rule.h"

#include <stdio.h>

#include "base/format.h"
#include "base/names.h"

const char *bg_lint_rule(const struct bg_model *model, const struct bg_model_rule *rule, char *text)
{
	char protocol[BG_PROTOCOL_TEXT], ports[BG_FORMAT_TEXT];
	struct bg_rule shown;
	bool all = rule->protocol < 0;

	bg_rule_describe(model, rule, &shown);
	bg_format_ports(&shown, ports);
	snprintf(text, BG_LINT_RULE, "%s%s%s %s%s%s %s %s%s", shown.rule_id,
		 *shown.rule_id ? " (" : "", bg_direction_name(rule->direction),
		 all ? "everything" : bg_protocol_format(rule->protocol, protocol),
		 all || !*ports ? "" : " ", all ? "" : ports,
		 rule->direction == BG_EGRESS ? "to" : "from", shown.peer,
		 *shown.rule_id ? ")" : "");
	return text;
}
