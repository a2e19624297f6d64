/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which system calls this process may still make: a list of what is allowed (seccomp(2)). */
#ifndef BG_BASE_SECCOMP_H
#define BG_BASE_SECCOMP_H

#include <linux/types.h>

#include "base/error.h"

struct bg_seccomp_rule {
	/* by name; one that this machine does not have is passed over */
	const char *call;
	/* if not 0, the call is not allowed, but fails by this errno and is not told: one that the
	 * C library tries before another */
	int fails_by;
	/* only if this argument (from 0) is so: argument & mask == value. With mask 0, any. */
	unsigned int argument;
	__u64 mask, value;
	/* and that one so */
	struct {
		unsigned int argument;
		__u64 mask, value;
	} also;
};

/* What becomes of a call that no rule allows. */
enum bg_seccomp_otherwise {
	BG_SECCOMP_KILL, /* it ends the process, by SIGSYS */
	BG_SECCOMP_FAIL, /* it fails by EPERM */
	BG_SECCOMP_TELL, /* the same, and the log says which it was */
};

/*
 * For good, for all threads of the process and for what it starts; sets no_new_privs. The
 * list ends with a rule without a name; several rules for one call are alternatives.
 */
int bg_seccomp_allow(const struct bg_seccomp_rule *rules, enum bg_seccomp_otherwise otherwise,
		     struct bg_error *err);

#endif
