// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Has a directory's parts written by the publisher, which calls it through target.h. It writes
 * into no directory but the one that stands at the path, and whose lock it has.
 */
#include "fleet/target_dir.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "fleet/parts_dir.h"
#include "source/file_watch.h"

struct target_dir {
	struct bg_target target;
	struct bg_parts_dir dir;    /* locked; fd -1: it is not */
	struct bg_file_stamp stamp; /* as we left it */
};

static struct target_dir *dir_of(struct bg_target *target)
{
	return (struct target_dir *)target;
}

static void look(struct target_dir *dir, struct bg_file_stamp *now)
{
	struct bg_error unwatched;
	bg_auto_free char *within = NULL;

	*now = (struct bg_file_stamp){};
	if (asprintf(&within, "%s/.", dir->target.name) < 0)
		within = NULL;
	else
		bg_file_look(dir->target.fd, within, now, &unwatched);
}

/* The one that stands at that path now, and nobody else's. */
static int enter(struct bg_target *target, struct bg_error *err)
{
	struct target_dir *dir = dir_of(target);
	int rc;

	if (bg_parts_dir_stands(&dir->dir))
		return 0;
	if (dir->dir.fd >= 0)
		close(bg_take_fd(&dir->dir.fd));
	dir->stamp = (struct bg_file_stamp){};
	rc = bg_parts_dir_lock(target->name, &dir->dir, err);
	if (rc)
		dir->dir.fd = -1;
	return rc;
}

static int begin(struct bg_target *target, bool once, struct bg_error *err)
{
	(void)once;
	target->fd = bg_file_watch_open(err);
	return target->fd < 0 ? target->fd : enter(target, err);
}

static void step(struct bg_target *target)
{
	target->changed = bg_file_watch_read(target->fd) || target->changed;
}

static bool is_ours(struct bg_target *target)
{
	struct target_dir *dir = dir_of(target);
	struct bg_file_stamp now;

	look(dir, &now);
	return now.present && bg_file_is_same(&now, &dir->stamp);
}

static void settle(struct bg_target *target)
{
	look(dir_of(target), &dir_of(target)->stamp);
}

static int read_parts(struct bg_target *target, struct bg_part_set *old,
		      void (*bad)(const char *text), struct bg_error *err)
{
	return bg_parts_dir_read(&dir_of(target)->dir, old, bad, err);
}

static int write_parts(struct bg_target *target, const struct bg_part_set *old,
		       const struct bg_part_set *made, struct bg_parts_written *written,
		       struct bg_error *err)
{
	int rc = bg_parts_dir_write(&dir_of(target)->dir, old, made, written, err);

	settle(target);
	return rc;
}

static void close_dir(struct bg_target *target)
{
	struct target_dir *dir = dir_of(target);

	if (dir->dir.fd >= 0)
		close(dir->dir.fd);
	if (target->fd >= 0)
		close(target->fd);
	free(dir);
}

int bg_target_dir_new(const char *path, struct bg_target **target, struct bg_error *err)
{
	static const struct bg_target_calls calls = {
		.begin = begin,
		.step = step,
		.enter = enter,
		.is_ours = is_ours,
		.settle = settle,
		.read = read_parts,
		.write = write_parts,
		.close = close_dir,
	};
	struct target_dir *made = malloc(sizeof(*made));

	if (!made)
		return bg_no_memory(err, "%s", path);
	*made = (struct target_dir){
		.target = { .calls = &calls, .name = path, .fd = -1, .stop_fd = -1 },
		.dir = { .path = path, .fd = -1 },
	};
	*target = &made->target;
	return 0;
}
