/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The processes beside the daemon, which are this program under other names. */
#ifndef BG_APART_APART_H
#define BG_APART_APART_H

/* The exit status of the process that argv[0] names; -1: it names none. */
int bg_apart_main(int argc, char **argv);

#endif
