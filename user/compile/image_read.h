/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reading an image in user space, as bpf/classify.h does in the kernel: tests compare
 * the two. Pure.
 */
#ifndef BG_COMPILE_IMAGE_READ_H
#define BG_COMPILE_IMAGE_READ_H

#include "compile/compile.h"

/* The number of the rule that admits a packet of this branch (VLAN id), 0 = none.
 * `index` as in bg_service_space. */
__u32 bg_image_lookup(const struct bg_image *image, int vlan, enum bg_direction direction,
		      const struct bg_addr *remote, enum bg_service_space space, __u32 index);

/* The class of an address, and cell[class_info + class]; both 0 when nothing names it. */
__u32 bg_image_class(const struct bg_image *image, const struct bg_addr *addr);
__u32 bg_image_class_info(const struct bg_image *image, const struct bg_addr *addr);

#endif
