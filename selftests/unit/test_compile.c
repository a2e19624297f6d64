// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The compiler by example. */
#include "compile/image_read.h"
#include "compiled.h"
#include "model_maker.h"
#include "test.h"

#define NO_RULE 0
#define ICMP(type, code) ((type) << 8 | (code))

/* Numbers of the rules that admit something to or from the branch of VLAN 9. */
static __u32 tcp(const struct bg_image *image, enum bg_direction direction, const char *remote,
		 __u32 port)
{
	struct bg_addr addr = maker_addr(remote);

	return bg_image_lookup(image, 9, direction, &addr, BG_SPACE_TCP, port);
}

static __u32 ingress(const struct bg_image *image, const char *remote, enum bg_service_space space,
		     __u32 index)
{
	struct bg_addr addr = maker_addr(remote);

	return bg_image_lookup(image, 9, BG_INGRESS, &addr, space, index);
}

/* One branch, VLAN 9, with the group that is added next. */
static struct bg_model *one_branch(void)
{
	struct bg_model *model = maker_new();
	size_t branch = maker_branch(model, "eni-1", 9), pod;

	maker_branch_group(model, branch, maker_group(model, "sg-1"));
	pod = maker_pod(model, branch, "cart-0");
	maker_pod_address(model, branch, pod, maker_addr("10.0.0.90"));
	return model;
}

/* Adds a rule as maker_rule() does; its number. */
static __u32 rule(struct bg_model *model, size_t set, enum bg_direction direction, int protocol,
		  int from, int to)
{
	size_t i = maker_rule(model, set, direction, protocol, from, to);

	return model->rules[i].number;
}

static size_t cidr(struct bg_model *model, const char *text)
{
	size_t set = maker_set(model, text);

	maker_member(model, set, maker_prefix(text));
	return set;
}

static void nothing_is_allowed_without_rules(void **state)
{
	struct bg_model *model = one_branch();
	struct bg_image *image = compiled(model);
	struct bg_addr addr = maker_addr("192.0.2.1");

	(void)state;
	assert_int_equal(tcp(image, BG_INGRESS, "10.0.0.90", 80), NO_RULE);
	assert_int_equal(tcp(image, BG_EGRESS, "::1", 80), NO_RULE);
	/* no branch of this VLAN id */
	assert_int_equal(bg_image_lookup(image, 10, BG_INGRESS, &addr, BG_SPACE_TCP, 80), NO_RULE);
	assert_int_equal(bg_image_class(image, &addr), 0);
	assert_int_equal(bg_image_class_info(image, &addr), 0);
	assert_int_equal(header_of(image)->magic, BG_IMAGE_MAGIC);
	assert_int_equal(header_of(image)->abi, BG_ABI);
	assert_int_equal(header_of(image)->revision, COMPILED_REVISION);
	bg_image_free(image);
	bg_model_free(model);
}

static void a_rule_counts_for_its_direction_port_and_family(void **state)
{
	struct bg_model *model = one_branch();
	struct bg_image *image;
	__u32 db;

	(void)state;
	db = rule(model, cidr(model, "10.0.0.0/16"), BG_INGRESS, 6, 5432, 5440);
	image = compiled(model);
	assert_int_equal(tcp(image, BG_INGRESS, "10.0.255.255", 5432), db);
	assert_int_equal(tcp(image, BG_INGRESS, "10.0.0.0", 5440), db);
	assert_int_equal(tcp(image, BG_INGRESS, "10.0.0.0", 5431), NO_RULE);
	assert_int_equal(tcp(image, BG_INGRESS, "10.0.0.0", 5441), NO_RULE);
	assert_int_equal(tcp(image, BG_EGRESS, "10.0.0.0", 5432), NO_RULE);
	assert_int_equal(tcp(image, BG_INGRESS, "10.1.0.0", 5432), NO_RULE);
	assert_int_equal(tcp(image, BG_INGRESS, "9.255.255.255", 5432), NO_RULE);
	assert_int_equal(tcp(image, BG_INGRESS, "a00::", 5432), NO_RULE);
	bg_image_free(image);
	bg_model_free(model);
}

static void everything_of_one_family_is_not_the_other(void **state)
{
	struct bg_model *model = one_branch();
	struct bg_image *image;
	__u32 all_v4, all_v6;

	(void)state;
	all_v4 = rule(model, cidr(model, "0.0.0.0/0"), BG_EGRESS, -1, 0, 65535);
	all_v6 = rule(model, cidr(model, "::/0"), BG_INGRESS, -1, 0, 65535);
	image = compiled(model);
	assert_int_equal(tcp(image, BG_EGRESS, "255.255.255.255", 65535), all_v4);
	assert_int_equal(tcp(image, BG_EGRESS, "0.0.0.0", 0), all_v4);
	assert_int_equal(tcp(image, BG_EGRESS, "2001:db8::1", 0), NO_RULE);
	assert_int_equal(tcp(image, BG_INGRESS, "2001:db8::1", 0), all_v6);
	assert_int_equal(tcp(image, BG_INGRESS, "::", 0), all_v6);
	assert_int_equal(tcp(image, BG_INGRESS, "10.0.0.1", 0), NO_RULE);
	bg_image_free(image);
	bg_model_free(model);
}

