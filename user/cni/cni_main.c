// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * branchguard-cni: without arguments it answers a container runtime, by its environment and
 * standard input; with a verb it installs itself. It opens no connection to anybody.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/libbpf_log.h"
#include "cni/cni_call.h"
#include "cni/cni_verbs.h"
#include "cni/small_file.h"
#include "verbs/cli.h"
#include "verbs/program.h"

static const struct bg_verb verbs[] = {
	{ "install", bg_cni_install, "the plugin, and a list of plugins that has it" },
	{ "uninstall", bg_cni_uninstall, "take both away" },
	{ "version", bg_cni_version, "versions of the program and of the pins that it reads" },
};

static const struct bg_program program = {
	.name = "branchguard-cni",
	.about = "The gate of branchguard, a CNI plugin: no container starts before its branch is\n"
		 "guarded. A container runtime calls it without a verb.",
	.more = "",
	.verbs = verbs,
	.verb_count = sizeof(verbs) / sizeof(verbs[0]),
};

static int answer_runtime(void)
{
	const struct bg_cni_call call = {
		.command = getenv("CNI_COMMAND"),
		.container_id = getenv("CNI_CONTAINERID"),
		.netns = getenv("CNI_NETNS"),
		.interface = getenv("CNI_IFNAME"),
		.args = getenv("CNI_ARGS"),
	};
	bg_auto_free char *bytes = NULL;
	size_t length = 0;
	const char *unread = NULL;
	int status, rc;

	if (!call.command)
		bg_program_usage(stderr, &program);
	rc = call.command ? bg_read_all(STDIN_FILENO, BG_CNI_MOST_BYTES, &bytes, &length) : 0;
	if (rc == -E2BIG)
		unread = "more than 1 MiB came by standard input";
	else if (rc)
		unread = strerror(-rc);
	bg_libbpf_hush();
	status = bg_cni_answer(&call, (struct bg_text){ bytes ? bytes : "", length }, unread,
			       stdout, stderr);
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	fprintf(stderr, "branchguard-cni: writing the answer: %s\n", strerror(errno));
	return 1;
}

int main(int argc, char **argv)
{
	return argc > 1 ? bg_program_run(&program, argc, argv) : answer_runtime();
}
