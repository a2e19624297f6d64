/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the daemon writes down for people: revisions, its pulse, when counters rose. */
#ifndef BG_DAEMON_HISTORY_H
#define BG_DAEMON_HISTORY_H

#include <stdbool.h>

#include "datapath/datapath.h"
#include "maps.h"

struct bg_daemon;

struct bg_history {
	struct bg_pulse pulse;
	/* when somebody last looked at the counters, maybe an earlier daemon; 0: they have counted,
	 * and nobody ever did */
	__u64 looked_ns;
	bool feed_read; /* the file could be read when that was tried last */
	__u64 put_back; /* programs, by bg_ifaces_put_back(), that are counted already */
	double look_due_ms;
};

/* Goes on with what an earlier daemon wrote; once the datapath is open. */
void bg_history_begin(struct bg_daemon *daemon);

/* About once a second, when programs and pins were looked after. */
void bg_history_beat(struct bg_daemon *daemon);

/* It ends by itself. */
void bg_history_end(struct bg_daemon *daemon);

void bg_history_synced(struct bg_daemon *daemon);
/* The feed's file was read, or could not be; it is the same as then. */
void bg_history_feed_read(struct bg_daemon *daemon, bool was_read);
void bg_history_feed_same(struct bg_daemon *daemon);
/* Of the feed as it is now. */
void bg_history_feed_judged(struct bg_daemon *daemon, bool refused);

/* daemon->datapath has put `model`, the text of which has this SHA-256, in force. */
void bg_history_revision(struct bg_daemon *daemon, const struct bg_model *model,
			 const __u8 *content, const struct bg_revision *counted);

/* Has the revision in force, which may be an earlier daemon's, this content? */
bool bg_history_is_in_force(const struct bg_daemon *daemon, const __u8 *content);
/* Something else came in force after it. */
bool bg_history_is_older(const struct bg_daemon *daemon, const __u8 *content);

#endif