static void spaces_end_where_they_end(void **state)
{
	struct bg_model *model = one_branch();
	static const char remote[] = "10.0.0.1";
	size_t set = cidr(model, "10.0.0.0/8");
	__u32 on_tcp, on_udp, on_icmp, on_icmpv6, on_254;
	struct bg_image *image;

	(void)state;
	on_tcp = rule(model, set, BG_INGRESS, 6, 0, 65534);
	on_udp = rule(model, set, BG_INGRESS, 17, 1, 65535);
	on_icmp = rule(model, set, BG_INGRESS, 1, 255, 254);
	on_icmpv6 = rule(model, set, BG_INGRESS, 58, 255, -1);
	on_254 = rule(model, set, BG_INGRESS, 254, 0, 65535);
	image = compiled(model);
	assert_int_equal(ingress(image, remote, BG_SPACE_TCP, 65534), on_tcp);
	assert_int_equal(ingress(image, remote, BG_SPACE_TCP, 65535), NO_RULE);
	assert_int_equal(ingress(image, remote, BG_SPACE_UDP, 0), NO_RULE);
	assert_int_equal(ingress(image, remote, BG_SPACE_UDP, 65535), on_udp);
	assert_int_equal(ingress(image, remote, BG_SPACE_ICMP, ICMP(255, 254)), on_icmp);
	assert_int_equal(ingress(image, remote, BG_SPACE_ICMP, ICMP(255, 255)), NO_RULE);
	assert_int_equal(ingress(image, remote, BG_SPACE_ICMPV6, ICMP(254, 255)), NO_RULE);
	assert_int_equal(ingress(image, remote, BG_SPACE_ICMPV6, ICMP(255, 0)), on_icmpv6);
	assert_int_equal(ingress(image, remote, BG_SPACE_OTHER, 253), NO_RULE);
	assert_int_equal(ingress(image, remote, BG_SPACE_OTHER, 254), on_254);
	assert_int_equal(ingress(image, remote, BG_SPACE_OTHER, 255), NO_RULE);
	bg_image_free(image);
	bg_model_free(model);
}

static void the_first_rule_in_order_wins(void **state)
{
	struct bg_model *model = one_branch();
	size_t narrow = cidr(model, "10.0.0.1/32"), wide = cidr(model, "10.0.0.0/8");
	__u32 first, third, last, of_second_group;
	struct bg_image *image;

	(void)state;
	first = rule(model, wide, BG_INGRESS, 6, 80, 90);
	rule(model, narrow, BG_INGRESS, 6, 85, 85);
	third = rule(model, narrow, BG_INGRESS, 6, 90, 100);
	last = rule(model, wide, BG_INGRESS, 6, 0, 65535);
	/* a second group, listed before the first */
	maker_group(model, "sg-0");
	of_second_group = rule(model, narrow, BG_INGRESS, 6, 86, 86);
	free(model->branches[0].groups);
	model->branches[0].groups = NULL;
	model->branches[0].group_count = 0;
	maker_branch_group(model, 0, 1);
	maker_branch_group(model, 0, 0);
	image = compiled(model);
	assert_int_equal(tcp(image, BG_INGRESS, "10.0.0.1", 85), first);
	assert_int_equal(tcp(image, BG_INGRESS, "10.0.0.1", 86), of_second_group);
	assert_int_equal(tcp(image, BG_INGRESS, "10.0.0.1", 90), first);
	assert_int_equal(tcp(image, BG_INGRESS, "10.0.0.1", 91), third);
	assert_int_equal(tcp(image, BG_INGRESS, "10.0.0.1", 101), last);
	assert_int_equal(tcp(image, BG_INGRESS, "10.0.0.2", 86), first);
	assert_int_equal(tcp(image, BG_INGRESS, "10.0.0.2", 91), last);
	bg_image_free(image);
	bg_model_free(model);
}

static void rules_of_one_number_are_one_rule(void **state)
{
	struct bg_model *model = one_branch();
	size_t set = cidr(model, "10.0.0.0/8");
	struct bg_image *image;
	__u32 web, all;
	size_t again;

	(void)state;
	web = rule(model, set, BG_INGRESS, 6, 80, 80);
	all = rule(model, set, BG_INGRESS, -1, 0, 65535);
	again = maker_rule(model, set, BG_INGRESS, 6, 80, 80);
	model->rules[again].number = web;
	image = compiled(model);
	assert_int_equal(tcp(image, BG_INGRESS, "10.0.0.1", 80), web);
	assert_int_equal(tcp(image, BG_INGRESS, "10.0.0.1", 81), all);
	bg_image_free(image);
	bg_model_free(model);
}

