// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Keys for AWS without a server: where the environment says that they come from, answers of STS and of
 * EKS's agent, what AWS says instead of an answer, and that nothing secret gets into a sentence.
 */
#include "base/clock.h"
#include "fleet/aws/form.h"
#include "fleet/aws/aws_keys.h"
#include "fleet/aws/refusal.h"
#include "test.h"

#define SECRET "wJalrXUtnFEMI/K7MDENG+secret"
#define SESSION "IQoJb3JpZ2luX2VjEJr-session=="

/* --- the environment --- */

static const char *const variables[] = {
	"AWS_REGION",
	"AWS_DEFAULT_REGION",
	"AWS_ACCESS_KEY_ID",
	"AWS_SECRET_ACCESS_KEY",
	"AWS_SESSION_TOKEN",
	"AWS_ROLE_ARN",
	"AWS_WEB_IDENTITY_TOKEN_FILE",
	"AWS_CONTAINER_CREDENTIALS_FULL_URI",
	"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
};

static void set(const char *name, const char *value)
{
	assert_int_equal(value ? setenv(name, value, 1) : unsetenv(name), 0);
}

static int where(struct bg_aws_env *env, enum bg_aws_keys_from *from, struct bg_error *err)
{
	bg_aws_env_read(env);
	return bg_aws_keys_where(env, from, err);
}

static void the_environment_says_where(void **state)
{
	struct bg_aws_env env;
	enum bg_aws_keys_from from;
	struct bg_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		set(variables[i], NULL);
	assert_int_equal(where(&env, &from, &err), -EINVAL);
	assert_non_null(strstr(err.text, "AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE"));
	set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials");
	assert_int_equal(where(&env, &from, &err), -EINVAL);
	assert_non_null(strstr(err.text, "expected both"));
	set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/token");
	assert_int_equal(where(&env, &from, &err), 0);
	assert_int_equal(from, BG_AWS_KEYS_OF_CONTAINER);
	set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://10.0.0.1/v1/credentials");
	assert_int_equal(where(&env, &from, &err), -EINVAL);
	set("AWS_ROLE_ARN", "arn:aws:iam::1:role/feed");
	set("AWS_WEB_IDENTITY_TOKEN_FILE", "/web");
	assert_int_equal(where(&env, &from, &err), 0);
	assert_int_equal(from, BG_AWS_KEYS_OF_ROLE);
	set("AWS_ACCESS_KEY_ID", "AKIA1");
	set("AWS_SECRET_ACCESS_KEY", "");
	assert_int_equal(where(&env, &from, &err), -EINVAL);
	assert_null(strstr(err.text, "AKIA1"));
	set("AWS_SECRET_ACCESS_KEY", SECRET);
	assert_int_equal(where(&env, &from, &err), 0);
	assert_int_equal(from, BG_AWS_KEYS_OF_ENVIRONMENT);
	set("AWS_DEFAULT_REGION", "eu-west-1");
	bg_aws_env_read(&env);
	assert_string_equal(env.region, "eu-west-1");
	set("AWS_REGION", "us-west-2");
	bg_aws_env_read(&env);
	assert_string_equal(env.region, "us-west-2");
}

