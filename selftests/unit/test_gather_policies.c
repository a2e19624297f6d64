// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which pods a SecurityGroupPolicy selects, and which groups they get by all of them. */
#include "for_gather.h"
#include "test.h"

/* The groups that policies want for the pod shop/cart-0, in `text`. */
static void wanted(const char *labels, const char *account_labels, const char *policies, char *text,
		   size_t size)
{
	struct bg_cluster cluster = {};
	struct bg_names names = {};
	struct bg_error err;
	char *document;
	size_t used = 0;

	assert_true(asprintf(&document,
			     ITEMS("%s%s" POD("cart-0", ",'labels':%s",
					      "'serviceAccountName':'cart','nodeName':'n1'", "")),
			     policies, *policies ? "," : "", labels) > 0);
	gather(&cluster, "kubectl.json", document);
	free(document);
	if (account_labels) {
		assert_true(
			asprintf(&document,
				 ITEMS(OBJECT("v1", "ServiceAccount",
					      "'namespace':'shop','name':'cart','labels':%s", "")),
				 account_labels) > 0);
		gather(&cluster, "accounts.json", document);
		free(document);
	}
	gather(&cluster, "aws.json", GROUPS("") INTERFACES(""));
	if (bg_cluster_join(&cluster, &err))
		fail_msg("%s", err.text);
	assert_int_equal(bg_pod_wanted(&cluster, bg_find_pod(&cluster, "shop/cart-0"), &names), 0);
	text[0] = '\0';
	for (size_t i = 0; i < names.count; i++)
		used += snprintf(text + used, size - used, "%s%s", i ? " " : "", names.name[i]);
	bg_names_release(&names);
	bg_cluster_release(&cluster);
}

static void wants(const char *labels, const char *account_labels, const char *policies,
		  const char *expected)
{
	char text[256];

	wanted(labels, account_labels, policies, text, sizeof(text));
	if (strcmp(text, expected) != 0)
		fail_msg("%s, service account %s, policies %s: expected \"%s\", found \"%s\"",
			 labels, account_labels ? account_labels : "none", policies, expected,
			 text);
}

#define BY_POD(selector) POLICY("p", "'podSelector':{" selector "}," SELECTED("'sg-1'"))
#define EXPRESSION(key, operator, values)                                                          \
	"'matchExpressions':[{'key':'" key "','operator':'" operator"'" values "}]"

