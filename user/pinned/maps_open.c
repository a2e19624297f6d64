// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How every reader opens the pinned maps, and the one loop that reads a map whole. It
 * decides whether maps are read at all: those of another ABI never are. maps_read.c,
 * event_source.c and the verbs that show something call it.
 */
#include "pinned/maps_open.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/access.h"
#include "base/cleanup.h"
#include "maps.h"
#include "pinned/lock_holder.h"

/* Maps are read in pieces of about this size. */
#define PIECE_BYTES (1u << 20)

static int open_map(const char *pin_dir, const char *name, bool write, struct bpf_map_info *info,
		    struct bg_error *err)
{
	LIBBPF_OPTS(bpf_obj_get_opts, opts, .file_flags = write ? 0 : BPF_F_RDONLY);
	__u32 info_bytes = sizeof(*info);
	bg_auto_close int fd = -1;
	char path[PATH_MAX], why[BG_ACCESS_TEXT];

	if (snprintf(path, sizeof(path), "%s/maps/%s", pin_dir, name) >= (int)sizeof(path))
		return bg_fail(err, -ENAMETOOLONG, "--pin-dir %.80s...: the path is too long",
			       pin_dir);
	fd = bpf_obj_get_opts(path, &opts);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return bg_fail(err, -ENOENT,
			       "branchguard is not loaded: %s: %s; start it with `branchguard run "
			       "--feed FILE`, or name its --pin-dir",
			       path, strerror(errno));
	if (fd < 0 && (errno == EPERM || errno == EACCES))
		return bg_fail(err, -EPERM, "cannot open map %s: %s%s", path, strerror(errno),
			       bg_access_why(path, write ? W_OK : R_OK, why));
	if (fd < 0)
		return bg_fail(err, -errno,
			       "cannot open map %s: %s; expected a map that branchguard pinned "
			       "on a BPF file system",
			       path, strerror(errno));
	memset(info, 0, sizeof(*info));
	if (bpf_map_get_info_by_fd(fd, info, &info_bytes))
		return bg_fail(err, -errno, "cannot ask the kernel about map %s: %s", path,
			       strerror(errno));
	return bg_take_fd(&fd);
}

int bg_maps_fd(const struct bg_maps *maps, const char *name, size_t value_bytes, bool write,
	       struct bg_error *err)
{
	struct bpf_map_info info;
	int fd = open_map(maps->pin_dir, name, write, &info, err);

	if (fd < 0 || info.value_size == value_bytes)
		return fd;
	close(fd);
	return bg_fail(
		err, -EPROTO,
		"map %s/maps/%s has values of %u bytes, expected %zu: another version of "
		"branchguard pinned it; use that version, or restart the daemon with this one",
		maps->pin_dir, name, info.value_size, value_bytes);
}

/* Is it this very program that runs there? A file of the same content elsewhere is not
 * known to be. */
static bool is_this_program(int pid)
{
	struct stat mine, theirs;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	return !stat("/proc/self/exe", &mine) && !stat(path, &theirs) &&
	       mine.st_dev == theirs.st_dev && mine.st_ino == theirs.st_ino;
}

/* Says whose maps these are, and what can be done about it. */
static int other_abi(const char *pin_dir, __u32 abi, struct bg_error *err)
{
	struct bg_lock_holder holder;
	const bool runs = bg_lock_held(pin_dir, &holder);
	char what[320];

	if (!runs)
		snprintf(what, sizeof(what),
			 "`branchguard run --feed FILE` of this build takes it over, or ask by the "
			 "build that pinned it");
	else if (holder.pid && is_this_program(holder.pid))
		snprintf(
			what, sizeof(what),
			"the daemon of this build (process %d) takes it over as soon as there is a "
			"feed that can be put in force: its log, or `branchguard check FILE`, says "
			"what is wrong with the one that it has",
			holder.pid);
	else
		snprintf(what, sizeof(what),
			 "a daemon runs there: ask by its build, or look into its log for what "
			 "keeps it from taking over");
	return bg_fail(err, -EPROTO,
		       "what is pinned in %s/maps is of %s build of branchguard (ABI %u, this one "
		       "has %d) and stays in force as that one left it: %s",
		       pin_dir, abi < BG_ABI ? "an older" : "a newer", abi, BG_ABI, what);
}

