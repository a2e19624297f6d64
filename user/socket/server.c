// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Places for clients, each with a request that comes and answers that go. The daemon's
 * loop calls it while its descriptor can be read; it never waits for a client, and
 * closes who does not keep to the protocol.
 */
#include "socket/server.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "socket/line_queue.h"
#include "socket/listen.h"
#include "socket/request.h"

/* A request must come within this time, and an answer be read within that. */
#define ASK_MS 5000
#define READ_MS 30000
/* Answers that a client has not read yet. */
#define QUEUE_BYTES (512u << 10)
/* What bg_socket_serve() does at most before others get their turn. */
#define EVENTS_A_TURN 8
#define ACCEPTS_A_TURN 4

enum { LISTENING = BG_SOCKET_CLIENTS, WATCHED };

enum phase { FREE, ASKING, LAST_WORDS, MORE };

struct bg_socket_client {
	struct bg_socket *socket;
	int fd;
	enum phase phase;
	double since_ms; /* in this phase */
	bool writes;	 /* epoll says when more can be written */
	const struct bg_socket_method *method;
	struct bg_request request;
	struct bg_line_queue queue;
};

struct bg_socket {
	int listen_fd;
	int epoll_fd;
	bool deaf; /* until the next tick: there were no descriptors left */
	const struct bg_socket_method *methods;
	void *context;
	int watched_fd; /* -1 = none */
	void (*watched)(void *context);
	void *watched_context;
	struct bg_socket_client clients[BG_SOCKET_CLIENTS];
};

static int epoll(struct bg_socket *socket, int operation, int fd, __u32 events, __u32 who)
{
	struct epoll_event event = { .events = events, .data.u32 = who };

	return epoll_ctl(socket->epoll_fd, operation, fd, &event) ? -errno : 0;
}

static __u32 number_of(const struct bg_socket_client *client)
{
	return client - client->socket->clients;
}

static void enter(struct bg_socket_client *client, enum phase phase)
{
	client->phase = phase;
	client->since_ms = bg_monotonic_ms();
}

static void end(struct bg_socket_client *client)
{
	enum phase phase = client->phase;

	/* first, so that nothing more is said to it */
	client->phase = FREE;
	if (phase == MORE && client->method->gone)
		client->method->gone(client, client->socket->context);
	close(client->fd);
	bg_line_queue_free(&client->queue);
	client->fd = -1;
}

/* What of it can be sent now is sent. */
static void send_queue(struct bg_socket_client *client)
{
	const char *bytes;
	size_t length;

	while ((bytes = bg_line_queue_next(&client->queue, &length))) {
		ssize_t sent = send(client->fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno != EAGAIN) {
			end(client);
			return;
		}
		if (sent < 0)
			break;
		bg_line_queue_taken(&client->queue, sent);
	}
	if (!bytes && client->phase == LAST_WORDS) {
		end(client);
		return;
	}
	if (!!bytes == client->writes)
		return;
	client->writes = bytes;
	if (epoll(client->socket, EPOLL_CTL_MOD, client->fd, bytes ? EPOLLOUT : 0,
		  number_of(client)))
		end(client);
}

static void send_queues(struct bg_socket *socket)
{
	for (int i = 0; i < BG_SOCKET_CLIENTS; i++) {
		struct bg_socket_client *client = &socket->clients[i];

		if ((client->phase == LAST_WORDS || client->phase == MORE) && !client->writes)
			send_queue(client);
	}
}

static void say_error(struct bg_socket_client *client, int code, const struct bg_error *err)
{
	json_t *json = json_pack("{s:s, s:b}", "error", err->text, "busy", code == -EBUSY);
	char *line;

	if (!json) /* it quotes something that is not UTF-8 */
		json = json_pack("{s:s, s:b}", "error", "the request cannot be answered", "busy",
				 0);
	line = json ? json_dumps(json, JSON_COMPACT) : NULL;
	if (line)
		bg_socket_say(client, line, strlen(line));
	free(line);
	json_decref(json);
}

static const struct bg_socket_method *find_method(const struct bg_socket *socket, const char *name,
						  struct bg_error *err)
{
	const struct bg_socket_method *method;
	char names[256] = "";
	size_t used = 0;

