// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * branchguard-cni install and uninstall: the plugin into the runtime's folder, and into the
 * list of plugins. cni_main.c calls them. None ends a container or touches a pin.
 */
#include "cni/cni_verbs.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cni/conflist_follow.h"
#include "cni/small_file.h"
#include "verbs/cli.h"
#include "verbs/version.h"

#define PROGRAM_MOST_BYTES (64u << 20)

#define OPTION_CONF_DIR(pointer)                                                                   \
	{                                                                                          \
		.name = "conf-dir",                                                                \
		.type = BG_OPTION_FILE,                                                            \
		.value = (pointer),                                                                \
		.argument = "DIR",                                                                 \
		.help = "where the runtime reads its network configurations (default "             \
			"/etc/cni/net.d)",                                                         \
	}
#define OPTION_BIN_DIR(pointer)                                                                    \
	{                                                                                          \
		.name = "bin-dir",                                                                 \
		.type = BG_OPTION_FILE,                                                            \
		.value = (pointer),                                                                \
		.argument = "DIR",                                                                 \
		.help = "where the runtime looks for plugins (default /opt/cni/bin)",              \
	}
#define OPTION_NAME(pointer)                                                                       \
	{                                                                                          \
		.name = "name",                                                                    \
		.type = BG_OPTION_FILE,                                                            \
		.value = (pointer),                                                                \
		.argument = "FILE",                                                                \
		.help = "what our list is called in that folder (default "                         \
			"05-branchguard.conflist)",                                                \
	}

static struct bg_conflist_file default_file(void)
{
	return (struct bg_conflist_file){
		.dir = "/etc/cni/net.d",
		.theirs = "10-aws.conflist",
		.ours = "05-branchguard.conflist",
		.entry = { .failure = BG_GATE_CLOSED,
			   .timeout_s = BG_GATE_TIMEOUT_S,
			   .pin_dir = BG_DEFAULT_PIN_DIR },
	};
}

static int plugin_path(const char *bin_dir, char path[PATH_MAX], struct bg_error *err)
{
	if (snprintf(path, PATH_MAX, "%s/" BG_CNI_TYPE, bin_dir) < PATH_MAX - 8)
		return 0;
	return bg_fail(err, -ENAMETOOLONG, "--bin-dir %.80s...: the path is too long", bin_dir);
}

/* This very program, unless it stands there already. */
static int put_plugin(const char *bin_dir, struct bg_error *err)
{
	bg_auto_free char *mine_bytes = NULL, *there_bytes = NULL;
	struct bg_text mine = {}, there = {};
	struct bg_error ignored;
	char path[PATH_MAX];
	int rc = plugin_path(bin_dir, path, err)
			 ?: bg_small_file_read("/proc/self/exe", PROGRAM_MOST_BYTES, &mine, err);

	mine_bytes = (char *)mine.bytes;
	if (rc)
		return rc;
	if (!bg_small_file_read(path, PROGRAM_MOST_BYTES, &there, &ignored))
		there_bytes = (char *)there.bytes;
	if (there_bytes && there.length == mine.length &&
	    !memcmp(there_bytes, mine_bytes, mine.length) && !access(path, X_OK))
		return 0;
	return bg_small_file_replace(path, mine, 0755, err);
}

/* By another ending a runtime takes it for no list of plugins, and passes it over. */
static int check_ending(const char *ours, struct bg_error *err)
{
	static const char ending[] = ".conflist";
	const size_t length = strlen(ours), ending_bytes = strlen(ending);

	if (length > ending_bytes && !strcmp(ours + length - ending_bytes, ending))
		return 0;
	return bg_fail(err, -EINVAL,
		       "--name '%.80s': expected one that ends with %s: a runtime takes no other "
		       "file for a list of plugins",
		       ours, ending);
}

static int check_names(const struct bg_conflist_file *file, struct bg_error *err)
{
	if (strchr(file->ours, '/') || strchr(file->theirs, '/'))
		return bg_fail(err, -EINVAL,
			       "--name '%.80s', --of '%.80s': expected names of files in %s",
			       file->ours, file->theirs, file->dir);
	if (strcmp(file->ours, file->theirs) < 0)
		return check_ending(file->ours, err);
	return bg_fail(err, -EINVAL,
		       "--name '%.80s': expected one that sorts before '%.80s': a runtime takes "
		       "the first",
		       file->ours, file->theirs);
}

/* SIGTERM and SIGINT end what follows; nothing is taken away then. */
static int catch_signals(int *signal_fd, struct bg_error *err)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	if (sigprocmask(SIG_BLOCK, &signals, NULL))
		return bg_fail(err, -errno, "blocking signals: %s", strerror(errno));
	*signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return *signal_fd < 0 ? bg_fail(err, -errno, "signalfd: %s", strerror(errno)) : 0;
}

static int follow(const struct bg_conflist_file *file, struct bg_error *err)
{
	bg_auto_close int signal_fd = -1;

	return catch_signals(&signal_fd, err) ?: bg_conflist_follow(file, signal_fd, err);
}

