// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Compiles a model, for the tests of the compiler, which want nothing but the image;
 * a refusal fails the test. Tests of refusals call bg_compile() themselves.
 */
#include "compiled.h"

#include "test.h"

struct bg_image *compiled(const struct bg_model *model)
{
	struct bg_image *image = NULL;
	struct bg_error err = {};
	int rc = bg_compile(model, COMPILED_REVISION, COMPILED_MOST_BLOCKS, &image, &err);

	if (rc)
		fail_msg("%d: %s", rc, err.text);
	return image;
}
