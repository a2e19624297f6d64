/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * In which order other CPUs see what one writes, for what is read without the lock.
 *
 * The kernel's model of BPF's memory: an atomic operation that fetches the old value is
 * fully ordered, like atomic_fetch_add(); one that does not, and every plain load and
 * store, orders nothing. x86's own order is all that is needed here, but for the compiler,
 * which must not move a load; arm64's JIT makes of the fetching one a LDADDAL, or a
 * loop and DMB ISH, and of the other a STADD that may be seen late.
 */
#ifndef BG_MEMORY_ORDER_H
#define BG_MEMORY_ORDER_H

#include "config.h"
#include "verifier.h"

/* Seen by everybody after what was written before it and before what is written after it. */
static __always_inline void add_in_order(__u32 *number, __u32 change)
{
	__u32 before = __sync_fetch_and_add(number, change);

	/* clang takes the form that does not fetch where nobody wants the old value */
	barrier_var(before);
}

/* What is read before it is older than what is read after it. Loads of BPF have no such
 * order of their own before Linux 6.15: an atomic operation on the program's own stack. */
static __always_inline void read_in_order(void)
{
	barrier();
	if (loads_move) {
		__u32 own = 0;

		add_in_order(&own, 1);
		barrier();
	}
}

#define read_once(x) (*(const volatile typeof(x) *)&(x))

#endif
