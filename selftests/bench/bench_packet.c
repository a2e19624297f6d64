// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * ns per packet and program, beside an empty program, on one CPU:
 *	bench_packet [--json]
 *
 * Every figure is the median of several runs that take turns with the runs of
 * the empty program, and all figures of several passes: a machine that is slow
 * for some seconds is so for a few runs of many figures, not for all of one.
 *
 * Where something must change in the packet between two runs (each opens a new
 * flow, or comes from somewhere else) a program that does this stands in front of
 * both, and its cost is taken off.
 */
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "compile/image_read.h"
#include "measure.h"
#include "model_maker.h"
#include "scenario.h"

#define PASSES 5
#define RUNS_A_PASS 3
#define RUNS ((size_t)PASSES * RUNS_A_PASS)
#define HOT_REPEAT 50000
/* flows that a run opens: few beside the 131072 slots of the table */
#define NEW_REPEAT 8192
#define PORT 443
#define CLIENT_PORT 40000

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };

static const struct {
	size_t prefixes, rules;
} scenarios[] = { { 10, 100 }, { 1000, 100 }, { 100000, 100 }, { 1000, 1 }, { 1000, 1000 } };
#define SCENARIOS (sizeof(scenarios) / sizeof(scenarios[0]))
/* the two between which the number of prefixes must not matter much */
enum { FEW_PREFIXES = 0, MANY_PREFIXES = 2 };

enum kind { ESTABLISHED, NEW, NEW_ANY, DENIED, DENIED_ANY, KINDS };

static const struct {
	const char *name;
	enum bg_reason reason;
	bool new_flows, any_remote;
} kinds[KINDS] = {
	[ESTABLISHED] = { "established flow", BG_REASON_TRACKED, false, false },
	[NEW] = { "new flow", BG_REASON_RULE, true, false },
	[NEW_ANY] = { "new flow, any remote", BG_REASON_RULE, true, true },
	[DENIED] = { "denied", BG_REASON_NO_RULE, false, false },
	[DENIED_ANY] = { "denied, any remote", BG_REASON_NO_RULE, false, true },
};

static const char *const hook_names[BENCH_HOOKS] = { "XDP ingress", "TC ingress", "TC egress" };

/* The ratio is the median of the ratios of runs that stood side by side: what
 * slows a machine down for a while slows both. */
struct figure {
	double ns[RUNS], empty_ns[RUNS], ratio[RUNS];
	int runs;
	/* when all runs are done */
	double median_ns, median_empty_ns, median_ratio;
};

struct campaign {
	struct bench bench;
	bool json;
	/* addresses that a rule admits, and their like that none does */
	struct bg_addr *allowed[2], *denied[2];
	struct figure figures[SCENARIOS][BENCH_HOOKS][2][KINDS];
};

static void take_medians(struct figure *figure)
{
	figure->median_ns = measure_median(figure->ns, RUNS);
	figure->median_empty_ns = measure_median(figure->empty_ns, RUNS);
	figure->median_ratio = measure_median(figure->ratio, RUNS);
}

static bool is_allowed(const struct campaign *campaign, const struct bg_addr *addr)
{
	/* the lists are the same in both directions */
	return bg_image_lookup(campaign->bench.image, 9, BG_INGRESS, addr, BG_SPACE_TCP, PORT) &&
	       bg_image_lookup(campaign->bench.image, 9, BG_EGRESS, addr, BG_SPACE_TCP, PORT);
}

/*
 * Remotes of a family, in random order: hosts of the prefixes, and hosts just
 * outside of them, which lead a look-up as deep.
 */
static void choose_remotes(struct campaign *campaign, bool ipv6)
{
	const struct bg_set *list = &campaign->bench.model->sets[0];
	size_t allowed = 0, denied = 0;
	struct random_source source = { .state = 4 };

	while (allowed < REMOTES || denied < REMOTES) {
		const struct bg_prefix *prefix =
			&list->prefixes[random_bits(&source) % list->prefix_count];
		struct bg_addr addr = prefix->addr;
		int last = prefix->length - 1;

		if (bg_prefix_is_v4(prefix) == ipv6)
			continue;
		if (allowed < REMOTES && is_allowed(campaign, &addr))
			campaign->allowed[ipv6][allowed++] = addr;
		addr.byte[last / 8] ^= 0x80 >> last % 8;
		if (denied < REMOTES && !is_allowed(campaign, &addr))
			campaign->denied[ipv6][denied++] = addr;
	}
}