static int once(const struct bg_conflist_file *file, struct bg_error *err)
{
	bg_auto_close int lock_fd = -1;
	int rc = bg_conflist_lock(file, -1, &lock_fd, err);

	if (rc)
		return rc;
	rc = bg_conflist_step_logged(file, err);
	if (rc == BG_CONFLIST_HELD)
		return -EINVAL;
	if (rc < 0)
		return rc;
	if (rc == BG_CONFLIST_SAME) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%s", file->dir, file->theirs);
		if (access(path, F_OK))
			return bg_fail(err, -errno,
				       "%s: %s: name the list that the node's CNI "
				       "writes (--of)",
				       path, strerror(errno));
	}
	return 0;
}

int bg_cni_install(int argc, char **argv)
{
	struct bg_conflist_file file = default_file();
	__u32 timeout_s = BG_GATE_TIMEOUT_S;
	const char *bin_dir = "/opt/cni/bin";
	bool follows = false;
	const struct bg_option options[] = {
		{ .name = "follow",
		  .letter = 'f',
		  .type = BG_OPTION_FLAG,
		  .value = &follows,
		  .help = "stay, and write our list again whenever theirs changes; it goes when "
			  "theirs does" },
		{ .name = "of",
		  .type = BG_OPTION_FILE,
		  .value = &file.theirs,
		  .argument = "FILE",
		  .help = "what the list of the node's CNI is called (default 10-aws.conflist)" },
		OPTION_NAME(&file.ours),
		OPTION_CONF_DIR(&file.dir),
		OPTION_BIN_DIR(&bin_dir),
		{ .name = "failure",
		  .type = BG_OPTION_ENUM,
		  .value = &file.entry.failure,
		  .words = bg_gate_failure_words,
		  .help = "what becomes of a pod whose branch is not armed in time: it does not "
			  "start (closed, the default), or starts with a warning (open)" },
		{ .name = "timeout",
		  .type = BG_OPTION_U32,
		  .value = &timeout_s,
		  .argument = "SECONDS",
		  .max = BG_GATE_MOST_S,
		  .help = "how long a pod waits for that (default 10); then the runtime tries "
			  "again" },
		BG_OPTION_PIN_DIR(&file.entry.pin_dir),
		{}
	};
	const struct bg_command command = {
		.verb = "install",
		.about = "Puts this program into the runtime's folder of plugins, and a list of "
			 "plugins beside that of the node's CNI: theirs, and at its end the gate. "
			 "Theirs is not changed.",
		.options = options,
	};
	struct bg_error err = {};
	int status = bg_cli(&command, argc, argv), rc;

	if (status >= 0)
		return status;
	file.entry.timeout_s = (int)timeout_s;
	if (check_names(&file, &err))
		return bg_cli_misused("install", &err);
	/* the plugin first: a runtime calls what the list names */
	rc = put_plugin(bin_dir, &err) ?: follows ? follow(&file, &err) : once(&file, &err);
	return rc ? bg_cli_failed("install", &err) : BG_EXIT_DONE;
}

int bg_cni_uninstall(int argc, char **argv)
{
	struct bg_conflist_file file = default_file();
	const char *bin_dir = "/opt/cni/bin";
	const struct bg_option options[] = {
		OPTION_NAME(&file.ours), OPTION_CONF_DIR(&file.dir), OPTION_BIN_DIR(&bin_dir), {}
	};
	const struct bg_command command = {
		.verb = "uninstall",
		.about = "Takes our list of plugins away, and then the plugin. Pods start without "
			 "the gate from then on; what is in force stays so.",
		.options = options,
	};
	bg_auto_close int lock_fd = -1;
	struct bg_error err = {};
	char path[PATH_MAX];
	int status = bg_cli(&command, argc, argv), rc;

	if (status >= 0)
		return status;
	if (check_ending(file.ours, &err))
		return bg_cli_misused("uninstall", &err);
	rc = bg_conflist_lock(&file, -1, &lock_fd, &err);
	if (!rc)
		rc = bg_conflist_remove(&file, &err);
	/* no list is left that names it */
	if (rc >= 0)
		rc = plugin_path(bin_dir, path, &err);
	if (!rc && unlink(path) && errno != ENOENT)
		rc = bg_fail(&err, -errno, "removing %s: %s", path, strerror(errno));
	return rc ? bg_cli_failed("uninstall", &err) : BG_EXIT_DONE;
}

int bg_cni_version(int argc, char **argv)
{
	const struct bg_option options[] = { {} };
	const struct bg_command command = {
		.verb = "version",
		.about =
			"Prints the version of the program, the commit that it was built from, and "
			"the version of the layout of the pins that it reads (ABI).",
		.options = options,
	};
	int status = bg_cli(&command, argc, argv);

	if (status >= 0)
		return status;
	printf("branchguard-cni %s, commit %s, ABI %d\n", bg_version, bg_commit, BG_ABI);
	return bg_cli_printed("version");
}