static void icmp_is_type_and_code(void **state)
{
	struct bg_model *model = one_branch();
	__u32 echo, too_big, all_v6;
	struct bg_image *image;

	(void)state;
	echo = rule(model, cidr(model, "10.0.0.1/32"), BG_INGRESS, 1, 8, -1);
	too_big = rule(model, cidr(model, "10.0.0.2/32"), BG_INGRESS, 1, 3, 4);
	all_v6 = rule(model, cidr(model, "10.0.0.3/32"), BG_INGRESS, 58, -1, -1);
	image = compiled(model);
	assert_int_equal(ingress(image, "10.0.0.1", BG_SPACE_ICMP, ICMP(8, 0)), echo);
	assert_int_equal(ingress(image, "10.0.0.1", BG_SPACE_ICMP, ICMP(8, 255)), echo);
	assert_int_equal(ingress(image, "10.0.0.1", BG_SPACE_ICMP, ICMP(9, 0)), NO_RULE);
	assert_int_equal(ingress(image, "10.0.0.1", BG_SPACE_ICMP, ICMP(7, 255)), NO_RULE);
	assert_int_equal(ingress(image, "10.0.0.2", BG_SPACE_ICMP, ICMP(3, 4)), too_big);
	assert_int_equal(ingress(image, "10.0.0.2", BG_SPACE_ICMP, ICMP(3, 5)), NO_RULE);
	assert_int_equal(ingress(image, "10.0.0.2", BG_SPACE_ICMP, ICMP(3, 3)), NO_RULE);
	assert_int_equal(ingress(image, "10.0.0.2", BG_SPACE_ICMPV6, ICMP(3, 4)), NO_RULE);
	assert_int_equal(ingress(image, "10.0.0.3", BG_SPACE_ICMPV6, ICMP(255, 255)), all_v6);
	assert_int_equal(ingress(image, "10.0.0.3", BG_SPACE_ICMPV6, ICMP(0, 0)), all_v6);
	bg_image_free(image);
	bg_model_free(model);
}

static void platform_addresses_are_flagged(void **state)
{
	static const struct {
		const char *text;
		__u32 flags;
	} expected[] = {
		{ "10.0.0.2", BG_CLASS_DNS | BG_CLASS_VPC },
		{ "169.254.169.253", BG_CLASS_DNS },
		{ "fd00:ec2::253", BG_CLASS_DNS },
		{ "169.254.169.254", BG_CLASS_IMDS },
		{ "fd00:ec2::254", BG_CLASS_IMDS },
		{ "169.254.170.2", BG_CLASS_ECS },
		{ "169.254.169.123", BG_CLASS_TIME },
		{ "fd00:ec2::123", BG_CLASS_TIME },
		{ "169.254.169.250", BG_CLASS_KMS },
		{ "169.254.169.251", BG_CLASS_KMS },
		{ "fd00:ec2::250", BG_CLASS_KMS },
		{ "169.254.169.252", 0 },
		{ "10.0.0.3", BG_CLASS_VPC },
		{ "2001:db8::2", BG_CLASS_VPC },
		{ "10.0.0.90", BG_CLASS_VPC | 9 },
		{ "10.1.0.0", 0 },
	};
	struct bg_model *model = one_branch();
	struct bg_image *image;

	(void)state;
	maker_prefix_to(&model->node.vpc_cidrs, &model->node.vpc_cidr_count,
			maker_prefix("10.0.0.0/16"));
	maker_prefix_to(&model->node.vpc_cidrs, &model->node.vpc_cidr_count,
			maker_prefix("2001:db8::/56"));
	image = compiled(model);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		struct bg_addr addr = maker_addr(expected[i].text);

		if (bg_image_class_info(image, &addr) != expected[i].flags)
			fail_msg("%s: %#x, expected %#x", expected[i].text,
				 bg_image_class_info(image, &addr), expected[i].flags);
	}
	bg_image_free(image);
	bg_model_free(model);
}

/* Every seventh address of 100.64.0.0/10. */
static struct bg_prefix scattered_host(__u32 i)
{
	struct bg_prefix prefix = maker_prefix("100.64.0.0/32");

	prefix.addr.byte[13] |= i * 7 >> 16;
	prefix.addr.byte[14] = i * 7 >> 8;
	prefix.addr.byte[15] = i * 7;
	return prefix;
}

