// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Has the daemon's files written and read by a process beside it. state.c and holding.c say
 * what is in them; what cannot be written is logged once, and tried again.
 */
#include "daemon/state_out.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apart/memory.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/running.h"

/* Usually a file is written within this time, and whoever reads in the log that something
 * happened finds it in the file. Large ones are not waited for. */
#define WRITTEN_MS 20
#define SMALL_BYTES (1u << 20)
/* A start waits this long for what a daemon before has left. */
#define READ_MS 2000
/* Somebody may have tidied up. */
#define FIND_MS 3000

int bg_state_out_open(struct bg_daemon *daemon, struct bg_error *err)
{
	struct bg_state_out *out = &daemon->state_out;

	bg_state_file_path(daemon->options.pin_dir, "", out->path);
	out->files = (struct bg_files){
		.path = out->path,
		.watch_fd = -1,
		.limit_ms = BG_FILES_WAIT_MS,
	};
	return bg_work_open(&out->work, err);
}

static void free_text(struct bg_state_file *file)
{
	free(file->text);
	file->text = NULL;
}

void bg_state_out_close(struct bg_daemon *daemon)
{
	struct bg_state_out *out = &daemon->state_out;

	bg_child_kill(&out->files.child);
	/* what the thread still works with ends with the process */
	if (out->work.busy)
		return;
	free_text(&out->state);
	free_text(&out->text);
	free_text(&out->held);
	if (out->socket.fd >= 0)
		close(out->socket.fd);
	bg_files_end(&out->files);
	bg_work_close(&out->work);
}

/* --- in the thread ------------------------------------------------------------------ */

/* Those beside the state file are for nobody but the next daemon. */
static int write_file(struct bg_state_out *out, const struct bg_state_file *file, gid_t group)
{
	const struct bg_file_put put = {
		.mode = group == BG_NO_GROUP ? 0600 : 0640,
		.group = group,
		.makes_directory = true,
		.replaces_any = true,
	};
	bg_auto_close int fd = -1;

	if (!file->text)
		return 0;
	fd = bg_memory_of("the daemon's state", file->text, file->length_bytes, &out->err);
	if (fd < 0)
		return fd;
	out->files.suffix = file->kind;
	return bg_files_write(&out->files, fd, &put, &out->err);
}

static void read_file(struct bg_state_out *out)
{
	struct bg_files_look look = { .kind = BG_FILE_OWN, .most_bytes = out->most_bytes };
	bg_auto_memory struct bg_memory memory = {};
	bg_auto_close int fd = bg_memory_new("the daemon's state", &out->err);

	out->files.suffix = out->text.kind;
	out->rc = fd < 0 ? fd : bg_files_read(&out->files, &look, fd, &out->err);
	if (!out->rc)
		out->rc = bg_memory_map(fd, "the daemon's state", &memory, &out->err);
	if (out->rc)
		return;
	out->text.length_bytes = memory.length_bytes;
	out->text.text = malloc(memory.length_bytes + 1);
	if (!out->text.text) {
		out->rc = bg_no_memory(&out->err, "reading the daemon's state");
		return;
	}
	if (memory.length_bytes)
		memcpy(out->text.text, memory.bytes, memory.length_bytes);
	out->text.text[memory.length_bytes] = '\0';
}

static void find_files(struct bg_state_out *out)
{
	const struct bg_listening *placed = &out->socket.at;
	struct bg_listening found;
	struct bg_error ignored;
	int rc;

	out->files.suffix = BG_STATE_KIND;
	out->rc = bg_files_find(&out->files, NULL, &out->err);
	if (out->rc == -EAGAIN || !out->finds_socket)
		return;
	out->files.suffix = BG_SOCKET_KIND;
	rc = bg_files_find(&out->files, &found, &ignored);
	out->socket_is_gone = rc == -ENOENT || (!rc && (found.device != placed->device ||
							found.inode != placed->inode));
}

static void place_socket(struct bg_state_out *out)
{
	struct bg_socket_out *socket = &out->socket;

	out->files.suffix = BG_SOCKET_KIND;
	socket->rc =
		bg_files_listen(&out->files, socket->fd, out->group, &socket->at, &socket->err);
}

static void remove_socket(struct bg_state_out *out)
{
	struct bg_error ignored;

	out->files.suffix = BG_SOCKET_KIND;
	/* one that nobody listens to does no harm */
	bg_files_deafen(&out->files, &out->socket.at, &ignored);
}

static void work(void *context)
{
	struct bg_state_out *out = context;

	if (out->reads) {
		read_file(out);
		return;
	}
	if (out->finds) {
		find_files(out);
		return;
	}
	out->rc = write_file(out, &out->state, out->group);
	/* the text first: until what is held names it, it is nobody's */
	out->held_rc = out->rc == -EAGAIN
			       ? out->rc
			       : write_file(out, &out->text, BG_NO_GROUP)
					 ?: write_file(out, &out->held, BG_NO_GROUP);
	if (out->places)
		place_socket(out);
	if (out->removes)
		remove_socket(out);
}

/* --- in the loop -------------------------------------------------------------------- */

static void complain(struct bg_state_out *out, int rc)
{
	if (rc && !out->complained)
		bg_log(BG_LOG_WARNING,
		       "the daemon's state cannot be written, will be tried again: status may be "
		       "out of date, and a restart finds what was in force before",
		       "error=%s", bg_quote(out->err.text));
	out->complained = rc != 0;
}

static void take_in_socket(struct bg_state_out *out)
{
	struct bg_socket_out *socket = &out->socket;

	if (out->places)
		socket->stage = socket->rc ? BG_SOCKET_NOWHERE : BG_SOCKET_PLACED;
	if (out->removes)
		socket->stage = BG_SOCKET_NOWHERE;
	out->places = out->removes = false;
	if (socket->stage == BG_SOCKET_NOWHERE && socket->fd >= 0) {
		close(socket->fd);
		socket->fd = -1;
	}
}

