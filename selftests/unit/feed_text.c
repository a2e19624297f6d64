// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "feed_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

int feed_try(const char *text, struct bg_model **model, struct bg_error *err)
{
	size_t length = strlen(text);
	/* exactly as long as the text, so that a sanitizer sees a step beyond */
	char *quoted = malloc(length ? length : 1);
	int rc;

	assert_non_null(quoted);
	for (size_t i = 0; i < length; i++)
		quoted[i] = text[i] == '\'' ? '"' : text[i];
	rc = bg_feed_parse("feed", quoted, length, model, err);
	free(quoted);
	return rc;
}

struct bg_model *feed_parse(const char *text)
{
	struct bg_model *model = NULL;
	struct bg_error err = {};

	if (feed_try(text, &model, &err))
		fail_msg("%s\n  -> %s", text, err.text);
	return model;
}

const char *feed_error(const char *text, struct bg_error *err)
{
	struct bg_model *model = NULL;
	int rc = feed_try(text, &model, err);

	if (!rc) {
		bg_model_free(model);
		fail_msg("taken: %s", text);
	}
	assert_true(rc < 0);
	assert_null(model);
	if (strncmp(err->text, "feed:", 5) != 0)
		fail_msg("the error does not name the feed: %s", err->text);
	return err->text + 5 + (err->text[5] == ' ');
}

static void describe_groups(FILE *out, const struct bg_model *model)
{
	for (size_t i = 0; i < model->group_count; i++) {
		const struct bg_group *group = &model->groups[i];

		fprintf(out, "group %s%s%s%s\n", group->id, group->name ? " " : "",
			group->name ? group->name : "", group->known ? "" : " (unknown)");
		for (size_t k = 0; k < group->rule_count; k++) {
			const struct bg_model_rule *rule = &model->rules[group->first_rule + k];

			assert_int_equal(rule->group, i);
			fprintf(out, "  %s %s %d %d-%d %s\n", rule->rule_id ? rule->rule_id : "-",
				rule->direction == BG_INGRESS ? "ingress" : "egress",
				rule->protocol, rule->from_port, rule->to_port,
				model->sets[rule->set].name);
		}
	}
}

static void describe_sets(FILE *out, const struct bg_model *model)
{
	for (size_t i = 0; i < model->set_count; i++) {
		const struct bg_set *set = &model->sets[i];

		fprintf(out, "set %s:%s", set->name, set->resolved ? "" : " (unresolved)");
		for (size_t k = 0; k < set->prefix_count; k++) {
			char text[BG_IP_TEXT];

			fprintf(out, " %s", bg_prefix_format(&set->prefixes[k], text));
		}
		fputc('\n', out);
	}
}

static void describe_pod(FILE *out, const struct bg_model_pod *pod)
{
	fprintf(out, "  pod %s/%s %s:", pod->namespace, pod->name, pod->host_interface);
	for (size_t i = 0; i < pod->address_count; i++) {
		char text[BG_IP_TEXT];

		fprintf(out, " %s", bg_addr_format(&pod->addresses[i], text));
	}
	for (size_t i = 0; i < pod->probe_count; i++)
		fprintf(out, " (%d/%d)", pod->probes[i].protocol, pod->probes[i].port);
	fputc('\n', out);
}

static void describe_branches(FILE *out, const struct bg_model *model)
{
	for (size_t i = 0; i < model->branch_count; i++) {
		const struct bg_model_branch *branch = &model->branches[i];

		fprintf(out, "branch %s %d %s %s:", branch->id, branch->vlan, branch->interface,
			branch->mode == BG_STRICT ? "strict" : "standard");
		for (size_t k = 0; k < branch->group_count; k++)
			fprintf(out, " %s", model->groups[branch->groups[k]].id);
		fputc('\n', out);
		for (size_t k = 0; k < branch->pod_count; k++)
			describe_pod(out, &branch->pods[k]);
	}
}

char *feed_describe(const struct bg_model *model, int lines)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	if (lines & FEED_GROUPS)
		describe_groups(out, model);
	if (lines & FEED_SETS)
		describe_sets(out, model);
	if (lines & FEED_BRANCHES)
		describe_branches(out, model);
	for (size_t i = 0; i < model->warning_count && lines & FEED_WARNINGS; i++)
		fprintf(out, "warning %s: %s\n", model->warnings[i].pointer,
			model->warnings[i].text);
	assert_int_equal(fclose(out), 0);
	return text;
}

void feed_is(const char *text, int lines, const char *expected)
{
	struct bg_model *model = feed_parse(text);
	char *found = feed_describe(model, lines);

	bg_model_free(model);
	if (strcmp(found, expected) != 0)
		fail_msg("%s\n--- expected\n%s--- found\n%s", text, expected, found);
	free(found);
}
