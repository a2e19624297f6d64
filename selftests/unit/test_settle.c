// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What is in force, by the document, what was in force, and the interfaces that are there:
 * who gets what is claimed twice, and what is kept although the document lacks it.
 */
#include "feed/settle.h"

#include <time.h>

#include "base/grow.h"
#include "feed_text.h"
#include "model_maker.h"
#include "test.h"

#define MAX 32

struct scene {
	struct bg_settling settling;
	bool branches[MAX], pods[MAX], alive[MAX];
};

static bool is_there(const char *there, const char *name)
{
	char wanted[32];

	snprintf(wanted, sizeof(wanted), " %s ", name);
	return *name && strstr(there, wanted);
}

/* `there`: names between blanks, one in front and one behind. */
static void look(struct scene *scene, const struct bg_model *document,
		 const struct bg_model *in_force, const char *there)
{
	size_t pod = 0;

	*scene = (struct scene){
		.settling = { .document = document,
			      .in_force = in_force,
			      .seen = { scene->branches, scene->pods },
			      .alive = scene->alive,
			      .now_ns = 1000,
			      .keep_ns = UINT64_MAX },
	};
	for (size_t i = 0; i < document->branch_count; i++) {
		const struct bg_model_branch *branch = &document->branches[i];

		scene->branches[i] = is_there(there, branch->interface);
		for (size_t k = 0; k < branch->pod_count; k++)
			scene->pods[pod++] = is_there(there, branch->pods[k].host_interface);
	}
	for (size_t i = 0; in_force && i < in_force->branch_count; i++) {
		const struct bg_model_branch *branch = &in_force->branches[i];
		bool veth = false;

		for (size_t k = 0; k < branch->pod_count; k++)
			veth |= is_there(there, branch->pods[k].host_interface);
		scene->alive[i] = veth && is_there(there, branch->interface);
	}
}

/* The model in force; NULL: it is the document as it is. */
static struct bg_model *settled(struct scene *scene)
{
	struct bg_decision decision = {};
	struct bg_model *model = NULL;

	assert_int_equal(bg_settle(&scene->settling, &decision), 0);
	if (!decision.as_document)
		assert_int_equal(bg_merge(&scene->settling, &decision, &model), 0);
	bg_decision_free(&decision);
	return model;
}

/* --- claims ------------------------------------------------------------------ */

/* eni-a and eni-b claim VLAN 9, eni-b and eni-c the interface x, eni-c and eni-d 10.0.0.3. */
#define POD(name, address)                                                                         \
	"'Pods':[{'Name':'" name "','HostInterface':'veth-" name "','Addresses':['" address "']}]}"
#define BRANCH(name, vlan, interface)                                                              \
	"{'Id':'eni-" name "','VlanId':" vlan ",'Interface':'" interface "',"
/* clang-format off */
#define CLAIMS                                                                                     \
	"{'FeedVersion':1,'SecurityGroups':[],'Branches':["                                        \
	BRANCH("a", "9", "v9") POD("a", "10.0.0.1") ","                                            \
	BRANCH("b", "9", "x") POD("b", "10.0.0.2") ","                                             \
	BRANCH("c", "10", "x") POD("c", "10.0.0.3") ","                                            \
	BRANCH("d", "11", "v11") POD("d", "10.0.0.3") "]}"
/* clang-format on */

static void claims_are(struct bg_model **in_force, const char *there, const char *expected)
{
	struct bg_model *document = feed_parse(CLAIMS), *model;
	char found[256] = "";
	struct scene scene;
	size_t used = 0;

	look(&scene, document, *in_force, there);
	model = settled(&scene);
	assert_non_null(model);
	for (size_t i = 0; i < model->branch_count; i++)
		used += snprintf(found + used, sizeof(found) - used, "%s%s%s", i ? " " : "",
				 model->branches[i].id,
				 model->branches[i].pods[0].address_count ? "" : "(no address)");
	if (strcmp(found, expected) != 0)
		fail_msg("with \"%s\": found \"%s\", expected \"%s\"", there, found, expected);
	bg_model_free(*in_force);
	bg_model_free(document);
	*in_force = model;
}

