// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * List and watch of one kind. follow_k8s.c and cluster_watched.c have one for each; it never takes
 * silence, an error or half a list for "there is nothing", and asks again later each time at another
 * moment.
 */
#include "fleet/kube/watcher.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "fleet/kube/discovery.h"
#include "fleet/kube/resource.h"
#include "fleet/web/refused.h"

/* An object, and what the server has added to it. */
#define EVENT_BYTES (4u << 20)
/* A watch that ends sooner than that was none. */
#define SHORT_MS 1000
/* How much longer than it was asked for a watch may take to end before it hangs. */
#define SLACK_MS 5000
/* When it is asked again for a kind that the server does not serve. */
#define ABSENT_MS 30000

#define URL_TEXT 8192

/* --- what is next --- */

static void next(struct bg_watcher *watcher, double in_ms)
{
	watcher->due_ms = bg_monotonic_ms() + in_ms;
	watcher->changed(watcher->context);
}

static void forget_list(struct bg_watcher *watcher)
{
	if (watcher->is_listing)
		watcher->kind->end(watcher->objects, false);
	watcher->is_listing = false;
	watcher->listed_bytes = 0;
	free(watcher->more);
	watcher->more = NULL;
}

/* What there is now is not known, until it is asked again. */
static void fall_behind(struct bg_watcher *watcher, int rc, const struct bg_error *err,
			double asked_ms)
{
	watcher->behind = *err;
	/* what it says makes no sense, or is too old: what was missed is not known */
	if (rc == -ESTALE || rc == -EPROTO || rc == -ENOENT)
		watcher->relist = true;
	forget_list(watcher);
	next(watcher, bg_backoff_ms(&watcher->backoff, asked_ms));
}

static void is_well(struct bg_watcher *watcher)
{
	watcher->behind = (struct bg_error){};
	watcher->changed(watcher->context);
}

static void start(struct bg_watcher *watcher, struct bg_web_request *request)
{
	struct bg_error err;
	int rc;

	request->context = watcher;
	request->anew = watcher->backoff.failures;
	watcher->due_ms = 0;
	watcher->began_ms = bg_monotonic_ms();
	rc = bg_web_start(watcher->web, request, &watcher->transfer, &err);
	if (rc)
		fall_behind(watcher, rc, &err, 0);
}

/* The caller frees it. */
static char *url_of(const struct bg_watcher *watcher, const char *query, const char *more)
{
	bg_auto_free char *whole = NULL;

	if (asprintf(&whole, "%s%s%s", query,
		     watcher->name ? "&fieldSelector=metadata.name%3D" : "",
		     watcher->name ?: "") < 0) {
		whole = NULL;
		return NULL;
	}
	return bg_k8s_url(watcher->server, watcher->kind->path, NULL, whole, more);
}

/* --- the watch --- */

static int take_event(void *context, const char *line, size_t length_bytes, struct bg_error *err)
{
	struct bg_watcher *watcher = context;
	struct bg_k8s_event event;
	int rc = bg_k8s_read_event(line, length_bytes, &event, err);

	if (rc)
		return rc;
	if (event.type == BG_K8S_PUT)
		rc = watcher->kind->put(watcher->objects, event.object, err);
	else if (event.type == BG_K8S_GONE)
		rc = watcher->kind->remove(watcher->objects, event.object, err);
	json_decref(event.object);
	if (rc)
		return rc;
	watcher->version = event.version;
	if (event.type != BG_K8S_BOOKMARK)
		watcher->changed(watcher->context);
	return 0;
}

static void watch_opened(void *context)
{
	is_well(context);
}

/* --- the version --- */

/* A server that has gone back says nothing in watches until it has counted up to our version. */
static void version_ended(void *context, const struct bg_web_answer *answer, int rc,
			  const struct bg_error *err)
{
	struct bg_watcher *watcher = context;
	struct bg_k8s_page page = {};
	struct bg_error why = *err;

	watcher->transfer = NULL;
	if (!rc && answer->status != 200)
		rc = bg_web_refused(watcher->server, answer, &why);
	else if (!rc)
		rc = bg_k8s_read_page(watcher->kind->name, answer->body, answer->length_bytes,
				      &page, &why);
	if (!rc && bg_k8s_is_older(&page.version, &watcher->version)) {
		watcher->went_back = watcher->relist = true;
		watcher->version = (struct bg_k8s_version){};
	}
	bg_k8s_release_page(&page);
	if (rc)
		fall_behind(watcher, rc, &why, answer->retry_after_ms);
	else
		next(watcher, 0);
}

static void ask_version(struct bg_watcher *watcher)
{
	bg_auto_free char *url = url_of(watcher, "limit=1", NULL);
	struct bg_web_request request = {
		.url = url ?: "",
		.most_bytes = watcher->kind->page_bytes,
		.ended = version_ended,
	};

	start(watcher, &request);
}

/* --- the end of a watch --- */

