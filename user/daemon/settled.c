// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Which model is in force: the accepted document, or one that was settled from it, what was
 * in force before, and the interfaces. revision.c asks for it and publishes it; what is
 * decided, and how, is feed/settle.c's.
 */
#include "daemon/settled.h"

#include <errno.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/dict.h"
#include "base/log.h"
#include "daemon/running.h"
#include "guard/seen.h"

#define NS_PER_S 1000000000ull

void bg_settled_free(struct bg_settled *settled)
{
	bg_decision_free(&settled->decision);
	bg_model_free(settled->model);
	settled->model = NULL;
}

const struct bg_model *bg_in_force_document(const struct bg_daemon *daemon)
{
	return daemon->document ? daemon->document : daemon->model;
}

int bg_in_force_settle(const struct bg_daemon *daemon, const struct bg_model *document,
		       enum bg_settle_how how, struct bg_settled *settled, struct bg_error *err)
{
	bg_cleanup(bg_sight_free) struct bg_sight sight = {};
	struct bg_settling settling = {
		.document = document,
		.in_force = daemon->model ? daemon->model : daemon->before,
		.now_ns = bg_boottime_ns(),
		.keep_ns = daemon->options.keep_lost_s == BG_KEEP_LOST_FOR_EVER
				   ? UINT64_MAX
				   : daemon->options.keep_lost_s * NS_PER_S,
	};
	int rc;

	*settled = (struct bg_settled){};
	rc = bg_sight_take(document, settling.in_force, daemon->netdevs, &sight);
	if (!rc) {
		settling.seen.branches = sight.branches;
		settling.seen.pods = sight.pods;
		settling.alive = sight.alive;
		rc = bg_settle(&settling, &settled->decision);
	}
	if (!rc && how != BG_DECIDE && (how == BG_COPY || !settled->decision.as_document))
		rc = bg_merge(&settling, &settled->decision, &settled->model);
	if (rc)
		bg_settled_free(settled);
	return rc ? bg_no_memory(err, "settling what is in force") : 0;
}

bool bg_in_force_is_stale(struct bg_daemon *daemon)
{
	struct bg_error ignored;
	struct bg_settled settled;
	bool stale;

	/* the document as it is, without claims: interfaces make no difference */
	if (!daemon->document)
		return false;
	if (bg_in_force_settle(daemon, daemon->document, BG_DECIDE, &settled, &ignored))
		return false;
	stale = settled.decision.hash != daemon->settled_hash;
	bg_settled_free(&settled);
	return stale;
}

/* --- what is said of it ------------------------------------------------------- */

/* What was kept already, by id; without memory, some lines are logged again. */
static void learn_kept(const struct bg_model *model, struct bg_dict *kept)
{
	for (size_t i = 0; model && i < model->branch_count; i++)
		if (model->branches[i].kept_since_ns)
			bg_dict_put(kept, model->branches[i].id, strlen(model->branches[i].id), i,
				    NULL);
	for (size_t i = 0; model && i < model->group_count; i++)
		if (model->groups[i].kept_since_ns)
			bg_dict_put(kept, model->groups[i].id, strlen(model->groups[i].id), i,
				    NULL);
	for (size_t i = 0; model && i < model->set_count; i++)
		if (model->sets[i].kept_since_ns)
			bg_dict_put(kept, model->sets[i].name, strlen(model->sets[i].name), i,
				    NULL);
}

static bool has(const struct bg_dict *dict, const char *id)
{
	return bg_dict_find(dict, id, strlen(id));
}

/* A feed may have a hundred thousand of a kind, and nobody reads so many lines. */
#define LINES_OF_A_KIND 10

static bool may_log(size_t *count)
{
	return ++*count <= LINES_OF_A_KIND;
}

static void log_rest(enum bg_log_level level, size_t count)
{
	if (count > LINES_OF_A_KIND)
		bg_log(level, "there are more of them, which are not logged", "more=%zu",
		       count - LINES_OF_A_KIND);
}

static void log_new(const struct bg_model *model, const struct bg_dict *before)
{
	size_t branches = 0, groups = 0, lists = 0;

	for (size_t i = 0; i < model->branch_count; i++) {
		const struct bg_model_branch *branch = &model->branches[i];

		if (branch->kept_since_ns && !has(before, branch->id) && may_log(&branches))
			bg_log(BG_LOG_WARNING,
			       "the feed lacks a branch that is alive: it stays in force, with its "
			       "groups, until its interface or its veths are gone",
			       "branch=%s vlan=%d interface=%s", bg_quote(branch->id), branch->vlan,
			       branch->interface);
	}
	log_rest(BG_LOG_WARNING, branches);
	for (size_t i = 0; i < model->group_count; i++)
		if (model->groups[i].kept_since_ns && !has(before, model->groups[i].id) &&
		    may_log(&groups))
			bg_log(BG_LOG_WARNING,
			       "the feed lacks a group that a branch names: its rules stay as they "
			       "were",
			       "group=%s rules=%zu", bg_quote(model->groups[i].id),
			       model->groups[i].rule_count);
	log_rest(BG_LOG_WARNING, groups);
	for (size_t i = 0; i < model->set_count; i++)
		if (model->sets[i].kept_since_ns && !has(before, model->sets[i].name) &&
		    may_log(&lists))
			bg_log(BG_LOG_WARNING,
			       "the feed lacks a prefix list that a rule names: its entries stay as "
			       "they were",
			       "list=%s entries=%zu", bg_quote(model->sets[i].name),
			       model->sets[i].prefix_count);
	log_rest(BG_LOG_WARNING, lists);
}