static void without_tls_only_on_this_node(void **state)
{
	static const struct {
		const char *url;
		bool safe, of_agent;
	} urls[] = {
		{ "https://ec2.us-west-2.amazonaws.com", true, true },
		{ "http://127.0.0.1:8080/x", true, true },
		{ "http://127.9.9.9", true, true },
		{ "http://[::1]:80/", true, true },
		{ "http://localhost/", true, true },
		{ "http://169.254.170.23/v1/credentials", false, true },
		{ "http://169.254.170.23:80", false, true },
		{ "http://[fd00:ec2::23]/v1/credentials", false, true },
		{ "http://169.254.169.254/", false, false },
		{ "http://169.254.170.23.evil.example/", false, false },
		{ "http://169.254.170.23@evil.example/", false, false },
		{ "http://127.0.0.1@evil.example/", false, false },
		/* (a password would stand in states and logs) */
		{ "https://user:password@ec2.us-west-2.amazonaws.com/", false, false },
		{ "https://ec2.us-west-2.amazonaws.com/a@b", true, true },
		{ "https://", false, false },
		{ "https:///x", false, false },
		{ "http://127.0.0.1:80@evil.example/", false, false },
		{ "http://127.0.0.1.evil.example/", false, false },
		{ "http://[::1].evil.example/", false, false },
		{ "http://[::1]@evil.example/", false, false },
		{ "http://[fd00:ec2::230]/", false, false },
		{ "http://localhost.evil.example/", false, false },
		{ "http://", false, false },
		{ "ftp://127.0.0.1/", false, false },
		{ "HTTP://10.0.0.1/", false, false },
		{ "", false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
		if (bg_aws_url_is_safe(urls[i].url, false) != urls[i].safe ||
		    bg_aws_url_is_safe(urls[i].url, true) != urls[i].of_agent)
			fail_msg("%s", urls[i].url);
	assert_true(bg_aws_is_region("us-gov-west-1"));
	assert_false(bg_aws_is_region("evil.example/"));
	assert_false(bg_aws_is_region(""));
}

/* --- answers --- */

#define AGENT(id, secret, token, expiration)                                                       \
	"{\"AccessKeyId\":" id ",\"SecretAccessKey\":" secret ",\"Token\":" token                  \
	",\"Expiration\":" expiration "}"
#define STS(credentials)                                                                                   \
	"<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"          \
	"<AssumeRoleWithWebIdentityResult><Audience>sts.amazonaws.com</Audience><Credentials>" credentials \
	"</Credentials></AssumeRoleWithWebIdentityResult>"                                                 \
	"</AssumeRoleWithWebIdentityResponse>"
#define STS_KEYS                                                                                   \
	"<AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>" SECRET "</SecretAccessKey>"            \
	"<SessionToken>" SESSION "</SessionToken>"

static void are_the_keys(const struct bg_aws_keys *keys)
{
	assert_string_equal(keys->id, "ASIA1");
	assert_string_equal(keys->secret, SECRET);
	assert_string_equal(keys->session, SESSION);
	assert_int_equal(keys->expires_ns, 1795842000ull * BG_NS_PER_S);
}

static void keys_come_from_sts_and_from_the_agent(void **state)
{
	static const char *const times[] = { "2026-11-28T05:00:00Z", "2026-11-28T05:00:00.5Z",
					     "2026-11-28T05:00:00+00:00" };
	const char agent[] =
		AGENT("\"ASIA1\"", "\"" SECRET "\"", "\"" SESSION "\"", "\"2026-11-28T05:00:00Z\"");
	struct bg_aws_keys keys = {};
	struct bg_error err;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		char text[1024];

		snprintf(text, sizeof(text), STS(STS_KEYS "<Expiration>%s</Expiration>"), times[i]);
		assert_int_equal(bg_aws_keys_of_sts(text, strlen(text), &keys, &err), 0);
		are_the_keys(&keys);
	}
	bg_aws_keys_release(&keys);
	assert_int_equal(bg_aws_keys_of_agent(agent, strlen(agent), &keys, &err), 0);
	are_the_keys(&keys);
	bg_aws_keys_release(&keys);
}

static void keys_that_have_expired_do_not_replace_others(void **state)
{
	struct bg_aws_keys keys = {}, other = {};
	struct bg_error err;

	(void)state;
	assert_int_equal(bg_aws_keys_copy(&keys, "ASIA1", SECRET, SESSION, &err), 0);
	assert_int_equal(bg_aws_keys_copy(&other, "ASIA2", SECRET, SESSION, &err), 0);
	other.expires_ns = 1000;
	assert_int_equal(bg_aws_keys_replace(&keys, &other, 1000, &err), -EKEYREJECTED);
	assert_non_null(strstr(err.text, "have expired already"));
	assert_string_equal(keys.id, "ASIA1");
	assert_null(other.id);
	assert_int_equal(bg_aws_keys_copy(&other, "ASIA2", SECRET, SESSION, &err), 0);
	other.expires_ns = 1000;
	assert_int_equal(bg_aws_keys_replace(&keys, &other, 999, &err), 0);
	assert_string_equal(keys.id, "ASIA2");
	assert_int_equal(keys.expires_ns, 1000);
	assert_null(other.id);
	bg_aws_keys_release(&keys);
}

static void other_answers_leave_the_keys_as_they_were(void **state)
{
	static const char *const agent[] = {
		"",
		"[]",
		"{}",
		AGENT("\"ASIA1\"", "\"" SECRET "\"", "\"" SESSION "\"", "null"),
		AGENT("\"ASIA1\"", "\"" SECRET "\"", "\"" SESSION "\"", "\"tomorrow\""),
		AGENT("\"ASIA1\"", "\"" SECRET "\"", "\"" SESSION "\"", "\"2026-11-28T05:00:00\""),
		AGENT("\"ASIA1\"", "\"" SECRET "\"", "1", "\"2026-11-28T05:00:00Z\""),
		AGENT("\"\"", "\"" SECRET "\"", "\"" SESSION "\"", "\"2026-11-28T05:00:00Z\""),
		AGENT("\"ASIA1\"", "\"" SECRET "\"", "\"" SESSION "\\r\\nHost: x\"",
		      "\"2026-11-28T05:00:00Z\""),
		AGENT("\"ASIA1\"", "\"" SECRET "\"", "\"" SESSION "\"",
		      "\"2026-11-28T05:00:00Z\"") "x",
	};
	static const char *const sts[] = {
		"",
		STS(STS_KEYS),
		STS(STS_KEYS "<Expiration/>"),
		STS("<Expiration>2026-11-28T05:00:00Z</Expiration>"),
		"<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>",
	};
	struct bg_aws_keys keys = {};
	struct bg_error err;

	(void)state;
	assert_int_equal(bg_aws_keys_copy(&keys, "AKIA0", "old", NULL, &err), 0);
	for (size_t i = 0; i < sizeof(agent) / sizeof(agent[0]); i++) {
		if (!bg_aws_keys_of_agent(agent[i], strlen(agent[i]), &keys, &err))
			fail_msg("%s was taken", agent[i]);
		assert_null(strstr(err.text, SECRET));
		assert_null(strstr(err.text, SESSION));
	}
	for (size_t i = 0; i < sizeof(sts) / sizeof(sts[0]); i++) {
		if (!bg_aws_keys_of_sts(sts[i], strlen(sts[i]), &keys, &err))
			fail_msg("%s was taken", sts[i]);
		assert_null(strstr(err.text, SECRET));
		assert_null(strstr(err.text, SESSION));
	}
	assert_string_equal(keys.id, "AKIA0");
	assert_string_equal(keys.secret, "old");
	assert_null(keys.session);
	assert_int_equal(bg_aws_keys_copy(&keys, "AKIA 0", "old", NULL, &err), -EINVAL);
	bg_aws_keys_release(&keys);
}

/* --- errors --- */

#define EC2_ERROR(code, message)                                                                   \
	"<?xml version=\"1.0\"?><Response><Errors><Error><Code>" code "</Code><Message>" message   \
	"</Message></Error></Errors><RequestID>r</RequestID></Response>"
#define STS_ERROR(code, message)                                                                   \
	"<ErrorResponse><Error><Type>Sender</Type><Code>" code "</Code><Message>" message          \
	"</Message></Error><RequestId>r</RequestId></ErrorResponse>"

static void errors_say_what_to_do(void **state)
{
	static const struct {
		long status;
		const char *body;
		int rc;
		const char *says;
	} errors[] = {
		{ 503, EC2_ERROR("RequestLimitExceeded", "Request limit exceeded."), -EAGAIN,
		  "HTTP 503: RequestLimitExceeded: Request limit exceeded.: it is asked again" },
		{ 400, EC2_ERROR("Throttling", "Rate exceeded"), -EAGAIN, "less often" },
		{ 400, STS_ERROR("ThrottlingException", "x"), -EAGAIN, "less often" },
		{ 503, "<html>no XML", -EAGAIN, "HTTP 503: it is asked again later" },
		{ 500, EC2_ERROR("InternalError", "x"), -EAGAIN, "later" },
		{ 429, "", -EAGAIN, "later" },
		{ 401, EC2_ERROR("AuthFailure", "cannot validate"), -EKEYREJECTED, "clock" },
		{ 400, EC2_ERROR("ExpiredToken", "x"), -EKEYREJECTED, "renewed" },
		{ 400, STS_ERROR("ExpiredTokenException", "x"), -EKEYREJECTED, "renewed" },
		{ 400, EC2_ERROR("RequestExpired", "x"), -EKEYREJECTED, "clock" },
		{ 403, EC2_ERROR("UnauthorizedOperation", "not authorized"), -EACCES,
		  "not authorized: the role needs the right to it" },
		{ 403, STS_ERROR("AccessDenied", "x"), -EACCES, "role" },
		{ 400, EC2_ERROR("InvalidPrefixListID.NotFound", "x"), -ENOENT, "no such list" },
		{ 400, EC2_ERROR("InvalidNextToken", "x"), -ESTALE, "anew" },
		{ 400, EC2_ERROR("InvalidParameterValue", "x"), -EPROTO, "right server" },
		{ 401,
		  "<ErrorResponse><Errors><Error><Code>AuthFailure</Code></Error></Errors>"
		  "</ErrorResponse>",
		  -EKEYREJECTED, "HTTP 401: AuthFailure: are keys" },
		{ 401, "", -EKEYREJECTED, "HTTP 401: are keys" },
		{ 403, "{\"message\":\"AccessDenied\"}", -EACCES,
		  "HTTP 403: may who asks do that?" },
		{ 404, "not found", -EPROTO, "HTTP 404: expected another answer" },
		{ 400, EC2_ERROR("Odd\x1b[31m", "red \xc2\x9b text"), -EPROTO, "HTTP 400" },
		{ 400, EC2_ERROR("Odd", "red \xc2\x9b text"), -EPROTO, "Odd: red ? text" },
		{ 400, EC2_ERROR("Odd[31", "x"), -EPROTO, "HTTP 400: Odd: x" },
	};
	const struct bg_aws_keys keys = {};

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		const struct bg_web_answer answer = {
			.status = errors[i].status,
			.body = errors[i].body,
			.length_bytes = strlen(errors[i].body),
		};
		struct bg_error err;
		int rc = bg_aws_refused("DescribeX", "https://ec2", &answer, &keys, &err);

		if (rc != errors[i].rc || !strstr(err.text, errors[i].says) ||
		    strncmp(err.text, "DescribeX at https://ec2: ", 26) != 0)
			fail_msg("%d \"%s\", expected %d \"%s\"", rc, err.text, errors[i].rc,
				 errors[i].says);
	}
}

