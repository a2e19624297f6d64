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
#include "base/printable.h"
#include "cni/cni_call.h"
#include "cni/cni_verbs.h"
#include "cni/small_file.h"
#include "verbs/cli.h"

static const struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *about;
} verbs[] = {
	{ "install", bg_cni_install, "the plugin, and a list of plugins that has it" },
	{ "uninstall", bg_cni_uninstall, "take both away" },
	{ "version", bg_cni_version, "versions of the program and of the pins that it reads" },
};

#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static void print_usage(FILE *out)
{
	fputs("usage: branchguard-cni VERB [OPTIONS]\n\n"
	      "The gate of branchguard, a CNI plugin: no container starts before its branch is\n"
	      "guarded. A container runtime calls it without a verb.\n\n",
	      out);
	for (size_t i = 0; i < VERBS; i++)
		fprintf(out, "  %-9s %s\n", verbs[i].name, verbs[i].about);
	fputs("\n`branchguard-cni VERB --help` has the options.\n"
	      "Exit status: 0 done, 1 failed, 2 wrong usage; errors go to stderr.\n",
	      out);
}

/* The table of options that scripts compare with the manual. */
static int print_options(void)
{
	int status = BG_EXIT_DONE;

	for (size_t i = 0; i < VERBS && !status; i++) {
		printf("%s\tverb\t\t\t\t\t%s\n", verbs[i].name, verbs[i].about);
		status = verbs[i].run(2, (char *[]){ (char *)verbs[i].name, (char *)"--options",
						     NULL });
	}
	return status;
}

static int run_verb(int argc, char **argv)
{
	const char *name = argv[1];

	bg_cli_program = "branchguard-cni";
	if (bg_guard_terminal())
		return BG_EXIT_FAILED;
	if (!strcmp(name, "--options"))
		return print_options();
	if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help")) {
		print_usage(stdout);
		return bg_cli_printed("help");
	}
	if (!strcmp(name, "--version") || !strcmp(name, "-V"))
		name = "version";
	for (size_t i = 0; i < VERBS; i++)
		if (!strcmp(verbs[i].name, name))
			return verbs[i].run(argc - 1, argv + 1);
	fprintf(stderr,
		"branchguard-cni: unknown verb '%.80s': expected install, uninstall, version "
		"or help\n",
		name);
	return BG_EXIT_USAGE;
}

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
		print_usage(stderr);
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
	return argc > 1 ? run_verb(argc, argv) : answer_runtime();
}
