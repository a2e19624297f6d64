// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The daemon's system calls, by what they are for. daemon.c installs the list before the
 * first feed is read. A call that is missing here fails, is logged, and fails a test
 * (selftests/net/lib.sh); the daemon goes on, since what it guards needs it more alive than
 * tidy. Neither files nor programs are told apart: that is for their owners and modes, and
 * by no_new_privs no program can do more than this one.
 */
#include "daemon/calls.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/seccomp.h"

/* BPF_TOKEN_CREATE, which older headers have not: libbpf tries at every load */
#define LIBBPF_ASKS_FOR_TOKEN 36

/* A namespace of its own would have all capabilities in it. */
#define NEW_NAMESPACES                                                                             \
	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | \
	 CLONE_NEWCGROUP)
#ifdef __s390__
#define CLONE_FLAGS 1
#else
#define CLONE_FLAGS 0
#endif

#define ANY(name) { .call = #name }
#define ONLY(name, nth, bits) { .call = #name, .argument = nth, .mask = 0xffffffffu, .value = bits }

static const struct bg_seccomp_rule calls[] = {
	/* memory */
	ANY(brk),
	ANY(memfd_create),
	ANY(mmap),
	ANY(mprotect),
	ANY(munmap),
	ANY(mremap),
	ANY(madvise),

	/* maps, programs and links; none by its id but what an earlier build left unpinned */
	ONLY(bpf, 0, BPF_MAP_CREATE),
	ONLY(bpf, 0, BPF_MAP_LOOKUP_ELEM),
	ONLY(bpf, 0, BPF_MAP_UPDATE_ELEM),
	ONLY(bpf, 0, BPF_MAP_DELETE_ELEM),
	ONLY(bpf, 0, BPF_MAP_GET_NEXT_KEY),
	ONLY(bpf, 0, BPF_MAP_LOOKUP_BATCH),
	ONLY(bpf, 0, BPF_MAP_UPDATE_BATCH),
	ONLY(bpf, 0, BPF_MAP_DELETE_BATCH),
	ONLY(bpf, 0, BPF_MAP_FREEZE),
	ONLY(bpf, 0, BPF_MAP_GET_FD_BY_ID),
	ONLY(bpf, 0, BPF_PROG_LOAD),
	ONLY(bpf, 0, BPF_PROG_QUERY),
	ONLY(bpf, 0, BPF_PROG_BIND_MAP),
	ONLY(bpf, 0, BPF_PROG_TEST_RUN), /* flows that are carried over */
	ONLY(bpf, 0, BPF_OBJ_PIN),
	ONLY(bpf, 0, BPF_OBJ_GET),
	ONLY(bpf, 0, BPF_OBJ_GET_INFO_BY_FD),
	ONLY(bpf, 0, BPF_BTF_LOAD),
	ONLY(bpf, 0, BPF_BTF_GET_FD_BY_ID),
	/* the name of a program that is not pinned, for metrics and health: it takes CAP_SYS_ADMIN,
	 * and they do without */
	{ .call = "bpf", .mask = 0xffffffffu, .value = BPF_PROG_GET_FD_BY_ID, .fails_by = EPERM },
	ONLY(bpf, 0, BPF_LINK_CREATE),
	ONLY(bpf, 0, BPF_LINK_UPDATE),
	ONLY(bpf, 0, BPF_LINK_DETACH),
	ONLY(bpf, 0, LIBBPF_ASKS_FOR_TOKEN),

	/* netlink, and the socket of whoever listens; no network */
	{ .call = "socket",
	  .mask = 0xffffffffu,
	  .value = AF_NETLINK,
	  .also = { 2, 0xffffffffu, NETLINK_ROUTE } },
	ONLY(socket, 0, AF_UNIX),
	ANY(socketpair),
	ANY(bind),
	ANY(listen),
	ANY(accept4),
	ANY(getsockname),
	ANY(getsockopt),
	ANY(setsockopt),
	ANY(sendto),
	ANY(sendmsg),
	ANY(recvfrom),
	ANY(recvmsg),
	/* names of interfaces, whether they are up, and whether the log is a terminal */
	ONLY(ioctl, 1, SIOCGIFFLAGS),
	ONLY(ioctl, 1, SIOCGIFINDEX),
	ONLY(ioctl, 1, SIOCGIFNAME),
	ONLY(ioctl, 1, TCGETS),

	/* files: the feed, pins, state, metrics, /proc/locks */
	ANY(openat),
	ANY(read),
	ANY(readv),
	ANY(pread64),
	ANY(write),
	ANY(writev),
	ANY(pwrite64),
	ANY(lseek),
	ANY(close),
	ANY(fstat),
	ANY(newfstatat),
	ANY(stat),
	ANY(lstat),
	ANY(statx),
	ANY(statfs),
	ANY(fstatfs),
	ANY(access),
	ANY(faccessat),
	ANY(faccessat2),
	ANY(readlink),
	ANY(readlinkat),
	ANY(getcwd),
	ANY(getdents64),
	ANY(mkdir),
	ANY(mkdirat),
	ANY(rmdir),
	ANY(unlink),
	ANY(unlinkat),
	ANY(rename),
	ANY(renameat),
	ANY(renameat2),
	ANY(fchmod),
	ANY(fchmodat),
	ANY(fchown),
	ANY(fchownat),
	ANY(chmod),
	ANY(fsync),
	ANY(fdatasync),
	ANY(ftruncate),
	ANY(flock),
	ANY(fcntl),
	ANY(dup),
	ANY(dup2),
	ANY(dup3),
	ANY(pipe2),
	ANY(inotify_init1),
	ANY(inotify_add_watch),
	ANY(inotify_rm_watch),

	/* waiting */
	ANY(epoll_create1),
	ANY(epoll_ctl),
	ANY(epoll_wait),
	ANY(epoll_pwait),
	ANY(poll),
	ANY(ppoll),
	ANY(select),
	ANY(pselect6),
	ANY(signalfd4),
	ANY(eventfd2),
	ANY(timerfd_create),
	ANY(timerfd_settime),
	ANY(nanosleep),
	ANY(clock_nanosleep),
	ANY(futex),
	ANY(restart_syscall),

	/* the processes beside it: this program once more, which begins under this list and has a
	 * shorter one of its own (apart/confine.c) */
	{ .call = "clone", .argument = CLONE_FLAGS, .mask = NEW_NAMESPACES, .value = 0 },
	/* its flags cannot be looked at; the C library takes the other then */
	{ .call = "clone3", .fails_by = ENOSYS },
	ANY(vfork),
	ANY(execve),
	ANY(wait4),
	ANY(waitid),
	ANY(kill),
	ANY(pidfd_open),
	ANY(pidfd_send_signal),
	ANY(close_range),
	ANY(arch_prctl),
	ANY(set_tid_address),
	ANY(setrlimit),
	ANY(getrlimit),
	ANY(getppid),
	ANY(seccomp),

	/* itself */
	ANY(clock_gettime),
	ANY(gettimeofday),
	ANY(getrandom),
	ANY(getpid),
	ANY(gettid),
	ANY(getuid),
	ANY(geteuid),
	ANY(getgid),
	ANY(getegid),
	ANY(uname),
	ANY(sysinfo),
	ANY(sched_getaffinity),
	ANY(sched_yield),
	ANY(prlimit64),
	ANY(umask),
	ANY(rseq),
	ANY(set_robust_list),
	ANY(rt_sigaction),
	ANY(rt_sigprocmask),
	ANY(rt_sigreturn),
	ANY(sigaltstack),
	ANY(tgkill),
	ANY(capget),
	ANY(capset),
	ANY(prctl),
	ANY(exit),
	ANY(exit_group),
	{},
};

int bg_daemon_limit_calls(struct bg_error *err)
{
	return bg_seccomp_allow(calls, BG_SECCOMP_TELL, err);
}
