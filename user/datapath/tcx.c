// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The order of programs on a tcx hook. attach.c asks in order to stay the first, status and
 * health whether it is so.
 */
#include "datapath/tcx.h"

#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

static int query(__u32 ifindex, enum bg_hook hook, __u32 ids[BG_TCX_MOST], __u32 *links)
{
	LIBBPF_OPTS(bpf_prog_query_opts, opts, .prog_ids = ids, .link_ids = links,
		    .prog_cnt = BG_TCX_MOST);
	enum bpf_attach_type type = hook == BG_HOOK_INGRESS ? BPF_TCX_INGRESS : BPF_TCX_EGRESS;
	int rc;

	memset(ids, 0, BG_TCX_MOST * sizeof(*ids));
	rc = bpf_prog_query_opts((int)ifindex, type, &opts);
	/* the first of them is what kernels without tcx say */
	if (rc == -EINVAL || rc == -ENODEV)
		return 0;
	return rc ? rc : (int)opts.prog_cnt;
}

int bg_tcx_programs(__u32 ifindex, enum bg_hook hook, __u32 ids[BG_TCX_MOST])
{
	return query(ifindex, hook, ids, NULL);
}

int bg_tcx_links(__u32 ifindex, enum bg_hook hook, __u32 ids[BG_TCX_MOST], __u32 links[BG_TCX_MOST])
{
	memset(links, 0, BG_TCX_MOST * sizeof(*links));
	return query(ifindex, hook, ids, links);
}
