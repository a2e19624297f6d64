// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Pods, policies and what else a feed is made of, from an API server: a watcher for each kind, which keeps
 * its objects trimmed. publisher.c calls it. It writes nothing there, and never says that it is whole while
 * one of the lists is not, or a watch is behind.
 */
#include "fleet/cluster_watched.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "fleet/gather/known_objects.h"
#include "fleet/kube/watcher.h"

/* Pods have some 5 to 10 kB; a page is parsed at once. */
#define PAGE_OBJECTS 250
#define PAGE_BYTES (8u << 20)
#define RETRY_FIRST_MS 500
#define RETRY_MOST_MS 30000

struct bg_cluster_watched {
	const struct bg_cluster_source *source;
	struct bg_web *web;
	struct bg_known known[BG_TRIMMED_KINDS];
	struct bg_watcher watchers[BG_TRIMMED_KINDS];
	bool was_whole, was_absent[BG_TRIMMED_KINDS]; /* and that was told */
};

/* --- how objects are kept --- */

static int begin(void *known, struct bg_error *err)
{
	(void)err;
	bg_known_begin_list(known);
	return 0;
}

static int put(void *known, const json_t *object, struct bg_error *err)
{
	return bg_known_put(known, object, err);
}

static int take_away(void *known, const json_t *object, struct bg_error *err)
{
	return bg_known_remove(known, object, err);
}

/* (what a list has named that was left off is as true as what was there: all wait for the next one) */
static void end(void *known, bool whole)
{
	if (whole)
		bg_known_end_list(known);
}

#define KIND(name_, path_, may_lack_, asks_)                                                       \
	{ .name = name_,                                                                           \
	  .path = path_,                                                                           \
	  .may_lack = may_lack_,                                                                   \
	  .asks_version = asks_,                                                                   \
	  .page_objects = PAGE_OBJECTS,                                                            \
	  .page_bytes = PAGE_BYTES,                                                                \
	  .list_bytes = SIZE_MAX,                                                                  \
	  .begin = begin,                                                                          \
	  .put = put,                                                                              \
	  .remove = take_away,                                                                     \
	  .end = end }

static const struct bg_watched_kind kinds[BG_TRIMMED_KINDS] = {
	[BG_TRIMMED_PODS] = KIND("Pod", "/api/v1/pods", false, false),
	[BG_TRIMMED_POLICIES] = KIND("SecurityGroupPolicy",
				     "/apis/vpcresources.k8s.aws/v1beta1/securitygrouppolicies",
				     true, false),
	[BG_TRIMMED_ACCOUNTS] = KIND("ServiceAccount", "/api/v1/serviceaccounts", false, false),
	[BG_TRIMMED_SERVICES] = KIND("Service", "/api/v1/services", false, false),
	[BG_TRIMMED_NODES] = KIND("Node", "/api/v1/nodes", false, true),
	/* from Kubernetes 1.33 on */
	[BG_TRIMMED_RANGES] =
		KIND("ServiceCIDR", "/apis/networking.k8s.io/v1/servicecidrs", true, false),
};

/* --- the server --- */

static void tell(struct bg_cluster_watched *watched)
{
	struct bg_error err;
	bool waits;

	for (int i = 0; i < BG_TRIMMED_KINDS; i++) {
		if (watched->watchers[i].is_absent && !watched->was_absent[i])
			bg_log(BG_LOG_INFO, "the API server serves no such kind: there is none",
			       "path=%s", kinds[i].path);
		watched->was_absent[i] = watched->watchers[i].is_absent;
	}
	if (watched->was_whole || bg_cluster_watched_check(watched, &waits, &err))
		return;
	watched->was_whole = true;
	bg_log(BG_LOG_INFO, "the API server has said what there is",
	       "source=%s pods=%zu policies=%zu nodes=%zu", bg_quote(watched->source->text),
	       bg_known_count(&watched->known[BG_TRIMMED_PODS]),
	       bg_known_count(&watched->known[BG_TRIMMED_POLICIES]),
	       bg_known_count(&watched->known[BG_TRIMMED_NODES]));
}

