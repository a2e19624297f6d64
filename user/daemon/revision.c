// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * From the feed to a revision in force. daemon.c calls it when the feed or the interfaces
 * may have changed; a feed that is refused never changes what is in force.
 */
#include "daemon/running.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/dict.h"
#include "base/format.h"
#include "base/log.h"
#include "base/names.h"
#include "daemon/settled.h"
#include "guard/seen.h"

static void log_kept(const struct bg_model_branch *branch, enum bg_mode mode, enum bg_mode asked)
{
	bg_log(BG_LOG_INFO, "the branch keeps its mode until its pod is replaced",
	       "branch=%s vlan=%d mode=%s asked=%s", bg_quote(branch->id), branch->vlan,
	       bg_mode_name(mode), bg_mode_name(asked));
}

/* By id only: what is in a group is counted as rules. */
static void count_groups(const struct bg_model *old, const struct bg_model *new,
			 struct bg_revision *revision)
{
	bg_cleanup(bg_dict_release) struct bg_dict known = {};
	size_t common = 0, old_count = old ? old->group_count : 0;

	/* for people: without memory the figures are wrong, and nothing else */
	for (size_t i = 0; i < old_count; i++)
		bg_dict_put(&known, old->groups[i].id, strlen(old->groups[i].id), i, NULL);
	for (size_t i = 0; i < new->group_count; i++)
		if (bg_dict_find(&known, new->groups[i].id, strlen(new->groups[i].id)))
			common++;
	revision->groups_added = (__s32)(new->group_count - common);
	revision->groups_removed = (__s32)(old_count - common);
}

/* `before`: the number of the revision that it replaced; its own: it was in force already. */
static void note_revision(struct bg_daemon *daemon, const struct bg_model *model,
			  const __u8 *content, __u32 before, enum bg_revision_cause cause,
			  const struct bg_publish_times *times, double parse_ms)
{
	struct bg_revision revision = {
		.cause = cause,
		.branches_added = times->branches_added,
		.branches_removed = times->branches_removed,
		.rules_added = times->rules_added,
		.rules_removed = times->rules_removed,
	};
	const bool is_new = daemon->datapath->revision != before;
	char groups[BG_FORMAT_TEXT];

	/* of one that stays, nothing came or went */
	if (is_new && (daemon->model || !before))
		count_groups(daemon->model, model, &revision);
	else if (is_new) /* a revision of the daemon before, of which only the maps are left */
		revision.groups_added = revision.groups_removed = -1;
	bg_log(BG_LOG_INFO, "revision in force",
	       "revision=%u feed_revision=%s rules=%zu(+%u/-%u) branches=%zu(+%u/-%u) "
	       "groups=%s members=%zu parse_ms=%.1f compile_ms=%.1f publish_ms=%.1f "
	       "image_kib=%zu capacity_kib=%u warnings=%zu",
	       daemon->datapath->revision, bg_quote(model->revision), model->rule_count,
	       times->rules_added, times->rules_removed, model->branch_count, times->branches_added,
	       times->branches_removed,
	       bg_format_change((__s64)model->group_count, revision.groups_added,
				revision.groups_removed, groups),
	       model->member_count, parse_ms, times->compile_ms, times->publish_ms,
	       times->image_bytes >> 10, daemon->datapath->options.image_blocks,
	       model->warning_count);
	bg_state_set(daemon->state, "RevisionTook",
		     json_pack("{s:f, s:f, s:f}", "ParseMs", parse_ms, "CompileMs",
			       times->compile_ms, "PublishMs", times->publish_ms));
	if (is_new)
		bg_history_revision(daemon, model, content, &revision);
}

static void log_problem(enum bg_log_level level, const struct bg_problem *problem)
{
	bg_log(level, "feed", "line=%u column=%u at=%s text=%s", problem->place.line,
	       problem->place.column, bg_quote(problem->pointer), bg_quote(problem->text));
}

/* The first is in the line that says that the feed is refused. */
static void log_errors(const struct bg_problems *errors)
{
	if (bg_problems_all(errors) < 2)
		return;
	for (size_t i = 0; i < errors->count; i++)
		log_problem(BG_LOG_ERROR, &errors->problem[i]);
	if (errors->more)
		bg_log(BG_LOG_ERROR, "the feed has more errors", "more=%zu", errors->more);
}

#define WARNINGS_LOGGED 10

