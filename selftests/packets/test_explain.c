// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* explain, held against the oracle, and beside a datapath that is in use. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "base/ip.h"
#include "base/names.h"
#include "branchguard.skel.h"
#include "explain/ends.h"
#include "explain/explain.h"
#include "explain/query.h"
#include "feeds.h"
#include "oracle.h"
#include "pinned/pin.h"
#include "protocol.h"
#include "random_model.h"
#include "rig.h"
#include "test.h"

#define MODELS 5
#define QUESTIONS 400

static const unsigned int both = BG_EXPLAIN_BIT(BG_EXPLAIN_BRANCH_INGRESS) |
				 BG_EXPLAIN_BIT(BG_EXPLAIN_BRANCH_EGRESS);

static struct bg_explainer *opened(struct bg_model *model, unsigned int programs)
{
	struct bg_explainer *explainer;
	struct bg_error err;

	if (bg_explainer_open(model, programs, &explainer, &err))
		fail_msg("%s", err.text);
	return explainer;
}

/* In `text`, ' stands for ". */
static struct bg_question question_of(const char *text)
{
	size_t length;
	char *json = json_of(text, &length);
	struct bg_query query;
	struct bg_error err;

	if (bg_query_parse(json, length, &query, &err))
		fail_msg("%s: %s", text, err.text);
	free(json);
	return query.question;
}

static struct bg_answer asked(struct bg_explainer *explainer, const char *text)
{
	struct bg_question question = question_of(text);
	struct bg_answer answer;
	struct bg_error err;

	if (bg_explain(explainer, &question, &answer, &err))
		fail_msg("%s: %s", text, err.text);
	return answer;
}

#define ASK(branch, direction, more)                                                               \
	"{'Branch': '" branch "', 'Direction': '" direction "', " more "}"
#define ASK_TCP(branch, direction, port, remote)                                                   \
	ASK(branch, direction, "'Protocol': 'tcp', 'Port': " #port ", 'Remote': '" remote "'")
#define ASK_UDP(branch, direction, port, remote)                                                   \
	ASK(branch, direction, "'Protocol': 'udp', 'Port': " #port ", 'Remote': '" remote "'")
#define ASK_WEB ASK_TCP("eni-a", "ingress", 443, CLIENT)
#define ASK_DB ASK_TCP("eni-a", "egress", 5432, CLIENT)

/* Asked again, a question gets the same answer: there is no flow of the first one. */
static void every_question_is_a_first_packet(void **state)
{
	static const char *const questions[] = {
		ASK_WEB,
		ASK_DB,
		ASK("9", "ingress", "'Protocol': 'icmp', 'IcmpType': 8, 'Remote': '" CLIENT "'"),
		ASK("vlan.eth.9", "ingress", "'Protocol': 47, 'Remote': '" CLIENT "'"),
		ASK("eni-a", "egress", "'Protocol': '47', 'Remote': '" CLIENT "'"),
	};
	struct bg_model *model = feed_parse(USUAL_FEED);
	struct bg_explainer *explainer = opened(model, both);

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
			struct bg_answer answer = asked(explainer, questions[i]);

			assert_string_equal(bg_reason_name(answer.reason), "rule");
			assert_true(answer.allowed);
			assert_non_null(bg_explain_rule(explainer, answer.rule));
		}
	}
	bg_explainer_close(explainer);
	bg_model_free(model);
}

