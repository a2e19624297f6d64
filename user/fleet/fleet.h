/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The verbs of branchguard-fleet, each in its cmd_*.c. They return an enum bg_exit. */
#ifndef BG_FLEET_FLEET_H
#define BG_FLEET_FLEET_H

int cmd_build(int argc, char **argv);
int cmd_follow(int argc, char **argv);
int cmd_probe(int argc, char **argv);
int cmd_publish(int argc, char **argv);
int cmd_serve(int argc, char **argv);

#endif
