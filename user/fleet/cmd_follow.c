// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * branchguard-fleet follow: puts a node's feed together from parts, and prints it, or keeps a
 * file what they make of it. Of parts that do not belong together it makes nothing.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "fleet/fleet.h"
#include "fleet/follow_etcd.h"
#include "fleet/follow_https.h"
#include "fleet/follow_k8s.h"
#include "fleet/follow_parts.h"
#include "fleet/parts/assemble.h"
#include "fleet/parts_reader.h"
#include "fleet/signals.h"
#include "show/out.h"
#include "verbs/cli.h"

static int print_feed(const char *source, const char *node, struct bg_error *err)
{
	bg_cleanup(bg_json_writer_free) struct bg_json_writer feed = {};
	struct bg_parts_reader reader = {};
	const struct bg_part_source parts = bg_parts_reader_source(&reader);
	int rc = bg_parts_dir_open(source, &reader.dir, err);

	if (rc)
		return rc;
	rc = bg_parts_assemble(&parts, node, false, &feed, err);
	bg_parts_reader_release(&reader);
	close(reader.dir.fd);
	if (!rc)
		fwrite(feed.text, 1, feed.length_bytes, stdout);
	return rc;
}

static bool is_k8s(const char *source)
{
	return !strncmp(source, BG_K8S_SOURCE, strlen(BG_K8S_SOURCE));
}

static int follow_k8s(const struct bg_follow *follow, const struct bg_api_server *server,
		      unsigned int watch_s)
{
	struct bg_error err;

	if (follow->output)
		bg_end_by_signals();
	return bg_follow_k8s(follow, server, watch_s, &err) ? bg_cli_failed("follow", &err)
							    : bg_cli_printed("follow");
}

static int follow_https(const struct bg_follow *follow, const struct bg_follow_web *how)
{
	struct bg_error err;

	if (follow->output)
		bg_end_by_signals();
	return bg_follow_https(follow, how, &err) ? bg_cli_failed("follow", &err)
						  : bg_cli_printed("follow");
}

static int follow_etcd(const struct bg_follow *follow, const struct bg_follow_etcd *how)
{
	struct bg_error err;

	if (follow->output)
		bg_end_by_signals();
	return bg_follow_etcd(follow, how, &err) ? bg_cli_failed("follow", &err)
						 : bg_cli_printed("follow");
}

/* Is it a source, with what it needs? *server and *etcd are filled in if it is one of these. */
static int check(const struct bg_follow *follow, const struct bg_web_identity *who,
		 struct bg_api_server *server, struct bg_follow_etcd *etcd, struct bg_error *err)
{
	bool asks = is_k8s(follow->source) || bg_is_url(follow->source);
	bool shows = who->ca_file || who->certificate_file || who->key_file;
	int rc;

	if (is_k8s(follow->source))
		rc = bg_api_server_find(follow->source, who, server, err);
	else if (bg_is_etcd(follow->source))
		rc = bg_etcd_source_find(follow->source, shows, &etcd->at, err);
	else if (bg_is_url(follow->source))
		rc = bg_follow_https_check(follow->source, err);
	else
		rc = bg_follow_check(follow->source, err);
	if (rc)
		return rc;
	if (!asks && !bg_is_etcd(follow->source) && shows)
		return bg_fail(err, -EINVAL,
			       "--ca-file, --certificate and --key need k8s:, https:// or etcd://");
	if (!asks && who->token_file)
		return bg_fail(err, -EINVAL, "--token-file needs k8s: or https://");
	if (!bg_is_etcd(follow->source) && etcd->user_file)
		return bg_fail(err, -EINVAL, "--user-file needs etcd://");
	if (!who->certificate_file != !who->key_file)
		return bg_fail(err, -EINVAL, "--certificate and --key need each other");
	return follow->state && !follow->output ? bg_fail(err, -EINVAL, "--state needs --output")
						: 0;
}

