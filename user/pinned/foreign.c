// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Reads what every ABI keeps at the start of its values (headers/README.md). The daemon's
 * start, the check of the network namespace and unload call it; it writes no map, and what
 * the bytes mean is for the caller to judge.
 */
#include "pinned/foreign.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"

int bg_foreign_open(const char *pin_dir, enum bg_pin_kind kind, const char *name,
		    struct bpf_map_info *info)
{
	bg_auto_close int fd = bg_pin_get(pin_dir, kind, name);
	int rc = fd < 0 ? fd : bg_map_info(fd, info);

	return rc ? rc : bg_take_fd(&fd);
}

bool bg_is_percpu(__u32 map_type)
{
	return map_type == BPF_MAP_TYPE_PERCPU_ARRAY || map_type == BPF_MAP_TYPE_PERCPU_HASH ||
	       map_type == BPF_MAP_TYPE_LRU_PERCPU_HASH ||
	       map_type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;
}

int bg_foreign_get(int fd, __u32 key, void *start, size_t start_bytes)
{
	bg_auto_free char *value = NULL;
	struct bpf_map_info info;
	int rc = bg_map_info(fd, &info);

	if (rc)
		return rc;
	if (info.key_size != sizeof(key) || bg_is_percpu(info.type))
		return -EPROTO;
	value = calloc(1, info.value_size + start_bytes);
	if (!value)
		return -ENOMEM;
	rc = bpf_map_lookup_elem(fd, &key, value);
	if (!rc)
		memcpy(start, value, start_bytes);
	return rc;
}

int bg_foreign_each(int fd, size_t start_bytes, int (*each)(const void *start, void *context),
		    void *context)
{
	char key[BG_FOREIGN_KEY_BYTES], *last = NULL;
	bg_auto_free char *value = NULL;
	struct bpf_map_info info;
	int rc = bg_map_info(fd, &info);

	if (rc)
		return rc;
	if (info.key_size > sizeof(key) || bg_is_percpu(info.type))
		return -EPROTO;
	value = calloc(1, info.value_size + start_bytes);
	if (!value)
		return -ENOMEM;
	while (!(rc = bpf_map_get_next_key(fd, last, key))) {
		last = key;
		rc = bpf_map_lookup_elem(fd, key, value);
		if (rc == -ENOENT) /* a hash's entry that went meanwhile */
			continue;
		rc = rc ?: each(value, context);
		if (rc)
			return rc;
	}
	return rc == -ENOENT ? 0 : rc;
}

int bg_foreign_maps_of(__u32 prog_id, __u32 **maps, size_t *count)
{
	bg_auto_close int fd = bpf_prog_get_fd_by_id(prog_id);
	struct bpf_prog_info info = {};
	__u32 length = sizeof(info);
	bg_auto_free __u32 *ids = NULL;
	int rc = fd < 0 ? fd : bpf_prog_get_info_by_fd(fd, &info, &length);

	if (rc)
		return rc;
	ids = calloc(info.nr_map_ids + 1, sizeof(*ids));
	if (!ids)
		return -ENOMEM;
	*count = info.nr_map_ids;
	info = (struct bpf_prog_info){ .map_ids = (__u64)(unsigned long)ids,
				       .nr_map_ids = (__u32)*count };
	rc = bpf_prog_get_info_by_fd(fd, &info, &length);
	if (!rc)
		*maps = bg_take_ptr(ids);
	return rc;
}
