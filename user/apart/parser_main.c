// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The parser's process: reads the text that it was given, writes its answer, ends. From
 * bg_confine() on it can do nothing else.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "apart/child.h"
#include "apart/confine.h"
#include "apart/memory.h"
#include "apart/parser.h"
#include "apart/parser_limits.h"
#include "base/cleanup.h"
#include "feed/feed.h"

#define TEXT_FD BG_CHILD_FD
#define OUT_FD (BG_CHILD_FD + 1)
/* At most: a page is not larger. */
#define PAGE_BYTES 4096

/* Memory, but none that can be executed; the answer; the end. */
static const struct bg_seccomp_rule calls[] = {
	{ .call = "brk" },
	{ .call = "mmap", .argument = 2, .mask = PROT_EXEC, .value = 0 },
	{ .call = "mprotect", .argument = 2, .mask = PROT_EXEC, .value = 0 },
	{ .call = "mremap" },
	{ .call = "munmap" },
	{ .call = "madvise" },
	{ .call = "getrandom" }, /* malloc()'s */
	{ .call = "sysinfo" },	 /* qsort()'s: how much memory there is */
	{ .call = "write", .argument = 0, .mask = ~0ull, .value = OUT_FD },
	{ .call = "exit_group" },
	{},
};

static int confine(size_t length_bytes, struct bg_error *err)
{
	const struct bg_confinement how = {
		.fd_count = 2,
		.memory_bytes = bg_parser_memory_bytes(length_bytes),
		.file_bytes = bg_parser_answer_bytes(length_bytes),
		.cpu_s = bg_parser_cpu_s(length_bytes),
		.calls = calls,
	};

	return bg_confine(&how, err);
}

/*
 * What the daemon will need for the answer is taken now, beside all that was needed to make it:
 * the text, and what is made of it. Where there is not so much, the kernel
 * ends this process (confine.c), the feed is refused, and what is in force stays; later it would
 * have been the daemon.
 */
static void rehearse(size_t text_bytes, size_t answer_bytes)
{
	const size_t length_bytes = text_bytes + answer_bytes;
	volatile char *memory = mmap(NULL, length_bytes, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return;
	for (size_t i = 0; i < length_bytes; i += PAGE_BYTES)
		memory[i] = 1;
}

/* What it could do is in the answer; 0 if that is written. */
static int answer_with(const struct bg_wire_answer *answer, size_t text_bytes)
{
	unsigned char *bytes = NULL;
	size_t length_bytes;
	struct bg_error err;
	int rc = bg_wire_write(answer, &bytes, &length_bytes, &err);

	if (rc && !answer->rc) /* then at least why there is none */
		return answer_with(&(struct bg_wire_answer){ .rc = rc, .why = err }, 0);
	if (!rc)
		rc = bg_memory_write(OUT_FD, bytes, length_bytes);
	if (!rc && !answer->rc)
		rehearse(text_bytes, length_bytes);
	return rc;
}

int bg_parser_main(int argc, char **argv)
{
	struct bg_wire_answer answer = {};
	struct bg_memory text = {};

	if (argc != 2)
		return EXIT_FAILURE;
	answer.rc = bg_memory_map(TEXT_FD, "the feed's text", &text, &answer.why)
			    ?: confine(text.length_bytes, &answer.why);
	if (!answer.rc)
		answer.rc = bg_feed_parse(argv[1], text.bytes ? text.bytes : "", text.length_bytes,
					  &answer.model, &answer.errors, &answer.why);
	/* nothing is freed, nothing else is called at exit */
	_exit(answer_with(&answer, text.length_bytes) ? EXIT_FAILURE : EXIT_SUCCESS);
}
