// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* For the tests of printing; they alone call it, and nothing here decides what is right. */
#include "showing.h"

#include "test.h"

void open_memory(struct memory *memory)
{
	memory->printed = NULL;
	memory->out = open_memstream(&memory->printed, &memory->size);
	assert_non_null(memory->out);
}

void expect_printed(struct memory *memory, const char *expected)
{
	fclose(memory->out);
	assert_string_equal(memory->printed, expected);
	free(memory->printed);
}

struct bg_branch_row some_branch(void)
{
	return (struct bg_branch_row){
		.vlan = 9,
		.info = { .id = "eni-0b2c",
			  .interface = "vlan.eth.9",
			  .ifindex = 14,
			  .tag = 3,
			  .slot = 1,
			  .armed_ns = 1000000000,
			  .groups = "sg-1,sg-2" },
	};
}

void healthy_node(struct bg_status *status, struct bg_branch_status *branch)
{
	*branch = (struct bg_branch_status){ .row = some_branch(), .ifindex_now = 14 };
	*status = (struct bg_status){
		.control = { .abi = BG_ABI, .revision = 42, .feed_revision = "a \"b\"" },
		.daemon_runs = true,
		.now_boottime_ns = 10000000000,
		.branches = branch,
		.branch_count = 1,
		.flow_capacity = 1000,
		.fragment_capacity = 100,
		.has_image = true,
	};
}
