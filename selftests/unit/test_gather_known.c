// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Objects of an API server that are kept without what is not read of them, and what lists and events
 * make of them. That trimmed ones make the same feed show the tests of gather (for_gather.c).
 */
#include "fleet/gather/known_objects.h"
#include "for_gather.h"
#include "test.h"

static struct bg_known known;
static struct bg_error err;

static int setup(void **state)
{
	(void)state;
	known = (struct bg_known){ .kind = BG_TRIMMED_PODS };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bg_known_release(&known);
	return 0;
}

static int put(const char *text)
{
	json_t *object = gather_json(text);
	int rc = bg_known_put(&known, object, &err);

	json_decref(object);
	return rc;
}

static void put_named(unsigned int number)
{
	char text[128];

	snprintf(text, sizeof(text), "{'metadata':{'namespace':'shop','name':'p%u'},'spec':{}}",
		 number);
	assert_int_equal(put(text), 0);
}

static int take_away(const char *text)
{
	json_t *object = gather_json(text);
	int rc = bg_known_remove(&known, object, &err);

	json_decref(object);
	return rc;
}

static void is_trimmed_to(enum bg_trimmed_kind kind, const char *text, const char *wanted)
{
	struct bg_json_writer writer = {};
	json_t *object = gather_json(text);
	char *trimmed;

	assert_int_equal(bg_kube_trim(kind, object, &writer, &err), 0);
	trimmed = strndup(writer.text, writer.length_bytes);
	must_have(trimmed, wanted);
	must_lack(trimmed, "secret");
	free(trimmed);
	json_decref(object);
	bg_json_writer_free(&writer);
}

static void what_is_not_read_is_not_kept(void **state)
{
	(void)state;
	is_trimmed_to(
		BG_TRIMMED_PODS,
		"{'metadata':{'name':'p','namespace':'n','uid':'secret','resourceVersion':'7',"
		"'managedFields':[{'secret':1}],'labels':{'app':'cart','a/b':'\\u0000'},"
		"'annotations':{'secret':'1','vpc.amazonaws.com/pod-eni':'[]'}},"
		"'spec':{'containers':[{'name':'app','image':'secret','env':[{'name':'secret'}],"
		"'ports':[{'containerPort':80,'name':'http','protocol':'secret'}],"
		"'readinessProbe':{'httpGet':{'port':'http','path':'secret','host':''},"
		"'periodSeconds':10,'exec':'secret'}}],'volumes':['secret'],'hostNetwork':false},"
		"'status':{'phase':'Running','conditions':['secret'],'podIPs':[{'ip':'10.0.0.1'}]}}",
		"{'apiVersion':'v1','kind':'Pod','metadata':{'name':'p','namespace':'n','labels':{"
		"'app':'cart','a/b':'\\u0000'},'annotations':{'vpc.amazonaws.com/pod-eni':'[]'}},"
		"'spec':{'hostNetwork':false,'containers':[{'name':'app','ports':[{'name':'http',"
		"'containerPort':80}],'readinessProbe':{'httpGet':{'port':'http','host':''}}}]},"
		"'status':{'phase':'Running','podIPs':[{'ip':'10.0.0.1'}]}}");
	is_trimmed_to(BG_TRIMMED_NODES,
		      "{'kind':'Node','apiVersion':'v1','metadata':{'name':'n','labels':{"
		      "'secret':''}},'status':{'images':['secret'],'addresses':[{'type':"
		      "'InternalIP','address':'10.0.0.1'}]}}",
		      "{'apiVersion':'v1','kind':'Node','metadata':{'name':'n'},'status':{"
		      "'addresses':[{'type':'InternalIP','address':'10.0.0.1'}]}}");
	/* of what is deeper than anything that is read only the type is left */
	is_trimmed_to(BG_TRIMMED_ACCOUNTS,
		      "{'metadata':{'name':'a','namespace':'n','labels':{'x':[[[[[[[[[['secret'"
		      "]]]]]]]]]]}}}",
		      "'labels':{'x':[[[[[[[[]]]]]]]]}");
}

/* What the other tests of gather do not need for a feed: see feed_of(). */
static void what_is_read_is_kept(void **state)
{
	struct bg_cluster cluster = {};
	char *feed;

	(void)state;
	feed = feed_of(
		&cluster,
		ITEMS(NODE_N1 "," POD(
			"a", ANNOTATED("eni-8", "8", "10.0.0.8"),
			ON_N1
			",'serviceAccountName':'one','containers':[{'name':'app','startupProbe':{"
			"'grpc':{'port':81}},'livenessProbe':{'tcpSocket':{'port':82}},"
			"'lifecycle':{'preStop':{'httpGet':{'port':83}},'postStart':{'httpGet':{"
			"'port':84}}}}],'initContainers':[{'name':'side','restartPolicy':'Always',"
			"'readinessProbe':{'httpGet':{'port':85}}},{'name':'init',"
			"'readinessProbe':{'httpGet':{'port':86}}}]",
			"") "," POD("b", ANNOTATED("eni-9", "9", "10.0.0.9"),
				    ON_N1 ",'serviceAccount':'two'",
				    "") "," OBJECT("v1", "ServiceAccount",
						   "'namespace':'shop','name':'one','labels':{'tier':'one'}",
						   "") "," OBJECT("v1", "ServiceAccount",
								  "'namespace':'shop','name':'two','labels':{'tier':'two'}",
								  "") "," POLICY("p1",
										 "'serviceAccountSelector':{'matchLabels':{'tier':'one'}}," SELECTED(
											 "'sg-1'")) "," POLICY("p2",
													       "'serviceAccountSelector':{'matchExpressions':[{'key':'tier',"
													       "'operator':'NotIn','values':['one']}]}," SELECTED(
														       "'sg-2'"))),
		GROUPS(GROUP("sg-1") "," GROUP("sg-2")) INTERFACES(""));
	for (int port = 81; port <= 85; port++) {
		char text[16];

		snprintf(text, sizeof(text), "'Port':%d", port);
		must_have(feed, text);
	}
	must_lack(feed, "'Port':86");
	must_have(feed, "'GroupIds':['sg-1']");
	must_have(feed, "'GroupIds':['sg-2']");
	free(feed);
	bg_cluster_release(&cluster);
}

