// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The model in force, from what the daemon wrote down of it; without that, from its feed.
 * Tells whether that file still has the content that is in force. `explain --live` calls it
 * and does without it if need be.
 */
#include "verbs/live_feed.h"

#include <errno.h>
#include <sha2.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/in_time.h"
#include "base/error.h"
#include "feed/feed.h"
#include "feed/settle.h"
#include "pinned/held_model.h"
#include "pinned/maps_history.h"
#include "pinned/maps_read.h"
#include "pinned/state_file.h"
#include "show/out.h"
#include "source/file.h"

BG_CLEANUP_OF(json_decref, json_t)

static void __attribute__((format(printf, 2, 3))) note(struct bg_live_feed *feed,
						       const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(feed->note, sizeof(feed->note), format, arguments);
	va_end(arguments);
}

static void find_path(const char *pin_dir, struct bg_live_feed *feed)
{
	bg_cleanup(json_decref_at) json_t *state = NULL;
	char path[BG_STATE_PATH_BYTES];
	struct bg_error err;
	const char *name;

	bg_state_path(pin_dir, path);
	if (bg_state_read(pin_dir, &state, &err)) {
		note(feed, "which feed the daemon reads is not known: %s", err.text);
		return;
	}
	name = json_string_value(json_object_get(state, "Feed"));
	if (name && !strcmp(name, "-"))
		note(feed, "the daemon read its feed from stdin");
	else if (name)
		snprintf(feed->path, sizeof(feed->path), "%s", name);
	else
		note(feed, "no state file says which feed the daemon reads (%s)", path);
}

/* Of the document in force, as the daemon noted it; false: not known. */
static bool find_hash(const struct bg_maps *maps, char hash[SHA256_DIGEST_STRING_LENGTH])
{
	bg_auto_free struct bg_revision_row *rows = NULL;
	const struct bg_revision_row *row;
	struct bg_control control;
	struct bg_error ignored; /* the verb will meet it again */
	size_t count = 0;

	if (bg_maps_control(maps, &control, &ignored) ||
	    bg_maps_revisions(maps, &rows, &count, &ignored))
		return false;
	row = bg_revision_find(rows, count, control.revision);
	if (!row || !row->revision.sha256[0])
		return false;
	snprintf(hash, SHA256_DIGEST_STRING_LENGTH, "%s", row->revision.sha256);
	return true;
}

/* Has the file that content? */
static enum bg_feed_match compare(const char *in_force, const char *text, size_t length_bytes)
{
	char hash[SHA256_DIGEST_STRING_LENGTH];

	if (!*in_force || !SHA256Data((const __u8 *)text, length_bytes, hash))
		return BG_FEED_UNKNOWN;
	return strcmp(hash, in_force) != 0 ? BG_FEED_DIFFERS : BG_FEED_IN_FORCE;
}

/* A branch keeps its mode until its pod is replaced, whatever the feed asks for. */
static void take_modes(const struct bg_maps *maps, struct bg_model *model)
{
	bg_auto_free struct bg_branch_row *rows = NULL;
	struct bg_error ignored;
	size_t count = 0;

	if (bg_maps_branches(maps, &rows, &count, &ignored))
		return;
	for (size_t i = 0; i < model->branch_count; i++)
		for (size_t k = 0; k < count; k++)
			if (!strcmp(rows[k].info.id, model->branches[i].id))
				model->branches[i].mode = rows[k].info.mode;
}

/* Who gets what two claim is not to be seen from here: nobody. */
static struct bg_model *parse(struct bg_live_feed *feed, const char *text, size_t length_bytes)
{
	struct bg_model *model = NULL, *settled = NULL;
	struct bg_error err;

	if (bg_feed_parse_all(feed->path, text, length_bytes, &model, NULL, &err)) {
		note(feed, "the daemon's feed is not what is in force: %s", err.text);
		return NULL;
	}
	if (bg_settle_alone(model, &settled)) {
		bg_model_free(model);
		note(feed, "the daemon's feed: out of memory");
		return NULL;
	}
	if (!settled)
		return model;
	bg_model_free(model);
	return settled;
}

static int copy_feed(void *context, int to_fd, struct bg_error *err)
{
	return bg_file_copy(context, BG_FILE_REGULAR, BG_FEED_MAX_BYTES, to_fd, err);
}

/* What the daemon follows; the model in force is better known from what it wrote down. */
static struct bg_model *read_file(struct bg_live_feed *feed, const char *in_force,
				  struct bg_model *known)
{
	bg_auto_free char *text = NULL;
	struct bg_error err;
	size_t length_bytes;

	if (bg_read_in_time(feed->path, copy_feed, feed->path, &text, &length_bytes, &err)) {
		note(feed, "the daemon's feed cannot be read here: %s", err.text);
		return known;
	}
	feed->match = compare(in_force, text, length_bytes);
	if (feed->match == BG_FEED_DIFFERS)
		note(feed,
		     known ? "%s is not what is in force, and was not asked"
			   : "%s is not what is in force: verdicts are by what is, the missing "
			     "rule and the other end by the file",
		     feed->path);
	return known ? known : parse(feed, text, length_bytes);
}

struct bg_model *bg_live_feed_read(const char *pin_dir, struct bg_live_feed *feed)
{
	bg_cleanup(bg_maps_close) struct bg_maps maps = { .control_fd = -1 };
	char in_force[SHA256_DIGEST_STRING_LENGTH] = "";
	struct bg_model *model = NULL;
	struct bg_error err;
	bool is_held;

	memset(feed, 0, sizeof(*feed));
	if (bg_maps_open(pin_dir, &maps, &err)) {
		note(feed, "%s", err.text);
		return NULL;
	}
	if (find_hash(&maps, in_force)) {
		int rc = bg_held_model_read(pin_dir, in_force, &model, &err);

		if (rc)
			model = NULL;
		if (rc == -ETIMEDOUT) {
			note(feed, "what is in force is not known here: %s", err.text);
			return NULL;
		}
	}
	is_held = model;
	find_path(pin_dir, feed);
	if (*feed->path)
		model = read_file(feed, in_force, model);
	if (model)
		take_modes(&maps, model);
	feed->model_is_in_force = model && (is_held || feed->match == BG_FEED_IN_FORCE);
	return model;
}

void bg_live_feed_print(const struct bg_live_feed *feed)
{
	if (*feed->note)
		printf("  %-9s %s\n", "feed", feed->note);
}

json_t *bg_live_feed_json(const struct bg_live_feed *feed)
{
	static const char *const words[] = {
		[BG_FEED_IN_FORCE] = "yes", [BG_FEED_DIFFERS] = "no", [BG_FEED_UNKNOWN] = "unknown"
	};

	if (!*feed->path)
		return json_null();
	return json_pack("{s:o, s:s, s:o}", "Path", bg_json_text(feed->path), "InForce",
			 words[feed->match], "Note",
			 *feed->note ? bg_json_text(feed->note) : json_null());
}
