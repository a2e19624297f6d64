// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The stages of a reload. follow.c begins one and goes on with it, start.c waits for the
 * first; revision.c judges what comes of each stage. One at a time is under way: what
 * comes meanwhile waits for its end.
 */
#include "daemon/reload.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "daemon/running.h"
#include "guard/seen.h"

int bg_reload_open(struct bg_daemon *daemon, struct bg_error *err)
{
	daemon->reload.compiled.image_fd = -1;
	return bg_work_open(&daemon->reload.work, err);
}

bool bg_reload_is_busy(const struct bg_daemon *daemon)
{
	return daemon->reload.work.busy;
}

static void forget(struct bg_reload *reload)
{
	bg_parsed_free(&reload->parsed);
	bg_settled_free(&reload->settled);
	bg_compiled_free(&reload->compiled);
}

void bg_reload_close(struct bg_daemon *daemon)
{
	forget(&daemon->reload);
	bg_work_close(&daemon->reload.work);
}

/* --- in the thread ----------------------------------------------------------- */

static void read_feed(void *context)
{
	struct bg_daemon *daemon = context;

	bg_daemon_parse(daemon, &daemon->reload.parsed);
}

static void compile(void *context)
{
	bg_compiled_make(context);
}

/* --- in the loop ------------------------------------------------------------- */

static int start(struct bg_daemon *daemon, enum bg_reload_stage stage, struct bg_error *err)
{
	struct bg_reload *reload = &daemon->reload;
	int rc;

	if (stage == BG_RELOAD_READS)
		rc = bg_work_start(&reload->work, read_feed, daemon, err);
	else
		rc = bg_work_start(&reload->work, compile, &reload->compiled, err);
	reload->stage = rc ? BG_RELOAD_RESTS : stage;
	return rc;
}

int bg_reload_begin(struct bg_daemon *daemon, bool anyway, struct bg_error *err)
{
	struct bg_reload *reload = &daemon->reload;

	reload->anyway |= anyway;
	if (reload->stage != BG_RELOAD_RESTS) {
		reload->again = true;
		return 0;
	}
	reload->look.anyway = reload->anyway;
	reload->again = reload->anyway = false;
	bg_parsed_free(&reload->parsed);
	reload->knows_content = daemon->model;
	memcpy(reload->content, daemon->content, sizeof(reload->content));
	return start(daemon, BG_RELOAD_READS, err);
}

int bg_reload_again(struct bg_daemon *daemon, struct bg_error *err)
{
	struct bg_reload *reload = &daemon->reload;
	int rc;

	/* while it compiles that model, the model is the thread's */
	if (daemon->model && reload->stage != BG_RELOAD_COMPILES_AGAIN)
		bg_sight_note(daemon->model, daemon->netdevs);
	if (!daemon->model || reload->stage != BG_RELOAD_RESTS)
		return 0;
	rc = bg_daemon_judge_again(daemon, &reload->settled, &reload->compiled, &reload->cause,
				   err);
	if (rc <= 0)
		return rc;
	rc = start(daemon, BG_RELOAD_COMPILES_AGAIN, err);
	if (rc) {
		reload->compiled.rc = rc;
		reload->compiled.err = *err;
		bg_daemon_accept_again(daemon, &reload->settled, &reload->compiled, reload->cause,
				       err);
		forget(reload);
	}
	return rc;
}

/* What was read is judged; what is accepted is compiled. */
static bool judge(struct bg_daemon *daemon, int *rc, struct bg_error *err)
{
	struct bg_reload *reload = &daemon->reload;

	if (bg_daemon_judge(daemon, &reload->parsed, &reload->settled, &reload->compiled, rc, err))
		return true;
	*rc = start(daemon, BG_RELOAD_COMPILES, err);
	if (!*rc)
		return false;
	reload->compiled.rc = *rc;
	reload->compiled.err = *err;
	*rc = bg_daemon_accept(daemon, &reload->parsed, &reload->settled, &reload->compiled, err);
	return true;
}

bool bg_reload_go_on(struct bg_daemon *daemon, enum bg_reload_of *of, int *rc, struct bg_error *err)
{
	struct bg_reload *reload = &daemon->reload;
	const enum bg_reload_stage stage = reload->stage;

	if (!bg_work_end(&reload->work))
		return false;
	reload->stage = BG_RELOAD_RESTS;
	*rc = 0;
	*of = BG_RELOAD_OF_FEED;
	if (stage == BG_RELOAD_READS && reload->parsed.is_same_file)
		*of = BG_RELOAD_OF_LOOK;
	else if (stage == BG_RELOAD_READS && !judge(daemon, rc, err))
		return false;
	if (stage == BG_RELOAD_COMPILES)
		*rc = bg_daemon_accept(daemon, &reload->parsed, &reload->settled, &reload->compiled,
				       err);
	if (stage == BG_RELOAD_COMPILES_AGAIN) {
		*of = BG_RELOAD_OF_INTERFACES;
		*rc = bg_daemon_accept_again(daemon, &reload->settled, &reload->compiled,
					     reload->cause, err);
	}
	forget(reload);
	return true;
}

bool bg_reload_wait(struct bg_daemon *daemon, int limit_ms, int signal_fd)
{
	struct bg_reload *reload = &daemon->reload;

	if (!bg_work_wait(&reload->work, limit_ms, signal_fd))
		return false;
	reload->stage = BG_RELOAD_RESTS;
	return true;
}

int bg_reload_finish(struct bg_daemon *daemon, struct bg_error *err)
{
	struct bg_reload *reload = &daemon->reload;
	int rc;

	if (!bg_daemon_judge(daemon, &reload->parsed, &reload->settled, &reload->compiled, &rc,
			     err)) {
		bg_compiled_make(&reload->compiled);
		rc = bg_daemon_accept(daemon, &reload->parsed, &reload->settled, &reload->compiled,
				      err);
	}
	forget(reload);
	return rc;
}
