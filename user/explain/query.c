// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Reads a line of `explain --queries`. batch.c calls it; whether branch, pods and addresses
 * exist is not known here.
 */
#include "explain/query.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/ip.h"
#include "base/names.h"
#include "feed/near_key.h"

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

/* One of two words. */
static int get_word(const json_t *object, const char *key, const char *const words[2], int *index,
		    struct bg_error *err)
{
	char expected[32];
	const char *text = "";
	int rc;

	snprintf(expected, sizeof(expected), "%s or %s", words[0], words[1]);
	rc = get_text(object, key, expected, &text, err);
	if (rc)
		return rc;
	for (*index = 0; *index < 2; (*index)++)
		if (!strcmp(text, words[*index]))
			return 0;
	return bg_fail(err, -EINVAL, "%s is '%.32s': expected %s", key, text, expected);
}

static int get_direction(const json_t *object, enum bg_direction *direction, struct bg_error *err)
{
	static const char *const words[2] = { "ingress", "egress" };
	int index = 0, rc = get_word(object, "Direction", words, &index, err);

	*direction = index ? BG_EGRESS : BG_INGRESS;
	return rc;
}

static int get_expected(const json_t *object, enum bg_expected *expected, struct bg_error *err)
{
	static const char *const words[2] = { "allow", "deny" };
	int index = 0, rc;

	*expected = BG_EXPECT_NOTHING;
	if (!find(object, "Expect"))
		return 0;
	rc = get_word(object, "Expect", words, &index, err);
	*expected = index ? BG_EXPECT_DENY : BG_EXPECT_ALLOW;
	return rc;
}

/* Into `name`, which has so many bytes. */
static int get_name(const json_t *object, const char *key, const char *expected, char *name,
		    size_t size, struct bg_error *err)
{
	const char *text = "";
	int rc = get_text(object, key, expected, &text, err);

	if (rc)
		return rc;
	if (!*text || strlen(text) >= size)
		return bg_fail(err, -EINVAL, "%s has %zu bytes: expected 1 to %zu", key,
			       strlen(text), size - 1);
	snprintf(name, size, "%s", text);
	return 0;
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
	static const char *const keys[] = { "Branch", "Direction", "Protocol", "Remote",
					    "Port",   "IcmpType",  "IcmpCode", "Local",
					    "From",   "To",	   "Expect" };
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
			       "Remote, Port, IcmpType, IcmpCode, Local, From, To and Expect only",
			       key);
	}
	return 0;
}

/* What a question of either form has. */
static int parse_service(const json_t *object, struct bg_question *question, struct bg_error *err)
{
	question->has_icmp_code = find(object, "IcmpCode");
	return get_number(object, "Port", 65535, &question->port, err) ?:
	       get_number(object, "IcmpType", 255, &question->icmp_type, err) ?:
	       get_number(object, "IcmpCode", 255, &question->icmp_code, err);
}

static int parse_branch(const json_t *object, struct bg_question *question, struct bg_error *err)
{
	int rc;

	rc = get_name(object, "Branch", "the id of a branch", question->branch,
		      sizeof(question->branch), err) ?:
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
	return parse_service(object, question, err)
		       ?: bg_question_check(question, &bg_question_keys, err);
}

/* The addresses are those of the ends, which are looked up later. */
static int parse_path(const json_t *object, struct bg_query *query, struct bg_error *err)
{
	static const char *const others[] = { "Branch", "Direction", "Remote", "Local" };
	static const char expected[] = "a pod, \"node\" or an address";

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (find(object, others[i]))
			return bg_fail(err, -EINVAL,
				       "%s with From and To: expected Protocol, Port, IcmpType, "
				       "IcmpCode and Expect only",
				       others[i]);
	query->is_path = true;
	return get_name(object, "From", expected, query->from, sizeof(query->from), err) ?:
	       get_name(object, "To", expected, query->to, sizeof(query->to), err) ?:
	       get_protocol(object, &query->question.protocol, err) ?:
	       parse_service(object, &query->question, err) ?:
	       bg_question_check_service(&query->question, &bg_question_keys, err);
}

static int parse_object(const json_t *object, struct bg_query *query, struct bg_error *err)
{
	int rc = check_keys(object, err);

	if (rc)
		return rc;
	rc = find(object, "From") || find(object, "To")
		     ? parse_path(object, query, err)
		     : parse_branch(object, &query->question, err);
	return rc ?: get_expected(object, &query->expected, err);
}

int bg_query_parse(const char *text, size_t length_bytes, struct bg_query *query,
		   struct bg_error *err)
{
	bg_cleanup(json_decref_at) json_t *object = NULL;
	struct bg_query parsed = { .question = { .port = -1, .icmp_type = -1 } };
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
	*query = parsed;
	return 0;
}
