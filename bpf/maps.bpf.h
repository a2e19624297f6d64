/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every map, with who writes it, who reads it and what happens when it is full.
 * headers/maps.h has the keys and values. Sizes marked "loader" are set before
 * loading (user/datapath.c).
 */
#ifndef BG_MAPS_BPF_H
#define BG_MAPS_BPF_H

#include "flow.h"
#include "image.h"
#include "maps.h"

/*
 * The revision in force. Written by the loader, one update a revision; read
 * once a packet. Empty = nothing passes. All inner maps have the capacity of
 * this template (loader), so their look-ups are inlined.
 */
struct image_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE | BPF_F_RDONLY_PROG);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct bg_block);
};

/* Nothing else makes clang describe the block in BTF: it sees a pointer in the
 * template and leaves a forward declaration. */
const struct bg_block *const image_block_type __attribute__((used)) = 0;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct image_map);
} policy SEC(".maps");

/* All interfaces that the loader has entered. Written by it; programs read it where a
 * place in `fast_ifaces` is taken by another. Full: the loader refuses to arm. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, BG_VLANS * 2);
	__type(key, __u32);
	__type(value, struct bg_iface);
} ifaces SEC(".maps");

/* Written by the loader, read by every program. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BG_IFACES);
	__type(key, __u32);
	__type(value, struct bg_iface);
} fast_ifaces SEC(".maps");

/* Armed VLANs. Written by the loader, read by the trunk's programs; for people they
 * are in `branches` and `ifaces`. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BG_VLANS);
	__type(key, __u32);
	__type(value, __u32);
} fast_vlans SEC(".maps");

/* For people; written by the loader. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, BG_VLANS);
	__type(key, __u32);
	__type(value, struct bg_branch_info);
} branches SEC(".maps");

/* Written by the loader, read by the programs that redirect. Full: packets reach the
 * pod by the stack, and local probes go over the branch. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, struct bg_addr);
	__type(value, struct bg_pod);
} pods SEC(".maps");

/* Routes. Written by the loader, read by tc_pod_egress; */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BG_VLANS);
	__type(key, __u32);
	__type(value, struct bg_route);
} fast_routes SEC(".maps");

/* and for people. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, BG_VLANS);
	__type(key, __u32);
	__type(value, struct bg_route_info);
} routes SEC(".maps");

/* Written by the loader, read by the programs that bring probes and local
 * services. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bg_host);
} node SEC(".maps");

/* Written by the loader; the datapath counts hits, with the first packet of a flow.
 * Size: loader. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct bg_rule);
} rules SEC(".maps");

/* Written and read by the loader. Size: loader. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct bg_rule);
} former_rules SEC(".maps");

/* Written by the datapath. Size: loader. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct bg_counters);
} fast_counters SEC(".maps");

/* For people; written by the loader, once a second. Size: loader. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2);
	__type(key, struct bg_counters_key);
	__type(value, struct bg_counters_info);
} counters SEC(".maps");

/* Written by the datapath; flow.h says who gives way, and why it is mappable. Size: loader. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bg_bucket);
} flows SEC(".maps");

/* Written by the datapath. Full: the least recently used datagram's later
 * fragments are dropped. Has the notes of own_errors.h, too. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct bg_fragment_key);
	__type(value, struct bg_fragment);
} fragments SEC(".maps");

/* Written by the datapath while `monitor` listens. Full: counted as lost. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps");

/* Datapath, loader and monitor write fields of their own: the last through a
 * mapping, since an update would replace what the others wrote meanwhile. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct bg_control);
} control SEC(".maps");

/* Written and read by the loader. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bg_home);
} home SEC(".maps");

/*
 * The next three are written by the loader, for people. Revisions: the oldest goes when
 * there are more than BG_REVISIONS_KEPT; for a moment there is one more.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2 * BG_REVISIONS_KEPT);
	__type(key, __u32);
	__type(value, struct bg_revision);
} revisions SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bg_pulse);
} pulse SEC(".maps");

/* Full: of further drops it is not known when they were. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, struct bg_sighting_key);
	__type(value, struct bg_sighting);
} sightings SEC(".maps");

/* The program that tc_stand_in stands in for. Written by the loader. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} stands_in_for SEC(".maps");

/* Written by the datapath when keep_trace is set. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bg_trace);
} trace SEC(".maps");

#endif
