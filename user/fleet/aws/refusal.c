// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * AWS's errors as sentences and as what to do next. ec2_client.c and credentials.c call it. An
 * error may repeat the request, with what was secret in it: that is not said again.
 */
#include "fleet/aws/refusal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/printable.h"
#include "fleet/aws/ec2_answers.h"

#define CODE_TEXT 64
#define MESSAGE_TEXT 300

static const struct {
	const char *code; /* with a dot behind: how it begins */
	int rc;
	const char *hint;
} codes[] = {
	{ "RequestLimitExceeded", -EAGAIN, "it is asked again later, and less often" },
	{ "Throttl.", -EAGAIN, "it is asked again later, and less often" },
	{ "RequestThrottl.", -EAGAIN, "it is asked again later, and less often" },
	{ "TooManyRequests.", -EAGAIN, "it is asked again later, and less often" },
	{ "SlowDown", -EAGAIN, "it is asked again later, and less often" },
	{ "Internal.", -EAGAIN, "it is asked again later" },
	{ "Unavailable", -EAGAIN, "it is asked again later" },
	{ "ServiceUnavailable", -EAGAIN, "it is asked again later" },
	{ "IDPCommunicationError", -EAGAIN, "it is asked again later" },
	{ "ExpiredToken.", -EKEYREJECTED, "are the keys renewed?" },
	{ "RequestExpired", -EKEYREJECTED, "is this machine's clock right?" },
	{ "AuthFailure", -EKEYREJECTED, "are keys and region right, and this machine's clock?" },
	{ "SignatureDoesNotMatch", -EKEYREJECTED, "are the keys right?" },
	{ "InvalidClientTokenId", -EKEYREJECTED, "are keys and region right?" },
	{ "UnrecognizedClient.", -EKEYREJECTED, "are keys and region right?" },
	{ "InvalidIdentityToken", -EACCES, "does the role trust the cluster's OIDC provider?" },
	{ "UnauthorizedOperation", -EACCES, "the role needs the right to it" },
	{ "AccessDenied.", -EACCES,
	  "may this service account be that role, and has the role the right to it?" },
	{ "InvalidPrefixListId.NotFound", -ENOENT, "there is no such list" },
	{ "InvalidPrefixListID.NotFound", -ENOENT, "there is no such list" },
	{ "InvalidNextToken", -ESTALE, "all of it is asked for anew" },
	{ "InvalidPaginationToken", -ESTALE, "all of it is asked for anew" },
};

struct said {
	char code[CODE_TEXT], message[MESSAGE_TEXT];
	const struct bg_aws_keys *keys;
};

static int note(void *context, int mark, const char *text, struct bg_error *err)
{
	struct said *said = context;

	(void)err;
	if (mark == BG_AWS_CODE)
		snprintf(said->code, sizeof(said->code), "%.*s",
			 (int)strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz."),
			 text);
	else if (mark == BG_AWS_MESSAGE && said->keys && !bg_aws_keys_in(said->keys, text) &&
		 !strcasestr(text, "x-amz-security-token"))
		snprintf(said->message, sizeof(said->message), "%s", text);
	return 0;
}

static void read_error(const struct bg_web_answer *answer, struct said *said)
{
	static const struct {
		const char *root;
		const struct bg_xml_field *fields;
	} forms[] = {
		{ "Response", bg_ec2_error_fields },
		{ "ErrorResponse", bg_sts_error_fields },
		/* (what plays EC2 mixes them) */
		{ "ErrorResponse", bg_ec2_error_fields },
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct bg_json_writer unused = {};
		struct bg_error none;
		int rc = bg_xml_read(answer->body, answer->length_bytes, forms[i].root,
				     forms[i].fields, &unused, note, said, &none);

		bg_json_writer_free(&unused);
		if (!rc)
			return;
		said->code[0] = said->message[0] = '\0';
	}
}

static bool is_code(const char *pattern, const char *code)
{
	const size_t length = strlen(pattern);

	return pattern[length - 1] == '.' ? !strncmp(pattern, code, length - 1)
					  : !strcmp(pattern, code);
}

int bg_aws_refused(const char *action, const char *url, const struct bg_web_answer *answer,
		   const struct bg_aws_keys *keys, struct bg_error *err)
{
	struct said said = { .keys = keys };
	const char *hint = "expected another answer: is it the right server?";
	int rc = -EPROTO;

	if (answer->status == 401) {
		rc = -EKEYREJECTED;
		hint = "are keys and region right?";
	}
	if (answer->status == 403) {
		rc = -EACCES;
		hint = "may who asks do that?";
	}
	if (answer->status == 429 || answer->status >= 500) {
		rc = -EAGAIN;
		hint = "it is asked again later";
	}
	if (answer->body)
		read_error(answer, &said);
	for (size_t i = 0; *said.code && i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (is_code(codes[i].code, said.code)) {
			rc = codes[i].rc;
			hint = codes[i].hint;
			break;
		}
	}
	bg_printable(said.message);
	return bg_fail(err, rc, "%s at %.400s: HTTP %ld%s%s%s%s: %s", action, url, answer->status,
		       *said.code ? ": " : "", said.code, *said.message ? ": " : "", said.message,
		       hint);
}