static void watch_ended(void *context, const struct bg_web_answer *answer, int rc,
			const struct bg_error *err)
{
	struct bg_watcher *watcher = context;
	struct bg_error refused;

	watcher->transfer = NULL;
	/* one object is soon asked for, and says whether the server is still the same */
	watcher->relist = watcher->relist || watcher->name;
	if (!rc && answer->status != 200) {
		rc = bg_web_refused(watcher->server, answer, &refused);
		/* (what is too old is no fault of the server) */
		fall_behind(watcher, rc == -EPROTO ? -EAGAIN : rc, &refused,
			    answer->retry_after_ms);
	} else if (rc) {
		/* what broke on the way goes on where it was */
		fall_behind(watcher, rc, err, 0);
	} else if (bg_monotonic_ms() - watcher->began_ms < SHORT_MS) {
		next(watcher, bg_backoff_ms(&watcher->backoff, 0));
	} else {
		watcher->backoff.failures = 0;
		if (watcher->kind->asks_version)
			ask_version(watcher);
		else
			next(watcher, 0);
	}
}

static void begin_watch(struct bg_watcher *watcher)
{
	const unsigned int watch_s =
		(unsigned int)(bg_jittered_ms(watcher->watch_s * 1000.0) / 1000) ?: 1;
	bg_auto_free char *url = NULL;
	char query[256];
	struct bg_web_request request = {
		.limit_ms = (int)watch_s * 1000 + SLACK_MS,
		.most_bytes = EVENT_BYTES,
		.line = take_event,
		.opened = watch_opened,
		.ended = watch_ended,
	};

	snprintf(query, sizeof(query),
		 "watch=1&allowWatchBookmarks=true&timeoutSeconds=%u&resourceVersion=%s", watch_s,
		 watcher->version.text);
	url = url_of(watcher, query, NULL);
	request.url = url ?: "";
	start(watcher, &request);
}

/* --- the list --- */

/* `end` of what has begun: that is all there is. */
static void take_list(struct bg_watcher *watcher)
{
	watcher->kind->end(watcher->objects, true);
	watcher->is_listing = false;
	watcher->is_whole = true;
	forget_list(watcher);
	watcher->backoff.failures = 0;
	is_well(watcher);
}

static void take_last_page(struct bg_watcher *watcher, const struct bg_k8s_version *version)
{
	if (bg_k8s_is_older(version, &watcher->version))
		watcher->went_back = true;
	watcher->version = *version;
	watcher->relist = false;
	watcher->is_absent = false;
	take_list(watcher);
	next(watcher, 0);
}

static int take_page(struct bg_watcher *watcher, const struct bg_web_answer *answer,
		     struct bg_error *err)
{
	const struct bg_watched_kind *kind = watcher->kind;
	struct bg_k8s_page page;
	json_t *object;
	size_t i;
	int rc = bg_k8s_read_page(kind->name, answer->body, answer->length_bytes, &page, err);

	if (rc)
		return rc;
	watcher->listed_bytes += answer->length_bytes;
	if (watcher->listed_bytes > kind->list_bytes)
		rc = bg_fail(err, -E2BIG, "found more than %zu bytes of %s, expected no more",
			     kind->list_bytes, kind->name);
	watcher->is_whole = false;
	json_array_foreach (page.objects, i, object)
		rc = rc ?: kind->put(watcher->objects, object, err);
	if (!rc && page.more) {
		free(watcher->more);
		watcher->more = bg_take_ptr(page.more);
		next(watcher, 0);
	} else if (!rc) {
		take_last_page(watcher, &page.version);
	}
	bg_k8s_release_page(&page);
	return rc;
}

/* --- a kind that is not there --- */

/* The server has said so itself. */
static void take_absence(struct bg_watcher *watcher)
{
	watcher->version = (struct bg_k8s_version){};
	watcher->is_absent = true;
	take_list(watcher);
	next(watcher, bg_jittered_ms(ABSENT_MS));
}

typedef void ended_fn(void *context, const struct bg_web_answer *answer, int rc,
		      const struct bg_error *err);

static void ask_for(struct bg_watcher *watcher, const char *path, ended_fn *ended)
{
	char url[URL_TEXT];
	struct bg_web_request request = { .url = url, .ended = ended };

	snprintf(url, sizeof(url), "%s%s", watcher->server, path);
	start(watcher, &request);
}

typedef int lacks_fn(const struct bg_k8s_resource *resource, const char *text, size_t length_bytes,
		     bool *lacks, struct bg_error *err);

