// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Builds the models that the benches measure: the same ones every time. */
#include "scenario.h"

#include <stdio.h>

#include "model_maker.h"

static bool is_reserved(const struct bg_prefix *prefix, bool ipv6)
{
	if (ipv6)
		return prefix->addr.byte[0] == 0x20 && prefix->addr.byte[1] == 0x01;
	return prefix->addr.byte[12] == 10 || prefix->addr.byte[12] == 198;
}

struct bg_prefix scenario_prefix(struct random_source *source, bool ipv6)
{
	static const __u8 lengths4[] = { 120, 124, 126, 128, 128, 128, 128, 128 };
	static const __u8 lengths6[] = { 48, 56, 64, 64, 128, 128, 128, 128 };
	struct bg_prefix prefix = {};

	do {
		__u64 a = random_bits(source), b = random_bits(source);

		prefix = maker_prefix(ipv6 ? "::/0" : "0.0.0.0/0");
		for (int i = ipv6 ? 0 : 12; i < 16; i++)
			prefix.addr.byte[i] = (i < 8 ? a : b) >> 8 * (i % 8);
		if (ipv6)
			prefix.addr.byte[0] = 0x20 | (prefix.addr.byte[0] & 0x1f);
	} while (is_reserved(&prefix, ipv6));
	prefix.length = (ipv6 ? lengths6 : lengths4)[random_bits(source) % 8];
	for (int n = prefix.length; n < 128; n++)
		prefix.addr.byte[n / 8] &= ~(0x80 >> n % 8);
	return prefix;
}

static size_t add_cidr(struct bg_model *model, struct bg_prefix prefix)
{
	char name[32];
	size_t set;

	snprintf(name, sizeof(name), "cidr-%zu", model->set_count);
	set = maker_set(model, name);
	maker_member(model, set, prefix);
	return set;
}

static void add_pod(struct bg_model *model, size_t branch, const char *v4, const char *v6)
{
	size_t pod = maker_pod(model, branch, "bench");

	maker_pod_address(model, branch, pod, maker_addr(v4));
	maker_pod_address(model, branch, pod, maker_addr(v6));
	model->branches[branch].timeouts = bg_default_timeouts;
}

struct bg_model *scenario_one_branch(size_t prefixes, size_t rules)
{
	struct bg_model *model = maker_new();
	size_t list = maker_set(model, "pl-bench"), branch = maker_branch(model, "eni-bench", 9);
	size_t v4 = add_cidr(model, maker_prefix("10.1.0.0/16"));
	size_t v6 = add_cidr(model, maker_prefix("2001:db8:1::/48"));
	struct random_source source = { .state = 1 };

	for (size_t i = 0; i < prefixes; i++)
		maker_member(model, list, scenario_prefix(&source, i & 1));
	maker_branch_group(model, branch, maker_group(model, "sg-bench"));
	for (int direction = 0; direction < BG_DIRECTIONS; direction++) {
		for (size_t i = 1; i < rules; i++)
			maker_rule(model, list, direction, 6, 1000 + 9 * i % 9000,
				   1004 + 9 * i % 9000);
		maker_rule(model, list, direction, 6, 443, 443);
		maker_rule(model, v4, direction, 6, 5432, 5432);
		maker_rule(model, v6, direction, 6, 5432, 5432);
	}
	add_pod(model, branch, "10.0.0.90", "2001:db8::90");
	return model;
}

struct bg_model *scenario_both_modes(void)
{
	struct bg_model *model = maker_new();
	size_t strict = maker_branch(model, "eni-strict", SCENARIO_STRICT_VLAN);
	size_t standard = maker_branch(model, "eni-standard", SCENARIO_STANDARD_VLAN);
	size_t v4 = add_cidr(model, maker_prefix("10.1.0.0/16"));
	size_t v6 = add_cidr(model, maker_prefix("2001:db8:1::/48"));
	size_t group = maker_group(model, "sg-bench");

	for (int direction = 0; direction < BG_DIRECTIONS; direction++) {
		maker_rule(model, v4, direction, 6, 443, 443);
		maker_rule(model, v6, direction, 6, 443, 443);
	}
	maker_branch_group(model, strict, group);
	maker_branch_group(model, standard, group);
	model->branches[standard].mode = BG_STANDARD;
	add_pod(model, strict, "10.0.0.90", "2001:db8::90");
	add_pod(model, standard, "10.0.0.91", "2001:db8::91");
	return model;
}

struct bg_model *scenario_many_branches(size_t branches, size_t groups, size_t rules)
{
	struct bg_model *model = maker_new();
	struct random_source source = { .state = 2 };

	for (size_t b = 0; b < branches; b++) {
		char text[32], text6[32];
		size_t branch;

		snprintf(text, sizeof(text), "eni-%zu", b);
		branch = maker_branch(model, text, b + 1);
		for (size_t g = 0; g < groups; g++) {
			snprintf(text, sizeof(text), "sg-%zu-%zu", b, g);
			maker_branch_group(model, branch, maker_group(model, text));
			for (size_t r = 0; r < rules; r++) {
				size_t set = add_cidr(model, scenario_prefix(&source, r & 1));
				int port = 1024 + 7 * (g * rules + r) % 60000;

				maker_rule(model, set, r & 1, 6, port, port);
			}
		}
		snprintf(text, sizeof(text), "10.0.%zu.90", b);
		snprintf(text6, sizeof(text6), "2001:db8::%zx", b + 1);
		add_pod(model, branch, text, text6);
	}
	return model;
}

struct bg_model *scenario_rule_a_prefix(size_t prefixes)
{
	struct bg_model *model = maker_new();
	size_t branch = maker_branch(model, "eni-bench", 9);
	struct random_source source = { .state = 3 };

	maker_branch_group(model, branch, maker_group(model, "sg-bench"));
	for (size_t i = 0; i < prefixes; i++)
		maker_rule(model, add_cidr(model, scenario_prefix(&source, i & 1)), BG_INGRESS, 6,
			   443, 443);
	add_pod(model, branch, "10.0.0.90", "2001:db8::90");
	return model;
}
