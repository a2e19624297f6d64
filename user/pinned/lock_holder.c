// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Looks for the holder of a lock in /proc/locks. status asks whether a daemon runs,
 * unload and monitor whom to name; it never waits for a lock, and keeps none.
 */
#include "pinned/lock_holder.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/cleanup.h"
#include "base/clock.h"

/* Inode of the first pid namespace (PROC_PID_INIT_INO): the same on every machine. */
#define HOST_PID_NAMESPACE 0xeffffffcu

static void read_name(struct bg_lock_holder *holder)
{
	bg_auto_close int fd = -1;
	char path[64];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%d/comm", holder->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	length = fd < 0 ? 0 : read(fd, holder->name, sizeof(holder->name) - 1);
	holder->name[length > 0 ? length : 0] = '\0';
	holder->name[strcspn(holder->name, "\n")] = '\0';
}

/* Field 22 of /proc/PID/stat, in clock ticks. Names may have blanks and parentheses. */
static void read_start(struct bg_lock_holder *holder)
{
	bg_auto_close int fd = -1;
	unsigned long long ticks;
	char text[1024];
	ssize_t length;
	char *after;

	snprintf(text, sizeof(text), "/proc/%d/stat", holder->pid);
	fd = open(text, O_RDONLY | O_CLOEXEC);
	length = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	text[length > 0 ? length : 0] = '\0';
	after = strrchr(text, ')');
	/* NOLINTNEXTLINE(cert-err34-c): numbers that the kernel wrote */
	if (after && sscanf(after + 1,
			    " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d "
			    "%*d %*d %*d %llu",
			    &ticks) == 1)
		holder->started_ns = ticks * (BG_NS_PER_S / (__u64)sysconf(_SC_CLK_TCK));
}

/* A line of /proc/locks: "1: FLOCK  ADVISORY  WRITE 4711 00:1f:42 0 EOF" */
static bool names_file(const char *line, const struct stat *file, int *pid)
{
	unsigned int dev_major, dev_minor;
	unsigned long long inode;

	/* NOLINTNEXTLINE(cert-err34-c): numbers that the kernel wrote */
	if (sscanf(line, "%*d: FLOCK %*s WRITE %d %x:%x:%llu", pid, &dev_major, &dev_minor,
		   &inode) != 4)
		return false;
	return inode == file->st_ino && dev_major == major(file->st_dev) &&
	       dev_minor == minor(file->st_dev);
}

static bool in_proc_locks(const struct stat *file, struct bg_lock_holder *holder)
{
	FILE *locks = fopen("/proc/locks", "re");
	bool found = false;
	char line[256];

	if (!locks)
		return false;
	while (!found && fgets(line, sizeof(line), locks))
		found = names_file(line, file, &holder->pid);
	fclose(locks);
	return found;
}

/* /proc/locks has all of them there. */
static bool in_first_pid_namespace(void)
{
	struct stat info;

	return !stat("/proc/self/ns/pid", &info) && info.st_ino == HOST_PID_NAMESPACE;
}

bool bg_lock_held(const char *path, struct bg_lock_holder *holder)
{
	bg_auto_close int fd = -1;
	struct stat file;

	*holder = (struct bg_lock_holder){};
	if (stat(path, &file))
		return false;
	if (in_proc_locks(&file, holder)) {
		if (holder->pid > 0) {
			read_name(holder);
			read_start(holder);
		} else {
			holder->pid = 0;
		}
		return true;
	}
	/* locks of processes in other pid namespaces are not listed */
	holder->pid = 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	holder->hidden = fd < 0 && !in_first_pid_namespace();
	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;
}