/* The server was asked what it serves: by that the kind is not there, or the answer is none. */
static void conclude(struct bg_watcher *watcher, const struct bg_web_answer *answer, int rc,
		     const struct bg_error *err, lacks_fn *find_lack)
{
	struct bg_k8s_resource resource;
	struct bg_error why = *err;
	bool lacks = false;

	if (!rc && answer->status != 200)
		rc = bg_web_refused(watcher->server, answer, &why);
	else if (!rc)
		rc = bg_k8s_resource_of(watcher->kind->path, &resource)
			     ?: find_lack(&resource, answer->body, answer->length_bytes, &lacks,
					  &why);
	if (!rc && lacks) {
		take_absence(watcher);
		return;
	}
	if (!rc)
		rc = bg_fail(
			&why, -ENOENT,
			"%s%s: HTTP 404, but the server says that it serves that, or others of "
			"its group: asked again later",
			watcher->server, watcher->kind->path);
	fall_behind(watcher, rc, &why, answer->retry_after_ms);
}

static void groups_ended(void *context, const struct bg_web_answer *answer, int rc,
			 const struct bg_error *err)
{
	struct bg_watcher *watcher = context;

	watcher->transfer = NULL;
	conclude(watcher, answer, rc, err, bg_k8s_lacks_group);
}

static void resources_ended(void *context, const struct bg_web_answer *answer, int rc,
			    const struct bg_error *err)
{
	struct bg_watcher *watcher = context;

	watcher->transfer = NULL;
	if (!rc && answer->status == 404)
		ask_for(watcher, "/apis", groups_ended);
	else
		conclude(watcher, answer, rc, err, bg_k8s_lacks_resource);
}

/* Is it the kind that is not there, or only the answer? */
static void ask_what_there_is(struct bg_watcher *watcher)
{
	char path[URL_TEXT];
	const char *slash = strrchr(watcher->kind->path, '/');

	snprintf(path, sizeof(path), "%.*s", (int)(slash - watcher->kind->path),
		 watcher->kind->path);
	ask_for(watcher, path, resources_ended);
}

/* --- pages --- */

static void page_ended(void *context, const struct bg_web_answer *answer, int rc,
		       const struct bg_error *err)
{
	struct bg_watcher *watcher = context;
	struct bg_error why;

	watcher->transfer = NULL;
	if (!rc && answer->status == 404 && watcher->kind->may_lack && !watcher->more) {
		ask_what_there_is(watcher);
		return;
	}
	if (rc == -E2BIG && watcher->page_objects > 1) {
		/* (the objects themselves have bounds: some of them are larger than most) */
		watcher->page_objects /= 2;
		next(watcher, 0);
		return;
	}
	if (!rc && answer->status == 200) {
		rc = take_page(watcher, answer, &why);
		if (rc)
			bg_fail_in(&why, rc, "%s: listing %s", watcher->server,
				   watcher->kind->name);
	} else if (!rc) {
		rc = bg_web_refused(watcher->server, answer, &why);
	} else {
		why = *err;
	}
	if (rc)
		fall_behind(watcher, rc, &why, answer->retry_after_ms);
}

static int begin_list(struct bg_watcher *watcher, struct bg_error *err)
{
	int rc = watcher->kind->begin(watcher->objects, err);

	watcher->is_listing = !rc;
	/* (while it is asked whether there is such a kind by now, there is none) */
	watcher->is_whole = watcher->is_absent;
	watcher->page_objects = watcher->kind->page_objects;
	return rc;
}

static void begin_page(struct bg_watcher *watcher)
{
	bg_auto_free char *url = NULL;
	char query[64];
	struct bg_web_request request = { .most_bytes = watcher->kind->page_bytes,
					  .ended = page_ended };
	struct bg_error err;
	int rc = watcher->is_listing ? 0 : begin_list(watcher, &err);

	if (rc) {
		fall_behind(watcher, rc, &err, 0);
		return;
	}
	snprintf(query, sizeof(query), "limit=%u", watcher->page_objects);
	url = url_of(watcher, query, watcher->more);
	request.url = url ?: "";
	start(watcher, &request);
}

/* --- from outside --- */

void bg_watcher_run(struct bg_watcher *watcher)
{
	if (!watcher->due_ms || watcher->due_ms > bg_monotonic_ms())
		return;
	if (watcher->relist || !*watcher->version.text)
		begin_page(watcher);
	else
		begin_watch(watcher);
}

static void begin_again(struct bg_watcher *watcher)
{
	watcher->relist = true;
	if (watcher->transfer)
		bg_web_cancel(bg_take_ptr(watcher->transfer));
	forget_list(watcher);
	next(watcher, 0);
}

bool bg_watchers_begin_again(struct bg_watcher *watchers, size_t count)
{
	bool went_back = false;

	for (size_t i = 0; i < count; i++)
		went_back = went_back || watchers[i].went_back;
	for (size_t i = 0; went_back && i < count; i++) {
		if (!watchers[i].went_back)
			begin_again(&watchers[i]);
		watchers[i].went_back = false;
	}
	return went_back;
}

void bg_watcher_release(struct bg_watcher *watcher)
{
	if (watcher->transfer)
		bg_web_cancel(bg_take_ptr(watcher->transfer));
	forget_list(watcher);
}
