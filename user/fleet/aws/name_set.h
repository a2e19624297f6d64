/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Names, each once, in the order in which they came. Pure. */
#ifndef BG_AWS_NAME_SET_H
#define BG_AWS_NAME_SET_H

#include "base/dict.h"

/* {} at first. */
struct bg_name_set {
	char **name;
	size_t count;
	struct bg_dict by_name; /* → its index */
};

/* 1: it is new; 0: it was there; -ENOMEM. */
int bg_name_set_add(struct bg_name_set *set, const char *name);
void bg_name_set_release(struct bg_name_set *set);

#endif