static void one_selector_and_the_pods_labels(void **state)
{
	static const struct {
		const char *labels, *policy;
		bool matches;
	} cases[] = {
		/* empty selects all, also what has no labels */
		{ "{}", BY_POD(""), true },
		{ "{'a':'b'}", BY_POD(""), true },
		{ "{}", BY_POD("'matchLabels':{}"), true },
		{ "{}", BY_POD("'matchExpressions':[]"), true },
		{ "{}", BY_POD("'matchLabels':null"), true },
		{ "{'app':'cart'}", BY_POD("'matchLabels':{'app':'cart'}"), true },
		{ "{'app':'cart2'}", BY_POD("'matchLabels':{'app':'cart'}"), false },
		{ "{'app':'Cart'}", BY_POD("'matchLabels':{'app':'cart'}"), false },
		{ "{'App':'cart'}", BY_POD("'matchLabels':{'app':'cart'}"), false },
		{ "{}", BY_POD("'matchLabels':{'app':'cart'}"), false },
		{ "{'app':''}", BY_POD("'matchLabels':{'app':''}"), true },
		{ "{}", BY_POD("'matchLabels':{'app':''}"), false },
		{ "{'a':'1','b':'2'}", BY_POD("'matchLabels':{'a':'1','b':'2'}"), true },
		{ "{'a':'1','b':'3'}", BY_POD("'matchLabels':{'a':'1','b':'2'}"), false },
		{ "{'a':'1'}", BY_POD(EXPRESSION("a", "In", ",'values':['2','1']")), true },
		{ "{'a':'3'}", BY_POD(EXPRESSION("a", "In", ",'values':['2','1']")), false },
		{ "{}", BY_POD(EXPRESSION("a", "In", ",'values':['1']")), false },
		{ "{'a':'1'}", BY_POD(EXPRESSION("a", "NotIn", ",'values':['2','1']")), false },
		{ "{'a':'3'}", BY_POD(EXPRESSION("a", "NotIn", ",'values':['2','1']")), true },
		/* what has no such label is in no set */
		{ "{}", BY_POD(EXPRESSION("a", "NotIn", ",'values':['1']")), true },
		{ "{'a':''}", BY_POD(EXPRESSION("a", "Exists", "")), true },
		{ "{}", BY_POD(EXPRESSION("a", "Exists", "")), false },
		{ "{'a':'1'}", BY_POD(EXPRESSION("a", "Exists", ",'values':[]")), true },
		{ "{'a':'1'}", BY_POD(EXPRESSION("a", "DoesNotExist", "")), false },
		{ "{'b':'1'}", BY_POD(EXPRESSION("a", "DoesNotExist", "")), true },
		/* both kinds have to hold */
		{ "{'a':'1','b':'2'}",
		  BY_POD("'matchLabels':{'a':'1'}," EXPRESSION("b", "Exists", "")), true },
		{ "{'a':'1'}", BY_POD("'matchLabels':{'a':'1'}," EXPRESSION("b", "Exists", "")),
		  false },
		/* what the controller cannot read selects nothing */
		{ "{'a':'1'}", BY_POD(EXPRESSION("a", "in", ",'values':['1']")), false },
		{ "{'a':'1'}", BY_POD(EXPRESSION("a", "In", ",'values':[]")), false },
		{ "{'a':'1'}", BY_POD(EXPRESSION("a", "In", "")), false },
		{ "{'a':'1'}", BY_POD(EXPRESSION("a", "Exists", ",'values':['1']")), false },
		{ "{'a':'1'}", BY_POD("'matchExpressions':[{'operator':'Exists'}]"), false },
		{ "{'a':'1'}", BY_POD("'matchLabels':{'a':1}"), false },
		{ "{'a':'1'}", BY_POD("'matchLabels':['a']"), false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		wants(cases[i].labels, NULL, cases[i].policy, cases[i].matches ? "sg-1" : "");
}

#define BOTH(pods, accounts)                                                                       \
	POLICY("p", "'podSelector':{" pods "},'serviceAccountSelector':{" accounts                 \
		    "}," SELECTED("'sg-1'"))
#define BY_ACCOUNT(selector)                                                                       \
	POLICY("p", "'serviceAccountSelector':{" selector "}," SELECTED("'sg-1'"))
#define TIER "'matchLabels':{'tier':'web'}"
#define APP_CART "'matchLabels':{'app':'cart'}"

static void selectors_of_pods_and_of_service_accounts(void **state)
{
	(void)state;
	wants("{}", "{'tier':'web'}", BY_ACCOUNT(TIER), "sg-1");
	wants("{}", "{'tier':'db'}", BY_ACCOUNT(TIER), "");
	/* it is the account's labels that count, not the pod's */
	wants("{'tier':'web'}", "{}", BY_ACCOUNT(TIER), "");
	wants("{}", "{}", BY_ACCOUNT(""), "sg-1");
	/* an account that is not there is selected by nothing, not even by {} */
	wants("{}", NULL, BY_ACCOUNT(""), "");
	wants("{'app':'cart'}", "{'tier':'web'}", BOTH(APP_CART, TIER), "sg-1");
	wants("{'app':'shop'}", "{'tier':'web'}", BOTH(APP_CART, TIER), "");
	wants("{'app':'cart'}", "{'tier':'db'}", BOTH(APP_CART, TIER), "");
	wants("{'app':'cart'}", "{'tier':'db'}", BOTH(APP_CART, ""), "sg-1");
	/* neither: the policy selects nothing; nor does one without groups */
	wants("{'app':'cart'}", "{}", POLICY("p", SELECTED("'sg-1'")), "");
	wants("{}", "{}", POLICY("p", "'podSelector':null," SELECTED("'sg-1'")), "");
	wants("{}", "{}", POLICY("p", "'podSelector':{}," SELECTED("")), "");
	wants("{}", "{}", POLICY("p", "'podSelector':{}"), "");
}

static void policies_add_up(void **state)
{
	(void)state;
	wants("{'app':'cart'}", NULL,
	      POLICY("a", "'podSelector':{}," SELECTED("'sg-2','sg-1'")) "," POLICY(
		      "b", "'podSelector':{" APP_CART
			   "}," SELECTED("'sg-3','sg-2'")) "," POLICY("c", "'podSelector':{" TIER
									   "}," SELECTED("'sg-4'")),
	      "sg-1 sg-2 sg-3");
	/* of another namespace none counts, whatever the names */
	wants("{}", NULL,
	      OBJECT("vpcresources.k8s.aws/v1beta1", "SecurityGroupPolicy",
		     "'namespace':'shop-2','name':'p'",
		     ",'spec':{'podSelector':{}," SELECTED(
			     "'sg-9'") "}") "," OBJECT("vpcresources.k8s.aws/v1beta1",
						       "SecurityGroupPolicy",
						       "'namespace':'sho','name':'p'",
						       ",'spec':{'podSelector':{}," SELECTED(
							       "'sg-8'") "}"),
	      "");
	/* nor does what another API group calls so */
	wants("{}", NULL,
	      OBJECT("example.com/v1", "SecurityGroupPolicy", "'namespace':'shop','name':'p'",
		     ",'spec':{'podSelector':{}," SELECTED("'sg-9'") "}"),
	      "");
}

static void of_one_policy_the_newest_counts(void **state)
{
	static const char old[] =
		ITEMS(OBJECT("vpcresources.k8s.aws/v1beta1", "SecurityGroupPolicy",
			     "'namespace':'shop','name':'p','resourceVersion':'9'",
			     ",'spec':{'podSelector':{}," SELECTED("'sg-old'") "}"));
	static const char new[] =
		ITEMS(OBJECT("vpcresources.k8s.aws/v1beta1", "SecurityGroupPolicy",
			     "'namespace':'shop','name':'p','resourceVersion':'10'",
			     ",'spec':{'podSelector':{}," SELECTED("'sg-new'") "}"));

	(void)state;
	for (int turn = 0; turn < 2; turn++) {
		struct bg_cluster cluster = {};
		struct bg_names names = {};
		struct bg_error err;

		gather(&cluster, "a.json", turn ? old : new);
		gather(&cluster, "b.json", turn ? new : old);
		gather(&cluster, "c.json", ITEMS(POD("cart-0", "", "", "")));
		gather(&cluster, "aws.json", GROUPS("") INTERFACES(""));
		assert_int_equal(bg_cluster_join(&cluster, &err), 0);
		bg_pod_wanted(&cluster, bg_find_pod(&cluster, "shop/cart-0"), &names);
		assert_int_equal(names.count, 1);
		assert_string_equal(names.name[0], "sg-new");
		must_report(&cluster, "1 policies stand in the files more than once");
		bg_names_release(&names);
		bg_cluster_release(&cluster);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_selector_and_the_pods_labels),
		cmocka_unit_test(selectors_of_pods_and_of_service_accounts),
		cmocka_unit_test(policies_add_up),
		cmocka_unit_test(of_one_policy_the_newest_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
