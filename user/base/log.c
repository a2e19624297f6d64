// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A line of the log is escaped, cut to LINE_BYTES and then written. The daemon calls
 * it, and what only the daemon does: attaching, guarding, publishing. The verbs that
 * answer a question print, they do not log.
 */
#include "base/log.h"

#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/printable.h"

/* One write() for a whole line, and the 0 behind it, so that lines of two threads or processes do
 * not mix. */
#define LINE_BYTES (PIPE_BUF - 1)
/* For another process to write lines, in each second: what is seen of the daemon stands in the log
 * already, as a rule, and neither a slow disk nor many lines at once hold it up. */
#define MOMENT_MS 50
#define MOMENTS_MS 1000

static enum bg_log_level most_level = BG_LOG_INFO;

static const struct {
	const char *name;
	const char *journal; /* sd-daemon(3) */
} levels[] = {
	[BG_LOG_ERROR] = { "error", "<3>" },
	[BG_LOG_WARNING] = { "warning", "<4>" },
	[BG_LOG_INFO] = { "info", "<6>" },
	[BG_LOG_DEBUG] = { "debug", "<7>" },
};

void bg_log_set_level(enum bg_log_level most)
{
	most_level = most;
}

/* So that no feed can forge lines or drive the terminal of who reads them. */
static size_t escape(const char *text, char *out, size_t size)
{
	size_t left = strlen(text), used = 0, bytes;
	unsigned int code;

	/* room for the longest character, 4 bytes of "\x00" */
	for (; left && used + 17 < size; text += bytes, left -= bytes) {
		enum bg_printing what = bg_printing_of(text, left, &bytes, &code);

		if (*text == '"' || *text == '\\') {
			used += snprintf(out + used, size - used, "\\%c", *text);
		} else if (*text == '\n') {
			used += snprintf(out + used, size - used, "\\n");
		} else if (what == BG_PRINTS) {
			memcpy(out + used, text, bytes);
			used += bytes;
		} else {
			for (size_t i = 0; i < bytes; i++)
				used += snprintf(out + used, size - used, "\\x%02x",
						 (unsigned char)text[i]);
		}
	}
	out[used] = '\0';
	return used;
}

const char *bg_quote(const char *text)
{
	static _Thread_local char buffers[8][1024];
	static _Thread_local unsigned int next;
	char *buffer = buffers[next++ % 8];
	size_t used;

	buffer[0] = '"';
	used = 1 + escape(text ? text : "", buffer + 1, sizeof(buffers[0]) - 2);
	buffer[used] = '"';
	buffer[used + 1] = '\0';
	return buffer;
}

static size_t line_head(char *line, size_t size, enum bg_log_level level)
{
	const __u64 now_ns = bg_realtime_ns();
	const time_t now_s = (time_t)(now_ns / BG_NS_PER_S);
	struct tm utc;
	size_t used;

	/* looked up every time: it costs nothing next to the write */
	if (getenv("JOURNAL_STREAM"))
		return snprintf(line, size, "%s", levels[level].journal);
	gmtime_r(&now_s, &utc);
	used = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &utc);
	return used + snprintf(line + used, size - used, ".%03lluZ %s ",
			       now_ns % BG_NS_PER_S / BG_NS_PER_MS, levels[level].name);
}

/*
 * Whether a line of LINE_BYTES can be written now: it is at most PIPE_BUF, for which
 * poll() answers. A reader that has stopped must not stop us, and the log is no reason
 * to change how stderr, which others may have too, is written.
 */
static bool has_room(void)
{
	struct pollfd log = { .fd = STDERR_FILENO, .events = POLLOUT };

	return poll(&log, 1, 0) > 0 && log.revents & POLLOUT;
}

/* Where another process writes: how many lines it has not answered yet. */
static struct {
	pthread_mutex_t lock; /* of this, and of the order of lines */
	bool is_used;
	int fd;
	__u64 missing;
	double since_ms, left_ms; /* of this moment */
} answers = { .lock = PTHREAD_MUTEX_INITIALIZER };

void bg_log_answered(int answer_fd)
{
	pthread_mutex_lock(&answers.lock);
	answers.is_used = answer_fd >= 0;
	answers.fd = answer_fd;
	answers.missing = 0;
	pthread_mutex_unlock(&answers.lock);
}

