/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a model means, worked out the slow way: every rule, every prefix, bit by
 * bit. Shares no code with user/, so that the two can be held against each other.
 */
#ifndef ORACLE_H
#define ORACLE_H

#include "feed/model.h"

/* A packet's service: for ICMP type and code, else the destination port. */
struct oracle_service {
	int protocol;
	int port, type, code;
};

/* Where an image keeps this service. */
enum bg_service_space oracle_space(const struct oracle_service *service, __u32 *index);

/* Number of the first rule that admits it to or from a branch, 0 = none. */
__u32 oracle_rule(const struct bg_model *model, const struct bg_model_branch *branch,
		  enum bg_direction direction, const struct bg_addr *remote,
		  const struct oracle_service *service);

/* The same for any list of groups. */
__u32 oracle_groups_rule(const struct bg_model *model, const size_t *groups, size_t group_count,
			 enum bg_direction direction, const struct bg_addr *remote,
			 const struct oracle_service *service);

/* What class_info must hold for an address. */
__u32 oracle_info(const struct bg_model *model, const struct bg_addr *addr);

bool oracle_has(const struct bg_prefix *prefix, const struct bg_addr *addr);

#endif
