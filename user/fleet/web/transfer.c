// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What libcurl is told of one request, and what becomes of the bytes that come. web.c calls it.
 * It holds no more than the request allows, and sends a token to no server without TLS.
 */
#include "fleet/web/transfer.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/grow.h"
#include "fleet/web/refused.h"
#include "fleet/web/token.h"

#define MOST_BYTES (16u << 20)
#define MOST_HEADER_BYTES (64u << 10)
#define MOST_URL_BYTES 8192
#define LIMIT_MS 60000
#define SILENCE_S 15
#define CONNECT_MS 10000
/* Who does not answer is gone after KEEP_IDLE_S + KEEP_TRIES * KEEP_EACH_S seconds, with data on
 * the way after GONE_MS. */
#define KEEP_IDLE_S 15
#define KEEP_EACH_S 5
#define KEEP_TRIES 3
#define GONE_MS 30000

#define HTTPS "https://"
#define HTTP "http://"

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

/* --- what comes --- */

static long status_of(const struct bg_web_transfer *transfer)
{
	long status = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

static int put_body(struct bg_web_transfer *transfer, const char *bytes, size_t length_bytes)
{
	const size_t most_bytes = transfer->request.most_bytes;

	if (length_bytes > most_bytes - transfer->length_bytes)
		return bg_fail(&transfer->err, -E2BIG,
			       "%.400s: found more than %zu bytes, expected no more than that",
			       transfer->url, most_bytes);
	if (BG_RESERVE(transfer->body, transfer->room_bytes,
		       transfer->length_bytes + length_bytes + 1))
		return bg_no_memory(&transfer->err, "%.400s", transfer->url);
	memcpy(transfer->body + transfer->length_bytes, bytes, length_bytes);
	transfer->length_bytes += length_bytes;
	transfer->body[transfer->length_bytes] = '\0';
	return 0;
}

static int put_lines(struct bg_web_transfer *transfer, const char *bytes, size_t length_bytes)
{
	int rc = bg_lines_take(&transfer->lines, bytes, length_bytes, transfer->request.line,
			       transfer->request.context, &transfer->err);

	return rc ? bg_fail_in(&transfer->err, rc, "%.400s", transfer->url) : 0;
}

/* CURLOPT_WRITEFUNCTION */
static size_t take_bytes(char *bytes, size_t one, size_t length_bytes, void *context)
{
	struct bg_web_transfer *transfer = context;

	(void)one;
	transfer->rc = transfer->request.line && status_of(transfer) == 200
			       ? put_lines(transfer, bytes, length_bytes)
			       : put_body(transfer, bytes, length_bytes);
	return transfer->rc ? 0 : length_bytes;
}

/* CURLOPT_HEADERFUNCTION: libcurl keeps them all. */
static size_t take_header(char *bytes, size_t one, size_t length_bytes, void *context)
{
	struct bg_web_transfer *transfer = context;

	(void)one;
	transfer->header_bytes += length_bytes;
	if (transfer->header_bytes <= MOST_HEADER_BYTES) {
		/* (the last one is empty) */
		if (transfer->request.opened && bytes[0] == '\r' && status_of(transfer) == 200)
			transfer->request.opened(transfer->request.context);
		return length_bytes;
	}
	transfer->rc = bg_fail(&transfer->err, -E2BIG,
			       "%.400s: found headers of more than %u bytes, expected no more",
			       transfer->url, MOST_HEADER_BYTES);
	return 0;
}

/* CURLOPT_SOCKOPTFUNCTION: what libcurl has no options for. A kernel may know none of them. */
static int ask_often(void *context, curl_socket_t fd, curlsocktype purpose)
{
	const int tries = KEEP_TRIES, gone_ms = GONE_MS;

	(void)context;
	(void)purpose;
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &tries, sizeof(tries));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &gone_ms, sizeof(gone_ms));
	return CURL_SOCKOPT_OK;
}

/* --- what is asked --- */

