// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Putting a revision in force; publish.h has the order of steps. The daemon calls them one
 * by one for an accepted feed, explain all at once for a private datapath. A step that fails
 * leaves the revision before in force.
 */
#include "datapath/publish.h"

#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "branchguard.skel.h"
#include "datapath/leftovers.h"
#include "pinned/image_pin.h"

int bg_datapath_compile(struct bg_datapath *datapath, struct bg_model *model, size_t max_blocks,
			struct bg_image **image, struct bg_publish_times *times,
			struct bg_error *err)
{
	double start_ms = bg_monotonic_ms();
	int rc;

	memset(times, 0, sizeof(*times));
	rc = bg_registry_assign(datapath->registry, model, err);
	if (rc)
		return rc;
	rc = bg_compile(model, datapath->revision + 1, max_blocks, image, err);
	if (rc) {
		bg_registry_rollback(datapath->registry);
		return rc;
	}
	times->compile_ms = bg_monotonic_ms() - start_ms;
	times->image_bytes = (*image)->block_count * sizeof(struct bg_block);
	return 0;
}

void bg_datapath_discard(struct bg_datapath *datapath)
{
	bg_registry_rollback(datapath->registry);
}

bool bg_datapath_has_room(const struct bg_datapath *datapath, const struct bg_image *image)
{
	return image->block_count <= datapath->options.image_blocks;
}

void bg_datapath_take_numbers(struct bg_datapath *datapath, struct bg_datapath *from)
{
	struct bg_registry *numbers = from->registry;

	from->registry = datapath->registry;
	datapath->registry = numbers;
	bg_leftovers_take(datapath, from);
	/* the other one may know it from its image, which comes before `control` */
	if (datapath->revision < from->revision)
		datapath->revision = from->revision;
}

/*
 * A new image map, filled and frozen: nobody can change it any more. Filled by batches,
 * since the kernel does not allow a writable mapping of a map that is read-only for
 * programs.
 */
int bg_datapath_fill(const struct bg_datapath *datapath, const struct bg_image *image,
		     int *image_fd, struct bg_error *err)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BG_IMAGE_MAP_FLAGS,
		    .btf_fd = bpf_object__btf_fd(datapath->skel->obj),
		    .btf_key_type_id = datapath->image_btf_key,
		    .btf_value_type_id = datapath->image_btf_value);
	__u32 count = image->block_count;
	bg_auto_free __u32 *keys = NULL;
	bg_auto_close int fd = -1;
	int rc;

	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "image", sizeof(__u32), sizeof(struct bg_block),
			    datapath->options.image_blocks, &opts);
	if (fd < 0)
		return bg_fail(err, fd, "creating an image map of %u KiB: %s",
			       datapath->options.image_blocks, strerror(-fd));
	keys = malloc(count * sizeof(*keys));
	if (!keys)
		return bg_no_memory(err, "filling an image map");
	for (__u32 i = 0; i < count; i++)
		keys[i] = i;
	rc = bpf_map_update_batch(fd, keys, image->blocks, &count, NULL);
	if (!rc && count != image->block_count)
		rc = -EIO;
	if (rc)
		return bg_fail(err, rc, "filling an image map with %zu KiB: %s", image->block_count,
			       strerror(-rc));
	rc = bpf_map_freeze(fd);
	if (rc)
		return bg_fail(err, rc, "freezing the image map: %s", strerror(-rc));
	*image_fd = bg_take_fd(&fd);
	return 0;
}

/* The order is that of pinned/image_pin.h. */
static int put_image(const struct bg_publish *publish, int *image_fd, struct bg_error *err)
{
	struct bg_datapath *datapath = publish->datapath;
	const char *pin_dir = datapath->options.pin_dir;
	__u32 zero = 0;
	int rc;

	if (datapath->policy_pinned) {
		rc = bg_image_announce(pin_dir, *image_fd);
		if (rc)
			return bg_fail(err, rc, "pinning %s/maps/image_next: %s", pin_dir,
				       strerror(-rc));
	}
	rc = bpf_map_update_elem(bpf_map__fd(datapath->skel->maps.policy), &zero, image_fd,
				 BPF_ANY);
	if (rc) {
		if (datapath->policy_pinned)
			bg_image_withdraw(pin_dir);
		return bg_fail(err, rc, "putting the image in force: %s", strerror(-rc));
	}
	/* it is in force: should this fail, bg_datapath_pin() does it once more */
	if (datapath->policy_pinned)
		bg_image_settle(pin_dir);
	if (datapath->image_fd >= 0)
		close(datapath->image_fd);
	/* for the pin; nothing else needs it open */
	datapath->image_fd = pin_dir ? bg_take_fd(image_fd) : -1;
	return 0;
}

