/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which of the endpoints of etcd is asked, and who we are there. Who asks says how it went: after a failure
 * it is another endpoint's turn, and later each time.
 */
#ifndef BG_ETCD_ETCD_CLIENT_H
#define BG_ETCD_ETCD_CLIENT_H

#include <stdbool.h>

#include "fleet/etcd/etcd_source.h"
#include "fleet/web/backoff.h"
#include "fleet/web/web.h"

/* All 0 but for what who has it sets. */
struct bg_etcd_client {
	/* --- set by who has it --- */
	struct bg_web *web;
	const struct bg_etcd_source *at;
	const char *user_file; /* "USER:PASSWORD", read for each login; NULL: none */

	/* --- */
	size_t endpoint, tried; /* which one is asked; how many were in vain since all was well */
	struct bg_backoff backoff;
	char *token;	   /* "": none is needed; NULL: to be asked for, if there is a user_file */
	bool token_is_new; /* nothing went well with it yet */
};

void bg_etcd_client_begin(struct bg_etcd_client *client);
void bg_etcd_client_release(struct bg_etcd_client *client);

/* The URL that is asked now. */
const char *bg_etcd_endpoint(const struct bg_etcd_client *client);
/* Asks it /v3/PATH with this body (NULL: there was no memory for it). What *request has besides
 * is the caller's. */
int bg_etcd_start(const struct bg_etcd_client *client, const char *path, const char *body,
		  struct bg_web_request *request, struct bg_web_transfer **transfer,
		  struct bg_error *err);
/* What bg_web_request.ended was told: 0 for an answer with status 200, else why there is none. */
int bg_etcd_judge(const struct bg_etcd_client *client, const struct bg_web_answer *answer, int rc,
		  const struct bg_error *web_err, struct bg_error *err);

/* Before anything else can be asked: a login is to be begun, and what it says taken. */
bool bg_etcd_must_log_in(const struct bg_etcd_client *client);
int bg_etcd_log_in(const struct bg_etcd_client *client, struct bg_web_request *request,
		   struct bg_web_transfer **transfer, struct bg_error *err);
int bg_etcd_logged_in(struct bg_etcd_client *client, const struct bg_web_answer *answer, int rc,
		      const struct bg_error *web_err, struct bg_error *err);

/* Something went well. */
void bg_etcd_client_well(struct bg_etcd_client *client);
/* All has gone well for a while: what fails from here on is something new. */
void bg_etcd_client_settled(struct bg_etcd_client *client);
/* Something failed, by `rc`: after how long something may be asked again; 0: at once, since only the
 * token has to be another one. */
double bg_etcd_client_failed(struct bg_etcd_client *client, int rc, double asked_ms);

#endif
