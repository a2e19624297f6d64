/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What becomes of libbpf's messages: lines of our log, part of an error, or nothing.
 * libbpf has one print hook for the process, without a context; here each thread has its
 * own, and keeps its own messages.
 */
#ifndef BG_BASE_LIBBPF_LOG_H
#define BG_BASE_LIBBPF_LOG_H

#include <bpf/libbpf.h>
#include <stddef.h>

#include "base/cleanup.h"

/* From now on its messages are lines of the log, one level below ours, and the last
 * warning is kept for the text of an error (what the kernel answered by netlink). */
void bg_libbpf_log(void);
const char *bg_libbpf_last_warning(void); /* "" when none; cleared by the call */

/*
 * Its messages go elsewhere until bg_libbpf_restore() gets the hook that these return:
 *	bg_auto_libbpf libbpf_print_fn_t before = bg_libbpf_hush();
 */
libbpf_print_fn_t bg_libbpf_hush(void); /* nowhere */
libbpf_print_fn_t bg_libbpf_keep(void); /* warnings are kept; earlier ones are gone */
void bg_libbpf_restore(const libbpf_print_fn_t *before);
#define bg_auto_libbpf __attribute__((unused)) bg_cleanup(bg_libbpf_restore)

/* The last lines of what is kept, at most `most` bytes: the end of a verifier log has
 * the reason. Valid until the next call of bg_libbpf_keep(). */
const char *bg_libbpf_kept(size_t most);

#endif
