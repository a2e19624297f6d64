// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the daemon before had in force, by the files that it left (holding.c). start.c calls
 * it once; what is damaged, or not to be had in time, is said and left alone.
 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "daemon/running.h"
#include "daemon/settled.h"
#include "feed/feed.h"
#include "feed/settle.h"
#include "pinned/held_file.h"

/* The accepted document, as it was parsed then. */
static int read_document(struct bg_daemon *daemon, const struct bg_held *held, int signal_fd,
			 struct bg_parsed *document)
{
	char hash[BG_HELD_SHA256];
	int rc = bg_state_out_read(daemon, bg_held_text_kind(held->slot), BG_FEED_MAX_BYTES,
				   signal_fd, &document->text, &document->text_bytes,
				   &document->err);

	if (rc)
		return rc;
	bg_daemon_hash(document->text, document->text_bytes, document->content);
	bg_hold_hash(document->content, hash);
	if (strcmp(hash, held->sha256) != 0)
		return bg_fail(&document->err, -EINVAL,
			       "the document that was in force: found other bytes than were "
			       "written");
	return bg_daemon_parse_text("the document that was in force", document->text,
				    document->text_bytes, signal_fd, document);
}

/* What was kept beside the document, with its interfaces and times. */
static int read_kept(const struct bg_held *held, int signal_fd, struct bg_model **kept,
		     struct bg_error *err)
{
	bg_cleanup(bg_parsed_free) struct bg_parsed parsed = {};
	int rc = bg_daemon_parse_text("what was kept in force", held->feed, held->feed_bytes,
				      signal_fd, &parsed);

	if (rc) {
		*err = parsed.err;
		return rc;
	}
	bg_held_apply(held, true, parsed.model);
	*kept = bg_take_ptr(parsed.model);
	return 0;
}

/* What was in force: the document, with what was kept beside it. */
static int settle_before(struct bg_daemon *daemon, const struct bg_held *held,
			 struct bg_model *kept, struct bg_model *document, struct bg_error *err)
{
	bg_cleanup(bg_settled_free) struct bg_settled settled = {};
	int rc;

	daemon->before = kept;
	rc = bg_in_force_settle(daemon, document, BG_COPY, &settled, err);
	if (rc)
		return rc;
	bg_held_apply(held, false, settled.model);
	bg_model_free(daemon->before);
	daemon->before = bg_take_ptr(settled.model);
	return 0;
}

static int restore(struct bg_daemon *daemon, const struct bg_parsed *feed, int signal_fd,
		   struct bg_parsed *document, struct bg_error *err)
{
	bg_cleanup(bg_held_free) struct bg_held held = {};
	bg_auto_free char *text = NULL;
	struct bg_model *kept = NULL;
	char boot[BG_HELD_BOOT], hash[BG_HELD_SHA256] = "";
	size_t length_bytes;
	int rc;

	rc = bg_state_out_read(daemon, BG_HELD_KIND, BG_HELD_MAX_BYTES, signal_fd, &text,
			       &length_bytes, err);
	if (rc)
		return rc;
	rc = bg_held_read(text, length_bytes, &held, err);
	if (rc)
		return rc;
	bg_hold_boot(boot);
	if (strcmp(boot, held.boot) != 0)
		return -ENOENT;
	rc = read_kept(&held, signal_fd, &kept, err);
	if (rc)
		return rc;
	daemon->holding.slot = held.slot;
	if (feed && !feed->rc)
		bg_hold_hash(feed->content, hash);
	if (!strcmp(hash, held.sha256)) {
		daemon->before = kept;
		return 0;
	}
	document->rc = read_document(daemon, &held, signal_fd, document);
	if (document->rc) {
		daemon->before = kept;
		*err = document->err;
		return document->rc;
	}
	bg_held_apply(&held, false, document->model);
	return settle_before(daemon, &held, kept, document->model, err);
}

void bg_held_restore(struct bg_daemon *daemon, const struct bg_parsed *feed, int signal_fd,
		     struct bg_parsed *document)
{
	struct bg_error err = {};
	int rc;

	*document = (struct bg_parsed){ .rc = -ENOENT };
	rc = restore(daemon, feed, signal_fd, document, &err);
	if (rc && rc != -ENOENT)
		bg_log(BG_LOG_WARNING,
		       "what the daemon before had in force cannot be read: only the feed counts",
		       "error=%s", bg_quote(err.text));
}
