/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where an attachment is now, in the kernel's words. */
#ifndef BG_DATAPATH_ATTACH_LOOK_H
#define BG_DATAPATH_ATTACH_LOOK_H

#include "datapath/attach.h"

enum bg_attach_state {
	BG_ATTACH_GONE,	     /* the kernel says so; nothing less is a no */
	BG_ATTACH_RUNS,	     /* on its interface, or the kernel could not say */
	BG_ATTACH_CHANGED,   /* its link is there, but somebody put another program in it */
	BG_ATTACH_ELSEWHERE, /* with its interface, in another network namespace */
};

/*
 * Asked of the hook of the interface that has this ifindex here, not of the link: a link
 * lives on with an interface that was moved away, and tells an ifindex that may be
 * another interface's here. (XDP's link is believed: TC gives the same verdict.)
 */
enum bg_attach_state bg_attach_look(const struct bg_attachment *attachment);

/* Program, id and interface of a link; *ifindex 0: that is gone. */
int bg_link_target(int fd, __u32 *ifindex, __u32 *prog_id, __u32 *link_id);

#endif