static bool wait_for_answers(int limit_ms)
{
	const double end_ms = bg_monotonic_ms() + limit_ms;
	struct pollfd answer = { .fd = answers.fd, .events = POLLIN };
	eventfd_t count;

	while (answers.missing) {
		double left_ms = end_ms - bg_monotonic_ms();

		if (poll(&answer, 1, left_ms > 0 ? (int)left_ms : 0) <= 0 ||
		    eventfd_read(answers.fd, &count))
			return false;
		answers.missing -= count < answers.missing ? count : answers.missing;
	}
	return true;
}

/* The byte 0 alone, behind what others have written there. */
bool bg_log_wait(int limit_ms)
{
	bool is_through = true;

	pthread_mutex_lock(&answers.lock);
	if (answers.is_used) {
		if (write(STDERR_FILENO, "", 1) == 1)
			answers.missing++;
		is_through = wait_for_answers(limit_ms);
	}
	pthread_mutex_unlock(&answers.lock);
	return is_through;
}

static void wait_a_moment(void)
{
	const double now_ms = bg_monotonic_ms();

	if (now_ms >= answers.since_ms + MOMENTS_MS) {
		answers.since_ms = now_ms;
		answers.left_ms = MOMENT_MS;
	}
	if (answers.left_ms < 1)
		return;
	wait_for_answers((int)answers.left_ms);
	answers.left_ms -= bg_monotonic_ms() - now_ms;
}

static bool put(const char *line, size_t length)
{
	const struct iovec parts[] = { { (void *)line, length }, { (void *)"", 1 } };
	bool is_late;

	if (!answers.is_used)
		return write(STDERR_FILENO, line, length) >= 0;
	is_late = !wait_for_answers(0);
	if (writev(STDERR_FILENO, parts, 2) < 0)
		return false;
	answers.missing++;
	if (!is_late)
		wait_a_moment();
	return true;
}

static void write_line(const char *line, size_t length)
{
	static unsigned long lost;
	char note[128];
	int used;

	if (!has_room()) {
		lost++;
		return;
	}
	if (lost) {
		used = (int)line_head(note, sizeof(note), BG_LOG_WARNING);
		used += snprintf(
			note + used, sizeof(note) - used,
			"\"lines of the log were lost: there was no room for them\" lost=%lu\n",
			lost);
		if (!put(note, used) || !has_room()) {
			lost++;
			return;
		}
		lost = 0;
	}
	if (!put(line, length))
		lost++; /* nowhere else to log it */
}

void bg_log_line(const char *line, size_t length)
{
	pthread_mutex_lock(&answers.lock);
	write_line(line, length);
	pthread_mutex_unlock(&answers.lock);
}

void bg_log(enum bg_log_level level, const char *message, const char *fields, ...)
{
	char line[LINE_BYTES];
	const size_t last = sizeof(line) - 1; /* kept for the newline */
	size_t used;

	if (level > most_level)
		return;
	used = line_head(line, last, level);
	line[used++] = '"';
	used += escape(message, line + used, last - used - 1);
	line[used++] = '"';
	if (fields) {
		char *fields_at;
		va_list args;
		int length;

		line[used++] = ' ';
		fields_at = line + used;
		va_start(args, fields);
		length = vsnprintf(line + used, last - used, fields, args);
		va_end(args);
		if (length > 0)
			used += (size_t)length < last - used ? (size_t)length : last - used - 1;
		/* what was not quoted may still not break the line, or worse */
		line[used] = '\0';
		for (char *c = fields_at; *c; c++)
			if (*c == '\n')
				*c = ' ';
		bg_printable(fields_at);
		used = (size_t)(fields_at - line) + strlen(fields_at);
	}
	line[used++] = '\n';
	bg_log_line(line, used);
}

void bg_log_refused_call(int number)
{
	static const char head[] = "<4>\"a system call was refused: it is not on the list of "
				   "those that branchguard makes\" call=";
	char line[sizeof(head) + 16];
	size_t used = sizeof(head) - 1;
	char digits[12];
	int count = 0;

	/* nothing of the C library but write() and poll(): it may be in the middle of anything */
	memcpy(line, head, used);
	do
		digits[count++] = (char)('0' + number % 10);
	while ((number /= 10) > 0 && count < (int)sizeof(digits));
	while (count)
		line[used++] = digits[--count];
	line[used++] = '\n';
	if (has_room() && write(STDERR_FILENO, line, used) < 0)
		return;
}
