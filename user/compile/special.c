// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Special sets: what the feed says of the node, platform services, pods, local services.
 * compile.c calls it before and after the classes are built; it marks addresses, and allows
 * nothing by itself.
 */
#include "compile/special.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/grow.h"

/*
 * Services that EC2 never filters (VPC user guide, "Control traffic to your
 * AWS resources using security groups"), at the addresses that the EC2 user
 * guide gives for them. The resolver has one more: base + 2 of the VPC.
 */
static const struct {
	__u8 v4[4]; /* 0.0.0.0: IPv6 */
	__u16 v6[8];
	__u32 flag;
} platform[] = {
	{ { 169, 254, 169, 253 }, { 0 }, BG_CLASS_DNS },
	{ { 0 }, { 0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x253 }, BG_CLASS_DNS },
	{ { 169, 254, 169, 254 }, { 0 }, BG_CLASS_IMDS },
	{ { 0 }, { 0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x254 }, BG_CLASS_IMDS },
	{ { 169, 254, 170, 2 }, { 0 }, BG_CLASS_ECS },
	{ { 169, 254, 169, 123 }, { 0 }, BG_CLASS_TIME },
	{ { 0 }, { 0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x123 }, BG_CLASS_TIME },
	{ { 169, 254, 169, 250 }, { 0 }, BG_CLASS_KMS },
	{ { 169, 254, 169, 251 }, { 0 }, BG_CLASS_KMS },
	{ { 0 }, { 0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x250 }, BG_CLASS_KMS },
};

static const __u32 platform_flags[] = { BG_CLASS_DNS, BG_CLASS_IMDS, BG_CLASS_ECS, BG_CLASS_TIME,
					BG_CLASS_KMS };

void bg_specials_release(struct bg_specials *specials)
{
	free(specials->info);
}

static int new_set(struct bg_specials *specials, __u32 info, __u32 *set)
{
	__u32 *added;

	*set = specials->first + specials->count;
	added = BG_GROW(specials->info, specials->count);
	if (!added)
		return -ENOMEM;
	*added = info;
	return 0;
}

static int add_prefixes(struct bg_specials *specials, struct bg_classes *classes,
			const struct bg_prefix *prefixes, size_t count, __u32 info)
{
	__u32 set;
	int rc = new_set(specials, info, &set);

	for (size_t i = 0; !rc && i < count; i++)
		rc = bg_classes_add(classes, &prefixes[i], set);
	return rc;
}

static int add_address(struct bg_classes *classes, const struct bg_addr *addr, __u32 set)
{
	struct bg_prefix prefix = { .addr = *addr, .length = 128 };

	return bg_classes_add(classes, &prefix, set);
}

static struct bg_addr platform_address(size_t i)
{
	struct bg_addr addr = {};

	if (platform[i].v4[0]) {
		addr.byte[10] = 0xff;
		addr.byte[11] = 0xff;
		memcpy(&addr.byte[12], platform[i].v4, 4);
		return addr;
	}
	for (size_t n = 0; n < 8; n++) {
		addr.byte[2 * n] = platform[i].v6[n] >> 8;
		addr.byte[2 * n + 1] = platform[i].v6[n] & 0xff;
	}
	return addr;
}

/* The resolver of a VPC has the third address of each IPv4 CIDR. */
static int add_resolvers(struct bg_classes *classes, const struct bg_model_node *node, __u32 set)
{
	for (size_t i = 0; i < node->vpc_cidr_count; i++) {
		struct bg_addr addr = node->vpc_cidrs[i].addr;
		int rc;

		/* a CIDR of one or two addresses is no VPC */
		if (!bg_prefix_is_v4(&node->vpc_cidrs[i]) || node->vpc_cidrs[i].length > 126)
			continue;
		addr.byte[15] += 2;
		rc = add_address(classes, &addr, set);
		if (rc)
			return rc;
	}
	return 0;
}

