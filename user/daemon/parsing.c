// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * From a feed's file to a parsed document, in the parser's process. Called by a reload in its
 * thread, and at the start; it puts nothing in force, and an error stands in the result.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apart/memory.h"
#include "apart/parser.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/work.h"
#include "daemon/running.h"
#include "feed/feed.h"
#include "source/file.h"

void bg_daemon_hash(const char *text, size_t length_bytes, __u8 content[SHA256_DIGEST_LENGTH])
{
	SHA2_CTX context;

	SHA256Init(&context);
	SHA256Update(&context, (const __u8 *)text, length_bytes);
	SHA256Final(content, &context);
}

static int parse_memory(const char *name, int text_fd, struct bg_parsed *parsed)
{
	struct bg_wire_answer answer;
	int rc = bg_parser_run(name, text_fd, &answer, &parsed->err);

	parsed->model = answer.model;
	parsed->errors = answer.errors;
	return rc;
}

/* static: whoever does not wait for its end leaves the thread at work with it. */
static struct {
	struct bg_work work;
	const char *name;
	int text_fd;
	struct bg_parsed parsed;
} at_start = { .work.done_fd = -1 };

static void parse_at_start(void *context)
{
	(void)context;
	at_start.parsed.rc = parse_memory(at_start.name, at_start.text_fd, &at_start.parsed);
}

int bg_daemon_parse_text(const char *name, const char *text, size_t length_bytes, int signal_fd,
			 struct bg_parsed *parsed)
{
	bg_auto_close int fd = bg_memory_of("the feed's text", text, length_bytes, &parsed->err);
	int rc;

	if (fd < 0)
		return bg_fail_in(&parsed->err, fd, "%s", name);
	rc = at_start.work.done_fd < 0 ? bg_work_open(&at_start.work, &parsed->err) : 0;
	if (!rc && !at_start.work.busy) {
		at_start.name = name;
		at_start.text_fd = fd;
		at_start.parsed = (struct bg_parsed){};
		rc = bg_work_start(&at_start.work, parse_at_start, NULL, &parsed->err);
		if (!rc)
			(void)bg_take_fd(&fd);
	} else if (!rc) { /* a signal came then, too */
		rc = bg_fail(&parsed->err, -EINTR, "%s: an earlier one is not parsed yet", name);
	}
	if (rc)
		return rc;
	if (!bg_work_wait(&at_start.work, -1, signal_fd))
		return bg_fail(&parsed->err, -EINTR, "%s: stopped by a signal before it was parsed",
			       name);
	close(at_start.text_fd);
	parsed->model = at_start.parsed.model;
	parsed->errors = at_start.parsed.errors;
	parsed->err = at_start.parsed.err;
	return at_start.parsed.rc;
}

/* Of a feed that was read: what is new is parsed. */
static int parse_new(const struct bg_daemon *daemon, const char *name, int text_fd,
		     struct bg_parsed *parsed)
{
	bg_auto_memory struct bg_memory text = {};
	int rc = bg_memory_map(text_fd, "the feed's text", &text, &parsed->err);

	if (rc)
		return bg_fail_in(&parsed->err, rc, "%s", name);
	bg_daemon_hash(text.bytes, text.length_bytes, parsed->content);
	parsed->same = daemon->reload.knows_content &&
		       !memcmp(parsed->content, daemon->reload.content, sizeof(parsed->content));
	if (parsed->same)
		return 0;
	rc = parse_memory(name, text_fd, parsed);
	if (rc)
		return rc;
	/* not before: for the parser there is memory then, or none for either (parser_main.c) */
	parsed->text = malloc(text.length_bytes + 1);
	if (!parsed->text)
		return bg_no_memory(&parsed->err, "%s: reading the feed", name);
	if (text.length_bytes)
		memcpy(parsed->text, text.bytes, text.length_bytes);
	parsed->text_bytes = text.length_bytes;
	return 0;
}

static enum bg_file_kind kind_of(const struct bg_daemon_options *options)
{
	if (options->require_owner)
		return BG_FILE_OWNED;
	return options->once ? BG_FILE_ANY : BG_FILE_REGULAR;
}

int bg_daemon_parse(struct bg_daemon *daemon, struct bg_parsed *parsed)
{
	const char *name = bg_file_name(daemon->options.feed);
	struct bg_files_look *look = &daemon->reload.look;
	const double start_ms = bg_monotonic_ms();
	bg_auto_close int text_fd = -1;

	memset(parsed, 0, sizeof(*parsed));
	look->kind = kind_of(&daemon->options);
	look->most_bytes = BG_FEED_MAX_BYTES;
	text_fd = bg_memory_new("the feed's text", &parsed->err);
	parsed->rc = text_fd < 0 ? bg_fail_in(&parsed->err, text_fd, "%s", name)
				 : bg_files_read(&daemon->feed_file, look, text_fd, &parsed->err);
	parsed->is_same_file = !parsed->rc && look->is_same;
	parsed->was_read = !parsed->rc && !look->is_same;
	if (parsed->was_read)
		parsed->rc = parse_new(daemon, name, text_fd, parsed);
	parsed->parse_ms = bg_monotonic_ms() - start_ms;
	return parsed->rc;
}

void bg_parsed_free(struct bg_parsed *parsed)
{
	bg_model_free(parsed->model);
	bg_problems_free(&parsed->errors);
	free(parsed->text);
	parsed->model = NULL;
	parsed->text = NULL;
}
