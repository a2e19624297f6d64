// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Reads from the pins what the gate decides by, and asks again while the answer is no. cni_call.c
 * calls it. It writes nothing, and speaks to no daemon.
 */
#include "cni/gate_look.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cni/gate.h"
#include "pinned/home.h"
#include "pinned/lock_holder.h"
#include "show/status_hooks.h"

/* So soon again at first, and then more seldom: many pods may wait at a time. */
#define FIRST_WAIT_MS 20
#define LONGEST_WAIT_MS 250

static int read_branches(const struct bg_maps *maps, struct bg_status *status, struct bg_error *err)
{
	bg_auto_free struct bg_branch_row *rows = NULL;
	size_t count = 0;
	int rc = bg_maps_branches(maps, &rows, &count, err);

	if (rc)
		return rc;
	status->branches = calloc(count + 1, sizeof(*status->branches));
	if (!status->branches)
		return bg_no_memory(err, "reading %zu branches", count);
	status->branch_count = count;
	for (size_t i = 0; i < count; i++) {
		status->branches[i].row = rows[i];
		status->branches[i].ifindex_now = if_nametoindex(rows[i].info.interface);
	}
	return 0;
}

/* What the feed says; what is attached is looked at when that has the pod. */
static int read_feed(const struct bg_maps *maps, struct bg_status *status, struct bg_error *err)
{
	return bg_maps_control(maps, &status->control, err) ?:
		       bg_maps_image(maps, &status->image, &status->image_capacity_bytes,
				     &status->has_image, err) ?:
		       read_branches(maps, status, err) ?:
		       bg_maps_pods(maps, &status->pods, &status->pod_count, err);
}

/* 1: armed. 0: not yet. */
static int look(const char *pin_dir, const struct bg_gate_pod *pod, struct bg_status *status,
		struct bg_error *why)
{
	bg_cleanup(bg_maps_close) struct bg_maps maps = { .control_fd = -1 };
	int rc = bg_maps_open(pin_dir, &maps, why) ?:
		 bg_home_check(pin_dir, why) ?:
		 read_feed(&maps, status, why);

	if (rc)
		return rc;
	if (!bg_gate_is_known(pod, status, why))
		return 0;
	return bg_status_read_hooks(&maps, status, why) ?: bg_gate_is_armed(pod, status, why);
}

enum bg_gate_state bg_gate_look(const char *pin_dir, const struct bg_prev_result *made,
				struct bg_error *why)
{
	bg_auto_free __u32 *ifindexes = calloc(made->host_count + 1, sizeof(*ifindexes));
	bg_cleanup(bg_status_free) struct bg_status status = {};
	const struct bg_gate_pod pod = { .made = made, .host_ifindexes = ifindexes };
	int rc;

	if (!ifindexes) {
		bg_no_memory(why, "looking at the pins");
		return BG_GATE_UNSEEN;
	}
	for (size_t i = 0; i < made->host_count; i++)
		ifindexes[i] = if_nametoindex(made->hosts[i]);
	rc = look(pin_dir, &pod, &status, why);
	if (rc > 0)
		return BG_GATE_ARMED;
	if (!rc)
		return BG_GATE_NOT_ARMED;
	return rc == -ENOENT ? BG_GATE_NO_PINS : BG_GATE_UNSEEN;
}

/* Without one nothing will be armed. */
static void add_daemon(const char *pin_dir, struct bg_error *why)
{
	struct bg_lock_holder holder;
	size_t used = strlen(why->text);

	if (!bg_lock_held(pin_dir, &holder) && !holder.hidden)
		snprintf(why->text + used, sizeof(why->text) - used, ", and no daemon runs");
}

enum bg_gate_state bg_gate_wait(const char *pin_dir, const struct bg_prev_result *made,
				int timeout_s, struct bg_error *why)
{
	const __u64 end_ns = bg_boottime_ns() + (__u64)timeout_s * BG_NS_PER_S;
	__u64 wait_ms = FIRST_WAIT_MS;

	for (;;) {
		enum bg_gate_state state = bg_gate_look(pin_dir, made, why);
		const __u64 now_ns = bg_boottime_ns();
		struct timespec pause;

		if (state == BG_GATE_NOT_ARMED && now_ns >= end_ns)
			add_daemon(pin_dir, why);
		if (state == BG_GATE_ARMED || now_ns >= end_ns)
			return state;
		if (wait_ms * BG_NS_PER_MS > end_ns - now_ns)
			wait_ms = (end_ns - now_ns) / BG_NS_PER_MS + 1;
		pause = (struct timespec){ .tv_sec = (time_t)(wait_ms / 1000),
					   .tv_nsec = (long)(wait_ms % 1000 * BG_NS_PER_MS) };
		nanosleep(&pause, NULL);
		wait_ms = wait_ms * 2 < LONGEST_WAIT_MS ? wait_ms * 2 : LONGEST_WAIT_MS;
	}
}

bool bg_gate_is_loaded(const char *pin_dir, struct bg_error *why)
{
	bg_cleanup(bg_maps_close) struct bg_maps maps = { .control_fd = -1 };

	return bg_maps_open(pin_dir, &maps, why) != -ENOENT;
}
