// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Knows the environment that EKS and the AWS CLI set, and reads keys out of answers.
 * credentials.c calls it. Keys are wiped when they are done with, and get into no error.
 */
#include "fleet/aws/aws_keys.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "fleet/aws/ec2_answers.h"

#define MOST_KEY_BYTES 16384

BG_CLEANUP_OF(json_decref, json_t)

/* --- the environment --- */

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

void bg_aws_env_read(struct bg_aws_env *env)
{
	*env = (struct bg_aws_env){
		.region = variable("AWS_REGION") ?: variable("AWS_DEFAULT_REGION"),
		.key_id = variable("AWS_ACCESS_KEY_ID"),
		.secret = variable("AWS_SECRET_ACCESS_KEY"),
		.session = variable("AWS_SESSION_TOKEN"),
		.role_arn = variable("AWS_ROLE_ARN"),
		.web_token_file = variable("AWS_WEB_IDENTITY_TOKEN_FILE"),
		.session_name = variable("AWS_ROLE_SESSION_NAME"),
		.container_url = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI"),
		.container_token_file = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
		.ca_file = variable("AWS_CA_BUNDLE"),
	};
}

int bg_aws_keys_where(const struct bg_aws_env *env, enum bg_aws_keys_from *from,
		      struct bg_error *err)
{
	const struct {
		const char *one, *other, *names;
	} pairs[] = {
		{ env->key_id, env->secret, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" },
		{ env->role_arn, env->web_token_file,
		  "AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE" },
		{ env->container_url, env->container_token_file,
		  "AWS_CONTAINER_CREDENTIALS_FULL_URI and AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE" },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		if (!pairs[i].one && !pairs[i].other)
			continue;
		if (!pairs[i].one || !pairs[i].other)
			return bg_fail(err, -EINVAL,
				       "the environment has only one of %s, expected both",
				       pairs[i].names);
		if (i == BG_AWS_KEYS_OF_CONTAINER && !bg_aws_url_is_safe(env->container_url, true))
			return bg_fail(err, -EINVAL,
				       "AWS_CONTAINER_CREDENTIALS_FULL_URI: %.200s: expected "
				       "https://, or http:// to this node or to the agent of Pod "
				       "Identity (169.254.170.23, [fd00:ec2::23])",
				       bg_aws_url_said(env->container_url));
		*from = (enum bg_aws_keys_from)i;
		return 0;
	}
	return bg_fail(err, -EINVAL,
		       "no keys for AWS: expected %s, or (a role of the service account) %s, or "
		       "(Pod Identity) %s in the environment",
		       pairs[0].names, pairs[1].names, pairs[2].names);
}

/* --- URLs --- */

static bool is_loopback(const char *host, size_t length)
{
	return (length == 9 && !memcmp(host, "localhost", 9)) ||
	       (length == 5 && !memcmp(host, "[::1]", 5)) ||
	       /* (only an address: no name has digits and dots alone) */
	       (length > 4 && !memcmp(host, "127.", 4) && strspn(host, "0123456789.") == length);
}

static bool is_agent(const char *host, size_t length)
{
	static const char *const agents[] = { "169.254.170.23", "[fd00:ec2::23]" };

	for (size_t i = 0; i < sizeof(agents) / sizeof(agents[0]); i++)
		if (length == strlen(agents[i]) && !memcmp(host, agents[i], length))
			return true;
	return false;
}

bool bg_aws_url_is_safe(const char *url, bool of_agent)
{
	const char *host = strstr(url, "://");
	size_t length;

	host = host ? host + strlen("://") : url;
	/* a password in it would get into states and messages */
	if (memchr(host, '@', strcspn(host, "/?#")))
		return false;
	if (!strncmp(url, "https://", 8))
		return strcspn(host, ":/?#") != 0;
	if (strncmp(url, "http://", 7) != 0)
		return false;
	length = *host == '[' && strchr(host, ']') ? (size_t)(strchr(host, ']') + 1 - host)
						   : strcspn(host, ":/?#");
	/* what follows is a port, a path or nothing, and no other host */
	if (!strchr(":/?#", host[length]))
		return false;
	return is_loopback(host, length) || (of_agent && is_agent(host, length));
}

const char *bg_aws_url_said(const char *url)
{
	return strchr(url, '@') ? "an URL with a user or a password in it" : url;
}

bool bg_aws_is_region(const char *region)
{
	return *region && strlen(region) < 64 &&
	       strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(region);
}

/* --- answers --- */

/* Printable and without spaces, so that it stays one word of one header. */
static bool is_key(const char *text)
{
	size_t length = 0;

	while (text[length] > ' ' && text[length] <= '~')
		length++;
	return length && !text[length] && length <= MOST_KEY_BYTES;
}

static int take_time(const char *text, __u64 *ns, struct bg_error *err)
{
	struct tm utc = {};
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &utc);
	time_t time_s;

