// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Grows the tables of a model one entry at a time, for tests and benches that want a
 * model without a feed. It makes what it is told: whether that makes sense, it never
 * asks.
 */
#include "model_maker.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"

#define GROW(table, count)                                                                         \
	({                                                                                         \
		__typeof__(table) added_ = BG_GROW((table), (count));                              \
		if (!added_)                                                                       \
			abort();                                                                   \
		added_;                                                                            \
	})

static char *copy(const char *text)
{
	char *result = strdup(text);

	if (!result)
		abort();
	return result;
}

struct bg_model *maker_new(void)
{
	struct bg_model *model = calloc(1, sizeof(*model));

	if (!model)
		abort();
	model->revision = copy("");
	model->node.name = copy("");
	return model;
}

struct bg_addr maker_addr(const char *text)
{
	struct bg_addr addr = {};

	if (strchr(text, ':')) {
		if (inet_pton(AF_INET6, text, addr.byte) != 1)
			abort();
		return addr;
	}
	addr.byte[10] = 0xff;
	addr.byte[11] = 0xff;
	if (inet_pton(AF_INET, text, &addr.byte[12]) != 1)
		abort();
	return addr;
}

struct bg_prefix maker_prefix(const char *text)
{
	char address[64];
	const char *slash = strchr(text, '/');
	struct bg_prefix prefix;
	unsigned long bits = 128;

	snprintf(address, sizeof(address), "%.*s", (int)(slash ? slash - text : (long)strlen(text)),
		 text);
	prefix.addr = maker_addr(address);
	if (slash)
		bits = strtoul(slash + 1, NULL, 10) + (strchr(address, ':') ? 0 : 96);
	prefix.length = bits;
	return prefix;
}

size_t maker_group(struct bg_model *model, const char *id)
{
	struct bg_group *group = GROW(model->groups, model->group_count);

	group->id = copy(id);
	group->known = true;
	group->first_rule = model->rule_count;
	return model->group_count - 1;
}

size_t maker_set(struct bg_model *model, const char *name)
{
	struct bg_set *set = GROW(model->sets, model->set_count);

	set->name = copy(name);
	set->resolved = true;
	return model->set_count - 1;
}

void maker_member(struct bg_model *model, size_t set, struct bg_prefix prefix)
{
	struct bg_set *into = &model->sets[set];

	*GROW(into->prefixes, into->prefix_count) = prefix;
	model->member_count++;
}

size_t maker_rule(struct bg_model *model, size_t set, enum bg_direction direction, int protocol,
		  int from, int to)
{
	struct bg_model_rule *rule = GROW(model->rules, model->rule_count);

	rule->group = model->group_count - 1;
	rule->set = set;
	rule->direction = direction;
	rule->protocol = protocol;
	rule->from_port = from;
	rule->to_port = to;
	rule->number = model->rule_count;
	model->groups[rule->group].rule_count++;
	return model->rule_count - 1;
}

size_t maker_branch(struct bg_model *model, const char *id, int vlan)
{
	struct bg_model_branch *branch = GROW(model->branches, model->branch_count);

	branch->id = copy(id);
	branch->vlan = vlan;
	snprintf(branch->interface, sizeof(branch->interface), "vlan.eth.%d", vlan);
	branch->tag = model->branch_count;
	branch->slot = model->branch_count;
	return model->branch_count - 1;
}

void maker_branch_group(struct bg_model *model, size_t branch, size_t group)
{
	struct bg_model_branch *to = &model->branches[branch];

	*GROW(to->groups, to->group_count) = group;
}

size_t maker_pod(struct bg_model *model, size_t branch, const char *name)
{
	struct bg_model_branch *to = &model->branches[branch];
	struct bg_model_pod *pod = GROW(to->pods, to->pod_count);

	pod->namespace = copy("test");
	pod->name = copy(name);
	return to->pod_count - 1;
}

void maker_pod_address(struct bg_model *model, size_t branch, size_t pod, struct bg_addr addr)
{
	struct bg_model_pod *to = &model->branches[branch].pods[pod];

	*GROW(to->addresses, to->address_count) = addr;
}

void maker_pod_probe(struct bg_model *model, size_t branch, size_t pod, int protocol, int port)
{
	struct bg_model_pod *to = &model->branches[branch].pods[pod];

	*GROW(to->probes, to->probe_count) =
		(struct bg_model_probe){ .protocol = protocol, .port = port };
}

void maker_prefix_to(struct bg_prefix **list, size_t *count, struct bg_prefix prefix)
{
	*GROW(*list, *count) = prefix;
}

void maker_node_address(struct bg_model *model, struct bg_addr addr)
{
	*GROW(model->node.addresses, model->node.address_count) = addr;
}

void maker_node_group(struct bg_model *model, size_t group)
{
	*GROW(model->node.groups, model->node.group_count) = group;
	model->node.has_groups = true;
}

void maker_local_service(struct bg_model *model, struct bg_addr addr, int protocol, int port)
{
	*GROW(model->node.local_services, model->node.local_service_count) =
		(struct bg_model_service){ .address = addr, .protocol = protocol, .port = port };
}
