/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Why a pod has the groups that it has, in words. */
#ifndef BG_GATHER_WHY_H
#define BG_GATHER_WHY_H

#include <stdio.h>

#include "fleet/gather/join.h"

/* "NAMESPACE/NAME", or a name alone if there is one such pod. -ENOENT: the files have none;
 * *pod points into the cluster. */
int bg_why_find(const struct bg_cluster *cluster, const char *name, const struct bg_kube_pod **pod,
		struct bg_error *err);

/* Prints it. 0 or -ENOMEM. */
int bg_why(const struct bg_cluster *cluster, const struct bg_kube_pod *pod, FILE *out);

#endif