	if (end && *end == '.')
		end += 1 + strspn(end + 1, "0123456789");
	time_s = end && (!strcmp(end, "Z") || !strcmp(end, "+00:00")) ? timegm(&utc) : 0;
	if (time_s <= 0)
		return bg_fail(err, -EPROTO,
			       "found no time in Expiration, expected one like "
			       "2026-11-28T05:00:00Z");
	*ns = (__u64)time_s * BG_NS_PER_S;
	return 0;
}

static char *copy(const char *text)
{
	return text ? strdup(text) : NULL;
}

int bg_aws_keys_copy(struct bg_aws_keys *keys, const char *id, const char *secret,
		     const char *session, struct bg_error *err)
{
	struct bg_aws_keys made = {};

	if (!is_key(id) || !is_key(secret) || (session && !is_key(session)))
		return bg_fail(err, -EINVAL,
			       "one of the keys for AWS has spaces or control characters, or is "
			       "too long");
	made = (struct bg_aws_keys){ copy(id), copy(secret), copy(session), 0 };
	if (!made.id || !made.secret || (session && !made.session)) {
		bg_aws_keys_release(&made);
		return bg_no_memory(err, "keys for AWS");
	}
	bg_aws_keys_release(keys);
	*keys = made;
	return 0;
}

int bg_aws_keys_replace(struct bg_aws_keys *keys, struct bg_aws_keys *with, __u64 now_ns,
			struct bg_error *err)
{
	if (with->expires_ns <= now_ns) {
		bg_aws_keys_release(with);
		return bg_fail(err, -EKEYREJECTED,
			       "they have expired already: is this machine's clock right?");
	}
	bg_aws_keys_release(keys);
	*keys = *with;
	*with = (struct bg_aws_keys){};
	return 0;
}

static int take_object(const json_t *object, struct bg_aws_keys *keys, struct bg_error *err)
{
	static const char *const names[] = { "AccessKeyId", "SecretAccessKey", "Token",
					     "Expiration" };
	const char *values[4];
	__u64 expires_ns = 0;
	int rc;

	for (size_t i = 0; i < 4; i++) {
		values[i] = json_string_value(json_object_get(object, names[i]));
		if (!values[i])
			return bg_fail(err, -EPROTO, "found no %s in the answer, expected keys",
				       names[i]);
	}
	rc = take_time(values[3], &expires_ns, err)
		     ?: bg_aws_keys_copy(keys, values[0], values[1], values[2], err);
	if (!rc)
		keys->expires_ns = expires_ns;
	return rc;
}

int bg_aws_keys_of_agent(const char *text, size_t length_bytes, struct bg_aws_keys *keys,
			 struct bg_error *err)
{
	/* (what libjansson says may quote the text) */
	bg_cleanup(json_decref_at)
		json_t *root = json_loadb(text, length_bytes, JSON_REJECT_DUPLICATES, NULL);

	return root ? take_object(root, keys, err)
		    : bg_fail(err, -EPROTO, "found no JSON in the answer, expected keys");
}

static void wipe(struct bg_json_writer *json)
{
	if (json->text)
		explicit_bzero(json->text, json->room_bytes);
	bg_json_writer_free(json);
}

int bg_aws_keys_of_sts(const char *text, size_t length_bytes, struct bg_aws_keys *keys,
		       struct bg_error *err)
{
	bg_cleanup(wipe) struct bg_json_writer json = {};
	bg_cleanup(json_decref_at) json_t *root = NULL;
	int rc = bg_xml_read(text, length_bytes, "AssumeRoleWithWebIdentityResponse", bg_sts_fields,
			     &json, NULL, NULL, err);

	if (rc)
		return rc;
	root = json_loadb(json.text, json.length_bytes, 0, NULL);
	return take_object(json_object_get(json_object_get(root, "Result"), "Credentials"), keys,
			   err);
}

bool bg_aws_keys_in(const struct bg_aws_keys *keys, const char *text)
{
	return (keys->id && strstr(text, keys->id)) ||
	       (keys->secret && strstr(text, keys->secret)) ||
	       (keys->session && strstr(text, keys->session));
}

static void wipe_text(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

void bg_aws_keys_release(struct bg_aws_keys *keys)
{
	wipe_text(keys->id);
	wipe_text(keys->secret);
	wipe_text(keys->session);
	*keys = (struct bg_aws_keys){};
}
