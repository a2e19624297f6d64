/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What libbpf has to say: lines of our log, words for an error, or nothing. Its
 * print hook is one for the process and takes no context; so is what is kept here.
 */
#ifndef BG_BASE_LIBBPF_LOG_H
#define BG_BASE_LIBBPF_LOG_H

#include <bpf/libbpf.h>
#include <stddef.h>

#include "base/cleanup.h"

/* From here on its messages are lines of the log, one level below ours, and the
 * last warning is kept for the text of an error (what netlink said to it). */
void bg_libbpf_log(void);
const char *bg_libbpf_last_warning(void); /* "" when none; cleared by the call */

/*
 * For a while its messages go elsewhere; both return where they went before:
 *	bg_auto_libbpf libbpf_print_fn_t before = bg_libbpf_hush();
 */
libbpf_print_fn_t bg_libbpf_hush(void); /* nowhere */
libbpf_print_fn_t bg_libbpf_keep(void); /* warnings are kept, from none on */
void bg_libbpf_restore(const libbpf_print_fn_t *before);
#define bg_auto_libbpf __attribute__((unused)) bg_cleanup(bg_libbpf_restore)

/* The last lines of what is kept, at most `most` bytes: the end of a verifier
 * log has the reason. They stand until the next call of bg_libbpf_keep(). */
const char *bg_libbpf_kept(size_t most);

#endif
