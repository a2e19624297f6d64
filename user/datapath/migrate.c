// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Reads the maps of another build entry by entry and writes them into those of this one.
 * adopt.c calls it for maps that it could not take over; how an entry is laid out there
 * is known by layouts.c alone. It never writes what the old programs use.
 */
#include "datapath/migrate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "branchguard.skel.h"
#include "datapath/fate.h"
#include "pinned/foreign.h"

#define BUCKETS_AT_ONCE 256

void bg_migrate_note_dropped(struct bg_datapath *datapath, const char *map)
{
	size_t length = strlen(datapath->dropped);

	snprintf(datapath->dropped + length, sizeof(datapath->dropped) - length, "%s%s",
		 length ? "," : "", map);
}

/* --- maps ---------------------------------------------------------------------- */

/* One move under way. Of a per-CPU map an entry has a value for each CPU, in steps of 8
 * bytes; a map that is per CPU comes from one that is. */
struct walk {
	const struct bg_move *move;
	int from_fd, into_fd;
	size_t old_stride, stride, values;
	char *old_value, *value;
	bool full; /* some did not fit */
};

static int move_entry(struct walk *walk, const void *old_key)
{
	char key[BG_FOREIGN_KEY_BYTES] = {};
	bool there = false;
	int rc;

	memset(walk->value, 0, walk->stride * walk->values);
	for (size_t i = 0; i < walk->values; i++) {
		struct bg_moving moving = {
			.old_key = old_key,
			.old_value = walk->old_value + i * walk->old_stride,
			.key = key,
			.value = walk->value + i * walk->stride,
		};

		there |= walk->move->convert(&moving);
	}
	if (!there)
		return 0;
	rc = bpf_map_update_elem(walk->into_fd, key, walk->value, BPF_ANY);
	if (rc != -E2BIG && rc != -ENOSPC)
		return rc;
	walk->full = true;
	return 0;
}

static int move_entries(struct walk *walk)
{
	char key[BG_FOREIGN_KEY_BYTES] = {}, last[BG_FOREIGN_KEY_BYTES];
	int rc = bpf_map_get_next_key(walk->from_fd, NULL, key);

	while (!rc) {
		rc = bpf_map_lookup_elem(walk->from_fd, key, walk->old_value);
		if (!rc)
			rc = move_entry(walk, key);
		/* -ENOENT: a hash's entry that went meanwhile */
		if (rc && rc != -ENOENT)
			return rc;
		memcpy(last, key, sizeof(last));
		rc = bpf_map_get_next_key(walk->from_fd, last, key);
	}
	return rc == -ENOENT ? 0 : rc;
}

static int move_map(struct bg_datapath *datapath, const struct bg_move *move,
		    const struct bpf_map *into)
{
	bg_auto_free char *old_value = NULL, *value = NULL;
	struct walk walk = { .move = move, .into_fd = bpf_map__fd(into), .values = 1 };
	bool percpu = bg_is_percpu(bpf_map__type(into));
	struct bpf_map_info info;
	bg_auto_close int fd =
		bg_foreign_open(datapath->options.pin_dir, BG_PIN_MAPS, move->from, &info);
	struct bg_map_shape theirs;
	int rc;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	theirs = bg_map_shape(&info);
	if (!bg_fate_can_move(move, &theirs, percpu)) {
		bg_migrate_note_dropped(datapath, move->into);
		return 0;
	}
	walk.from_fd = fd;
	walk.old_stride = (info.value_size + 7) & ~7u;
	walk.stride = (bpf_map__value_size(into) + 7) & ~7u;
	if (percpu)
		walk.values = libbpf_num_possible_cpus();
	walk.old_value = old_value = calloc(walk.values, walk.old_stride);
	walk.value = value = calloc(walk.values, walk.stride);
	if (!old_value || !value)
		return -ENOMEM;
	rc = move_entries(&walk);
	if (!rc && walk.full)
		bg_migrate_note_dropped(datapath, move->into);
	return rc;
}