static struct bg_addr pod_address(bool ipv6)
{
	return maker_addr(ipv6 ? "2001:db8::90" : "10.0.0.90");
}

static void frame_for(struct frame *frame, enum bench_hook hook, const struct bg_addr *remote,
		      bool ipv6, __u8 tcp_flags)
{
	struct bg_addr pod = pod_address(ipv6);

	if (hook == TC_OUT)
		bench_frame(frame, &pod, CLIENT_PORT, remote, PORT, tcp_flags);
	else
		bench_frame(frame, remote, CLIENT_PORT, &pod, PORT, tcp_flags);
}

/* Three-way traffic of the flow that the hook's packets belong to. */
static void establish(struct campaign *campaign, enum bench_hook hook, bool ipv6)
{
	const struct bg_addr *remote = &campaign->allowed[ipv6][0];
	int there = bench_program(&campaign->bench, hook, DIRECT, ipv6, true);
	int back = bench_program(&campaign->bench, hook == TC_OUT ? TC_IN : TC_OUT, DIRECT, ipv6,
				 true);
	struct bg_addr pod = pod_address(ipv6);
	struct frame syn, answer, ack;
	__u32 result;

	frame_for(&syn, hook, remote, ipv6, SYN);
	frame_for(&ack, hook, remote, ipv6, ACK);
	if (hook == TC_OUT)
		bench_frame(&answer, remote, PORT, &pod, CLIENT_PORT, SYN | ACK);
	else
		bench_frame(&answer, &pod, PORT, remote, CLIENT_PORT, SYN | ACK);
	bench_run(there, &syn, 1, &result);
	bench_run(back, &answer, 1, &result);
	bench_run(there, &ack, 1, &result);
}

/* One run of the program under test; every packet must have met its reason. */
static double run_real(struct campaign *campaign, enum bench_hook hook, bool ipv6, enum kind kind,
		       int program, const struct frame *frame, __u32 repeat)
{
	enum bg_direction direction = hook == TC_OUT ? BG_EGRESS : BG_INGRESS;
	__u64 before = bench_count(&campaign->bench, direction, kinds[kind].reason), met;
	__u32 result;
	double ns = bench_run(program, frame, repeat, &result);

	met = bench_count(&campaign->bench, direction, kinds[kind].reason) - before;
	if (met != repeat)
		bench_die("%s, IPv%d, %s: %llu of %u packets met the reason %d", hook_names[hook],
			  ipv6 ? 6 : 4, kinds[kind].name, (unsigned long long)met, repeat,
			  kinds[kind].reason);
	return ns;
}

/* The runs of one pass. */
static void measure(struct campaign *campaign, enum bench_hook hook, bool ipv6, enum kind kind,
		    struct figure *figure)
{
	const struct bg_addr *remotes = kind == DENIED || kind == DENIED_ANY
						? campaign->denied[ipv6]
						: campaign->allowed[ipv6];
	bool new_flows = kinds[kind].new_flows, any = kinds[kind].any_remote;
	enum prelude prelude = new_flows || any			       ? NEXT
			       : hook == XDP_IN && kind == ESTABLISHED ? SAME
								       : DIRECT;
	__u32 repeat = prelude == NEXT ? NEW_REPEAT : HOT_REPEAT, result;
	struct frame frame;