	for (method = socket->methods; method->name; method++) {
		if (!strcmp(method->name, name))
			return method;
		if (used < sizeof(names))
			used += snprintf(names + used, sizeof(names) - used, "%s%s",
					 used ? ", " : "", method->name);
	}
	bg_fail(err, -EINVAL, "method '%.40s': expected one of %s", name, names);
	return NULL;
}

static int answer(struct bg_socket_client *client, struct bg_error *err)
{
	const char *name = NULL;
	json_t *request = bg_request_parse(&client->request, &name, err);
	int rc = -EINVAL;

	if (!request)
		return rc;
	client->method = find_method(client->socket, name, err);
	if (client->method)
		rc = client->method->ask(client, request, client->socket->context, err);
	json_decref(request);
	return rc;
}

/* Nothing is read from it any more; it hears what is said to it. */
static void take_request(struct bg_socket_client *client, struct bg_error *refused)
{
	struct bg_error err = {};
	int rc;

	if (epoll(client->socket, EPOLL_CTL_MOD, client->fd, 0, number_of(client))) {
		end(client);
		return;
	}
	enter(client, LAST_WORDS);
	if (refused) {
		say_error(client, -EINVAL, refused);
		return;
	}
	rc = answer(client, &err);
	if (rc < 0)
		say_error(client, rc, &err);
	else if (rc)
		enter(client, MORE);
}

static void read_request(struct bg_socket_client *client)
{
	struct bg_error err = {};
	char bytes[1024];
	ssize_t length = recv(client->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	int rc;

	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (length <= 0) {
		end(client);
		return;
	}
	rc = bg_request_add(&client->request, bytes, length, &err);
	if (rc)
		take_request(client, rc < 0 ? &err : NULL);
}

static void on_client(struct bg_socket_client *client, __u32 events)
{
	if (client->phase == ASKING && events & EPOLLIN)
		read_request(client);
	else if (events & (EPOLLHUP | EPOLLERR))
		end(client);
	else if (events & EPOLLOUT)
		send_queue(client);
}

/* Others leave some places to root, who looks after a node that somebody else listens to. */
static struct bg_socket_client *free_place(struct bg_socket *socket, int fd)
{
	struct ucred peer = { .uid = -1 };
	socklen_t length = sizeof(peer);
	struct bg_socket_client *place = NULL;
	int left = 0;

	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length);
	for (int i = 0; i < BG_SOCKET_CLIENTS; i++) {
		if (socket->clients[i].phase != FREE)
			continue;
		place = &socket->clients[i];
		left++;
	}
	return peer.uid && left <= BG_SOCKET_ROOT_CLIENTS ? NULL : place;
}

static void accept_client(struct bg_socket *socket, int fd)
{
	static const char full[] =
		"{\"error\":\"there is no place for another client: end one\",\"busy\":true}\n";
	struct bg_socket_client *client = free_place(socket, fd);

	if (!client) {
		send(fd, full, sizeof(full) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		close(fd);
		return;
	}
	client->socket = socket;
	client->fd = fd;
	client->writes = false;
	client->request.length_bytes = 0;
	bg_line_queue_init(&client->queue, QUEUE_BYTES);
	enter(client, ASKING);
	if (epoll(socket, EPOLL_CTL_ADD, fd, EPOLLIN, number_of(client)))
		end(client);
}

static void accept_some(struct bg_socket *socket)
{
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		int fd = accept4(socket->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			accept_client(socket, fd);
			continue;
		}
		/* who is not accepted would be reported again at once */
		if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
			socket->deaf =
				!epoll(socket, EPOLL_CTL_MOD, socket->listen_fd, 0, LISTENING);
		return;
	}
}

