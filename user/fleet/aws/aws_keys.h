/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The keys by which requests to AWS are signed, and where they come from. Pure, but for the
 * environment. No error says anything of a key. */
#ifndef BG_AWS_AWS_KEYS_H
#define BG_AWS_AWS_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

#include "base/error.h"

struct bg_aws_keys {
	char *id, *secret;
	char *session;	  /* NULL: none */
	__u64 expires_ns; /* realtime; 0 = never */
};

/* What the variables of the AWS CLI say; NULL: it is not set, or empty. Borrowed. */
struct bg_aws_env {
	const char *region;
	const char *key_id, *secret, *session;
	const char *role_arn, *web_token_file, *session_name;
	const char *container_url, *container_token_file;
	const char *ca_file;
};

enum bg_aws_keys_from {
	BG_AWS_KEYS_OF_ENVIRONMENT,
	BG_AWS_KEYS_OF_ROLE,	  /* IRSA: by STS, with a token of the service account */
	BG_AWS_KEYS_OF_CONTAINER, /* EKS Pod Identity: by an agent on the node */
};

void bg_aws_env_read(struct bg_aws_env *env);
/* Which of them it names, the first in that order; or what is missing. */
int bg_aws_keys_where(const struct bg_aws_env *env, enum bg_aws_keys_from *from,
		      struct bg_error *err);

/* https, or http to this node (of_agent: or to the agent's own addresses). */
bool bg_aws_url_is_safe(const char *url, bool of_agent);
/* It, for a message: without what may be a password. */
const char *bg_aws_url_said(const char *url);
/* The name of a region, which becomes part of a host's. */
bool bg_aws_is_region(const char *region);

/* Of answers; *keys is written only when all of it is well. */
int bg_aws_keys_of_sts(const char *text, size_t length_bytes, struct bg_aws_keys *keys,
		       struct bg_error *err);
int bg_aws_keys_of_agent(const char *text, size_t length_bytes, struct bg_aws_keys *keys,
			 struct bg_error *err);
int bg_aws_keys_copy(struct bg_aws_keys *keys, const char *id, const char *secret,
		     const char *session, struct bg_error *err);
/* By keys that can be used after now_ns; others leave them as they are. *with is empty then. */
int bg_aws_keys_replace(struct bg_aws_keys *keys, struct bg_aws_keys *with, __u64 now_ns,
			struct bg_error *err);
/* Has this text one of them in it? */
bool bg_aws_keys_in(const struct bg_aws_keys *keys, const char *text);
void bg_aws_keys_release(struct bg_aws_keys *keys);

#endif