static void changed(void *context)
{
	struct bg_cluster_watched *watched = context;

	tell(watched);
	watched->source->changed(watched->source->context);
}

void bg_cluster_watched_run(struct bg_cluster_watched *watched)
{
	if (bg_watchers_begin_again(watched->watchers, BG_TRIMMED_KINDS))
		bg_log(BG_LOG_WARNING, "the API server has gone back to older versions",
		       "source=%s", bg_quote(watched->source->text));
	for (int i = 0; i < BG_TRIMMED_KINDS; i++)
		bg_watcher_run(&watched->watchers[i]);
}

double bg_cluster_watched_due_ms(const struct bg_cluster_watched *watched)
{
	double due_ms = 0;

	for (int i = 0; i < BG_TRIMMED_KINDS; i++) {
		const double at_ms = watched->watchers[i].due_ms;

		if (at_ms && (!due_ms || at_ms < due_ms))
			due_ms = at_ms;
	}
	return due_ms;
}

int bg_cluster_watched_fd(const struct bg_cluster_watched *watched)
{
	return bg_web_fd(watched->web);
}

void bg_cluster_watched_step(struct bg_cluster_watched *watched)
{
	bg_web_step(watched->web);
}

/* --- what there is --- */

__u64 bg_cluster_watched_changes(const struct bg_cluster_watched *watched)
{
	__u64 changes = 0;

	for (int i = 0; i < BG_TRIMMED_KINDS; i++)
		changes += watched->known[i].changes;
	return changes;
}

int bg_cluster_watched_check(const struct bg_cluster_watched *watched, bool *waits,
			     struct bg_error *err)
{
	*waits = false;
	for (int i = 0; i < BG_TRIMMED_KINDS; i++) {
		if (!*watched->watchers[i].behind.text)
			continue;
		*err = watched->watchers[i].behind;
		return -EAGAIN;
	}
	for (int i = 0; i < BG_TRIMMED_KINDS; i++) {
		if (watched->watchers[i].is_whole)
			continue;
		*waits = true;
		return bg_fail(err, -EAGAIN, "%s%s: its list is not whole yet",
			       watched->source->server.url, kinds[i].path);
	}
	return 0;
}

int bg_cluster_watched_read(const struct bg_cluster_watched *watched, struct bg_cluster *cluster,
			    struct bg_error *err)
{
	int rc = 0;

	for (int i = 0; i < BG_TRIMMED_KINDS && !rc; i++)
		rc = bg_known_read(&watched->known[i], cluster, "k8s", err);
	return rc;
}

/* --- the whole --- */

int bg_cluster_watched_open(const struct bg_cluster_source *source,
			    struct bg_cluster_watched **watched, struct bg_error *err)
{
	struct bg_cluster_watched *made = calloc(1, sizeof(*made));
	int rc;

	if (!made)
		return bg_no_memory(err, BG_GATHERING);
	made->source = source;
	rc = bg_web_open(&source->server.identity, &made->web, err);
	if (rc) {
		free(made);
		return rc;
	}
	for (int i = 0; i < BG_TRIMMED_KINDS; i++) {
		made->known[i].kind = i;
		made->watchers[i] = (struct bg_watcher){
			.web = made->web,
			.server = source->server.url,
			.kind = &kinds[i],
			.watch_s = source->watch_s,
			.objects = &made->known[i],
			.changed = changed,
			.context = made,
			.backoff = { .first_ms = RETRY_FIRST_MS, .most_ms = RETRY_MOST_MS },
			.due_ms = 1,
		};
	}
	*watched = made;
	return 0;
}

void bg_cluster_watched_close(struct bg_cluster_watched *watched)
{
	if (!watched)
		return;
	for (int i = 0; i < BG_TRIMMED_KINDS; i++)
		bg_watcher_release(&watched->watchers[i]);
	bg_web_close(watched->web);
	for (int i = 0; i < BG_TRIMMED_KINDS; i++)
		bg_known_release(&watched->known[i]);
	free(watched);
}
