// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What `build --explain` says of a pod: its interface, its groups, and each policy. */
#include "fleet/gather/why.h"
#include "for_gather.h"
#include "test.h"

#define PAY POLICY("pay", "'podSelector':{'matchLabels':{'app':'cart'}}," SELECTED("'sg-1'"))

/* The answer for shop/p in these answers. */
static void answer_is(const char *pod, const char *more, const char *aws, const char *expected)
{
	struct bg_cluster cluster = {};
	const struct bg_kube_pod *found = NULL;
	struct bg_error err;
	char *document, *text = NULL;
	size_t size;
	FILE *out;

	assert_true(asprintf(&document, ITEMS("%s%s"), pod, more) > 0);
	gather(&cluster, "kubectl.json", document);
	gather(&cluster, "aws.json", GROUPS(""));
	gather(&cluster, "ec2.json", aws);
	free(document);
	if (bg_cluster_join(&cluster, &err) || bg_why_find(&cluster, "shop/p", &found, &err))
		fail_msg("%s", err.text);
	out = open_memstream(&text, &size);
	assert_non_null(out);
	assert_int_equal(bg_why(&cluster, found, out), 0);
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
	bg_cluster_release(&cluster);
}

#define BRANCH POD("p", ANNOTATED("eni-1", "9", "10.0.0.1"), ON_N1, "'phase':'Running'")
#define HEAD "shop/p on n1, service account default\n"
#define INTERFACE_LINE "  branch    eni-1, VLAN 9, 10.0.0.1\n"

static void a_pod_with_an_interface(void **state)
{
	(void)state;
	answer_is(BRANCH, "," PAY, INTERFACES(INTERFACE("eni-1", "sg-1", "10.0.0.1")),
		  HEAD INTERFACE_LINE "  groups    sg-1, which EC2 says its interface has\n"
				      "  policy    shop/pay: selects it: sg-1\n");
	answer_is(
		BRANCH, "," PAY, INTERFACES(INTERFACE("eni-1", "sg-2", "10.0.0.1")),
		HEAD INTERFACE_LINE
		"  groups    sg-2, which EC2 says its interface has\n"
		"  drift     sg-1, which its policies want now: an interface keeps what it was made "
		"with until the pod is made anew, or somebody changed it in EC2\n"
		"  policy    shop/pay: selects it: sg-1\n");
	answer_is(BRANCH, "," PAY,
		  INTERFACES(
			  "{'NetworkInterfaceId':'eni-1','Groups':[{'GroupId':'sg-1'},{'GroupId':"
			  "'sg-2'}],'PrivateIpAddress':'10.0.0.2'}"),
		  HEAD INTERFACE_LINE
		  "  groups    sg-1, which its policies want and EC2 says its interface has; EC2 "
		  "also says that the interface has not its addresses, so where another pod of the "
		  "node has the interface or the VLAN, this one has nothing\n"
		  "  policy    shop/pay: selects it: sg-1\n");
	answer_is(BRANCH, "," PAY, INTERFACES(""),
		  HEAD INTERFACE_LINE
		  "  groups    sg-1, which its policies want: EC2's answer does "
		  "not have the interface\n"
		  "  policy    shop/pay: selects it: sg-1\n");
	answer_is(
		BRANCH, "", INTERFACES(""),
		HEAD INTERFACE_LINE
		"  groups    none, by its policies: EC2's answer does not have the interface, which "
		"then got those of the node\n"
		"  policy    none in namespace shop\n");
	answer_is(POD("p", ANNOTATED("eni-1", "9", "10.0.0.1") ",'deletionTimestamp':'now'", ON_N1,
		      "'phase':'Running'"),
		  "", INTERFACES(INTERFACE("eni-1", "sg-2", "10.0.0.1")),
		  HEAD
		  "  branch    eni-1, VLAN 9, 10.0.0.1; the pod is being ended, and guarded until "
		  "it is gone\n"
		  "  groups    sg-2, which EC2 says its interface has\n"
		  "  drift     none, which its policies want now: an interface keeps what it was "
		  "made with until the pod is made anew, or somebody changed it in EC2\n"
		  "  policy    none in namespace shop\n");
}

