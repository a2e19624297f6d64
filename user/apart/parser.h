/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The parser of feeds, in a process of its own for each feed: text in, a model or errors
 * out. It has no capabilities, opens nothing, and makes a handful of system calls: a fault
 * in it is a refused feed. What it needs of memory is given back when it ends.
 */
#ifndef BG_APART_PARSER_H
#define BG_APART_PARSER_H

#include "feed/wire.h"

#define BG_PARSER "branchguard-parser"

/*
 * Parses what is in `text_fd` (memory.h, sealed from here on), and waits for it. The answer
 * is to be freed, whatever is returned: its rc, with the text in *err; or why there is none:
 * -EAGAIN, -ENOMEM and the like when that may pass, -EPROTO when the parser went wrong.
 */
int bg_parser_run(const char *name, int text_fd, struct bg_wire_answer *answer,
		  struct bg_error *err);

/* The process; main() calls it by its name. */
int bg_parser_main(int argc, char **argv);

#endif
