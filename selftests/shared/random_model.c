// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Models and questions at random, for the tests that compare two answers, and plain
 * random numbers for the benches. The seed decides everything, the clock nothing.
 */
#include "random_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_maker.h"

#define DEFAULT_SEED 20261124

struct random_source random_seeded(void)
{
	const char *text = getenv("SEED");
	__u64 seed = text && *text ? strtoull(text, NULL, 0) : DEFAULT_SEED;

	fprintf(stderr, "# SEED=%llu\n", (unsigned long long)seed);
	return (struct random_source){ .state = seed * 2 + 1 };
}

__u64 random_bits(struct random_source *source)
{
	__u64 value = source->state += 0x9e3779b97f4a7c15; /* splitmix64 */

	value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
	value = (value ^ value >> 27) * 0x94d049bb133111eb;
	return value ^ value >> 31;
}

__u32 random_below(struct random_source *source, __u32 limit)
{
	return random_bits(source) % limit;
}

/* One in `n`. */
static bool chance(struct random_source *source, __u32 n)
{
	return random_below(source, n) == 0;
}

static void clear_behind(struct bg_addr *addr, int length)
{
	for (int n = length; n < 128; n++)
		addr->byte[n / 8] &= ~(0x80 >> n % 8);
}

static void set_behind(struct bg_addr *addr, int length)
{
	for (int n = length; n < 128; n++)
		addr->byte[n / 8] |= 0x80 >> n % 8;
}

/* Few bases with a few random bits behind them, so that much nests and overlaps. */
struct bg_addr random_near(struct random_source *source)
{
	static const char *const bases[] = {
		"10.0.0.0",	  "10.0.1.0",
		"10.255.255.0",	  "172.20.0.0",
		"0.0.0.0",	  "255.255.255.0",
		"192.0.2.0",	  "2001:db8::",
		"2001:db8:0:1::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ff00",
		"fd00:ec2::",	  "::",
		"ffff:ffff::",	  "169.254.169.0"
	};
	struct bg_addr addr =
		maker_addr(bases[random_below(source, sizeof(bases) / sizeof(bases[0]))]);
	__u32 kind = random_below(source, 4);

	/* never into the mapped addresses: ::/96 bases keep their first half */
	if (kind == 0)
		addr.byte[15] = random_bits(source);
	else if (kind == 1)
		addr.byte[15] ^= 1 << random_below(source, 8);
	else if (kind == 2)
		addr.byte[13 + random_below(source, 3)] = random_bits(source);
	else if (addr.byte[0] || addr.byte[1])
		addr.byte[2 + random_below(source, 14)] = random_bits(source);
	return addr;
}

