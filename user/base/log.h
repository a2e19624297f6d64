/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Structured lines on stderr for the daemon: a sentence, then key=value fields.
 *	2026-11-24T18:20:31.123Z info "revision in force" revision=42 rules=+3/-1 ...
 * Under journald (JOURNAL_STREAM) the time is left out and the level becomes
 * the sd-daemon(3) priority prefix.
 */
#ifndef BG_BASE_LOG_H
#define BG_BASE_LOG_H

enum bg_log_level { BG_LOG_ERROR, BG_LOG_WARNING, BG_LOG_INFO, BG_LOG_DEBUG };

void bg_log_set_level(enum bg_log_level most);

/* `fields` is a printf format of space-separated key=value pairs, NULL for
 * none; string values that may hold spaces are written with bg_quote(). */
void bg_log(enum bg_log_level level, const char *message, const char *fields, ...)
	__attribute__((format(printf, 3, 4)));

/* Says that this system call was refused (seccomp.h); may be called by a signal handler. */
void bg_log_refused_call(int number);

/* The text as a quoted, escaped field value; in one of 8 static buffers that
 * are used in turn. */
const char *bg_quote(const char *text);

#endif
