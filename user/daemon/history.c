// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Keeps the maps `revisions`, `pulse` and `sightings`, by which people, status and health
 * know what was when. The other files of the room call it. Nothing depends on it: what
 * cannot be written is written with the next beat, or missing.
 */
#include "daemon/history.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/dict.h"
#include "base/format.h"
#include "base/log.h"
#include "branchguard.skel.h"
#include "daemon/running.h"
#include "pinned/maps_history.h"
#include "pinned/maps_read.h"

/* Counters are looked at this often: so exact are the times of their rises. */
#define LOOK_MS 3000

static void write_pulse(struct bg_daemon *daemon)
{
	__u32 zero = 0;

	bpf_map_update_elem(bpf_map__fd(daemon->datapath->skel->maps.pulse), &zero,
			    &daemon->history.pulse, BPF_ANY);
}

void bg_history_begin(struct bg_daemon *daemon)
{
	struct bg_pulse *pulse = &daemon->history.pulse;
	__u32 zero = 0;

	bpf_map_lookup_elem(bpf_map__fd(daemon->datapath->skel->maps.pulse), &zero, pulse);
	pulse->started_ns = bg_boottime_ns();
	daemon->history.looked_ns = daemon->datapath->adopted ? pulse->beat_ns : pulse->started_ns;
	pulse->ended_ns = 0;
	pulse->pid = (__u32)getpid();
}

/* --- counters -------------------------------------------------------------- */

/* What is known of the counters, while they are looked at. */
struct looks {
	struct bg_look_at at;
	struct bg_sighting_row *rows;
	struct bg_dict by_key; /* → index in rows */
	int fd;
};

static void release_looks(struct looks *looks)
{
	bg_dict_release(&looks->by_key);
	free(looks->rows);
}

static int read_looks(const struct bg_maps *maps, struct looks *looks, struct bg_error *err)
{
	size_t count = 0;
	int rc = bg_maps_sightings(maps, &looks->rows, &count, err);

	for (size_t i = 0; i < count && !rc; i++)
		if (!bg_dict_put(&looks->by_key, &looks->rows[i].key, sizeof(looks->rows[i].key), i,
				 NULL))
			rc = bg_no_memory(err, "looking at the counters");
	return rc;
}

static void look_at(const struct looks *looks, const struct bg_sighting_key *key, __u64 count)
{
	const size_t *known = bg_dict_find(&looks->by_key, key, sizeof(*key));
	struct bg_sighting sighting = {};

	if (!known && !count)
		return;
	if (known)
		sighting = looks->rows[*known].sighting;
	if (bg_sighting_look(&sighting, &looks->at, count))
		bpf_map_update_elem(looks->fd, key, &sighting, BPF_ANY);
}

static int look_at_drops(const struct looks *looks, const struct bg_maps *maps, __u32 tag,
			 __u32 slot, struct bg_error *err)
{
	struct bg_counters counters[BG_DIRECTIONS];
	int rc = bg_maps_counters(maps, slot, counters, err);

	for (unsigned int direction = 0; direction < BG_DIRECTIONS && !rc; direction++) {
		for (unsigned int reason = BG_REASON_FIRST_DROP; reason < BG_REASON_MAX; reason++) {
			struct bg_sighting_key key = { tag, direction, reason };

			look_at(looks, &key, counters[direction].packets[reason]);
		}
	}
	return rc;
}

/* Of branches that are no more. */
static void forget_others(const struct looks *looks, const struct bg_branch_row *branches,
			  size_t count)
{
	for (size_t i = 0; i < looks->by_key.count; i++) {
		const struct bg_sighting_key *key = &looks->rows[i].key;

		if (key->tag && !bg_branch_of_tag(branches, count, key->tag))
			bpf_map_delete_elem(looks->fd, key);
	}
}

static int look_at_counters(struct bg_daemon *daemon, struct bg_error *err)
{
	struct bg_history *history = &daemon->history;
	bg_cleanup(release_looks) struct looks looks = {
		.at = { .before_ns = history->looked_ns,
			.now_ns = bg_boottime_ns(),
			.first = !history->looked_ns },
		.fd = bpf_map__fd(daemon->datapath->skel->maps.sightings),
	};
	bg_cleanup(bg_maps_close) struct bg_maps maps = { .control_fd = -1 };
	bg_auto_free struct bg_branch_row *branches = NULL;
	struct bg_control control;
	size_t count;
	int rc;

	rc = bg_maps_open(daemon->options.pin_dir, &maps, err) ?:
	     bg_maps_control(&maps, &control, err) ?:
	     bg_maps_branches(&maps, &branches, &count, err) ?:
	     read_looks(&maps, &looks, err);
	if (rc)
		return rc;
	bg_sighting_look(&history->pulse.events_lost, &looks.at, control.events_lost);
	bg_sighting_look(&history->pulse.flows_evicted, &looks.at, control.flows_evicted);
	rc = look_at_drops(&looks, &maps, 0, 0, err);
	for (size_t i = 0; i < count && !rc; i++)
		rc = look_at_drops(&looks, &maps, branches[i].info.tag, branches[i].info.slot, err);
	if (rc)
		return rc;
	forget_others(&looks, branches, count);
	history->looked_ns = looks.at.now_ns;
	return 0;
}

/* --- the pulse ------------------------------------------------------------- */

