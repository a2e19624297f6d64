// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * branchguard run: the daemon's options, with their defaults and limits. daemon/ does the
 * rest; nothing is loaded or attached here.
 */
#include <string.h>

#include "apart/log_writer.h"
#include "base/log.h"
#include "daemon/daemon.h"
#include "verbs/cli.h"
#include "verbs/version.h"

#define MIB_BLOCKS 1024u /* of 1 KiB */
/* At the end, for what was logged. */
#define LAST_LINES_MS 100

int cmd_run(int argc, char **argv)
{
	static const char *const xdp_words[] = { "off", "branch", "trunk", NULL };
	static const char *const attach_words[] = { "auto", "tcx", "clsact", NULL };
	static const char *const level_words[] = { "error", "warning", "info", "debug", NULL };
	struct bg_daemon_options daemon = { .pin_dir = BG_DEFAULT_PIN_DIR,
					    .build = { bg_version, bg_commit },
					    .keep_lost_s = BG_KEEP_LOST_FOR_EVER };
	int xdp = BG_XDP_OFF, attach = BG_CHOOSE_AUTO, level = BG_LOG_INFO;
	__u32 image_mib = 0;
	const struct bg_option options[] = {
		{
			.name = "feed",
			.letter = 'f',
			.required = true,
			.type = BG_OPTION_FILE,
			.value = &daemon.feed,
			.argument = "FILE",
			.help = "the feed of security groups, followed as it changes; - is stdin, "
				"with --once",
		},
		{
			.name = "once",
			.type = BG_OPTION_FLAG,
			.value = &daemon.once,
			.help = "put the feed in force and exit; everything stays in force",
		},
		{
			.name = "require-owner",
			.type = BG_OPTION_FLAG,
			.value = &daemon.require_owner,
			.help = "refuse a feed that is not root's or this user's, or that others may "
				"write or replace: each directory and link on the way to it counts",
		},
		BG_OPTION_PIN_DIR(&daemon.pin_dir),
		{
			.name = "group",
			.type = BG_OPTION_STRING,
			.value = &daemon.group,
			.argument = "GROUP",
			.help = "its members may look without a capability: status, health, rules, "
				"flows and monitor (default: nobody may)",
		},
		{
			.name = "xdp",
			.type = BG_OPTION_ENUM,
			.value = &xdp,
			.words = xdp_words,
			.help = "where packets are judged before the stack, too: nowhere (default), on "
				"each branch (generic XDP: drops cost less, what passes costs more), "
				"or once on the trunk (native, for drivers that leave VLAN tags in "
				"the frame); TC judges in any case",
		},
		{
			.name = "attach",
			.type = BG_OPTION_ENUM,
			.value = &attach,
			.words = attach_words,
			.help = "how TC programs are attached (default auto: tcx where the kernel has "
				"it)",
		},
		{
			.name = "max-flows",
			.type = BG_OPTION_U32,
			.value = &daemon.datapath.max_flows,
			.argument = "N",
			.min = 64,
			.max = BG_MAX_FLOWS,
			.help = "tracked flows for which there is room, rounded up to a power of two "
				"(default 65536); each takes about 270 bytes",
		},
		{
			.name = "max-branches",
			.type = BG_OPTION_U32,
			.value = &daemon.datapath.max_branches,
			.argument = "N",
			.min = 2,
			.max = BG_MAX_BRANCHES,
			.help = "how many branches can have counters; the feed may have one less "
				"(default 256)",
		},
		{
			.name = "max-rules",
			.type = BG_OPTION_U32,
			.value = &daemon.datapath.max_rules,
			.argument = "N",
			.min = 2,
			.max = BG_MAX_RULES,
			.help = "rules of all groups together, those that are being replaced "
				"included (default 65536)",
		},
		{
			.name = "image-mib",
			.type = BG_OPTION_U32,
			.value = &image_mib,
			.argument = "N",
			.min = 1,
			.max = BG_MAX_IMAGE_BLOCKS / MIB_BLOCKS,
			.help = "size of a compiled feed at most; memory is taken for it whole, and "
				"twice while a revision is published (default: 4, and more if "
				"the feed needs it)",
		},
		{
			.name = "no-short-way",
			.type = BG_OPTION_FLAG,
			.value = &daemon.datapath.no_short_way,
			.help = "every packet passes through the node's stack",
		},
		{
			.name = "probe-cgroup",
			.type = BG_OPTION_FILE,
			.value = &daemon.datapath.probe_cgroup,
			.argument = "DIR",
			.help = "only processes of this cgroup (v2, for instance kubelet's) and those "
				"below it may probe pods on the short way (default: any process of "
				"the node)",
		},
		{
			.name = "keep-lost",
			.type = BG_OPTION_U32,
			.value = &daemon.keep_lost_s,
			.argument = "SECONDS",
			.min = 0,
			.max = BG_KEEP_LOST_FOR_EVER - 1,
			.help = "how long a branch that is alive stays in force though the feed lacks "
				"it, and what it needs of groups and lists (default: as long as its "
				"interface and a veth of its pods exist; 0: not at all)",
		},
		{
			.name = "metrics-file",
			.type = BG_OPTION_FILE,
			.value = &daemon.metrics_file,
			.argument = "FILE",
			.help = "write metrics there every 15 s, for the textfile collector of "
				"node_exporter (NAME.prom)",
		},
		{
			.name = "log-level",
			.type = BG_OPTION_ENUM,
			.value = &level,
			.words = level_words,
			.help = "the least important lines that are written (default info)",
		},
		{},
	};
	const struct bg_command command = {
		.verb = "run",
		.about = "Loads the programs, attaches them to the branches and what belongs to "
			 "them, puts the feed in force, and follows the feed and the interfaces. "
			 "Takes over what an earlier run left. When it ends, by SIGTERM or "
			 "otherwise, everything stays in force; SIGHUP reads the feed again.",
		.options = options,
	};
	struct bg_error err = {};
	int status = bg_cli(&command, argc, argv);

	if (status >= 0)
		return status;
	daemon.xdp = xdp;
	daemon.attach = attach;
	daemon.datapath.image_blocks = image_mib * MIB_BLOCKS;
	bg_log_set_level(level);
	if (!strcmp(daemon.feed, "-") && !daemon.once) {
		bg_fail(&err, 0, "--feed -: stdin cannot be followed; give --once with it");
		return bg_cli_misused("run", &err);
	}
	if (!strcmp(daemon.feed, "-") && daemon.require_owner) {
		bg_fail(&err, 0, "--feed - and --require-owner: stdin has no owner that counts");
		return bg_cli_misused("run", &err);
	}
	bg_log_writer_begin();
	status = bg_daemon_run(&daemon, &err) ? bg_cli_failed("run", &err) : BG_EXIT_DONE;
	bg_log_wait(LAST_LINES_MS);
	return status;
}