/* One after the other: what is in force is that of the line before. */
static void claims_go_to_who_lives(void **state)
{
	struct bg_model *in_force = NULL;

	(void)state;
	/* the only one left who claims its address */
	claims_are(&in_force, " ", "eni-d");
	claims_are(&in_force, " v9 veth-a ", "eni-a eni-d");
	/* eni-b lives, too: eni-a stays, and back */
	claims_are(&in_force, " v9 veth-a x veth-b ", "eni-a eni-d");
	claims_are(&in_force, " x veth-b ", "eni-b eni-d");
	claims_are(&in_force, " v9 veth-a x veth-b ", "eni-b eni-d");
	claims_are(&in_force, " v9 veth-a x ", "eni-a eni-d");
	/* an interface without a veth is no life */
	claims_are(&in_force, " v9 x ", "eni-d");
	/* both live, and neither is in force: nobody */
	claims_are(&in_force, " v9 veth-a x veth-b ", "eni-d");
	claims_are(&in_force, " v9 veth-a ", "eni-a eni-d");
	/* the interface x is eni-c's, and its address nobody's, or eni-d's if that lives */
	claims_are(&in_force, " x veth-c ", "eni-c eni-d(no address)");
	claims_are(&in_force, " x veth-c v11 veth-d ", "eni-c eni-d(no address)");
	claims_are(&in_force, " x v11 veth-d ", "eni-d");
	claims_are(&in_force, " x veth-c v11 veth-d ", "eni-c(no address) eni-d");
	bg_model_free(in_force);
}

/* Nothing changes to and fro: the same interfaces, the same decision, by the same hash. */
static void a_decision_stays(void **state)
{
	struct bg_model *document = feed_parse(CLAIMS), *model;
	struct bg_decision first = {}, second = {};
	struct scene scene;

	(void)state;
	look(&scene, document, NULL, " v9 veth-a v11 veth-d ");
	assert_int_equal(bg_settle(&scene.settling, &first), 0);
	model = settled(&scene);
	look(&scene, document, model, " v9 veth-a v11 veth-d ");
	assert_int_equal(bg_settle(&scene.settling, &second), 0);
	assert_true(first.hash == second.hash);
	bg_decision_free(&second);
	look(&scene, document, model, " v11 veth-d ");
	assert_int_equal(bg_settle(&scene.settling, &second), 0);
	assert_true(first.hash != second.hash);
	bg_decision_free(&first);
	bg_decision_free(&second);
	bg_model_free(model);
	bg_model_free(document);
}

/* An entry that stands there twice in the same words is that entry. */
static void the_same_twice(void **state)
{
	struct bg_model *document = feed_parse(
		"{'FeedVersion':1,'SecurityGroups':[{'GroupId':'sg-1','IpPermissions':[{"
		"'IpProtocol':'-1','UserIdGroupPairs':[{'GroupId':'sg-1'}]}]}],"
		"'DefaultGroupIds':['sg-1'],'Branches':["
		"{'Id':'eni-1','VlanId':9," POD("a", "10.0.0.1") ","
								 "{'Id':'eni-1','VlanId':9," POD(
									 "a", "10.0.0.1") "]}");
	struct bg_model *model;
	struct scene scene;
	char *found;

	(void)state;
	look(&scene, document, NULL, " ");
	model = settled(&scene);
	found = feed_describe(model, FEED_BRANCHES | FEED_SETS);
	assert_string_equal(found, "set sg-1: 10.0.0.1/32\n"
				   "branch eni-1 9 vlan.eth.9 strict: sg-1\n"
				   "  pod /a veth-a: 10.0.0.1\n");
	free(found);
	bg_model_free(model);
	bg_model_free(document);
}

/* --- many claims ------------------------------------------------------------- */

static double cpu_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* A decision is made in the daemon's loop. What is compared by twos takes minutes here. */
static void is_decided_soon(const struct bg_model *document, const struct bg_model *in_force)
{
	struct bg_settling settling = { .document = document, .in_force = in_force };
	struct bg_decision decision = {};
	struct bg_model *model = NULL;
	double start_s = cpu_s();

	assert_int_equal(bg_settle(&settling, &decision), 0);
	assert_int_equal(bg_merge(&settling, &decision, &model), 0);
	start_s = cpu_s() - start_s;
	bg_decision_free(&decision);
	bg_model_free(model);
	if (start_s > 3)
		fail_msg("it took %.1f s", start_s);
}

static void add_claim(struct bg_model *model, enum bg_claim_kind kind, struct bg_addr address,
		      size_t first, size_t count)
{
	struct bg_claim *claim = BG_GROW(model->claims, model->claim_count);

	assert_non_null(claim);
	*claim = (struct bg_claim){ .kind = kind, .address = address };
	for (size_t i = 0; i < count; i++) {
		struct bg_claimant *claimant = BG_GROW(claim->claimants, claim->claimant_count);

		if (!claimant)
			fail_msg("out of memory");
		else
			*claimant = (struct bg_claimant){ .branch = first + i };
	}
}

