// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Installs a list of allowed system calls by libseccomp, which knows their numbers on
 * each machine. Who gives the list knows why each of them is on it; none is here.
 */
#include "base/seccomp.h"

#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"

static void release_filter(const scmp_filter_ctx *filter)
{
	if (*filter)
		seccomp_release(*filter);
}

static int allow(scmp_filter_ctx filter, const struct bg_seccomp_rule *rule)
{
	int number = seccomp_syscall_resolve_name(rule->call);
	const struct scmp_arg_cmp only[] = {
		SCMP_CMP64(rule->argument, SCMP_CMP_MASKED_EQ, rule->mask, rule->value),
		SCMP_CMP64(rule->also.argument, SCMP_CMP_MASKED_EQ, rule->also.mask,
			   rule->also.value),
	};
	const unsigned int arguments = !rule->mask ? 0 : !rule->also.mask ? 1 : 2;

	if (number == __NR_SCMP_ERROR)
		return 0;
	return seccomp_rule_add_array(
		filter, rule->fails_by ? SCMP_ACT_ERRNO(rule->fails_by) : SCMP_ACT_ALLOW, number,
		arguments, only);
}

/* The registers of the call that was refused: it is to return -EPERM. */
static bool let_fail(ucontext_t *context)
{
#if defined(__x86_64__)
	context->uc_mcontext.gregs[REG_RAX] = -EPERM;
	return true;
#elif defined(__aarch64__)
	context->uc_mcontext.regs[0] = (unsigned long long)-EPERM;
	return true;
#else
	(void)context;
	return false;
#endif
}

static void on_refused(int number, siginfo_t *info, void *context)
{
	int before = errno;

	(void)number;
	if (!let_fail(context))
		_exit(128 + SIGSYS);
	bg_log_refused_call(info->si_syscall);
	errno = before;
}

static int tell(struct bg_error *err)
{
	struct sigaction action = { .sa_sigaction = on_refused, .sa_flags = SA_SIGINFO };

	if (sigaction(SIGSYS, &action, NULL))
		return bg_fail(err, -errno, "seccomp: sigaction: %s", strerror(errno));
	return 0;
}

static uint32_t action_of(enum bg_seccomp_otherwise otherwise)
{
	switch (otherwise) {
	case BG_SECCOMP_KILL:
		return SCMP_ACT_KILL_PROCESS;
	case BG_SECCOMP_TELL:
		return SCMP_ACT_TRAP;
	default:
		return SCMP_ACT_ERRNO(EPERM);
	}
}

int bg_seccomp_allow(const struct bg_seccomp_rule *rules, enum bg_seccomp_otherwise otherwise,
		     struct bg_error *err)
{
	bg_cleanup(release_filter) scmp_filter_ctx filter = NULL;
	int rc;

	rc = otherwise == BG_SECCOMP_TELL ? tell(err) : 0;
	if (rc)
		return rc;
	filter = seccomp_init(action_of(otherwise));
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
