// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Gives up what a process beside the daemon has from it. Each of them calls it first; none
 * of it can be had again.
 */
#include "apart/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "apart/child.h"
#include "base/cleanup.h"

static int drop_capabilities(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = {};

	/* needs a capability that may be missing already; without any there is none to regain,
	 * since nothing is executed from here on */
	for (unsigned int cap = 0; cap <= CAP_LAST_CAP; cap++)
		prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return syscall(SYS_capset, &head, none) ? -errno : 0;
}

static int limit(int resource, rlim_t most)
{
	/* at the hard limit of time it would be SIGKILL, which says nothing */
	struct rlimit now,
		wanted = { .rlim_cur = most, .rlim_max = most + (resource == RLIMIT_CPU) };

	/* the hard limit may be lower already */
	if (!getrlimit(resource, &now) && now.rlim_max < wanted.rlim_max) {
		wanted.rlim_max = now.rlim_max;
		wanted.rlim_cur = now.rlim_max < most ? now.rlim_max : most;
	}
	return setrlimit(resource, &wanted) ? -errno : 0;
}

static int set_limits(const struct bg_confinement *how)
{
	int rc = limit(RLIMIT_CORE, 0);

#ifndef __SANITIZE_ADDRESS__ /* which maps more than all memory */
	if (!rc && how->memory_bytes)
		rc = limit(RLIMIT_AS, how->memory_bytes);
#endif
	if (!rc && how->file_bytes)
		rc = limit(RLIMIT_FSIZE, how->file_bytes);
	if (!rc && how->cpu_s)
		rc = limit(RLIMIT_CPU, how->cpu_s);
	return rc;
}

/* Where memory is short it ends before the daemon does. Whoever lacks /proc does without. */
static void give_way(void)
{
	bg_auto_close int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "1000", 4) < 0)
		return;
}

int bg_confine(const struct bg_confinement *how, struct bg_error *err)
{
	int rc;

	/* while its files in /proc are its own */
	give_way();
	if ((!how->outlives_thread && prctl(PR_SET_PDEATHSIG, SIGKILL)) ||
	    prctl(PR_SET_DUMPABLE, 0) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return bg_fail(err, -errno, "confining a process: prctl: %s", strerror(errno));
	if (close_range(BG_CHILD_FD + (unsigned int)how->fd_count, ~0U, 0))
		return bg_fail(err, -errno, "confining a process: close_range: %s",
			       strerror(errno));
	rc = drop_capabilities();
	if (rc)
		return bg_fail(err, rc, "confining a process: capset: %s", strerror(-rc));
	rc = set_limits(how);
	if (rc)
		return bg_fail(err, rc, "confining a process: setrlimit: %s", strerror(-rc));
	return bg_seccomp_allow(how->calls, BG_SECCOMP_KILL, err);
}
