// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the metrics say is put together in the loop; a thread has it written by a process of
 * its own (apart/files.h), for as long as that takes. follow.c calls it.
 */
#include "daemon/metrics_out.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "apart/memory.h"
#include "base/clock.h"
#include "base/log.h"
#include "show/metrics_text.h"

/* The collector runs as somebody else. */
#define MODE 0644
/* At the end, for those that are being written; usually that takes no time. */
#define BEFORE_MS 250
int bg_metrics_out_open(struct bg_metrics_out *out, const struct bg_daemon_options *options,
			const struct bg_state *state, struct bg_error *err)
{
	*out = (struct bg_metrics_out){
		.options = options,
		.state = state,
		.work.done_fd = -1,
		.text_fd = -1,
		.file = { .path = options->metrics_file,
			  .watch_fd = -1,
			  .limit_ms = BG_FILES_WAIT_MS },
	};
	return options->metrics_file ? bg_work_open(&out->work, err) : 0;
}

void bg_metrics_out_close(struct bg_metrics_out *out)
{
	bg_child_kill(&out->file.child);
	/* what the thread still works with ends with the process */
	if (out->work.busy)
		return;
	bg_files_end(&out->file);
	bg_work_close(&out->work);
}

static void complain(struct bg_metrics_out *out, int rc, const struct bg_error *err)
{
	if (rc && !out->failed)
		bg_log(BG_LOG_WARNING, "metrics not written, will be tried again", "error=%s",
		       bg_quote(err->text));
	out->failed = rc != 0;
}

static void write_text(void *context)
{
	const struct bg_file_put put = { .mode = MODE, .group = (gid_t)-1 };
	struct bg_metrics_out *out = context;

	out->rc = bg_files_write(&out->file, out->text_fd, &put, &out->err);
}

static void put(struct bg_metrics_out *out, bool goes_on)
{
	bg_auto_free char *text = NULL;
	struct bg_error err = {};
	size_t length_bytes;
	int rc;

	rc = bg_metrics_text(out->options->pin_dir, bg_state_document(out->state),
			     &out->options->build, goes_on, &text, &length_bytes, &err);
	if (!rc) {
		out->text_fd = bg_memory_of("the metrics", text, length_bytes, &err);
		rc = out->text_fd < 0 ? out->text_fd
				      : bg_work_start(&out->work, write_text, out, &err);
	}
	if (!rc)
		return;
	complain(out, rc, &err);
	if (out->text_fd >= 0)
		close(out->text_fd);
	out->text_fd = -1;
}

void bg_metrics_out_put(struct bg_metrics_out *out)
{
	if (out->options->metrics_file && !out->work.busy)
		put(out, true);
}

static void written(struct bg_metrics_out *out)
{
	close(out->text_fd);
	out->text_fd = -1;
	complain(out, out->rc, &out->err);
}

void bg_metrics_out_done(struct bg_metrics_out *out)
{
	if (bg_work_end(&out->work))
		written(out);
}

static void wait_until(struct bg_metrics_out *out, double end_ms)
{
	const double left_ms = end_ms - bg_monotonic_ms();

	if (out->work.busy && bg_work_wait(&out->work, left_ms > 0 ? (int)left_ms + 1 : 0, -1))
		written(out);
}

void bg_metrics_out_last(struct bg_metrics_out *out, double end_ms)
{
	if (!out->options->metrics_file)
		return;
	wait_until(out, bg_monotonic_ms() + BEFORE_MS);
	if (out->work.busy)
		return;
	put(out, false);
	wait_until(out, end_ms);
}