static int add_platform(struct bg_specials *specials, struct bg_classes *classes,
			const struct bg_model_node *node)
{
	for (size_t n = 0; n < sizeof(platform_flags) / sizeof(platform_flags[0]); n++) {
		__u32 set;
		int rc = new_set(specials, platform_flags[n], &set);

		for (size_t i = 0; !rc && i < sizeof(platform) / sizeof(platform[0]); i++) {
			struct bg_addr addr = platform_address(i);

			if (platform[i].flag == platform_flags[n])
				rc = add_address(classes, &addr, set);
		}
		if (!rc && platform_flags[n] == BG_CLASS_DNS)
			rc = add_resolvers(classes, node, set);
		if (rc)
			return rc;
	}
	return 0;
}

/* A pod's addresses are a set each, so that a class names one pod. */
static int add_pods(struct bg_specials *specials, struct bg_classes *classes,
		    const struct bg_model_branch *branch)
{
	for (size_t i = 0; i < branch->pod_count; i++) {
		const struct bg_model_pod *pod = &branch->pods[i];
		__u32 set;
		int rc = new_set(specials, branch->vlan, &set);

		for (size_t n = 0; !rc && n < pod->address_count; n++)
			rc = add_address(classes, &pod->addresses[n], set);
		if (rc)
			return rc;
	}
	return 0;
}

/* The address of a local service is a set too, so that a class names one address. */
static int add_local_services(struct bg_specials *specials, struct bg_classes *classes,
			      const struct bg_model_node *node)
{
	for (size_t i = 0; i < node->local_service_count; i++) {
		__u32 set;
		int rc = new_set(specials, BG_CLASS_LOCAL_SERVICE, &set);

		if (rc)
			return rc;
		rc = add_address(classes, &node->local_services[i].address, set);
		if (rc)
			return rc;
	}
	return 0;
}

static int add_node(struct bg_specials *specials, struct bg_classes *classes,
		    const struct bg_model_node *node)
{
	__u32 set;
	int rc = add_prefixes(specials, classes, node->vpc_cidrs, node->vpc_cidr_count,
			      BG_CLASS_VPC) ?:
		 add_prefixes(specials, classes, node->service_cidrs, node->service_cidr_count,
			      BG_CLASS_SERVICE) ?:
		 add_prefixes(specials, classes, node->exclude_snat_cidrs,
			      node->exclude_snat_cidr_count, BG_CLASS_EXCLUDE_SNAT) ?:
		 add_prefixes(specials, classes, node->probe_sources, node->probe_source_count,
			      BG_CLASS_PROBE_SOURCE) ?:
		 new_set(specials, BG_CLASS_NODE, &set);

	for (size_t i = 0; !rc && i < node->address_count; i++)
		rc = add_address(classes, &node->addresses[i], set);
	return rc;
}

int bg_specials_add(struct bg_specials *specials, const struct bg_model *model,
		    struct bg_classes *classes)
{
	int rc;

	memset(specials, 0, sizeof(*specials));
	specials->first = model->set_count;
	rc = add_node(specials, classes, &model->node) ?:
	     add_platform(specials, classes, &model->node) ?:
	     add_local_services(specials, classes, &model->node);
	for (size_t i = 0; !rc && i < model->branch_count; i++)
		rc = add_pods(specials, classes, &model->branches[i]);
	classes->set_count = specials->first + specials->count;
	return rc;
}

void bg_specials_info(const struct bg_specials *specials, const struct bg_classes *classes,
		      __u32 *info)
{
	for (__u32 c = 0; c < classes->count; c++) {
		info[c] = c ? info[classes->parent[c]] : 0;
		for (__u32 i = classes->own_start[c]; i < classes->own_start[c + 1]; i++) {
			__u32 set = classes->own[i];

			if (set < specials->first)
				continue;
			set -= specials->first;
			if (specials->info[set] & BG_CLASS_VLAN_MASK)
				info[c] &= ~BG_CLASS_VLAN_MASK;
			info[c] |= specials->info[set];
		}
	}
}
