// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The thread that waits for the daemon, so that no client of HTTP has to. http.c takes the
 * last pages from it, at any time and from any thread; nothing is asked because of that, and so
 * clients cannot make work for the daemon.
 */
#include "fleet/serve/asker.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "socket/client.h"

/* Well within BG_SILENT_MS. */
#define ASK_MS 2000
/* One that did not answer may have begun meanwhile. */
#define ASK_AGAIN_MS 500
/* As long as a silence may be; connecting has a limit of its own. */
#define ANSWER_MS 5000
/* So soon it looks whether it is to end. */
#define LOOK_MS 200
#define STOP_MS 500

/* The pages of one answer, for as long as anybody sends one of them. */
struct bg_held_page {
	struct bg_page page;
	unsigned int holders; /* by __atomic */
};

struct bg_asker {
	const char *path, *version, *commit;
	pthread_t thread;
	int stop_fd;
	bool stopping; /* by __atomic */
	pthread_mutex_t lock;
	/* under the lock: */
	struct bg_held_page *last[BG_PAGES]; /* NULL: nothing was told yet */
	double last_ms, heard_s;	     /* when that was */
	struct bg_error why;		     /* nothing has been told since, "" = something has */
	bool complained;
};

const struct bg_page *bg_held_page(const struct bg_held_page *held)
{
	return &held->page;
}

void bg_held_page_free(void *context)
{
	struct bg_held_page *held = context;

	if (!held || __atomic_sub_fetch(&held->holders, 1, __ATOMIC_ACQ_REL))
		return;
	free(held->page.text);
	free(held);
}

/* Takes the text. */
static struct bg_held_page *hold(struct bg_page *page)
{
	struct bg_held_page *held = calloc(1, sizeof(*held));

	if (!held)
		return NULL;
	held->page = *page;
	held->holders = 1;
	*page = (struct bg_page){};
	return held;
}

/* --- the thread ---------------------------------------------------------------- */

static bool is_stopping(struct bg_asker *asker)
{
	return __atomic_load_n(&asker->stopping, __ATOMIC_ACQUIRE);
}

static int hear(struct bg_asker *asker, struct bg_client *client, struct bg_page pages[BG_PAGES],
		struct bg_error *err)
{
	const double end_ms = bg_monotonic_ms() + ANSWER_MS;
	int rc = 0;
	char *line;

	while (!rc && bg_monotonic_ms() < end_ms && !is_stopping(asker))
		rc = bg_client_line(client, LOOK_MS, &line, err);
	if (rc < 0)
		return rc;
	if (!rc)
		return bg_fail(err, -ETIMEDOUT,
			       "the daemon that listens at %s has not answered for %d s: is it "
			       "stopped?",
			       asker->path, ANSWER_MS / 1000);
	return bg_told_pages(line,
			     &(struct bg_serving){ asker->version, asker->commit,
						   (double)bg_realtime_ns() / BG_NS_PER_S },
			     pages, err);
}

static int ask(struct bg_asker *asker, struct bg_page pages[BG_PAGES], struct bg_error *err)
{
	bg_cleanup(bg_client_close_at) struct bg_client *client = NULL;

	return bg_client_open_here(asker->path, BG_TOLD_REQUEST, &client, err)
		       ?: hear(asker, client, pages, err);
}

static void note_answer(struct bg_asker *asker, struct bg_page pages[BG_PAGES])
{
	struct bg_held_page *news[BG_PAGES], *olds[BG_PAGES];
	bool all = true, complained;

	for (int i = 0; i < BG_PAGES; i++) {
		news[i] = hold(&pages[i]);
		all &= news[i] != NULL;
	}
	pthread_mutex_lock(&asker->lock);
	memcpy(olds, all ? asker->last : news, sizeof(olds));
	complained = all && asker->complained;
	if (all) {
		memcpy(asker->last, news, sizeof(news));
		asker->last_ms = bg_monotonic_ms();
		asker->heard_s = (double)bg_realtime_ns() / BG_NS_PER_S;
		asker->why.text[0] = '\0';
		asker->complained = false;
	}
	pthread_mutex_unlock(&asker->lock);
	for (int i = 0; i < BG_PAGES; i++)
		bg_held_page_free(olds[i]);
	if (complained)
		bg_log(BG_LOG_INFO, "the daemon answers again", NULL);
}

