// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * branchguard version: what to name in a report. It looks at nothing but the
 * program itself, not at what is pinned.
 */
#include <bpf/libbpf.h>
#include <stdio.h>

#include "verbs/cli.h"
#include "verbs/version.h"

int cmd_version(int argc, char **argv)
{
	bool json = false;
	const struct bg_option options[] = { BG_OPTION_JSON(&json), {} };
	const struct bg_command command = {
		.verb = "version",
		.about = "Prints the version of the program and the commit that it was built from, "
			 "the version of the layout of what it pins (ABI), of the libbpf it was "
			 "linked with, and of the clang that compiled the BPF programs.",
		.options = options,
	};
	int status = bg_cli(&command, argc, argv);

	if (status >= 0)
		return status;
	printf(json ? "{\"version\": \"%s\", \"commit\": \"%s\", \"abi\": %d, \"libbpf\": \"%u.%u\", "
		      "\"clang\": \"%s\"}\n"
		    : "branchguard %s, commit %s, ABI %d, libbpf %u.%u, clang %s\n",
	       bg_version, bg_commit, BG_ABI, libbpf_major_version(), libbpf_minor_version(),
	       bg_clang);
	return bg_cli_printed("version");
}