static void answers_name_group_and_rule(void **state)
{
	struct bg_model *model = feed_parse(USUAL_FEED);
	struct bg_explainer *explainer = opened(model, both);
	const struct bg_explain_rule *rule;
	struct bg_answer answer;

	(void)state;
	answer = asked(explainer, ASK_WEB);
	rule = bg_explain_rule(explainer, answer.rule);
	assert_string_equal(rule->group_id, "sg-a");
	assert_string_equal(rule->rule_id, "sgr-web");
	assert_string_equal(bg_explain_revision(explainer), "test");
	/* the node's groups too, where both must be satisfied */
	answer = asked(explainer, ASK_TCP("eni-c", "ingress", 443, CLIENT));
	assert_string_equal(bg_explain_rule(explainer, answer.node_rule)->rule_id, "sgr-node-web");
	answer = asked(explainer, ASK_TCP("eni-c", "ingress", 443, CLIENT_TWO));
	assert_string_equal(bg_reason_name(answer.reason), "no-node-rule");
	assert_int_equal(answer.rule, 0);
	assert_null(bg_explain_rule(explainer, answer.rule));
	/* no rule, but a reason to pass */
	answer = asked(explainer, ASK_UDP("eni-a", "egress", 53, "169.254.169.253"));
	assert_true(answer.allowed);
	assert_string_equal(bg_reason_name(answer.reason), "platform");
	assert_null(bg_explain_rule(explainer, answer.rule));
	/* an address that is somebody else's */
	answer = asked(explainer, ASK("eni-a", "egress",
				      "'Protocol': 'tcp', 'Port': 5432, 'Remote': '" CLIENT "', "
				      "'Local': '" NEIGHBOUR "'"));
	assert_string_equal(bg_reason_name(answer.reason), "spoofed");
	bg_explainer_close(explainer);
	bg_model_free(model);
}

static void what_cannot_be_answered(void **state)
{
	const unsigned int ingress = BG_EXPLAIN_BIT(BG_EXPLAIN_BRANCH_INGRESS_XDP);
	struct bg_model *model = feed_parse(
		FEED(USUAL_NODE, ALL_RULES,
		     BRANCH("eni-a", 9, "strict", "'sg-a'", "{'Addresses': ['" POD "']}")));
	struct bg_explainer *explainer = opened(model, ingress);
	struct bg_question question = { .branch = "eni-x", .protocol = 47, .port = -1 };
	struct bg_answer answer;
	struct bg_error err;

	(void)state;
	bg_addr_parse(CLIENT, &question.remote);
	assert_int_equal(bg_explain(explainer, &question, &answer, &err), -ENOENT);
	assert_non_null(strstr(err.text, "eni-x"));
	strcpy(question.branch, "eni-a");
	question.direction = BG_EGRESS;
	assert_int_equal(bg_explain(explainer, &question, &answer, &err), -EINVAL);
	/* no address of that family: nothing can reach it */
	answer = asked(explainer, ASK_TCP("eni-a", "ingress", 443, CLIENT6));
	assert_string_equal(bg_reason_name(answer.reason), "not-ours");
	bg_explainer_close(explainer);
	bg_model_free(model);
}

static bool set_question(struct random_source *source, const struct bg_model *model,
			 const struct bg_model_branch *branch, struct bg_question *question,
			 struct oracle_service *service)
{
	struct bg_error err;

	*service = random_service(source, model);
	*question = (struct bg_question){
		.direction = random_below(source, 2),
		.protocol = service->protocol,
		.remote = random_addr(source, model),
		.port = bg_has_ports(service->protocol) ? service->port : -1,
		.icmp_type = bg_is_icmp(service->protocol) ? service->type : -1,
		.icmp_code = service->code,
	};
	snprintf(question->branch, sizeof(question->branch), "%s", branch->id);
	return !bg_question_check(question, &bg_question_keys, &err);
}

/* Where the packet's addresses are right and the platform and the node have no say,
 * the answer is the oracle's. */
static void agrees_with_the_oracle(void **state)
{
	struct random_source source = random_seeded();
	size_t compared = 0, allowed = 0;

	(void)state;
	for (int m = 0; m < MODELS; m++) {
		struct bg_model *model = random_model(&source);
		struct bg_explainer *explainer;
		struct bg_error err;

		model->node.filter_platform = true;
		model->node.has_groups = false;
		explainer = opened(model, both);
		for (int i = 0; i < QUESTIONS; i++) {
			const struct bg_model_branch *branch =
				&model->branches[random_below(&source, (__u32)model->branch_count)];
			struct bg_question question;
			struct oracle_service service;
			struct bg_answer answer;
			__u32 rule;

			if (!set_question(&source, model, branch, &question, &service))
				continue;
			if (bg_explain(explainer, &question, &answer, &err))
				fail_msg("%s", err.text);
			if (answer.reason == BG_REASON_SPOOFED ||
			    answer.reason == BG_REASON_NOT_OURS ||
			    answer.reason == BG_REASON_NEIGHBOUR)
				continue;
			rule = oracle_rule(model, branch, question.direction, &question.remote,
					   &service);
			assert_int_equal(answer.rule, rule);
			assert_int_equal(answer.allowed, rule != 0);
			compared++;
			allowed += answer.allowed;
		}
		bg_explainer_close(explainer);
		bg_model_free(model);
	}
	printf("# %zu questions, %zu allowed\n", compared, allowed);
	assert_in_range(compared, MODELS * QUESTIONS / 4, MODELS * QUESTIONS);
	assert_in_range(allowed, compared / 50, compared);
}

