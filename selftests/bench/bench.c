// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Loads, feeds and runs the datapath under test, for the benches that send packets
 * through it. It says how long something took, and never whether that is well.
 */
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "branchguard.skel.h"
#include "datapath/test_run.h"
#include "model_maker.h"

#define VLAN 9
#define IMAGE_BLOCKS 65536

void bench_die(const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "bench: ");
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

static struct bpf_program *program_named(const struct bench *bench, const char *name)
{
	struct bpf_program *program = bpf_object__find_program_by_name(bench->packets, name);

	if (!program)
		bench_die("no program %s in the bench's object", name);
	return program;
}

static void put_program(const struct bench *bench, const char *map, __u32 place, int program)
{
	int fd = bpf_object__find_map_fd_by_name(bench->packets, map);

	if (fd < 0 || bpf_map_update_elem(fd, &place, &program, BPF_ANY))
		bench_die("map %s, place %u: %s", map, place, strerror(errno));
}

static void load_packets(struct bench *bench, const char *path)
{
	const struct branchguard_bpf *skel = bench->datapath->skel;

	bench->packets = bpf_object__open_file(path, NULL);
	if (!bench->packets)
		bench_die("opening %s: %s", path, strerror(errno));
	if (bpf_object__load(bench->packets))
		bench_die("loading %s: %s", path, strerror(errno));
	put_program(bench, "xdp_programs", 0, bpf_program__fd(program_named(bench, "xdp_empty")));
	put_program(bench, "xdp_programs", 1, bpf_program__fd(skel->progs.xdp_branch));
	put_program(bench, "tc_programs", 0, bpf_program__fd(program_named(bench, "tc_empty")));
	put_program(bench, "tc_programs", 1, bpf_program__fd(skel->progs.tc_branch_ingress));
	put_program(bench, "tc_programs", 2, bpf_program__fd(skel->progs.tc_branch_egress));
}

void bench_open(struct bench *bench, const char *packets_object, bool short_ways)
{
	const struct bg_datapath_options options = { .image_blocks = IMAGE_BLOCKS,
						     .no_short_way = !short_ways };
	struct bg_error err = {};

	memset(bench, 0, sizeof(*bench));
	if (bg_datapath_open(&options, &bench->datapath, &err))
		bench_die("%s", err.text);
	load_packets(bench, packets_object);
	if (bg_datapath_stand_in(bench->datapath, BG_ROLE_BRANCH, VLAN, &err))
		bench_die("%s", err.text);
	bench->cpus = libbpf_num_possible_cpus();
	bench->keys = calloc(REMOTES, sizeof(*bench->keys));
	bench->counters = calloc(bench->cpus, sizeof(struct bg_counters));
	if (!bench->keys || !bench->counters)
		bench_die("out of memory");
	for (__u32 i = 0; i < REMOTES; i++)
		bench->keys[i] = i;
}

void bench_close(struct bench *bench)
{
	bpf_object__close(bench->packets);
	bg_datapath_close(bench->datapath);
	bg_model_free(bench->model);
	bg_image_free(bench->image);
	free(bench->keys);
	free(bench->counters);
}

void bench_publish(struct bench *bench, struct bg_model *model)
{
	struct bg_error err = {};

	bg_model_free(bench->model);
	bg_image_free(bench->image);
	bench->image = NULL;
	bench->model = model;
	if (bg_datapath_compile(bench->datapath, model, IMAGE_BLOCKS, &bench->image, &bench->times,
				&err) ||
	    bg_datapath_publish(bench->datapath, model, bench->image, &bench->times, &err))
		bench_die("%s", err.text);
}

void bench_clear_flows(struct bench *bench)
{
	struct bg_error err;

	if (bg_datapath_forget_flows(bench->datapath, &err))
		bench_die("%s", err.text);
}

void bench_set_remotes(struct bench *bench, const struct bg_addr *addrs, size_t count)
{
	int fd = bpf_object__find_map_fd_by_name(bench->packets, "remotes");
	struct bg_addr *all = calloc(REMOTES, sizeof(*all));
	__u32 entries = REMOTES;

	if (!all || !count)
		bench_die(all ? "no remote addresses" : "out of memory");
	for (size_t i = 0; i < REMOTES; i++)
		all[i] = addrs[i % count];
	if (bpf_map_update_batch(fd, bench->keys, all, &entries, NULL))
		bench_die("setting remote addresses: %s", strerror(errno));
	free(all);
}

int bench_program(const struct bench *bench, enum bench_hook hook, enum prelude prelude, bool ipv6,
		  bool real)
{
	static const char *const hooks[BENCH_HOOKS] = { "xdp", "tc_in", "tc_out" };
	const struct branchguard_bpf *skel = bench->datapath->skel;
	char name[32];

	if (prelude == DIRECT && real) {
		if (hook == XDP_IN)
			return bpf_program__fd(skel->progs.xdp_branch);
		return bpf_program__fd(hook == TC_IN ? skel->progs.tc_branch_ingress
						     : skel->progs.tc_branch_egress);
	}
	if (prelude == DIRECT)
		snprintf(name, sizeof(name), "%s_empty", hook == XDP_IN ? "xdp" : "tc");
	else if (prelude == SAME)
		snprintf(name, sizeof(name), "xdp_same_%s", real ? "real" : "empty");
	else
		snprintf(name, sizeof(name), "%s_next%d_%s", hooks[hook], ipv6 ? 6 : 4,
			 real ? "real" : "empty");
	return bpf_program__fd(program_named(bench, name));
}

double bench_run(int program, const struct frame *frame, __u32 repeat, __u32 *result)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame->bytes, .data_size_in = frame->length,
		    .repeat = repeat);

	if (bpf_prog_test_run_opts(program, &opts))
		bench_die("test run: %s", strerror(errno));
	*result = opts.retval;
	return opts.duration;
}

__u64 bench_count(struct bench *bench, enum bg_direction direction, enum bg_reason reason)
{
	__u32 index = bench->model->branches[0].slot * BG_DIRECTIONS + direction;
	const struct bg_counters *counters = bench->counters;
	__u64 sum = 0;

	if (bpf_map_lookup_elem(bpf_map__fd(bench->datapath->skel->maps.fast_counters), &index,
				bench->counters))
		bench_die("reading counters: %s", strerror(errno));
	for (int cpu = 0; cpu < bench->cpus; cpu++)
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

void bench_frame(struct frame *frame, const struct bg_addr *from, __u16 from_port,
		 const struct bg_addr *to, __u16 to_port, __u8 tcp_flags)
{
	bool ipv6 = !bg_prefix_is_v4(&(struct bg_prefix){ .addr = *from, .length = 128 });
	__u8 *at = frame->bytes;

	memset(frame, 0, sizeof(*frame));
	/* to loopback, where test runs are */
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
