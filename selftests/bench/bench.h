/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The real datapath, loaded for measuring: frames go through its programs by
 * BPF test run, beside empty ones. What goes wrong ends the program.
 */
#ifndef BENCH_H
#define BENCH_H

#include "compile/classes.h"
#include "datapath/datapath.h"

/* The programs under test, at the interface that stands for a branch. */
enum bench_hook { XDP_IN, TC_IN, TC_OUT, BENCH_HOOKS };

/* A program of packets.bpf.c by what it does to the packet before it jumps. */
enum prelude {
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

struct bench {
	struct bg_datapath *datapath;
	struct bpf_object *packets;
	struct bg_model *model; /* in force */
	struct bg_image *image; /* the same, to ask what a rule says */
	struct bg_publish_times times;
	void *counters;
	__u32 *keys;
	int cpus;
};

/* Short ways: where a packet goes after its verdict is measured as well. */
void bench_open(struct bench *bench, const char *packets_object, bool short_ways);
void bench_close(struct bench *bench);

/* Takes the model over. */
void bench_publish(struct bench *bench, struct bg_model *model);
void bench_clear_flows(struct bench *bench);
/* All of REMOTES; `count` addresses over and over. */
void bench_set_remotes(struct bench *bench, const struct bg_addr *addrs, size_t count);

/* Program under test, or the empty one; what stands in front with it. */
int bench_program(const struct bench *bench, enum bench_hook hook, enum prelude prelude, bool ipv6,
		  bool real);

/* ns per run. `result` is what the last run returned. */
double bench_run(int program, const struct frame *frame, __u32 repeat, __u32 *result);

/* Packets that the branch has counted under a reason. */
__u64 bench_count(struct bench *bench, enum bg_direction direction, enum bg_reason reason);

/* A TCP segment without data; Ethernet, IPv4 or IPv6 as the addresses are. */
void bench_frame(struct frame *frame, const struct bg_addr *from, __u16 from_port,
		 const struct bg_addr *to, __u16 to_port, __u8 tcp_flags);

void bench_die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
