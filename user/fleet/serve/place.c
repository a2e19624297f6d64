// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Makes the sockets at which cmd_serve.c listens. Of what stands in the way of one only a
 * socket that is left over is replaced; no name is looked up.
 */
#include "fleet/serve/place.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/ip.h"

static int no_place(const char *text, struct bg_error *err)
{
	return bg_fail(err, -EINVAL,
		       "'%.80s': expected an address and a port, as in 127.0.0.1:9469 or [::]:9469",
		       text);
}

static bool parse_port(const char *text, __u16 *port)
{
	char *end;
	unsigned long value;

	if (!*text || strspn(text, "0123456789") != strlen(text) || strlen(text) > 5)
		return false;
	value = strtoul(text, &end, 10);
	*port = (__u16)value;
	return value && value <= 65535;
}

int bg_place_parse(const char *text, struct bg_addr *addr, __u16 *port, struct bg_error *err)
{
	const bool bracketed = text[0] == '[';
	const char *colon = strrchr(text, ':');
	const char *end = bracketed ? strchr(text, ']') : colon;
	char address[BG_IP_TEXT];

	if (!colon || !end || (bracketed && end + 1 != colon) || !parse_port(colon + 1, port))
		return no_place(text, err);
	text += bracketed;
	if (end - text >= (long)sizeof(address))
		return no_place(text, err);
	snprintf(address, sizeof(address), "%.*s", (int)(end - text), text);
	/* Without brackets the last part of an IPv6 address would be taken for the port. With them
	 * it may be either, for who puts in an address that is not known beforehand. */
	if (bg_addr_parse(address, addr) || !strchr(address, ':') != bg_addr_is_v4(addr) ||
	    (!bracketed && !bg_addr_is_v4(addr)))
		return no_place(text, err);
	return 0;
}

int bg_mode_parse(const char *text, mode_t *mode, struct bg_error *err)
{
	unsigned long value;

	value = strspn(text, "01234567") == strlen(text) && strlen(text) <= 4
			? strtoul(text, NULL, 8)
			: 0;
	if ((value & 0600) != 0600 || value & ~0666ul)
		return bg_fail(err, -EINVAL,
			       "'%.20s': expected who may connect in octal, as in 0660 or 0666",
			       text);
	*mode = (mode_t)value;
	return 0;
}

static socklen_t fill(const struct bg_addr *addr, __u16 port, struct sockaddr_storage *to)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;
	struct sockaddr_in *v4 = (struct sockaddr_in *)to;

	memset(to, 0, sizeof(*to));
	if (bg_addr_is_v4(addr)) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		memcpy(&v4->sin_addr, (const char *)addr + sizeof(*addr) - sizeof(v4->sin_addr),
		       sizeof(v4->sin_addr));
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	memcpy(&v6->sin6_addr, addr, sizeof(v6->sin6_addr));
	return sizeof(*v6);
}

int bg_place_tcp(const char *text, struct bg_error *err)
{
	struct sockaddr_storage address;
	bg_auto_close int fd = -1;
	struct bg_addr addr = {};
	socklen_t length;
	const int on = 1;
	__u16 port = 0;
	int rc = bg_place_parse(text, &addr, &port, err);

	if (rc)
		return rc;
	length = fill(&addr, port, &address);
	fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* connections of the one before that still linger are no reason not to begin */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&address, length) || listen(fd, BG_LISTEN_BACKLOG))
		return bg_fail(err, -errno, "cannot listen at %s: %s", text, strerror(errno));
	return bg_take_fd(&fd);
}

static bool is_served(const struct sockaddr_un *address)
{
	bg_auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	/* EAGAIN: so many wait there already */
	return fd >= 0 && (!connect(fd, (const struct sockaddr *)address, sizeof(*address)) ||
			   errno == EAGAIN);
}

int bg_place_unix(const char *path, mode_t mode, struct bg_listening *listening,
		  struct bg_error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	bg_auto_close int fd = -1;
	const char *name = strrchr(path, '/');
	int rc;

	if (path[0] != '/' || name == path || !name[1])
		return bg_fail(err, -EINVAL,
			       "%s: expected a socket's whole path, in a folder of its own", path);
	/* ("PATH.new" is made first) */
	if (strlen(path) + sizeof(".new") > sizeof(address.sun_path))
		return bg_fail(err, -ENAMETOOLONG, "%s: expected a path of at most %zu bytes", path,
			       sizeof(address.sun_path) - sizeof(".new"));
	memcpy(address.sun_path, path, strlen(path));
	if (is_served(&address))
		return bg_fail(err, -EADDRINUSE,
			       "cannot listen at %s: another process does; end that first", path);
	fd = bg_listen_socket(err);
	if (fd < 0)
		return fd;
	rc = bg_listen_at(path, -1, mode, fd, listening, err);
	return rc ? rc : bg_take_fd(&fd);
}
