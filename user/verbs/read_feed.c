// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * From a feed's file to a model, for explain: what is claimed twice is nobody's. It prints
 * nothing: warnings are in the model, an error in *err.
 */
#include "verbs/read_feed.h"

#include "base/cleanup.h"
#include "feed/feed.h"
#include "feed/settle.h"
#include "source/file.h"

int bg_read_feed(const char *path, struct bg_model **model, struct bg_error *err)
{
	bg_auto_free char *text = NULL;
	size_t length_bytes;
	struct bg_model *settled;
	int rc = bg_file_read(path, BG_FILE_ANY, BG_FEED_MAX_BYTES, &text, &length_bytes, err);

	if (rc)
		return rc;
	rc = bg_feed_parse_all(bg_file_name(path), text, length_bytes, model, NULL, err);
	if (rc)
		return rc;
	rc = bg_settle_alone(*model, &settled);
	if (rc || settled) {
		bg_model_free(*model);
		*model = settled;
	}
	return rc ? bg_no_memory(err, "reading the feed") : 0;
}
