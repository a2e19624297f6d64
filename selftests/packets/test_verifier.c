// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What each program costs the verifier on this kernel, which is what its test is called,
 * and that it keeps within the budget of the Makefile.
 */
#include <sys/utsname.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "branchguard.skel.h"
#include "rig.h"
#include "test.h"

/* "NAME 6.1=N 6.12=N;...": from which kernel on, how many instructions. */
#ifndef BG_VERIFIER_BUDGET
#define BG_VERIFIER_BUDGET ""
#endif

/* The nine hooks of the design, the stand-in, and what carries over the flows of an older
 * layout, which is loaded only for that. */
#define PROGRAMS 11

struct cost {
	char test[96];
	__u32 verified, most;
};

static struct cost costs[PROGRAMS];
static int cost_count;

/* "6.12..." as a number, by which releases are ordered; *rest is what follows. */
static unsigned long release_number(const char *text, const char **rest)
{
	char *end;
	unsigned long major = strtoul(text, &end, 10), minor = 0;

	if (*end == '.')
		minor = strtoul(end + 1, &end, 10);
	*rest = end;
	return major * 1000 + minor;
}

/* The last figure that is for this kernel or an older one; 0: there is none. */
static __u32 budget_of(const char *program)
{
	const char *line = BG_VERIFIER_BUDGET;
	size_t length = strlen(program);
	struct utsname kernel;
	__u32 most = 0;

	assert_int_equal(uname(&kernel), 0);
	for (; line; line = strchr(line, ';')) {
		line += strspn(line, "; ");
		if (!strncmp(line, program, length) && line[length] == ' ')
			break;
	}
	if (!line)
		return 0;
	for (line += length; *line == ' '; line += strcspn(line, " ;")) {
		const char *figure, *ignored;
		unsigned long from;

		line += strspn(line, " ");
		from = release_number(line, &figure);
		if (*figure == '=' && from <= release_number(kernel.release, &ignored))
			most = strtoul(figure + 1, NULL, 10);
	}
	return most;
}

static void keeps_within_its_budget(void **state)
{
	const struct cost *cost = *state;

	assert_in_range(cost->verified, 1, cost->most);
}

static void ask_kernel(struct rig *rig)
{
	struct bpf_program *program;

	bpf_object__for_each_program (program, rig->datapath->skel->obj) {
		struct bpf_prog_info info = {};
		__u32 length = sizeof(info);
		struct cost *cost = &costs[cost_count];

		if (!bpf_program__autoload(program))
			continue;
		cost_count++;
		assert_true(cost_count <= PROGRAMS);
		assert_int_equal(bpf_prog_get_info_by_fd(bpf_program__fd(program), &info, &length),
				 0);
		cost->verified = info.verified_insns;
		cost->most = budget_of(bpf_program__name(program));
		snprintf(cost->test, sizeof(cost->test),
			 "%s: %u instructions verified, of %u at most", bpf_program__name(program),
			 cost->verified, cost->most);
	}
}

int main(void)
{
	static const char *const rarely[] = { "tc_import_flows", NULL };
	struct CMUnitTest tests[PROGRAMS];
	struct rig rig;

	rig_open_all(&rig);
	ask_kernel(&rig);
	rig_close(&rig);
	rig_open_only(&rig, 0, rarely);
	ask_kernel(&rig);
	rig_close(&rig);
	assert_int_equal(cost_count, PROGRAMS);
	for (int i = 0; i < PROGRAMS; i++)
		tests[i] = (struct CMUnitTest){ .name = costs[i].test,
						.test_func = keeps_within_its_budget,
						.initial_state = &costs[i] };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
