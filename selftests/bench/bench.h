/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The real datapath, loaded for measuring: frames go through its programs by
 * BPF test run, beside empty ones. What goes wrong ends the program.
 */
#ifndef BENCH_H
#define BENCH_H

#include "compile_classes.h"
#include "datapath.h"

/* The programs under test, at the interface that stands for a branch. */
enum hook { XDP_IN, TC_IN, TC_OUT, HOOKS };

/* A program of packets.bpf.c by what it does to the packet before it jumps. */
enum way {
	DIRECT, /* nothing stands in front */
	SAME,	/* XDP: metadata of the run before is taken back */
	NEXT,	/* another remote address and source port each time */
};

#define REMOTES 65536 /* as in packets.bpf.c */
#define FRAME_BYTES 128

struct frame {
	__u8 bytes[FRAME_BYTES];
	size_t length;
};

struct rig {
	struct bg_datapath *datapath;
	struct bpf_object *packets;
	struct bg_model *model; /* in force */
	struct bg_image *image; /* the same, to ask what a rule says */
	struct bg_publish_times times;
	void *empty_buckets, *counters;
	__u32 *keys;
	int cpus;
};

void rig_open(struct rig *rig, const char *packets_object);
void rig_close(struct rig *rig);

/* Takes the model over. */
void rig_publish(struct rig *rig, struct bg_model *model);
void rig_clear_flows(struct rig *rig);
/* All of REMOTES; `count` addresses over and over. */
void rig_set_remotes(struct rig *rig, const struct bg_addr *addrs, size_t count);

/* Program under test, or the empty one; what stands in front with it. */
int rig_program(const struct rig *rig, enum hook hook, enum way way, bool ipv6, bool real);

/* ns per run. `result` is what the last run returned. */
double rig_run(int program, const struct frame *frame, __u32 repeat, __u32 *result);

/* Packets that the branch has counted under a reason. */
__u64 rig_count(struct rig *rig, enum bg_direction direction, enum bg_reason reason);

/* A TCP segment without data; Ethernet, IPv4 or IPv6 as the addresses are. */
void rig_frame(struct frame *frame, const struct bg_addr *from, __u16 from_port,
	       const struct bg_addr *to, __u16 to_port, __u8 tcp_flags);

void rig_die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
