// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Loading, feeding and running the datapath under test. */
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "branchguard.skel.h"
#include "flow.h"
#include "model_maker.h"

#define VLAN 9
#define IMAGE_BLOCKS 65536

void rig_die(const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "bench: ");
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

static struct bpf_program *program_named(const struct rig *rig, const char *name)
{
	struct bpf_program *program = bpf_object__find_program_by_name(rig->packets, name);

	if (!program)
		rig_die("no program %s in the bench's object", name);
	return program;
}

static void put_program(const struct rig *rig, const char *map, __u32 place, int program)
{
	int fd = bpf_object__find_map_fd_by_name(rig->packets, map);

	if (fd < 0 || bpf_map_update_elem(fd, &place, &program, BPF_ANY))
		rig_die("map %s, place %u: %s", map, place, strerror(errno));
}

static void load_packets(struct rig *rig, const char *path)
{
	const struct branchguard_bpf *skel = rig->datapath->skel;

	rig->packets = bpf_object__open_file(path, NULL);
	if (!rig->packets)
		rig_die("opening %s: %s", path, strerror(errno));
	if (bpf_object__load(rig->packets))
		rig_die("loading %s: %s", path, strerror(errno));
	put_program(rig, "xdp_programs", 0, bpf_program__fd(program_named(rig, "xdp_empty")));
	put_program(rig, "xdp_programs", 1, bpf_program__fd(skel->progs.xdp_branch));
	put_program(rig, "tc_programs", 0, bpf_program__fd(program_named(rig, "tc_empty")));
	put_program(rig, "tc_programs", 1, bpf_program__fd(skel->progs.tc_branch_ingress));
	put_program(rig, "tc_programs", 2, bpf_program__fd(skel->progs.tc_branch_egress));
}

/* Test runs find themselves on the loopback device: that is the branch. */
static void name_interface(const struct rig *rig)
{
	struct bg_iface iface = { .ifindex = if_nametoindex("lo"),
				  .role = BG_ROLE_BRANCH,
				  .vlan = VLAN };
	__u32 place = iface.ifindex % BG_IFACES;
	struct bg_error err = {};

	if (bg_map_set(rig->datapath->skel->maps.ifaces, &place, &iface, &err))
		rig_die("%s", err.text);
}

void rig_open(struct rig *rig, const char *packets_object)
{
	/* the verdict is measured, not the way that a packet takes after it */
	const struct bg_datapath_options options = { .image_blocks = IMAGE_BLOCKS,
						     .no_short_way = true };
	struct bg_error err = {};
	__u32 buckets;

	memset(rig, 0, sizeof(*rig));
	if (bg_datapath_open(&options, &rig->datapath, &err))
		rig_die("%s", err.text);
	load_packets(rig, packets_object);
	name_interface(rig);
	buckets = bpf_map__max_entries(rig->datapath->skel->maps.flows);
	rig->cpus = libbpf_num_possible_cpus();
	rig->empty_buckets = calloc(buckets, sizeof(struct bg_bucket));
	rig->keys = calloc(buckets > REMOTES ? buckets : REMOTES, sizeof(*rig->keys));
	rig->counters = calloc(rig->cpus, sizeof(struct bg_counters));
	if (!rig->empty_buckets || !rig->keys || !rig->counters)
		rig_die("out of memory");
	for (__u32 i = 0; i < buckets || i < REMOTES; i++)
		rig->keys[i] = i;
}

void rig_close(struct rig *rig)
{
	bpf_object__close(rig->packets);
	bg_datapath_close(rig->datapath);
	maker_free(rig->model);
	bg_image_free(rig->image);
	free(rig->empty_buckets);
	free(rig->keys);
	free(rig->counters);
}

void rig_publish(struct rig *rig, struct bg_model *model)
{
	struct bg_error err = {};

	maker_free(rig->model);
	bg_image_free(rig->image);
	rig->image = NULL;
	rig->model = model;
	if (bg_datapath_publish(rig->datapath, model, &rig->times, &err) ||
	    bg_compile(model, 1, IMAGE_BLOCKS, &rig->image, &err))
		rig_die("%s", err.text);
}

void rig_clear_flows(struct rig *rig)
{
	const struct bpf_map *flows = rig->datapath->skel->maps.flows;
	__u32 count = bpf_map__max_entries(flows);

	if (bpf_map_update_batch(bpf_map__fd(flows), rig->keys, rig->empty_buckets, &count, NULL))
		rig_die("emptying the flow table: %s", strerror(errno));
}

