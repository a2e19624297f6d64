// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Tells hosts of this machine from others, by their names alone. Who checks what stands on the
 * command line calls it; it asks no DNS.
 */
#include "fleet/web/loopback.h"

#include <stddef.h>
#include <string.h>

bool bg_web_is_loopback(const char *host)
{
	static const char *const names[] = { "localhost", "127.0.0.1", "[::1]" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t length = strlen(names[i]);

		/* (the end of the text is found by strchr(), too) */
		if (!strncmp(host, names[i], length) && strchr(":/", host[length]))
			return true;
	}
	return false;
}
