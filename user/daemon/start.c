// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The daemon's start: load or adopt, put the feed in force, take over what is attached.
 * daemon.c calls it once; nothing here runs a second time.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/caps.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "branchguard.skel.h"
#include "daemon/running.h"
#include "daemon/upgrade.h"
#include "datapath/tally.h"
#include "pinned/pin.h"

/* A start waits this long for the feed, which may be large, or never come. */
#define FIRST_LOOK_MS 2000
/* Of the state file: more than a daemon ever wrote. */
#define STATE_MOST_BYTES (16u << 20)
/* So often is the pin directory made again that somebody removes while we start. */
#define PIN_TRIES 3

static int adopt_modes(struct bg_daemon *daemon)
{
	int fd = bpf_map__fd(daemon->datapath->skel->maps.branches);
	struct bg_branch_info info;
	__u32 key, *last = NULL;
	int rc;

	while (!(rc = bpf_map_get_next_key(fd, last, &key))) {
		last = &key;
		rc = bpf_map_lookup_elem(fd, &key, &info) ?: bg_modes_adopt(daemon->modes, &info);
		if (rc)
			return rc;
	}
	return rc == -ENOENT ? 0 : rc;
}

/*
 * Pins that cannot be made end a first start. Where something is in force, an end would
 * take out of force what only this process holds now, when somebody removes pins just
 * then: the daemon goes on, and looks after its pins every second.
 */
static int unless_adopted(const struct bg_daemon *daemon, int rc, const struct bg_error *err)
{
	if (rc >= 0 || daemon->options.once || !daemon->datapath->adopted)
		return rc < 0 ? rc : 0;
	bg_log(BG_LOG_WARNING, "pinning at the start, will be tried again", "error=%s",
	       bg_quote(err->text));
	return 0;
}

/* Loading takes long, and somebody may remove the directory meanwhile: it is made again. */
static int pin_what_is_loaded(struct bg_daemon *daemon,
			      int (*pin)(struct bg_datapath *datapath, struct bg_error *err),
			      struct bg_error *err)
{
	int rc = -ENOENT;

	for (int i = 0; i < PIN_TRIES && rc == -ENOENT; i++) {
		rc = bg_pin_lock_again(daemon->options.pin_dir, &daemon->lock_fd, err);
		if (rc >= 0)
			rc = pin(daemon->datapath, err);
	}
	return unless_adopted(daemon, rc, err);
}

static int load(struct bg_daemon *daemon, struct bg_model *model, struct bg_error *err)
{
	struct bg_datapath_options options = daemon->options.datapath;
	double start_ms = bg_monotonic_ms();
	int rc;

	if (!options.image_blocks && model)
		options.image_blocks = bg_daemon_first_capacity(daemon, model);
	bg_pin_tidy(daemon->options.pin_dir);
	rc = bg_datapath_open(&options, &daemon->datapath, err);
	if (rc)
		return rc;
	if (daemon->datapath->dropped[0] && !daemon->datapath->from)
		bg_log(BG_LOG_WARNING,
		       "maps of the daemon before do not fit and start empty (rules, counters and "
		       "flows are copied)",
		       "maps=%s", daemon->datapath->dropped);
	bg_log(BG_LOG_INFO,
	       daemon->datapath->adopted ? "loaded, taking over what is pinned" : "loaded",
	       "pin_dir=%s revision=%u flows=%u rules=%u branches=%u image_kib=%u load_ms=%.0f",
	       bg_quote(daemon->options.pin_dir), daemon->datapath->revision,
	       daemon->datapath->options.max_flows, daemon->datapath->options.max_rules,
	       daemon->datapath->options.max_branches, daemon->datapath->options.image_blocks,
	       bg_monotonic_ms() - start_ms);
	rc = daemon->datapath->from ? 0 : pin_what_is_loaded(daemon, bg_datapath_pin, err);
	if (rc)
		return rc;
	bg_history_begin(daemon);
	return bg_caps_keep(BG_CAPS_OF_DAEMON, 0, err);
}

