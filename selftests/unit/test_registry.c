// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Numbers of rules, tags and slots of branches: what of them outlives a revision. */
#include "compile/registry.h"

#include <time.h>

#include "base/hash.h"
#include "model_maker.h"
#include "random_model.h"
#include "test.h"

/* One group; a rule for each port, a branch for each id. */
static struct bg_model *make(const int *ports, size_t port_count, const char *const *ids,
			     size_t id_count)
{
	struct bg_model *model = maker_new();
	size_t set = maker_set(model, "10.0.0.0/8");

	maker_group(model, "sg-1");
	for (size_t i = 0; i < port_count; i++) {
		maker_rule(model, set, BG_INGRESS, 6, ports[i], ports[i]);
		model->rules[i].number = 0;
	}
	for (size_t i = 0; i < id_count; i++) {
		maker_branch(model, ids[i], i + 1);
		model->branches[i].tag = 0;
		model->branches[i].slot = 0;
	}
	return model;
}

static void assign(struct bg_registry *registry, struct bg_model *model)
{
	struct bg_error err = {};
	int rc = bg_registry_assign(registry, model, &err);

	if (rc)
		fail_msg("%d: %s", rc, err.text);
}

static void a_rule_keeps_its_number_while_the_feed_has_it(void **state)
{
	struct bg_registry *registry = bg_registry_new(100, 10);
	struct bg_model *first = make((int[]){ 80, 443, 22 }, 3, NULL, 0);
	struct bg_model *second = make((int[]){ 8080, 22, 80 }, 3, NULL, 0);

	(void)state;
	assign(registry, first);
	assert_int_equal(first->rules[0].number, 1);
	assert_int_equal(first->rules[1].number, 2);
	assert_int_equal(first->rules[2].number, 3);
	bg_registry_commit(registry);
	assign(registry, second);
	assert_int_equal(second->rules[0].number, 4);
	assert_int_equal(second->rules[1].number, 3);
	assert_int_equal(second->rules[2].number, 1);
	bg_registry_commit(registry);
	/* 443 is gone, and comes back under another number */
	assign(registry, first);
	assert_int_equal(first->rules[0].number, 1);
	assert_int_equal(first->rules[1].number, 5);
	bg_registry_free(registry);
	bg_model_free(first);
	bg_model_free(second);
}

/* Ports of a rule, so that by the hash that everybody knows they are one: nobody who writes
 * a feed may choose what the table looks up by. */
static int colliding_port(int *from, int *to)
{
	struct bg_rule rule = { .group = "sg-1", .peer = "10.0.0.0/8", .protocol = 6 };
	const size_t bytes = offsetof(struct bg_rule, revision);

	for (;;) {
		if (++*to > 65535) {
			++*from;
			*to = *from;
		}
		rule.from_port = *from;
		rule.to_port = *to;
		if (!(bg_hash_bytes32(&rule, bytes) & 0xfff))
			return *to;
	}
}

static double cpu_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

#define MANY 2000

static double numbering_ms(bool colliding)
{
	struct bg_registry *registry = bg_registry_new(2 * MANY, 10);
	struct bg_model *model = make(NULL, 0, NULL, 0);
	int from = 0, to = -1;
	double start_ms;

	for (int i = 0; i < MANY; i++) {
		if (colliding)
			colliding_port(&from, &to);
		else
			from = to = i;
		maker_rule(model, 0, BG_INGRESS, 6, from, to);
	}
	start_ms = cpu_ms();
	for (int i = 0; i < 3; i++) {
		assign(registry, model);
		bg_registry_commit(registry);
	}
	start_ms = cpu_ms() - start_ms;
	bg_registry_free(registry);
	bg_model_free(model);
	return start_ms;
}

static void no_feed_chooses_what_it_is_looked_up_by(void **state)
{
	double other_ms = numbering_ms(false), ms = numbering_ms(true);

	(void)state;
	if (ms > 10 * other_ms + 5)
		fail_msg("%.1f ms, where other ports take %.1f ms", ms, other_ms);
}

static void what_makes_a_rule_another_one(void **state)
{
	struct bg_registry *registry = bg_registry_new(100, 10);
	struct bg_model *model = maker_new();
	size_t set = maker_set(model, "10.0.0.0/8"), other = maker_set(model, "sg-2");

	(void)state;
	maker_group(model, "sg-1");
	maker_rule(model, set, BG_INGRESS, 6, 80, 80);
	maker_rule(model, set, BG_EGRESS, 6, 80, 80);
	maker_rule(model, set, BG_INGRESS, 17, 80, 80);
	maker_rule(model, set, BG_INGRESS, 6, 79, 80);
	maker_rule(model, set, BG_INGRESS, 6, 80, 81);
	maker_rule(model, other, BG_INGRESS, 6, 80, 80);
	maker_rule(model, set, BG_INGRESS, 6, 80, 80);
	model->rules[6].rule_id = strdup("sgr-1");
	maker_group(model, "sg-2");
	maker_rule(model, set, BG_INGRESS, 6, 80, 80);
	/* this one reads like the first of its group */
	maker_rule(model, set, BG_INGRESS, 6, 80, 80);
	assign(registry, model);
	for (__u32 i = 0; i < 8; i++)
		assert_int_equal(model->rules[i].number, i + 1);
	assert_int_equal(model->rules[8].number, 8);
	bg_registry_free(registry);
	bg_model_free(model);
}

