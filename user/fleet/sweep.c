// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Reads settings and answers into a model, and makes parts of it beside those that there
 * are. cmd_build.c and publisher.c call it. It writes nothing, and says nothing but errors.
 */
#include "fleet/sweep.h"

#include <errno.h>
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

/* Two answers to the same question, one of which others refresh, would be of two times.
 * (Entries of prefix lists may come from both: they are the same, or neither counts.) */
static int take_described(const struct bg_sweep_wanted *wanted, struct bg_cluster *cluster,
			  struct bg_error *err)
{
	static const enum bg_answer asked[] = { BG_ANSWER_GROUPS, BG_ANSWER_RULES,
						BG_ANSWER_INTERFACES };

	if (!wanted->take_described)
		return 0;
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		const struct bg_pages *pages = &cluster->pages[asked[i]];

		if (pages->more || pages->last)
			return bg_fail(err, -EINVAL,
				       "a file has what EC2 describes, for which EC2 is asked "
				       "itself: expected what kubectl prints, and no more");
	}
	return wanted->take_described(wanted->described_from, cluster, err);
}

/* (for objects it is the same) */
static int take_objects(const struct bg_sweep_wanted *wanted, struct bg_cluster *cluster,
			struct bg_error *err)
{
	const struct bg_pages *pages = &cluster->pages[BG_ANSWER_KUBERNETES];

	if (!wanted->take_objects)
		return 0;
	if (pages->more || pages->last)
		return bg_fail(
			err, -EINVAL,
			"a file has objects of Kubernetes, for which the API server is asked "
			"itself: expected what aws prints, and no more");
	return wanted->take_objects(wanted->objects_from, cluster, err);
}

int bg_sweep_read(const struct bg_sweep_wanted *wanted, struct bg_sweep *sweep,
		  struct bg_error *err)
{
	return read_settings(wanted, sweep, err)
		       ?: bg_inputs_read(&sweep->cluster, wanted->files, wanted->file_count,
					 wanted->kind, err)
		       ?: take_objects(wanted, &sweep->cluster, err)
		       ?: take_described(wanted, &sweep->cluster, err)
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
