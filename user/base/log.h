/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Structured lines on stderr for the daemon: a sentence, then key=value fields.
 *	2026-11-24T18:20:31.123Z info "revision in force" revision=42 rules=+3/-1 ...
 * Under journald (JOURNAL_STREAM) the time is left out and the level becomes
 * the sd-daemon(3) priority prefix.
 */
#ifndef BG_BASE_LOG_H
#define BG_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum bg_log_level { BG_LOG_ERROR, BG_LOG_WARNING, BG_LOG_INFO, BG_LOG_DEBUG };

void bg_log_set_level(enum bg_log_level most);

/* `fields` is a printf format of space-separated key=value pairs, NULL for
 * none; string values that may hold spaces are written with bg_quote(). */
void bg_log(enum bg_log_level level, const char *message, const char *fields, ...)
	__attribute__((format(printf, 3, 4)));

/* Says that this system call was refused (seccomp.h); may be called by a signal handler. */
void bg_log_refused_call(int number);

/*
 * Lines may go to stderr by way of another process (apart/log_writer.h). Then each is followed by a
 * byte 0, and `answer_fd`, an eventfd, is told how many of these have come through: so much is
 * written. A line is waited for a moment only while all before it came through in time.
 */
void bg_log_answered(int answer_fd);
/* Has all come through, at most so much later? */
bool bg_log_wait(int limit_ms);

/* A line as it is, with its newline. */
void bg_log_line(const char *line, size_t length_bytes);

/* The text as a quoted, escaped field value; in one of 8 static buffers that
 * are used in turn. */
const char *bg_quote(const char *text);

#endif