static void long_texts_still_differ(void **state)
{
	struct bg_registry *registry = bg_registry_new(100, 10);
	struct bg_model *model = maker_new();
	size_t set = maker_set(model, "10.0.0.0/8");
	struct bg_rule text;

	(void)state;
	maker_group(model, "sg-0123456789012345678901234567890");
	maker_rule(model, set, BG_INGRESS, 6, 80, 80);
	maker_group(model, "sg-0123456789012345678901234567891");
	maker_rule(model, set, BG_INGRESS, 6, 80, 80);
	assign(registry, model);
	assert_int_equal(model->rules[0].number, 1);
	assert_int_equal(model->rules[1].number, 2);
	bg_rule_describe(model, &model->rules[0], &text);
	assert_int_equal(strlen(text.group), sizeof(text.group) - 1);
	assert_int_equal(strncmp(text.group, "sg-012345678901~", 13), 0);
	assert_string_equal(text.peer, "10.0.0.0/8");
	assert_string_equal(text.rule_id, "");
	assert_int_equal(text.from_port, 80);
	assert_int_equal(text.hits, 0);
	assert_int_equal(text.revision, 0);
	bg_registry_free(registry);
	bg_model_free(model);
}

static void a_rollback_leaves_no_trace(void **state)
{
	const char *ids[] = { "eni-1", "eni-2" };
	struct bg_registry *registry = bg_registry_new(100, 10);
	struct bg_model *first = make((int[]){ 80, 443 }, 2, ids, 1);
	struct bg_model *second = make((int[]){ 443, 22, 23 }, 3, ids + 1, 1);
	struct bg_model *third = make((int[]){ 80, 24 }, 2, ids, 2);

	(void)state;
	assign(registry, first);
	bg_registry_commit(registry);
	assign(registry, second);
	assert_int_equal(second->rules[0].number, 2);
	assert_int_equal(second->rules[1].number, 3);
	assert_int_equal(second->branches[0].tag, 2);
	bg_registry_rollback(registry);
	bg_registry_rollback(registry);
	assign(registry, third);
	assert_int_equal(third->rules[0].number, 1);
	assert_int_equal(third->rules[1].number, 3);
	assert_int_equal(third->branches[0].tag, first->branches[0].tag);
	assert_int_equal(third->branches[1].tag, 2);
	assert_int_equal(third->branches[1].slot, 2);
	bg_registry_free(registry);
	bg_model_free(first);
	bg_model_free(second);
	bg_model_free(third);
}

static void a_freed_number_rests_until_the_others_were_used(void **state)
{
	struct bg_registry *registry = bg_registry_new(6, 4); /* numbers 1-5, slots 1-3 */
	__u32 last = 0, tag = 0;

	(void)state;
	for (int i = 0; i < 50; i++) {
		char name[16];
		const char *id = name;
		struct bg_model *model;

		snprintf(name, sizeof(name), "eni-%d", i);
		model = make((int[]){ i }, 1, &id, 1);
		assign(registry, model);
		assert_int_equal(model->rules[0].number, last % 5 + 1);
		assert_int_equal(model->branches[0].slot, i % 3 + 1);
		/* tags never come again */
		assert_int_equal(model->branches[0].tag, ++tag);
		last = model->rules[0].number;
		bg_registry_commit(registry);
		bg_model_free(model);
	}
	bg_registry_free(registry);
}

static void what_does_not_fit_is_refused_whole(void **state)
{
	const char *ids[] = { "a", "b", "c", "d" };
	struct bg_registry *registry = bg_registry_new(5, 4); /* 4 rules, 3 branches */
	struct bg_model *first = make((int[]){ 1, 2, 3 }, 3, ids, 2);
	struct bg_model *rules = make((int[]){ 4, 5 }, 2, ids, 1);
	struct bg_model *branches = make((int[]){ 1 }, 1, ids + 2, 2);
	struct bg_model *fits = make((int[]){ 1, 9 }, 2, ids, 3);
	struct bg_error err = {};

	(void)state;
	assign(registry, first);
	bg_registry_commit(registry);
	assert_int_equal(bg_registry_assign(registry, rules, &err), -ENOSPC);
	assert_non_null(strstr(err.text, "the feed has 2"));
	assert_non_null(strstr(err.text, "4 for which there is room"));
	assert_int_equal(bg_registry_assign(registry, branches, &err), -ENOSPC);
	assert_non_null(strstr(err.text, "3 for which there is room"));
	assign(registry, fits);
	assert_int_equal(fits->rules[0].number, 1);
	assert_int_equal(fits->rules[1].number, 4);
	assert_int_equal(fits->branches[2].slot, 3);
	bg_registry_commit(registry);
	bg_registry_free(registry);
	bg_model_free(first);
	bg_model_free(rules);
	bg_model_free(branches);
	bg_model_free(fits);
}

