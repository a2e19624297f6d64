// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Endpoints, tokens and waiting times of etcd. Who follows it asks by this; it begins nothing by itself,
 * and says nothing of what is in user file and token.
 */
#include "fleet/etcd/etcd_client.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "fleet/etcd/etcd_answer.h"
#include "fleet/etcd/etcd_request.h"
#include "fleet/web/token.h"

#define RETRY_FIRST_MS 500
#define RETRY_MOST_MS 30000
/* Before another endpoint is asked. */
#define OTHER_MS 200

void bg_etcd_client_begin(struct bg_etcd_client *client)
{
	client->backoff.first_ms = RETRY_FIRST_MS;
	client->backoff.most_ms = RETRY_MOST_MS;
	/* (not the whole fleet to the same one) */
	client->endpoint = arc4random_uniform((uint32_t)client->at->count);
}

static void forget_token(struct bg_etcd_client *client)
{
	bg_token_free(client->token);
	client->token = NULL;
}

void bg_etcd_client_release(struct bg_etcd_client *client)
{
	forget_token(client);
}

const char *bg_etcd_endpoint(const struct bg_etcd_client *client)
{
	return client->at->url[client->endpoint];
}

/* --- asking --- */

int bg_etcd_start(const struct bg_etcd_client *client, const char *path, const char *body,
		  struct bg_web_request *request, struct bg_web_transfer **transfer,
		  struct bg_error *err)
{
	bg_auto_free char *url = NULL;
	char *authorization = NULL;
	/* without the first one a watch of a member that is cut off from the others is silent */
	const char *headers[3] = { "Grpc-Metadata-hasleader: true" };
	int rc;

	if (!body || asprintf(&url, "%s/v3/%s", bg_etcd_endpoint(client), path) < 0) {
		url = NULL;
		return bg_no_memory(err, "asking %s", bg_etcd_endpoint(client));
	}
	if (client->token && *client->token &&
	    asprintf(&authorization, "Authorization: %s", client->token) < 0)
		return bg_no_memory(err, "asking %s", bg_etcd_endpoint(client));
	headers[1] = authorization;
	request->url = url;
	request->post = body;
	request->headers = headers;
	request->anew = client->backoff.failures || client->tried;
	rc = bg_web_start(client->web, request, transfer, err);
	bg_token_free(authorization);
	return rc;
}

int bg_etcd_judge(const struct bg_etcd_client *client, const struct bg_web_answer *answer, int rc,
		  const struct bg_error *web_err, struct bg_error *err)
{
	if (rc)
		*err = *web_err;
	else if (answer->status != 200)
		rc = bg_etcd_refused(bg_etcd_endpoint(client), answer, err);
	return rc;
}

/* --- logging in --- */

bool bg_etcd_must_log_in(const struct bg_etcd_client *client)
{
	return client->user_file && !client->token;
}

int bg_etcd_log_in(const struct bg_etcd_client *client, struct bg_web_request *request,
		   struct bg_web_transfer **transfer, struct bg_error *err)
{
	char *user = NULL, *body = NULL;
	int rc = bg_secret_read(client->user_file, "user and password", &user, err);

	if (!rc) {
		body = bg_etcd_login_request(user);
		rc = body ? bg_etcd_start(client, "auth/authenticate", body, request, transfer, err)
			  : bg_fail(err, -EINVAL, "%s: expected USER:PASSWORD", client->user_file);
	}
	bg_token_free(user);
	bg_token_free(body);
	return rc;
}

int bg_etcd_logged_in(struct bg_etcd_client *client, const struct bg_web_answer *answer, int rc,
		      const struct bg_error *web_err, struct bg_error *err)
{
	forget_token(client);
	client->token_is_new = true;
	if (!rc && answer->status != 200 && bg_etcd_has_no_users(answer)) {
		client->token = strdup("");
		return client->token ? 0 : bg_no_memory(err, "etcd");
	}
	rc = bg_etcd_judge(client, answer, rc, web_err, err);
	if (rc)
		return rc;
	rc = bg_etcd_read_token(answer->body, answer->length_bytes, &client->token, err);
	return rc ? bg_fail_in(err, rc, "%s: logging in", bg_etcd_endpoint(client)) : 0;
}

/* --- how it went --- */

void bg_etcd_client_well(struct bg_etcd_client *client)
{
	client->token_is_new = false;
}

void bg_etcd_client_settled(struct bg_etcd_client *client)
{
	client->tried = 0;
	client->backoff.failures = 0;
}

double bg_etcd_client_failed(struct bg_etcd_client *client, int rc, double asked_ms)
{
	/* (tokens live for minutes, and die with their member) */
	const bool was_new = client->token_is_new;

	if (rc == -EKEYREJECTED) {
		forget_token(client);
		if (client->user_file && !was_new)
			return 0;
	}
	/* (users may have come since none was needed) */
	if (rc == -EACCES && client->token && !*client->token)
		forget_token(client);
	/* (that something is too old is no fault of who says so) */
	if (rc != -ESTALE) {
		client->endpoint = (client->endpoint + 1) % client->at->count;
		if (++client->tried < client->at->count)
			return bg_jittered_ms(OTHER_MS);
		client->tried = 0;
	}
	return bg_backoff_ms(&client->backoff, asked_ms);
}