static void a_pod_without_one(void **state)
{
	(void)state;
	answer_is(POD("p", ",'labels':{'app':'cart'}", ON_N1, "'phase':'Running'"), "," PAY,
		  INTERFACES(""),
		  HEAD "  branch    none: it has no interface of its own (no annotation "
		       "vpc.amazonaws.com/pod-eni): it goes with the node's groups\n"
		       "  wanted    sg-1, by its policies\n"
		       "  policy    shop/pay: selects it: sg-1\n");
	answer_is(POD("p", "", "", "'phase':'Pending'"), "", INTERFACES(""),
		  "shop/p on no node yet, service account default\n"
		  "  branch    none: it has no interface yet: nothing has annotated it with "
		  "vpc.amazonaws.com/pod-eni\n"
		  "  wanted    none, by its policies\n"
		  "  policy    none in namespace shop\n");
	answer_is(POD("p", "", ON_N1 ",'hostNetwork':true", ""), "", INTERFACES(""),
		  HEAD
		  "  branch    none: it is in the node's own network: policies do not count, and "
		  "the node's groups do\n"
		  "  policy    none in namespace shop\n");
	answer_is(POD("p", ANNOTATED("eni-1", "9", "10.0.0.1"), ON_N1, "'phase':'Failed'"), "",
		  INTERFACES(""),
		  HEAD "  branch    none: it has finished: its interface was given back\n"
		       "  wanted    none, by its policies\n"
		       "  policy    none in namespace shop\n");
	answer_is(POD("p", ",'annotations':{'fargate.amazonaws.com/pod-sg':'sg-7'}", ON_N1, ""), "",
		  INTERFACES(""),
		  HEAD "  branch    none: it runs on Fargate: it is a member of its groups, and no "
		       "node's branch\n"
		       "  groups    sg-7, by its annotation fargate.amazonaws.com/pod-sg\n"
		       "  wanted    none, by its policies\n"
		       "  policy    none in namespace shop\n");
}

static void policies_that_do_not_select_it(void **state)
{
	(void)state;
	answer_is(
		BRANCH,
		"," POLICY("a", SELECTED("'sg-1'")) "," POLICY("b", "'podSelector':{}") "," POLICY(
			"c",
			"'podSelector':{'matchLabels':{'app':'pay'}}," SELECTED(
				"'sg-1'")) "," POLICY("d",
						      "'podSelector':{'matchExpressions':[{'key':'tier','operator':"
						      "'Exists'}]}," SELECTED(
							      "'sg-1'")) "," POLICY("e",
										    "'serviceAccountSelector':{'matchExpressions':[{'key':'t',"
										    "'operator':'NotIn','values':['2','1']}]}," SELECTED(
											    "'sg-1'")) ",{'apiVersion':'v1','kind':'ServiceAccount','metadata':{'namespace':'shop',"
												       "'name':'default','labels':{'t':'1'}}}",
		INTERFACES(""),
		HEAD INTERFACE_LINE
		"  groups    none, by its policies: EC2's answer does not have the interface, which "
		"then got those of the node\n"
		"  policy    shop/a: selects nothing: it has no selector\n"
		"  policy    shop/b: selects nothing: it has no groups\n"
		"  policy    shop/c: not by its podSelector: wants app in (pay), found \"cart\"\n"
		"  policy    shop/d: not by its podSelector: wants tier exists, found no such label\n"
		"  policy    shop/e: not by its serviceAccountSelector, of service account default: "
		"wants t not in (1, 2), found \"1\"\n");
	answer_is(
		POD("p", "", ON_N1 ",'serviceAccountName':'cart'", ""),
		"," POLICY("a", "'serviceAccountSelector':{}," SELECTED("'sg-1'")), INTERFACES(""),
		"shop/p on n1, service account cart\n"
		"  branch    none: it has no interface of its own (no annotation "
		"vpc.amazonaws.com/pod-eni): it goes with the node's groups\n"
		"  wanted    none, by its policies\n"
		"  policy    shop/a: not by its serviceAccountSelector: the files do not have the "
		"service account cart\n");
}

static void pods_by_their_names(void **state)
{
	struct bg_cluster cluster = {};
	const struct bg_kube_pod *pod = NULL;
	struct bg_error err;

	(void)state;
	gather(&cluster, "k.json",
	       ITEMS(POD("a", "", "", "") "," POD(
		       "b", "", "", "") ",{'apiVersion':'v1','kind':'Pod',"
					"'metadata':{'namespace':'other','name':'b'},'spec':{}}"));
	gather(&cluster, "aws.json", GROUPS("") INTERFACES(""));
	assert_int_equal(bg_cluster_join(&cluster, &err), 0);
	assert_int_equal(bg_why_find(&cluster, "a", &pod, &err), 0);
	assert_string_equal(pod->object.path, "shop/a");
	assert_int_equal(bg_why_find(&cluster, "other/b", &pod, &err), 0);
	assert_string_equal(pod->object.path, "other/b");
	assert_int_equal(bg_why_find(&cluster, "b", &pod, &err), -EINVAL);
	assert_string_equal(err.text, "pod 'b': found other/b and shop/b, expected NAMESPACE/NAME");
	assert_int_equal(bg_why_find(&cluster, "other/a", &pod, &err), -ENOENT);
	assert_int_equal(bg_why_find(&cluster, "", &pod, &err), -ENOENT);
	bg_cluster_release(&cluster);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pod_with_an_interface),
		cmocka_unit_test(a_pod_without_one),
		cmocka_unit_test(policies_that_do_not_select_it),
		cmocka_unit_test(pods_by_their_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