static void errors_do_not_repeat_secrets(void **state)
{
	static const char *const bodies[] = {
		EC2_ERROR("SignatureDoesNotMatch", "with " SECRET),
		EC2_ERROR("SignatureDoesNotMatch", "canonical: x-amz-security-token:" SESSION),
		EC2_ERROR("SignatureDoesNotMatch", "X-Amz-Security-Token: of somebody"),
		EC2_ERROR("AuthFailure", "key AKIA1"),
	};
	struct bg_aws_keys keys = {};
	struct bg_error err;

	(void)state;
	assert_int_equal(bg_aws_keys_copy(&keys, "AKIA1", SECRET, SESSION, &err), 0);
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		const struct bg_web_answer answer = {
			.status = 403,
			.body = bodies[i],
			.length_bytes = strlen(bodies[i]),
		};

		bg_aws_refused("DescribeX", "https://ec2", &answer, &keys, &err);
		assert_non_null(strstr(err.text, "are"));
		assert_null(strstr(err.text, SECRET));
		assert_null(strstr(err.text, SESSION));
		assert_null(strstr(err.text, "somebody"));
		assert_null(strstr(err.text, "AKIA1"));
		/* who asks for keys sends a token that nobody here knows any more */
		bg_aws_refused("DescribeX", "https://ec2", &answer, NULL, &err);
		assert_null(strstr(err.text, "with"));
	}
	bg_aws_keys_release(&keys);
}

