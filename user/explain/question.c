// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Reads a question from JSON, checks it, and writes it as text; frame.c makes the packet.
 * `explain` and batch.c call it; whether the branch exists is not known here.
 */
#include "explain/question.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/ip.h"
#include "base/names.h"
#include "protocol.h"

BG_CLEANUP_OF(json_decref, json_t)

static const char *type_name(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
		return "an integer";
	case JSON_REAL:
		return "a real number";
	case JSON_NULL:
		return "null";
	default:
		return "a boolean";
	}
}

/* NULL for a key that is absent or null. */
static const json_t *find(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_null(value) ? NULL : value;
}

static int get_text(const json_t *object, const char *key, const char *expected, const char **text,
		    struct bg_error *err)
{
	const json_t *value = find(object, key);

	if (!value)
		return bg_fail(err, -EINVAL, "%s is missing: expected %s", key, expected);
	if (!json_is_string(value))
		return bg_fail(err, -EINVAL, "%s is %s: expected %s", key, type_name(value),
			       expected);
	*text = json_string_value(value);
	return 0;
}

/* Leaves *number alone when the key is absent. */
static int get_number(const json_t *object, const char *key, int most, int *number,
		      struct bg_error *err)
{
	const json_t *value = find(object, key);
	json_int_t found;

	if (!value)
		return 0;
	if (!json_is_integer(value))
		return bg_fail(err, -EINVAL, "%s is %s: expected an integer from 0 to %d", key,
			       type_name(value), most);
	found = json_integer_value(value);
	if (found < 0 || found > most)
		return bg_fail(err, -EINVAL, "%s is %lld: expected 0 to %d", key, (long long)found,
			       most);
	*number = (int)found;
	return 0;
}

static int get_address(const json_t *object, const char *key, struct bg_addr *addr,
		       struct bg_error *err)
{
	const char *text = "";
	int rc = get_text(object, key, "an IP address", &text, err);

	if (rc)
		return rc;
	if (bg_addr_parse(text, addr))
		return bg_fail(err, -EINVAL, "%s is '%.64s': expected an IPv4 or IPv6 address", key,
			       text);
	return 0;
}

static int get_protocol(const json_t *object, int *protocol, struct bg_error *err)
{
	static const char expected[] = "tcp, udp, icmp, icmpv6 or a number from 0 to 255";
	const json_t *value = find(object, "Protocol");
	const char *text = "";
	int rc;

	if (json_is_integer(value)) {
		*protocol = -1;
		rc = get_number(object, "Protocol", 255, protocol, err);
		return rc;
	}
	rc = get_text(object, "Protocol", expected, &text, err);
	if (rc)
		return rc;
	*protocol = bg_protocol_parse(text);
	if (*protocol < 0)
		return bg_fail(err, -EINVAL, "Protocol is '%.32s': expected %s", text, expected);
	return 0;
}

static int get_direction(const json_t *object, enum bg_direction *direction, struct bg_error *err)
{
	const char *text = "";
	int rc = get_text(object, "Direction", "ingress or egress", &text, err);

	if (rc)
		return rc;
	if (!strcmp(text, "ingress"))
		*direction = BG_INGRESS;
	else if (!strcmp(text, "egress"))
		*direction = BG_EGRESS;
	else
		return bg_fail(err, -EINVAL, "Direction is '%.32s': expected ingress or egress",
			       text);
	return 0;
}

static int get_branch(const json_t *object, char *branch, struct bg_error *err)
{
	const char *text = "";
	int rc = get_text(object, "Branch", "the id of a branch", &text, err);

	if (rc)
		return rc;
	if (!*text || strlen(text) >= BG_QUESTION_BRANCH_BYTES)
		return bg_fail(err, -EINVAL, "Branch has %zu bytes: expected 1 to %d", strlen(text),
			       BG_QUESTION_BRANCH_BYTES - 1);
	snprintf(branch, BG_QUESTION_BRANCH_BYTES, "%s", text);
	return 0;
}

int bg_question_check(const struct bg_question *question, struct bg_error *err)
{
	bool v4 = bg_addr_is_v4(&question->remote);

	if (question->has_local && bg_addr_is_v4(&question->local) != v4)
		return bg_fail(err, -EINVAL,
			       "Local and Remote are addresses of different families");
	switch (question->protocol) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
		if (question->port < 0)
			return bg_fail(err, -EINVAL,
				       "Port is missing: tcp and udp need the destination port");
		return 0;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if (question->icmp_type < 0)
			return bg_fail(err, -EINVAL,
				       "IcmpType is missing: icmp and icmpv6 need it (echo request "
				       "is 8 and 128)");
		return 0;
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_FRAGMENT:
	case IPPROTO_AH:
	case IPPROTO_DSTOPTS:
		if (v4)
			return 0;
		return bg_fail(err, -EINVAL,
			       "Protocol %d is an extension header in IPv6: ask for the protocol "
			       "behind it",
			       question->protocol);
	default:
		return 0;
	}
}

static int parse_object(const json_t *object, struct bg_question *question, struct bg_error *err)
{
	int rc;

	rc = get_branch(object, question->branch, err) ?:
	     get_direction(object, &question->direction, err) ?:
	     get_protocol(object, &question->protocol, err) ?:
	     get_address(object, "Remote", &question->remote, err);
	if (rc)
		return rc;
	if (find(object, "Local")) {
		question->has_local = true;
		rc = get_address(object, "Local", &question->local, err);
		if (rc)
			return rc;
	}
	return get_number(object, "Port", 65535, &question->port, err) ?:
	       get_number(object, "IcmpType", 255, &question->icmp_type, err) ?:
	       get_number(object, "IcmpCode", 255, &question->icmp_code, err) ?:
	       bg_question_check(question, err);
}

int bg_question_parse(const char *text, size_t length_bytes, struct bg_question *question,
		      struct bg_error *err)
{
	bg_cleanup(json_decref_at) json_t *object = NULL;
	struct bg_question parsed = { .port = -1, .icmp_type = -1 };
	json_error_t error;
	int rc;

	object = json_loadb(text, length_bytes, JSON_REJECT_DUPLICATES, &error);
	if (!object)
		return bg_fail(err, -EINVAL, "column %d: %s", error.column, error.text);
	if (!json_is_object(object))
		return bg_fail(err, -EINVAL, "the line is %s: expected an object",
			       type_name(object));
	rc = parse_object(object, &parsed, err);
	if (rc)
		return rc;
	*question = parsed;
	return 0;
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
