// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Puts a pinned TC program before all others, which bpftool cannot:
 *	tool_tcx_first ingress|egress PINNED INTERFACE
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>

static int complain(const char *what)
{
	fprintf(stderr, "tool_tcx_first: %s: %s\n", what, strerror(errno));
	return 1;
}

int main(int argc, char **argv)
{
	LIBBPF_OPTS(bpf_prog_attach_opts, before_all, .flags = BPF_F_BEFORE);
	unsigned int ifindex;
	int fd;

	if (argc != 4) {
		fprintf(stderr, "usage: tool_tcx_first ingress|egress PINNED INTERFACE\n");
		return 2;
	}
	ifindex = if_nametoindex(argv[3]);
	if (!ifindex)
		return complain(argv[3]);
	fd = bpf_obj_get(argv[2]);
	if (fd < 0)
		return complain(argv[2]);
	if (bpf_prog_attach_opts(fd, (int)ifindex,
				 strcmp(argv[1], "ingress") ? BPF_TCX_EGRESS : BPF_TCX_INGRESS,
				 &before_all))
		return complain("attaching");
	return 0;
}