/* XDP programs that no interface will get: they are not loaded. */
static void list_unused(enum bg_xdp_choice xdp, const char *names[BG_PROGRAMS + 1])
{
	size_t count = 0;

	if (xdp != BG_XDP_ON_BRANCH)
		names[count++] = bg_program_code(BG_XDP_BRANCH);
	if (xdp != BG_XDP_ON_TRUNK)
		names[count++] = bg_program_code(BG_XDP_TRUNK);
	names[count] = NULL;
}

/* The limits of inotify are shared with all others on the node: they are no reason to leave it
 * unguarded. */
static void log_unwatched(const struct bg_error *why)
{
	bg_log(BG_LOG_WARNING,
	       "the feed is not watched: it is looked at every 3 s, which finds each change later",
	       "reason=%s", bg_quote(why->text));
}

int bg_daemon_prepare(struct bg_daemon *daemon, struct bg_error *err)
{
	struct bg_daemon_options *options = &daemon->options;
	struct bg_ifaces_options ifaces = { .pin_dir = options->pin_dir, .xdp = options->xdp };
	struct bg_error unwatched;
	int rc;

	list_unused(options->xdp, daemon->unused_programs);
	options->datapath.without = daemon->unused_programs;
	rc = bg_attach_choose(options->attach, &ifaces.tcx, err);
	if (rc)
		return rc;
	if (!options->once) {
		daemon->watch_fd = bg_file_watch_open(&unwatched);
		if (daemon->watch_fd < 0)
			log_unwatched(&unwatched);
	}
	daemon->feed_file = (struct bg_files){
		.path = options->feed,
		.watch_fd = daemon->watch_fd,
		.limit_ms = options->once ? -1 : BG_FILES_WAIT_MS,
	};
	rc = bg_netdevs_open(&daemon->netdevs, err);
	if (rc)
		return rc;
	daemon->ifaces = bg_ifaces_new(&ifaces, daemon->netdevs);
	daemon->modes = bg_modes_new();
	daemon->state = bg_state_new(options->pin_dir, options->feed);
	if (!daemon->ifaces || !daemon->modes || !daemon->state)
		return bg_no_memory(err, "starting");
	return bg_metrics_out_open(&daemon->metrics, &daemon->options, daemon->state, err) ?:
	       bg_state_out_open(daemon, err) ?:
	       bg_reload_open(daemon, err);
}

/*
 * From here on everything is guarded by the programs of this build. Until then, those
 * that an earlier daemon left are at work, with its last revision.
 */
static int take_over(struct bg_daemon *daemon, struct bg_error *err)
{
	int rc;

	bg_ifaces_switch(daemon->ifaces, daemon->datapath);
	rc = pin_what_is_loaded(daemon, bg_datapath_pin_programs, err);
	if (rc)
		return rc;
	return bg_daemon_sync_guards(daemon, err);
}

static bool is_to_end(int end_fd)
{
	struct pollfd end = { .fd = end_fd, .events = POLLIN };

	return poll(&end, 1, 0) > 0;
}

/*
 * Takes a first look at the feed, so that the maps can be made for it at once: if *is_read,
 * it is in daemon->reload.parsed; else it takes longer than a start may, and follows. With
 * --once it is waited for, and a feed that is refused ends it.
 */
static int first_look(struct bg_daemon *daemon, int end_fd, bool *is_read, struct bg_error *err)
{
	const bool once = daemon->options.once;
	const struct bg_files_look *look;
	int rc = bg_reload_begin(daemon, true, err);

	if (rc)
		return rc;
	*is_read = bg_reload_wait(daemon, once ? -1 : FIRST_LOOK_MS, end_fd);
	if (*is_read && once && daemon->reload.parsed.rc) {
		*err = daemon->reload.parsed.err;
		return daemon->reload.parsed.rc;
	}
	look = &daemon->reload.look;
	if (*is_read && (look->watch_rc == -ENOSPC || look->watch_rc == -ENOMEM)) {
		log_unwatched(&look->watch_err);
	} else if (*is_read && look->watch_rc) {
		*err = look->watch_err;
		return look->watch_rc;
	}
	if (*is_read)
		return 0;
	if (is_to_end(end_fd))
		return bg_fail(err, -EINTR, "stopped by a signal before the feed was read");
	bg_log(BG_LOG_WARNING,
	       "the feed is not read yet: the start does not wait for it, what is in force stays",
	       "feed=%s", bg_quote(daemon->options.feed));
	return 0;
}