static int check_url(const char *url, struct bg_error *err)
{
	const char *host = strstr(url, "://");

	if (!begins(url, HTTPS) && !begins(url, HTTP))
		return bg_fail(err, -EINVAL, "%.400s: expected an URL that begins with https://",
			       url);
	host += strlen("://");
	if (memchr(host, '@', strcspn(host, "/?#")))
		return bg_fail(err, -EINVAL,
			       "the URL has a user or a password in it: give these by files");
	return strlen(url) <= MOST_URL_BYTES
		       ? 0
		       : bg_fail(err, -EINVAL, "%.400s…: the URL is longer than %u bytes", url,
				 MOST_URL_BYTES);
}

static int add_header(struct bg_web_transfer *transfer, const char *header)
{
	struct curl_slist *longer = curl_slist_append(transfer->headers, header);

	if (!longer)
		return -ENOMEM;
	transfer->headers = longer;
	return 0;
}

/* It is signed along. */
static int add_session(struct bg_web_transfer *transfer, const char *session)
{
	char *header;
	int rc;

	if (asprintf(&header, "X-Amz-Security-Token: %s", session) < 0)
		return -ENOMEM;
	rc = add_header(transfer, header);
	explicit_bzero(header, strlen(header));
	free(header);
	return rc;
}

static int add_headers(struct bg_web_transfer *transfer, const struct bg_web_request *request)
{
	bg_auto_free char *etag = NULL, *type = NULL;
	int rc = 0;

	if (request->post &&
	    asprintf(&type, "Content-Type: %s", request->post_type ?: "application/json") < 0)
		return -ENOMEM;
	if (request->etag && asprintf(&etag, "If-None-Match: %s", request->etag) < 0)
		return -ENOMEM;
	if (etag)
		rc = add_header(transfer, etag);
	if (!rc && type)
		rc = add_header(transfer, type);
	if (!rc && request->signature && request->signature->session)
		rc = add_session(transfer, request->signature->session);
	for (size_t i = 0; !rc && request->headers && request->headers[i]; i++)
		rc = add_header(transfer, request->headers[i]);
	return rc;
}

/* *failed collects what libcurl says of each option. */
#define SET(option, value) (*failed = *failed ?: curl_easy_setopt(transfer->easy, option, value))

static void set_signature(struct bg_web_transfer *transfer,
			  const struct bg_web_signature *signature, CURLcode *failed)
{
	char scope[128];

	snprintf(scope, sizeof(scope), "aws:amz:%s:%s", signature->region, signature->service);
	SET(CURLOPT_AWS_SIGV4, scope);
	SET(CURLOPT_USERNAME, signature->key_id);
	SET(CURLOPT_PASSWORD, signature->secret);
}

static void set_request(struct bg_web_transfer *transfer, const struct bg_web_request *request,
			CURLcode *failed)
{
	const bool streams = request->line;

	SET(CURLOPT_URL, request->url);
	SET(CURLOPT_HTTPHEADER, transfer->headers);
	if (request->post) {
		SET(CURLOPT_POSTFIELDSIZE, (long)strlen(request->post));
		SET(CURLOPT_COPYPOSTFIELDS, request->post);
	}
	if (request->signature)
		set_signature(transfer, request->signature, failed);
	if (request->method)
		SET(CURLOPT_CUSTOMREQUEST, request->method);
	SET(CURLOPT_TIMEOUT_MS, (long)(request->limit_ms ?: streams ? 0 : LIMIT_MS));
	SET(CURLOPT_FRESH_CONNECT, (long)request->anew);
	SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
	SET(CURLOPT_LOW_SPEED_TIME, (long)(request->silence_s ?: streams ? 0 : SILENCE_S));
}

static void set_callbacks(struct bg_web_transfer *transfer, CURLcode *failed)
{
	SET(CURLOPT_PRIVATE, transfer);
	SET(CURLOPT_WRITEFUNCTION, take_bytes);
	SET(CURLOPT_WRITEDATA, transfer);
	SET(CURLOPT_HEADERFUNCTION, take_header);
	SET(CURLOPT_HEADERDATA, transfer);
	SET(CURLOPT_SOCKOPTFUNCTION, ask_often);
	SET(CURLOPT_ERRORBUFFER, transfer->said);
}

