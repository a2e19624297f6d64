/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Asking the programs of a private datapath about packets that never were on a
 * wire (BPF_PROG_TEST_RUN). Test runs take place on the loopback device, which
 * stands in for the interface that the packet would be on. Nothing is attached.
 */
#ifndef BG_DATAPATH_TEST_RUN_H
#define BG_DATAPATH_TEST_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "datapath/datapath.h"
#include "datapath/programs.h"
#include "maps.h"

/* What loopback stands in for from now on; it stays so until the next call. */
int bg_datapath_stand_in(struct bg_datapath *datapath, enum bg_role role, __u32 vlan,
			 struct bg_error *err);

struct bg_test_run {
	enum bg_program program;
	const void *frame;
	size_t frame_bytes;
	bool forwarded; /* it came in by loopback; else the node itself sends it */
	/* out: */
	int action;	       /* TC_ACT_* or XDP_* */
	struct bg_trace trace; /* reason NONE: the program did not judge it */
};

/* Wants options.trace. One run, with all that it does to flows and counters. */
int bg_datapath_run(struct bg_datapath *datapath, struct bg_test_run *run, struct bg_error *err);

/* Empties the flow table: the next packet meets no flow. */
int bg_datapath_forget_flows(struct bg_datapath *datapath, struct bg_error *err);

#endif
