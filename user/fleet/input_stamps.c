// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Knows whether answers are other files than they were, by what stat() says of them: they are
 * too large to be read for that. publisher.c calls it. It opens none of them.
 */
#include "fleet/input_stamps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "fleet/inputs.h"

struct looking {
	struct bg_input_stamps *stamps;
	int watch_fd;
	bool is_answer;
	struct bg_error *unwatched;
};

static int note(void *context, const char *path, struct bg_error *err)
{
	const struct looking *looking = context;
	struct bg_input_stamp *added = BG_GROW(looking->stamps->stamp, looking->stamps->count);
	struct bg_error watch_err;

	if (!added)
		return bg_no_memory(err, BG_GATHERING);
	*added = (struct bg_input_stamp){ .path = strdup(path), .is_answer = looking->is_answer };
	if (!added->path)
		return bg_no_memory(err, BG_GATHERING);
	if (bg_file_look(looking->watch_fd, path, &added->stamp, &watch_err) &&
	    looking->unwatched && !*looking->unwatched->text)
		*looking->unwatched = watch_err;
	return 0;
}

/* What comes and goes within changes its times, and may be nothing to us. */
static int note_directory(struct looking *looking, const char *path, struct bg_error *err)
{
	struct bg_input_stamp *noted;
	struct bg_error unread;
	int rc;

	looking->is_answer = false;
	rc = note(looking, path, err);
	if (rc)
		return rc;
	noted = &looking->stamps->stamp[looking->stamps->count - 1];
	noted->stamp = (struct bg_file_stamp){
		.present = noted->stamp.present,
		.device = noted->stamp.device,
		.inode = noted->stamp.inode,
	};
	looking->is_answer = true;
	/* one that cannot be read is an error of who reads it */
	rc = bg_inputs_of_directory(path, note, looking, &unread);
	if (rc == -ENOMEM)
		*err = unread;
	return rc == -ENOMEM ? rc : 0;
}

static bool is_directory(const char *path)
{
	struct stat status;

	return !stat(path, &status) && S_ISDIR(status.st_mode);
}

static int watch_within(const struct looking *looking, const char *path, struct bg_error *err)
{
	struct bg_file_stamp unused;
	bg_auto_free char *within = NULL;

	if (asprintf(&within, "%s/.", path) < 0) {
		within = NULL;
		return bg_no_memory(err, BG_GATHERING);
	}
	bg_file_look(looking->watch_fd, within, &unused, looking->unwatched);
	return 0;
}

static int by_path(const void *a, const void *b)
{
	const struct bg_input_stamp *one = a, *other = b;

	return strcmp(one->path, other->path);
}

int bg_input_stamps_look(struct bg_input_stamps *stamps, int watch_fd, char *const *paths,
			 size_t count, const char *settings_path, struct bg_error *unwatched,
			 struct bg_error *err)
{
	struct looking looking = { stamps, watch_fd, false, unwatched };
	int rc = 0;

	bg_input_stamps_release(stamps);
	*unwatched = (struct bg_error){};
	if (settings_path)
		rc = note(&looking, settings_path, err);
	for (size_t i = 0; i < count && !rc; i++) {
		looking.is_answer = true;
		/* before it is read: what comes later is an event */
		rc = is_directory(paths[i]) ? watch_within(&looking, paths[i], err)
						      ?: note_directory(&looking, paths[i], err)
					    : note(&looking, paths[i], err);
	}
	if (stamps->count)
		qsort(stamps->stamp, stamps->count, sizeof(*stamps->stamp), by_path);
	return rc;
}

bool bg_input_stamps_same(const struct bg_input_stamps *a, const struct bg_input_stamps *b)
{
	bool same = a->count == b->count;

	for (size_t i = 0; i < a->count && same; i++)
		same = !strcmp(a->stamp[i].path, b->stamp[i].path) &&
		       bg_file_is_same(&a->stamp[i].stamp, &b->stamp[i].stamp);
	return same;
}

const struct bg_input_stamp *bg_input_stamps_oldest(const struct bg_input_stamps *stamps)
{
	const struct bg_input_stamp *oldest = NULL;

	for (size_t i = 0; i < stamps->count; i++)
		if (stamps->stamp[i].is_answer && stamps->stamp[i].stamp.present &&
		    (!oldest ||
		     stamps->stamp[i].stamp.modified.tv_sec < oldest->stamp.modified.tv_sec))
			oldest = &stamps->stamp[i];
	return oldest;
}

void bg_input_stamps_release(struct bg_input_stamps *stamps)
{
	for (size_t i = 0; i < stamps->count; i++)
		free(stamps->stamp[i].path);
	free(stamps->stamp);
	*stamps = (struct bg_input_stamps){};
}
