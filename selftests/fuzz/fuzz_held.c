// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * libFuzzer: any bytes as the state in force that a daemon left, as the next one reads it:
 * the lines, the feed in them, and both put together.
 */
#include <stdint.h>
#include <string.h>

#include "feed/feed.h"
#include "feed/held.h"
#include "feed/settle.h"
#include "promises.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void must_be_sound(const struct bg_held *held)
{
	MUST(held->slot < 2 && strlen(held->sha256) == BG_HELD_SHA256 - 1);
	must_be_printable(held->boot);
	for (size_t i = 0; i < held->branch_count; i++) {
		MUST(*held->branches[i].id && *held->branches[i].interface);
		must_be_printable(held->branches[i].id);
	}
	for (size_t i = 0; i < held->group_count; i++)
		must_be_printable(held->groups[i].id);
}

/* As what was kept, and as the document that was in force. */
static void settle(const struct bg_model *model)
{
	bool *alive = calloc(model->branch_count + 1, sizeof(*alive));
	struct bg_model *document = NULL, *merged = NULL;
	static const char empty[] = "{\"FeedVersion\":1,\"SecurityGroups\":[]}";
	struct bg_settling settling = { .in_force = model, .alive = alive, .keep_ns = UINT64_MAX };
	struct bg_decision decision = {};
	struct bg_error err = {};

	MUST(alive);
	for (size_t i = 0; i < model->branch_count; i++)
		alive[i] = true;
	MUST(!bg_feed_parse("empty", empty, sizeof(empty) - 1, &document, NULL, &err));
	settling.document = document;
	MUST(!bg_settle(&settling, &decision));
	MUST(!bg_merge(&settling, &decision, &merged));
	must_be_whole(merged);
	bg_decision_free(&decision);
	bg_model_free(merged);
	bg_model_free(document);
	free(alive);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct bg_model *model = NULL;
	struct bg_held held = {};
	struct bg_error err = {};

	if (bg_held_read((const char *)bytes, length, &held, &err)) {
		MUST(*err.text && !held.branches && !held.feed);
		must_be_printable(err.text);
		return 0;
	}
	must_be_sound(&held);
	if (!bg_feed_parse("held", held.feed, held.feed_bytes, &model, NULL, &err)) {
		bg_held_apply(&held, true, model);
		settle(model);
	}
	bg_model_free(model);
	bg_held_free(&held);
	return 0;
}
