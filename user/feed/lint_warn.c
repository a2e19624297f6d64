// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How the lints say what they found; they alone call it. */
#include "feed/lint_warn.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "base/names.h"

int bg_lint_add(struct bg_lint *lint, const char *pointer, const char *format, ...)
{
	struct bg_model *model = lint->model;
	struct bg_warning warning = {};
	va_list args;

	if (model->warning_count >= lint->warnings_room) {
		size_t room = 2 * model->warning_count + 16;
		struct bg_warning *grown = reallocarray(model->warnings, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		model->warnings = grown;
		lint->warnings_room = room;
	}
	warning.pointer = strdup(pointer);
	va_start(args, format);
	if (vasprintf(&warning.text, format, args) < 0)
		warning.text = NULL;
	va_end(args);
	if (!warning.pointer || !warning.text) {
		free(warning.pointer);
		free(warning.text);
		return -ENOMEM;
	}
	model->warnings[model->warning_count++] = warning;
	return 0;
}

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
