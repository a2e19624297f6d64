// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Remembers which ids, places of pages and prefix lists a sweep has seen; ec2_client.c asks it. It
 * knows nothing of what they are.
 */
#include "fleet/aws/name_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"

int bg_name_set_add(struct bg_name_set *set, const char *name)
{
	const size_t length = strlen(name);
	char **added;

	if (bg_dict_find(&set->by_name, name, length))
		return 0;
	added = BG_GROW(set->name, set->count);
	if (!added)
		return -ENOMEM;
	*added = strdup(name);
	if (*added && bg_dict_put(&set->by_name, *added, length, set->count - 1, NULL))
		return 1;
	free(*added);
	set->count--;
	return -ENOMEM;
}

void bg_name_set_release(struct bg_name_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		free(set->name[i]);
	free(set->name);
	bg_dict_release(&set->by_name);
	*set = (struct bg_name_set){};
}
