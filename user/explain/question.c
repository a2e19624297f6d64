// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Reads a question from JSON, checks it, and writes it as text; frame.c makes the packet.
 * `explain` and batch.c call it; whether the branch exists is not known here.
 */
#include "explain/question.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/ip.h"
#include "base/names.h"
#include "feed/near_key.h"
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
		return bg_fail(err, -EINVAL, "%s is '%.64s': expected %s", key, text,
			       bg_addr_expected(text, (char[BG_ADDR_EXPECTED]){ 0 }));
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

/* One letter away, or the beginning of it. */
static bool looks_like(const char *key, const char *ours)
{
	size_t length = strlen(key);

	return bg_key_is_near((struct bg_text){ key, length }, ours) ||
	       (length > 2 && !strncasecmp(key, ours, length));
}

/* A key that is ignored would change the question without a word. */
static int check_keys(const json_t *object, struct bg_error *err)
{
	static const char *const keys[] = { "Branch",	"Direction", "Protocol", "Remote", "Port",
					    "IcmpType", "IcmpCode",  "Local",	 "Expect" };
	const size_t count = sizeof(keys) / sizeof(keys[0]);
	const json_t *value;
	const char *key;

	json_object_foreach ((json_t *)object, key, value) {
		char near[128] = "";
		size_t used = 0, i = 0;

		while (i < count && strcmp(key, keys[i]) != 0)
			i++;
		if (i < count)
			continue;
		for (i = 0; i < count; i++)
			if (!json_object_get(object, keys[i]) && looks_like(key, keys[i]))
				used += (size_t)snprintf(near + used, sizeof(near) - used, "%s%s",
							 used ? " or " : "", keys[i]);
		if (used)
			return bg_fail(
				err, -EINVAL,
				"'%.64s' is an unknown key: expected %s, which it looks like", key,
				near);
		return bg_fail(err, -EINVAL,
			       "'%.64s' is an unknown key: expected Branch, Direction, Protocol, "
			       "Remote, Port, IcmpType, IcmpCode, Local and Expect only",
			       key);
	}
	return 0;
}

static int get_expected(const json_t *object, enum bg_expected *expected, struct bg_error *err)
{
	const char *text = "";
	int rc;

	*expected = BG_EXPECT_NOTHING;
	if (!find(object, "Expect"))
		return 0;
	rc = get_text(object, "Expect", "allow or deny", &text, err);
	if (rc)
		return rc;
	if (!strcmp(text, "allow"))
		*expected = BG_EXPECT_ALLOW;
	else if (!strcmp(text, "deny"))
		*expected = BG_EXPECT_DENY;
	else
		return bg_fail(err, -EINVAL, "Expect is '%.32s': expected allow or deny", text);
	return 0;
}

static int parse_object(const json_t *object, struct bg_question *question,
			enum bg_expected *expected, struct bg_error *err)
{
	int rc;

	rc = check_keys(object, err) ?:
	     get_branch(object, question->branch, err) ?:
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
	question->has_icmp_code = find(object, "IcmpCode");
	return get_number(object, "Port", 65535, &question->port, err) ?:
	       get_number(object, "IcmpType", 255, &question->icmp_type, err) ?:
	       get_number(object, "IcmpCode", 255, &question->icmp_code, err) ?:
	       get_expected(object, expected, err) ?:
	       bg_question_check(question, &bg_question_keys, err);
}

int bg_question_parse(const char *text, size_t length_bytes, struct bg_question *question,
		      enum bg_expected *expected, struct bg_error *err)
{
	bg_cleanup(json_decref_at) json_t *object = NULL;
	struct bg_question parsed = { .port = -1, .icmp_type = -1 };
	enum bg_expected found;
	json_error_t error;
	int rc;

	object = json_loadb(text, length_bytes, JSON_REJECT_DUPLICATES, &error);
	if (!object)
		return bg_fail(err, -EINVAL, "column %d: %s", error.column, error.text);
	if (!json_is_object(object))
		return bg_fail(err, -EINVAL, "the line is %s: expected an object",
			       type_name(object));
	rc = parse_object(object, &parsed, &found, err);
	if (rc)
		return rc;
	*question = parsed;
	*expected = found;
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