static void set_way(struct bg_web_transfer *transfer, CURLcode *failed)
{
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	/* (whoever sets a variable would see who talks to whom) */
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_USERAGENT, "branchguard-fleet");
	SET(CURLOPT_ACCEPT_ENCODING, "gzip");
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	SET(CURLOPT_PIPEWAIT, 1L);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	SET(CURLOPT_TCP_KEEPIDLE, (long)KEEP_IDLE_S);
	SET(CURLOPT_TCP_KEEPINTVL, (long)KEEP_EACH_S);
}

static int set_identity(struct bg_web_transfer *transfer, const struct bg_web_identity *identity,
			CURLcode *failed, struct bg_error *err)
{
	char *token = NULL;
	int rc;

	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (identity->ca_file) {
		SET(CURLOPT_CAINFO, identity->ca_file);
		SET(CURLOPT_CAPATH, NULL);
	}
	if (identity->certificate_file)
		SET(CURLOPT_SSLCERT, identity->certificate_file);
	if (identity->key_file)
		SET(CURLOPT_SSLKEY, identity->key_file);
	if (!identity->token_file)
		return 0;
	if (!begins(transfer->url, HTTPS))
		return bg_fail(err, -EINVAL,
			       "%.400s: a token goes to servers with https:// only, since anybody "
			       "could read it",
			       transfer->url);
	rc = bg_token_read(identity->token_file, &token, err);
	if (rc)
		return rc;
	SET(CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
	SET(CURLOPT_XOAUTH2_BEARER, token);
	bg_token_free(token);
	return 0;
}

static int set_all(struct bg_web_transfer *transfer, const struct bg_web_identity *identity,
		   const struct bg_web_request *request, struct bg_error *err)
{
	CURLcode failed = CURLE_OK;
	int rc;

	set_callbacks(transfer, &failed);
	set_way(transfer, &failed);
	set_request(transfer, request, &failed);
	rc = set_identity(transfer, identity, &failed, err);
	if (rc || !failed)
		return rc;
	return failed == CURLE_OUT_OF_MEMORY
		       ? bg_no_memory(err, "%.400s", transfer->url)
		       : bg_fail(err, -EINVAL,
				 "%.400s: libcurl: %s: is it built with TLS, HTTP/2 "
				 "and zlib?",
				 transfer->url, curl_easy_strerror(failed));
}

int bg_transfer_new(const struct bg_web_identity *identity, const struct bg_web_request *request,
		    struct bg_web_transfer **made, struct bg_error *err)
{
	bg_cleanup(bg_transfer_free_at) struct bg_web_transfer *transfer = NULL;
	int rc = check_url(request->url, err);

	if (rc)
		return rc;
	transfer = calloc(1, sizeof(*transfer));
	if (!transfer)
		return bg_no_memory(err, "%.400s", request->url);
	transfer->url = strdup(request->url);
	transfer->easy = curl_easy_init();
	transfer->request = *request;
	transfer->request.most_bytes = request->most_bytes ?: MOST_BYTES;
	transfer->lines.most_bytes = transfer->request.most_bytes;
	if (!transfer->url || !transfer->easy || add_headers(transfer, request))
		return bg_no_memory(err, "%.400s", request->url);
	rc = set_all(transfer, identity, request, err);
	if (rc)
		return rc;
	*made = bg_take_ptr(transfer);
	return 0;
}

/* --- the end --- */

void bg_transfer_tell(struct bg_web_transfer *transfer, int code)
{
	struct bg_web_answer answer = {
		.status = status_of(transfer),
		.body = transfer->body ?: "",
		.length_bytes = transfer->length_bytes,
	};
	struct curl_header *etag = NULL;
	curl_off_t retry_s = 0;
	int rc = transfer->rc;

	if (!curl_easy_header(transfer->easy, "etag", 0, CURLH_HEADER, -1, &etag))
		answer.etag = etag->value;
	if (!curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &retry_s) && retry_s > 0)
		answer.retry_after_ms = (double)retry_s * 1000;
	if (!rc && code)
		rc = bg_web_broken(transfer->url, code, transfer->said, &transfer->err);
	transfer->request.ended(transfer->request.context, &answer, rc, &transfer->err);
}

void bg_transfer_free(struct bg_web_transfer *transfer)
{
	curl_easy_cleanup(transfer->easy);
	curl_slist_free_all(transfer->headers);
	bg_lines_release(&transfer->lines);
	free(transfer->body);
	free(transfer->url);
	free(transfer);
}
