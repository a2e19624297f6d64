// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Gets keys where aws_keys.c says that they come from, by the role of a service account (STS) or
 * by EKS's agent of Pod Identity, whose tokens kubelet puts into files. ec2_client.c calls it before each
 * request. What it says has nothing of a token, a key or an answer in it.
 */
#include "fleet/aws/credentials.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "fleet/aws/form.h"
#include "fleet/aws/refusal.h"
#include "fleet/web/token.h"

/* So long before they expire they are renewed, or at half of their time; */
#define EARLY_NS (300 * BG_NS_PER_S)
/* and so long before, they are not used any more: a request takes its time. */
#define LATE_NS (10 * BG_NS_PER_S)
/* While they can be used. */
#define AGAIN_MS 30000
#define MOST_ANSWER_BYTES (64u << 10)
#define SESSION_NAME "branchguard-fleet"

BG_CLEANUP_OF(bg_token_free, char)

int bg_aws_credentials_open(struct bg_aws_credentials *credentials, struct bg_error *err)
{
	const struct bg_aws_env *env = &credentials->env;
	int rc = bg_aws_keys_where(env, &credentials->from, err);

	if (rc || credentials->from != BG_AWS_KEYS_OF_ENVIRONMENT)
		return rc;
	return bg_aws_keys_copy(&credentials->keys, env->key_id, env->secret, env->session, err);
}

static bool usable(const struct bg_aws_credentials *credentials)
{
	const struct bg_aws_keys *keys = &credentials->keys;

	return keys->id && (!keys->expires_ns || bg_realtime_ns() + LATE_NS < keys->expires_ns);
}

/* --- answers --- */

static const char *asked_for(const struct bg_aws_credentials *credentials)
{
	return credentials->from == BG_AWS_KEYS_OF_ROLE ? "AssumeRoleWithWebIdentity"
							: "keys of Pod Identity";
}

static const char *asked_at(const struct bg_aws_credentials *credentials)
{
	return credentials->from == BG_AWS_KEYS_OF_ROLE ? credentials->sts_url
							: credentials->env.container_url;
}

static int take(struct bg_aws_credentials *credentials, const struct bg_web_answer *answer,
		struct bg_error *err)
{
	const __u64 now_ns = bg_realtime_ns();
	struct bg_aws_keys *keys = &credentials->keys, made = {};
	__u64 left_ns;
	int rc;

	if (answer->status != 200)
		return bg_aws_refused(asked_for(credentials), asked_at(credentials), answer, NULL,
				      err);
	rc = (credentials->from == BG_AWS_KEYS_OF_ROLE ? bg_aws_keys_of_sts : bg_aws_keys_of_agent)(
		answer->body, answer->length_bytes, &made, err);
	if (!rc)
		rc = bg_aws_keys_replace(keys, &made, now_ns + LATE_NS, err);
	if (rc)
		return bg_fail_in(err, rc, "%s at %.400s", asked_for(credentials),
				  asked_at(credentials));
	left_ns = keys->expires_ns - now_ns;
	credentials->renew_ns =
		keys->expires_ns - (left_ns / 2 < EARLY_NS ? left_ns / 2 : EARLY_NS);
	return 0;
}

static void ended(void *context, const struct bg_web_answer *answer, int rc,
		  const struct bg_error *why)
{
	struct bg_aws_credentials *credentials = context;
	struct bg_error err = {};

	credentials->transfer = NULL;
	if (rc)
		err = *why;
	else
		rc = take(credentials, answer, &err);
	if (rc && usable(credentials)) {
		bg_log(BG_LOG_WARNING, "keys for AWS are not renewed: the old ones go on",
		       "error=%s left_s=%llu", bg_quote(err.text),
		       (credentials->keys.expires_ns - bg_realtime_ns()) / BG_NS_PER_S);
		credentials->again_ms = bg_monotonic_ms() + AGAIN_MS;
		rc = 0;
	}
	credentials->ready(credentials->context, rc, &err);
}

/* --- requests --- */

static int ask_sts(struct bg_aws_credentials *credentials, struct bg_error *err)
{
	bg_cleanup(bg_form_release) struct bg_form form = {};
	bg_cleanup(bg_token_free_at) char *token = NULL;
	int rc = bg_token_read(credentials->env.web_token_file, &token, err);

	if (rc)
		return rc;
	bg_form_add(&form, "Action", "AssumeRoleWithWebIdentity");
	bg_form_add(&form, "Version", "2011-06-15");
	bg_form_add(&form, "RoleArn", credentials->env.role_arn);
	bg_form_add(&form, "RoleSessionName", credentials->env.session_name ?: SESSION_NAME);
	bg_form_add(&form, "WebIdentityToken", token);
	if (form.failed)
		return bg_no_memory(err, "asking for keys for AWS");
	return bg_web_start(credentials->web,
			    &(struct bg_web_request){
				    .url = credentials->sts_url,
				    .post = form.text,
				    .post_type = BG_WEB_FORM,
				    .most_bytes = MOST_ANSWER_BYTES,
				    .ended = ended,
				    .context = credentials,
			    },
			    &credentials->transfer, err);
}

static int ask_agent(struct bg_aws_credentials *credentials, struct bg_error *err)
{
	bg_cleanup(bg_token_free_at) char *token = NULL;
	bg_cleanup(bg_token_free_at) char *header = NULL;
	int rc = bg_token_read(credentials->env.container_token_file, &token, err);

	if (rc)
		return rc;
	if (asprintf(&header, "Authorization: %s", token) < 0) {
		header = NULL;
		return bg_no_memory(err, "asking for keys for AWS");
	}
	return bg_web_start(credentials->web,
			    &(struct bg_web_request){
				    .url = credentials->env.container_url,
				    .headers = (const char *const[]){ header, NULL },
				    .most_bytes = MOST_ANSWER_BYTES,
				    .ended = ended,
				    .context = credentials,
			    },
			    &credentials->transfer, err);
}

int bg_aws_credentials_get(struct bg_aws_credentials *credentials,
			   void (*ready)(void *context, int rc, const struct bg_error *err),
			   void *context, struct bg_error *err)
{
	const bool can_be = usable(credentials);
	int rc;

	if (can_be && (!credentials->renew_ns || bg_realtime_ns() < credentials->renew_ns ||
		       bg_monotonic_ms() < credentials->again_ms))
		return 1;
	credentials->ready = ready;
	credentials->context = context;
	rc = credentials->from == BG_AWS_KEYS_OF_ROLE ? ask_sts(credentials, err)
						      : ask_agent(credentials, err);
	if (!rc || !can_be)
		return rc;
	bg_log(BG_LOG_WARNING, "keys for AWS are not renewed: the old ones go on", "error=%s",
	       bg_quote(err->text));
	credentials->again_ms = bg_monotonic_ms() + AGAIN_MS;
	return 1;
}

bool bg_aws_credentials_reject(struct bg_aws_credentials *credentials)
{
	if (credentials->from == BG_AWS_KEYS_OF_ENVIRONMENT)
		return false;
	bg_aws_keys_release(&credentials->keys);
	return true;
}

void bg_aws_credentials_close(struct bg_aws_credentials *credentials)
{
	if (credentials->transfer)
		bg_web_cancel(bg_take_ptr(credentials->transfer));
	bg_aws_keys_release(&credentials->keys);
}
