// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * branchguard-fleet publish: keeps the parts of all nodes' feeds what kubectl and aws print, as
 * long as somebody has them print it anew, what EC2 describes when it is asked, and what an API
 * server has. Whom it asks, it only reads from.
 */
#include <errno.h>
#include <string.h>

#include "fleet/fleet.h"
#include "fleet/publisher.h"
#include "fleet/signals.h"
#include "fleet/target_dir.h"
#include "fleet/target_k8s.h"
#include "verbs/cli.h"

#define EC2_SOURCE "ec2:"

/* EC2 is one of the operands; those that are left are files. */
static int find_ec2(struct bg_publish *publish, struct bg_error *err)
{
	struct bg_sweep_wanted *wanted = &publish->wanted;
	struct bg_ec2_source *ec2 = &publish->ec2;
	size_t left = 0;

	for (size_t i = 0; i < wanted->file_count; i++) {
		char *operand = wanted->files[i];

		if (strncmp(operand, EC2_SOURCE, strlen(EC2_SOURCE)) != 0)
			wanted->files[left++] = operand;
		else if (strcmp(operand, EC2_SOURCE) != 0 || ec2->text)
			return bg_fail(err, -EINVAL,
				       "%s: expected ec2: alone, once (--region says which region)",
				       operand);
		else
			ec2->text = operand;
	}
	wanted->file_count = left;
	if (ec2->text)
		return bg_ec2_source_check(ec2, err);
	return ec2->region || ec2->url || ec2->sts_url || ec2->vpcs || ec2->interval_s
		       ? bg_fail(err, -EINVAL,
				 "--region, --vpc, --interval, --ec2-endpoint and --sts-endpoint "
				 "need ec2:")
		       : 0;
}

static bool is_k8s(const char *to)
{
	return !strncmp(to, BG_K8S_SOURCE, strlen(BG_K8S_SOURCE));
}

/* The API server is one of the operands; those that are left are files. */
static int find_cluster(struct bg_publish *publish, const struct bg_web_identity *who,
			struct bg_error *err)
{
	struct bg_sweep_wanted *wanted = &publish->wanted;
	size_t left = 0;
	int rc = 0;

	for (size_t i = 0; i < wanted->file_count && !rc; i++) {
		char *operand = wanted->files[i];

		if (strncmp(operand, BG_K8S_SOURCE, strlen(BG_K8S_SOURCE)) != 0)
			wanted->files[left++] = operand;
		else if (publish->cluster.text)
			rc = bg_fail(err, -EINVAL, "%s: expected one API server, not two", operand);
		else
			rc = bg_api_server_find(publish->cluster.text = operand, who,
						&publish->cluster.server, err);
	}
	if (!rc)
		wanted->file_count = left;
	return rc;
}

static int check_to(const struct bg_target_k8s_wanted *wanted, bool asks, struct bg_error *err)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	const struct bg_web_identity *who = &wanted->identity;
	const char *to = wanted->to, *colon = strchr(to, ':');

	if (!who->certificate_file != !who->key_file)
		return bg_fail(err, -EINVAL, "--certificate and --key need each other");
	if (is_k8s(to))
		return 0;
	if (colon && (size_t)(colon - to) == strspn(to, letters))
		return bg_fail(err, -EINVAL,
			       "--to %s: %.*s: is no target that this program knows: expected a "
			       "directory (./%s is one by that name) or k8s:",
			       to, (int)(colon - to), to, to);
	if (wanted->lease || wanted->holder)
		return bg_fail(err, -EINVAL, "--lease and --identity need --to k8s:");
	return !asks && (who->ca_file || who->certificate_file || who->token_file)
		       ? bg_fail(err, -EINVAL,
				 "--ca-file, --certificate, --key and --token-file need k8s:")
		       : 0;
}

static int check(const struct bg_publish *publish, const struct bg_target_k8s_wanted *wanted,
		 struct bg_error *err)
{
	for (size_t i = 0; i < publish->wanted.file_count; i++)
		if (!strcmp(publish->wanted.files[i], "-"))
			return bg_fail(err, -EINVAL,
				       "-: stdin is read once, and nobody refreshes it: expected "
				       "files and directories");
	return check_to(wanted, publish->cluster.text, err);
}

static int publish_to(struct bg_publish *publish, const struct bg_target_k8s_wanted *wanted)
{
	struct bg_error err;
	int rc = is_k8s(wanted->to) ? bg_target_k8s_new(wanted, &publish->target, &err)
				    : bg_target_dir_new(wanted->to, &publish->target, &err);

	if (rc)
		return rc == -EINVAL ? bg_cli_misused("publish", &err)
				     : bg_cli_failed("publish", &err);
	bg_end_by_signals();
	rc = bg_publish_run(publish, &err);
	publish->target->calls->close(publish->target);
	return rc ? bg_cli_failed("publish", &err) : BG_EXIT_DONE;
}