int cmd_follow(int argc, char **argv)
{
	struct bg_follow follow = { .source = "" };
	struct bg_follow_web how = { .period_s = BG_PERIOD_S };
	struct bg_api_server server;
	struct bg_follow_etcd etcd = {};
	__u32 watch_s = BG_WATCH_S;
	const struct bg_option options[] = {
		{ .name = "node",
		  .letter = 'n',
		  .required = true,
		  .type = BG_OPTION_STRING,
		  .value = &follow.node,
		  .argument = "NAME",
		  .help = "whose feed, by its name in Kubernetes" },
		{ .name = "output",
		  .letter = 'o',
		  .type = BG_OPTION_FILE,
		  .value = &follow.output,
		  .argument = "FILE",
		  .help = "instead of printing it, keep this file what the parts make of it, until "
			  "SIGTERM" },
		{ .name = "state",
		  .type = BG_OPTION_FILE,
		  .value = &follow.state,
		  .argument = "FILE",
		  .help = "with --output: write down here what is there, and since when and why it is "
			  "stale (JSON)" },
		{ .name = "ca-file",
		  .type = BG_OPTION_FILE,
		  .value = &how.identity.ca_file,
		  .argument = "FILE",
		  .help = "with k8s, https or etcd: whose certificates to believe (PEM)" },
		{ .name = "token-file",
		  .type = BG_OPTION_FILE,
		  .value = &how.identity.token_file,
		  .argument = "FILE",
		  .help = "with k8s or https: the token to show there, read anew each time" },
		{ .name = "certificate",
		  .type = BG_OPTION_FILE,
		  .value = &how.identity.certificate_file,
		  .argument = "FILE",
		  .help = "with k8s, https or etcd: the certificate to show there (PEM)" },
		{ .name = "key",
		  .type = BG_OPTION_FILE,
		  .value = &how.identity.key_file,
		  .argument = "FILE",
		  .help = "the key of that certificate" },
		{ .name = "user-file",
		  .type = BG_OPTION_FILE,
		  .value = &etcd.user_file,
		  .argument = "FILE",
		  .help = "with etcd: USER:PASSWORD to log in with, read anew each time" },
		{ .name = "watch-seconds",
		  .type = BG_OPTION_U32,
		  .value = &watch_s,
		  .argument = "N",
		  .min = 1,
		  .max = 3600,
		  .help = "with k8s or etcd: a watch is begun anew after half of it to all of it, and a "
			  "server that hangs noticed soon after that (default 300)" },
		{ .name = "period",
		  .type = BG_OPTION_U32,
		  .value = &how.period_s,
		  .argument = "SECONDS",
		  .min = 1,
		  .max = 86400,
		  .help = "with https: ask after half of it to all of it (default 30)" },
		{}
	};
	const struct bg_command command = {
		.verb = "follow",
		.about =
			"Puts the feed of a node together from the parts that `branchguard-fleet build "
			"--parts` writes into a directory, or that a web server (https:), an API server "
			"(k8s:) or etcd (etcd:) has, if every part that it needs is there and whole, and prints it; with --output it goes on, and puts it into a file whenever "
			"it is another one. What is there stays when parts are missing, broken or gone.",
		.options = options,
		.operand = "SOURCE",
		.operand_required = true,
		.operand_value = &follow.source,
	};
	int status = bg_cli(&command, argc, argv);
	struct bg_error err;

	if (status >= 0)
		return status;
	if (check(&follow, &how.identity, &server, &etcd, &err))
		return bg_cli_misused("follow", &err);
	if (is_k8s(follow.source))
		return follow_k8s(&follow, &server, watch_s);
	if (bg_is_url(follow.source))
		return follow_https(&follow, &how);
	if (bg_is_etcd(follow.source)) {
		etcd.identity = how.identity;
		etcd.watch_s = watch_s;
		return follow_etcd(&follow, &etcd);
	}
	if (follow.output) {
		bg_end_by_signals();
		bg_follow_run(&follow, &err);
		return bg_cli_failed("follow", &err);
	}
	if (print_feed(follow.source, follow.node, &err))
		return bg_cli_failed("follow", &err);
	return bg_cli_printed("follow");
}
