// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Has the processes of branchguard write down what they ran, for `make coverage`: those that
 * end by _exit(), and those that have given up the system calls which that takes. Linked
 * into every program of that build in the place of these two functions, and into no other.
 * Who is killed writes nothing.
 */
#include <errno.h>
#include <seccomp.h>
#include <stdlib.h>

void __gcov_dump(void);
void __real__exit(int status) __attribute__((noreturn));
int __real_seccomp_load(scmp_filter_ctx filter);

void __wrap__exit(int status) __attribute__((noreturn));
int __wrap_seccomp_load(scmp_filter_ctx filter);

void __wrap__exit(int status)
{
	__gcov_dump();
	__real__exit(status);
}

int __wrap_seccomp_load(scmp_filter_ctx filter)
{
	static const char *const calls[] = { "openat", "fcntl", "fstat", "newfstatat", "lseek",
					     "read",   "write", "close", "getpid" };

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		int rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW,
					  seccomp_syscall_resolve_name(calls[i]), 0);

		/* the list has it already */
		if (rc && rc != -EEXIST)
			return rc;
	}
	return __real_seccomp_load(filter);
}
