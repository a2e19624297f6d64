// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Sets the calendar of a process to another time, for test_clock.sh:
 *	LD_PRELOAD=clock.so BG_CLOCK_FILE=FILE branchguard ...
 * By so many seconds as FILE says when it is asked, CLOCK_REALTIME is ahead. The other clocks,
 * and what the kernel tells of times by itself, stay as they are.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static long long ahead_s(void)
{
	const char *path = getenv("BG_CLOCK_FILE");
	FILE *file = path ? fopen(path, "re") : NULL;
	long long seconds = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%lld", &seconds) != 1) // NOLINT: a number of ours
		seconds = 0;
	fclose(file);
	return seconds;
}

static void *real(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	if (!found)
		abort();
	return found;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	int (*next)(clockid_t, struct timespec *) = real("clock_gettime");
	int rc = next(clock, now);

	if (!rc && clock == CLOCK_REALTIME)
		now->tv_sec += ahead_s();
	return rc;
}

time_t time(time_t *now)
{
	struct timespec is;

	clock_gettime(CLOCK_REALTIME, &is);
	if (now)
		*now = is.tv_sec;
	return is.tv_sec;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec is;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &is);
	now->tv_sec = is.tv_sec;
	now->tv_usec = is.tv_nsec / 1000;
	return 0;
}
