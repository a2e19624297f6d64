// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Hands the state in force to the daemon that comes next: a restart with a feed that is
 * broken, or lacks what lives, then has all in force again that was. start.c restores it,
 * state_out.c reads and writes the files. Without it, or when it is damaged, the daemon
 * knows the feed alone.
 */
#include "daemon/holding.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "daemon/settled.h"
#include "daemon/running.h"
#include "feed/feed.h"
#include "feed/settle.h"
#include "pinned/held_file.h"

#define BOOT_ID "/proc/sys/kernel/random/boot_id"

/* Ifindexes and times are those of one boot. */
static void read_boot(char boot[BG_HELD_BOOT])
{
	bg_auto_close int fd = open(BOOT_ID, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? 0 : read(fd, boot, BG_HELD_BOOT - 1);

	if (length < 0)
		length = 0;
	boot[length] = '\0';
	boot[strcspn(boot, "\n")] = '\0';
	if (!*boot)
		snprintf(boot, BG_HELD_BOOT, "unknown");
}

static void write_hash(const __u8 *content, char text[BG_HELD_SHA256])
{
	for (size_t i = 0; i < SHA256_DIGEST_LENGTH; i++)
		snprintf(text + 2 * i, 3, "%02x", content[i]);
}

/* --- writing --------------------------------------------------------------------- */

void bg_holding_free(struct bg_holding *holding)
{
	free(holding->text);
	holding->text = NULL;
}

void bg_hold_text(struct bg_daemon *daemon, struct bg_parsed *parsed)
{
	struct bg_holding *holding = &daemon->holding;

	free(holding->text);
	holding->text = bg_take_ptr(parsed->text);
	holding->text_bytes = parsed->text_bytes;
	holding->superseded = true;
	write_hash(parsed->content, holding->sha256);
}

/* What is held beside the document; nothing if that is what was written last. */
static void write_held(const struct bg_daemon *daemon, struct bg_holding *holding,
		       struct bg_state_file *held)
{
	bg_cleanup(bg_json_writer_free) struct bg_json_writer writer = {};
	char boot[BG_HELD_BOOT];

	read_boot(boot);
	bg_held_write(daemon->model, bg_in_force_document(daemon), boot, holding->next_slot,
		      holding->sha256, &writer);
	if (writer.failed)
		return;
	holding->next_hash = bg_hash_bytes(writer.text, writer.length_bytes);
	if (!holding->text && holding->next_hash == holding->hash)
		return;
	held->length_bytes = writer.length_bytes;
	held->text = bg_take_ptr(writer.text);
}

void bg_hold(struct bg_daemon *daemon, struct bg_state_file *text, struct bg_state_file *held)
{
	struct bg_holding *holding = &daemon->holding;

	/* never over the one that the file names: that may stay for the next daemon */
	holding->next_slot = holding->text ? !holding->slot : holding->slot;
	*text = (struct bg_state_file){ .kind = bg_held_text_kind(holding->next_slot) };
	*held = (struct bg_state_file){ .kind = BG_HELD_KIND };
	holding->superseded = false;
	if (daemon->model && holding->sha256[0])
		write_held(daemon, holding, held);
	if (!held->text)
		return; /* for want of memory: the next time */
	text->length_bytes = holding->text_bytes;
	text->text = bg_take_ptr(holding->text);
}

void bg_hold_outcome(struct bg_daemon *daemon, struct bg_state_file *text,
		     const struct bg_state_file *held, int rc)
{
	struct bg_holding *holding = &daemon->holding;

	if (!rc && held->text) {
		holding->slot = holding->next_slot;
		holding->hash = holding->next_hash;
	} else if (rc && text->text && !holding->superseded) {
		holding->text = bg_take_ptr(text->text);
	}
	free(text->text);
	text->text = NULL;
}

/* --- restoring -------------------------------------------------------------------- */

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
	write_hash(document->content, hash);
	if (strcmp(hash, held->sha256) != 0)
		return bg_fail(&document->err, -EINVAL,
			       "the document that was in force: found other bytes than were "
			       "written");
	return bg_daemon_parse_text("the document that was in force", document->text,
				    document->text_bytes, document);
}

/* What was kept beside the document, with its interfaces and times. */
static int read_kept(const struct bg_held *held, struct bg_model **kept, struct bg_error *err)
{
	bg_cleanup(bg_parsed_free) struct bg_parsed parsed = {};
	int rc = bg_daemon_parse_text("what was kept in force", held->feed, held->feed_bytes,
				      &parsed);

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
	read_boot(boot);
	if (strcmp(boot, held.boot) != 0)
		return -ENOENT;
	rc = read_kept(&held, &kept, err);
	if (rc)
		return rc;
	daemon->holding.slot = held.slot;
	if (feed && !feed->rc)
		write_hash(feed->content, hash);
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
