// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * branchguard check: would the daemon accept this feed, and is it what was meant? It
 * compiles the feed as the daemon does, and asks nothing of the kernel.
 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/format.h"
#include "base/printable.h"
#include "compile/compile.h"
#include "compile/registry.h"
#include "datapath/datapath.h"
#include "feed/feed.h"
#include "feed/settle.h"
#include "show/out.h"
#include "source/file.h"
#include "verbs/cli.h"

struct check {
	const char *feed;
	bool json, strict;
	struct bg_model *model;
	struct bg_image *image;
	struct bg_problems errors;
	size_t warning_count; /* of the model's warnings: the rest are hints */
	size_t ingress, egress, prefixes, pods, addresses, policies, known_groups;
	double parse_ms, compile_ms;
};

static void release(struct check *check)
{
	bg_image_free(check->image);
	bg_model_free(check->model);
	bg_problems_free(&check->errors);
}

/* Branches with the same groups share a policy. */
static bool same_groups(const struct bg_model_branch *a, const struct bg_model_branch *b)
{
	return a->group_count == b->group_count &&
	       (!a->group_count ||
		!memcmp(a->groups, b->groups, a->group_count * sizeof(*a->groups)));
}

static void sum_up(struct check *check)
{
	const struct bg_model *model = check->model;

	for (size_t i = 0; i < model->rule_count; i++) {
		check->ingress += model->rules[i].direction == BG_INGRESS;
		check->egress += model->rules[i].direction == BG_EGRESS;
	}
	for (size_t i = 0; i < model->group_count; i++)
		check->known_groups += model->groups[i].known;
	for (size_t i = 0; i < model->branch_count; i++) {
		const struct bg_model_branch *branch = &model->branches[i];
		bool shared = false;

		check->pods += branch->pod_count;
		for (size_t k = 0; k < branch->pod_count; k++)
			check->addresses += branch->pods[k].address_count;
		for (size_t k = 0; k < i && !shared; k++)
			shared = same_groups(&model->branches[k], branch);
		check->policies += !shared;
	}
	check->prefixes = check->image->prefixes;
}

/* Warns when the daemon's defaults have no room for this feed. */
static int warn_of_limits(struct bg_model *model, struct bg_error *err)
{
	for (int i = 0; i < 2; i++) {
		size_t count = i ? model->branch_count : model->rule_count;
		size_t most = (i ? BG_DEFAULT_BRANCHES : BG_DEFAULT_RULES) - 1;
		const char *what = i ? "branches" : "rules";

		if (count > most &&
		    bg_model_warn(model, i ? "/Branches" : "/SecurityGroups",
				  "%zu %s, more than the %zu that the daemon makes room for unless "
				  "it is given a larger --max-%s",
				  count, what, most, what))
			return bg_no_memory(err, "looking for hints");
	}
	return 0;
}

/* Everything that the daemon does with a feed before the kernel gets it. */
static int examine(struct check *check, struct bg_error *err)
{
	bg_cleanup(bg_registry_free_at) struct bg_registry *registry = NULL;
	bg_cleanup(bg_model_free_at) struct bg_model *settled = NULL;
	double start_ms = bg_monotonic_ms(), parsed_ms;
	bg_auto_free char *text = NULL;
	size_t length_bytes;
	int rc;

	rc = bg_file_read(check->feed, BG_FILE_ANY, BG_FEED_MAX_BYTES, &text, &length_bytes, err)
		     ?: bg_feed_parse(bg_file_name(check->feed), text, length_bytes, &check->model,
				      &check->errors, err);
	if (rc)
		return rc;
	parsed_ms = bg_monotonic_ms();
	registry = bg_registry_new(BG_MAX_RULES, BG_MAX_BRANCHES);
	if (!registry)
		return bg_no_memory(err, "numbering the rules");
	if (bg_settle_alone(check->model, &settled))
		return bg_no_memory(err, "settling what is claimed twice");
	rc = bg_registry_assign(registry, settled ? settled : check->model, err);
	if (!rc)
		rc = bg_compile(settled ? settled : check->model, 1, BG_MAX_IMAGE_BLOCKS,
				&check->image, err);
	if (rc)
		return bg_fail_in(err, rc, "%s",
				  strcmp(check->feed, "-") ? check->feed : "(stdin)");
	check->parse_ms = parsed_ms - start_ms;
	check->compile_ms = bg_monotonic_ms() - parsed_ms;
	/* what the daemon says of it, too; what comes now only this verb looks for */
	check->warning_count = check->model->warning_count;
	if (bg_feed_lint(check->model))
		return bg_no_memory(err, "looking for hints");
	rc = warn_of_limits(check->model, err);
	if (rc)
		return rc;
	if (bg_problems_locate(check->model->warnings, check->model->warning_count, text,
			       length_bytes))
		return bg_no_memory(err, "looking for the places of the warnings");
	sum_up(check);
	return 0;
}

