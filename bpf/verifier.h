/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the code says for the verifier's sake. Two readers prove things about it:
 * clang, which knows more and drops what it has proved, and the verifier, which
 * follows every value that a register can have. Each tool hides something from one
 * of them; none changes what a program does.
 *
 * Beside these: what is asked of a map's values or of a global function's arguments
 * (case.h), and the store by hand in short_way.h.
 */
#ifndef BG_VERIFIER_H
#define BG_VERIFIER_H

#include <bpf/bpf_helpers.h>

/* x, which is below n (a power of two) wherever it is used: the mask says so to the
 * verifier, which does not know where x comes from. */
#define bound(x, n) ((x) & ((n) - 1))

/* x, of which clang is to forget what it knows: it drops masks and comparisons whose
 * outcome it can tell, and the verifier of Linux 6.1, which cannot, needs them. */
#define unforeseen(x)                                                                              \
	({                                                                                         \
		__u32 unforeseen_ = (x);                                                           \
		barrier_var(unforeseen_);                                                          \
		unforeseen_;                                                                       \
	})

/*
 * x as it stands in a map's value or in what a global function was given. There the
 * verifier knows a number as "some 16 bits", however it came about; in a register
 * it would follow each on its own, and every one of them through all that comes
 * after. What a loop adds up is written plainly and read by this.
 */
#define from_memory(x) (*(const volatile typeof(x) *)&(x))

/* The same for all that was written so far: from here on it is read back. */
#define all_from_memory() barrier()

#endif