/* What was in force before: what the feed lacks is kept by it; and where there is no feed, or a
 * broken one, it is put in force again. */
static void restore(struct bg_daemon *daemon, bool is_read, int end_fd, struct bg_parsed *before)
{
	const struct bg_parsed *feed = is_read ? &daemon->reload.parsed : NULL;
	bg_auto_free char *state = NULL;
	struct bg_error no_matter;
	size_t length_bytes;

	bg_held_restore(daemon, feed, end_fd, before);
	if (!bg_state_out_read(daemon, BG_STATE_KIND, STATE_MOST_BYTES, end_fd, &state,
			       &length_bytes, &no_matter))
		bg_state_restore(daemon->state, state, length_bytes);
	if (!feed || feed->rc)
		bg_daemon_take_up(daemon, before, &no_matter);
}

int bg_daemon_start(struct bg_daemon *daemon, int end_fd, struct bg_error *err)
{
	bg_cleanup(bg_parsed_free) struct bg_parsed before = {};
	struct bg_error no_matter;
	bool is_read = false;
	int rc;

	rc = first_look(daemon, end_fd, &is_read, err);
	if (rc)
		return rc;
	if (daemon->put_off && (!is_read || daemon->reload.parsed.rc))
		return BG_START_LATER;
	rc = load(daemon, is_read ? daemon->reload.parsed.model : NULL, err);
	if (rc)
		return rc;
	if (daemon->datapath->adopted) {
		rc = adopt_modes(daemon);
		if (rc)
			return bg_fail(err, rc, "taking over the modes of the branches: %s",
				       strerror(-rc));
	}
	restore(daemon, is_read, daemon->options.once ? -1 : end_fd, &before);
	/* without what was in force before, the feed alone would count */
	if (!daemon->options.once && is_to_end(end_fd))
		return bg_fail(err, -EINTR, "stopped by a signal before the feed was put in force");
	/* the programs of the other build stay until there is something to put in force */
	if (!is_read && bg_upgrade_needs_feed(daemon)) {
		is_read = bg_reload_wait(daemon, -1, end_fd);
		if (!is_read)
			return bg_fail(err, -EINTR, "stopped by a signal before the feed was read");
	}
	if (is_read)
		rc = bg_reload_finish(daemon, err);
	/* a feed that has no room is refused only here */
	if (rc && !daemon->options.once && !daemon->model && !before.rc &&
	    !bg_daemon_take_up(daemon, &before, &no_matter))
		bg_state_refused(daemon->state, err->text, &(struct bg_problems){});
	bg_daemon_write_state(daemon);
	if (rc && daemon->options.once) {
		/* nothing was attached: leave no trace */
		if (!daemon->datapath->adopted)
			bg_pin_clear(daemon->options.pin_dir);
		return rc;
	}
	if (rc && bg_upgrade_needs_feed(daemon)) {
		bg_upgrade_put_off(daemon);
		return BG_START_LATER;
	}
	rc = bg_upgrade_place_maps(daemon, err);
	if (!rc && daemon->datapath->adopted)
		rc = bg_ifaces_adopt(daemon->ifaces, daemon->datapath, err);
	if (rc)
		return rc;
	/* without --once a refused feed is no error: the daemon waits for the next one */
	rc = take_over(daemon, err);
	if (rc >= 0)
		bg_upgrade_finish(daemon);
	bg_daemon_write_state(daemon);
	/* if it fails, the loop says so */
	if (rc >= 0)
		bg_datapath_tally(daemon->datapath, &no_matter);
	if (rc > 0 && daemon->options.once)
		return bg_fail(err, -EIO, "%d interfaces are not guarded as they should be", rc);
	return rc < 0 ? rc : 0;
}
