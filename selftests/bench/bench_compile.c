// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What it takes to compile a model: time on one core, and memory. Ordinary
 * input first, then the worst that the quotas of EC2 allow and more.
 *	bench_compile [--json]
 */
#include <stdio.h>

#include "compile/compile.h"
#include "measure.h"
#include "model_maker.h"
#include "scenario.h"

#define RUNS 5
#define BLOCKS (1u << 20) /* 1 GiB: measured here, not limited */

/* Returns the image's bytes a prefix, or -1. */
static double measure(const char *name, struct bg_model *model, bool json, double limit_ms)
{
	double taken_ms[RUNS];
	struct bg_image *image = NULL;
	struct bg_error err = {};
	double bytes, median_ms;

	for (int i = 0; i < RUNS; i++) {
		double start_ms;

		bg_image_free(image);
		image = NULL;
		start_ms = measure_ms(CLOCK_PROCESS_CPUTIME_ID);
		if (bg_compile(model, 1, BLOCKS, &image, &err)) {
			fprintf(stderr, "bench_compile: %s: %s\n", name, err.text);
			bg_model_free(model);
			return -1;
		}
		taken_ms[i] = measure_ms(CLOCK_PROCESS_CPUTIME_ID) - start_ms;
	}
	median_ms = measure_median(taken_ms, RUNS);
	bytes = (double)image->block_count * sizeof(struct bg_block);
	if (json)
		printf("{\"Scenario\":\"%s\",\"Rules\":%zu,\"Prefixes\":%zu,\"Classes\":%zu,"
		       "\"Nodes\":%zu,\"Rows\":%zu,\"CompileMs\":%.1f,\"LimitMs\":%.0f,"
		       "\"ImageBytes\":%.0f,\"BytesPerPrefix\":%.1f}\n",
		       name, model->rule_count, image->prefixes, image->classes, image->nodes,
		       image->rows, median_ms, limit_ms, bytes, bytes / image->prefixes);
	else
		printf("%-44s %7zu %8zu %8zu %8zu %9.1f %9.1f %9.0f\n", name, model->rule_count,
		       image->prefixes, image->classes, image->rows, median_ms, bytes / (1 << 20),
		       bytes / image->prefixes);
	if (limit_ms > 0 && median_ms > limit_ms && !json)
		printf("  -> slower than %.0f ms\n", limit_ms);
	bg_image_free(image);
	bg_model_free(model);
	return bytes;
}

int main(int argc, char **argv)
{
	bool json = measure_wants_json(argc, argv);
	bool failed = false;

	measure_on_one_cpu();
	if (!json)
		printf("%-44s %7s %8s %8s %8s %9s %9s %9s\n",
		       "model → image, CPU time, median of 5", "rules", "prefixes", "classes",
		       "rows", "ms", "MiB", "B/prefix");
	failed |= measure("10 prefixes, 1 rule", scenario_one_branch(10, 1), json, 0) < 0;
	failed |= measure("1,000 prefixes, 100 rules", scenario_one_branch(1000, 100), json, 0) < 0;
	failed |= measure("100,000 members, 1,000 rules a direction",
			  scenario_one_branch(100000, 1000), json, 200) < 0;
	failed |= measure("100,000 prefixes, a rule of its own for each",
			  scenario_rule_a_prefix(100000), json, 500) < 0;
	failed |= measure("120 branches x 1 group x 1,000 rules",
			  scenario_many_branches(120, 1, 1000), json, 0) < 0;
	failed |= measure("120 branches x 16 groups x 60 rules",
			  scenario_many_branches(120, 16, 60), json, 0) < 0;
	failed |= measure("9 branches x 16 groups x 1,000 rules",
			  scenario_many_branches(9, 16, 1000), json, 0) < 0;
	return failed;
}
