// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * EC2 as a source of the publisher: where it is asked, by which keys, and what it has said. The
 * publisher has one in its loop. Keys and tokens get into no message, and into no core.
 */
#include "fleet/ec2_watched.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/grow.h"
#include "base/log.h"
#include "fleet/aws/ec2_client.h"

#define URL_TEXT 512
/* A page that EC2 would not give at once is nothing to tell. */
#define TELL_MS 5000
/* A filter takes so many values. */
#define MOST_VPCS 200

struct bg_ec2_watched {
	struct bg_ec2_source source;
	struct bg_ec2 ec2;
	struct bg_aws_credentials credentials;
	struct bg_web *web;
	char url[URL_TEXT], sts_url[URL_TEXT];
	char *vpcs; /* cut into: */
	char **vpc;
	size_t vpc_count;
	bool told;
};
BG_CLEANUP_OF(bg_ec2_watched_close, struct bg_ec2_watched)

/* --- what is asked, and where --- */

static int check_url(const char *option, const char *url, struct bg_error *err)
{
	return !url || (bg_aws_url_is_safe(url, false) && strlen(url) < URL_TEXT)
		       ? 0
		       : bg_fail(err, -EINVAL,
				 "%s %.200s: expected https://HOST, or http:// to this node",
				 option, bg_aws_url_said(url));
}

static bool is_vpc(const char *text, size_t length)
{
	return length > 4 && length < 64 && !strncmp(text, "vpc-", 4) &&
	       strspn(text + 4, "0123456789abcdef") >= length - 4;
}

