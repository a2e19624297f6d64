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
#include "base/names.h"
#include "show/out.h"

/* A question has 300 bytes at most; a line that is longer than this is no question. */
#define MOST_LINE_BYTES 65536

struct batch {
	struct bg_explainer *explainer;
	struct bg_ends *ends;
	enum bg_expected expected; /* where a line does not say */
	size_t line;
	struct bg_batch_count *count;
};

static bool is_blank(const char *line, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
			return false;
	return true;
}

static int answer_line(struct batch *batch, const char *line, size_t length, struct bg_error *err)
{
	struct bg_question question;
	struct bg_explained explained;
	enum bg_expected expected;
	char text[BG_SURPRISE_TEXT];
	int rc;

	batch->line++;
	if (is_blank(line, length))
		return 0;
	rc = bg_question_parse(line, length, &question, &expected, err);
	if (!rc)
		rc = bg_explain_ends(batch->explainer, batch->ends, &question, &explained, err);
	if (!rc) {
		if (expected == BG_EXPECT_NOTHING)
			expected = batch->expected;
		if (bg_explained_surprise(&explained, expected, text)) {
			batch->count->surprises++;
			fprintf(stderr, "branchguard explain: line %zu: %s\n", batch->line, text);
		}
		return bg_print_json_line(bg_explained_json(batch->ends, &explained), err);
	}
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

static int run_batch(struct batch *batch, int fd, struct bg_error *err)
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
		got = read(fd, buffer + length, MOST_LINE_BYTES - length);
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

int bg_explain_batch(struct bg_explainer *explainer, struct bg_ends *ends, int fd,
		     enum bg_expected expected, struct bg_batch_count *count, struct bg_error *err)
{
	struct batch batch = {
		.explainer = explainer, .ends = ends, .expected = expected, .count = count
	};

	memset(count, 0, sizeof(*count));
	return run_batch(&batch, fd, err);
}
