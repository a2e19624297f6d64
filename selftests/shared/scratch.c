// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Makes a directory for a test, and removes it with all that is in it. */
#include "scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

char scratch_top[64];

int scratch_make(void **state)
{
	(void)state;
	umask(022);
	snprintf(scratch_top, sizeof(scratch_top), "/tmp/branchguard-test-XXXXXX");
	if (!mkdtemp(scratch_top) || chmod(scratch_top, 0755))
		return -1;
	return chdir(scratch_top);
}

int scratch_remove(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", scratch_top);
	return chdir("/") || system(command) ? -1 : 0; /* NOLINT(cert-env33-c) */
}