static int check_vpcs(const char *vpcs, struct bg_error *err)
{
	size_t count = 0;

	for (const char *at = vpcs; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
		if (!is_vpc(at, strcspn(at, ",")) || ++count > MOST_VPCS)
			return bg_fail(err, -EINVAL,
				       "--vpc %.200s: expected ids of VPCs with commas between, "
				       "vpc-0a1,vpc-0b2, and %d at most",
				       vpcs, MOST_VPCS);
	return 0;
}

static const char *region_of(const struct bg_ec2_source *source, const struct bg_aws_env *env)
{
	return source->region ?: env->region;
}

int bg_ec2_source_check(const struct bg_ec2_source *source, struct bg_error *err)
{
	enum bg_aws_keys_from from;
	struct bg_aws_env env;
	const char *region;
	int rc;

	bg_aws_env_read(&env);
	region = region_of(source, &env);
	if (!region)
		return bg_fail(err, -EINVAL,
			       "%s which region? Expected --region, or AWS_REGION in the "
			       "environment",
			       source->text);
	if (!bg_aws_is_region(region))
		return bg_fail(err, -EINVAL,
			       "%s region %.100s: expected the name of one, such as us-west-2",
			       source->text, region);
	rc = check_url("--ec2-endpoint", source->url, err) ?:
	     check_url("--sts-endpoint", source->sts_url, err) ?:
	     check_vpcs(source->vpcs, err) ?: bg_aws_keys_where(&env, &from, err);
	return rc ? bg_fail_in(err, rc, "%s", source->text) : 0;
}

static void put_url(char url[URL_TEXT], const char *given, const char *service, const char *region)
{
	if (given)
		snprintf(url, URL_TEXT, "%s", given);
	else
		snprintf(url, URL_TEXT, "https://%s.%s.amazonaws.com%s", service, region,
			 !strncmp(region, "cn-", 3) ? ".cn" : "");
}

static int cut_vpcs(struct bg_ec2_watched *watched, const char *vpcs, struct bg_error *err)
{
	char *at;

	if (!vpcs)
		return 0;
	watched->vpcs = strdup(vpcs);
	at = watched->vpcs;
	while (at) {
		char *id = strsep(&at, ","), **added = BG_GROW(watched->vpc, watched->vpc_count);

		if (!added)
			return bg_no_memory(err, "ids of VPCs");
		*added = id;
	}
	return watched->vpcs ? 0 : bg_no_memory(err, "ids of VPCs");
}

/* --- in its loop --- */

static void changed(void *context)
{
	const struct bg_ec2_watched *watched = context;

	watched->source.changed(watched->source.context);
}

int bg_ec2_watched_open(const struct bg_ec2_source *source, struct bg_ec2_watched **watched,
			struct bg_error *err)
{
	bg_cleanup(bg_ec2_watched_close_at) struct bg_ec2_watched *made = calloc(1, sizeof(*made));
	const struct rlimit no_core = {};
	struct bg_web_identity identity = {};
	const char *region;
	int rc;

	if (!made)
		return bg_no_memory(err, "EC2");
	rc = bg_ec2_source_check(source, err);
	if (rc)
		return rc;
	/* keys would be in it */
	setrlimit(RLIMIT_CORE, &no_core);
	made->source = *source;
	bg_aws_env_read(&made->credentials.env);
	region = region_of(source, &made->credentials.env);
	put_url(made->url, source->url, "ec2", region);
	put_url(made->sts_url, source->sts_url, "sts", region);
	identity.ca_file = made->credentials.env.ca_file;
	made->credentials.sts_url = made->sts_url;
	rc = cut_vpcs(made, source->vpcs, err) ?:
	     bg_web_open(&identity, &made->web, err) ?:
	     bg_aws_credentials_open(&made->credentials, err);
	if (rc)
		return rc;
	made->credentials.web = made->web;
	made->ec2 = (struct bg_ec2){
		.web = made->web,
		.credentials = &made->credentials,
		.url = made->url,
		.region = region,
		.vpcs = made->vpc,
		.vpc_count = made->vpc_count,
		.interval_ms = (source->interval_s ?: BG_EC2_INTERVAL_S) * 1000.0,
		.changed = changed,
		.context = made,
	};
	bg_ec2_open(&made->ec2);
	*watched = bg_take_ptr(made);
	return 0;
}

void bg_ec2_watched_close(struct bg_ec2_watched *watched)
{
	if (!watched)
		return;
	bg_ec2_close(&watched->ec2);
	bg_aws_credentials_close(&watched->credentials);
	if (watched->web)
		bg_web_close(watched->web);
	free(watched->vpc);
	free(watched->vpcs);
	free(watched);
}

int bg_ec2_watched_fd(const struct bg_ec2_watched *watched)
{
	return bg_web_fd(watched->web);
}

void bg_ec2_watched_step(struct bg_ec2_watched *watched)
{
	bg_web_step(watched->web);
}

void bg_ec2_watched_run(struct bg_ec2_watched *watched)
{
	bg_ec2_run(&watched->ec2);
}

double bg_ec2_watched_due_ms(const struct bg_ec2_watched *watched)
{
	return watched->ec2.due_ms;
}

void bg_ec2_watched_again(struct bg_ec2_watched *watched)
{
	bg_ec2_now(&watched->ec2);
}

/* --- what it has --- */

__u64 bg_ec2_watched_changes(const struct bg_ec2_watched *watched)
{
	return watched->ec2.serial;
}

int bg_ec2_watched_check(const struct bg_ec2_watched *watched, bool *waits, struct bg_error *err)
{
	const struct bg_ec2 *ec2 = &watched->ec2;

	*waits = !ec2->swept_ns && !ec2->failed;
	if (ec2->swept_ns)
		return 0;
	return bg_fail(err, -EAGAIN, "%s has not described everything yet%s%s",
		       watched->source.text, *ec2->wrong.text ? ": " : "", ec2->wrong.text);
}

int bg_ec2_watched_read(const struct bg_ec2_watched *watched, struct bg_cluster *cluster,
			struct bg_error *err)
{
	const struct bg_ec2_texts *texts = &watched->ec2.texts;
	int rc = 0;

	for (size_t i = 0; i < texts->count && !rc; i++)
		rc = bg_cluster_read(cluster, texts->text[i].name, texts->text[i].text,
				     texts->text[i].length_bytes, err);
	return rc;
}

void bg_ec2_watched_state(const struct bg_ec2_watched *watched, struct bg_ec2_state *state)
{
	const struct bg_ec2 *ec2 = &watched->ec2;

	*state = (struct bg_ec2_state){
		.url = watched->url,
		.swept_ns = ec2->swept_ns,
		.swept_ms = ec2->swept_ms,
		.wrong_since_ns = ec2->wrong_since_ns,
		.wrong = ec2->wrong.text,
		.sweeps = ec2->sweeps,
		.requests = ec2->requests,
		.retries = ec2->retries,
	};
}

void bg_ec2_watched_tell(struct bg_ec2_watched *watched)
{
	const struct bg_ec2 *ec2 = &watched->ec2;
	const bool is_wrong = ec2->wrong_since_ns && bg_monotonic_ms() - ec2->wrong_ms > TELL_MS;

	if (is_wrong && !watched->told)
		bg_log(BG_LOG_WARNING, "EC2 does not describe everything: what it said last stays",
		       "reason=%s wrong_s=%.0f", bg_quote(ec2->wrong.text),
		       (bg_monotonic_ms() - ec2->wrong_ms) / 1000);
	else if (!ec2->wrong_since_ns && watched->told)
		bg_log(BG_LOG_INFO, "EC2 describes everything again", "requests=%llu",
		       ec2->requests);
	if (is_wrong || !ec2->wrong_since_ns)
		watched->told = is_wrong;
}
