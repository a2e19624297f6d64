// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Keeps the pin of the image in force, and finds that image by it. The datapath pins and
 * adopts by it, `status` reads; the map `policy` is never written here.
 */
#include "pinned/image_pin.h"

#include <errno.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "pinned/pin.h"

/* A reader without the lock may look while a revision is published. */
#define TRIES 8

static int id_of(int fd, __u32 *id)
{
	struct bpf_map_info info = {};
	__u32 length = sizeof(info);
	int rc = bpf_map_get_info_by_fd(fd, &info, &length);

	*id = info.id;
	return rc;
}

/* -ENOENT: the pin is not there, or has another id. */
static int open_pin(const char *pin_dir, const char *name, __u32 id)
{
	bg_auto_close int fd = bg_pin_get_to_read(pin_dir, BG_PIN_MAPS, name);
	__u32 found;

	if (fd < 0)
		return fd;
	if (id_of(fd, &found) || found != id)
		return -ENOENT;
	return bg_take_fd(&fd);
}

static int open_with_id(const char *pin_dir, __u32 id)
{
	int fd = open_pin(pin_dir, BG_IMAGE_PIN, id);

	if (fd < 0)
		fd = open_pin(pin_dir, BG_IMAGE_NEXT_PIN, id);
	/* an earlier build pinned no image, and somebody may have removed the pin */
	return fd < 0 ? bpf_map_get_fd_by_id(id) : fd;
}

int bg_image_open(const char *pin_dir, int policy_fd)
{
	__u32 zero = 0, id = 0, before = 0;
	int fd = -ENOENT;

	for (int i = 0; i < TRIES; i++) {
		int rc = bpf_map_lookup_elem(policy_fd, &zero, &id);

		if (rc)
			return rc;
		fd = open_with_id(pin_dir, id);
		/* the same id as before: it was not replaced meanwhile */
		if (fd >= 0 || id == before)
			return fd;
		before = id;
	}
	return fd;
}

int bg_image_announce(const char *pin_dir, int image_fd)
{
	return bg_pin_put(pin_dir, BG_PIN_MAPS, BG_IMAGE_NEXT_PIN, image_fd);
}

int bg_image_settle(const char *pin_dir)
{
	return bg_pin_rename(pin_dir, BG_PIN_MAPS, BG_IMAGE_NEXT_PIN, BG_IMAGE_PIN);
}

void bg_image_withdraw(const char *pin_dir)
{
	bg_pin_remove(pin_dir, BG_PIN_MAPS, BG_IMAGE_NEXT_PIN);
}

int bg_image_pin(const char *pin_dir, int image_fd)
{
	bg_auto_close int fd = -1;
	__u32 id;
	int rc = id_of(image_fd, &id);

	if (rc)
		return rc;
	fd = open_pin(pin_dir, BG_IMAGE_PIN, id);
	if (fd >= 0)
		return 0;
	/* anything but "it is another one, or none" is not known to be so */
	if (fd != -ENOENT)
		return fd;
	rc = bg_pin_put(pin_dir, BG_PIN_MAPS, BG_IMAGE_PIN, image_fd);
	return rc ? rc : 1;
}
