// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * One connection to the daemon's socket, for the verbs. It reads lines and does not look
 * into them, and never waits longer than it is told.
 */
#include "socket/client.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "base/grow.h"
#include "base/in_time.h"

/* How long a daemon that lives may take to accept a connection: less than BG_IN_TIME_MS. */
#define CONNECT_S 4
/* No answer has longer lines. */
#define MOST_BYTES (16u << 20)
#define PIECE_BYTES (64u << 10)

struct bg_client {
	int fd;
	char *bytes;
	size_t room, used, taken; /* of these the caller has had */
	size_t searched;	  /* up to here there is no newline */
};

static int open_error(const char *path, int code, struct bg_error *err)
{
	switch (code) {
	case -ENOENT:
	case -ENOTDIR:
	case -ECONNREFUSED:
		return bg_fail(err, -ENOENT, "no daemon listens at %s", path);
	case -EACCES:
	case -EPERM:
		return bg_fail(err, -EACCES,
			       "the daemon's socket %s is for root and for its group: join that, "
			       "or run as root",
			       path);
	case -EAGAIN:
		return bg_fail(err, -ETIMEDOUT,
			       "the daemon that listens at %s accepted no connection for %d s: is "
			       "it stopped?",
			       path, CONNECT_S);
	default:
		return bg_fail(err, code, "cannot connect to the daemon at %s: %s", path,
			       strerror(-code));
	}
}

static int ask(int fd, const char *path, const char *request)
{
	const struct timeval limit = { .tv_sec = CONNECT_S };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = strlen(request);

	if (snprintf(address.sun_path, sizeof(address.sun_path), "%s", path) >=
	    (int)sizeof(address.sun_path))
		return -ENAMETOOLONG;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	/* it is shorter than any socket's buffer, and goes whole */
	if (send(fd, request, length, MSG_NOSIGNAL) < 0 || send(fd, "\n", 1, MSG_NOSIGNAL) < 0)
		return errno == EPIPE ? -ECONNREFUSED : -errno;
	return 0;
}

struct asking {
	const char *path, *request;
};

static int connect_and_ask(void *context, int *fd, struct bg_error *err)
{
	const struct asking *asking = context;
	bg_auto_close int socket_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int rc;

	if (socket_fd < 0)
		return bg_fail(err, -errno, "cannot make a socket: %s", strerror(errno));
	rc = ask(socket_fd, asking->path, asking->request);
	if (rc)
		return open_error(asking->path, rc, err);
	*fd = bg_take_fd(&socket_fd);
	return 0;
}

static int open_client(const char *path, const char *request, bool in_time, struct bg_client **out,
		       struct bg_error *err)
{
	bg_cleanup(bg_client_close_at) struct bg_client *client = calloc(1, sizeof(*client));
	struct asking asking = { path, request };
	int rc;

	if (!client)
		return bg_no_memory(err, "connecting to %s", path);
	client->fd = -1;
	rc = in_time ? bg_in_time(path, BG_IN_TIME_MS, connect_and_ask, &asking, &client->fd, err)
		     : connect_and_ask(&asking, &client->fd, err);
	if (rc)
		return rc;
	*out = bg_take_ptr(client);
	return 0;
}

int bg_client_open(const char *path, const char *request, struct bg_client **client,
		   struct bg_error *err)
{
	return open_client(path, request, true, client, err);
}

int bg_client_open_here(const char *path, const char *request, struct bg_client **client,
			struct bg_error *err)
{
	return open_client(path, request, false, client, err);
}

void bg_client_close(struct bg_client *client)
{
	if (!client)
		return;
	if (client->fd >= 0)
		close(client->fd);
	free(client->bytes);
	free(client);
}

static char *find_newline(const struct bg_client *client)
{
	if (client->searched == client->used)
		return NULL;
	return memchr(client->bytes + client->searched, '\n', client->used - client->searched);
}

bool bg_client_has_line(const struct bg_client *client)
{
	return find_newline(client);
}

/* Room for another piece behind what the caller has not had yet. */
static int make_room(struct bg_client *client)
{
	size_t left = client->used - client->taken;

	if (client->taken) {
		memmove(client->bytes, client->bytes + client->taken, left);
		client->searched -= client->taken;
		client->used = left;
		client->taken = 0;
	}
	if (client->used >= MOST_BYTES)
		return -EMSGSIZE;
	return BG_RESERVE(client->bytes, client->room, client->used + PIECE_BYTES);
}

/* 1: something came; 0: nothing yet. */
static int read_more(struct bg_client *client, int wait_ms, struct bg_error *err)
{
	struct pollfd poll_fd = { .fd = client->fd, .events = POLLIN };
	int rc = make_room(client);
	ssize_t length;

	if (rc)
		return bg_fail(err, rc, "reading what the daemon says: %s", strerror(-rc));
	rc = poll(&poll_fd, 1, wait_ms);
	if (!rc || (rc < 0 && errno == EINTR))
		return 0;
	length = recv(client->fd, client->bytes + client->used, client->room - client->used,
		      MSG_DONTWAIT);
	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (length <= 0)
		return bg_fail(err, -EPIPE, "the daemon has closed the connection");
	client->used += length;
	return 1;
}

int bg_client_line(struct bg_client *client, int wait_ms, char **line, struct bg_error *err)
{
	char *newline = find_newline(client);

	if (!newline) {
		int rc;

		client->searched = client->used;
		rc = read_more(client, wait_ms, err);
		if (rc <= 0)
			return rc;
		newline = find_newline(client);
	}
	if (!newline) {
		client->searched = client->used;
		return 0;
	}
	*newline = '\0';
	*line = client->bytes + client->taken;
	client->taken = client->searched = newline + 1 - client->bytes;
	return 1;
}
