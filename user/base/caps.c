// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * By the system calls themselves, as <linux/capability.h> has them. The daemon gives up by
 * it, and who is refused by the kernel says why; it never asks who the user is, since that
 * decides nothing.
 */
#include "base/caps.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Inode of the first user namespace (PROC_USER_INIT_INO): the same on every machine. */
#define HOST_USER_NAMESPACE 0xeffffffdu

static const struct {
	int number;
	const char *name;
} known[] = {
	{ CAP_BPF, "CAP_BPF" },
	{ CAP_NET_ADMIN, "CAP_NET_ADMIN" },
	{ CAP_PERFMON, "CAP_PERFMON" },
	{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN" },
};

#define KNOWN (sizeof(known) / sizeof(known[0]))

/* Both halves of a set: the kernel's version 3. */
#define HALVES _LINUX_CAPABILITY_U32S_3

static int get(struct __user_cap_data_struct data[HALVES])
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };

	return syscall(SYS_capget, &header, data) ? -errno : 0;
}

__u64 bg_caps(void)
{
	struct __user_cap_data_struct data[HALVES] = {};

	if (get(data))
		return 0;
	return data[0].effective | (__u64)data[1].effective << 32;
}

const char *bg_caps_names(__u64 set, char text[BG_CAPS_TEXT])
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < KNOWN; i++) {
		if (!(set & BG_CAP(known[i].number)))
			continue;
		set &= ~BG_CAP(known[i].number);
		used += snprintf(text + used, BG_CAPS_TEXT - used, "%s%s",
				 used ? (set ? ", " : " and ") : "", known[i].name);
	}
	return text;
}

static bool in_other_user_namespace(void)
{
	struct stat info;

	return !stat("/proc/self/ns/user", &info) && info.st_ino != HOST_USER_NAMESPACE;
}

const char *bg_caps_why(__u64 needed, char text[BG_CAPS_TEXT])
{
	__u64 missing = needed & ~bg_caps();
	char names[BG_CAPS_TEXT];

	if (missing)
		snprintf(text, BG_CAPS_TEXT, "this process lacks %s",
			 bg_caps_names(missing, names));
	else if (in_other_user_namespace())
		snprintf(text, BG_CAPS_TEXT,
			 "%s must be of the host's user namespace, and this process is in another",
			 bg_caps_names(needed, names));
	else
		snprintf(text, BG_CAPS_TEXT,
			 "it has %s, so a security module or lockdown must be what refuses",
			 bg_caps_names(needed, names));
	return text;
}

int bg_caps_need(__u64 needed, const char *doing, struct bg_error *err)
{
	char all[BG_CAPS_TEXT], why[BG_CAPS_TEXT];

	if ((bg_caps() & needed) == needed)
		return 0;
	return bg_fail(err, -EPERM, "%s takes %s: %s", doing, bg_caps_names(needed, all),
		       bg_caps_why(needed, why));
}

/* Without CAP_SETPCAP the bounding set stays; no_new_privs then is what binds. */
static void bound(__u64 set)
{
	for (int number = 0; prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0; number++)
		if (!(set & BG_CAP(number)))
			prctl(PR_CAPBSET_DROP, number, 0, 0, 0);
}

int bg_caps_keep(__u64 set, __u64 for_now, struct bg_error *err)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[HALVES] = {};
	int rc = get(data);

	if (rc)
		return bg_fail(err, rc, "reading the capabilities: %s", strerror(-rc));
	bound(set);
	for (int half = 0; half < HALVES; half++) {
		data[half].permitted &= (__u32)((set | for_now) >> 32 * half);
		data[half].effective = data[half].permitted;
		data[half].inheritable = 0;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return bg_fail(err, -errno, "setting no_new_privs: %s", strerror(errno));
	/* what is not inheritable is not ambient either */
	if (syscall(SYS_capset, &header, data))
		return bg_fail(err, -errno, "giving up capabilities: %s", strerror(errno));
	return 0;
}
