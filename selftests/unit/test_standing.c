// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What is written into an API server so that other parts stand there: in which order, on which
 * versions, and what is left alone. And the URLs of it.
 */
#include "fleet/kube/objects.h"
#include "fleet/kube/resource.h"
#include "fleet/kube/standing.h"
#include "test.h"

static int bad_count;

static void count_bad(const char *text)
{
	assert_true(*text);
	bad_count++;
}

static void add(struct bg_part_set *set, enum bg_part_kind kind, const char *name, int content)
{
	json_t *spec = json_pack("{s:s,s:i}", "id", name, "content", content);

	assert_int_equal(bg_part_set_add(set, kind, name, spec), 0);
	json_decref(spec);
}

/* Each part of the set stands there, by the server's order of keys. */
static void stand(struct bg_standing *standing, const struct bg_part_set *set, const char *label)
{
	for (size_t i = 0; i < set->count; i++) {
		json_t *object = json_loads(set->part[i].text, 0, NULL);
		json_t *metadata = json_object_get(object, "metadata");
		struct bg_error err;

		json_object_set_new(metadata, "resourceVersion", json_string("41"));
		json_object_set_new(metadata, "uid", json_string("u"));
		if (label)
			json_object_set_new(metadata, "labels",
					    json_pack("{s:s}", BG_K8S_MANAGER_LABEL, label));
		assert_int_equal(
			bg_standing_put(standing, set->part[i].kind, object, count_bad, &err), 0);
		json_decref(object);
	}
}

static void expect(const struct bg_standing *standing, const struct bg_part_set *made,
		   const char *words)
{
	struct bg_k8s_writes writes;
	struct bg_error err;
	char text[512] = "";

	assert_int_equal(bg_standing_plan(standing, made, &writes, &err), 0);
	for (size_t i = 0; i < writes.count; i++) {
		size_t used = strlen(text);

		snprintf(text + used, sizeof(text) - used, "%s %s %s\n", writes.write[i].method,
			 bg_part_kinds[writes.write[i].kind], writes.write[i].name);
	}
	assert_string_equal(text, words);
	bg_k8s_writes_release(&writes);
}

static void shards_come_first_and_what_goes_last(void **state)
{
	struct bg_part_set old = {}, made = {};
	struct bg_standing standing = {};

	(void)state;
	add(&old, BG_NODE_FEED, "gone", 1);
	add(&old, BG_NODE_FEED, "same", 1);
	add(&old, BG_GROUP_FEED, "sg-1", 1);
	add(&old, BG_GROUP_FEED, "sg-2", 1);
	add(&old, BG_GROUP_MEMBERS, "sg-2-0", 1);
	add(&made, BG_NODE_FEED, "new", 1);
	add(&made, BG_NODE_FEED, "same", 1);
	add(&made, BG_MEMBER_CHANGES, "1", 1);
	add(&made, BG_GROUP_FEED, "sg-1", 2);
	add(&made, BG_GROUP_MEMBERS, "sg-1-0", 1);
	stand(&standing, &old, NULL);
	expect(&standing, &old, "");
	expect(&standing, &made,
	       "POST GroupMembers sg-1-0\nPUT GroupFeed sg-1\nPOST MemberChanges 1\n"
	       "POST NodeFeed new\nDELETE NodeFeed gone\nDELETE GroupFeed sg-2\n"
	       "DELETE GroupMembers sg-2-0\n");
	bg_standing_release(&standing);
	stand(&standing, &made, NULL);
	expect(&standing, &made, "");
	bg_standing_release(&standing);
	expect(&standing, &old,
	       "POST GroupMembers sg-2-0\nPOST GroupFeed sg-1\nPOST GroupFeed sg-2\n"
	       "POST NodeFeed gone\nPOST NodeFeed same\n");
	bg_part_set_release(&old);
	bg_part_set_release(&made);
}

static void what_is_written_stands_there(void **state)
{
	const struct bg_k8s_version version = { "42" };
	struct bg_part_set made = {}, read = {};
	struct bg_standing standing = {};
	struct bg_error err;

	(void)state;
	add(&made, BG_GROUP_FEED, "sg-1", 2);
	assert_int_equal(bg_standing_wrote(&standing, &made.part[0], &version, &err), 0);
	expect(&standing, &made, "");
	assert_int_equal(bg_standing_parts(&standing, &read, &err), 0);
	assert_int_equal(read.count, 1);
	assert_string_equal(read.part[0].text, made.part[0].text);
	bg_standing_gone(&standing, BG_GROUP_FEED, "sg-1");
	expect(&standing, &made, "POST GroupFeed sg-1\n");
	bg_part_set_release(&read);
	bg_part_set_release(&made);
	bg_standing_release(&standing);
}

