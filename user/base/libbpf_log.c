// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Catches what libbpf prints. The daemon and `unload` send it to the log; datapath/
 * keeps or drops it while it loads and attaches. Nothing else sets libbpf's hook.
 */
#include "base/libbpf_log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

/* A thread keeps its own: one may load programs while another attaches some. */
static _Thread_local char last_warning[1024];
static _Thread_local char kept[8192];
static _Thread_local size_t kept_length;

/* What a thread has done with messages; NULL: what all do, unless it hushed them. */
static _Thread_local libbpf_print_fn_t of_thread;
static libbpf_print_fn_t of_all;

static int dispatch(enum libbpf_print_level level, const char *format, va_list args)
{
	libbpf_print_fn_t print = of_thread ? of_thread : of_all;

	return print ? print(level, format, args) : 0;
}

/* Returns what it was before. */
static libbpf_print_fn_t set_of_thread(libbpf_print_fn_t print)
{
	libbpf_print_fn_t before = of_thread;

	of_thread = print;
	libbpf_set_print(dispatch);
	return before;
}

static int hush_message(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

/* Is it libbpf's closing line, which follows the warning that says what went wrong? */
static bool is_aftermath(const char *text)
{
	return strstr(text, ": failed to load: -") || strstr(text, "failed to load object") ||
	       strstr(text, "failed to load BPF skeleton");
}

static int log_message(enum libbpf_print_level level, const char *format, va_list args)
{
	bg_auto_free char *text = NULL;
	const char *shown;
	int length;

	/* libbpf's own debugging is too much even for ours */
	if (level == LIBBPF_DEBUG)
		return 0;
	length = vasprintf(&text, format, args);
	if (length < 0) {
		text = NULL;
		return 0;
	}
	while (length && (text[length - 1] == '\n' || text[length - 1] == ' '))
		text[--length] = '\0';
	/* the end of a verifier log has the reason */
	shown = (size_t)length < sizeof(last_warning) ? text
						      : text + length - sizeof(last_warning) + 1;
	if (level == LIBBPF_WARN && !is_aftermath(shown))
		memcpy(last_warning, shown, strlen(shown) + 1);
	if (length)
		bg_log(level == LIBBPF_WARN ? BG_LOG_INFO : BG_LOG_DEBUG, shown, "from=libbpf");
	return 0;
}

void bg_libbpf_log(void)
{
	of_all = log_message;
	libbpf_set_print(dispatch);
}

const char *bg_libbpf_last_warning(void)
{
	static _Thread_local char taken[sizeof(last_warning)];

	memcpy(taken, last_warning, sizeof(taken));
	last_warning[0] = '\0';
	return taken;
}

/* When there is no more room, the oldest bytes go. */
static void keep_text(const char *text, size_t length)
{
	size_t room = sizeof(kept) - 1;

	if (length > room) {
		text += length - room;
		length = room;
	}
	if (kept_length + length > room) {
		size_t gone = kept_length + length - room;

		memmove(kept, kept + gone, kept_length - gone);
		kept_length -= gone;
	}
	memcpy(kept + kept_length, text, length);
	kept_length += length;
	kept[kept_length] = '\0';
}

static int keep_message(enum libbpf_print_level level, const char *format, va_list args)
{
	bg_auto_free char *text = NULL;
	int length;

	if (level > LIBBPF_WARN)
		return 0;
	length = vasprintf(&text, format, args);
	if (length < 0) {
		text = NULL;
		return 0;
	}
	keep_text(text, length);
	return 0;
}

libbpf_print_fn_t bg_libbpf_keep(void)
{
	kept_length = 0;
	kept[0] = '\0';
	return set_of_thread(keep_message);
}

libbpf_print_fn_t bg_libbpf_hush(void)
{
	return set_of_thread(hush_message);
}

void bg_libbpf_restore(const libbpf_print_fn_t *before)
{
	set_of_thread(*before);
}

const char *bg_libbpf_kept(size_t most)
{
	const char *start = kept, *newline;

	while (kept_length && kept[kept_length - 1] == '\n')
		kept[--kept_length] = '\0';
	if (kept_length > most) {
		start = kept + kept_length - most;
		newline = strchr(start, '\n');
		if (newline)
			start = newline + 1;
	}
	return *start ? start : "libbpf gave no reason";
}