/* An interface elsewhere for each branch of the model, in its groups. */
static void add_interfaces(struct bg_model *model)
{
	model->interfaces = calloc(model->branch_count, sizeof(*model->interfaces));
	assert_non_null(model->interfaces);
	for (size_t i = 0; i < model->branch_count; i++) {
		const struct bg_model_branch *branch = &model->branches[i];
		struct bg_model_interface *interface = &model->interfaces[i];

		interface->id = strdup(branch->id);
		interface->groups = calloc(branch->group_count + 1, sizeof(*interface->groups));
		assert_non_null(interface->groups);
		memcpy(interface->groups, branch->groups,
		       branch->group_count * sizeof(*interface->groups));
		interface->group_count = branch->group_count;
		model->interface_count++;
	}
	for (size_t i = 0; i < model->group_count; i++) {
		model->groups[i].known = true;
		model->groups[i].stated[BG_INGRESS] = model->groups[i].stated[BG_EGRESS] = true;
	}
}

/* The other end has addresses that stand in for its own: what it says must be what a
 * branch in its groups says. */
static void elsewhere_agrees_with_the_oracle(void **state)
{
	struct random_source source = random_seeded();
	size_t compared = 0, allowed = 0;

	(void)state;
	for (int m = 0; m < MODELS; m++) {
		struct bg_model *model = random_model(&source);
		struct bg_explainer *explainer;
		struct bg_ends *ends;
		struct bg_error err;

		model->node.filter_platform = true;
		add_interfaces(model);
		explainer = opened(model, both);
		if (bg_ends_open(explainer, model, BG_ENDS_MANY, &ends, &err))
			fail_msg("%s", err.text);
		for (int i = 0; i < QUESTIONS; i++) {
			size_t branch = random_below(&source, (__u32)model->branch_count);
			struct bg_side side = { .end.interface = &model->interfaces[branch] };
			struct oracle_service service;
			__u32 rule;

			if (!set_question(&source, model, &model->branches[branch], &side.question,
					  &service))
				continue;
			if (bg_ends_judge(ends, &side, &err))
				fail_msg("%s", err.text);
			/* without groups it is not judged */
			assert_int_equal(side.judged, side.end.interface->group_count != 0);
			if (!side.judged || side.answer.reason == BG_REASON_NEIGHBOUR)
				continue;
			rule = oracle_rule(model, &model->branches[branch], side.question.direction,
					   &side.question.remote, &service);
			assert_int_equal(side.answer.rule, rule);
			assert_int_equal(side.answer.allowed, rule != 0);
			compared++;
			allowed += side.answer.allowed;
		}
		bg_ends_close(ends);
		bg_explainer_close(explainer);
		bg_model_free(model);
	}
	printf("# %zu questions, %zu allowed\n", compared, allowed);
	assert_in_range(compared, MODELS * QUESTIONS / 4, MODELS * QUESTIONS);
	assert_in_range(allowed, compared / 50, compared);
}

/* --- live ------------------------------------------------------------------- */

struct live {
	char pin_dir[64];
	struct bg_datapath *datapath;
	struct bg_model *model;
};

static void start_live(struct live *live)
{
	static const char *const only[] = { "tc_trunk_guard", NULL };
	struct bg_datapath_options options = { .pin_dir = live->pin_dir,
					       .only = only,
					       .max_flows = 64 };
	struct bg_publish_times times;
	bg_auto_close int lock_fd = -1;
	struct bg_error err;

	snprintf(live->pin_dir, sizeof(live->pin_dir), "/sys/fs/bpf/branchguard_test_%d", getpid());
	live->model = feed_parse(USUAL_FEED);
	if (bg_pin_lock(live->pin_dir, true, &lock_fd, &err) ||
	    bg_datapath_open(&options, &live->datapath, &err) ||
	    bg_datapath_set_model(live->datapath, live->model, &times, &err) ||
	    bg_datapath_pin(live->datapath, &err) < 0)
		fail_msg("%s", err.text);
}

