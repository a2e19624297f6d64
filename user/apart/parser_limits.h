/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a feed of a length may cost its parser: many times what one needs. */
#ifndef BG_APART_PARSER_LIMITS_H
#define BG_APART_PARSER_LIMITS_H

#include <stddef.h>

#define BG_MIB ((size_t)1 << 20)

static inline size_t bg_parser_memory_bytes(size_t length_bytes)
{
	return 128 * BG_MIB + 20 * length_bytes;
}

static inline size_t bg_parser_answer_bytes(size_t length_bytes)
{
	return 16 * BG_MIB + 16 * length_bytes;
}

static inline unsigned int bg_parser_cpu_s(size_t length_bytes)
{
	return 5 + 2 * (unsigned int)(length_bytes / BG_MIB);
}

/* By the clock: the machine may be busy. */
static inline unsigned int bg_parser_wall_s(size_t length_bytes)
{
	return 30 + 10 * (unsigned int)(length_bytes / BG_MIB);
}

#endif
