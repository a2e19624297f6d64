// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Puts together what is in force from the files that the daemon keeps for a restart. Verbs
 * that speak of what is in force call it. It looks at no interface: who lived, and who got
 * what is claimed twice, the daemon has written down.
 */
#include "pinned/held_model.h"

#include <errno.h>
#include <sha2.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "feed/feed.h"
#include "feed/held.h"
#include "feed/settle.h"
#include "pinned/held_file.h"
#include "pinned/state_dir.h"

BG_CLEANUP_OF(bg_decision_free, struct bg_decision)

static int read_document(const char *pin_dir, const struct bg_held *held, struct bg_model **model,
			 struct bg_error *err)
{
	bg_auto_free char *text = NULL;
	char hash[SHA256_DIGEST_STRING_LENGTH];
	size_t length_bytes;
	int rc = bg_state_file_read(pin_dir, bg_held_text_kind(held->slot), BG_FEED_MAX_BYTES,
				    &text, &length_bytes, err);

	if (rc)
		return rc;
	if (!SHA256Data((const __u8 *)text, length_bytes, hash) || strcmp(hash, held->sha256) != 0)
		return bg_fail(
			err, -ESTALE,
			"the document that is in force: found other bytes than were written");
	return bg_feed_parse_all("the document that is in force", text, length_bytes, model, NULL,
				 err);
}

/* So many of them, all true. */
static bool *all_of(size_t count)
{
	bool *all = malloc(count + 1);

	if (all)
		memset(all, true, count + 1);
	return all;
}

/* What was kept lives, and of claimants whoever was in force has it: nothing else of them
 * was written down. */
static int settle(const struct bg_model *document, const struct bg_model *kept,
		  struct bg_model **model)
{
	bg_auto_free bool *branches = all_of(document->branch_count), *pods = NULL, *alive = NULL;
	bg_cleanup(bg_decision_free) struct bg_decision decision = {};
	struct bg_settling settling = {
		.document = document,
		.in_force = kept,
		.now_ns = bg_boottime_ns(),
		.keep_ns = UINT64_MAX,
	};
	size_t pod_count = 0;
	int rc;

	for (size_t i = 0; i < document->branch_count; i++)
		pod_count += document->branches[i].pod_count;
	pods = all_of(pod_count);
	alive = all_of(kept->branch_count);
	if (!branches || !pods || !alive)
		return -ENOMEM;
	settling.seen.branches = branches;
	settling.seen.pods = pods;
	settling.alive = alive;
	rc = bg_settle(&settling, &decision);
	return rc || decision.as_document ? rc : bg_merge(&settling, &decision, model);
}

int bg_held_model_read(const char *pin_dir, const char *sha256, struct bg_model **model,
		       struct bg_error *err)
{
	bg_cleanup(bg_model_free_at) struct bg_model *document = NULL, *kept = NULL;
	bg_cleanup(bg_held_free) struct bg_held held = {};
	struct bg_model *settled = NULL;
	bg_auto_free char *text = NULL;
	size_t length_bytes;
	int rc;

	rc = bg_state_file_read(pin_dir, BG_HELD_KIND, BG_HELD_MAX_BYTES, &text, &length_bytes, err)
		     ?: bg_held_read(text, length_bytes, &held, err);
	if (rc)
		return rc;
	if (strcmp(held.sha256, sha256) != 0)
		return bg_fail(err, -ESTALE, "what was written down is not of the feed in force");
	rc = bg_feed_parse("what is kept in force", held.feed, held.feed_bytes, &kept, NULL, err)
		     ?: read_document(pin_dir, &held, &document, err);
	if (rc)
		return rc;
	bg_held_apply(&held, true, kept);
	if (settle(document, kept, &settled))
		return bg_no_memory(err, "putting together what is in force");
	*model = settled ? settled : bg_take_ptr(document);
	return 0;
}
