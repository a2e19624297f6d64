// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Reads settings and answers into a model, and makes parts of it beside those that there
 * are. cmd_build.c and publisher.c call it. It writes nothing, and says nothing but errors.
 */
#include "fleet/sweep.h"

#include <stdlib.h>

#include "feed/feed.h"
#include "fleet/gather/join.h"
#include "fleet/inputs.h"
#include "fleet/parts/make.h"

const char *const bg_sweep_modes[] = { "strict", "standard", NULL };

static int read_settings(const struct bg_sweep_wanted *wanted, struct bg_sweep *sweep,
			 struct bg_error *err)
{
	size_t length_bytes;
	int rc;

	if (!wanted->settings_path)
		return 0;
	rc = bg_file_read(wanted->settings_path, wanted->kind, BG_FEED_MAX_BYTES,
			  &sweep->settings_text, &length_bytes, err);
	return rc ? rc
		  : bg_settings_read(&sweep->cluster, bg_file_name(wanted->settings_path),
				     sweep->settings_text, length_bytes, &sweep->settings, err);
}

int bg_sweep_read(const struct bg_sweep_wanted *wanted, struct bg_sweep *sweep,
		  struct bg_error *err)
{
	return read_settings(wanted, sweep, err)
		       ?: bg_inputs_read(&sweep->cluster, wanted->files, wanted->file_count,
					 wanted->kind, err)
		       ?: bg_cluster_join(&sweep->cluster, err);
}

int bg_sweep_make(const struct bg_sweep_wanted *wanted, struct bg_sweep *sweep,
		  struct bg_part_set *old, struct bg_part_set *made, struct bg_error *err)
{
	const struct bg_parts_wanted parts = {
		.standard = wanted->mode,
		.settings = &sweep->settings,
		.max_shrink_percent = wanted->max_shrink_percent,
	};

	return bg_parts_make(&sweep->cluster, &parts, old, made, err);
}

void bg_sweep_release(struct bg_sweep *sweep)
{
	bg_settings_release(&sweep->settings);
	free(sweep->settings_text);
	bg_cluster_release(&sweep->cluster);
	*sweep = (struct bg_sweep){};
}