static void what_an_earlier_daemon_left_is_taken_over(void **state)
{
	static const char *const ids[] = { "0123456789012345678901234567890-long-1", "eni-1",
					   "eni-new" };
	struct bg_registry *registry = bg_registry_new(100, 10);
	struct bg_model *model = make((int[]){ 22, 80 }, 2, ids, 3);
	struct bg_branch_info branch = { .tag = 7, .slot = 3 };
	struct bg_rule rule;

	(void)state;
	bg_rule_describe(model, &model->rules[1], &rule);
	rule.revision = 5;
	rule.hits = 1000;
	assert_int_equal(bg_registry_adopt_rule(registry, 42, &rule), 0);
	assert_int_equal(bg_registry_adopt_rule(registry, 0, &rule), -ERANGE);
	assert_int_equal(bg_registry_adopt_rule(registry, 100, &rule), -ERANGE);
	assert_int_equal(bg_registry_adopt_rule(registry, 42, &rule), -EEXIST);
	/* the same again, from an interrupted publish: the first one stands */
	assert_int_equal(bg_registry_adopt_rule(registry, 43, &rule), 0);
	strcpy(branch.id, "eni-1");
	assert_int_equal(bg_registry_adopt_branch(registry, &branch), 0);
	assert_int_equal(bg_registry_adopt_branch(registry, &branch), -EEXIST);
	/* as the map cuts a long id */
	memcpy(branch.id, ids[0], sizeof(branch.id) - 1);
	branch.tag = 9;
	branch.slot = 4;
	assert_int_equal(bg_registry_adopt_branch(registry, &branch), 0);
	branch.slot = 10;
	assert_int_equal(bg_registry_adopt_branch(registry, &branch), -ERANGE);
	/* a flow of a branch that is gone */
	bg_registry_adopt_tag(registry, 11);

	assign(registry, model);
	assert_int_equal(model->rules[1].number, 42);
	assert_in_range(model->rules[0].number, 43, 44);
	assert_int_equal(model->branches[0].tag, 9);
	assert_int_equal(model->branches[0].slot, 4);
	assert_int_equal(model->branches[1].tag, 7);
	assert_int_equal(model->branches[1].slot, 3);
	assert_int_equal(model->branches[2].tag, 12);
	assert_int_equal(model->branches[2].slot, 5);
	bg_registry_commit(registry);
	bg_registry_free(registry);
	bg_model_free(model);
}

/* What all of this promises: the same rule, the same number; no two rules with one. */
static void at_random(void **state)
{
	struct random_source source = random_seeded();
	struct bg_registry *registry = bg_registry_new(2000, 100);
	__u32 known[500] = { 0 };

	(void)state;
	for (int round = 0; round < 200; round++) {
		__u32 new_known[500] = { 0 };
		bool taken[2000] = { false };
		int ports[300];
		struct bg_model *model;
		bool commit = random_below(&source, 3) > 0;

		for (int i = 0; i < 300; i++)
			ports[i] = random_below(&source, 500);
		model = make(ports, 300, NULL, 0);
		assign(registry, model);
		for (int i = 0; i < 300; i++) {
			__u32 number = model->rules[i].number;

			assert_in_range(number, 1, 1999);
			if (known[ports[i]])
				assert_int_equal(number, known[ports[i]]);
			if (new_known[ports[i]])
				assert_int_equal(number, new_known[ports[i]]);
			else
				assert_false(taken[number]);
			taken[number] = true;
			new_known[ports[i]] = number;
		}
		if (commit) {
			bg_registry_commit(registry);
			memcpy(known, new_known, sizeof(known));
		} else {
			bg_registry_rollback(registry);
		}
		bg_model_free(model);
	}
	bg_registry_free(registry);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_keeps_its_number_while_the_feed_has_it),
		cmocka_unit_test(no_feed_chooses_what_it_is_looked_up_by),
		cmocka_unit_test(what_makes_a_rule_another_one),
		cmocka_unit_test(long_texts_still_differ),
		cmocka_unit_test(a_rollback_leaves_no_trace),
		cmocka_unit_test(a_freed_number_rests_until_the_others_were_used),
		cmocka_unit_test(what_does_not_fit_is_refused_whole),
		cmocka_unit_test(what_an_earlier_daemon_left_is_taken_over),
		cmocka_unit_test(at_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
