/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The real object, loaded for a test: feeds go in, frames go through its
 * programs by BPF test run, verdicts, counters and flows come out. What cannot
 * happen in a healthy test ends the program with a message.
 */
#ifndef RIG_H
#define RIG_H

#include "datapath/datapath.h"
#include "datapath/programs.h"
#include "flow.h"
#include "pkt.h"

/* A program, and the interface it finds itself on: always the loopback device,
 * under the role that it has for the branch in question. */
enum hook {
	TC_INGRESS,
	XDP_BRANCH,
	XDP_TRUNK, /* the frame gets the branch's tag */
	TC_EGRESS,
};

struct rig {
	struct bg_datapath *datapath;
	struct bg_model *model; /* published last */
	int cpus;
	bool host_sends; /* what leaves is the node's own; else it came from a pod */
	struct bg_counters *before, *after; /* slot * 2 + direction, all CPUs summed */
	size_t counter_count;
	void *percpu;
};

/* What became of a frame. */
struct outcome {
	bool passed; /* by what the program returned */
	int action;  /* that */
	struct bg_trace trace;
	__u32 counted;		       /* verdicts in all counters of all slots */
	enum bg_reason counted_reason; /* the last of them, */
	enum bg_direction counted_direction;
	__u32 counted_slot; /* and where it was */
};

/* max_flows 0 = small, but enough for any story. Of the programs, those that
 * enum hook names; or all, which takes the verifier a while. */
void rig_open(struct rig *rig, __u32 max_flows);
void rig_open_all(struct rig *rig);
/* With those of a list that ends with NULL. */
void rig_open_only(struct rig *rig, __u32 max_flows, const char *const *programs);
void rig_close(struct rig *rig);

/* Runs all of a table of tests by one rig, opened with such a list. How many failed. */
#define RIG_RUN(rig, max_flows, programs, tests)                                                   \
	({                                                                                         \
		int rig_failed;                                                                    \
                                                                                                   \
		rig_open_only(rig, max_flows, programs);                                           \
		rig_failed = cmocka_run_group_tests(tests, NULL, NULL);                            \
		rig_close(rig);                                                                    \
		rig_failed;                                                                        \
	})

/* How often to try something at random: `count` times, or a fifth of that where
 * the machine is emulated. */
int rig_tries(int count);

/* Publishes a feed (text as of feed_text.h), which must be accepted. */
void rig_publish(struct rig *rig, const char *feed);
/* What the loader would write of an interface, and of a pod behind one. */
void rig_enter(struct rig *rig, __u32 ifindex, enum bg_role role, __u32 vlan, __u32 flags);
void rig_set_pod(struct rig *rig, const char *address, __u32 vlan, __u32 ifindex);
/* Publishes a model that is the rig's from now on. */
void rig_publish_model(struct rig *rig, struct bg_model *model);

/* No flows, no fragments. */
void rig_clear(struct rig *rig);

/* One frame through one program for the branch of this VLAN. */
void rig_send(struct rig *rig, enum hook hook, __u32 vlan, const __u8 *frame, size_t bytes,
	      struct outcome *outcome);

/* The same without the counters, which take a while to read: for many packets. */
enum bg_reason rig_judge(struct rig *rig, enum hook hook, __u32 vlan, const __u8 *frame,
			 size_t bytes, struct bg_trace *trace);

/* One frame through any program, on the device and come in by the one that the context names:
 * what the program decided (NONE = no verdict), and what it returned. */
enum bg_reason rig_through(struct rig *rig, enum bg_program program, struct __sk_buff *context,
			   const __u8 *frame, size_t bytes, int *action);

/* As if that much time had passed: flows and fragments get older. */
void rig_age(struct rig *rig, unsigned int seconds);

/* The flow of a packet of a branch, whichever end it comes from; false = none that
 * is alive. */
bool rig_flow(struct rig *rig, __u32 vlan, enum bg_direction direction, const struct pkt *pkt,
	      struct bg_flow *flow);
size_t rig_flow_count(struct rig *rig); /* alive */

/* Verdicts with this reason so far, of all branches. */
__u64 rig_count(struct rig *rig, enum bg_direction direction, enum bg_reason reason);

/* Flow slots in the table. */
size_t rig_capacity(const struct rig *rig);

/* The rule with this number: its sgr id, "?" when it has none, NULL for 0. */
const char *rig_rule_id(const struct rig *rig, __u32 number);

__u32 rig_branch_tag(const struct rig *rig, __u32 vlan);
__u64 rig_now_ns(void);

#endif