int cmd_publish(int argc, char **argv)
{
	struct bg_publish publish = {
		.wanted = { .kind = BG_FILE_REGULAR, .max_shrink_percent = BG_SHRINK_PERCENT },
		.cluster.watch_s = BG_WATCH_S,
	};
	struct bg_target_k8s_wanted to = { .to = "" };
	const struct bg_option options[] = {
		{ .name = "to",
		  .required = true,
		  .type = BG_OPTION_FILE,
		  .value = &to.to,
		  .argument = "TARGET",
		  .help = "where `follow` finds the parts: a directory, or an API server (k8s:, "
			  "k8s:https://HOST:PORT); one publisher at a time writes" },
		{ .name = "lease",
		  .type = BG_OPTION_STRING,
		  .value = &to.lease,
		  .argument = "NAMESPACE/NAME",
		  .help = "with --to k8s: the Lease whose holder writes (default: "
			  "branchguard-publisher in the pod's namespace)" },
		{ .name = "identity",
		  .type = BG_OPTION_STRING,
		  .value = &to.holder,
		  .argument = "NAME",
		  .help = "with --to k8s: what this publisher calls itself there (default: the host's "
			  "name, which is the pod's)" },
		{ .name = "state",
		  .type = BG_OPTION_FILE,
		  .value = &publish.state,
		  .argument = "FILE",
		  .help = "write down here what was published, and since when and why something is "
			  "held (JSON)" },
		{ .name = "max-age",
		  .type = BG_OPTION_U32,
		  .value = &publish.max_age_s,
		  .argument = "SECONDS",
		  .min = 1,
		  .max = 30 * 86400,
		  .help = "publish nothing while an answer was written, or EC2 described all, longer "
			  "ago (default: any "
			  "will do)" },
		{ .name = "max-shrink",
		  .type = BG_OPTION_U32,
		  .value = &publish.wanted.max_shrink_percent,
		  .argument = "PERCENT",
		  .max = 100,
		  .help = "publish nothing while more of the nodes, branches, groups or members "
			  "that TARGET has would be gone (default 20)" },
		{ .name = "mode",
		  .type = BG_OPTION_ENUM,
		  .value = &publish.wanted.mode,
		  .words = bg_sweep_modes,
		  .help = "of all branches: POD_SECURITY_GROUP_ENFORCING_MODE of aws-node "
			  "(default strict)" },
		{ .name = "settings",
		  .type = BG_OPTION_FILE,
		  .value = &publish.wanted.settings_path,
		  .argument = "FILE",
		  .help = "Node and DefaultGroupIds of a feed, as for build" },
		{ .name = "region",
		  .type = BG_OPTION_STRING,
		  .value = &publish.ec2.region,
		  .argument = "REGION",
		  .help = "with ec2: which region (default AWS_REGION)" },
		{ .name = "vpc",
		  .type = BG_OPTION_STRING,
		  .value = &publish.ec2.vpcs,
		  .argument = "IDS",
		  .help = "with ec2: only groups and interfaces of these VPCs, with commas between "
			  "(default: of all)" },
		{ .name = "interval",
		  .type = BG_OPTION_U32,
		  .value = &publish.ec2.interval_s,
		  .argument = "SECONDS",
		  .min = 1,
		  .max = 86400,
		  .help = "with ec2: from the end of one sweep to the next (default 30)" },
		{ .name = "ec2-endpoint",
		  .type = BG_OPTION_STRING,
		  .value = &publish.ec2.url,
		  .argument = "URL",
		  .help = "with ec2: where EC2 is asked (default https://ec2.REGION.amazonaws.com)" },
		{ .name = "sts-endpoint",
		  .type = BG_OPTION_STRING,
		  .value = &publish.ec2.sts_url,
		  .argument = "URL",
		  .help = "with ec2: where keys of a role are asked for (default "
			  "https://sts.REGION.amazonaws.com)" },
		{ .name = "ca-file",
		  .type = BG_OPTION_FILE,
		  .value = &to.identity.ca_file,
		  .argument = "FILE",
		  .help = "with k8s: whose certificates to believe (PEM)" },
		{ .name = "token-file",
		  .type = BG_OPTION_FILE,
		  .value = &to.identity.token_file,
		  .argument = "FILE",
		  .help = "with k8s: the token to show there, read anew each time" },
		{ .name = "certificate",
		  .type = BG_OPTION_FILE,
		  .value = &to.identity.certificate_file,
		  .argument = "FILE",
		  .help = "with k8s: the certificate to show there (PEM)" },
		{ .name = "key",
		  .type = BG_OPTION_FILE,
		  .value = &to.identity.key_file,
		  .argument = "FILE",
		  .help = "the key of that certificate" },
		{ .name = "watch-seconds",
		  .type = BG_OPTION_U32,
		  .value = &publish.cluster.watch_s,
		  .argument = "N",
		  .min = 1,
		  .max = 3600,
		  .help = "with k8s: a watch is begun anew after half of it to all of it, and a "
			  "server that hangs noticed soon after that (default 300)" },
		{ .name = "once",
		  .type = BG_OPTION_FLAG,
		  .value = &publish.once,
		  .help = "do it once, and exit with 1 when something is held" },
		{}
	};
	const struct bg_command command = {
		.verb = "publish",
		.about =
			"Stays, and keeps the parts of all nodes' feeds what the answers make of them "
			"that `build` reads: whenever others have replaced one of the files, parts that "
			"are another text are written, and nothing else. Instead of what aws prints it "
			"takes ec2:, and asks EC2 itself, again and again; instead of what kubectl prints "
			"k8s:, and watches the API server. While answers are cut, a page is missing, a "
			"server does not say what it has, or too much would be gone, the parts that "
			"there are stay. SIGHUP has it read all at once.",
		.options = options,
		.operand = "SOURCE",
		.operand_required = true,
		.operands = &publish.wanted.files,
		.operand_count = &publish.wanted.file_count,
	};
	int status = bg_cli(&command, argc, argv);
	struct bg_error err;

	if (status >= 0)
		return status;
	return find_ec2(&publish, &err) || find_cluster(&publish, &to.identity, &err) ||
			       check(&publish, &to, &err)
		       ? bg_cli_misused("publish", &err)
		       : publish_to(&publish, &to);
}
