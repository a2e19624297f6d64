/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Models made by hand, without a feed. Rules must be added group by group.
 * Everything aborts when out of memory; bg_model_free() frees it all.
 */
#ifndef MODEL_MAKER_H
#define MODEL_MAKER_H

#include "feed/model.h"

struct bg_model *maker_new(void);

/* "10.0.0.0/8", "2001:db8::/32", or an address; aborts on anything else. */
struct bg_prefix maker_prefix(const char *text);
struct bg_addr maker_addr(const char *text);

/* All return the index of what they added. */
size_t maker_group(struct bg_model *model, const char *id);
size_t maker_set(struct bg_model *model, const char *name);
void maker_member(struct bg_model *model, size_t set, struct bg_prefix prefix);
/* A rule of the group added last, numbered by its place. */
size_t maker_rule(struct bg_model *model, size_t set, enum bg_direction direction, int protocol,
		  int from, int to);
size_t maker_branch(struct bg_model *model, const char *id, int vlan);
void maker_branch_group(struct bg_model *model, size_t branch, size_t group);
size_t maker_pod(struct bg_model *model, size_t branch, const char *name);
void maker_pod_address(struct bg_model *model, size_t branch, size_t pod, struct bg_addr addr);
void maker_pod_probe(struct bg_model *model, size_t branch, size_t pod, int protocol, int port);

/* Appends to one of the node's lists of prefixes. */
void maker_prefix_to(struct bg_prefix **list, size_t *count, struct bg_prefix prefix);
void maker_node_address(struct bg_model *model, struct bg_addr addr);
void maker_node_group(struct bg_model *model, size_t group);
void maker_local_service(struct bg_model *model, struct bg_addr addr, int protocol, int port);

#endif