static bool is_mapped(const struct bg_addr *addr)
{
	static const __u8 mapped[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(addr->byte, mapped, sizeof(mapped));
}

struct bg_prefix random_prefix(struct random_source *source)
{
	struct bg_prefix prefix = { .addr = random_near(source) };
	int least = is_mapped(&prefix.addr) ? 96 : 0;

	switch (random_below(source, 8)) {
	case 0:
		prefix.length = chance(source, 3) ? least : 128;
		break;
	case 1:
	case 2:
		prefix.length = 128;
		break;
	case 3:
		prefix.length = least + 8 * random_below(source, (128 - least) / 8 + 1);
		break;
	default:
		prefix.length = least + random_below(source, 129 - least);
		break;
	}
	clear_behind(&prefix.addr, prefix.length);
	/* never an IPv6 prefix inside of the mapped addresses, which would read as IPv4 */
	return prefix;
}

static size_t random_set(struct random_source *source, struct bg_model *model)
{
	char name[32];
	__u32 members = 1;
	size_t set;

	snprintf(name, sizeof(name), "set-%zu", model->set_count);
	set = maker_set(model, name);
	if (chance(source, 3))
		members = random_below(source, 40);
	for (__u32 i = 0; i < members; i++) {
		struct bg_prefix prefix = random_prefix(source);

		/* sometimes one that another set has too */
		if (set && chance(source, 4)) {
			const struct bg_set *other = &model->sets[random_below(source, set)];

			if (other->prefix_count)
				prefix = other->prefixes[random_below(source, other->prefix_count)];
		}
		maker_member(model, set, prefix);
	}
	return set;
}

static void add_random_rule(struct random_source *source, struct bg_model *model)
{
	static const int protocols[] = { 6, 6, 6, 17, 17, 1, 58, -1, 47, 50, 0, 255 };
	int protocol = protocols[random_below(source, sizeof(protocols) / sizeof(protocols[0]))];
	size_t set = random_below(source, model->set_count);
	int from = 0, to = 65535;

	if (protocol == 1 || protocol == 58) {
		from = chance(source, 3) ? -1
					 : (int)random_below(source, chance(source, 2) ? 12 : 256);
		to = from < 0 || chance(source, 2) ? -1 : (int)random_below(source, 5);
		if (chance(source, 10))
			from = 255;
		if (from >= 0 && chance(source, 10))
			to = 255;
	} else if ((protocol == 6 || protocol == 17) && !chance(source, 6)) {
		from = random_below(source, chance(source, 2) ? 200 : 65536);
		to = chance(source, 2) ? from : from + (int)random_below(source, 65536 - from);
		if (chance(source, 4) && from + 64 < 65536)
			to = from + 64;
	}
	maker_rule(model, set, random_below(source, 2), protocol, from, to);
}

static void add_random_branch(struct random_source *source, struct bg_model *model, int vlan)
{
	struct bg_model_branch *branch;
	__u32 pods = 1 + random_below(source, 3);
	char id[32];
	size_t b;

	snprintf(id, sizeof(id), "eni-%d", vlan);
	b = maker_branch(model, id, vlan);
	branch = &model->branches[b];
	branch->mode = random_below(source, 2);
	branch->timeouts.udp_s = vlan;
	for (size_t group = 0; group < model->group_count; group++)
		if (chance(source, 2))
			maker_branch_group(model, b, group);
	for (__u32 i = 0; i < pods; i++) {
		size_t pod = maker_pod(model, b, "pod");
		char text[64];

		/* no address twice */
		snprintf(text, sizeof(text), "10.0.0.%u", 4 * (__u32)b + i + 1);
		maker_pod_address(model, b, pod, maker_addr(text));
		snprintf(text, sizeof(text), "2001:db8::%x", 4 * (__u32)b + i + 1);
		maker_pod_address(model, b, pod, maker_addr(text));
		if (chance(source, 2))
			maker_pod_probe(model, b, pod, 6, 8080 + random_below(source, 3));
		if (chance(source, 2))
			maker_pod_probe(model, b, pod, 17, 53);
	}
}

static void random_prefixes(struct random_source *source, struct bg_prefix **list, size_t *count)
{
	for (__u32 n = random_below(source, 4); n > 0; n--)
		maker_prefix_to(list, count, random_prefix(source));
}

static void random_node(struct random_source *source, struct bg_model *model)
{
	struct bg_model_node *node = &model->node;

	random_prefixes(source, &node->vpc_cidrs, &node->vpc_cidr_count);
	random_prefixes(source, &node->service_cidrs, &node->service_cidr_count);
	random_prefixes(source, &node->exclude_snat_cidrs, &node->exclude_snat_cidr_count);
	random_prefixes(source, &node->probe_sources, &node->probe_source_count);
	for (__u32 n = random_below(source, 3); n > 0; n--)
		maker_node_address(model, random_near(source));
	for (__u32 n = random_below(source, 3); n > 0; n--)
		maker_local_service(model, random_near(source), 17, random_below(source, 100));
	for (size_t group = 0; group < model->group_count; group++)
		if (chance(source, 4))
			maker_node_group(model, group);
	node->external_snat = chance(source, 2);
	node->revalidate = chance(source, 2);
	node->filter_platform = chance(source, 2);
	node->per_interface = chance(source, 2);
}

struct bg_model *random_model(struct random_source *source)
{
	struct bg_model *model = maker_new();
	__u32 sets = 1 + random_below(source, 30), groups = 1 + random_below(source, 5);
	__u32 branches = 1 + random_below(source, 5);

	for (__u32 i = 0; i < sets; i++)
		random_set(source, model);
	for (__u32 i = 0; i < groups; i++) {
		__u32 rules = random_below(source, chance(source, 4) ? 150 : 12);
		char id[32];

		snprintf(id, sizeof(id), "sg-%u", i);
		maker_group(model, id);
		for (__u32 n = 0; n < rules; n++)
			add_random_rule(source, model);
	}
	for (__u32 i = 0; i < branches; i++)
		add_random_branch(source, model, i ? 10 * i : 4094);
	random_node(source, model);
	return model;
}

/* The next address or the one before; wraps around within its family. */
static void step(struct bg_addr *addr, int by)
{
	int first = is_mapped(addr) ? 12 : 0;

	for (int n = 15; n >= first; n--) {
		__u8 before = addr->byte[n];

		addr->byte[n] += by;
		if (by > 0 ? before != 0xff : before != 0)
			return;
	}
}

struct bg_addr random_addr(struct random_source *source, const struct bg_model *model)
{
	const struct bg_set *set = &model->sets[random_below(source, model->set_count)];
	struct bg_prefix prefix;
	struct bg_addr addr;

	if (!set->prefix_count || chance(source, 5))
		return random_near(source);
	prefix = set->prefixes[random_below(source, set->prefix_count)];
	addr = prefix.addr;
	switch (random_below(source, 5)) {
	case 0:
		break;
	case 1:
		step(&addr, -1);
		break;
	case 2:
		set_behind(&addr, prefix.length);
		break;
	case 3:
		set_behind(&addr, prefix.length);
		step(&addr, 1);
		break;
	default:
		for (int n = prefix.length; n < 128; n++)
			addr.byte[n / 8] |= (0x80 >> n % 8) & (__u8)random_bits(source);
		break;
	}
	/* inside of ::/80 this may be a mapped address: it is of IPv4 then */
	return addr;
}

static int within(int value, int most)
{
	return value < 0 ? 0 : value > most ? most : value;
}

struct oracle_service random_service(struct random_source *source, const struct bg_model *model)
{
	static const int protocols[] = { 6, 17, 1, 58, 47, 50, 0, 255, 132 };
	const struct bg_model_rule *rule = NULL;
	struct oracle_service service = {
		.protocol = protocols[random_below(source, 9)],
		.port = random_below(source, 65536),
		.type = random_below(source, 256),
		.code = random_below(source, 256),
	};
	int near[4];

	if (!model->rule_count || chance(source, 8))
		return service;
	rule = &model->rules[random_below(source, model->rule_count)];
	if (rule->protocol >= 0)
		service.protocol = rule->protocol;
	if (rule->protocol == 6 || rule->protocol == 17) {
		near[0] = rule->from_port - 1;
		near[1] = rule->from_port;
		near[2] = rule->to_port;
		near[3] = rule->to_port + 1;
		service.port = within(near[random_below(source, 4)], 65535);
	}
	if (rule->protocol == 1 || rule->protocol == 58) {
		service.type = within(rule->from_port + (int)random_below(source, 3) - 1, 255);
		service.code = within(rule->to_port + (int)random_below(source, 3) - 1, 255);
	}
	return service;
}
