/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Models of a given size, for measuring. */
#ifndef SCENARIO_H
#define SCENARIO_H

#include "feed/model.h"
#include "random_model.h"

/* Random host addresses and networks (/24 to /32, /48 to /128), half of each family. */
struct bg_prefix scenario_prefix(struct random_source *source, bool ipv6);

/*
 * One branch (VLAN 9, pod 10.0.0.90 and 2001:db8::90) with one group:
 *	`prefixes` members of one prefix list, random, of both families; none holds
 *	the addresses below
 *	`rules` rules a direction, TCP, different port ranges up to 9999 (the last
 *	one is 443), peer: the prefix list
 *	TCP 5432 from and to 10.1.0.0/16 and 2001:db8:1::/48
 * To be freed with bg_model_free().
 */
struct bg_model *scenario_one_branch(size_t prefixes, size_t rules);

/* A strict and a standard branch (pods 10.0.0.90 and .91, 2001:db8::90 and ::91) that share a
 * group: TCP 443 from and to 10.1.0.0/16 and 2001:db8:1::/48. */
#define SCENARIO_STRICT_VLAN 9
#define SCENARIO_STANDARD_VLAN 10
struct bg_model *scenario_both_modes(void);

/*
 * `branches` branches with `groups` groups each, all different, `rules` rules a
 * group, each with a CIDR and a port of its own.
 */
struct bg_model *scenario_many_branches(size_t branches, size_t groups, size_t rules);

/* One group, a rule of its own for each of `prefixes` random prefixes. */
struct bg_model *scenario_rule_a_prefix(size_t prefixes);

#endif
