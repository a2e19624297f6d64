/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the daemon knows and no pinned map holds: a JSON document in
 * /run/branchguard, one for each pin directory, replaced as a whole by a rename.
 * Only status reads it, and does without when it is not there. Keys:
 *
 *	PinDir, Feed			as given
 *	Pid				of the daemon that wrote it last
 *	StartedNs			CLOCK_BOOTTIME when it started
 *	LastAccepted	{ Revision (number), FeedRevision, TimeNs (CLOCK_BOOTTIME),
 *			  Warnings: [{ Pointer, Line, Column, Text }], WarningCount }
 *			or null
 *	RevisionTook	{ ParseMs, CompileMs, PublishMs } of the last one that came in force
 *	LastRefused	{ Error, TimeNs, SinceNs, Errors: as Warnings, ErrorCount } of the
 *			feed as it is now, else null; since: the first of the refusals that
 *			no accepted feed parts from this one
 *	Kept		[{ Kind (branch, group, prefix list), Id, SinceNs }]: what the
 *			document lacks, and is in force all the same
 *	LeftOut, LeftOutCount	[{ Pointer, What }]: what of the document is not in force,
 *			since somebody else claims it, too; the first of them, and how many
 *	Interfaces	[{ Interface, Text, Open, SinceNs (CLOCK_BOOTTIME) }]: what is wrong
 *			with them; Open: something passes there unjudged, or by old rules
 *	Listeners, EventsLostByListeners	by the socket: how many there are, and
 *			what was lost by those that read too slowly
 *	ListenerLosses	{ Count, SinceNs, LastNs (CLOCK_BOOTTIME) }: of these the last that
 *			came without a long pause between them
 */
#ifndef BG_PINNED_STATE_FILE_H
#define BG_PINNED_STATE_FILE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "pinned/state_dir.h"
#include "types.h"

/* No more warnings than this are written; WarningCount counts all. */
#define BG_STATE_WARNINGS 100
/* Nor more of what is left out, of which there may be as much as a feed has. */
#define BG_STATE_LEFT_OUT 100

/* As kinds of bg_state_file_path(): the document, and the daemon's socket beside it. */
#define BG_STATE_KIND ".json"
void bg_state_path(const char *pin_dir, char path[BG_STATE_PATH_BYTES]);
#define BG_SOCKET_KIND ".sock"
void bg_socket_path(const char *pin_dir, char path[BG_STATE_PATH_BYTES]);

/* The document that is there, in *state; NULL: there is none, or somebody else's, or it is no
 * document. -ETIMEDOUT: that cannot be known. */
int bg_state_read(const char *pin_dir, json_t **state, struct bg_error *err);

struct bg_state;

struct bg_state *bg_state_new(const char *pin_dir, const char *feed);
void bg_state_free(struct bg_state *state); /* NULL is fine */
/* What an earlier daemon knew of interfaces, by its file: since when. What is no such text is
 * left alone. */
void bg_state_restore(struct bg_state *state, const char *text, size_t length_bytes);

/* NULL is fine from here to bg_state_listeners(). */

struct bg_model;
void bg_state_accepted(struct bg_state *state, const struct bg_model *model, __u32 revision);
struct bg_problems;
/* `errors`: those of the document, {} when it could not be read or put in force. */
void bg_state_refused(struct bg_state *state, const char *error, const struct bg_problems *errors);

/* Replaces the value of a key; takes the reference. */
void bg_state_set(struct bg_state *state, const char *key, json_t *value);

/* Replaces the list of interfaces: clear, then one call for each. */
void bg_state_clear_interfaces(struct bg_state *state);
void bg_state_add_interface(struct bg_state *state, const char *interface, const char *text,
			    bool open);

/* How many listen by the socket, and the events that some of them have lost. */
struct bg_sighting;
void bg_state_listeners(struct bg_state *state, unsigned int listeners,
			const struct bg_sighting *lost);

/* Since bg_state_text() has written it down; or since it was said that this was in vain. */
bool bg_state_has_changed(struct bg_state *state);
void bg_state_set_changed(struct bg_state *state);
/* As it is now; the caller's to look at. */
json_t *bg_state_document(const struct bg_state *state);
/* The file's text, to be freed; NULL: out of memory. */
char *bg_state_text(struct bg_state *state);

void bg_state_remove(const char *pin_dir);

#endif