static void log_warnings(const struct bg_model *model)
{
	for (size_t i = 0; i < model->warning_count; i++) {
		if (i == WARNINGS_LOGGED) {
			bg_log(BG_LOG_WARNING,
			       "the feed has more warnings, `branchguard check` "
			       "lists them all",
			       "more=%zu", model->warning_count - i);
			return;
		}
		log_problem(BG_LOG_WARNING, &model->warnings[i]);
	}
}

/* A file that was only touched, or that came back, is no new revision. */
static void accept_same(struct bg_daemon *daemon)
{
	bg_log(BG_LOG_INFO, "the feed has the content that is in force: no new revision",
	       "revision=%u", daemon->datapath->revision);
	if (daemon->refused)
		bg_state_accepted(daemon->state, bg_in_force_document(daemon),
				  daemon->datapath->revision);
	daemon->refused = 0;
	bg_history_feed_judged(daemon, false);
}

void bg_daemon_refuse(struct bg_daemon *daemon, const struct bg_problems *errors, int rc,
		      const struct bg_error *err)
{
	daemon->refused = rc;
	bg_history_feed_judged(daemon, true);
	bg_state_refused(daemon->state, err->text, errors);
	bg_log(BG_LOG_ERROR,
	       daemon->datapath->revision
		       ? "feed refused, the last revision stays in force"
		       : "feed refused, and no revision is in force: nothing passes",
	       "revision=%u error=%s", daemon->datapath->revision, bg_quote(err->text));
	log_errors(errors);
}

static void to_compile(struct bg_daemon *daemon, struct bg_model *model, bool same,
		       struct bg_compiled *compiled)
{
	*compiled = (struct bg_compiled){
		.datapath = daemon->datapath,
		.options = daemon->options.datapath,
		.model = model,
		.same = same,
		.image_fd = -1,
	};
}

/* What this document puts in force, by the interfaces that there are. Its modes are asked
 * for until it is in force or refused. */
static int settle(struct bg_daemon *daemon, struct bg_model *document, struct bg_settled *settled,
		  struct bg_model **model, struct bg_error *err)
{
	int rc = bg_in_force_settle(daemon, document, BG_MERGE, settled, err);

	if (rc)
		return rc;
	*model = settled->model ? settled->model : document;
	if (bg_modes_ask(daemon->modes, *model)) {
		bg_settled_free(settled);
		return bg_no_memory(err, "settling the modes of the branches");
	}
	if (bg_modes_apply(daemon->modes, *model, daemon->netdevs, log_kept) >= 0)
		return 0;
	bg_modes_ask_back(daemon->modes);
	bg_settled_free(settled);
	return bg_no_memory(err, "settling the modes of the branches");
}

bool bg_daemon_judge(struct bg_daemon *daemon, struct bg_parsed *parsed, struct bg_settled *settled,
		     struct bg_compiled *compiled, int *rc, struct bg_error *err)
{
	struct bg_model *model;

	bg_history_feed_read(daemon, parsed->was_read);
	*rc = parsed->rc;
	if (parsed->same) {
		accept_same(daemon);
		return true;
	}
	if (*rc)
		*err = parsed->err;
	else
		*rc = settle(daemon, parsed->model, settled, &model, err);
	if (*rc) {
		bg_daemon_refuse(daemon, &parsed->errors, *rc, err);
		return true;
	}
	/* after a restart it may be what the daemon before had put in force */
	to_compile(daemon, model, bg_history_is_in_force(daemon, parsed->content), compiled);
	return false;
}

/* It was published. */
static void put_in_force(struct bg_daemon *daemon, struct bg_parsed *parsed,
			 struct bg_settled *settled, const struct bg_compiled *compiled,
			 __u32 before)
{
	daemon->republish = false;
	note_revision(daemon, compiled->model, parsed->content, before,
		      compiled->same ? BG_REVISION_OF_RESTART : BG_REVISION_OF_FEED,
		      &compiled->times, parsed->parse_ms);
	log_warnings(parsed->model);
	bg_state_accepted(daemon->state, parsed->model, daemon->datapath->revision);
	bg_in_force_replace(daemon, bg_take_ptr(parsed->model), settled);
	memcpy(daemon->content, parsed->content, sizeof(daemon->content));
	bg_hold_text(daemon, parsed);
}

int bg_daemon_accept(struct bg_daemon *daemon, struct bg_parsed *parsed, struct bg_settled *settled,
		     struct bg_compiled *compiled, struct bg_error *err)
{
	const __u32 before = daemon->datapath->revision;
	int rc = bg_compiled_end(compiled, daemon, err);