static double bytes_a_prefix(const struct check *check)
{
	return check->prefixes ? (double)check->image->block_count * sizeof(struct bg_block) /
					 (double)check->prefixes
			       : 0;
}

static void print_count(const char *head, size_t count, const char *more)
{
	char text[BG_FORMAT_TEXT];

	printf("  %-9s %s%s\n", head, bg_format_count(count, text), more);
}

static void print_problems(const char *what, const struct bg_problem *problems, size_t count)
{
	char text[BG_FORMAT_TEXT], head[BG_PROBLEM_HEAD];

	printf("  %-9s %s\n", what, count ? bg_format_count(count, text) : "none");
	for (size_t i = 0; i < count; i++)
		printf("    %s%s\n", bg_printable(bg_problem_head(&problems[i], head)),
		       bg_printable(problems[i].text));
}

static void print(const struct check *check)
{
	const struct bg_model *model = check->model;
	char more[4 * BG_FORMAT_TEXT], one[BG_FORMAT_TEXT], two[BG_FORMAT_TEXT],
		text[BG_FORMAT_TEXT];

	printf("%s: accepted%s%s\n", strcmp(check->feed, "-") ? check->feed : "(stdin)",
	       *model->revision ? ", revision " : "", bg_printable(model->revision));
	more[0] = '\0';
	if (check->known_groups < model->group_count)
		snprintf(more, sizeof(more), ", %zu of them named but not in the feed",
			 model->group_count - check->known_groups);
	print_count("groups", model->group_count, more);
	snprintf(more, sizeof(more), " (%s ingress, %s egress)",
		 bg_format_count(check->ingress, one), bg_format_count(check->egress, two));
	print_count("rules", model->rule_count, more);
	snprintf(more, sizeof(more), " (CIDRs, prefix lists, groups) with %s",
		 bg_format_counted(model->member_count, "member", one));
	print_count("peers", model->set_count, more);
	snprintf(more, sizeof(more), " (%s with %s %s, %zu %s)",
		 bg_format_counted(check->pods, "pod", one), bg_format_count(check->addresses, two),
		 check->addresses == 1 ? "address" : "addresses", check->policies,
		 check->policies == 1 ? "policy" : "policies");
	print_count("branches", model->branch_count, more);
	printf("  %-9s %s", "image",
	       bg_format_count(check->image->block_count * sizeof(struct bg_block) / 1024, text));
	printf(" KiB, %s prefixes (%.1f bytes each), %s classes\n",
	       bg_format_count(check->prefixes, one), bytes_a_prefix(check),
	       bg_format_count(check->image->classes, two));
	printf("  %-9s parse %.1f ms, compile %.1f ms\n", "time", check->parse_ms,
	       check->compile_ms);
	print_problems("warnings", model->warnings, check->warning_count);
	print_problems("hints", model->warnings + check->warning_count,
		       model->warning_count - check->warning_count);
}

static json_t *problems_json(const struct bg_problem *problem, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count && list; i++, problem++) {
		json_t *object = json_pack("{s:o, s:I, s:I, s:o}", "pointer",
					   bg_json_text(problem->pointer), "line",
					   (json_int_t)problem->place.line, "column",
					   (json_int_t)problem->place.column, "text",
					   bg_json_text(problem->text));

		if (json_array_append_new(list, object)) {
			json_decref(list);
			list = NULL;
		}
	}
	return list;
}

