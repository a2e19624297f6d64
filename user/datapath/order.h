/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who comes first on a hook, by what the kernel says of it. Pure. */
#ifndef BG_DATAPATH_ORDER_H
#define BG_DATAPATH_ORDER_H

#include "datapath/attach.h"

struct bg_hooked {
	int tcx_programs;	  /* on the program's hook */
	__u32 first_tcx;	  /* id of the first of them, 0 = none */
	__u32 first_filter;	  /* handle of the filter that is asked first there, 0 = none */
	int filters_on_interface; /* on both hooks */
};

/*
 * Both take `ours`, the BG_PROGRAMS attachments of one interface: two programs of
 * ours may share a hook (a trunk that is the primary interface as well).
 *
 * Does a program of somebody else stand at the head of this one's hook?
 */
bool bg_order_is_behind(const struct bg_attachment ours[BG_PROGRAMS], enum bg_program program,
			const struct bg_hooked *hooked);

/* Do programs other than ours run on its hook (TC only), or filters on the interface? */
bool bg_order_is_shared(const struct bg_attachment ours[BG_PROGRAMS], enum bg_program program,
			const struct bg_hooked *hooked);

/* Is a filter with this handle one of ours, of whatever build? */
bool bg_is_our_handle(__u32 handle);

#endif