static void members_of_one_group_are_one_class(void **state)
{
	struct bg_model *model = one_branch();
	size_t set = maker_set(model, "sg-members");
	struct bg_image *image;
	__u32 common = 0;

	(void)state;
	for (__u32 i = 0; i < 100000; i++) {
		maker_member(model, set, scattered_host(i));
	}
	maker_rule(model, set, BG_INGRESS, 6, 443, 443);
	image = compiled(model);
	for (size_t i = 0; i < model->sets[set].prefix_count; i++) {
		__u32 class = bg_image_class(image, &model->sets[set].prefixes[i].addr);

		assert_int_not_equal(class, 0);
		assert_true(!common || class == common);
		common = class;
	}
	/* none, this one, the pod's, and the five kinds of platform address */
	assert_int_equal(header_of(image)->classes, 1 + 1 + 1 + 5);
	assert_true(image->block_count * sizeof(struct bg_block) / 100000 < 100);
	bg_image_free(image);
	bg_model_free(model);
}

static void a_rule_of_one_prefix_takes_few_bytes(void **state)
{
	struct bg_model *model = one_branch();
	struct bg_image *image;

	(void)state;
	for (__u32 i = 0; i < 20000; i++) {
		char name[32];
		size_t set;

		snprintf(name, sizeof(name), "cidr-%u", i);
		set = maker_set(model, name);
		maker_member(model, set, scattered_host(i));
		maker_rule(model, set, BG_INGRESS, 6, 443, 443);
	}
	image = compiled(model);
	for (size_t i = 0; i < model->rule_count; i++) {
		const struct bg_addr *addr = &model->sets[model->rules[i].set].prefixes[0].addr;

		assert_int_equal(bg_image_lookup(image, 9, BG_INGRESS, addr, BG_SPACE_TCP, 443),
				 model->rules[i].number);
	}
	assert_true(image->block_count * sizeof(struct bg_block) / 20000 < 130);
	bg_image_free(image);
	bg_model_free(model);
}

/* --- refusals --- */

static void an_image_that_does_not_fit_is_refused(void **state)
{
	struct bg_model *model = one_branch();
	struct bg_image *image = NULL, *whole;
	struct bg_error err = {};
	size_t set = maker_set(model, "pl-1");

	(void)state;
	for (__u32 i = 0; i < 5000; i++) {
		struct bg_prefix prefix = maker_prefix("100.64.0.0/32");

		prefix.addr.byte[14] = i >> 5;
		prefix.addr.byte[15] = i << 3;
		maker_member(model, set, prefix);
	}
	maker_rule(model, set, BG_INGRESS, 6, 443, 443);
	whole = compiled(model);
	/* at every capacity below what it takes, and not at what it takes */
	for (size_t blocks = 0; blocks < whole->block_count; blocks++) {
		err.text[0] = 0;
		assert_int_equal(bg_compile(model, 1, blocks, &image, &err), -E2BIG);
		assert_null(image);
		assert_non_null(strstr(err.text, "bytes a prefix"));
	}
	assert_non_null(strstr(err.text, "KiB are allowed"));
	assert_int_equal(bg_compile(model, COMPILED_REVISION, whole->block_count, &image, &err), 0);
	assert_int_equal(image->block_count, whole->block_count);
	assert_memory_equal(image->blocks, whole->blocks,
			    whole->block_count * sizeof(struct bg_block));
	bg_image_free(image);
	bg_image_free(whole);
	bg_model_free(model);
}

static void an_unnumbered_rule_is_refused(void **state)
{
	struct bg_model *model = one_branch();
	struct bg_image *image = NULL;
	struct bg_error err = {};

	(void)state;
	maker_rule(model, cidr(model, "10.0.0.0/8"), BG_INGRESS, 6, 1, 2);
	model->rules[0].number = 0;
	assert_int_equal(bg_compile(model, 1, COMPILED_MOST_BLOCKS, &image, &err), -EINVAL);
	assert_non_null(strstr(err.text, "sg-1"));
	assert_null(image);
	model->rules[0].number = 1;
	model->branches[0].vlan = 4095;
	assert_int_equal(bg_compile(model, 1, COMPILED_MOST_BLOCKS, &image, &err), -EINVAL);
	assert_non_null(strstr(err.text, "4095"));
	bg_model_free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_allowed_without_rules),
		cmocka_unit_test(a_rule_counts_for_its_direction_port_and_family),
		cmocka_unit_test(everything_of_one_family_is_not_the_other),
		cmocka_unit_test(spaces_end_where_they_end),
		cmocka_unit_test(the_first_rule_in_order_wins),
		cmocka_unit_test(rules_of_one_number_are_one_rule),
		cmocka_unit_test(icmp_is_type_and_code),
		cmocka_unit_test(platform_addresses_are_flagged),
		cmocka_unit_test(members_of_one_group_are_one_class),
		cmocka_unit_test(a_rule_of_one_prefix_takes_few_bytes),
		cmocka_unit_test(an_image_that_does_not_fit_is_refused),
		cmocka_unit_test(an_unnumbered_rule_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
