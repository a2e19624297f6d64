// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Installs a list of allowed system calls by libseccomp, which knows their numbers on
 * each machine. Who gives the list knows why each of them is on it; none is here.
 */
#include "base/seccomp.h"

#include <errno.h>
#include <seccomp.h>
#include <string.h>

#include "base/cleanup.h"

static void release_filter(const scmp_filter_ctx *filter)
{
	if (*filter)
		seccomp_release(*filter);
}

static int allow(scmp_filter_ctx filter, const struct bg_seccomp_rule *rule)
{
	int number = seccomp_syscall_resolve_name(rule->call);
	const struct scmp_arg_cmp only =
		SCMP_CMP64(rule->argument, SCMP_CMP_MASKED_EQ, rule->mask, rule->value);

	if (number == __NR_SCMP_ERROR)
		return 0;
	return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, rule->mask ? 1 : 0, &only);
}

int bg_seccomp_allow(const struct bg_seccomp_rule *rules, enum bg_seccomp_otherwise otherwise,
		     struct bg_error *err)
{
	bg_cleanup(release_filter) scmp_filter_ctx filter = NULL;
	int rc;

	filter = seccomp_init(otherwise == BG_SECCOMP_KILL ? SCMP_ACT_KILL_PROCESS
							   : SCMP_ACT_ERRNO(EPERM));
	if (!filter)
		return bg_no_memory(err, "seccomp");
	/* with all threads, or none */
	rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	for (; !rc && rules->call; rules++) {
		rc = allow(filter, rules);
		if (rc)
			return bg_fail(err, rc, "seccomp: allowing %s: %s", rules->call,
				       strerror(-rc));
	}
	rc = rc ?: seccomp_load(filter);
	return rc ? bg_fail(err, rc, "seccomp: restricting system calls: %s", strerror(-rc)) : 0;
}
