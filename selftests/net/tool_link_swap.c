// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Puts another program into a pinned link, which bpftool cannot:
 *	tool_link_swap PINNED_LINK PINNED_PROGRAM
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>

static int complain(const char *what)
{
	fprintf(stderr, "tool_link_swap: %s: %s\n", what, strerror(errno));
	return 1;
}

int main(int argc, char **argv)
{
	int link, program;

	if (argc != 3) {
		fprintf(stderr, "usage: tool_link_swap PINNED_LINK PINNED_PROGRAM\n");
		return 2;
	}
	link = bpf_obj_get(argv[1]);
	if (link < 0)
		return complain(argv[1]);
	program = bpf_obj_get(argv[2]);
	if (program < 0)
		return complain(argv[2]);
	return bpf_link_update(link, program, NULL) ? complain("updating the link") : 0;
}
