// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * branchguard-fleet serve: metrics and probes of a node by HTTP, from what the daemon tells by
 * its socket. It needs no capability and no pins, and what its clients do reaches no daemon.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "fleet/fleet.h"
#include "fleet/serve/http.h"
#include "fleet/serve/place.h"
#include "pinned/state_file.h"
#include "verbs/cli.h"
#include "verbs/version.h"

#define DEFAULT_SOCKET "/run/branchguard-fleet/serve.sock"
#define TICK_MS 1000

struct serving {
	const char *socket, *tcp, *mode, *daemon;
	mode_t socket_mode;
	int signal_fd;
	struct bg_listening listening;
	bool listens; /* at `socket` */
	struct bg_asker *asker;
	struct bg_http *by_socket, *by_tcp;
};

static void release(struct serving *serving)
{
	if (serving->listens)
		bg_listen_end(serving->socket, &serving->listening);
	bg_http_stop(serving->by_tcp);
	bg_http_stop(serving->by_socket);
	bg_asker_stop(serving->asker);
	if (serving->signal_fd >= 0)
		close(serving->signal_fd);
}

/* All threads that come later are as deaf to them, and the descriptor is not. */
static int catch_signals(struct serving *serving, struct bg_error *err)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	if (pthread_sigmask(SIG_BLOCK, &signals, NULL))
		return bg_fail(err, -EINVAL, "cannot block signals");
	serving->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
	return serving->signal_fd < 0 ? bg_fail(err, -errno, "signalfd: %s", strerror(errno)) : 0;
}

static int listen_at_socket(struct serving *serving, struct bg_error *err)
{
	bg_auto_close int fd =
		bg_place_unix(serving->socket, serving->socket_mode, &serving->listening, err);

	if (fd < 0)
		return fd;
	serving->listens = true;
	return bg_http_start(&fd, false, serving->asker, &serving->by_socket, err);
}

static int listen_at_tcp(struct serving *serving, struct bg_error *err)
{
	bg_auto_close int fd = -1;

	if (!serving->tcp)
		return 0;
	fd = bg_place_tcp(serving->tcp, err);
	return fd < 0 ? fd : bg_http_start(&fd, true, serving->asker, &serving->by_tcp, err);
}

static int serve(struct serving *serving, struct bg_error *err)
{
	struct pollfd signal = { .events = POLLIN };
	int rc = catch_signals(serving, err) ?:
		 bg_asker_start(serving->daemon, bg_version, bg_commit, &serving->asker, err) ?:
		 listen_at_socket(serving, err) ?:
		 listen_at_tcp(serving, err);

	if (rc)
		return rc;
	bg_log(BG_LOG_INFO, "serves", "socket=%s tcp=%s daemon=%s", bg_quote(serving->socket),
	       bg_quote(serving->tcp ? serving->tcp : ""), bg_quote(serving->daemon));
	signal.fd = serving->signal_fd;
	while (poll(&signal, 1, TICK_MS) <= 0) {
		bg_http_tick(serving->by_socket);
		bg_http_tick(serving->by_tcp);
	}
	return 0;
}

int cmd_serve(int argc, char **argv)
{
	bg_cleanup(release) struct serving serving = { .socket = DEFAULT_SOCKET,
						       .mode = "0660",
						       .signal_fd = -1 };
	char daemon[BG_STATE_PATH_BYTES];
	const struct bg_option options[] = {
		{ .name = "socket",
		  .type = BG_OPTION_FILE,
		  .value = &serving.socket,
		  .argument = "PATH",
		  .help = "the unix socket to serve at (default " DEFAULT_SOCKET ")" },
		{ .name = "mode",
		  .type = BG_OPTION_STRING,
		  .value = &serving.mode,
		  .argument = "MODE",
		  .help = "who may connect to it, in octal: its owner and the group of its folder, or "
			  "everybody (default 0660)" },
		{ .name = "listen",
		  .type = BG_OPTION_STRING,
		  .value = &serving.tcp,
		  .argument = "ADDRESS:PORT",
		  .help = "serve by TCP, too: 127.0.0.1:9469, [::1]:9469; whoever reaches it is "
			  "answered" },
		{ .name = "daemon",
		  .type = BG_OPTION_FILE,
		  .value = &serving.daemon,
		  .argument = "PATH",
		  .help = "the daemon's socket in /run/branchguard (default: that of a daemon with "
			  "the default --pin-dir)" },
		{}
	};
	const struct bg_command command = {
		.verb = "serve",
		.about =
			"Serves /metrics, /healthz and /readyz of this node by HTTP, from what the "
			"daemon tells by its socket, for which it takes to be in the daemon's group "
			"(run --group) and nothing else. A daemon that is silent for 5 s is told as "
			"unknown: branchguard_up is 0, and both probes answer 503.",
		.options = options,
	};
	int status;
	struct bg_error err;

	bg_socket_path(BG_DEFAULT_PIN_DIR, daemon);
	serving.daemon = daemon;
	status = bg_cli(&command, argc, argv);
	if (status >= 0)
		return status;
	if (bg_mode_parse(serving.mode, &serving.socket_mode, &err)) {
		bg_fail_in(&err, -EINVAL, "--mode");
		return bg_cli_misused("serve", &err);
	}
	if (serve(&serving, &err))
		return bg_cli_failed("serve", &err);
	return BG_EXIT_DONE;
}