	bench_clear_flows(&campaign->bench);
	bench_set_remotes(&campaign->bench, remotes, any ? REMOTES : 1);
	frame_for(&frame, hook, &remotes[0], ipv6, kind == ESTABLISHED ? ACK : SYN);
	if (kind == ESTABLISHED)
		establish(campaign, hook, ipv6);
	for (int i = -1; i < RUNS_A_PASS; i++) {
		double real, front, empty;

		if (new_flows)
			bench_clear_flows(&campaign->bench);
		empty = bench_run(bench_program(&campaign->bench, hook, DIRECT, ipv6, false),
				  &frame, HOT_REPEAT, &result);
		front = prelude == DIRECT ? empty
					  : bench_run(bench_program(&campaign->bench, hook, prelude,
								    ipv6, false),
						      &frame, repeat, &result);
		real = run_real(campaign, hook, ipv6, kind,
				bench_program(&campaign->bench, hook, prelude, ipv6, true), &frame,
				repeat);
		if (i < 0)
			continue; /* only warms up */
		real += empty - front;
		figure->ns[figure->runs] = real;
		figure->empty_ns[figure->runs] = empty;
		figure->ratio[figure->runs++] = real / empty;
	}
}

static void print_json(const struct campaign *campaign, size_t s, enum bench_hook hook, bool ipv6,
		       enum kind kind)
{
	const struct figure *figure = &campaign->figures[s][hook][ipv6][kind];

	printf("{\"Hook\":\"%s\",\"Family\":%d,\"Packet\":\"%s\",\"Prefixes\":%zu,\"Rules\":%zu,"
	       "\"Ns\":%.0f,\"EmptyNs\":%.0f,\"Ratio\":%.2f}\n",
	       hook_names[hook], ipv6 ? 6 : 4, kinds[kind].name, scenarios[s].prefixes,
	       scenarios[s].rules, figure->median_ns, figure->median_empty_ns,
	       figure->median_ratio);
}

static void run_scenario(struct campaign *campaign, size_t s, bool first_pass)
{
	bench_publish(&campaign->bench,
		      scenario_one_branch(scenarios[s].prefixes, scenarios[s].rules));
	if (first_pass)
		fprintf(stderr,
			"bench: %zu prefixes, %zu rules a direction: compiled in %.1f ms, "
			"published in %.1f ms, image %.1f MiB\n",
			scenarios[s].prefixes, scenarios[s].rules, campaign->bench.times.compile_ms,
			campaign->bench.times.publish_ms,
			(double)campaign->bench.times.image_bytes / (1 << 20));
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		choose_remotes(campaign, ipv6);
		for (int hook = 0; hook < BENCH_HOOKS; hook++)
			for (int kind = 0; kind < KINDS; kind++)
				measure(campaign, hook, ipv6, kind,
					&campaign->figures[s][hook][ipv6][kind]);
	}
}

static void sum_up(struct campaign *campaign)
{
	for (size_t s = 0; s < SCENARIOS; s++)
		for (int hook = 0; hook < BENCH_HOOKS; hook++)
			for (int ipv6 = 0; ipv6 < 2; ipv6++)
				for (int kind = 0; kind < KINDS; kind++) {
					take_medians(&campaign->figures[s][hook][ipv6][kind]);
					if (campaign->json)
						print_json(campaign, s, hook, ipv6, kind);
				}
}

static void print_table(const struct campaign *campaign)
{
	printf("\nns per packet (times the empty program), one core, median of %zu\n\n", RUNS);
	printf("%-11s %-5s %-21s %6s", "program", "", "packet", "empty");
	for (size_t s = 0; s < SCENARIOS; s++) {
		char size[32];

		snprintf(size, sizeof(size), "%zup/%zur", scenarios[s].prefixes,
			 scenarios[s].rules);
		printf(" %13s", size);
	}
	printf("\n");
	for (int hook = 0; hook < BENCH_HOOKS; hook++)
		for (int ipv6 = 0; ipv6 < 2; ipv6++)
			for (int kind = 0; kind < KINDS; kind++) {
				printf("%-11s IPv%d  %-21s %6.0f", hook_names[hook], ipv6 ? 6 : 4,
				       kinds[kind].name,
				       campaign->figures[0][hook][ipv6][kind].median_empty_ns);
				for (size_t s = 0; s < SCENARIOS; s++) {
					const struct figure *figure =
						&campaign->figures[s][hook][ipv6][kind];

					printf(" %5.0f (%4.1f x)", figure->median_ns,
					       figure->median_ratio);
				}
				printf("\n");
			}
	printf("\np: prefixes in the groups, half of each family; r: rules a direction\n");
}