int bg_migrate_maps(struct bg_datapath *datapath, struct bg_error *err)
{
	const struct bg_move *move;

	for (move = datapath->from ? datapath->from->moves : NULL; move && move->into; move++) {
		const struct bpf_map *into =
			bpf_object__find_map_by_name(datapath->skel->obj, move->into);
		int rc;

		if (!move->from ||
		    !bg_layout_makes(datapath->from, datapath->from_flow_layout, move->into))
			continue;
		rc = into ? move_map(datapath, move, into) : -ENOENT;
		if (rc)
			return bg_fail(err, rc,
				       "carrying over %s/maps/%s of the build before (ABI %u): %s",
				       datapath->options.pin_dir, move->from, datapath->from_abi,
				       strerror(-rc));
	}
	return 0;
}

/* --- flows --------------------------------------------------------------------- */

struct import {
	int program_fd;
	unsigned int count; /* in `packet` */
	unsigned long full; /* that found no place */
	struct {
		char header[BG_IMPORT_HEADER_BYTES];
		struct bg_flow flow[BG_IMPORT_FLOWS];
	} packet;
};

static int import_some(struct import *import)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = &import->packet,
		    .data_size_in = BG_IMPORT_HEADER_BYTES +
				    import->count * sizeof(import->packet.flow[0]));
	int rc;

	if (!import->count)
		return 0;
	import->count = 0;
	rc = bpf_prog_test_run_opts(import->program_fd, &opts);
	import->full += rc ? 0 : opts.retval;
	return rc;
}

static int import_bucket(struct import *import, const struct bg_moved_flows *as, const void *bucket)
{
	int rc = 0;

	for (unsigned int slot = 0; slot < as->flows_per_bucket && !rc; slot++) {
		struct bg_flow *flow = &import->packet.flow[import->count];

		memset(flow, 0, sizeof(*flow));
		if (!as->convert(bucket, slot, flow))
			continue;
		if (++import->count == BG_IMPORT_FLOWS)
			rc = import_some(import);
	}
	return rc;
}

/* A bucket is read under its lock. */
static int import_table(struct import *import, const struct bg_moved_flows *as, int fd,
			__u32 max_entries)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts, .elem_flags = BPF_F_LOCK);
	bg_auto_free char *buckets = NULL;
	bg_auto_free __u32 *keys = NULL;
	__u32 batch, count;
	int rc = 0;

	buckets = calloc(BUCKETS_AT_ONCE, as->bucket_bytes);
	keys = calloc(BUCKETS_AT_ONCE, sizeof(*keys));
	if (!buckets || !keys)
		return -ENOMEM;
	for (__u32 done = 0; done < max_entries && !rc; done += count) {
		int read;

		count = BUCKETS_AT_ONCE;
		read = bpf_map_lookup_batch(fd, done ? &batch : NULL, &batch, keys, buckets, &count,
					    &opts);
		if (read && read != -ENOENT)
			return read;
		for (__u32 i = 0; i < count && !rc; i++)
			rc = import_bucket(import, as, buckets + i * as->bucket_bytes);
		if (!count)
			break;
	}
	return rc ?: import_some(import);
}

void bg_migrate_flows_later(struct bg_datapath *datapath, int fd, const struct bg_moved_flows *as)
{
	datapath->old_flows_fd = fd;
	datapath->old_flows = as;
	bpf_program__set_autoload(datapath->skel->progs.tc_import_flows, true);
}

int bg_migrate_flows(struct bg_datapath *datapath, struct bg_error *err)
{
	struct import import = {};
	struct bpf_map_info info;
	int rc;

	if (datapath->old_flows_fd < 0)
		return 0;
	import.program_fd = bpf_program__fd(datapath->skel->progs.tc_import_flows);
	rc = bg_map_info(datapath->old_flows_fd, &info);
	if (!rc)
		rc = import_table(&import, datapath->old_flows, datapath->old_flows_fd,
				  info.max_entries);
	if (rc)
		return bg_fail(err, rc, "carrying over the flows of the daemon before: %s",
			       strerror(-rc));
	datapath->flows_lost = import.full;
	return 0;
}
