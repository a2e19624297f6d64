// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A client of HTTP that lives in a loop of somebody else: libcurl's sockets and its timer stand
 * in one epoll descriptor, which the loop watches. Who follows a server calls it; it
 * blocks nowhere but for files and, where libcurl has no resolver of its own thread, DNS.
 */
#include "fleet/web/web.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "fleet/web/transfer.h"

#define EVENTS 16

struct bg_web {
	CURLM *multi;
	int epoll_fd, timer_fd;
	char *ca_file, *certificate_file, *key_file, *token_file;
	struct bg_web_identity identity; /* points to these */
	struct bg_web_transfer *first;
};

/* --- what libcurl waits for --- */

/* CURLMOPT_SOCKETFUNCTION */
static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *unused)
{
	const struct bg_web *web = context;
	struct epoll_event event = {
		.events = ((what & CURL_POLL_IN) ? EPOLLIN : 0u) |
			  ((what & CURL_POLL_OUT) ? EPOLLOUT : 0u),
		.data.fd = fd,
	};

	(void)easy;
	(void)unused;
	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(web->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	return epoll_ctl(web->epoll_fd, EPOLL_CTL_MOD, fd, &event) &&
			       epoll_ctl(web->epoll_fd, EPOLL_CTL_ADD, fd, &event)
		       ? -1
		       : 0;
}

/* CURLMOPT_TIMERFUNCTION */
static int set_timer(CURLM *multi, long timeout_ms, void *context)
{
	const struct bg_web *web = context;
	struct itimerspec at = {};

	(void)multi;
	if (timeout_ms >= 0) {
		at.it_value.tv_sec = timeout_ms / 1000;
		/* (0 would be never) */
		at.it_value.tv_nsec = timeout_ms % 1000 * 1000000 + 1;
	}
	return timerfd_settime(web->timer_fd, 0, &at, NULL) ? -1 : 0;
}

/* --- the client --- */

static int copy_identity(struct bg_web *web, const struct bg_web_identity *identity)
{
	const struct {
		const char *from;
		char **to;
		const char **said;
	} files[] = {
		{ identity->ca_file, &web->ca_file, &web->identity.ca_file },
		{ identity->certificate_file, &web->certificate_file,
		  &web->identity.certificate_file },
		{ identity->key_file, &web->key_file, &web->identity.key_file },
		{ identity->token_file, &web->token_file, &web->identity.token_file },
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (!files[i].from)
			continue;
		*files[i].to = strdup(files[i].from);
		if (!*files[i].to)
			return -ENOMEM;
		*files[i].said = *files[i].to;
	}
	return 0;
}

static int open_fds(struct bg_web *web, struct bg_error *err)
{
	struct epoll_event event = { .events = EPOLLIN };

	web->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	web->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	event.data.fd = web->timer_fd;
	return web->epoll_fd < 0 || web->timer_fd < 0 ||
			       epoll_ctl(web->epoll_fd, EPOLL_CTL_ADD, web->timer_fd, &event)
		       ? bg_fail(err, -errno, "HTTP: epoll: %s", strerror(errno))
		       : 0;
}

int bg_web_open(const struct bg_web_identity *identity, struct bg_web **web, struct bg_error *err)
{
	bg_cleanup(bg_web_close_at) struct bg_web *made = calloc(1, sizeof(*made));
	int rc;

	if (!made)
		return bg_no_memory(err, "HTTP");
	made->epoll_fd = made->timer_fd = -1;
	rc = open_fds(made, err);
	if (rc)
		return rc;
	if (copy_identity(made, identity) || curl_global_init(CURL_GLOBAL_DEFAULT) ||
	    !(made->multi = curl_multi_init()))
		return bg_no_memory(err, "HTTP");
	curl_multi_setopt(made->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(made->multi, CURLMOPT_SOCKETDATA, made);
	curl_multi_setopt(made->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(made->multi, CURLMOPT_TIMERDATA, made);
	*web = bg_take_ptr(made);
	return 0;
}

void bg_web_close(struct bg_web *web)
{
	while (web->first)
		bg_web_cancel(web->first);
	if (web->multi)
		curl_multi_cleanup(web->multi);
	if (web->epoll_fd >= 0)
		close(web->epoll_fd);
	if (web->timer_fd >= 0)
		close(web->timer_fd);
	free(web->ca_file);
	free(web->certificate_file);
	free(web->key_file);
	free(web->token_file);
	free(web);
}

int bg_web_fd(const struct bg_web *web)
{
	return web->epoll_fd;
}

/* --- requests --- */

static void unlink_transfer(struct bg_web_transfer *transfer)
{
	*transfer->at = transfer->next;
	if (transfer->next)
		transfer->next->at = transfer->at;
}

int bg_web_start(struct bg_web *web, const struct bg_web_request *request,
		 struct bg_web_transfer **transfer, struct bg_error *err)
{
	bg_cleanup(bg_transfer_free_at) struct bg_web_transfer *made = NULL;
	int rc = bg_transfer_new(&web->identity, request, &made, err);
	CURLMcode code;

	if (rc)
		return rc;
	code = curl_multi_add_handle(web->multi, made->easy);
	if (code)
		return bg_fail(err, code == CURLM_OUT_OF_MEMORY ? -ENOMEM : -EPROTO,
			       "%.400s: libcurl: %s", made->url, curl_multi_strerror(code));
	made->web = web;
	made->next = web->first;
	if (made->next)
		made->next->at = &made->next;
	made->at = &web->first;
	web->first = made;
	if (transfer)
		*transfer = made;
	made = NULL;
	return 0;
}

void bg_web_cancel(struct bg_web_transfer *transfer)
{
	curl_multi_remove_handle(transfer->web->multi, transfer->easy);
	unlink_transfer(transfer);
	bg_transfer_free(transfer);
}

/* What has ended, one by one: who is told may cancel others. */
static void tell_ends(struct bg_web *web)
{
	const CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(web->multi, &left))) {
		bg_cleanup(bg_transfer_free_at) struct bg_web_transfer *transfer = NULL;
		const CURLcode code = message->data.result;

		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
		curl_multi_remove_handle(web->multi, transfer->easy);
		unlink_transfer(transfer);
		bg_transfer_tell(transfer, code);
	}
}

static void step_for(struct bg_web *web, const struct epoll_event *event)
{
	int running, what = 0;
	uint64_t times;

	if (event->data.fd == web->timer_fd) {
		/* what it says does not matter, only that it is not due any more */
		if (read(web->timer_fd, &times, sizeof(times)) == sizeof(times))
			curl_multi_socket_action(web->multi, CURL_SOCKET_TIMEOUT, 0, &running);
		return;
	}
	if (event->events & EPOLLIN)
		what |= CURL_CSELECT_IN;
	if (event->events & EPOLLOUT)
		what |= CURL_CSELECT_OUT;
	if (event->events & (EPOLLERR | EPOLLHUP))
		what |= CURL_CSELECT_ERR;
	curl_multi_socket_action(web->multi, event->data.fd, what, &running);
}

void bg_web_step(struct bg_web *web)
{
	struct epoll_event events[EVENTS];
	int count = epoll_wait(web->epoll_fd, events, EVENTS, 0);

	for (int i = 0; i < count; i++)
		step_for(web, &events[i]);
	tell_ends(web);
}
