// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The naive matcher. Compiler, datapath and explain are held against it by tests at
 * random; it is slow on purpose and never calls what it is to check.
 */
#include "oracle.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int bit(const struct bg_addr *addr, int n)
{
	return addr->byte[n / 8] >> (7 - n % 8) & 1;
}

static bool is_v4(const struct bg_addr *addr)
{
	for (int n = 0; n < 96; n++)
		if (bit(addr, n) != (n >= 80))
			return false;
	return true;
}

bool oracle_has(const struct bg_prefix *prefix, const struct bg_addr *addr)
{
	/* ::/0 is every IPv6 address, and no IPv4 address */
	if (is_v4(addr) != (prefix->length >= 96 && is_v4(&prefix->addr)))
		return false;
	for (int n = 0; n < prefix->length; n++)
		if (bit(&prefix->addr, n) != bit(addr, n))
			return false;
	return true;
}

static bool any_has(const struct bg_prefix *prefixes, size_t count, const struct bg_addr *addr)
{
	for (size_t i = 0; i < count; i++)
		if (oracle_has(&prefixes[i], addr))
			return true;
	return false;
}

static bool service_matches(const struct bg_model_rule *rule, const struct oracle_service *service)
{
	if (rule->protocol == -1)
		return true;
	if (rule->protocol != service->protocol)
		return false;
	switch (rule->protocol) {
	case 6:
	case 17:
		return service->port >= rule->from_port && service->port <= rule->to_port;
	case 1:
	case 58:
		if (rule->from_port == -1)
			return true;
		return service->type == rule->from_port &&
		       (rule->to_port == -1 || service->code == rule->to_port);
	default:
		return true;
	}
}

enum bg_service_space oracle_space(const struct oracle_service *service, __u32 *index)
{
	switch (service->protocol) {
	case 6:
		*index = service->port;
		return BG_SPACE_TCP;
	case 17:
		*index = service->port;
		return BG_SPACE_UDP;
	case 1:
		*index = service->type << 8 | service->code;
		return BG_SPACE_ICMP;
	case 58:
		*index = service->type << 8 | service->code;
		return BG_SPACE_ICMPV6;
	default:
		*index = service->protocol;
		return BG_SPACE_OTHER;
	}
}

__u32 oracle_groups_rule(const struct bg_model *model, const size_t *groups, size_t group_count,
			 enum bg_direction direction, const struct bg_addr *remote,
			 const struct oracle_service *service)
{
	for (size_t g = 0; g < group_count; g++)
		for (size_t r = 0; r < model->rule_count; r++) {
			const struct bg_model_rule *rule = &model->rules[r];
			const struct bg_set *set = &model->sets[rule->set];

			if (rule->group == groups[g] && rule->direction == direction &&
			    service_matches(rule, service) &&
			    any_has(set->prefixes, set->prefix_count, remote))
				return rule->number;
		}
	return 0;
}

__u32 oracle_rule(const struct bg_model *model, const struct bg_model_branch *branch,
		  enum bg_direction direction, const struct bg_addr *remote,
		  const struct oracle_service *service)
{
	return oracle_groups_rule(model, branch->groups, branch->group_count, direction, remote,
				  service);
}

static bool is_text(const struct bg_addr *addr, const char *text)
{
	struct bg_addr other;
	char mapped[64];

	snprintf(mapped, sizeof(mapped), "%s%s", strchr(text, ':') ? "" : "::ffff:", text);
	if (inet_pton(AF_INET6, mapped, &other) != 1)
		abort();
	return !memcmp(addr, &other, sizeof(other));
}

static bool is_resolver(const struct bg_model_node *node, const struct bg_addr *addr)
{
	for (size_t i = 0; i < node->vpc_cidr_count; i++) {
		struct bg_addr resolver = node->vpc_cidrs[i].addr;
		__u32 host;

		if (!is_v4(&resolver) || node->vpc_cidrs[i].length < 96 ||
		    node->vpc_cidrs[i].length > 126)
			continue;
		host = ntohl(BG_WORD(&resolver, 3)) + 2;
		BG_WORD(&resolver, 3) = htonl(host);
		if (!memcmp(&resolver, addr, sizeof(resolver)))
			return true;
	}
	return false;
}

static __u32 platform_info(const struct bg_model_node *node, const struct bg_addr *addr)
{
	__u32 info = 0;

	if (is_text(addr, "169.254.169.253") || is_text(addr, "fd00:ec2::253") ||
	    is_resolver(node, addr))
		info |= BG_CLASS_DNS;
	if (is_text(addr, "169.254.169.254") || is_text(addr, "fd00:ec2::254"))
		info |= BG_CLASS_IMDS;
	if (is_text(addr, "169.254.170.2"))
		info |= BG_CLASS_ECS;
	if (is_text(addr, "169.254.169.123") || is_text(addr, "fd00:ec2::123"))
		info |= BG_CLASS_TIME;
	if (is_text(addr, "169.254.169.250") || is_text(addr, "169.254.169.251") ||
	    is_text(addr, "fd00:ec2::250"))
		info |= BG_CLASS_KMS;
	return info;
}

__u32 oracle_info(const struct bg_model *model, const struct bg_addr *addr)
{
	const struct bg_model_node *node = &model->node;
	__u32 info = platform_info(node, addr);

	if (any_has(node->vpc_cidrs, node->vpc_cidr_count, addr))
		info |= BG_CLASS_VPC;
	if (any_has(node->service_cidrs, node->service_cidr_count, addr))
		info |= BG_CLASS_SERVICE;
	if (any_has(node->exclude_snat_cidrs, node->exclude_snat_cidr_count, addr))
		info |= BG_CLASS_EXCLUDE_SNAT;
	if (any_has(node->probe_sources, node->probe_source_count, addr))
		info |= BG_CLASS_PROBE_SOURCE;
	for (size_t i = 0; i < node->address_count; i++)
		if (!memcmp(&node->addresses[i], addr, sizeof(*addr)))
			info |= BG_CLASS_NODE;
	for (size_t i = 0; i < node->local_service_count; i++)
		if (!memcmp(&node->local_services[i].address, addr, sizeof(*addr)))
			info |= BG_CLASS_LOCAL_SERVICE;
	for (size_t b = 0; b < model->branch_count; b++)
		for (size_t p = 0; p < model->branches[b].pod_count; p++) {
			const struct bg_model_pod *pod = &model->branches[b].pods[p];

			for (size_t i = 0; i < pod->address_count; i++)
				if (!memcmp(&pod->addresses[i], addr, sizeof(*addr)))
					info |= model->branches[b].vlan;
		}
	return info;
}
