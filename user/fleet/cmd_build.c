// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * branchguard-fleet build: from what kubectl and aws print of a cluster to the feed of one
 * node, to the parts of all nodes' feeds, or why a pod has its groups. It asks nobody over a
 * network, and writes no file but parts.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/printable.h"
#include "fleet/fleet.h"
#include "fleet/gather/node_feed.h"
#include "fleet/gather/why.h"
#include "fleet/parts_dir.h"
#include "fleet/sweep.h"
#include "show/out.h"
#include "verbs/cli.h"

struct build {
	const char *node, *pod, *parts_path;
	struct bg_sweep_wanted wanted;
	bool strict;
	struct bg_sweep sweep;
	struct bg_json_writer feed;
	struct bg_parts_dir dir;
	struct bg_part_set old, made;
};

static void release(struct build *build)
{
	bg_sweep_release(&build->sweep);
	bg_json_writer_free(&build->feed);
	bg_part_set_release(&build->old);
	bg_part_set_release(&build->made);
	if (build->dir.fd >= 0)
		close(build->dir.fd);
}

static void print_bad(const char *text)
{
	char line[sizeof(((struct bg_error *)0)->text)];

	snprintf(line, sizeof(line), "%s", text);
	fprintf(stderr, "%s build: %s; written anew\n", bg_cli_program, bg_printable(line));
}

static int make_parts(struct build *build, struct bg_error *err)
{
	return bg_parts_dir_lock(build->parts_path, &build->dir, err)
		       ?: bg_parts_dir_read(&build->dir, &build->old, print_bad, err)
		       ?: bg_sweep_make(&build->wanted, &build->sweep, &build->old, &build->made,
					err);
}

static int write_parts(struct build *build, struct bg_error *err)
{
	struct bg_parts_written written = {};
	int rc = bg_parts_dir_write(&build->dir, &build->old, &build->made, &written, err);

	if (!rc)
		printf("%s: %zu parts, %zu written (%zu bytes), %zu removed\n", build->parts_path,
		       written.parts, written.written, written.written_bytes, written.removed);
	return rc;
}

static int make(struct build *build, struct bg_error *err)
{
	struct bg_cluster *cluster = &build->sweep.cluster;
	const struct bg_kube_pod *pod;
	int rc = bg_sweep_read(&build->wanted, &build->sweep, err);

	if (rc)
		return rc;
	if (build->pod)
		return bg_why_find(cluster, build->pod, &pod, err)
			       ?: bg_why(cluster, pod, stdout) ? bg_no_memory(err, BG_GATHERING)
							       : 0;
	if (build->parts_path)
		return make_parts(build, err);
	return bg_node_feed(cluster, build->node, build->wanted.mode, &build->sweep.settings,
			    &build->feed, err);
}

/* What stands in the files may be anybody's. */
static void print_reports(const struct bg_cluster *cluster)
{
	for (size_t i = 0; i < cluster->report_count; i++)
		fprintf(stderr, "%s build: %s\n", bg_cli_program,
			bg_printable(cluster->reports[i].text));
	if (cluster->more_reports)
		fprintf(stderr, "%s build: and %zu more\n", bg_cli_program, cluster->more_reports);
}

int cmd_build(int argc, char **argv)
{
	bg_cleanup(release) struct build build = {
		.dir.fd = -1,
		.wanted = { .kind = BG_FILE_ANY, .max_shrink_percent = BG_SHRINK_PERCENT },
	};
	const struct bg_option options[] = {
		{ .name = "node",
		  .letter = 'n',
		  .type = BG_OPTION_STRING,
		  .value = &build.node,
		  .argument = "NAME",
		  .help = "whose feed to print, by its name in Kubernetes" },
		{ .name = "explain",
		  .type = BG_OPTION_STRING,
		  .value = &build.pod,
		  .argument = "POD",
		  .help = "instead, say why this pod (NAMESPACE/NAME) has its groups" },
		{ .name = "parts",
		  .type = BG_OPTION_FILE,
		  .value = &build.parts_path,
		  .argument = "DIR",
		  .help = "instead, write the parts of all nodes' feeds there, as far as they changed "
			  "(`follow` puts them together)" },
		{ .name = "max-shrink",
		  .type = BG_OPTION_U32,
		  .value = &build.wanted.max_shrink_percent,
		  .argument = "PERCENT",
		  .max = 100,
		  .help = "write no parts when more of the nodes, branches, groups or members that "
			  "DIR has would be gone (default 20)" },
		{ .name = "mode",
		  .type = BG_OPTION_ENUM,
		  .value = &build.wanted.mode,
		  .words = bg_sweep_modes,
		  .help = "of all branches: POD_SECURITY_GROUP_ENFORCING_MODE of aws-node "
			  "(default strict)" },
		{ .name = "settings",
		  .type = BG_OPTION_FILE,
		  .value = &build.wanted.settings_path,
		  .argument = "FILE",
		  .help = "Node and DefaultGroupIds of a feed, for what no API knows: VpcCidrs, "
			  "ServiceCidrs, ExternalSnat, LocalServices, ..." },
		{ .name = "strict",
		  .type = BG_OPTION_FLAG,
		  .value = &build.strict,
		  .help = "print no feed, and exit with 1, when there is anything to report" },
		{}
	};
	const struct bg_command command = {
		.verb = "build",
		.about =
			"Prints the feed of a node, or writes parts for all of them, made from what `kubectl get "
			"pods,securitygrouppolicies,serviceaccounts,services,nodes -A -o json` and `aws "
			"ec2 describe-security-groups`, `describe-security-group-rules`, "
			"`describe-network-interfaces`, `describe-managed-prefix-lists` and "
			"`get-managed-prefix-list-entries` have printed. FILE is a file with one or more "
			"answers, a directory with such files (*.json), or - for stdin; their order does "
			"not matter. What is odd is reported on stderr: an object that is broken and left "
			"out, a pod whose interface has other groups than its policies want. Without all "
			"answers, or with a page missing, there is no feed.",
		.options = options,
		.operand = "FILE",
		.operand_required = true,
		.operands = &build.wanted.files,
		.operand_count = &build.wanted.file_count,
	};
	int status = bg_cli(&command, argc, argv);
	struct bg_error err;
	int rc;

	if (status >= 0)
		return status;
	if (!!build.node + !!build.pod + !!build.parts_path != 1) {
		bg_fail(&err, -EINVAL,
			"expected one of --node NAME, --parts DIR and --explain POD");
		return bg_cli_misused("build", &err);
	}
	rc = make(&build, &err);
	print_reports(&build.sweep.cluster);
	if (rc)
		return bg_cli_failed("build", &err);
	if (build.strict && build.sweep.cluster.report_count && !build.pod) {
		bg_fail(&err, -EINVAL, "no %s, since there is something to report (--strict)",
			build.parts_path ? "parts" : "feed");
		return bg_cli_failed("build", &err);
	}
	if (build.parts_path && write_parts(&build, &err))
		return bg_cli_failed("build", &err);
	if (build.feed.length_bytes)
		fwrite(build.feed.text, 1, build.feed.length_bytes, stdout);
	return bg_cli_printed("build");
}
