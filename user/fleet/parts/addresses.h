/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Lists of addresses as parts have them (part.h): sorted, each once. Pure. */
#ifndef BG_PARTS_ADDRESSES_H
#define BG_PARTS_ADDRESSES_H

#include "fleet/gather/members.h"
#include "fleet/parts/part.h"

/* A list of these; NULL when out of memory. */
json_t *bg_addresses_json(const struct bg_prefix *prefixes, size_t count);

/*
 * Puts those of a list behind those that are there; they have to be larger. 0, -ENOMEM, or
 * -EINVAL when it is no such list.
 */
int bg_addresses_read(const json_t *list, struct bg_gathered_members *members);

/* SET of part.h; NULL when out of memory. */
const char *bg_addresses_hash(const struct bg_gathered_members *members,
			      char hash[BG_PART_HASH_TEXT]);

/* Is it one of them? */
bool bg_addresses_have(const struct bg_gathered_members *members, const struct bg_prefix *prefix);
/* Those of `some` that `others` lack. 0 or -ENOMEM. */
int bg_addresses_without(const struct bg_gathered_members *some,
			 const struct bg_gathered_members *others,
			 struct bg_gathered_members *rest);
/* Takes those away that have to be there (false), or adds those that must not (true). 0, -ENOMEM,
 * or -EINVAL: it is not so. */
int bg_addresses_change(struct bg_gathered_members *members,
			const struct bg_gathered_members *changed, bool adds);
void bg_addresses_release(struct bg_gathered_members *members);

#endif