static void log_ended(const struct bg_model *before, const struct bg_dict *now)
{
	size_t count = 0;

	for (size_t i = 0; before && i < before->branch_count; i++) {
		const struct bg_model_branch *branch = &before->branches[i];

		if (branch->kept_since_ns && !has(now, branch->id) && may_log(&count))
			bg_log(BG_LOG_INFO,
			       "a branch that the feed lacked is kept no longer: it is gone, its time "
			       "is over, or the feed names it or what it had",
			       "branch=%s vlan=%d interface=%s", bg_quote(branch->id), branch->vlan,
			       branch->interface);
	}
	log_rest(BG_LOG_INFO, count);
}

static void log_left_out(const struct bg_model *document, const struct bg_decision *decision)
{
	size_t branches = 0, addresses = 0;

	for (size_t i = 0; i < document->branch_count; i++)
		if (decision->left_out[i] && may_log(&branches))
			bg_log(BG_LOG_WARNING,
			       "a branch is left out: what it claims is another one's, or nobody's "
			       "until it is clear whose",
			       "at=/Branches/%zu branch=%s vlan=%d interface=%s", i,
			       bg_quote(document->branches[i].id), document->branches[i].vlan,
			       document->branches[i].interface);
	log_rest(BG_LOG_WARNING, branches);
	for (size_t i = 0; i < decision->lost_count; i++) {
		const struct bg_claimant *claimant = &decision->lost[i].claimant;
		char text[BG_IP_TEXT];

		if (!decision->left_out[claimant->branch] && may_log(&addresses))
			bg_log(BG_LOG_WARNING,
			       "an address is left out: it is another pod's, or nobody's until it is "
			       "clear whose",
			       "at=/Branches/%zu/Pods/%zu address=%s", claimant->branch,
			       claimant->pod, bg_addr_format(&decision->lost[i].address, text));
	}
	log_rest(BG_LOG_WARNING, addresses);
}

static void log_changes(const struct bg_daemon *daemon, const struct bg_model *model,
			const struct bg_model *document, const struct bg_decision *decision)
{
	bg_cleanup(bg_dict_release) struct bg_dict before = {}, now = {};

	learn_kept(daemon->model ? daemon->model : daemon->before, &before);
	learn_kept(model, &now);
	log_new(model, &before);
	log_ended(daemon->model, &now);
	log_left_out(document, decision);
}

static void add_kept(json_t *list, const char *kind, const char *id, __u64 since_ns)
{
	json_t *text = json_string(id);

	if (since_ns)
		json_array_append_new(list, json_pack("{s:s, s:o, s:I}", "Kind", kind, "Id",
						      text ? text : json_string("?"), "SinceNs",
						      (json_int_t)since_ns));
	else
		json_decref(text);
}

static void tell_kept(const struct bg_daemon *daemon)
{
	const struct bg_model *model = daemon->model;
	json_t *list = json_array();

	for (size_t i = 0; i < model->branch_count; i++)
		add_kept(list, "branch", model->branches[i].id, model->branches[i].kept_since_ns);
	for (size_t i = 0; i < model->group_count; i++)
		add_kept(list, "group", model->groups[i].id, model->groups[i].kept_since_ns);
	for (size_t i = 0; i < model->set_count; i++)
		add_kept(list, "prefix list", model->sets[i].name, model->sets[i].kept_since_ns);
	bg_state_set(daemon->state, "Kept", list);
}

static void name_left_out(json_t *list, const char *pointer, const char *what)
{
	json_t *text;

	if (json_array_size(list) >= BG_STATE_LEFT_OUT)
		return;
	text = json_string(what);
	json_array_append_new(list, json_pack("{s:s, s:o}", "Pointer", pointer, "What",
					      text ? text : json_string("?")));
}

static void tell_left_out(const struct bg_daemon *daemon, const struct bg_model *document,
			  const struct bg_decision *decision)
{
	char pointer[BG_RULE_POINTER_TEXT], text[BG_IP_TEXT];
	json_t *list = json_array();
	json_int_t count = 0;

	for (size_t i = 0; i < document->branch_count; i++) {
		if (!decision->left_out[i])
			continue;
		count++;
		snprintf(pointer, sizeof(pointer), "/Branches/%zu", i);
		name_left_out(list, pointer, document->branches[i].id);
	}
	for (size_t i = 0; i < decision->lost_count; i++) {
		const struct bg_lost_address *lost = &decision->lost[i];

		if (decision->left_out[lost->claimant.branch])
			continue;
		count++;
		snprintf(pointer, sizeof(pointer), "/Branches/%zu/Pods/%zu/Addresses",
			 lost->claimant.branch, lost->claimant.pod);
		name_left_out(list, pointer, bg_addr_format(&lost->address, text));
	}
	bg_state_set(daemon->state, "LeftOut", list);
	bg_state_set(daemon->state, "LeftOutCount", json_integer(count));
}

void bg_in_force_replace(struct bg_daemon *daemon, struct bg_model *document,
			 struct bg_settled *settled)
{
	struct bg_model *model = settled->model ? bg_take_ptr(settled->model) : document;
	struct bg_settled again;
	struct bg_error ignored;

	log_changes(daemon, model, document, &settled->decision);
	if (daemon->document && daemon->document != document)
		bg_model_free(daemon->document);
	if (daemon->model != document)
		bg_model_free(daemon->model);
	bg_model_free(bg_take_ptr(daemon->before));
	daemon->model = model;
	daemon->document = model == document ? NULL : document;
	bg_sight_note(model, daemon->netdevs);
	/* what was given up just now is no part of it any more */
	daemon->settled_hash = settled->decision.hash;
	if (daemon->document &&
	    !bg_in_force_settle(daemon, daemon->document, BG_DECIDE, &again, &ignored)) {
		daemon->settled_hash = again.decision.hash;
		bg_settled_free(&again);
	}
	tell_kept(daemon);
	tell_left_out(daemon, document, &settled->decision);
}
