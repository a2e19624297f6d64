// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Arguments, clocks and medians of the benches; knows nothing of what they measure. */
#include "measure.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool measure_wants_json(int argc, char **argv)
{
	bool json = argc == 2 && !strcmp(argv[1], "--json");

	if (argc > 2 || (argc == 2 && !json)) {
		fprintf(stderr, "usage: %s [--json]\n", program_invocation_short_name);
		exit(2);
	}
	return json;
}

void measure_on_one_cpu(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	if (!sched_setaffinity(0, sizeof(one), &one))
		return;
	fprintf(stderr, "bench: cannot bind to one CPU: %s\n", strerror(errno));
	exit(1);
}

double measure_ms(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return a < b ? -1 : a > b;
}

double measure_median(double *values, size_t count)
{
	qsort(values, count, sizeof(values[0]), compare);
	return values[count / 2];
}
