// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * From the daemon's answer to the pages that are served, and to those that say that there is
 * no answer. asker.c calls it; it speaks with nobody, and believes an answer only whole.
 */
#include "fleet/serve/told.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <string.h>

#include "base/printable.h"

#define OK 200
#define UNAVAILABLE 503

#define METRICS_HEAD                                                                               \
	"# HELP branchguard_up 1 when the daemon has answered within the last 5 s; else no other " \
	"metric of the node is there.\n"                                                           \
	"# TYPE branchguard_up gauge\n"                                                            \
	"branchguard_up %d\n"                                                                      \
	"# HELP branchguard_heard_timestamp_seconds Unix time of the daemon's last answer, 0 = "   \
	"never.\n"                                                                                 \
	"# TYPE branchguard_heard_timestamp_seconds gauge\n"                                       \
	"branchguard_heard_timestamp_seconds %.3f\n"                                               \
	"# HELP branchguard_serve_build_info What the program that serves this was built from.\n"  \
	"# TYPE branchguard_serve_build_info gauge\n"                                              \
	"branchguard_serve_build_info{version=\"%s\",commit=\"%s\"} 1\n"

void bg_pages_free(struct bg_page pages[BG_PAGES])
{
	for (int i = 0; i < BG_PAGES; i++) {
		free(pages[i].text);
		pages[i] = (struct bg_page){};
	}
}

static int __attribute__((format(printf, 3, 4))) put_page(struct bg_page *page, unsigned int status,
							  const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = vasprintf(&page->text, format, args);
	va_end(args);
	if (length < 0) {
		page->text = NULL;
		return -ENOMEM;
	}
	page->status = status;
	page->length_bytes = (size_t)length;
	return 0;
}

static int no_pages(struct bg_page pages[BG_PAGES], struct bg_error *err)
{
	bg_pages_free(pages);
	return bg_no_memory(err, "writing down what the daemon told");
}

int bg_told_pages(const char *line, const struct bg_serving *serving,
		  struct bg_page pages[BG_PAGES], struct bg_error *err)
{
	const char *metrics, *health, *text, *error = NULL;
	json_error_t bad;
	json_t *told = json_loads(line, 0, &bad);
	int ready, rc;

	/* (false where the type is another one) */
	if (!told || json_unpack(told, "{s:s, s:s, s:s, s:b}", "metrics", &metrics, "health",
				 &health, "text", &text, "ready", &ready)) {
		json_unpack(told, "{s:s}", "error", &error);
		rc = bg_fail(err, -EPROTO, "the daemon told nothing of the node: %s",
			     error ? error
				   : "expected metrics and health; is it of another version?");
		bg_printable(err->text);
		json_decref(told);
		return rc;
	}
	rc = put_page(&pages[BG_PAGE_METRICS], OK, METRICS_HEAD "%s", 1, serving->heard_s,
		      serving->version, serving->commit, metrics) ?:
	     put_page(&pages[BG_PAGE_HEALTHZ], strcmp(health, "not-enforcing") ? OK : UNAVAILABLE,
		      "%s\n%s", health, text) ?:
	     put_page(&pages[BG_PAGE_READYZ], ready ? OK : UNAVAILABLE, "%s\n%s",
		      ready ? "ready" : "not ready", text);
	json_decref(told);
	return rc ? no_pages(pages, err) : 0;
}

int bg_unknown_pages(const char *why, const struct bg_serving *serving,
		     struct bg_page pages[BG_PAGES], struct bg_error *err)
{
	int rc = put_page(&pages[BG_PAGE_METRICS], OK, METRICS_HEAD, 0, serving->heard_s,
			  serving->version, serving->commit) ?:
		 put_page(&pages[BG_PAGE_HEALTHZ], UNAVAILABLE, "unknown\n%s\n", why) ?:
		 put_page(&pages[BG_PAGE_READYZ], UNAVAILABLE, "unknown\n%s\n", why);

	return rc ? no_pages(pages, err) : 0;
}