/* Branches with one id and many groups, of which the last ones' pods differ. */
static void many_branches_claim_one_id(void **state)
{
	const struct bg_addr none = {};
	struct bg_model *model = maker_new();
	char id[16];

	(void)state;
	for (int i = 0; i < 300; i++) {
		snprintf(id, sizeof(id), "sg-%d", i);
		maker_group(model, id);
	}
	for (size_t i = 0; i < 700; i++) {
		size_t branch = maker_branch(model, "eni-1", 9);

		for (size_t k = 0; k < 300; k++)
			maker_branch_group(model, branch, k);
		snprintf(id, sizeof(id), "pod-%zu", i);
		maker_pod(model, branch, id);
	}
	add_claim(model, BG_CLAIM_ID, none, 0, model->branch_count);
	is_decided_soon(model, NULL);
	bg_model_free(model);
}

/* Each pair of neighbours has an address in common, which both lose. */
static void many_addresses_are_claimed(void **state)
{
	struct bg_model *model = maker_new();
	const size_t count = 120000;

	(void)state;
	model->branches = calloc(1 << 17, sizeof(*model->branches));
	model->claims = calloc(1 << 16, sizeof(*model->claims));
	for (size_t i = 0; i < count; i++) {
		struct bg_addr address = { .byte = { 0x20, i >> 17, i >> 9, i >> 1 } };
		size_t branch = maker_branch(model, "eni-1", 9);

		maker_pod(model, branch, "pod");
		maker_pod_address(model, branch, 0, address);
		if (i % 2)
			add_claim(model, BG_CLAIM_ADDRESS, address, i - 1, 2);
	}
	is_decided_soon(model, NULL);
	bg_model_free(model);
}

/* Lists that the document names and does not have; others were in force. */
static void many_lists_are_missing(void **state)
{
	struct bg_model *document = maker_new(), *before = maker_new();
	char name[16];

	(void)state;
	for (int i = 0; i < 120000; i++) {
		struct bg_model *model = i % 2 ? document : before;
		size_t set;

		snprintf(name, sizeof(name), "pl-%d", i);
		set = maker_set(model, name);
		model->sets[set].kind = BG_SET_LIST;
		model->sets[set].resolved = model == before;
	}
	is_decided_soon(document, before);
	bg_model_free(document);
	bg_model_free(before);
}

/* --- what is kept ---------------------------------------------------------------- */

#define GROUP(id, rules) "{'GroupId':'" id "','IpPermissions':[" rules "]}"
#define FROM_GROUP "{'IpProtocol':'-1','UserIdGroupPairs':[{'GroupId':'sg-2'}]}"
#define FROM_LIST "{'IpProtocol':'-1','PrefixListIds':[{'PrefixListId':'pl-1'}]}"
/* clang-format off */
#define BEFORE                                                                                     \
	"{'FeedVersion':1,'SecurityGroups':[" GROUP("sg-1", FROM_GROUP "," FROM_LIST) ","          \
	GROUP("sg-2", "{'IpProtocol':'-1','IpRanges':[{'CidrIp':'10.9.0.0/16'}]}") "],"            \
	"'PrefixLists':[{'PrefixListId':'pl-1','Entries':[{'Cidr':'192.0.2.0/24'}]}],"             \
	"'NetworkInterfaces':[{'Groups':[{'GroupId':'sg-2'}],'PrivateIpAddress':'10.1.0.1'}],"     \
	"'Branches':[{'Id':'eni-a','VlanId':9,'GroupIds':['sg-1'],"                                \
	POD("a", "10.0.0.1") ","                                                                   \
	"{'Id':'eni-b','VlanId':10,'GroupIds':['sg-2']," POD("b", "10.0.0.2") "]}"
/* clang-format on */
#define ALL_THERE " vlan.eth.9 veth-a vlan.eth.10 veth-b "
#define KEPT_A "branch eni-a 9 vlan.eth.9 strict: sg-1\n  pod /a veth-a: 10.0.0.1\n"
#define KEPT_B "branch eni-b 10 vlan.eth.10 strict: sg-2\n  pod /b veth-b: 10.0.0.2\n"
#define RULES_1 "group sg-1\n  - ingress -1 0-65535 sg-2\n  - ingress -1 0-65535 pl-1\n"
#define RULES_2 "group sg-2\n  - ingress -1 0-65535 10.9.0.0/16\n"
#define EMPTY "{'FeedVersion':1,'SecurityGroups':[],'Branches':[]}"

