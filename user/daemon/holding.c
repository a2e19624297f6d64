// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Hands the state in force to the daemon that comes next: a restart with a feed that is
 * broken, or lacks what lives, then has all in force again that was. restoring.c restores it,
 * state_out.c reads and writes the files. Without it, or when it is damaged, the daemon
 * knows the feed alone.
 */
#include "daemon/holding.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "daemon/settled.h"
#include "daemon/running.h"
#include "pinned/held_file.h"

#define BOOT_ID "/proc/sys/kernel/random/boot_id"

/* Ifindexes and times are those of one boot. */
void bg_hold_boot(char boot[BG_HELD_BOOT])
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

void bg_hold_hash(const __u8 *content, char text[BG_HELD_SHA256])
{
	for (size_t i = 0; i < SHA256_DIGEST_LENGTH; i++)
		snprintf(text + 2 * i, 3, "%02x", content[i]);
}

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
	bg_hold_hash(parsed->content, holding->sha256);
}

/* What is held beside the document; nothing if that is what was written last. */
static void write_held(const struct bg_daemon *daemon, struct bg_holding *holding,
		       struct bg_state_file *held)
{
	bg_cleanup(bg_json_writer_free) struct bg_json_writer writer = {};
	char boot[BG_HELD_BOOT];

	bg_hold_boot(boot);
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
