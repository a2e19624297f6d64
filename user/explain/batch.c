// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Questions from a file or a pipe, for `explain --queries` alone: lines in, lines out, as
 * fast as they come. It decides nothing, and a question without an answer does not end
 * the batch.
 */
#include "explain/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "explain/path.h"
#include "show/out.h"

/* A question has 300 bytes at most; a line that is longer than this is no question. */
#define MOST_LINE_BYTES 65536

struct batch {
	const struct bg_batch *asked;
	size_t line;
	struct bg_batch_count *count;
	/* opened for the first path: its programs take the verifier a while */
	struct bg_explainer *paths;
	struct bg_ends *path_ends;
};

static void release_batch(struct batch *batch)
{
	bg_ends_close(batch->path_ends);
	bg_explainer_close(batch->paths);
}

static bool is_blank(const char *line, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
			return false;
	return true;
}

static enum bg_expected expected_by(const struct batch *batch, const struct bg_query *query)
{
	return query->expected == BG_EXPECT_NOTHING ? batch->asked->expected : query->expected;
}

static void note_surprise(struct batch *batch, const char *surprise)
{
	if (!surprise)
		return;
	batch->count->surprises++;
	fprintf(stderr, "branchguard explain: line %zu: %s\n", batch->line, surprise);
}

static int answer_branch(struct batch *batch, struct bg_query *query, json_t **json,
			 struct bg_error *err)
{
	struct bg_explained explained;
	char text[BG_SURPRISE_TEXT];
	int rc = bg_explain_ends(batch->asked->explainer, batch->asked->ends, &query->question,
				 &explained, err);

	if (rc)
		return rc;
	note_surprise(batch, bg_explained_surprise(&explained, expected_by(batch, query), text));
	*json = bg_explained_json(batch->asked->ends, &explained);
	return 0;
}

static int answer_path(struct batch *batch, const struct bg_query *query, json_t **json,
		       struct bg_error *err)
{
	bg_cleanup(bg_path_release) struct bg_path path = {
		.model = batch->asked->model,
		.from_name = query->from,
		.to_name = query->to,
		.question = query->question,
		.words = &bg_question_keys,
		.shared_explainer = batch->paths,
		.shared_ends = batch->path_ends,
	};
	char text[BG_PATH_SURPRISE_TEXT];
	int rc;

	if (!path.model)
		return bg_fail(err, -ENOENT, "From and To: %s", batch->asked->why);
	rc = bg_explain_path(&path, err);
	if (rc)
		return rc;
	note_surprise(batch, bg_path_surprise(&path, expected_by(batch, query), text));
	*json = bg_path_json(&path);
	return 0;
}

/* What fails here fails for every other line, too. */
static int prepare(struct batch *batch, const struct bg_query *query, struct bg_error *err)
{
	const struct bg_batch *asked = batch->asked;

	if (!query->is_path || batch->paths || !asked->model)
		return 0;
	return bg_path_open_all(asked->model, asked->pin_dir, &batch->paths, &batch->path_ends,
				err);
}

static int answer_line(struct batch *batch, const char *line, size_t length, struct bg_error *err)
{
	struct bg_query query;
	json_t *json = NULL;
	int rc;

	batch->line++;
	if (is_blank(line, length))
		return 0;
	rc = bg_query_parse(line, length, &query, err);
	if (!rc) {
		rc = prepare(batch, &query, err);
		if (rc)
			return rc;
		rc = query.is_path ? answer_path(batch, &query, &json, err)
				   : answer_branch(batch, &query, &json, err);
	}
	if (!rc)
		return bg_print_json_line(json, err);
	batch->count->bad++;
	return bg_print_json_line(json_pack("{s:o, s:I}", "Error", bg_json_text(err->text), "Line",
					    (json_int_t)batch->line),
				  err);
}

/* Answers all complete lines of the buffer; *used counts their bytes. */
static int answer_lines(struct batch *batch, char *buffer, size_t length, size_t *used,
			struct bg_error *err)
{
	char *line = buffer, *end;

	while ((end = memchr(line, '\n', (size_t)(buffer + length - line)))) {
		int rc = answer_line(batch, line, (size_t)(end - line), err);

		if (rc)
			return rc;
		line = end + 1;
	}
	*used = (size_t)(line - buffer);
	return 0;
}

static int run_batch(struct batch *batch, struct bg_error *err)
{
	bg_auto_free char *buffer = NULL;
	size_t length = 0, used;
	ssize_t got;
	int rc;

	buffer = malloc(MOST_LINE_BYTES);
	if (!buffer)
		return bg_no_memory(err, "reading questions");
	for (;;) {
		rc = bg_out_finish(err);
		if (rc)
			return rc;
		got = read(batch->asked->fd, buffer + length, MOST_LINE_BYTES - length);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return bg_fail(err, -errno, "reading questions: %s", strerror(errno));
		if (!got)
			break;
		length += (size_t)got;
		rc = answer_lines(batch, buffer, length, &used, err);
		if (rc)
			return rc;
		if (!used && length == MOST_LINE_BYTES)
			return bg_fail(err, -E2BIG,
				       "line %zu of the questions is longer than %d bytes",
				       batch->line + 1, MOST_LINE_BYTES);
		length -= used;
		memmove(buffer, buffer + used, length);
	}
	return length ? answer_line(batch, buffer, length, err) : 0;
}

int bg_explain_batch(const struct bg_batch *asked, struct bg_batch_count *count,
		     struct bg_error *err)
{
	bg_cleanup(release_batch) struct batch batch = { .asked = asked, .count = count };

	memset(count, 0, sizeof(*count));
	return run_batch(&batch, err);
}