static const struct kept {
	const char *name, *document, *there;
	const char *expected; /* NULL: the document as it is */
} kept[] = {
	{ "an empty document", EMPTY, ALL_THERE,
	  RULES_1 RULES_2 "set sg-2: 10.0.0.2/32\nset pl-1: 192.0.2.0/24\nset 10.9.0.0/16: "
			  "10.9.0.0/16\n" KEPT_A KEPT_B },
	{ "only one of them lives", EMPTY, " vlan.eth.9 veth-a vlan.eth.10 ",
	  RULES_1 "set sg-2: (unresolved)\nset pl-1: 192.0.2.0/24\n" KEPT_A },
	{ "none lives", EMPTY, " veth-a vlan.eth.10 ", NULL },
	{ "members follow the document",
	  "{'FeedVersion':1,'SecurityGroups':[],'NetworkInterfaces':[{'Groups':[{'GroupId':"
	  "'sg-2'}],'PrivateIpAddress':'10.1.0.2'}]}",
	  ALL_THERE,
	  RULES_1 RULES_2 "set sg-2: 10.0.0.2/32 10.1.0.2/32\nset pl-1: 192.0.2.0/24\n"
			  "set 10.9.0.0/16: 10.9.0.0/16\n" KEPT_A KEPT_B },
	{ "lists follow it, too, an empty one at once",
	  "{'FeedVersion':1,'SecurityGroups':[" GROUP("sg-2",
						      "") "],'PrefixLists':[{"
							  "'PrefixListId':'pl-1','Entries':[]}]}",
	  " vlan.eth.9 veth-a ", "group sg-2\n" RULES_1 "set sg-2:\nset pl-1:\n" KEPT_A },
	{ "a group without rules takes effect at once",
	  "{'FeedVersion':1,'SecurityGroups':[" GROUP("sg-1", "") "]}", " vlan.eth.9 veth-a ",
	  "group sg-1\n" KEPT_A },
	{ "a group that a branch of the document names",
	  "{'FeedVersion':1,'SecurityGroups':[],'Branches':[{'Id':'eni-a','VlanId':9,"
	  "'GroupIds':['sg-2']," POD("a", "10.0.0.1") "]}",
	  " vlan.eth.9 veth-a ",
	  RULES_2 "set 10.9.0.0/16: 10.9.0.0/16\n"
		  "branch eni-a 9 vlan.eth.9 strict: sg-2\n  pod /a veth-a: 10.0.0.1\n" },
	{ "a list that a rule of the document names",
	  "{'FeedVersion':1,'SecurityGroups':[" GROUP("sg-3", FROM_LIST) "]}", " ",
	  "group sg-3\n  - ingress -1 0-65535 pl-1\nset pl-1: 192.0.2.0/24\n" },
	{ "GroupIds [] cuts off at once",
	  "{'FeedVersion':1,'SecurityGroups':[],'Branches':[{'Id':'eni-a','VlanId':9,"
	  "'GroupIds':[]," POD("a", "10.0.0.1") "]}",
	  " vlan.eth.9 veth-a ", NULL },
	/* what the document names ends what is kept */
	{ "its VLAN",
	  "{'FeedVersion':1,'SecurityGroups':[],'Branches':[{'Id':'eni-x','VlanId':9,"
	  "'Interface':'y','Pods':[]}]}",
	  " vlan.eth.9 veth-a ", NULL },
	{ "its interface",
	  "{'FeedVersion':1,'SecurityGroups':[],'Branches':[{'Id':'eni-x','VlanId':8,"
	  "'Interface':'vlan.eth.9','Pods':[]}]}",
	  " vlan.eth.9 veth-a ", NULL },
	{ "its veth",
	  "{'FeedVersion':1,'SecurityGroups':[],'Branches':[{'Id':'eni-x','VlanId':8,"
	  "'Pods':[{'HostInterface':'veth-a','Addresses':[]}]}]}",
	  " vlan.eth.9 veth-a ", NULL },
	{ "its address",
	  "{'FeedVersion':1,'SecurityGroups':[],'Branches':[{'Id':'eni-x','VlanId':8,"
	  "'Pods':[{'Addresses':['10.0.0.1']}]}]}",
	  " vlan.eth.9 veth-a ", NULL },
	{ "its interface, as the node's",
	  "{'FeedVersion':1,'SecurityGroups':[],'Node':{'PrimaryInterface':'vlan.eth.9'}}",
	  " vlan.eth.9 veth-a ", NULL },
	{ "its address, as the node's",
	  "{'FeedVersion':1,'SecurityGroups':[],'Node':{'Addresses':['10.0.0.1']}}",
	  " vlan.eth.9 veth-a ", NULL },
	{ "nothing that was in force is lacking", BEFORE, ALL_THERE, NULL },
};

