// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A list of allowed system calls: each case in a process of its own, which it restricts. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/seccomp.h"
#include "daemon/calls.h"
#include "test.h"

#define LEAST { .call = "exit_group" }, { .call = "no_such_call" }

/* The status of a child that runs this. */
static int status_of(int (*child)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid) {
		alarm(60);
#ifdef __SANITIZE_ADDRESS__ /* which has calls of its own to make */
		syscall(SYS_exit_group, child());
#else
		_exit(child());
#endif
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static int exits_by(int (*child)(void))
{
	int status = status_of(child);

	if (!WIFEXITED(status))
		fail_msg("ended by signal %d", WTERMSIG(status));
	return WEXITSTATUS(status);
}

static int reads_and_opens(void)
{
	static const struct bg_seccomp_rule rules[] = { LEAST, { .call = "openat" }, {} };
	struct bg_error err;

	if (bg_seccomp_allow(rules, BG_SECCOMP_FAIL, &err))
		return 1;
	if (syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY) < 0)
		return 2;
	return syscall(SYS_getppid) == -1 && errno == EPERM ? 0 : 3;
}

static int asks_who_it_is(void)
{
	static const struct bg_seccomp_rule rules[] = { LEAST, {} };
	struct bg_error err;

	if (bg_seccomp_allow(rules, BG_SECCOMP_KILL, &err))
		return 1;
	syscall(SYS_getppid);
	return 0;
}

static int duplicates_by_argument(void)
{
	static const struct bg_seccomp_rule rules[] = {
		LEAST,
		{ .call = "dup", .argument = 0, .mask = ~0ull, .value = 700 },
		{ .call = "dup", .argument = 0, .mask = ~0ull, .value = 701 },
		{ .call = "mprotect", .argument = 2, .mask = PROT_EXEC, .value = 0 },
		{},
	};
	struct bg_error err;

	if (bg_seccomp_allow(rules, BG_SECCOMP_FAIL, &err))
		return 1;
	if (syscall(SYS_dup, 700) != -1 || errno != EBADF || syscall(SYS_dup, 701) != -1 ||
	    errno != EBADF)
		return 2;
	if (syscall(SYS_dup, 702) != -1 || errno != EPERM)
		return 3;
	if (syscall(SYS_mprotect, 0, 0, PROT_READ | PROT_WRITE))
		return 4;
	return syscall(SYS_mprotect, 0, 0, PROT_READ | PROT_EXEC) == -1 && errno == EPERM ? 0 : 5;
}

/* (A sanitizer makes calls of its own while a thread begins.) */
#ifndef __SANITIZE_ADDRESS__
static volatile bool running, go, refused, done;

static void *tries(void *arg)
{
	(void)arg;
	running = true;
	while (!go)
		;
	refused = syscall(SYS_getppid) == -1;
	done = true;
	while (go)
		;
	return NULL;
}

static int has_a_thread(void)
{
	static const struct bg_seccomp_rule rules[] = { LEAST, {} };
	struct bg_error err;
	pthread_t thread;

	if (pthread_create(&thread, NULL, tries, NULL))
		return 1;
	while (!running)
		;
	if (bg_seccomp_allow(rules, BG_SECCOMP_FAIL, &err))
		return 2;
	go = true;
	while (!done)
		;
	return refused ? 0 : 3;
}
#endif

static void what_is_listed_works_and_the_rest_fails(void **state)
{
	(void)state;
	assert_int_equal(exits_by(reads_and_opens), 0);
}

/* The refused call's line comes in a pipe. */
static int is_told(void)
{
	static const struct bg_seccomp_rule rules[] = { LEAST,
							{ .call = "write" },
							{ .call = "poll" },
							{ .call = "ppoll" },
							{ .call = "read" },
							{ .call = "rt_sigreturn" },
							{} };
	char line[256] = "", expected[32];
	struct bg_error err;
	int ends[2];

	if (pipe(ends) || dup2(ends[1], STDERR_FILENO) < 0)
		return 1;
	if (bg_seccomp_allow(rules, BG_SECCOMP_TELL, &err))
		return 2;
	errno = 0;
	if (syscall(SYS_getppid) != -1 || errno != EPERM)
		return 3;
	if (read(ends[0], line, sizeof(line) - 1) <= 0)
		return 4;
	snprintf(expected, sizeof(expected), " call=%d\n", (int)SYS_getppid);
	return strstr(line, "a system call was refused") && strstr(line, expected) ? 0 : 5;
}

