/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The class tree read downwards: the children of a class, and the classes with which a
 * set begins. */
#ifndef BG_COMPILE_CLASS_INDEX_H
#define BG_COMPILE_CLASS_INDEX_H

#include "compile/classes.h"

struct bg_class_index {
	/* children of class c: child[child_start[c]] .. child[child_start[c + 1] - 1] */
	__u32 *child_start, *child;
	/* in the same way, the classes that have set s among their own, least first */
	__u32 *with_start, *with;
};

/* 0 or -ENOMEM; the caller releases it in either case. */
int bg_class_index_build(struct bg_class_index *index, const struct bg_classes *classes);
void bg_class_index_release(struct bg_class_index *index);

#endif
