// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The methods of the daemon's socket, and the socket's life. follow.c calls it from the
 * loop; without a socket the daemon does all else that it does.
 */
#include "daemon/answers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/listeners.h"
#include "pinned/maps_history.h"
#include "show/telling.h"
#include "socket/server.h"

/* Who asks more often is told the same again; so is who asks of a node where telling takes long,
 * for all else waits meanwhile: a fiftieth of the loop's time, if need be. */
#define TELLING_MS 1000
#define TELLING_MOST_MS 15000
#define TELLING_SHARE 50

struct bg_answers {
	struct bg_daemon *daemon;
	struct bg_loop *loop;
	bg_loop_fn *serve;
	struct bg_socket *socket; /* NULL = it cannot be opened now */
	struct bg_listeners *listeners;
	struct bg_sighting lost; /* by listeners */
	bool complained;
	char *telling;		/* NULL = none yet, or it could not be made: */
	struct bg_error untold; /* why; to fail takes as long */
	double telling_due_ms;	/* it is made anew from then on */
};

static int ask_daemon(struct bg_socket_client *client, const json_t *request, void *context,
		      struct bg_error *err)
{
	const struct bg_answers *answers = context;
	const struct bg_daemon *daemon = answers->daemon;
	struct bg_listener_counts counts = bg_listeners_count(answers->listeners);
	const char *feed_revision = daemon->model ? daemon->model->revision : NULL;
	json_t *json = json_pack("{s:i, s:I, s:s?, s:i, s:I}", "pid", (int)getpid(), "revision",
				 (json_int_t)daemon->datapath->revision, "feed_revision",
				 feed_revision, "listeners", (int)counts.listeners,
				 "events_lost_by_listeners", (json_int_t)counts.lost);
	bg_auto_free char *line = json ? json_dumps(json, JSON_COMPACT) : NULL;

	(void)request;
	json_decref(json);
	if (!line || bg_socket_say(client, line, strlen(line)))
		return bg_no_memory(err, "answering");
	return 0;
}

static int ask_events(struct bg_socket_client *client, const json_t *request, void *context,
		      struct bg_error *err)
{
	struct bg_answers *answers = context;

	return bg_listeners_add(answers->listeners, answers->socket, client, request, err);
}

static void tell_anew(struct bg_answers *answers, double start_ms)
{
	const struct bg_daemon *daemon = answers->daemon;
	double pause_ms;

	free(answers->telling);
	answers->telling = bg_telling(daemon->options.pin_dir, bg_state_document(daemon->state),
				      &daemon->options.build, &answers->untold);
	pause_ms = TELLING_SHARE * (bg_monotonic_ms() - start_ms);
	if (pause_ms < TELLING_MS)
		pause_ms = TELLING_MS;
	answers->telling_due_ms =
		start_ms + (pause_ms < TELLING_MOST_MS ? pause_ms : TELLING_MOST_MS);
}

static int ask_node(struct bg_socket_client *client, const json_t *request, void *context,
		    struct bg_error *err)
{
	struct bg_answers *answers = context;
	const double now_ms = bg_monotonic_ms();

	(void)request;
	if (now_ms >= answers->telling_due_ms)
		tell_anew(answers, now_ms);
	if (!answers->telling) {
		*err = answers->untold;
		return -EIO;
	}
	if (bg_socket_say_whole(client, answers->telling, strlen(answers->telling)))
		return bg_no_memory(err, "answering");
	return 0;
}

static void events_gone(struct bg_socket_client *client, void *context)
{
	struct bg_answers *answers = context;

	bg_listeners_remove(answers->listeners, client);
}

static const struct bg_socket_method methods[] = {
	{ "daemon", ask_daemon, NULL },
	{ "events", ask_events, events_gone },
	{ "node", ask_node, NULL },
	{},
};

static void close_socket(struct bg_answers *answers)
{
	if (!answers->socket)
		return;
	bg_loop_unwatch(answers->loop, bg_socket_fd(answers->socket));
	bg_socket_close(bg_take_ptr(answers->socket));
}

/* It is in its place. */
static int serve_socket(struct bg_answers *answers, struct bg_socket_out *placed,
			struct bg_error *err)
{
	int rc = bg_socket_open(&placed->fd, methods, answers, &answers->socket, err);

	if (rc)
		return rc;
	rc = bg_loop_watch(answers->loop, bg_socket_fd(answers->socket), "socket", answers->serve,
			   err);
	if (rc) /* it is placed anew */
		bg_socket_close(bg_take_ptr(answers->socket));
	return rc;
}

static void complain(struct bg_answers *answers, const struct bg_error *err)
{
	if (!answers->complained)
		bg_log(BG_LOG_WARNING,
		       "nobody can listen for events or ask the daemon by its socket, will be "
		       "tried again",
		       "error=%s", bg_quote(err->text));
	answers->complained = true;
}

/* Its place may be on a disk that is slow: what came of the last try is seen now or later. */
static void open_socket(struct bg_answers *answers)
{
	struct bg_socket_out *socket = &answers->daemon->state_out.socket;
	struct bg_error err = {};

	if (socket->stage == BG_SOCKET_NOWHERE && socket->rc)
		complain(answers, &socket->err);
	bg_state_out_listen(answers->daemon);
	if (socket->stage != BG_SOCKET_PLACED)
		return;
	if (serve_socket(answers, socket, &err)) {
		bg_state_out_unplace(answers->daemon);
		complain(answers, &err);
		return;
	}
	answers->complained = false;
}

struct bg_answers *bg_answers_new(struct bg_daemon *daemon, struct bg_loop *loop, bg_loop_fn *serve)
{
	struct bg_answers *answers = calloc(1, sizeof(*answers));

	if (!answers)
		return NULL;
	answers->daemon = daemon;
	answers->loop = loop;
	answers->serve = serve;
	answers->listeners = bg_listeners_new(daemon->options.pin_dir);
	if (!answers->listeners) {
		free(answers);
		return NULL;
	}
	open_socket(answers);
	return answers;
}

void bg_answers_free(struct bg_answers *answers)
{
	if (!answers)
		return;
	close_socket(answers);
	answers->daemon->state_out.socket.ends = true;
	bg_listeners_free(answers->listeners);
	free(answers->telling);
	free(answers);
}

void bg_answers_serve(struct bg_answers *answers)
{
	if (answers->socket)
		bg_socket_serve(answers->socket);
}

void bg_answers_placed(struct bg_answers *answers)
{
	if (!answers->socket && answers->daemon->state_out.socket.stage == BG_SOCKET_PLACED)
		open_socket(answers);
}

void bg_answers_tick(struct bg_answers *answers)
{
	struct bg_listener_counts counts = bg_listeners_count(answers->listeners);
	const __u64 now_ns = bg_boottime_ns();

	bg_sighting_look(&answers->lost, &(struct bg_look_at){ now_ns, now_ns, false },
			 counts.lost);
	bg_state_listeners(answers->daemon->state, counts.listeners, &answers->lost);
	bg_state_out_put(answers->daemon); /* looks whether it still is in its place */
	if (answers->daemon->state_out.socket.stage == BG_SOCKET_NOWHERE)
		close_socket(answers);
	if (!answers->socket)
		open_socket(answers);
	if (!answers->socket)
		return;
	bg_listeners_tick(answers->listeners);
	bg_socket_tick(answers->socket);
}