/* --- requests --- */

static void forms_are_escaped(void **state)
{
	struct bg_form form = {};
	char longer[5000];

	(void)state;
	bg_form_add(&form, "Action", "A-b_c.d~9");
	bg_form_add(&form, "NextToken", "a/b+c= &\xc3\xa9%");
	bg_form_add_number(&form, "MaxResults", 1000);
	assert_string_equal(form.text, "Action=A-b_c.d~9&NextToken=a%2Fb%2Bc%3D%20%26%C3%A9%25"
				       "&MaxResults=1000");
	memset(longer, '=', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	bg_form_add(&form, "T", longer);
	assert_int_equal(form.length_bytes, strlen(form.text));
	assert_int_equal(strlen(strstr(form.text, "&T=")), 3 + 3 * (sizeof(longer) - 1));
	bg_form_release(&form);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_environment_says_where),
		cmocka_unit_test(without_tls_only_on_this_node),
		cmocka_unit_test(keys_come_from_sts_and_from_the_agent),
		cmocka_unit_test(keys_that_have_expired_do_not_replace_others),
		cmocka_unit_test(other_answers_leave_the_keys_as_they_were),
		cmocka_unit_test(errors_say_what_to_do),
		cmocka_unit_test(errors_do_not_repeat_secrets),
		cmocka_unit_test(forms_are_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
