// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * List and watch of one kind. follow_k8s.c has one for each; it never takes silence, an error or
 * half a list for "there is nothing", and asks again later each time at another moment.
 */
#include "fleet/kube/watcher.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "fleet/web/refused.h"

#define PAGE_OBJECTS 100u
#define PAGE_BYTES (32u << 20)
#define LIST_BYTES (128u << 20)
/* An object, and what the server has added to it. */
#define EVENT_BYTES (4u << 20)
/* A watch that ends sooner than that was none. */
#define SHORT_MS 1000
/* How much longer than it was asked for a watch may take to end before it hangs. */
#define SLACK_MS 5000

#define URL_TEXT 8192

/* --- what is next --- */

static void next(struct bg_watcher *watcher, double in_ms)
{
	watcher->due_ms = bg_monotonic_ms() + in_ms;
	watcher->changed(watcher->context);
}

static void forget_list(struct bg_watcher *watcher)
{
	json_decref(watcher->listed);
	watcher->listed = NULL;
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

/* Appends ?KEY=VALUE and so on, escaped; the caller frees it. */
static char *url_of(const struct bg_watcher *watcher, const char *query, const char *more)
{
	static const char *const plurals[BG_PART_KINDS] = {
		[BG_GROUP_MEMBERS] = "groupmembers",
		[BG_GROUP_FEED] = "groupfeeds",
		[BG_PREFIX_LIST_FEED] = "prefixlistfeeds",
		[BG_MEMBER_CHANGES] = "memberchanges",
		[BG_NODE_FEED] = "nodefeeds",
	};
	static const char digits[] = "0123456789ABCDEF";
	char *url = malloc(URL_TEXT), *at;
	size_t used;

	if (!url)
		return NULL;
	used = (size_t)snprintf(url, URL_TEXT, "%s/apis/branchguard.dev/v1alpha1/%s?%s%s%s%s",
				watcher->server, plurals[watcher->kind], query,
				watcher->name ? "&fieldSelector=metadata.name%3D" : "",
				watcher->name ?: "", more ? "&continue=" : "");
	at = url + used;
	for (; more && *more && at + 4 < url + URL_TEXT; more++) {
		if ((*more >= 'a' && *more <= 'z') || (*more >= 'A' && *more <= 'Z') ||
		    (*more >= '0' && *more <= '9') || strchr("-_.~", *more)) {
			*at++ = *more;
			continue;
		}
		*at++ = '%';
		*at++ = digits[(unsigned char)*more >> 4];
		*at++ = digits[*more & 15];
	}
	*at = '\0';
	if (more && *more) { /* no token is as long as that */
		free(url);
		return NULL;
	}
	return url;
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
		rc = bg_k8s_put(*watcher->objects, watcher->kind, event.object, err);
	else if (event.type == BG_K8S_GONE)
		rc = bg_k8s_remove(*watcher->objects, event.object, err);
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

static void take_list(struct bg_watcher *watcher, const struct bg_k8s_version *version)
{
	if (bg_k8s_is_older(version, &watcher->version))
		watcher->went_back = true;
	json_decref(*watcher->objects);
	*watcher->objects = bg_take_ptr(watcher->listed);
	forget_list(watcher);
	watcher->version = *version;
	watcher->relist = false;
	watcher->backoff.failures = 0;
	is_well(watcher);
	next(watcher, 0);
}

static int take_page(struct bg_watcher *watcher, const struct bg_web_answer *answer,
		     struct bg_error *err)
{
	struct bg_k8s_page page;
	json_t *object;
	size_t i;
	int rc = bg_k8s_read_page(watcher->kind, answer->body, answer->length_bytes, &page, err);

	if (rc)
		return rc;
	watcher->listed_bytes += answer->length_bytes;
	if (watcher->listed_bytes > LIST_BYTES)
		rc = bg_fail(err, -E2BIG, "found more than %u bytes of %s, expected no more",
			     LIST_BYTES, bg_part_kinds[watcher->kind]);
	json_array_foreach (page.objects, i, object)
		rc = rc ?: bg_k8s_put(watcher->listed, watcher->kind, object, err);
	if (!rc && page.more) {
		free(watcher->more);
		watcher->more = bg_take_ptr(page.more);
		next(watcher, 0);
	} else if (!rc) {
		take_list(watcher, &page.version);
	}
	bg_k8s_release_page(&page);
	return rc;
}

static void page_ended(void *context, const struct bg_web_answer *answer, int rc,
		       const struct bg_error *err)
{
	struct bg_watcher *watcher = context;
	struct bg_error why;

	watcher->transfer = NULL;
	if (!rc && answer->status == 200) {
		rc = take_page(watcher, answer, &why);
		if (rc)
			bg_fail_in(&why, rc, "%s: listing %s", watcher->server,
				   bg_part_kinds[watcher->kind]);
	} else if (!rc) {
		rc = bg_web_refused(watcher->server, answer, &why);
	} else {
		why = *err;
	}
	if (rc)
		fall_behind(watcher, rc, &why, answer->retry_after_ms);
}

static void begin_page(struct bg_watcher *watcher)
{
	bg_auto_free char *url = NULL;
	char query[64];
	struct bg_web_request request = { .most_bytes = PAGE_BYTES, .ended = page_ended };

	if (!watcher->listed)
		watcher->listed = json_object();
	snprintf(query, sizeof(query), "limit=%u", PAGE_OBJECTS);
	url = watcher->listed ? url_of(watcher, query, watcher->more) : NULL;
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

void bg_watcher_again(struct bg_watcher *watcher)
{
	watcher->relist = true;
	if (watcher->transfer)
		bg_web_cancel(bg_take_ptr(watcher->transfer));
	forget_list(watcher);
	next(watcher, 0);
}

void bg_watcher_release(struct bg_watcher *watcher)
{
	if (watcher->transfer)
		bg_web_cancel(bg_take_ptr(watcher->transfer));
	forget_list(watcher);
}
