// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * From the event ring to all who listen. The methods of answers.c call it; an event is
 * written once, whoever wants it. It takes so many events at a turn and no more, since
 * interfaces wait for the same loop.
 */
#include "daemon/listeners.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "pinned/event_source.h"
#include "show/event_filter.h"
#include "show/event_names.h"

#define EVENTS_A_TURN 256
/* Room for "so many were lost" in front of the event that there is room for again. */
#define LOST_LINE_BYTES 128

struct listener {
	struct bg_socket_client *client; /* NULL = free */
	struct bg_event_filter filter;
	__u64 lost; /* since it was told */
};

struct bg_listeners {
	const char *pin_dir;
	struct bg_socket *socket;
	struct listener places[BG_SOCKET_CLIENTS];
	unsigned int count;
	__u64 lost;
	bool open; /* the ring and what belongs to it: */
	struct bg_maps maps;
	struct bg_event_namer namer;
	struct bg_event_source source;
	struct bg_json_writer line;
};

struct bg_listeners *bg_listeners_new(const char *pin_dir)
{
	struct bg_listeners *listeners = calloc(1, sizeof(*listeners));

	if (listeners)
		listeners->pin_dir = pin_dir;
	return listeners;
}

static void close_ring(struct bg_listeners *listeners)
{
	if (!listeners->open)
		return;
	listeners->open = false;
	bg_socket_unwatch(listeners->socket);
	bg_events_close(&listeners->source);
	bg_event_namer_close(&listeners->namer);
	bg_maps_close(&listeners->maps);
}

void bg_listeners_free(struct bg_listeners *listeners)
{
	if (!listeners)
		return;
	close_ring(listeners);
	bg_json_writer_free(&listeners->line);
	free(listeners);
}

static int say_lost(struct listener *listener, __u64 count)
{
	char now[BG_FORMAT_TEXT], line[LOST_LINE_BYTES];
	int length;

	bg_format_monotonic(bg_monotonic_ns(), now);
	length = snprintf(line, sizeof(line), "{\"time\":\"%s\",\"event\":\"lost\",\"count\":%llu}",
			  now, count);
	return bg_socket_say(listener->client, line, length);
}

static bool has_caught_up(const struct listener *listener)
{
	return bg_socket_left_bytes(listener->client) >= bg_socket_room_bytes(listener->client) / 2;
}

/* Who has fallen behind gets nothing until half of its room is free, so that what it
 * loses is one piece and not every other event. */
static void offer(struct bg_listeners *listeners, struct listener *listener)
{
	const struct bg_json_writer *line = &listeners->line;
	struct bg_socket_client *client = listener->client;

	if (listener->lost && (!has_caught_up(listener) || say_lost(listener, listener->lost))) {
		listener->lost++;
		listeners->lost++;
		return;
	}
	listener->lost = 0;
	if (line->failed || bg_socket_say(client, line->text, line->length_bytes)) {
		listener->lost = 1;
		listeners->lost++;
	}
}

static int take_event(const struct bg_event *event, void *context)
{
	struct bg_listeners *listeners = context;
	struct bg_event_names names;
	struct bg_error err = {};
	bool written = false;
	int rc;

	for (int i = 0; i < BG_SOCKET_CLIENTS; i++) {
		struct listener *listener = &listeners->places[i];

		if (!listener->client || !bg_event_wanted(&listener->filter, event))
			continue;
		if (!written) {
			rc = bg_event_name(&listeners->namer, event, &names, &err);
			if (rc)
				return rc;
			bg_json_clear(&listeners->line);
			bg_event_write(&listeners->line, event, &names);
			written = true;
		}
		offer(listeners, listener);
	}
	return 0;
}

static void on_ring(void *context)
{
	bg_listeners_read(context);
}

static int open_ring(struct bg_listeners *listeners, struct bg_error *err)
{
	int rc;

	if (listeners->open)
		return 0;
	rc = bg_maps_open(listeners->pin_dir, &listeners->maps, err);
	if (rc)
		return rc;
	rc = bg_event_namer_open(&listeners->maps, &listeners->namer, err);
	if (rc) {
		bg_maps_close(&listeners->maps);
		return rc;
	}
	rc = bg_events_open(&listeners->maps, take_event, listeners, &listeners->source, err);
	if (!rc) {
		rc = bg_socket_watch(listeners->socket, bg_events_fd(&listeners->source), on_ring,
				     listeners, err);
		if (rc)
			bg_events_close(&listeners->source);
	}
	if (rc) {
		bg_event_namer_close(&listeners->namer);
		bg_maps_close(&listeners->maps);
		return rc;
	}
	listeners->open = true;
	return 0;
}