void rig_set_remotes(struct rig *rig, const struct bg_addr *addrs, size_t count)
{
	int fd = bpf_object__find_map_fd_by_name(rig->packets, "remotes");
	struct bg_addr *all = calloc(REMOTES, sizeof(*all));
	__u32 entries = REMOTES;

	if (!all || !count)
		rig_die(all ? "no remote addresses" : "out of memory");
	for (size_t i = 0; i < REMOTES; i++)
		all[i] = addrs[i % count];
	if (bpf_map_update_batch(fd, rig->keys, all, &entries, NULL))
		rig_die("setting remote addresses: %s", strerror(errno));
	free(all);
}

int rig_program(const struct rig *rig, enum hook hook, enum way way, bool ipv6, bool real)
{
	static const char *const hooks[HOOKS] = { "xdp", "tc_in", "tc_out" };
	const struct branchguard_bpf *skel = rig->datapath->skel;
	char name[32];

	if (way == DIRECT && real) {
		if (hook == XDP_IN)
			return bpf_program__fd(skel->progs.xdp_branch);
		return bpf_program__fd(hook == TC_IN ? skel->progs.tc_branch_ingress
						     : skel->progs.tc_branch_egress);
	}
	if (way == DIRECT)
		snprintf(name, sizeof(name), "%s_empty", hook == XDP_IN ? "xdp" : "tc");
	else if (way == SAME)
		snprintf(name, sizeof(name), "xdp_same_%s", real ? "real" : "empty");
	else
		snprintf(name, sizeof(name), "%s_next%d_%s", hooks[hook], ipv6 ? 6 : 4,
			 real ? "real" : "empty");
	return bpf_program__fd(program_named(rig, name));
}

double rig_run(int program, const struct frame *frame, __u32 repeat, __u32 *result)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame->bytes, .data_size_in = frame->length,
		    .repeat = repeat);

	if (bpf_prog_test_run_opts(program, &opts))
		rig_die("test run: %s", strerror(errno));
	*result = opts.retval;
	return opts.duration;
}

__u64 rig_count(struct rig *rig, enum bg_direction direction, enum bg_reason reason)
{
	__u32 index = rig->model->branches[0].slot * BG_DIRECTIONS + direction;
	const struct bg_counters *counters = rig->counters;
	__u64 sum = 0;

	if (bpf_map_lookup_elem(bpf_map__fd(rig->datapath->skel->maps.counters), &index,
				rig->counters))
		rig_die("reading counters: %s", strerror(errno));
	for (int cpu = 0; cpu < rig->cpus; cpu++)
		sum += counters[cpu].packets[reason];
	return sum;
}

static __u16 ip_checksum(const __u8 *header)
{
	__u32 sum = 0;

	for (int i = 0; i < 20; i += 2)
		sum += header[i] << 8 | header[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static __u8 *put16(__u8 *at, __u16 value)
{
	at[0] = value >> 8;
	at[1] = value & 0xff;
	return at + 2;
}

void rig_frame(struct frame *frame, const struct bg_addr *from, __u16 from_port,
	       const struct bg_addr *to, __u16 to_port, __u8 tcp_flags)
{
	bool ipv6 = !bg_prefix_is_v4(&(struct bg_prefix){ .addr = *from, .length = 128 });
	__u8 *at = frame->bytes;

	memset(frame, 0, sizeof(*frame));
	at[0] = 0x02;
	at[6] = 0x02;
	at[11] = 0x01;
	at = put16(at + 12, ipv6 ? 0x86dd : 0x0800);
	if (ipv6) {
		at[0] = 0x60;
		put16(at + 4, 20);
		at[6] = 6;
		at[7] = 64;
		memcpy(at + 8, from->byte, 16);
		memcpy(at + 24, to->byte, 16);
		at += 40;
	} else {
		at[0] = 0x45;
		put16(at + 2, 40);
		at[8] = 64;
		at[9] = 6;
		memcpy(at + 12, from->byte + 12, 4);
		memcpy(at + 16, to->byte + 12, 4);
		put16(at + 10, ip_checksum(at));
		at += 20;
	}
	put16(at, from_port);
	put16(at + 2, to_port);
	at[12] = 5 << 4;
	at[13] = tcp_flags;
	put16(at + 14, 0xffff);
	at += 20;
	frame->length = at - frame->bytes;
	/* shorter ones do not exist on Ethernet */
	if (frame->length < 60)
		frame->length = 60;
}
