// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * From a model to an image map, and to a larger datapath if that needs one; then into
 * force. reload.c calls the steps by turns, two of them in a thread: those neither log nor
 * touch what the loop uses.
 */
#include "daemon/compiled.h"

#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/running.h"

__u32 bg_capacity_for(const struct bg_image *image)
{
	__u32 capacity = BG_DEFAULT_IMAGE_BLOCKS;

	while (capacity < 2 * image->block_count && capacity < BG_MAX_IMAGE_BLOCKS)
		capacity *= 2;
	return capacity;
}

/*
 * The feed outgrew the image maps, whose capacity is built into the programs: loads a
 * second datapath with larger ones.
 */
static int load_larger(struct bg_compiled *compiled, __u32 capacity_blocks)
{
	struct bg_datapath_options options = compiled->options;

	options.image_blocks = capacity_blocks;
	options.new_policy = true;
	return bg_datapath_open(&options, &compiled->larger, &compiled->err);
}

/*
 * The model could be compiled: what fails from there on (a pin that somebody removed just
 * now, a file system that may not be written) is no fault of the feed's, and is tried again.
 */
static int passing(int rc)
{
	return rc < 0 ? -EAGAIN : rc;
}

/* The map that will be put in force; it may be so already. */
static int make_image(struct bg_compiled *compiled)
{
	/* an explicit --image-mib is the capacity, and no feed may have more */
	const __u32 asked = compiled->options.image_blocks;
	bg_cleanup(bg_image_free_at) struct bg_image *image = NULL;
	struct bg_datapath *datapath = compiled->datapath;
	double start_ms;
	int rc;

	rc = bg_datapath_compile(datapath, compiled->model, asked ? asked : BG_MAX_IMAGE_BLOCKS,
				 &image, &compiled->times, &compiled->err);
	if (rc)
		return rc;
	if (!bg_datapath_has_room(datapath, image) ||
	    (asked && asked != datapath->options.image_blocks)) {
		rc = load_larger(compiled, asked ? asked : bg_capacity_for(image));
	} else if (compiled->same && bg_datapath_is_in_force(datapath, image)) {
		compiled->is_in_force = true;
		return 0;
	}
	start_ms = bg_monotonic_ms();
	if (!rc)
		rc = bg_datapath_fill(compiled->larger ? compiled->larger : datapath, image,
				      &compiled->image_fd, &compiled->err);
	compiled->times.fill_ms = bg_monotonic_ms() - start_ms;
	if (rc)
		bg_datapath_discard(datapath);
	return passing(rc);
}

/* The other maps are brought in line with an image that is in force, too, in case a daemon was
 * killed in between; that is no new revision. */
static int write_rules(struct bg_compiled *compiled)
{
	struct bg_datapath *datapath = compiled->datapath;

	if (compiled->larger) {
		datapath = compiled->larger;
		bg_datapath_take_numbers(datapath, compiled->datapath);
	}
	return bg_publish_rules(&compiled->publish, datapath, compiled->model,
				datapath->revision + !compiled->is_in_force, &compiled->err);
}

void bg_compiled_make(struct bg_compiled *compiled)
{
	compiled->image_fd = -1;
	compiled->rc = make_image(compiled) ?: passing(write_rules(compiled));
}

void bg_compiled_prepare(struct bg_compiled *compiled)
{
	if (!compiled->rc)
		compiled->rc = passing(bg_publish_branches(&compiled->publish, &compiled->err));
}

/* Only when the image is in force in the larger datapath do its programs come into the
 * places of the old ones, and for that its maps are pinned first. */
static int put(struct bg_compiled *compiled)
{
	int rc = 0;

	if (!compiled->is_in_force)
		rc = bg_publish_image(&compiled->publish, &compiled->image_fd, &compiled->err);
	if (!rc && compiled->larger)
		rc = bg_datapath_pin(compiled->larger, &compiled->err);
	if (rc < 0)
		return rc;
	bg_publish_retire(&compiled->publish);
	return 0;
}

void bg_compiled_put(struct bg_compiled *compiled)
{
	if (!compiled->rc)
		compiled->rc = passing(put(compiled));
}

void bg_compiled_do(struct bg_compiled *compiled)
{
	bg_compiled_make(compiled);
	bg_compiled_prepare(compiled);
	bg_compiled_put(compiled);
}

void bg_compiled_fail(struct bg_compiled *compiled, int rc, const struct bg_error *err)
{
	if (compiled->rc)
		return;
	compiled->rc = rc;
	compiled->err = *err;
}

void bg_compiled_free(struct bg_compiled *compiled)
{
	if (compiled->datapath && compiled->image_fd >= 0)
		close(compiled->image_fd);
	bg_datapath_close(compiled->larger);
	*compiled = (struct bg_compiled){ .image_fd = -1 };
}

static void take_back(struct bg_compiled *compiled)
{
	if (!compiled->publish.datapath)
		return;
	bg_publish_take_back(&compiled->publish);
	if (compiled->larger)
		bg_datapath_take_numbers(compiled->datapath, compiled->larger);
}

static void move_to_larger(struct bg_compiled *compiled, struct bg_daemon *daemon)
{
	struct bg_datapath *old = daemon->datapath;
	struct bg_error warning = {};

	daemon->datapath = bg_take_ptr(compiled->larger);
	bg_ifaces_switch(daemon->ifaces, daemon->datapath);
	bg_datapath_close(old);
	if (bg_datapath_pin_programs(daemon->datapath, &warning) < 0)
		bg_log(BG_LOG_WARNING, "pinning the programs", "error=%s", bg_quote(warning.text));
	bg_log(BG_LOG_INFO, "loaded again, with room for larger images", "capacity_kib=%u",
	       daemon->datapath->options.image_blocks);
}

int bg_compiled_end(struct bg_compiled *compiled, struct bg_daemon *daemon, struct bg_error *err)
{
	if (compiled->rc) {
		take_back(compiled);
		*err = compiled->err;
		return compiled->rc;
	}
	bg_publish_end(&compiled->publish, &compiled->times);
	if (compiled->larger)
		move_to_larger(compiled, daemon);
	return 0;
}
