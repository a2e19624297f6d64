/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Keys for AWS, as long as they are needed: asked for, and renewed before they expire. */
#ifndef BG_AWS_CREDENTIALS_H
#define BG_AWS_CREDENTIALS_H

#include "fleet/aws/aws_keys.h"
#include "fleet/web/web.h"

struct bg_aws_credentials {
	/* set by who has it; borrowed */
	struct bg_web *web;
	struct bg_aws_env env;
	const char *sts_url;

	struct bg_aws_keys keys;

	/* its own */
	enum bg_aws_keys_from from;
	__u64 renew_ns;	 /* realtime; 0: never */
	double again_ms; /* after a renewal that failed, not before that */
	struct bg_web_transfer *transfer;
	void (*ready)(void *context, int rc, const struct bg_error *err);
	void *context;
};

int bg_aws_credentials_open(struct bg_aws_credentials *credentials, struct bg_error *err);
/*
 * 1: `keys` can be used now. 0: they are asked for, and `ready` will be called, once, by
 * bg_web_step(). Below 0: they cannot even be asked for.
 */
int bg_aws_credentials_get(struct bg_aws_credentials *credentials,
			   void (*ready)(void *context, int rc, const struct bg_error *err),
			   void *context, struct bg_error *err);
/* A server does not take them: the next ones are others, if there are any to be had (true). */
bool bg_aws_credentials_reject(struct bg_aws_credentials *credentials);
void bg_aws_credentials_close(struct bg_aws_credentials *credentials);

#endif
