/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Filters of the clsact qdisc: what attach.c does on kernels without tcx. */
#ifndef BG_DATAPATH_CLSACT_H
#define BG_DATAPATH_CLSACT_H

#include "datapath/attach.h"

/* Each program has two handles of its own: so a second filter can be put in front of
 * others before the first one behind them is removed. None is 1, which clean-up
 * scripts of other agents delete. */
#define BG_FILTER_HANDLE 0xb670u
#define BG_FILTER_OTHER_HANDLE 0xb6f0u

/* They are kept for this many programs, most of which no build has yet. */
#define BG_FILTER_NUMBERS 32

/* Which of them this handle is kept for, -1: none. */
static inline int bg_filter_number(__u32 handle)
{
	if (handle - BG_FILTER_HANDLE < BG_FILTER_NUMBERS)
		return (int)(handle - BG_FILTER_HANDLE);
	if (handle - BG_FILTER_OTHER_HANDLE < BG_FILTER_NUMBERS)
		return (int)(handle - BG_FILTER_OTHER_HANDLE);
	return -1;
}

/* As bg_attach(), for TC programs. */
int bg_clsact_attach(const struct bg_attach_context *context, struct bg_attachment *attachment,
		     bool *made_qdisc, struct bg_error *err);
int bg_clsact_replace(const struct bg_attach_context *context, struct bg_attachment *attachment,
		      struct bg_error *err);

/* Looks for a filter with the handle of attachment->program; fills in priority
 * and prog_id. -ENOENT: the kernel says that there is none; else it could not say. */
int bg_clsact_find(struct bg_attachment *attachment);

/* Calls `each` for filters with handles that are kept for programs of ours, but for which
 * this build has none: strays (attach.h). Whose they are shows their prog_id. Else: the kernel
 * could not say of some whether they are there. */
int bg_clsact_strays(__u32 ifindex, void (*each)(struct bg_attachment *stray, void *context),
		     void *context);

/*
 * Moves the filter in front of all others of its hook: one that was added later runs
 * first, and if that says "pass", ours does not run. -EEXIST: not possible, the first
 * one is no BPF filter.
 */
int bg_clsact_to_front(const struct bg_attach_context *context, struct bg_attachment *attachment,
		       struct bg_error *err);

/* Both 0 as well when there is none. A filter goes with its twin, if a daemon that was killed
 * on the way to the front has left one. */
int bg_clsact_detach(const struct bg_attachment *attachment);
int bg_clsact_remove_qdisc(__u32 ifindex);

#endif