static void somebody_elses_are_left_alone(void **state)
{
	struct bg_part_set theirs = {}, made = {}, read = {};
	struct bg_standing standing = {};
	struct bg_k8s_writes writes;
	struct bg_error err;

	(void)state;
	add(&theirs, BG_NODE_FEED, "mine", 1);
	stand(&standing, &theirs, "me");
	expect(&standing, &made, "");
	assert_int_equal(bg_standing_parts(&standing, &read, &err), 0);
	assert_int_equal(read.count, 0);
	add(&made, BG_NODE_FEED, "mine", 2);
	assert_int_equal(bg_standing_plan(&standing, &made, &writes, &err), -EEXIST);
	assert_non_null(strstr(err.text, "NodeFeed mine: its label"));
	bg_standing_release(&standing);
	/* the label is ours */
	stand(&standing, &theirs, BG_K8S_MANAGER);
	expect(&standing, &made, "PUT NodeFeed mine\n");
	bg_standing_release(&standing);
	bg_part_set_release(&theirs);
	bg_part_set_release(&made);
}

static void what_is_no_part_is_written_anew(void **state)
{
	struct bg_standing standing = {};
	struct bg_part_set made = {}, read = {};
	struct bg_error err;
	json_t *object;

	(void)state;
	add(&made, BG_GROUP_FEED, "sg-1", 1);
	object = json_loads(made.part[0].text, 0, NULL);
	json_object_set_new(json_object_get(object, "metadata"), "resourceVersion",
			    json_string("41"));
	json_object_set_new(json_object_get(object, "spec"), "content", json_integer(9));
	bad_count = 0;
	assert_int_equal(bg_standing_put(&standing, BG_GROUP_FEED, object, count_bad, &err), 0);
	assert_int_equal(bad_count, 1);
	assert_int_equal(bg_standing_parts(&standing, &read, &err), 0);
	assert_int_equal(read.count, 0);
	expect(&standing, &made, "PUT GroupFeed sg-1\n");
	json_decref(object);
	bg_part_set_release(&made);
	bg_standing_release(&standing);
}

static void bodies_say_which_version_they_replace(void **state)
{
	struct bg_part_set made = {};
	struct bg_standing standing = {};
	struct bg_k8s_write write = { "PUT", BG_NODE_FEED, "n", NULL };
	char *text;
	json_t *body;

	(void)state;
	add(&made, BG_NODE_FEED, "n", 1);
	write.part = &made.part[0];
	text = bg_standing_body(&standing, &write);
	assert_null(strstr(text, "resourceVersion"));
	free(text);
	stand(&standing, &made, BG_K8S_MANAGER);
	text = bg_standing_body(&standing, &write);
	body = json_loads(text, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(json_object_get(body, "metadata"),
							      "resourceVersion")),
			    "41");
	assert_non_null(json_object_get(json_object_get(body, "metadata"), "labels"));
	assert_null(json_object_get(json_object_get(body, "metadata"), "uid"));
	json_decref(body);
	free(text);
	write.part = NULL;
	text = bg_standing_body(&standing, &write);
	assert_string_equal(text, "{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\","
				  "\"preconditions\":{\"resourceVersion\":\"41\"}}");
	free(text);
	bg_part_set_release(&made);
	bg_standing_release(&standing);
}

static void odd_objects_end_it(void **state)
{
	static const char *const objects[] = {
		"{}",
		"{\"metadata\":{\"name\":\"n\"}}",
		"{\"metadata\":{\"name\":\"\",\"resourceVersion\":\"1\"}}",
		"{\"metadata\":{\"name\":\"..\",\"resourceVersion\":\"1\"}}",
		"{\"metadata\":{\"name\":\"a/../b\",\"resourceVersion\":\"1\"}}",
		"{\"metadata\":{\"name\":\"a?b\",\"resourceVersion\":\"1\"}}",
		"{\"metadata\":{\"name\":[],\"resourceVersion\":\"1\"}}",
		"{\"metadata\":{\"name\":\"n\",\"resourceVersion\":\"1&x\"}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
		struct bg_standing standing = {};
		json_t *object = json_loads(objects[i], 0, NULL);
		struct bg_error err = {};

		assert_int_equal(bg_standing_put(&standing, BG_NODE_FEED, object, count_bad, &err),
				 -EPROTO);
		assert_true(*err.text);
		json_decref(object);
		bg_standing_release(&standing);
	}
}

static void urls(void **state)
{
	char more[4000];
	char *url = bg_k8s_url("https://s", bg_watched_parts[BG_NODE_FEED].path, "n", NULL, NULL);

	(void)state;
	assert_string_equal(url, "https://s/apis/branchguard.dev/v1alpha1/nodefeeds/n");
	free(url);
	url = bg_k8s_url("https://s", bg_watched_parts[BG_GROUP_MEMBERS].path, NULL, "limit=1",
			 "a+/=\xff");
	assert_string_equal(url, "https://s/apis/branchguard.dev/v1alpha1/"
				 "groupmembers?limit=1&continue=a%2B%2F%3D%FF");
	free(url);
	memset(more, '+', sizeof(more));
	more[sizeof(more) - 1] = '\0';
	assert_null(bg_k8s_url("https://s", bg_watched_parts[BG_NODE_FEED].path, NULL, "limit=1",
			       more));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shards_come_first_and_what_goes_last),
		cmocka_unit_test(what_is_written_stands_there),
		cmocka_unit_test(somebody_elses_are_left_alone),
		cmocka_unit_test(what_is_no_part_is_written_anew),
		cmocka_unit_test(bodies_say_which_version_they_replace),
		cmocka_unit_test(odd_objects_end_it),
		cmocka_unit_test(urls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
