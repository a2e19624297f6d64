// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Writes made-up flows into six of eight places of every bucket of a pinned flow table:
 *	tool_fill_flows MAP TAG
 * and prints how many. They live for an hour.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "flow.h"

#define FILLED 6

static void map_v4(struct bg_addr *addr, __u32 value)
{
	__be32 word = htonl(value);

	memset(addr->byte + 10, 0xff, 2);
	memcpy(addr->byte + 12, &word, sizeof(word));
}

int main(int argc, char **argv)
{
	int fd = argc == 3 ? bpf_obj_get(argv[1]) : -1;
	__u32 tag = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	__u64 now_ns = bg_monotonic_ns();
	struct bpf_map_info info = {};
	__u32 length = sizeof(info);

	if (fd < 0 || bpf_map_get_info_by_fd(fd, &info, &length) ||
	    info.value_size != sizeof(struct bg_bucket))
		return 1;
	for (__u32 i = 0; i < info.max_entries; i++) {
		struct bg_bucket bucket = {};

		for (int k = 0; k < FILLED; k++) {
			struct bg_flow *flow = &bucket.flow[k];

			bucket.tag[k] = 1 + k;
			flow->key.protocol = IPPROTO_TCP;
			flow->key.branch = tag;
			map_v4(&flow->key.local, 0x0a002f00 + k);
			map_v4(&flow->key.remote, 0x0b000000 + i);
			flow->key.local_port = htons(80);
			flow->created_ns = flow->last_seen_ns = now_ns;
			flow->timeout_s = 3600;
			flow->packets[BG_INGRESS] = i;
		}
		if (bpf_map_update_elem(fd, &i, &bucket, BPF_ANY))
			return 1;
	}
	printf("%u\n", info.max_entries * FILLED);
	return 0;
}
