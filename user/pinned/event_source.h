/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The event ring. The datapath fills it only until control.events_until_ns, which the
 * reader moves on as long as somebody listens: after one that was killed, events end by
 * themselves. A ring can have one reader only, so that one holds a flock on PIN_DIR/maps
 * (that on PIN_DIR itself is the daemon's).
 */
#ifndef BG_PINNED_EVENT_SOURCE_H
#define BG_PINNED_EVENT_SOURCE_H

#include "base/error.h"
#include "pinned/maps_read.h"

struct ring_buffer;

struct bg_event_source {
	struct ring_buffer *ring;
	struct bg_control *control; /* mapped; only events_until_ns is written */
	int lock_fd;
	int (*take)(const struct bg_event *event, void *context);
	void *context;
	__u64 started_ns;  /* CLOCK_MONOTONIC; older events are not reported */
	__u64 lost;	   /* control.events_lost, as last reported */
	__u32 ring_id;	   /* map id of the ring */
	unsigned int left; /* events until bg_events_take() has enough; 0 = no end */
};

/*
 * -EBUSY: another process reads it; the text names it. `take` is called with each event;
 * when it returns another value than 0, what called it returns that at once. *source
 * must not be moved until bg_events_close().
 */
int bg_events_open(const struct bg_maps *maps,
		   int (*take)(const struct bg_event *event, void *context), void *context,
		   struct bg_event_source *source, struct bg_error *err);
void bg_events_close(struct bg_event_source *source);

/*
 * Waits for events, a fifth of a second at most, and moves events_until_ns on. 0 also
 * when a signal interrupts it. -ENOENT: branchguard was unloaded; -ESTALE: the maps
 * were replaced, so the caller opens them again.
 */
int bg_events_wait(const struct bg_maps *maps, struct bg_event_source *source,
		   struct bg_error *err);

/* The same in parts, for who waits for other things too: the descriptor can be read when
 * there are events, and at most so many are taken at once. */
void bg_events_keep_coming(struct bg_event_source *source);
int bg_events_fd(const struct bg_event_source *source);
int bg_events_take(struct bg_event_source *source, unsigned int most);
int bg_events_check_pinned(const struct bg_maps *maps, const struct bg_event_source *source,
			   struct bg_error *err);

/* Events that the ring had no room for since the last call. */
__u64 bg_events_lost(struct bg_event_source *source);

#endif
