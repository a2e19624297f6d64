/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The verbs of branchguard-cni, for people and for a DaemonSet. They return an enum bg_exit. */
#ifndef BG_CNI_CNI_VERBS_H
#define BG_CNI_CNI_VERBS_H

int bg_cni_install(int argc, char **argv);
int bg_cni_uninstall(int argc, char **argv);
int bg_cni_version(int argc, char **argv);

#endif
