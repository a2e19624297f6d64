// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * branchguard unload: takes branchguard out of force. daemon/unload.c does it; here are
 * the options and the closing line. It never ends a daemon.
 */
#include <errno.h>
#include <stdio.h>

#include "base/libbpf_log.h"
#include "daemon/unload.h"
#include "verbs/cli.h"

int cmd_unload(int argc, char **argv)
{
	const char *pin_dir = BG_DEFAULT_PIN_DIR;
	bool any_netns = false;
	const struct bg_option options[] = {
		{ .name = "any-netns",
		  .type = BG_OPTION_FLAG,
		  .value = &any_netns,
		  .help = "also what belongs to another network namespace, which may be no more: "
			  "its links go, filters stay as long as it does" },
		BG_OPTION_PIN_DIR(&pin_dir),
		{}
	};
	const struct bg_command command = {
		.verb = "unload",
		.about = "Detaches and unpins everything branchguard made, and nothing else: from "
			 "then on the branches are not filtered. A daemon must be stopped first, "
			 "it would put everything back. Run it in the network namespace in which "
			 "the daemon ran.",
		.options = options,
	};
	struct bg_unloaded unloaded = {};
	struct bg_error err = {};
	int status = bg_cli(&command, argc, argv), rc;

	if (status >= 0)
		return status;
	bg_libbpf_log();
	rc = bg_unload(pin_dir, any_netns, &unloaded, &err);
	if (rc == -ENOENT) {
		fprintf(stderr, "branchguard unload: nothing is loaded at %s\n", pin_dir);
		return BG_EXIT_DONE;
	}
	if (rc)
		return bg_cli_failed("unload", &err);
	printf("unloaded %s: %u links, %u filters, %u qdiscs, %u pins\n", pin_dir, unloaded.links,
	       unloaded.filters, unloaded.qdiscs, unloaded.pins);
	if (unloaded.left)
		printf("that network namespace had filters at %u interfaces: if it is no more, so are "
		       "they; if it lives, they stay in force, and `branchguard run` and then "
		       "`unload` in it take them away\n",
		       unloaded.left);
	return bg_cli_printed("unload");
}
