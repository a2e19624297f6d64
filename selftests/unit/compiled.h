/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the tests of the compiler share: a model's image, and views of it. */
#ifndef BG_COMPILED_H
#define BG_COMPILED_H

#include "compile/compile.h"

#define COMPILED_MOST_BLOCKS 16384
#define COMPILED_REVISION 7

/* Fails the test when the model does not compile. The caller frees the image. */
struct bg_image *compiled(const struct bg_model *model);

static inline const struct bg_header *header_of(const struct bg_image *image)
{
	return (const void *)image->blocks;
}

static inline const __u32 *cells_of(const struct bg_image *image)
{
	return (const void *)image->blocks;
}

#endif
