// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * branchguard-fleet follow: puts a node's feed together from parts, and prints it. Of parts that
 * do not belong together it prints nothing.
 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "fleet/fleet.h"
#include "fleet/parts/assemble.h"
#include "fleet/parts_dir.h"
#include "show/out.h"
#include "verbs/cli.h"

/* "https:" and the like, which is no directory. */
static int check_source(const char *source, struct bg_error *err)
{
	const char *colon = strchr(source, ':');

	if (!colon ||
	    (size_t)(colon - source) != strspn(source, "abcdefghijklmnopqrstuvwxyz0123456789"))
		return 0;
	return bg_fail(err, -EINVAL,
		       "%s: %.*s: is no source that this program knows: expected a directory (./%s "
		       "is one by that name)",
		       source, (int)(colon - source), source, source);
}

static int print_feed(const char *source, const char *node, struct bg_error *err)
{
	bg_cleanup(bg_json_writer_free) struct bg_json_writer feed = {};
	struct bg_parts_dir dir;
	struct bg_parts_reader reader = { .dir = &dir };
	struct bg_part_source parts = bg_parts_reader_source(&reader);
	int rc = bg_parts_dir_open(source, &dir, err);

	if (rc)
		return rc;
	rc = bg_parts_assemble(&parts, node, false, &feed, err);
	bg_part_set_release(&reader.read);
	close(dir.fd);
	if (!rc)
		fwrite(feed.text, 1, feed.length_bytes, stdout);
	return rc;
}

int cmd_follow(int argc, char **argv)
{
	const char *node = NULL, *source = "";
	const struct bg_option options[] = { { .name = "node",
					       .letter = 'n',
					       .required = true,
					       .type = BG_OPTION_STRING,
					       .value = &node,
					       .argument = "NAME",
					       .help = "whose feed, by its name in Kubernetes" },
					     {} };
	const struct bg_command command = {
		.verb = "follow",
		.about =
			"Puts the feed of a node together from the parts that `branchguard-fleet build "
			"--parts` has written into a directory, and prints it, if every part that it "
			"needs is there and whole.",
		.options = options,
		.operand = "DIR",
		.operand_required = true,
		.operand_value = &source,
	};
	int status = bg_cli(&command, argc, argv);
	struct bg_error err;

	if (status >= 0)
		return status;
	if (check_source(source, &err))
		return bg_cli_misused("follow", &err);
	if (print_feed(source, node, &err))
		return bg_cli_failed("follow", &err);
	return bg_cli_printed("follow");
}
