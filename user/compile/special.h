/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Addresses that mean something even without a rule: they become sets of their own,
 * with numbers behind the model's sets, and end up as flags in class_info.
 */
#ifndef BG_COMPILE_SPECIAL_H
#define BG_COMPILE_SPECIAL_H

#include "compile/classes.h"
#include "feed/model.h"

struct bg_specials {
	__u32 first; /* set number of info[0] */
	__u32 *info; /* by set - first: what class_info has of it */
	size_t count;
};

/* Adds the model's special addresses to the classes as sets from
 * model->set_count on, and sets classes->set_count. 0 or -ENOMEM. */
int bg_specials_add(struct bg_specials *specials, const struct bg_model *model,
		    struct bg_classes *classes);
void bg_specials_release(struct bg_specials *specials);

/* Fills `info` (classes->count cells) with enum bg_class_flag and VLAN ids. */
void bg_specials_info(const struct bg_specials *specials, const struct bg_classes *classes,
		      __u32 *info);

#endif
