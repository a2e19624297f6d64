/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What every bench does besides what it measures. What goes wrong ends the program. */
#ifndef MEASURE_H
#define MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/* False: no argument, true: --json. Anything else: says how to call the program. */
bool measure_wants_json(int argc, char **argv);

/* From now on the process stays on the CPU that it is on. */
void measure_on_one_cpu(void);

/* CLOCK_PROCESS_CPUTIME_ID is what "on one core" means where the machine has other
 * things to do. */
double measure_ms(clockid_t clock);

/* Sorts them. */
double measure_median(double *values, size_t count);

#endif
