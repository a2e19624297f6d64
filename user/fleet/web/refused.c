// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Errors of HTTP and of libcurl as sentences. transfer.c calls it for what broke, and who made a
 * request for an answer that does not help. A server's words become printable and short.
 */
#include "fleet/web/refused.h"

#include <curl/curl.h>
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/printable.h"

#define MESSAGE_TEXT 300

static const struct {
	long status;
	int rc;
	const char *hint;
} statuses[] = {
	{ 301, -EPROTO, "redirects are not followed: give the URL to which it leads" },
	{ 302, -EPROTO, "redirects are not followed: give the URL to which it leads" },
	{ 307, -EPROTO, "redirects are not followed: give the URL to which it leads" },
	{ 308, -EPROTO, "redirects are not followed: give the URL to which it leads" },
	{ 401, -EACCES, "it does not know who asks: is the token or certificate still valid?" },
	{ 403, -EACCES, "who asks may not do that: look at its rights there" },
	{ 404, -ENOENT, "it is not there: is the URL right, and has it been put there?" },
	{ 409, -EAGAIN, "it is another one by now: it is read anew" },
	{ 410, -ESTALE, "what was asked for is too old: it is asked for anew" },
	{ 413, -E2BIG, "it takes nothing of that size" },
	{ 422, -EBADMSG,
	  "it does not take what was sent: does what it knows of it fit to this release?" },
	{ 429, -EPROTO, "it is asked too often, and asked again later" },
	{ 500, -EPROTO, "the server has failed: look at its log" },
	{ 502, -EPROTO, "what stands before the server does not reach it" },
	{ 503, -EPROTO, "the server cannot answer now" },
	{ 504, -EPROTO, "the server did not answer in time" },
};

static const struct {
	int code, rc;
	const char *hint;
} breaks[] = {
	{ CURLE_UNSUPPORTED_PROTOCOL, -EINVAL, "expected https://" },
	{ CURLE_URL_MALFORMAT, -EINVAL, "expected https://HOST/…" },
	{ CURLE_COULDNT_RESOLVE_HOST, -ENOENT, "is the name right, and does DNS answer?" },
	{ CURLE_COULDNT_CONNECT, -ECONNREFUSED, "does a server listen there?" },
	{ CURLE_OPERATION_TIMEDOUT, -ETIMEDOUT, "the server, or the way to it, hangs" },
	{ CURLE_PEER_FAILED_VERIFICATION, -EACCES,
	  "is this the right server, and is its CA in --ca-file?" },
	{ CURLE_SSL_CACERT_BADFILE, -EINVAL, "expected certificates of CAs (PEM) in --ca-file" },
	{ CURLE_SSL_CERTPROBLEM, -EINVAL,
	  "expected a certificate and its key (PEM) in --certificate and --key" },
	{ CURLE_SSL_CONNECT_ERROR, -EPROTO,
	  "does the server speak TLS, and does it want a client certificate?" },
	{ CURLE_SEND_ERROR, -EPIPE, "the connection broke" },
	{ CURLE_RECV_ERROR, -EPIPE, "the connection broke" },
	{ CURLE_GOT_NOTHING, -EPIPE, "the server closed the connection" },
	{ CURLE_PARTIAL_FILE, -EPIPE, "the connection broke" },
	{ CURLE_HTTP2, -EPIPE, "the connection broke" },
	{ CURLE_HTTP2_STREAM, -EPIPE, "the connection broke" },
	{ CURLE_OUT_OF_MEMORY, -ENOMEM, "there is too little memory" },
};

/* What the server says: of a JSON object its "message" (or "error"), else the first line. */
static const char *message_of(const struct bg_web_answer *answer, char text[MESSAGE_TEXT])
{
	json_t *body = answer->length_bytes
			       ? json_loadb(answer->body, answer->length_bytes, 0, NULL)
			       : NULL;
	const char *said = json_string_value(json_object_get(body, "message"))
				   ?: json_string_value(json_object_get(body, "error"));

	if (!said)
		said = answer->body ?: "";
	snprintf(text, MESSAGE_TEXT, "%.*s", (int)strcspn(said, "\r\n"), said);
	json_decref(body);
	return bg_printable(text);
}

int bg_web_refused(const char *url, const struct bg_web_answer *answer, struct bg_error *err)
{
	const char *hint = "expected another answer: is it the right server?";
	char text[MESSAGE_TEXT];
	int rc = -EPROTO;

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		if (statuses[i].status == answer->status) {
			rc = statuses[i].rc;
			hint = statuses[i].hint;
		}
	}
	message_of(answer, text);
	return bg_fail(err, rc, "%.400s: HTTP %ld%s%s: %s", url, answer->status, *text ? ": " : "",
		       text, hint);
}

int bg_web_broken(const char *url, int code, const char *said, struct bg_error *err)
{
	const char *hint = NULL;
	char text[MESSAGE_TEXT];
	int rc = -EPROTO;

	for (size_t i = 0; i < sizeof(breaks) / sizeof(breaks[0]); i++) {
		if (breaks[i].code == code) {
			rc = breaks[i].rc;
			hint = breaks[i].hint;
		}
	}
	snprintf(text, sizeof(text), "%s", said && *said ? said : curl_easy_strerror(code));
	return bg_fail(err, rc, "%.400s: %s%s%s", url, bg_printable(text), hint ? ": " : "",
		       hint ?: "");
}