static void stop_live(struct live *live)
{
	bg_datapath_close(live->datapath);
	bg_model_free(live->model);
	assert_int_equal(bg_pin_clear(live->pin_dir), 0);
}

static size_t live_hits(const struct live *live)
{
	int fd = bpf_map__fd(live->datapath->skel->maps.rules);
	struct bg_rule rule;
	size_t hits = 0;

	for (__u32 number = 1; number <= live->model->rule_count; number++)
		if (!bpf_map_lookup_elem(fd, &number, &rule))
			hits += rule.hits;
	return hits;
}

/* By the policy in force, at every question; nothing of the running one changes. */
static void live_asks_what_is_in_force(void **state)
{
	struct live live = {};
	struct bg_explainer *explainer;
	struct bg_publish_times times;
	struct bg_addr pod;
	struct bg_pod where = { .vlan = BRANCH_A };
	struct bg_answer answer;
	struct bg_model *narrow;
	struct bg_error err;

	(void)state;
	start_live(&live);
	bg_addr_parse(POD, &pod);
	assert_int_equal(bg_map_set(live.datapath->skel->maps.pods, &pod, &where, &err), 0);
	if (bg_explainer_open_live(live.pin_dir, both, &explainer, &err))
		fail_msg("%s", err.text);
	answer = asked(explainer, ASK_WEB);
	assert_string_equal(bg_reason_name(answer.reason), "rule");
	assert_string_equal(bg_explain_rule(explainer, answer.rule)->rule_id, "sgr-web");
	assert_string_equal(bg_explain_rule(explainer, answer.rule)->group_id, "sg-a");
	assert_string_equal(bg_explain_revision(explainer), "test");
	assert_int_equal(live_hits(&live), 0);

	/* another revision comes into force meanwhile */
	narrow = feed_parse(FEED(USUAL_NODE, RULES_A_OUT, ALL_BRANCHES));
	if (bg_datapath_set_model(live.datapath, narrow, &times, &err))
		fail_msg("%s", err.text);
	answer = asked(explainer, ASK_WEB);
	assert_string_equal(bg_reason_name(answer.reason), "no-rule");
	answer = asked(explainer, ASK_DB);
	assert_string_equal(bg_reason_name(answer.reason), "rule");
	assert_int_equal(live_hits(&live), 0);
	bg_explainer_close(explainer);
	bg_model_free(narrow);
	stop_live(&live);
}

/* An address that is not known is asked for, not made up. */
static void live_needs_an_address(void **state)
{
	struct live live = {};
	struct bg_explainer *explainer;
	struct bg_question question = question_of(ASK_WEB);
	struct bg_answer answer;
	struct bg_error err;

	(void)state;
	start_live(&live);
	if (bg_explainer_open_live(live.pin_dir, both, &explainer, &err))
		fail_msg("%s", err.text);
	assert_int_equal(bg_explain(explainer, &question, &answer, &err), -ENODATA);
	question.has_local = true;
	bg_addr_parse(POD, &question.local);
	assert_int_equal(bg_explain(explainer, &question, &answer, &err), 0);
	assert_true(answer.allowed);
	bg_explainer_close(explainer);
	stop_live(&live);
}

static void live_without_a_daemon(void **state)
{
	struct bg_explainer *explainer;
	struct bg_error err;

	(void)state;
	assert_int_equal(bg_explainer_open_live("/sys/fs/bpf/branchguard_test_none", both,
						&explainer, &err),
			 -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_question_is_a_first_packet),
		cmocka_unit_test(answers_name_group_and_rule),
		cmocka_unit_test(what_cannot_be_answered),
		cmocka_unit_test(agrees_with_the_oracle),
		cmocka_unit_test(elsewhere_agrees_with_the_oracle),
		cmocka_unit_test(live_asks_what_is_in_force),
		cmocka_unit_test(live_needs_an_address),
		cmocka_unit_test(live_without_a_daemon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
