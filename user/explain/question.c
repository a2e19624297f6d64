// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Checks a question, and writes it as text; query.c reads one from JSON, frame.c makes the
 * packet. `explain` and all parts of it call it; whether the branch exists is not known here.
 */
#include "explain/question.h"

#include <errno.h>
#include <stdio.h>

#include "base/ip.h"
#include "base/names.h"
#include "protocol.h"

const struct bg_question_words bg_question_keys = {
	.branch = "Branch",
	.remote = "Remote",
	.local = "Local",
	.protocol = "Protocol",
	.port = "Port",
	.icmp_type = "IcmpType",
	.icmp_code = "IcmpCode",
};

const struct bg_question_words bg_question_options = {
	.branch = "--branch",
	.remote = "--remote",
	.local = "--local",
	.protocol = "--protocol",
	.port = "--port",
	.icmp_type = "--icmp-type",
	.icmp_code = "--icmp-code",
};

int bg_question_check_service(const struct bg_question *question,
			      const struct bg_question_words *words, struct bg_error *err)
{
	bool ports = bg_has_ports(question->protocol), icmp = bg_is_icmp(question->protocol);
	char protocol[BG_PROTOCOL_TEXT];

	bg_protocol_format(question->protocol, protocol);
	if (!ports && question->port >= 0)
		return bg_fail(err, -EINVAL,
			       "%s with %s %s: expected none, only tcp and udp are judged by ports",
			       words->port, words->protocol, protocol);
	if (!icmp && (question->icmp_type >= 0 || question->has_icmp_code))
		return bg_fail(err, -EINVAL,
			       "%s with %s %s: expected none, only icmp and icmpv6 have it",
			       question->icmp_type >= 0 ? words->icmp_type : words->icmp_code,
			       words->protocol, protocol);
	if (ports && question->port < 0)
		return bg_fail(err, -EINVAL, "%s is missing: tcp and udp need the destination port",
			       words->port);
	if (icmp && question->icmp_type < 0)
		return bg_fail(err, -EINVAL,
			       "%s is missing: icmp and icmpv6 need it (echo request is 8 and 128)",
			       words->icmp_type);
	return 0;
}

/* Does the protocol exist in the family of the addresses? */
static int check_family(const struct bg_question *question, const struct bg_question_words *words,
			struct bg_error *err)
{
	bool v4 = bg_addr_is_v4(&question->remote);
	char ip[BG_IP_TEXT];

	bg_addr_format(&question->remote, ip);
	switch (question->protocol) {
	case IPPROTO_ICMP:
		if (v4)
			return 0;
		return bg_fail(err, -EINVAL,
			       "%s icmp is of IPv4, and %s is an IPv6 address: ask for icmpv6 "
			       "(echo request is type 128)",
			       words->protocol, ip);
	case IPPROTO_ICMPV6:
		if (!v4)
			return 0;
		return bg_fail(err, -EINVAL,
			       "%s icmpv6 is of IPv6, and %s is an IPv4 address: ask for icmp "
			       "(echo request is type 8)",
			       words->protocol, ip);
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_FRAGMENT:
	case IPPROTO_AH:
	case IPPROTO_DSTOPTS:
		if (v4)
			return 0;
		return bg_fail(err, -EINVAL,
			       "%s %d is an extension header in IPv6: ask for the protocol "
			       "behind it",
			       words->protocol, question->protocol);
	default:
		return 0;
	}
}

int bg_question_check(const struct bg_question *question, const struct bg_question_words *words,
		      struct bg_error *err)
{
	int rc = bg_question_check_service(question, words, err);

	if (rc)
		return rc;
	if (question->has_local &&
	    bg_addr_is_v4(&question->local) != bg_addr_is_v4(&question->remote))
		return bg_fail(err, -EINVAL, "%s and %s are addresses of different families",
			       words->local, words->remote);
	return check_family(question, words, err);
}

static void format_end(const struct bg_addr *addr, int port, char *text, size_t size)
{
	char ip[BG_IP_TEXT];

	bg_addr_format(addr, ip);
	if (port < 0)
		snprintf(text, size, "%s", ip);
	else
		snprintf(text, size, bg_addr_is_v4(addr) ? "%s:%d" : "[%s]:%d", ip, port);
}

const char *bg_question_format(const struct bg_question *question, char *text)
{
	bool ports = bg_has_ports(question->protocol);
	bool ingress = question->direction == BG_INGRESS;
	char from[BG_IP_TEXT + 8], to[BG_IP_TEXT + 8], protocol[BG_PROTOCOL_TEXT];
	int length;

	format_end(ingress ? &question->remote : &question->local,
		   ports ? BG_QUESTION_CLIENT_PORT : -1, from, sizeof(from));
	format_end(ingress ? &question->local : &question->remote, ports ? question->port : -1, to,
		   sizeof(to));
	bg_protocol_format(question->protocol, protocol);
	length = snprintf(text, BG_QUESTION_TEXT, "%s %s -> %s", protocol, from, to);
	if (bg_is_icmp(question->protocol))
		snprintf(text + length, BG_QUESTION_TEXT - length, " type %d code %d",
			 question->icmp_type, question->icmp_code);
	return text;
}

const char *bg_question_service(const struct bg_question *question, char *text)
{
	char protocol[BG_PROTOCOL_TEXT];

	bg_protocol_format(question->protocol, protocol);
	if (bg_has_ports(question->protocol))
		snprintf(text, BG_SERVICE_TEXT, "%s %d", protocol, question->port);
	else if (bg_is_icmp(question->protocol))
		snprintf(text, BG_SERVICE_TEXT, "%s type %d code %d", protocol, question->icmp_type,
			 question->icmp_code);
	else
		snprintf(text, BG_SERVICE_TEXT, "%s", protocol);
	return text;
}
