// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * libFuzzer: any bytes as the answer of a parser that has gone wrong, and what is accepted on
 * through numbers and image, as the daemon does. A seed that is a feed becomes the answer of
 * a parser that has not.
 */
#include <stdint.h>
#include <string.h>

#include "compile/compile.h"
#include "compile/registry.h"
#include "feed/feed.h"
#include "feed/wire.h"
#include "promises.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t length, size_t room, unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t length, size_t room);

static void must_compile(struct bg_model *model)
{
	struct bg_registry *registry = bg_registry_new(1 << 16, 1 << 12);
	struct bg_image *image = NULL;
	struct bg_error err = {};

	MUST(registry);
	if (!bg_registry_assign(registry, model, &err) &&
	    !bg_compile(model, 1, 1 << 13, &image, &err))
		bg_image_free(image);
	bg_registry_free(registry);
}

/* What was read is written as it was. */
static void must_be_written(const struct bg_wire_answer *answer, const uint8_t *bytes,
			    size_t length)
{
	unsigned char *written = NULL;
	struct bg_error err = {};
	size_t written_length;

	MUST(!bg_wire_write(answer, &written, &written_length, &err));
	MUST(written_length == length && !memcmp(written, bytes, length));
	free(written);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct bg_wire_answer answer;
	struct bg_error err = {};

	if (bg_wire_read(bytes, length, &answer, &err)) {
		MUST(*err.text && !answer.model);
		return 0;
	}
	MUST(!answer.model == (answer.rc != 0));
	/* (the text of a refusal is cut where an error's ends) */
	if (answer.model || length < sizeof(answer.why.text))
		must_be_written(&answer, bytes, length);
	if (answer.model) {
		must_be_whole(answer.model);
		must_compile(answer.model);
	}
	bg_wire_answer_free(&answer);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t length, size_t room, unsigned int seed)
{
	struct bg_wire_answer answer = {};
	unsigned char *written = NULL;
	struct bg_error err = {};
	size_t written_length = 0;

	(void)seed;
	if (length && *bytes == '{') {
		answer.rc = bg_feed_parse("feed", (const char *)bytes, length, &answer.model,
					  &answer.errors, &answer.why);
		MUST(!bg_wire_write(&answer, &written, &written_length, &err));
		if (written_length <= room)
			memcpy(bytes, written, length = written_length);
		free(written);
		bg_wire_answer_free(&answer);
	}
	return LLVMFuzzerMutate(bytes, length, room);
}