/* What became of it. */
static void take_in(struct bg_daemon *daemon)
{
	struct bg_state_out *out = &daemon->state_out;

	out->find_due_ms = bg_monotonic_ms() + FIND_MS;
	if (out->reads) { /* too late */
		free_text(&out->text);
		return;
	}
	if (out->finds) {
		if (out->rc)
			bg_state_set_changed(daemon->state);
		if (out->socket_is_gone)
			out->socket.stage = BG_SOCKET_NOWHERE;
		return;
	}
	take_in_socket(out);
	complain(out, out->rc ?: out->held_rc);
	if (out->rc)
		bg_state_set_changed(daemon->state);
	free_text(&out->state);
	bg_hold_outcome(daemon, &out->text, &out->held, out->held_rc);
	free_text(&out->held);
}

/* False: there is nothing to be done. */
static bool prepare(struct bg_daemon *daemon)
{
	struct bg_state_out *out = &daemon->state_out;

	out->reads = out->finds = false;
	out->places = out->socket.stage == BG_SOCKET_WANTED && !out->socket.ends;
	out->removes = out->socket.stage == BG_SOCKET_PLACED && out->socket.ends;
	out->rc = out->held_rc = 0;
	out->state = (struct bg_state_file){ .kind = BG_STATE_KIND };
	if (bg_state_has_changed(daemon->state))
		out->state.text = bg_state_text(daemon->state);
	if (out->state.text)
		out->state.length_bytes = strlen(out->state.text);
	out->group = daemon->group;
	bg_hold(daemon, &out->text, &out->held);
	if (out->state.text || out->held.text || out->places || out->removes)
		return true;
	out->finds = bg_monotonic_ms() >= out->find_due_ms;
	out->finds_socket = out->socket.stage == BG_SOCKET_PLACED;
	out->socket_is_gone = false;
	return out->finds;
}

static void start(struct bg_daemon *daemon)
{
	struct bg_state_out *out = &daemon->state_out;

	if (!prepare(daemon) || !bg_work_start(&out->work, work, out, &out->err))
		return;
	out->rc = out->held_rc = -EAGAIN;
	if (out->places) {
		out->socket.rc = -EAGAIN;
		out->socket.err = out->err;
	}
	take_in(daemon);
}

void bg_state_out_put(struct bg_daemon *daemon)
{
	struct bg_state_out *out = &daemon->state_out;

	/* (at the start nobody tells) */
	if (bg_work_end(&out->work))
		take_in(daemon);
	if (out->work.busy)
		return;
	start(daemon);
	if (out->work.busy && !out->finds && !out->complained &&
	    out->text.length_bytes < SMALL_BYTES && bg_work_wait(&out->work, WRITTEN_MS, -1))
		take_in(daemon);
}

void bg_state_out_listen(struct bg_daemon *daemon)
{
	struct bg_socket_out *socket = &daemon->state_out.socket;

	if (socket->stage != BG_SOCKET_NOWHERE)
		return;
	socket->fd = bg_listen_socket(&socket->err);
	socket->rc = socket->fd < 0 ? socket->fd : 0;
	if (socket->rc)
		return;
	socket->stage = BG_SOCKET_WANTED;
	bg_state_out_put(daemon);
}

void bg_state_out_unplace(struct bg_daemon *daemon)
{
	struct bg_socket_out *socket = &daemon->state_out.socket;

	if (socket->fd >= 0)
		close(socket->fd);
	socket->fd = -1;
	socket->stage = BG_SOCKET_NOWHERE;
}

void bg_state_out_done(struct bg_daemon *daemon)
{
	struct bg_state_out *out = &daemon->state_out;

	if (!bg_work_end(&out->work))
		return;
	take_in(daemon);
	/* what changed meanwhile; what failed has its time */
	if (!out->complained)
		start(daemon);
}

void bg_state_out_last(struct bg_daemon *daemon, double end_ms)
{
	struct bg_state_out *out = &daemon->state_out;
	double left_ms;

	if (!out->work.busy)
		start(daemon);
	while (out->work.busy) {
		left_ms = end_ms - bg_monotonic_ms();
		if (!bg_work_wait(&out->work, left_ms > 0 ? (int)left_ms + 1 : 0, -1))
			break;
		take_in(daemon);
		if (!out->complained && !out->finds)
			start(daemon);
	}
	if (out->work.busy && !out->finds)
		bg_log(BG_LOG_WARNING,
		       "the daemon's state cannot be written before the end: the next one finds "
		       "what was in force before",
		       "file=%s" BG_STATE_KIND, out->path);
}

int bg_state_out_read(struct bg_daemon *daemon, const char *kind, size_t most_bytes, int signal_fd,
		      char **text, size_t *length_bytes, struct bg_error *err)
{
	struct bg_state_out *out = &daemon->state_out;
	int rc;

	if (bg_work_end(&out->work))
		take_in(daemon);
	if (!out->work.busy) {
		out->reads = true;
		out->most_bytes = most_bytes;
		out->text = (struct bg_state_file){ .kind = kind };
		rc = bg_work_start(&out->work, work, out, err);
		if (rc)
			return rc;
		if (bg_work_wait(&out->work, READ_MS, signal_fd)) {
			if (out->rc) {
				*err = out->err;
				return out->rc;
			}
			*length_bytes = out->text.length_bytes;
			*text = bg_take_ptr(out->text.text);
			return 0;
		}
	}
	return bg_fail(err, -EAGAIN, "%s%s: its file system does not answer in time", out->path,
		       kind);
}
