/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Address sets → address classes. A class is one combination of sets that an
 * address can be in. Prefixes nest, so the classes form a tree: a class is in
 * all sets of its parent and in those of its own. Only a class's own sets are
 * stored, so memory grows with the number of prefixes.
 */
#ifndef BG_COMPILE_CLASSES_H
#define BG_COMPILE_CLASSES_H

#include "base/ip.h"
#include "compile/trie.h"

/* A prefix and a set that holds it. */
struct bg_class_item {
	__u64 hi, lo;
	__u32 set;
	__u16 length;
	__u16 ipv6;
};

struct bg_classes {
	/* in: bg_classes_add() */
	struct bg_class_item *items;
	size_t item_count;
	__u32 set_count; /* sets are 0 .. set_count - 1 */

	/* out: bg_classes_build() */
	__u32 count;	  /* class 0 is in no set */
	__u32 *parent;	  /* of a class; always a smaller number */
	__u32 *own_start; /* own sets of class c: own[own_start[c]] .. own[own_start[c + 1] - 1] */
	__u32 *own;
	struct bg_trie_prefix *prefixes[2]; /* by family, where the class changes */
	size_t prefix_count[2];
};

enum { BG_CLASSES_V4 = 0, BG_CLASSES_V6 = 1 };

/* Both return 0 or -ENOMEM. */
int bg_classes_add(struct bg_classes *classes, const struct bg_prefix *prefix, __u32 set);
int bg_classes_build(struct bg_classes *classes);
void bg_classes_release(struct bg_classes *classes);

#endif