	if (rc) {
		bg_modes_ask_back(daemon->modes);
		bg_daemon_refuse(daemon, &parsed->errors, rc, err);
		return rc;
	}
	daemon->refused = 0;
	bg_history_feed_judged(daemon, false);
	put_in_force(daemon, parsed, settled, compiled, before);
	return 0;
}

int bg_daemon_take_up(struct bg_daemon *daemon, struct bg_parsed *document, struct bg_error *err)
{
	const __u32 before = daemon->datapath->revision;
	bg_cleanup(bg_settled_free) struct bg_settled settled = {};
	bg_cleanup(bg_compiled_free) struct bg_compiled compiled = { .image_fd = -1 };
	struct bg_model *model;
	int rc;

	if (daemon->model || document->rc)
		return 0;
	/* its successor could not be written down, but is in force: that stays */
	if (bg_history_is_older(daemon, document->content)) {
		bg_log(BG_LOG_WARNING,
		       "the document that the daemon before left is not the last one that came in "
		       "force: it is not taken up, and what is in force stays",
		       "revision=%u", daemon->datapath->revision);
		return 0;
	}
	rc = settle(daemon, document->model, &settled, &model, err);
	if (!rc) {
		to_compile(daemon, model, bg_history_is_in_force(daemon, document->content),
			   &compiled);
		bg_compiled_do(&compiled);
		rc = bg_compiled_end(&compiled, daemon, err);
		if (rc)
			bg_modes_ask_back(daemon->modes);
	}
	if (rc) {
		bg_log(BG_LOG_ERROR, "what the daemon before had in force cannot be taken up",
		       "error=%s", bg_quote(err->text));
		return rc;
	}
	put_in_force(daemon, document, &settled, &compiled, before);
	bg_log(BG_LOG_WARNING, "taken up again, until there is a feed: what was in force before",
	       "revision=%u feed_revision=%s", daemon->datapath->revision,
	       bg_quote(daemon->model->revision));
	return 0;
}

int bg_daemon_judge_again(struct bg_daemon *daemon, struct bg_settled *settled,
			  struct bg_compiled *compiled, enum bg_revision_cause *cause,
			  struct bg_error *err)
{
	struct bg_model *model = daemon->model;
	int rc;

	/* what is claimed twice may be another one's, and what was kept may be gone */
	if (bg_in_force_is_stale(daemon)) {
		*cause = BG_REVISION_OF_INTERFACES;
		rc = settle(daemon, daemon->document, settled, &model, err);
		if (rc)
			return rc;
	} else {
		/* a pod that was replaced gets the mode that the feed asks for */
		*cause = BG_REVISION_OF_MODES;
		rc = bg_modes_apply(daemon->modes, model, daemon->netdevs, log_kept);
		if (rc < 0)
			return bg_no_memory(err, "settling the modes of the branches");
		daemon->republish |= rc > 0;
		if (!daemon->republish)
			return 0;
	}
	to_compile(daemon, model, false, compiled);
	return 1;
}

int bg_daemon_accept_again(struct bg_daemon *daemon, struct bg_settled *settled,
			   struct bg_compiled *compiled, enum bg_revision_cause cause,
			   struct bg_error *err)
{
	const __u32 before = daemon->datapath->revision;
	int rc = bg_compiled_end(compiled, daemon, err);

	if (rc) {
		if (cause == BG_REVISION_OF_INTERFACES)
			bg_modes_ask_back(daemon->modes);
		return rc;
	}
	daemon->republish = false;
	note_revision(daemon, compiled->model, daemon->content, before, cause, &compiled->times, 0);
	if (cause == BG_REVISION_OF_INTERFACES)
		bg_in_force_replace(daemon, daemon->document, settled);
	return 0;
}

__u32 bg_daemon_first_capacity(const struct bg_daemon *daemon, struct bg_model *model)
{
	const struct bg_datapath_options *options = &daemon->options.datapath;
	bg_cleanup(bg_registry_free_at) struct bg_registry *registry = NULL;
	bg_cleanup(bg_image_free_at) struct bg_image *image = NULL;
	struct bg_error ignored;

	registry = bg_registry_new(options->max_rules ? options->max_rules : BG_DEFAULT_RULES,
				   options->max_branches ? options->max_branches
							 : BG_DEFAULT_BRANCHES);
	if (!registry || bg_registry_assign(registry, model, &ignored) ||
	    bg_compile(model, 1, BG_MAX_IMAGE_BLOCKS, &image, &ignored))
		return 0;
	return bg_capacity_for(image);
}
