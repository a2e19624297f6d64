// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Asks the kernel where a program of ours is now. guard/ does so once a second and before
 * it arms, attach.c when it adopts. Nothing is changed, and what cannot be asked is left as
 * it is known to be.
 */
#include "datapath/attach_look.h"

#include <errno.h>

#include <bpf/bpf.h>

#include "datapath/clsact.h"
#include "datapath/tcx.h"

int bg_link_target(int fd, __u32 *ifindex, __u32 *prog_id, __u32 *link_id)
{
	struct bpf_link_info info = {};
	__u32 length = sizeof(info);
	int rc;

	rc = bpf_link_get_info_by_fd(fd, &info, &length);
	if (rc)
		return rc;
	*prog_id = info.prog_id;
	*link_id = info.id;
	switch (info.type) {
	case BPF_LINK_TYPE_XDP:
		*ifindex = info.xdp.ifindex;
		return 0;
	case BPF_LINK_TYPE_TCX:
		*ifindex = info.tcx.ifindex;
		return 0;
	default:
		return -EINVAL;
	}
}

static enum bg_attach_state look_at_filter(const struct bg_attachment *attachment)
{
	struct bg_attachment found = *attachment;
	int rc = bg_clsact_find(&found);

	if (rc)
		return rc == -ENOENT ? BG_ATTACH_GONE : BG_ATTACH_RUNS;
	/* one that could not be replaced may have been, and the answer was lost */
	return found.prog_id == attachment->prog_id || attachment->outdated ? BG_ATTACH_RUNS
									    : BG_ATTACH_GONE;
}

static enum bg_attach_state look_at_link(const struct bg_attachment *attachment)
{
	__u32 ifindex = 0, prog_id, link_id;

	if (bg_link_target(attachment->link_fd, &ifindex, &prog_id, &link_id))
		return BG_ATTACH_RUNS;
	return ifindex ? BG_ATTACH_ELSEWHERE : BG_ATTACH_GONE;
}

/* -1: it is not on its hook. What the kernel could not say when it was attached is 0. */
static int place_on_hook(const struct bg_attachment *attachment, int count, const __u32 *ids,
			 const __u32 *links)
{
	for (int i = 0; i < count; i++)
		if (attachment->link_id ? links[i] == attachment->link_id
					: ids[i] == attachment->prog_id)
			return i;
	return -1;
}

static enum bg_attach_state look_at_tcx(const struct bg_attachment *attachment)
{
	__u32 ids[BG_TCX_MOST], links[BG_TCX_MOST];
	int count, place;

	count = bg_tcx_links(attachment->ifindex, bg_program_hook(attachment->program), ids, links);
	if (count < 0)
		return BG_ATTACH_RUNS;
	place = place_on_hook(attachment, count, ids, links);
	if (place < 0)
		return look_at_link(attachment);
	/* here, too, the answer to an exchange may have been lost */
	return ids[place] == attachment->prog_id || !attachment->prog_id || attachment->outdated
		       ? BG_ATTACH_RUNS
		       : BG_ATTACH_CHANGED;
}

enum bg_attach_state bg_attach_look(const struct bg_attachment *attachment)
{
	enum bg_attach_state state;

	switch (attachment->by) {
	case BG_ATTACH_TCX:
		return look_at_tcx(attachment);
	case BG_ATTACH_CLSACT:
		return look_at_filter(attachment);
	case BG_ATTACH_XDP:
		state = look_at_link(attachment);
		return state == BG_ATTACH_ELSEWHERE ? BG_ATTACH_RUNS : state;
	case BG_ATTACH_NONE:
		break;
	}
	return BG_ATTACH_GONE;
}