/* --- the steps ----------------------------------------------------------------- */

static void let_go(struct bg_publish *publish)
{
	free(publish->old_rules);
	free(publish->old_branches);
	*publish = (struct bg_publish){};
}

int bg_publish_rules(struct bg_publish *publish, struct bg_datapath *datapath,
		     const struct bg_model *model, __u32 revision, struct bg_error *err)
{
	const double start_ms = bg_monotonic_ms();
	int rc;

	*publish = (struct bg_publish){
		.datapath = datapath,
		.model = model,
		.revision = revision,
	};
	rc = bg_publish_rules_write(publish, err);
	publish->spent_ms += bg_monotonic_ms() - start_ms;
	return rc;
}

int bg_publish_branches(struct bg_publish *publish, struct bg_error *err)
{
	const double start_ms = bg_monotonic_ms();
	int rc = bg_publish_branches_write(publish, err);

	publish->spent_ms += bg_monotonic_ms() - start_ms;
	return rc;
}

int bg_publish_image(struct bg_publish *publish, int *image_fd, struct bg_error *err)
{
	const double start_ms = bg_monotonic_ms();
	int rc = put_image(publish, image_fd, err);

	publish->spent_ms += bg_monotonic_ms() - start_ms;
	return rc;
}

void bg_publish_retire(struct bg_publish *publish)
{
	const double start_ms = bg_monotonic_ms();

	bg_publish_rules_clear(publish);
	publish->spent_ms += bg_monotonic_ms() - start_ms;
}

void bg_publish_end(struct bg_publish *publish, struct bg_publish_times *times)
{
	struct bg_datapath *datapath = publish->datapath;
	const char *feed_revision = publish->model->revision;
	const double start_ms = bg_monotonic_ms();

	if (datapath->revision != publish->revision) {
		datapath->revision = publish->revision;
		bg_datapath_announce(datapath, feed_revision ? feed_revision : "");
	}
	times->rules_added = bg_publish_rules_new(publish);
	times->rules_removed = publish->rules_removed;
	bg_publish_branches_clear(publish, times);
	bg_registry_commit(datapath->registry);
	times->publish_ms = times->fill_ms + publish->spent_ms + bg_monotonic_ms() - start_ms;
	let_go(publish);
}

void bg_publish_take_back(struct bg_publish *publish)
{
	if (publish->datapath) {
		bg_publish_rules_take_back(publish);
		bg_publish_branches_take_back(publish);
		bg_datapath_discard(publish->datapath);
	}
	let_go(publish);
}

/* --- all at once ---------------------------------------------------------------- */

int bg_datapath_put_in_force(struct bg_datapath *datapath, const struct bg_model *model,
			     int *image_fd, struct bg_publish_times *times, struct bg_error *err)
{
	struct bg_publish publish;
	int rc;

	rc = bg_publish_rules(&publish, datapath, model, datapath->revision + 1, err) ?:
	     bg_publish_branches(&publish, err) ?:
	     bg_publish_image(&publish, image_fd, err);
	if (rc) {
		bg_publish_take_back(&publish);
		return rc;
	}
	bg_publish_retire(&publish);
	bg_publish_end(&publish, times);
	return 0;
}

int bg_datapath_publish(struct bg_datapath *datapath, const struct bg_model *model,
			const struct bg_image *image, struct bg_publish_times *times,
			struct bg_error *err)
{
	bg_auto_close int fd = -1;
	int rc = bg_datapath_fill(datapath, image, &fd, err);

	if (rc) {
		bg_datapath_discard(datapath);
		return rc;
	}
	return bg_datapath_put_in_force(datapath, model, &fd, times, err);
}

int bg_datapath_set_model(struct bg_datapath *datapath, struct bg_model *model,
			  struct bg_publish_times *times, struct bg_error *err)
{
	bg_cleanup(bg_image_free_at) struct bg_image *image = NULL;
	int rc;

	rc = bg_datapath_compile(datapath, model, datapath->options.image_blocks, &image, times,
				 err);
	return rc ? rc : bg_datapath_publish(datapath, model, image, times, err);
}