int bg_maps_open(const char *pin_dir, struct bg_maps *maps, struct bg_error *err)
{
	bg_auto_close int fd = -1;
	bg_auto_free __u32 *value = NULL;
	struct bpf_map_info info;
	__u32 zero = 0, abi;

	fd = open_map(pin_dir, "control", false, &info, err);
	if (fd < 0)
		return fd;
	/* its first field is the ABI, and that is so in every ABI */
	value = calloc(1, info.value_size + sizeof(*value));
	if (!value)
		return bg_no_memory(err, "reading map %s/maps/control", pin_dir);
	if (info.key_size != sizeof(zero) || bpf_map_lookup_elem(fd, &zero, value))
		return bg_fail(err, -EPROTO, "%s/maps/control is no control map of branchguard",
			       pin_dir);
	abi = value[0];
	if (abi != BG_ABI)
		return other_abi(pin_dir, abi, err);
	if (info.value_size != sizeof(struct bg_control))
		return bg_fail(err, -EPROTO,
			       "%s/maps/control says ABI %u, but has %u bytes instead of %zu: "
			       "branchguard did not pin it",
			       pin_dir, abi, info.value_size, sizeof(struct bg_control));
	*maps = (struct bg_maps){ .pin_dir = pin_dir, .control_fd = bg_take_fd(&fd) };
	return 0;
}

void bg_maps_close(struct bg_maps *maps)
{
	if (maps->control_fd >= 0)
		close(maps->control_fd);
	maps->control_fd = -1;
}

int bg_map_unread(const struct bg_maps *maps, const char *name, struct bg_error *err)
{
	return bg_fail(err, -errno, "cannot read map %s/maps/%s: %s", maps->pin_dir, name,
		       strerror(errno));
}

/* A piece of a hash must hold its fullest bucket: a few entries, while this is hundreds. */
static __u32 piece_entries(const struct bpf_map_info *info)
{
	__u32 entries = PIECE_BYTES / info->value_size;

	if (entries > info->max_entries)
		return info->max_entries;
	return entries ? entries : 1;
}

int bg_map_walk(const struct bg_maps *maps, struct bg_walk *walk, struct bg_error *err)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts, .elem_flags = walk->flags);
	bg_auto_free char *keys = NULL, *values = NULL;
	struct bpf_map_info info;
	bg_auto_close int fd = -1;
	char position[64]; /* a key, or a number */
	void *from = NULL;
	__u32 piece;
	int rc;

	fd = bg_maps_fd(maps, walk->name, walk->value_bytes, false, err);
	if (fd < 0)
		return fd;
	piece = sizeof(info);
	if (bpf_map_get_info_by_fd(fd, &info, &piece) || info.key_size != walk->key_bytes)
		return bg_fail(err, -EPROTO, "map %s/maps/%s has keys of %u bytes, expected %zu",
			       maps->pin_dir, walk->name, info.key_size, walk->key_bytes);
	walk->max_entries = info.max_entries;
	piece = piece_entries(&info);
	keys = calloc(piece, walk->key_bytes);
	values = calloc(piece, walk->value_bytes);
	if (!keys || !values)
		return bg_no_memory(err, "reading map %s/maps/%s, %u entries of %zu bytes",
				    maps->pin_dir, walk->name, piece, walk->value_bytes);
	for (bool more = true; more;) {
		__u32 count = piece;

		if (bpf_map_lookup_batch(fd, from, position, keys, values, &count, &opts)) {
			if (errno != ENOENT)
				return bg_map_unread(maps, walk->name, err);
			more = false; /* that was the last piece */
		}
		from = position;
		for (__u32 i = 0; i < count; i++) {
			rc = walk->each(keys + i * walk->key_bytes, values + i * walk->value_bytes,
					walk->context);
			if (rc == -ENOMEM)
				return bg_no_memory(err, "reading map %s/maps/%s", maps->pin_dir,
						    walk->name);
			if (rc)
				return rc;
		}
	}
	return 0;
}
