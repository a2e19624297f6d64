// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Echoes what comes by TCP and by UDP, in both families or on one address:
 *	tool_echo PORT [ADDRESS]
 * (socat's UDP6-RECVFROM with fork loses datagrams when many come at once.)
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_BYTES 65536

static char buffer[BUFFER_BYTES];

static void die(const char *what)
{
	fprintf(stderr, "tool_echo: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int listen_at(const struct sockaddr *at, socklen_t length, int type)
{
	int fd = socket(at->sa_family, type, 0), off = 0, on = 1;

	if (fd < 0)
		die("socket");
	if (at->sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, at, length))
		die("bind");
	if (type == SOCK_STREAM && listen(fd, SOMAXCONN))
		die("listen");
	return fd;
}

/* A process for each connection: one that does not read holds up no other. */
static void echo_stream(int listener)
{
	int fd = accept(listener, NULL, NULL);
	ssize_t bytes;

	if (fd < 0)
		return;
	if (fork() == 0) {
		while ((bytes = read(fd, buffer, sizeof(buffer))) > 0)
			for (ssize_t done = 0, n; done < bytes; done += n) {
				n = write(fd, buffer + done, (size_t)(bytes - done));
				if (n < 0)
					_exit(1);
			}
		_exit(0);
	}
	close(fd);
}

static void echo_datagram(int fd)
{
	struct sockaddr_storage from;
	socklen_t length = sizeof(from);
	ssize_t bytes = recvfrom(fd, buffer, sizeof(buffer), 0, (struct sockaddr *)&from, &length);

	/* an error here is one that an ICMP message brought */
	if (bytes >= 0)
		sendto(fd, buffer, (size_t)bytes, 0, (struct sockaddr *)&from, length);
}

int main(int argc, char **argv)
{
	const char *address = argc > 2 ? argv[2] : "::";
	struct sockaddr_in6 at6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in at4 = { .sin_family = AF_INET };
	const struct sockaddr *at = (const struct sockaddr *)&at6;
	socklen_t length = sizeof(at6);
	struct pollfd sockets[2];

	if (argc < 2) {
		fprintf(stderr, "usage: tool_echo PORT [ADDRESS]\n");
		return 2;
	}
	at4.sin_port = at6.sin6_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
	if (inet_pton(AF_INET, address, &at4.sin_addr) == 1) {
		at = (const struct sockaddr *)&at4;
		length = sizeof(at4);
	} else if (inet_pton(AF_INET6, address, &at6.sin6_addr) != 1) {
		fprintf(stderr, "tool_echo: '%s' is no address\n", address);
		return 2;
	}
	signal(SIGCHLD, SIG_IGN);
	sockets[0] = (struct pollfd){ listen_at(at, length, SOCK_STREAM), POLLIN, 0 };
	sockets[1] = (struct pollfd){ listen_at(at, length, SOCK_DGRAM), POLLIN, 0 };
	while (poll(sockets, 2, -1) > 0 || errno == EINTR) {
		if (sockets[0].revents)
			echo_stream(sockets[0].fd);
		if (sockets[1].revents)
			echo_datagram(sockets[1].fd);
	}
	die("poll");
}
