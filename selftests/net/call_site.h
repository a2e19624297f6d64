/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where in the program a call comes from, for fault.c: a call of a library counts as that of
 * who called the library. As text, places as addr2line takes them, from the inside out. */
#ifndef BG_SELFTESTS_NET_CALL_SITE_H
#define BG_SELFTESTS_NET_CALL_SITE_H

#include <execinfo.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>

/* So many functions of the program tell a place: who calls the kernel is often called by
 * many. */
#define SITE_FRAMES 2
#define SITE_TEXT 64

static struct {
	uintptr_t base, start, end;
} site_program;

static int find_program(struct dl_phdr_info *info, size_t size, void *context)
{
	(void)size;
	(void)context;
	site_program.base = info->dlpi_addr;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &info->dlpi_phdr[i];

		if (part->p_type != PT_LOAD || !(part->p_flags & PF_X))
			continue;
		site_program.start = info->dlpi_addr + part->p_vaddr;
		site_program.end = site_program.start + part->p_memsz;
	}
	return 1; /* the program itself is the first */
}

/* backtrace() loads a library when it is called first, which the daemon may not do later. */
__attribute__((constructor)) static void site_prepare(void)
{
	void *frame;

	backtrace(&frame, 1);
	dl_iterate_phdr(find_program, NULL);
}

static void site_of_call(char text[SITE_TEXT])
{
	void *frames[32];
	int count = backtrace(frames, 32), found = 0, length = 0;

	text[0] = '\0';
	for (int i = 0; i < count && found < SITE_FRAMES; i++) {
		uintptr_t at = (uintptr_t)frames[i];

		if (at < site_program.start || at >= site_program.end)
			continue;
		/* within the call, not after it */
		length += snprintf(text + length, SITE_TEXT - length, "%s%#lx", found ? "," : "",
				   at - 1 - site_program.base);
		found++;
	}
}

#endif
