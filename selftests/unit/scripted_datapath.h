/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A datapath with small tables on the kernel of scripted_bpf.h, whose pins are locked as a
 * daemon has them. */
#ifndef SCRIPTED_DATAPATH_H
#define SCRIPTED_DATAPATH_H

#include "datapath/datapath.h"
#include "scripted_bpf.h"

/* Fails the test with what the error says. */
void must(int rc, const struct bg_error *err);

/* Returns the pin directory. */
const char *script_begin_locked(void);
void script_unlock(void); /* as when the daemon has ended */
void script_end_locked(void);
extern int script_lock_fd;

/* `only`: the programs, NULL at the end. */
struct bg_datapath_options script_options(const char *const *only);

/* A feed with a group of one rule, and the branch of VLAN 9. */
void script_publish(struct bg_datapath *datapath);

#endif
