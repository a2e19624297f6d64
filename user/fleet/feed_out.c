// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Writes the feed that a daemon reads, and a few lines about it for who watches over that.
 * follow_parts.c calls it, and publisher_told.c for lines of its own. It follows no symbolic link
 * at the end of a path, and what stands in a file is whole at any time.
 */
#include "fleet/feed_out.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/format.h"
#include "base/put.h"
#include "feed/feed.h"
#include "source/file.h"

/* The rename itself. */
static int sync_directory(const char *path)
{
	char directory[PATH_MAX];
	const char *slash = strrchr(path, '/');
	bg_auto_close int fd = -1;

	if (slash)
		snprintf(directory, sizeof(directory), "%.*s", (int)(slash - path) + 1, path);
	else
		snprintf(directory, sizeof(directory), ".");
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* (a file system that cannot do it has no loss of power either) */
	return fd < 0 || (fsync(fd) && errno != EINVAL) ? -errno : 0;
}

static int put(const char *path, const char *text, size_t length_bytes, bool sync,
	       struct bg_error *err)
{
	int rc = bg_put_beside(path, text, length_bytes, 0644, sync, err);

	if (rc || !sync)
		return rc;
	rc = sync_directory(path);
	return rc ? bg_fail(err, rc, "writing %s: %s", path, strerror(-rc)) : 0;
}

int bg_feed_put(const char *path, const char *text, size_t length_bytes, struct bg_error *err)
{
	return put(path, text, length_bytes, true, err);
}

int bg_feed_there(const char *path, const char *node, char **text, size_t *length_bytes,
		  char **revision, struct bg_error *err)
{
	bg_cleanup(bg_model_free_at) struct bg_model *model = NULL;
	bg_auto_free char *bytes = NULL;
	size_t length;
	int rc = bg_file_read(path, BG_FILE_REGULAR, BG_FEED_MAX_BYTES, &bytes, &length, err)
			 ?: bg_feed_parse(path, bytes, length, &model, NULL, err);

	if (rc)
		return rc;
	if (strcmp(model->node.name, node) != 0)
		return bg_fail(err, -EINVAL, "%s: found the feed of another node, \"%s\"", path,
			       model->node.name);
	*revision = strdup(model->revision);
	if (!*revision)
		return bg_no_memory(err, "%s", path);
	*text = bg_take_ptr(bytes);
	*length_bytes = length;
	return 0;
}

void bg_state_time(struct bg_json_writer *out, const char *key, __u64 realtime_ns)
{
	char text[BG_FORMAT_TEXT];

	bg_json_key(out, key);
	bg_json_plain(out, bg_format_realtime(realtime_ns, text));
}

int bg_state_put(const char *path, const struct bg_json_writer *state, struct bg_error *err)
{
	if (state->failed)
		return bg_no_memory(err, "writing %s", path);
	return put(path, state->text, state->length_bytes, false, err);
}

int bg_follow_state_put(const char *path, const struct bg_follow_state *state, struct bg_error *err)
{
	bg_cleanup(bg_json_writer_free) struct bg_json_writer out = {};

	bg_json_open(&out, '{');
	bg_json_key(&out, "Node");
	bg_json_string(&out, state->node);
	bg_json_key(&out, "Source");
	bg_json_string(&out, state->source);
	bg_json_key(&out, "Output");
	bg_json_string(&out, state->output);
	bg_json_key(&out, "Revision");
	bg_json_string(&out, state->revision);
	if (state->revision)
		bg_state_time(&out, "Since", state->since_ns);
	bg_json_key(&out, "Stale");
	bg_json_bool(&out, state->stale_since_ns);
	if (state->stale_since_ns) {
		bg_state_time(&out, "StaleSince", state->stale_since_ns);
		bg_json_key(&out, "Reason");
		bg_json_string(&out, state->reason);
	}
	bg_state_time(&out, "LookedAt", bg_realtime_ns());
	bg_json_close(&out, '}');
	bg_json_raw(&out, "\n", 1);
	return bg_state_put(path, &out, err);
}
