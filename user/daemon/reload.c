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

bool bg_reload_publishes(const struct bg_daemon *daemon)
{
	return daemon->reload.stage == BG_RELOAD_PUBLISHES;
}

bool bg_reload_makes(const struct bg_daemon *daemon)
{
	return daemon->reload.stage != BG_RELOAD_RESTS && daemon->reload.stage != BG_RELOAD_READS;
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

static void put_in_force(void *context)
{
	bg_compiled_put(context);
}

/* --- in the loop ------------------------------------------------------------- */

static int start(struct bg_daemon *daemon, enum bg_reload_stage stage, struct bg_error *err)
{
	struct bg_reload *reload = &daemon->reload;
	int rc;

	if (stage == BG_RELOAD_READS)
		rc = bg_work_start(&reload->work, read_feed, daemon, err);
	else if (stage == BG_RELOAD_PUBLISHES)
		rc = bg_work_start(&reload->work, put_in_force, &reload->compiled, err);
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
	reload->of_interfaces = true;
	rc = start(daemon, BG_RELOAD_COMPILES_AGAIN, err);
	if (rc) {
		bg_compiled_fail(&reload->compiled, rc, err);
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
	reload->of_interfaces = false;
	*rc = start(daemon, BG_RELOAD_COMPILES, err);
	if (!*rc)
		return false;
	bg_compiled_fail(&reload->compiled, *rc, err);
	*rc = bg_daemon_accept(daemon, &reload->parsed, &reload->settled, &reload->compiled, err);
	return true;
}

/* It is compiled: the loop's part, then the rest in the thread, which waits for all CPUs to be
 * done with what was in force before. False: that goes on. */
static bool publish(struct bg_daemon *daemon)
{
	struct bg_compiled *compiled = &daemon->reload.compiled;
	struct bg_error err = {};
	int rc;

	bg_compiled_prepare(compiled);
	if (compiled->rc)
		return true;
	rc = start(daemon, BG_RELOAD_PUBLISHES, &err);
	if (rc)
		bg_compiled_fail(compiled, rc, &err);
	return rc;
}

static int accept_it(struct bg_daemon *daemon, struct bg_error *err)
{
	struct bg_reload *reload = &daemon->reload;

	if (reload->of_interfaces)
		return bg_daemon_accept_again(daemon, &reload->settled, &reload->compiled,
					      reload->cause, err);
	return bg_daemon_accept(daemon, &reload->parsed, &reload->settled, &reload->compiled, err);
}

/* What is done next; true: nothing, and *rc is what came of it. */
static bool go_on(struct bg_daemon *daemon, enum bg_reload_stage done, int *rc,
		  struct bg_error *err)
{
	struct bg_reload *reload = &daemon->reload;

	*rc = 0;
	if (done == BG_RELOAD_READS)
		return reload->parsed.is_same_file || judge(daemon, rc, err);
	if (done != BG_RELOAD_PUBLISHES && !publish(daemon))
		return false;
	*rc = accept_it(daemon, err);
	return true;
}

bool bg_reload_go_on(struct bg_daemon *daemon, enum bg_reload_of *of, int *rc, struct bg_error *err)
{
	struct bg_reload *reload = &daemon->reload;
	const enum bg_reload_stage stage = reload->stage;

	if (!bg_work_end(&reload->work))
		return false;
	reload->stage = BG_RELOAD_RESTS;
	if (!go_on(daemon, stage, rc, err))
		return false;
	*of = BG_RELOAD_OF_FEED;
	if (stage == BG_RELOAD_READS && reload->parsed.is_same_file)
		*of = BG_RELOAD_OF_LOOK;
	else if (stage != BG_RELOAD_READS && reload->of_interfaces)
		*of = BG_RELOAD_OF_INTERFACES;
	forget(reload);
	return true;
}

void bg_reload_end(struct bg_daemon *daemon, int limit_ms)
{
	struct bg_reload *reload = &daemon->reload;
	struct bg_error err = {};

	if (reload->stage != BG_RELOAD_PUBLISHES || !bg_work_wait(&reload->work, limit_ms, -1))
		return;
	reload->stage = BG_RELOAD_RESTS;
	accept_it(daemon, &err);
	forget(reload);
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
		bg_compiled_do(&reload->compiled);
		rc = bg_daemon_accept(daemon, &reload->parsed, &reload->settled, &reload->compiled,
				      err);
	}
	forget(reload);
	return rc;
}
