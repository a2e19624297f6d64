// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * From a feed's file to a parsed document, in the parser's process. Called by a reload in its
 * thread, and at the start; it puts nothing in force, and an error stands in the result.
 */
#include <stdlib.h>
#include <string.h>

#include "apart/memory.h"
#include "apart/parser.h"
#include "base/cleanup.h"
#include "base/clock.h"
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

int bg_daemon_parse_text(const char *name, const char *text, size_t length_bytes,
			 struct bg_parsed *parsed)
{
	bg_auto_close int fd = bg_memory_of("the feed's text", text, length_bytes, &parsed->err);
	struct bg_wire_answer answer;
	int rc;

	if (fd < 0)
		return bg_fail_in(&parsed->err, fd, "%s", name);
	rc = bg_parser_run(name, fd, &answer, &parsed->err);
	parsed->model = answer.model;
	parsed->errors = answer.errors;
	return rc;
}

int bg_daemon_parse(const struct bg_daemon *daemon, struct bg_parsed *parsed)
{
	const char *path = daemon->options.feed;
	double start_ms = bg_monotonic_ms();

	memset(parsed, 0, sizeof(*parsed));
	parsed->rc = bg_file_read(path, daemon->options.once ? BG_FILE_ANY : BG_FILE_REGULAR,
				  BG_FEED_MAX_BYTES, &parsed->text, &parsed->text_bytes,
				  &parsed->err);
	parsed->was_read = !parsed->rc;
	if (!parsed->rc) {
		bg_daemon_hash(parsed->text, parsed->text_bytes, parsed->content);
		parsed->same =
			daemon->reload.knows_content &&
			!memcmp(parsed->content, daemon->reload.content, sizeof(parsed->content));
	}
	if (!parsed->rc && !parsed->same)
		parsed->rc = bg_daemon_parse_text(bg_file_name(path), parsed->text,
						  parsed->text_bytes, parsed);
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
