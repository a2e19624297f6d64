/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What runs on a tcx hook, in which order: asked of the kernel. */
#ifndef BG_DATAPATH_TCX_H
#define BG_DATAPATH_TCX_H

#include "datapath/programs.h"

#define BG_TCX_MOST 64 /* programs on one hook (BPF_MPROG_MAX) */

/* Ids of the programs on a hook, the first one first; how many there are, 0 also where
 * the kernel has no tcx, or a negative errno. */
int bg_tcx_programs(__u32 ifindex, enum bg_hook hook, __u32 ids[BG_TCX_MOST]);

/* The same, and by which link each is attached; 0 = by none. */
int bg_tcx_links(__u32 ifindex, enum bg_hook hook, __u32 ids[BG_TCX_MOST],
		 __u32 links[BG_TCX_MOST]);

#endif