void bg_socket_serve(struct bg_socket *socket)
{
	struct epoll_event events[EVENTS_A_TURN];
	int count = epoll_wait(socket->epoll_fd, events, EVENTS_A_TURN, 0);
	bool knocked = false;

	for (int i = 0; i < count; i++) {
		__u32 who = events[i].data.u32;

		if (who == LISTENING)
			knocked = true;
		else if (who == WATCHED && socket->watched_fd >= 0)
			socket->watched(socket->watched_context);
		else if (who < BG_SOCKET_CLIENTS && socket->clients[who].phase != FREE)
			on_client(&socket->clients[who], events[i].events);
	}
	/* last: a place that has just become free has no event left in this turn */
	if (knocked)
		accept_some(socket);
	send_queues(socket);
}

void bg_socket_tick(struct bg_socket *socket)
{
	double now_ms = bg_monotonic_ms();

	for (int i = 0; i < BG_SOCKET_CLIENTS; i++) {
		struct bg_socket_client *client = &socket->clients[i];
		double age_ms = now_ms - client->since_ms;

		if ((client->phase == ASKING && age_ms >= ASK_MS) ||
		    (client->phase == LAST_WORDS && age_ms >= READ_MS))
			end(client);
	}
	if (socket->deaf && !epoll(socket, EPOLL_CTL_MOD, socket->listen_fd, EPOLLIN, LISTENING))
		socket->deaf = false;
	send_queues(socket);
}

int bg_socket_open(int *listen_fd, const struct bg_socket_method *methods, void *context,
		   struct bg_socket **out, struct bg_error *err)
{
	bg_cleanup(bg_socket_close_at) struct bg_socket *socket = calloc(1, sizeof(*socket));
	int rc;

	if (!socket)
		return bg_no_memory(err, "listening");
	socket->listen_fd = socket->epoll_fd = socket->watched_fd = -1;
	socket->methods = methods;
	socket->context = context;
	/* once more: clients are told that it is this process that listens */
	if (listen(*listen_fd, BG_LISTEN_BACKLOG))
		return bg_fail(err, -errno, "listening: %s", strerror(errno));
	socket->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	rc = socket->epoll_fd < 0 ? -errno
				  : epoll(socket, EPOLL_CTL_ADD, *listen_fd, EPOLLIN, LISTENING);
	if (rc)
		return bg_fail(err, rc, "listening: epoll: %s", strerror(-rc));
	socket->listen_fd = bg_take_fd(listen_fd);
	*out = bg_take_ptr(socket);
	return 0;
}

void bg_socket_close(struct bg_socket *socket)
{
	if (!socket)
		return;
	for (int i = 0; i < BG_SOCKET_CLIENTS; i++) {
		if (socket->clients[i].phase != FREE)
			end(&socket->clients[i]);
	}
	if (socket->epoll_fd >= 0)
		close(socket->epoll_fd);
	if (socket->listen_fd >= 0)
		close(socket->listen_fd);
	free(socket);
}

int bg_socket_fd(const struct bg_socket *socket)
{
	return socket->epoll_fd;
}

int bg_socket_watch(struct bg_socket *socket, int fd, void (*run)(void *context), void *context,
		    struct bg_error *err)
{
	int rc = epoll(socket, EPOLL_CTL_ADD, fd, EPOLLIN, WATCHED);

	if (rc)
		return bg_fail(err, rc, "epoll: %s", strerror(-rc));
	socket->watched_fd = fd;
	socket->watched = run;
	socket->watched_context = context;
	return 0;
}

void bg_socket_unwatch(struct bg_socket *socket)
{
	if (socket->watched_fd >= 0)
		epoll(socket, EPOLL_CTL_DEL, socket->watched_fd, 0, WATCHED);
	socket->watched_fd = -1;
}

int bg_socket_say(struct bg_socket_client *client, const char *line, size_t length_bytes)
{
	return bg_line_queue_put(&client->queue, line, length_bytes);
}

int bg_socket_say_whole(struct bg_socket_client *client, const char *line, size_t length_bytes)
{
	bg_line_queue_free(&client->queue);
	bg_line_queue_init(&client->queue, length_bytes + 2);
	return bg_socket_say(client, line, length_bytes);
}

size_t bg_socket_left_bytes(const struct bg_socket_client *client)
{
	return bg_line_queue_left_bytes(&client->queue);
}

size_t bg_socket_room_bytes(const struct bg_socket_client *client)
{
	return client->queue.room_bytes;
}
