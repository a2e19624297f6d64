/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Names of pinned links, INTERFACE-IFINDEX-PROGRAM, and whose link a name says it is. */
#ifndef BG_DATAPATH_LINK_NAME_H
#define BG_DATAPATH_LINK_NAME_H

#include "datapath/attach.h"

#define BG_LINK_NAME_BYTES 96
const char *bg_link_name(const struct bg_attachment *attachment, char name[BG_LINK_NAME_BYTES]);

/* Fills in interface, ifindex and program, which may be one that only another build has: a
 * stray. -EINVAL: no build gives such names. */
int bg_link_name_parse(const char *name, struct bg_attachment *attachment);

/* What to do with a pinned link. */
enum bg_link_fate {
	BG_LINK_ADOPTED, /* it is what its name says */
	BG_LINK_DEAD,	 /* its interface is gone: the pin goes */
	BG_LINK_STRANGE, /* not as this program pins them: it stays */
	BG_LINK_UNKNOWN, /* the kernel could not say: nothing may be decided */
};

/*
 * `rc`: of asking the kernel, -EINVAL when it is no link to an interface; `ifindex`: what it
 * said, 0 when that interface is gone. The attachment is filled in when it is adopted.
 */
enum bg_link_fate bg_link_fate(const char *name, int rc, __u32 ifindex,
			       struct bg_attachment *attachment);

#endif