void bg_history_beat(struct bg_daemon *daemon)
{
	struct bg_history *history = &daemon->history;
	double now_ms = bg_monotonic_ms();
	struct bg_error err = {};

	if (now_ms >= history->look_due_ms) {
		history->look_due_ms = now_ms + LOOK_MS;
		if (look_at_counters(daemon, &err))
			bg_log(BG_LOG_DEBUG, "looking at the counters", "error=%s",
			       bg_quote(err.text));
	}
	history->pulse.programs_put_back += bg_ifaces_put_back(daemon->ifaces) - history->put_back;
	history->put_back = bg_ifaces_put_back(daemon->ifaces);
	history->pulse.beat_ns = bg_boottime_ns();
	write_pulse(daemon);
}

void bg_history_end(struct bg_daemon *daemon)
{
	daemon->history.pulse.ended_ns = bg_boottime_ns();
	write_pulse(daemon);
}

void bg_history_synced(struct bg_daemon *daemon)
{
	daemon->history.pulse.synced_ns = bg_boottime_ns();
}

void bg_history_feed_read(struct bg_daemon *daemon, bool was_read)
{
	daemon->history.feed_read = was_read;
	bg_history_feed_same(daemon);
}

void bg_history_feed_same(struct bg_daemon *daemon)
{
	if (daemon->history.feed_read)
		daemon->history.pulse.feed_read_ns = bg_boottime_ns();
}

void bg_history_feed_judged(struct bg_daemon *daemon, bool refused)
{
	daemon->history.pulse.feed_refused = refused;
	daemon->history.pulse.feeds_refused += refused;
	write_pulse(daemon);
}

/* --- revisions ------------------------------------------------------------- */

static void print_hash(const __u8 *content, char *text)
{
	for (size_t i = 0; i < SHA256_DIGEST_LENGTH; i++)
		snprintf(text + 2 * i, 3, "%02x", content[i]);
}

/* The numbers go on by one, but a restart may find fewer than there were; and more, if the
 * kernel would not take one away. */
static void forget_oldest(int fd)
{
	__u32 key, *last, oldest, count;

	do {
		last = NULL;
		oldest = count = 0;
		while (!bpf_map_get_next_key(fd, last, &key)) {
			last = &key;
			count++;
			if (!oldest || key < oldest)
				oldest = key;
		}
	} while (count > BG_REVISIONS_KEPT && !bpf_map_delete_elem(fd, &oldest));
}

static void warn_if_reused(const struct bg_daemon *daemon, const char *feed_revision)
{
	bg_cleanup(bg_maps_close) struct bg_maps maps = { .control_fd = -1 };
	bg_auto_free struct bg_revision_row *rows = NULL;
	const struct bg_revision_row *now, *before;
	struct bg_error err = {};
	size_t count;

	if (bg_maps_open(daemon->options.pin_dir, &maps, &err) ||
	    bg_maps_revisions(&maps, &rows, &count, &err))
		return;
	now = bg_revision_find(rows, count, daemon->datapath->revision);
	before = now ? bg_revision_reused(rows, count, now) : NULL;
	if (before)
		bg_log(BG_LOG_WARNING,
		       "the feed's Revision text is that of an earlier revision with another "
		       "content: it names neither of them",
		       "feed_revision=%s revision=%u earlier=%u", bg_quote(feed_revision),
		       now->number, before->number);
}

void bg_history_revision(struct bg_daemon *daemon, const struct bg_model *model,
			 const __u8 *content, const struct bg_revision *counted)
{
	const int fd = bpf_map__fd(daemon->datapath->skel->maps.revisions);
	const __u32 number = daemon->datapath->revision;
	struct bg_revision revision = *counted;
	char text[BG_FORMAT_TEXT];

	snprintf(revision.feed_revision, sizeof(revision.feed_revision), "%s",
		 model->revision ? model->revision : "");
	print_hash(content, revision.sha256);
	revision.boot_ns = bg_boottime_ns();
	revision.unix_ns = bg_realtime_ns();
	snprintf(revision.time, sizeof(revision.time), "%s",
		 bg_format_realtime(revision.unix_ns, text));
	revision.branches = model->branch_count;
	revision.rules = model->rule_count;
	revision.groups = (__s32)model->group_count;
	revision.members = model->member_count;
	revision.warnings = model->warning_count;
	if (bpf_map_update_elem(fd, &number, &revision, BPF_ANY))
		bg_log(BG_LOG_WARNING, "the list of revisions lacks this one", "revision=%u",
		       number);
	/* so that the next one has room, whatever there is */
	forget_oldest(fd);
	if (revision.cause == BG_REVISION_OF_FEED) {
		daemon->history.pulse.feeds_accepted++;
		warn_if_reused(daemon, revision.feed_revision);
	}
}

/* 1: the revision in force has this content, 0: it has not, -1: that is not known. */
static int has_content(const struct bg_daemon *daemon, const __u8 *content)
{
	const int fd = bpf_map__fd(daemon->datapath->skel->maps.revisions);
	char hash[sizeof(((struct bg_revision *)0)->sha256)] = "";
	struct bg_revision revision;

	if (!daemon->datapath->revision ||
	    bpf_map_lookup_elem(fd, &daemon->datapath->revision, &revision))
		return -1;
	print_hash(content, hash);
	return !strncmp(revision.sha256, hash, sizeof(hash));
}

bool bg_history_is_in_force(const struct bg_daemon *daemon, const __u8 *content)
{
	return has_content(daemon, content) > 0;
}

bool bg_history_is_older(const struct bg_daemon *daemon, const __u8 *content)
{
	return !has_content(daemon, content);
}
