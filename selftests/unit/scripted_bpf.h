/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A kernel for the tests of datapath/, pinned/ and unload: bpf() with maps, programs and
 * links, filters of clsact, capabilities, and a directory that passes for a bpffs. libbpf
 * and the BPF object are the true ones; no program ever runs. Any call can be made to fail.
 *
 * Between script_bpf_begin() and script_bpf_end(); without, bpf() is the machine's own.
 */
#ifndef SCRIPTED_BPF_H
#define SCRIPTED_BPF_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>

#include "datapath/programs.h"

/* A kernel that has nothing, with all capabilities and tcx; returns the pin directory,
 * which is not there yet. */
const char *script_bpf_begin(void);
void script_bpf_end(void);

/* --- calls that fail ------------------------------------------------------- */

/* The commands of bpf(), and these: */
enum script_call {
	SCRIPT_ANY = -1,
	SCRIPT_MAKE_QDISC = 1000,
	SCRIPT_REMOVE_QDISC,
	SCRIPT_SET_FILTER,
	SCRIPT_ASK_FILTER,
	SCRIPT_REMOVE_FILTER,
};

/* From now on the n-th call of a kind (1: the next) fails, once, and does nothing; with 0
 * every one does. */
void script_fail(int call, unsigned int nth, int error);
/* ... from then on all of them do; and every one of another kind. */
void script_fail_from_then_on(void);
void script_fail_also(int call, int error);
void script_work(void);	  /* no call fails */
bool script_failed(void); /* did one, since script_fail()? */

/* --- what there is ---------------------------------------------------------- */

void script_caps(__u64 caps);
void script_without_tcx(void);
void script_interface(__u32 ifindex, const char *name);
void script_interface_gone(__u32 ifindex);

/* A map as another build would have made it, pinned; array entries are zero. Returns its
 * descriptor. */
struct script_map {
	const char *name;
	__u32 type, key_bytes, value_bytes, max_entries, flags;
};
int script_map(const char *pin_path, const struct script_map *map);

/* Programs and filters of others: a filter or tcx program in front. Return the program's id. */
__u32 script_other_tcx(__u32 ifindex, enum bg_hook hook);
__u32 script_other_filter(__u32 ifindex, enum bg_hook hook, __u32 handle);
__u32 script_other_xdp(__u32 ifindex);

/* What packets meet on a hook, first to last, as "tc_branch_ingress 12, other 14"; numbers
 * are those of the programs. Of links that nothing keeps, nothing is left. */
const char *script_hook(__u32 ifindex, enum bg_hook hook);
bool script_has_qdisc(__u32 ifindex);
/* Filters of whomever, on both hooks. */
int script_filter_count(__u32 ifindex);
__u32 script_filter_numbers(__u32 ifindex); /* as bg_filters.numbers */

/* All that is pinned, with its numbers, sorted, one a line. */
const char *script_pins(void);

/* Descriptors of kernel objects that are open in this process. */
unsigned int script_open(void);

/* Flows that were brought in by tc_import_flows. */
unsigned int script_imported(void);

#endif
