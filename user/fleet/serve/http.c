// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The three pages by libmicrohttpd. cmd_serve.c starts one for each socket. A client costs a
 * place for ten seconds at most; it is sent what is known already and waits for nobody, and
 * nothing that it says is written down or sent back.
 */
#include "fleet/serve/http.h"

#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"

/* Without a byte for so long a connection ends. */
#define IDLE_S 5

struct place {
	int fd; /* -1 = free */
	double since_ms;
};

struct bg_http {
	struct MHD_Daemon *daemon;
	struct bg_asker *asker;
	pthread_mutex_t lock; /* over places: libmicrohttpd's thread, and who ticks */
	struct place places[BG_HTTP_CLIENTS];
};

static const char *const paths[BG_PAGES] = {
	[BG_PAGE_METRICS] = "/metrics",
	[BG_PAGE_HEALTHZ] = "/healthz",
	[BG_PAGE_READYZ] = "/readyz",
};

static enum MHD_Result reply(struct MHD_Connection *connection, unsigned int status,
			     enum bg_page_of of, struct MHD_Response *response)
{
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
				of == BG_PAGE_METRICS ? "text/plain; version=0.0.4; charset=utf-8"
						      : "text/plain; charset=utf-8");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned int status,
			      const char *text)
{
	return reply(connection, status, BG_PAGE_HEALTHZ,
		     MHD_create_response_from_buffer(strlen(text), (void *)text,
						     MHD_RESPMEM_PERSISTENT));
}

static enum MHD_Result serve(struct MHD_Connection *connection, struct bg_asker *asker,
			     enum bg_page_of of)
{
	struct bg_held_page *held = bg_asker_page(asker, of);
	const struct bg_page *page;
	struct MHD_Response *response;

	if (!held)
		return MHD_NO;
	page = bg_held_page(held);
	response = MHD_create_response_from_buffer_with_free_callback_cls(
		page->length_bytes, page->text, bg_held_page_free, held);
	if (!response)
		bg_held_page_free(held);
	return reply(connection, page->status, of, response);
}

/* A body, which no request here has, is not waited for: the answer ends the connection. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *body,
				  size_t *body_bytes, void **of_request)
{
	const struct bg_http *http = context;

	(void)version;
	(void)body;
	(void)body_bytes;
	(void)of_request;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
	for (int i = 0; i < BG_PAGES; i++)
		if (!strcmp(url, paths[i]))
			return serve(connection, http->asker, i);
	return refuse(connection, MHD_HTTP_NOT_FOUND, "there are /metrics, /healthz and /readyz\n");
}

/* It comes before the socket is closed, so that the number is no other's yet. */
static void on_connection(void *context, struct MHD_Connection *connection, void **of_connection,
			  enum MHD_ConnectionNotificationCode code)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	const int wanted = code == MHD_CONNECTION_NOTIFY_STARTED ? -1
			   : info				 ? info->connect_fd
								 : -1;
	struct bg_http *http = context;

	(void)of_connection;
	if (!info)
		return;
	pthread_mutex_lock(&http->lock);
	for (int i = 0; i < BG_HTTP_CLIENTS; i++) {
		struct place *place = &http->places[i];

		if (place->fd != wanted)
			continue;
		place->fd = code == MHD_CONNECTION_NOTIFY_STARTED ? info->connect_fd : -1;
		place->since_ms = bg_monotonic_ms();
		break;
	}
	pthread_mutex_unlock(&http->lock);
}

void bg_http_tick(struct bg_http *http)
{
	const double now_ms = bg_monotonic_ms();

	if (!http)
		return;
	pthread_mutex_lock(&http->lock);
	for (int i = 0; i < BG_HTTP_CLIENTS; i++) {
		const struct place *place = &http->places[i];

		/* libmicrohttpd finds it at its end, and closes it */
		if (place->fd >= 0 && now_ms >= place->since_ms + BG_HTTP_CLIENT_MS)
			shutdown(place->fd, SHUT_RDWR);
	}
	pthread_mutex_unlock(&http->lock);
}

/* Clients that break off are no news. */
static void say_nothing(void *context, const char *format, va_list args)
{
	(void)context;
	(void)format;
	(void)args;
}

int bg_http_start(int *listen_fd, bool tcp, struct bg_asker *asker, struct bg_http **out,
		  struct bg_error *err)
{
	struct bg_http *http = calloc(1, sizeof(*http));

	if (!http)
		return bg_no_memory(err, "beginning to serve HTTP");
	http->asker = asker;
	pthread_mutex_init(&http->lock, NULL);
	for (int i = 0; i < BG_HTTP_CLIENTS; i++)
		http->places[i].fd = -1;
	errno = 0;
	http->daemon = MHD_start_daemon(
		MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_ERROR_LOG, 0, NULL, NULL,
		on_request, http, MHD_OPTION_EXTERNAL_LOGGER, say_nothing, NULL,
		MHD_OPTION_LISTEN_SOCKET, *listen_fd, MHD_OPTION_NOTIFY_CONNECTION, on_connection,
		http, MHD_OPTION_CONNECTION_LIMIT, (unsigned int)BG_HTTP_CLIENTS,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT, tcp ? (unsigned int)BG_HTTP_CLIENTS_EACH : 0u,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)IDLE_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)BG_HTTP_CLIENT_BYTES,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
	if (!http->daemon) {
		pthread_mutex_destroy(&http->lock);
		free(http);
		return bg_fail(err, errno ? -errno : -EIO, "cannot begin to serve HTTP: %s",
			       errno ? strerror(errno) : "libmicrohttpd does not say why");
	}
	/* from now on it is libmicrohttpd's to close */
	*listen_fd = -1;
	*out = http;
	return 0;
}

void bg_http_stop(struct bg_http *http)
{
	if (!http)
		return;
	MHD_stop_daemon(http->daemon);
	pthread_mutex_destroy(&http->lock);
	free(http);
}