static void other_kinds_are_refused(void **state)
{
	(void)state;
	assert_int_equal(put("{'kind':'Node','apiVersion':'v1','metadata':{'name':'p'}}"), -EPROTO);
	assert_int_equal(put("{'kind':'Pod','apiVersion':'v2','metadata':{'name':'p'}}"), -EPROTO);
	assert_int_equal(put("{'kind':7,'metadata':{'name':'p'}}"), -EPROTO);
	assert_int_equal(put("{'metadata':{}}"), -EPROTO);
	assert_int_equal(put("{'metadata':{'name':''}}"), -EPROTO);
	assert_int_equal(put("[]"), -EPROTO);
	assert_int_equal(take_away("{'metadata':{'name':7}}"), -EPROTO);
	assert_int_equal(bg_known_count(&known), 0);
}

static void changes_are_those_of_what_is_read(void **state)
{
	__u64 changes;

	(void)state;
	bg_known_begin_list(&known);
	assert_int_equal(put("{'metadata':{'name':'p','namespace':'n','resourceVersion':'1'}}"), 0);
	bg_known_end_list(&known);
	assert_int_equal(put("{'kind':'Pod','apiVersion':'v1','metadata':{'name':'p','namespace':"
			     "'n','resourceVersion':'2'},'status':{'conditions':[1]}}"),
			 0);
	/* (a status by itself is another text, once) */
	changes = known.changes;
	assert_int_equal(put("{'metadata':{'name':'p','namespace':'n','resourceVersion':'3'},"
			     "'status':{'conditions':[2]}}"),
			 0);
	assert_int_equal(known.changes, changes);
	assert_int_equal(put("{'metadata':{'name':'p','namespace':'n'},'status':{'phase':"
			     "'Failed'}}"),
			 0);
	assert_true(known.changes > changes);
	changes = known.changes;
	/* the same name elsewhere is another one; one that is not there leaves all as it is */
	assert_int_equal(take_away("{'metadata':{'name':'p','namespace':'m'}}"), 0);
	assert_int_equal(known.changes, changes);
	assert_int_equal(take_away("{'metadata':{'name':'p','namespace':'n'}}"), 0);
	assert_true(known.changes > changes);
	assert_int_equal(bg_known_count(&known), 0);
	assert_int_equal(known.text_bytes, 0);
}

static void a_list_ends_what_it_does_not_name(void **state)
{
	__u64 changes;

	(void)state;
	bg_known_begin_list(&known);
	for (unsigned int i = 0; i < 1000; i++)
		put_named(i);
	bg_known_end_list(&known);
	assert_int_equal(bg_known_count(&known), 1000);
	/* one that is not whole ends nothing */
	bg_known_begin_list(&known);
	put_named(0);
	assert_int_equal(bg_known_count(&known), 1000);
	changes = known.changes;
	bg_known_begin_list(&known);
	for (unsigned int i = 0; i < 1000; i++)
		put_named(i);
	bg_known_end_list(&known);
	assert_int_equal(known.changes, changes);
	bg_known_begin_list(&known);
	for (unsigned int i = 0; i < 1000; i += 10)
		put_named(i);
	bg_known_end_list(&known);
	assert_int_equal(bg_known_count(&known), 100);
	/* and its places are given back */
	assert_int_equal(known.used, 100);
	put_named(10);
	assert_int_equal(bg_known_count(&known), 100);
	put_named(11);
	assert_int_equal(bg_known_count(&known), 101);
}

static void it_becomes_a_model(void **state)
{
	struct bg_cluster cluster = {};

	(void)state;
	/* that there are none is known, too */
	assert_int_equal(bg_known_read(&known, &cluster, "k8s", &err), 0);
	assert_int_equal(cluster.pages[BG_ANSWER_KUBERNETES].last, 1);
	assert_int_equal(put("{'metadata':{'name':'odd','namespace':'shop'}}"), 0);
	put_named(1);
	assert_int_equal(bg_known_read(&known, &cluster, "k8s", &err), 0);
	assert_int_equal(cluster.pod_count, 1);
	assert_string_equal(cluster.pods[0].object.path, "shop/p1");
	must_report(&cluster, "k8s: Pod shop/odd: spec is missing; left out");
	bg_cluster_release(&cluster);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_not_read_is_not_kept),	 TEST(what_is_read_is_kept),
		TEST(other_kinds_are_refused),		 TEST(changes_are_those_of_what_is_read),
		TEST(a_list_ends_what_it_does_not_name), TEST(it_becomes_a_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