static int print_json(const struct check *check, struct bg_error *err)
{
	const struct bg_model *model = check->model;

	return bg_print_json(
		json_pack("{s:o, s:b, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
			  "s:I, s:f, s:I, s:f, s:f, s:o, s:o}",
			  "feed", bg_json_text(check->feed), "accepted", 1, "revision",
			  bg_json_text(model->revision), "groups", (json_int_t)model->group_count,
			  "unknown_groups", (json_int_t)(model->group_count - check->known_groups),
			  "rules", (json_int_t)model->rule_count, "ingress_rules",
			  (json_int_t)check->ingress, "egress_rules", (json_int_t)check->egress,
			  "peers", (json_int_t)model->set_count, "members",
			  (json_int_t)model->member_count, "branches",
			  (json_int_t)model->branch_count, "pods", (json_int_t)check->pods,
			  "policies", (json_int_t)check->policies, "prefixes",
			  (json_int_t)check->prefixes, "image_bytes",
			  (json_int_t)(check->image->block_count * sizeof(struct bg_block)),
			  "bytes_per_prefix", bytes_a_prefix(check), "classes",
			  (json_int_t)check->image->classes, "parse_ms", check->parse_ms,
			  "compile_ms", check->compile_ms, "warnings",
			  problems_json(model->warnings, check->warning_count), "hints",
			  problems_json(model->warnings + check->warning_count,
					model->warning_count - check->warning_count)),
		err);
}

/* One error is said as every verb says its own; more are a list. */
static void print_errors(const struct check *check)
{
	const struct bg_problems *errors = &check->errors;
	const char *name = bg_file_name(check->feed);

	fprintf(stderr, "branchguard check: %s: refused, %zu errors:\n", name,
		bg_problems_all(errors));
	for (size_t i = 0; i < errors->count; i++) {
		const struct bg_problem *problem = &errors->problem[i];
		char head[BG_PROBLEM_HEAD];

		bg_problem_head(problem, head);
		fprintf(stderr, "  %s:%s%s%s\n", name, problem->place.line ? "" : " ",
			bg_printable(head), bg_printable(problem->text));
	}
	if (errors->more)
		fprintf(stderr, "  and %zu more\n", errors->more);
}

/* A refusal is a result of this verb, so with --json it is JSON too. */
static int refuse(const struct check *check, const struct bg_error *err)
{
	struct bg_error printing;

	if (check->json &&
	    !bg_print_json(json_pack("{s:o, s:b, s:o, s:o, s:I}", "feed", bg_json_text(check->feed),
				     "accepted", 0, "error", bg_json_text(err->text), "errors",
				     problems_json(check->errors.problem, check->errors.count),
				     "error_count", (json_int_t)bg_problems_all(&check->errors)),
			   &printing))
		bg_out_finish(&printing);
	if (bg_problems_all(&check->errors) > 1) {
		print_errors(check);
		return BG_EXIT_FAILED;
	}
	return bg_cli_failed("check", err);
}

int cmd_check(int argc, char **argv)
{
	bg_cleanup(release) struct check check = {};
	const struct bg_option options[] = {
		{ .name = "strict",
		  .type = BG_OPTION_FLAG,
		  .value = &check.strict,
		  .help = "exit status 1 also when there are warnings or hints" },
		BG_OPTION_JSON(&check.json),
		{}
	};
	const struct bg_command command = {
		.verb = "check",
		.about =
			"Reads a feed as the daemon would, without touching the kernel: says "
			"whether it would be accepted, sums it up, and says what looks wrong: warnings "
			"(unknown keys and groups), as status and metrics have them, and hints, which "
			"only this verb looks for (rules without effect, pods that cannot reach DNS or "
			"be probed). FEED is a file, or - for stdin. Exit status: 0 "
			"accepted, whatever it says (but see --strict); 1 refused.",
		.options = options,
		.operand = "FEED",
		.operand_value = &check.feed,
		.operand_required = true,
	};
	int status = bg_cli(&command, argc, argv);
	struct bg_error err;

	if (status >= 0)
		return status;
	if (examine(&check, &err))
		return refuse(&check, &err);
	if (check.json) {
		if (print_json(&check, &err))
			return bg_cli_failed("check", &err);
	} else {
		print(&check);
	}
	if (bg_out_finish(&err))
		return bg_cli_failed("check", &err);
	return check.strict && check.model->warning_count ? BG_EXIT_FAILED : BG_EXIT_DONE;
}