/* The branch that it asks for must be there now, as for any verb. */
static int understand(const struct bg_listeners *listeners, const json_t *request,
		      struct bg_event_filter *filter, struct bg_error *err)
{
	const struct bg_event_namer *namer = &listeners->namer;
	const struct bg_branch_row *row;
	const char *branch;
	int rc = bg_event_filter_read(request, filter, &branch, err);

	if (rc || !branch)
		return rc;
	row = bg_branch_find(namer->branches, namer->branch_count, branch, err);
	if (!row)
		return -ENOENT;
	filter->vlan = row->vlan;
	return 0;
}

int bg_listeners_add(struct bg_listeners *listeners, struct bg_socket *socket,
		     struct bg_socket_client *client, const json_t *request, struct bg_error *err)
{
	static const char listening[] = "{\"listening\":true}";
	struct listener *place = listeners->places;
	struct bg_event_filter filter;
	int rc;

	listeners->socket = socket;
	rc = open_ring(listeners, err);
	if (rc)
		return rc;
	rc = understand(listeners, request, &filter, err)
		     ?: bg_socket_say(client, listening, sizeof(listening) - 1);
	if (rc) {
		if (!listeners->count)
			close_ring(listeners);
		return rc;
	}
	while (place->client) /* there are as many places as clients */
		place++;
	*place = (struct listener){ .client = client, .filter = filter };
	listeners->count++;
	return 1;
}

void bg_listeners_remove(struct bg_listeners *listeners, struct bg_socket_client *client)
{
	for (int i = 0; i < BG_SOCKET_CLIENTS; i++) {
		if (listeners->places[i].client != client)
			continue;
		listeners->places[i] = (struct listener){};
		listeners->count--;
	}
	if (!listeners->count)
		close_ring(listeners);
}

/* What the ring had no room for, nobody has got. Who lost something and has room again is
 * told even if no event comes. */
static void tell_lost(struct bg_listeners *listeners)
{
	__u64 lost = listeners->open ? bg_events_lost(&listeners->source) : 0;

	for (int i = 0; i < BG_SOCKET_CLIENTS; i++) {
		struct listener *listener = &listeners->places[i];

		if (!listener->client)
			continue;
		listener->lost += lost;
		if (listener->lost && has_caught_up(listener) &&
		    !say_lost(listener, listener->lost))
			listener->lost = 0;
	}
}

static void give_up_ring(struct bg_listeners *listeners, const struct bg_error *err)
{
	bg_log(BG_LOG_WARNING, "reading the events, will be tried again", "error=%s",
	       bg_quote(err->text));
	close_ring(listeners);
}

void bg_listeners_read(struct bg_listeners *listeners)
{
	struct bg_error err = {};
	int rc;

	if (!listeners->open)
		return;
	rc = bg_events_take(&listeners->source, EVENTS_A_TURN);
	if (rc) {
		bg_fail(&err, rc, "%s", strerror(-rc));
		give_up_ring(listeners, &err);
	}
}

void bg_listeners_tick(struct bg_listeners *listeners)
{
	struct bg_error err = {};
	int rc;

	if (!listeners->count)
		return;
	tell_lost(listeners);
	if (listeners->open) {
		bg_events_keep_coming(&listeners->source);
		rc = bg_events_check_pinned(&listeners->maps, &listeners->source, &err);
		/* removed pins are put back, with the same maps */
		if (!rc || rc == -ENOENT)
			return;
		give_up_ring(listeners, &err);
	}
	if (open_ring(listeners, &err))
		bg_log(BG_LOG_DEBUG, "reading the events", "error=%s", bg_quote(err.text));
}

struct bg_listener_counts bg_listeners_count(const struct bg_listeners *listeners)
{
	return (struct bg_listener_counts){ listeners->count, listeners->lost };
}