static void print_bound(const struct campaign *campaign, const char *text, double worst,
			double bound)
{
	if (campaign->json)
		printf("{\"Bound\":\"%s\",\"Worst\":%.2f,\"Allowed\":%.2f,\"Holds\":%s}\n", text,
		       worst, bound, worst <= bound ? "true" : "false");
	else
		printf("%-62s %5.2f <= %.1f  %s\n", text, worst, bound,
		       worst <= bound ? "holds" : "DOES NOT HOLD");
}

/* The worst hook and family counts. In times of the empty program, since a machine
 * does not run at one speed from the first scenario to the last. */
static double worst_growth(const struct campaign *campaign, enum kind kind)
{
	double worst = 0;

	for (int hook = 0; hook < BENCH_HOOKS; hook++)
		for (int ipv6 = 0; ipv6 < 2; ipv6++) {
			double growth =
				campaign->figures[MANY_PREFIXES][hook][ipv6][kind].median_ratio /
				campaign->figures[FEW_PREFIXES][hook][ipv6][kind].median_ratio;

			if (growth > worst)
				worst = growth;
		}
	return worst;
}

static double worst_ratio(const struct campaign *campaign, enum kind kind)
{
	double worst = 0;

	for (size_t s = 0; s < SCENARIOS; s++)
		for (int hook = 0; hook < BENCH_HOOKS; hook++)
			for (int ipv6 = 0; ipv6 < 2; ipv6++) {
				double this = campaign->figures[s][hook][ipv6][kind].median_ratio;

				if (this > worst)
					worst = this;
			}
	return worst;
}

static void print_bounds(const struct campaign *campaign)
{
	if (!campaign->json)
		printf("\nbounds, worst program and family\n");
	print_bound(campaign, "denied, 100,000 prefixes / 10", worst_growth(campaign, DENIED), 1.5);
	print_bound(campaign, "denied, any remote, 100,000 prefixes / 10",
		    worst_growth(campaign, DENIED_ANY), 1.5);
	print_bound(campaign, "new flow, 100,000 prefixes / 10", worst_growth(campaign, NEW), 1.5);
	print_bound(campaign, "new flow, any remote, 100,000 prefixes / 10",
		    worst_growth(campaign, NEW_ANY), 1.5);
	print_bound(campaign, "established flow / empty program",
		    worst_ratio(campaign, ESTABLISHED), 3.2);
	print_bound(campaign, "denied / empty program", worst_ratio(campaign, DENIED), 4.0);
}

int main(int argc, char **argv)
{
	static struct campaign campaign;
	char path[4096];

	campaign.json = measure_wants_json(argc, argv);
	snprintf(path, sizeof(path), "%s", argv[0]);
	snprintf(path, sizeof(path), "%s/packets.bpf.o", dirname(strdupa(path)));
	measure_on_one_cpu();
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		campaign.allowed[ipv6] = calloc(REMOTES, sizeof(struct bg_addr));
		campaign.denied[ipv6] = calloc(REMOTES, sizeof(struct bg_addr));
		if (!campaign.allowed[ipv6] || !campaign.denied[ipv6])
			bench_die("out of memory");
	}
	/* the verdict is measured, not where a packet goes after it */
	bench_open(&campaign.bench, path, false);
	for (int pass = 0; pass < PASSES; pass++)
		for (size_t s = 0; s < SCENARIOS; s++)
			run_scenario(&campaign, s, pass == 0);
	sum_up(&campaign);
	if (!campaign.json)
		print_table(&campaign);
	print_bounds(&campaign);
	bench_close(&campaign.bench);
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		free(campaign.allowed[ipv6]);
		free(campaign.denied[ipv6]);
	}
	return 0;
}