static void the_rest_fails_and_is_told(void **state)
{
	(void)state;
	assert_int_equal(exits_by(is_told), 0);
}

static int tries_what_the_daemon_never_does(void)
{
	union bpf_attr attr = {};
	struct bg_error err;
	int null_fd = open("/dev/null", O_WRONLY);

	if (null_fd < 0 || dup2(null_fd, STDERR_FILENO) < 0)
		return 1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || bg_daemon_limit_calls(&err))
		return 1;
#define REFUSED(call) (syscall(call) == -1 && errno == EPERM)
	if (!REFUSED(SYS_ptrace) || !REFUSED(SYS_mount) || !REFUSED(SYS_setuid) ||
	    !REFUSED(SYS_init_module) || !REFUSED(SYS_unshare) || !REFUSED(SYS_setns) ||
	    !REFUSED(SYS_perf_event_open) || !REFUSED(SYS_reboot))
		return 2;
	/* no network */
	if (syscall(SYS_socket, AF_INET, SOCK_STREAM, 0) != -1 || errno != EPERM ||
	    syscall(SYS_socket, AF_PACKET, SOCK_RAW, 0) != -1 || errno != EPERM)
		return 3;
	if (syscall(SYS_bpf, BPF_PROG_GET_NEXT_ID, &attr, sizeof(attr)) != -1 || errno != EPERM ||
	    syscall(SYS_bpf, BPF_RAW_TRACEPOINT_OPEN, &attr, sizeof(attr)) != -1 || errno != EPERM)
		return 4;
	/* nor what guards the node beside it, or another one's socket */
	if (syscall(SYS_socket, AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER) != -1 || errno != EPERM ||
	    syscall(SYS_socket, AF_NETLINK, SOCK_RAW, NETLINK_XFRM) != -1 || errno != EPERM ||
	    !REFUSED(SYS_connect))
		return 7;
	/* no namespace in which it would have all capabilities */
	if (syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0) != -1 || errno != EPERM ||
	    syscall(SYS_clone, CLONE_NEWNET | SIGCHLD, 0, 0, 0, 0) != -1 || errno != EPERM ||
	    syscall(SYS_clone3, &attr, sizeof(attr)) != -1 || errno != ENOSYS)
		return 8;
	/* what it does it may */
	if (syscall(SYS_socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0) < 0 ||
	    syscall(SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) < 0)
		return 5;
	return syscall(SYS_bpf, BPF_OBJ_GET, &attr, sizeof(attr)) == -1 && errno == EFAULT ? 0 : 6;
}

static void the_daemon_makes_no_calls_but_its_own(void **state)
{
	(void)state;
	assert_int_equal(exits_by(tries_what_the_daemon_never_does), 0);
}

static void the_rest_ends_the_process(void **state)
{
	int status = status_of(asks_who_it_is);

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

static void a_call_is_allowed_by_its_argument(void **state)
{
	(void)state;
	assert_int_equal(exits_by(duplicates_by_argument), 0);
}

#ifndef __SANITIZE_ADDRESS__
static void all_threads_are_restricted(void **state)
{
	(void)state;
	assert_int_equal(exits_by(has_a_thread), 0);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_listed_works_and_the_rest_fails),
		cmocka_unit_test(the_rest_fails_and_is_told),
		cmocka_unit_test(the_daemon_makes_no_calls_but_its_own),
		cmocka_unit_test(the_rest_ends_the_process),
		cmocka_unit_test(a_call_is_allowed_by_its_argument),
#ifndef __SANITIZE_ADDRESS__
		cmocka_unit_test(all_threads_are_restricted),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