static void note_silence(struct bg_asker *asker, const struct bg_error *err)
{
	bool complains;

	pthread_mutex_lock(&asker->lock);
	complains = !asker->complained;
	asker->complained = true;
	asker->why = *err;
	pthread_mutex_unlock(&asker->lock);
	if (complains)
		bg_log(BG_LOG_WARNING, "the daemon tells nothing of the node, will be asked again",
		       "error=%s", bg_quote(err->text));
}

static void *run(void *context)
{
	struct bg_asker *asker = context;
	struct pollfd stop = { .fd = asker->stop_fd, .events = POLLIN };

	while (!is_stopping(asker)) {
		const double start_ms = bg_monotonic_ms();
		struct bg_page pages[BG_PAGES] = {};
		struct bg_error err = {};
		const bool answered = !ask(asker, pages, &err);
		double left_ms;

		if (answered)
			note_answer(asker, pages);
		else if (!is_stopping(asker))
			note_silence(asker, &err);
		bg_pages_free(pages);
		left_ms = start_ms + (answered ? ASK_MS : ASK_AGAIN_MS) - bg_monotonic_ms();
		if (left_ms > 0)
			poll(&stop, 1, (int)left_ms);
	}
	return NULL;
}

/* --- for everybody ------------------------------------------------------------- */

int bg_asker_start(const char *path, const char *version, const char *commit, struct bg_asker **out,
		   struct bg_error *err)
{
	struct bg_asker *asker = calloc(1, sizeof(*asker));
	int rc;

	if (!asker)
		return bg_no_memory(err, "beginning to ask the daemon");
	asker->path = path;
	asker->version = version;
	asker->commit = commit;
	pthread_mutex_init(&asker->lock, NULL);
	bg_fail(&asker->why, 0, "the daemon at %s was not asked yet", path);
	asker->stop_fd = eventfd(0, EFD_CLOEXEC);
	rc = asker->stop_fd < 0 ? errno : pthread_create(&asker->thread, NULL, run, asker);
	if (rc) {
		if (asker->stop_fd >= 0)
			close(asker->stop_fd);
		free(asker);
		return bg_fail(err, -rc, "cannot begin to ask the daemon: %s", strerror(rc));
	}
	*out = asker;
	return 0;
}

static struct bg_held_page *unknown(const struct bg_asker *asker, const struct bg_error *why,
				    double heard_s, enum bg_page_of of)
{
	const struct bg_serving serving = { asker->version, asker->commit, heard_s };
	struct bg_page pages[BG_PAGES] = {};
	struct bg_held_page *held;
	struct bg_error err;

	if (bg_unknown_pages(why->text, &serving, pages, &err))
		return NULL;
	held = hold(&pages[of]);
	bg_pages_free(pages);
	return held;
}

struct bg_held_page *bg_asker_page(struct bg_asker *asker, enum bg_page_of of)
{
	struct bg_held_page *held = NULL;
	struct bg_error why;
	double heard_s;

	pthread_mutex_lock(&asker->lock);
	if (asker->last[of] && bg_monotonic_ms() < asker->last_ms + BG_SILENT_MS) {
		held = asker->last[of];
		__atomic_add_fetch(&held->holders, 1, __ATOMIC_ACQ_REL);
	}
	why = asker->why;
	heard_s = asker->heard_s;
	pthread_mutex_unlock(&asker->lock);
	if (!held && !why.text[0])
		bg_fail(&why, 0, "the daemon at %s has not answered for %d s: is it stopped?",
			asker->path, BG_SILENT_MS / 1000);
	return held ?: unknown(asker, &why, heard_s, of);
}

void bg_asker_stop(struct bg_asker *asker)
{
	struct timespec end;

	if (!asker)
		return;
	__atomic_store_n(&asker->stopping, true, __ATOMIC_RELEASE);
	eventfd_write(asker->stop_fd, 1);
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_nsec += STOP_MS * 1000000L;
	if (end.tv_nsec >= 1000000000L) {
		end.tv_sec++;
		end.tv_nsec -= 1000000000L;
	}
	/* one that waits for the daemon's backlog still uses all of this */
	if (pthread_timedjoin_np(asker->thread, NULL, &end)) {
		pthread_detach(asker->thread);
		return;
	}
	for (int i = 0; i < BG_PAGES; i++)
		bg_held_page_free(asker->last[i]);
	close(asker->stop_fd);
	pthread_mutex_destroy(&asker->lock);
	free(asker);
}