#define KEPT (sizeof(kept) / sizeof(kept[0]))

static void is_kept(void **state)
{
	const struct kept *test = *state;
	struct bg_model *before = feed_parse(BEFORE), *document = feed_parse(test->document);
	struct bg_model *model;
	struct scene scene;
	char *found;

	look(&scene, document, before, test->there);
	model = settled(&scene);
	if (!test->expected) {
		assert_null(model);
	} else {
		assert_non_null(model);
		found = feed_describe(model, FEED_ALL & ~FEED_WARNINGS);
		assert_string_equal(found, test->expected);
		free(found);
	}
	bg_model_free(model);
	bg_model_free(document);
	bg_model_free(before);
}

/* Kept for as long as it was given, each by its own time, through documents that lack it. */
static void kept_for_a_time(void **state)
{
	struct bg_model *before = feed_parse(BEFORE), *document = feed_parse(EMPTY), *model, *later;
	struct scene scene;

	(void)state;
	look(&scene, document, before, ALL_THERE);
	scene.settling.keep_ns = 100;
	model = settled(&scene);
	assert_int_equal(model->branch_count, 2);
	assert_true(model->branches[0].kept_since_ns == 1000);
	assert_true(model->groups[0].kept_since_ns == 1000);
	look(&scene, document, model, ALL_THERE);
	scene.settling.keep_ns = 100;
	scene.settling.now_ns = 1099;
	later = settled(&scene);
	assert_int_equal(later->branch_count, 2);
	assert_true(later->branches[0].kept_since_ns == 1000);
	bg_model_free(later);
	scene.settling.now_ns = 1100;
	assert_null(settled(&scene));
	/* --keep-lost 0 */
	look(&scene, document, before, ALL_THERE);
	scene.settling.keep_ns = 0;
	assert_null(settled(&scene));
	bg_model_free(model);
	bg_model_free(document);
	bg_model_free(before);
}

/* Branches with the same groups share a policy, which is known by their order. */
static void the_groups_of_a_kept_branch_are_in_the_document_s_order(void **state)
{
	struct bg_model *before =
		feed_parse("{'FeedVersion':1,'SecurityGroups':[" GROUP("sg-1", "") "," GROUP(
			"sg-2", "") "],'Branches':[{'Id':'eni-a','VlanId':9,"
				    "'GroupIds':['sg-1','sg-2']," POD("a", "10.0.0.1") "]}");
	struct bg_model *document = feed_parse("{'FeedVersion':1,'SecurityGroups':[" GROUP(
		"sg-2", "") "," GROUP("sg-1", "") "],'Branches':[]}");
	struct bg_model *model;
	struct scene scene;

	(void)state;
	look(&scene, document, before, ALL_THERE);
	model = settled(&scene);
	assert_non_null(model);
	assert_int_equal(model->branches[0].group_count, 2);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(model->branches[0].groups[i], i);
	assert_string_equal(model->groups[0].id, "sg-2");
	bg_model_free(model);
	bg_model_free(document);
	bg_model_free(before);
}

int main(void)
{
	static struct CMUnitTest tests[KEPT + 8] = {
		[KEPT] = cmocka_unit_test(claims_go_to_who_lives),
		[KEPT + 1] = cmocka_unit_test(a_decision_stays),
		[KEPT + 2] = cmocka_unit_test(the_same_twice),
		[KEPT + 3] = cmocka_unit_test(kept_for_a_time),
		[KEPT + 4] = cmocka_unit_test(many_branches_claim_one_id),
		[KEPT + 5] = cmocka_unit_test(many_addresses_are_claimed),
		[KEPT + 6] = cmocka_unit_test(many_lists_are_missing),
		[KEPT + 7] =
			cmocka_unit_test(the_groups_of_a_kept_branch_are_in_the_document_s_order),
	};

	for (size_t i = 0; i < KEPT; i++)
		tests[i] = (struct CMUnitTest){ .name = kept[i].name,
						.test_func = is_kept,
						.initial_state = (void *)&kept[i] };
	return _cmocka_run_group_tests("settle", tests, KEPT + 8, NULL, NULL);
}
