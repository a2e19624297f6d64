// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Parts as texts (part.h says what is in them, to the byte), and parts that are not whole, not
 * ours, or made by somebody who means harm: no feed is made of them, and the error names one.
 */
#include "for_parts.h"
#include "test.h"

static json_t *json(const char *text)
{
	json_error_t error;
	char *spelt = strdup(text);
	json_t *value;

	for (char *at = spelt; *at; at++)
		if (*at == '\'')
			*at = '"';
	value = json_loads(spelt, JSON_DECODE_ANY, &error);
	if (!value)
		fail_msg("%s: %s", spelt, error.text);
	free(spelt);
	return value;
}

static void add(struct bg_part_set *set, enum bg_part_kind kind, const char *name, const char *spec)
{
	json_t *value = json(spec);

	assert_int_equal(bg_part_set_add(set, kind, name, value), 0);
	json_decref(value);
}

/* --- texts --- */

#define SAMPLE                                                                                     \
	"{\"apiVersion\":\"branchguard.dev/v1alpha1\",\"kind\":\"PrefixListFeed\",\"metadata\":{"  \
	"\"name\":\"pl-1\"},\"spec\":{\"entries\":[\"192.0.2.0/24\"],\"hash\":\"%s\",\"id\":\"pl-" \
	"1\"}}\n"
/* printf '%s' '{"entries":["192.0.2.0/24"],"id":"pl-1"}' | sha256sum */
#define SAMPLE_HASH "0034e8c8c2d43f88"

static void to_the_byte(void **state)
{
	json_t *spec = json("{'id':'pl-1','entries':['192.0.2.0/24'],'hash':'of an older one'}");
	char *text = bg_part_write(BG_PREFIX_LIST_FEED, "pl-1", spec);
	char expected[512];

	(void)state;
	snprintf(expected, sizeof(expected), SAMPLE, SAMPLE_HASH);
	assert_string_equal(text, expected);
	free(text);
	json_decref(spec);
}

static int read_as(const char *name, const char *text, struct bg_error *err)
{
	char *spelt = strdup(text);
	json_t *spec = NULL;
	int rc;

	for (char *at = spelt; *at; at++)
		if (*at == '\'')
			*at = '"';
	rc = bg_part_read(BG_PREFIX_LIST_FEED, name, spelt, strlen(spelt), &spec, err);
	json_decref(spec);
	free(spelt);
	return rc;
}

#define HEAD "{'apiVersion':'branchguard.dev/v1alpha1','kind':'PrefixListFeed',"
#define NAMED "'metadata':{'name':'pl-1'},"
#define SPEC "'spec':{'entries':['192.0.2.0/24'],'hash':'" SAMPLE_HASH "','id':'pl-1'}"

static void as_an_api_server_hands_it_on(void **state)
{
	struct bg_error err = {};

	(void)state;
	assert_int_equal(read_as("pl-1", HEAD NAMED SPEC "}", &err), 0);
	/* other order, white space, escapes, more metadata, more beside spec */
	assert_int_equal(read_as("pl-1",
				 "{ 'spec': {'id':'pl\\u002d1', 'hash':'" SAMPLE_HASH
				 "',\n 'entries':['192.0.2.0\\/24']}, 'status':{}, 'metadata':{"
				 "'resourceVersion':'7','name':'pl-1','uid':'x'},'kind':"
				 "'PrefixListFeed','apiVersion':'branchguard.dev/v1alpha1'}",
				 &err),
			 0);
}

static void refused(const char *name, const char *text, const char *why)
{
	struct bg_error err = {};

	if (!read_as(name, text, &err))
		fail_msg("taken: %s", text);
	if (!strstr(err.text, why) || strncmp(err.text, "prefixlistfeed-", 15) != 0)
		fail_msg("%s: expected \"%s\"", err.text, why);
}

static void what_is_no_part(void **state)
{
	const char whole[] = HEAD NAMED SPEC "}";
	struct bg_error err;

	(void)state;
	for (size_t length = 0; length < sizeof(whole) - 1; length++) {
		char cut[sizeof(whole)];

		snprintf(cut, sizeof(cut), "%.*s", (int)length, whole);
		assert_int_not_equal(read_as("pl-1", cut, &err), 0);
	}
	refused("pl-2", whole, "the name of the file");
	refused("pl-1", HEAD NAMED "'spec':{'entries':[],'hash':'" SAMPLE_HASH "','id':'pl-1'}}",
		"it is not whole");
	/* a key that we do not know is part of the hash */
	refused("pl-1",
		HEAD NAMED "'spec':{'entries':['192.0.2.0/24'],'hash':'" SAMPLE_HASH
			   "','id':'pl-1','more':1}}",
		"it is not whole");
	refused("pl-1", HEAD NAMED "'spec':{'entries':['192.0.2.0/24'],'id':'pl-1'}}",
		"it is not whole");
	refused("pl-1", HEAD NAMED "'spec':[]}", "expected an object");
	refused("pl-1", HEAD "'metadata':{'name':['pl-1']}," SPEC "}", "the name of the file");
	refused("pl-1",
		"{'apiVersion':'branchguard.dev/v1','kind':'PrefixListFeed'," NAMED SPEC "}",
		"branchguard.dev/v1alpha1");
	refused("pl-1",
		"{'apiVersion':'branchguard.dev/v1alpha1','kind':'NodeFeed'," NAMED SPEC "}",
		"expected PrefixListFeed");
	refused("pl-1", HEAD NAMED SPEC ",'spec':{}}", "duplicate");
	refused("pl-1", "[]", "found no object");
	refused("pl-1", "", "1");
}

static void depth_and_size(void **state)
{
	char *text = malloc(BG_PART_MOST_BYTES + 1);
	struct bg_error err = {};
	json_t *spec;

	(void)state;
	memset(text, '[', BG_PART_MOST_BYTES + 1);
	assert_int_not_equal(
		bg_part_read(BG_NODE_FEED, "n1", text, BG_PART_MOST_BYTES, &spec, &err), 0);
	assert_int_equal(bg_part_read(BG_NODE_FEED, "n1", text, BG_PART_MOST_BYTES + 1, &spec,
				      &err),
			 -E2BIG);
	free(text);
}

static void name_is(enum bg_part_kind kind, const char *id, const char *expected)
{
	char name[BG_PART_NAME_TEXT];

	assert_string_equal(bg_part_name(kind, id, name), expected);
}

static void names(void **state)
{
	char name[BG_PART_NAME_TEXT], file[BG_PART_FILE_TEXT], sixty[65];
	enum bg_part_kind kind;

	(void)state;
	name_is(BG_GROUP_FEED, "sg-0a1b", "sg-0a1b");
	name_is(BG_NODE_FEED, "ip-10-0-1-10.us-west-2.compute.internal",
		"ip-10-0-1-10.us-west-2.compute.internal");
	/* printf ../x | sha256sum */
	name_is(BG_GROUP_FEED, "../x", "x-d6b96a97d147daaa");
	/* nobody takes the name of another by choosing such an id */
	name_is(BG_GROUP_FEED, "x-d6b96a97d147daaa", "x-860364ca27e7e95a");
	memset(sixty, 'a', 64);
	sixty[64] = '\0';
	assert_int_equal(strlen(bg_part_name(BG_GROUP_FEED, sixty, name)), 18);
	assert_int_equal(strlen(bg_part_name(BG_NODE_FEED, sixty, name)), 64);

	assert_string_equal(bg_part_file(BG_GROUP_MEMBERS, "sg-1-0", file),
			    "groupmembers-sg-1-0.json");
	for (int i = 0; i < BG_PART_KINDS; i++) {
		assert_true(bg_part_of_file(bg_part_file(i, "a-b.c", file), &kind, name));
		assert_int_equal(kind, i);
		assert_string_equal(name, "a-b.c");
	}
	assert_false(bg_part_of_file("groupfeed-.json", &kind, name));
	assert_false(bg_part_of_file("groupfeed-a.json.new", &kind, name));
	assert_false(bg_part_of_file(".groupfeed-a.json", &kind, name));
	assert_false(bg_part_of_file("feed.json", &kind, name));
	assert_false(bg_part_of_file("groupfeed.json", &kind, name));
}

/* --- parts that make a feed, and one of them that does not --- */

static const struct {
	enum bg_part_kind kind;
	const char *name, *spec;
} whole[] = {
	{ BG_NODE_FEED, "n1",
	  "{'id':'n1','feed':{'Node':{'Name':'n1'},'Branches':[{'Id':'eni-1','VlanId':9,'GroupIds':["
	  "'sg-1'],'Pods':[]}]},'groups':['sg-1'],'own':['10.0.0.9'],'later':{'than':'this'}}" },
	{ BG_GROUP_FEED, "sg-1",
	  "{'id':'sg-1','exists':true,'group':{'GroupId':'sg-1','IpPermissions':[{'IpProtocol':'-1',"
	  "'UserIdGroupPairs':[{'GroupId':'sg-2'}],'PrefixListIds':[{'PrefixListId':'pl-1'}]}]},"
	  "'rules':[],'references':{'groups':['sg-2'],'lists':['pl-1']}}" },
	{ BG_PREFIX_LIST_FEED, "pl-1", "{'id':'pl-1','entries':['192.0.2.0/24']}" },
};

/* Members of sg-2: 10.0.0.1 and .9 in a shard, .2 by a change. */
static void add_members(struct bg_part_set *set, const char *group)
{
	struct bg_prefix prefixes[3];
	struct bg_gathered_members some = { prefixes, 2 }, added = { &prefixes[2], 1 }, none = {};
	struct bg_prefix all_prefixes[3];
	struct bg_gathered_members all = { all_prefixes, 3 };
	char hash[BG_PART_HASH_TEXT];
	json_t *head, *spec, *changes = json_array();

	bg_prefix_parse("10.0.0.1", &prefixes[0], NULL);
	bg_prefix_parse("10.0.0.9", &prefixes[1], NULL);
	bg_prefix_parse("10.0.0.2", &prefixes[2], NULL);
	all_prefixes[0] = prefixes[0];
	all_prefixes[1] = prefixes[2];
	all_prefixes[2] = prefixes[1];
	assert_int_equal(bg_group_members_write(set, group, 6, &some, &head), 0);
	spec = json_pack("{s:s,s:b,s:o}", "id", group, "exists", 1, "members", head);
	assert_int_equal(bg_part_set_add(set, BG_GROUP_FEED, group, spec), 0);
	json_decref(spec);
	bg_addresses_hash(&some, hash);
	json_array_append_new(changes, bg_ring_change(group, &none, &none, hash));
	assert_int_equal(bg_ring_add(set, 6, changes), 0);
	bg_addresses_hash(&all, hash);
	changes = json_array();
	json_array_append_new(changes, bg_ring_change(group, &added, &none, hash));
	assert_int_equal(bg_ring_add(set, 7, changes), 0);
}

/* All but one of them (BG_PART_KINDS: none), which the caller may add otherwise. */
static void add_whole(struct bg_part_set *set, enum bg_part_kind without)
{
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
		if (whole[i].kind != without)
			add(set, whole[i].kind, whole[i].name, whole[i].spec);
	add_members(set, "sg-2");
}

static void parts_that_fit(void **state)
{
	struct bg_part_set set = {};
	const struct bg_part_source source = bg_part_set_source(&set);
	struct bg_json_writer feed = {};
	struct bg_error err = {};

	(void)state;
	add_whole(&set, BG_PART_KINDS);
	if (bg_parts_assemble(&source, "n1", false, &feed, &err))
		fail_msg("%s", err.text);
	bg_json_raw(&feed, "", 1);
	/* its own pod is a member by itself; the one by a change is there */
	assert_non_null(strstr(feed.text,
			       "{\"Groups\":[{\"GroupId\":\"sg-2\"}],\"PrivateIpAddresses\":"
			       "[{\"PrivateIpAddress\":\"10.0.0.1\"},{\"PrivateIpAddress\":"
			       "\"10.0.0.2\"}]}"));
	assert_null(strstr(feed.text, "later"));
	bg_json_writer_free(&feed);
	bg_part_set_release(&set);
}

/* Without one, or with another in its place, there is no feed. */
static void one_is_missing(void **state)
{
	struct bg_part_set set = {};
	struct bg_error err;

	(void)state;
	add_whole(&set, BG_PART_KINDS);
	for (size_t i = 0; i < set.count; i++) {
		struct bg_part_set rest = {};
		int rc;

		for (size_t k = 0; k < set.count; k++)
			if (k != i)
				bg_part_set_add(&rest, set.part[k].kind, set.part[k].name,
						set.part[k].spec);
		rc = parts_error(&rest, "n1", &err);
		/* the last of the ring is only known to be there by what is behind it */
		if (!strcmp(set.part[i].file, "memberchanges-7.json"))
			assert_int_equal(rc, 0);
		else if (!strcmp(set.part[i].file, "memberchanges-6.json"))
			assert_int_equal(rc, 0); /* its shards have it already */
		else if (!rc || !strstr(err.text, set.part[i].file))
			fail_msg("without %s: \"%s\"", set.part[i].file, err.text);
		bg_part_set_release(&rest);
	}
	assert_int_equal(parts_error(&set, "n2", &err), -ENOENT);
	assert_non_null(strstr(err.text, "nodefeed-n2.json"));
	bg_part_set_release(&set);
}

static void wrong(enum bg_part_kind kind, const char *name, const char *spec, const char *why)
{
	struct bg_part_set set = {};
	struct bg_error err;

	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
		if (whole[i].kind != kind || strcmp(whole[i].name, name) != 0)
			add(&set, whole[i].kind, whole[i].name, whole[i].spec);
	if (strcmp(name, "sg-2") != 0)
		add_members(&set, "sg-2");
	add(&set, kind, name, spec);
	if (!parts_error(&set, "n1", &err))
		fail_msg("taken: %s", spec);
	if (!strstr(err.text, why))
		fail_msg("%s: \"%s\", expected \"%s\"", spec, err.text, why);
	bg_part_set_release(&set);
}

#define N1(feed, rest) "{'id':'n1','feed':" feed "," rest "}"
#define FEED_N1 "{'Node':{'Name':'n1'},'Branches':[]}"

static void parts_that_do_not_fit(void **state)
{
	(void)state;
	/* another node's, under this name */
	wrong(BG_NODE_FEED, "n1", "{'id':'n2','feed':" FEED_N1 ",'groups':[],'own':[]}",
	      "/spec/id");
	wrong(BG_NODE_FEED, "n1",
	      N1("{'Node':{'Name':'n2'},'Branches':[]}", "'groups':[],'own':[]"),
	      "/spec/feed/Node/Name");
	wrong(BG_NODE_FEED, "n1", N1("[]", "'groups':[],'own':[]"), "/spec/feed");
	wrong(BG_NODE_FEED, "n1", N1(FEED_N1, "'groups':{},'own':[]"), "/spec/groups");
	wrong(BG_NODE_FEED, "n1", N1(FEED_N1, "'groups':[7],'own':[]"), "/spec/groups");
	wrong(BG_NODE_FEED, "n1", N1(FEED_N1, "'groups':['sg-9'],'own':[]"), "groupfeed-sg-9.json");
	wrong(BG_NODE_FEED, "n1", N1(FEED_N1, "'groups':['../../x'],'own':[]"), "groupfeed-x-");
	wrong(BG_NODE_FEED, "n1", N1(FEED_N1, "'groups':[],'own':['::1','::1']"), "/spec/own");
	wrong(BG_NODE_FEED, "n1", N1(FEED_N1, "'groups':[],'own':['x']"), "/spec/own");
	wrong(BG_NODE_FEED, "n1", N1(FEED_N1, "'groups':['sg-2'],'own':[]"), "/spec/group:");
	wrong(BG_NODE_FEED, "n1",
	      N1("{'Node':{'Name':'n1'},'Branches':[],'SecurityGroups':[]}",
		 "'groups':[],'own':[]"),
	      "/spec/feed");
	/* what the daemon would refuse */
	wrong(BG_NODE_FEED, "n1",
	      N1("{'Node':{'Name':'n1'},'Branches':[{'Id':'e','VlanId':5000}]}",
		 "'groups':[],'own':[]"),
	      "would refuse");
	wrong(BG_GROUP_FEED, "sg-1", "{'id':'sg-1'}", "/spec/exists");
	wrong(BG_GROUP_FEED, "sg-1", "{'id':'sg-1','exists':true}", "/spec/group");
	wrong(BG_GROUP_FEED, "sg-1", "{'id':'sg-1','exists':true,'group':{'GroupId':'sg-1'}}",
	      "/spec/references/groups");
	wrong(BG_PREFIX_LIST_FEED, "pl-1", "{'id':'pl-1','entries':'all'}", "/spec/entries");
	wrong(BG_PREFIX_LIST_FEED, "pl-1", "{'id':'pl-1','entries':[{}]}", "/spec/entries");
	wrong(BG_PREFIX_LIST_FEED, "pl-1", "{'id':'pl-1','entries':['x']}", "would refuse");
	/* a place in the ring that is another's; a gap; too many; changes that do not fit */
	wrong(BG_MEMBER_CHANGES, "8", "{'sequence':7,'changes':[]}", "/spec/sequence");
	wrong(BG_MEMBER_CHANGES, "8", "{'sequence':'8','changes':[]}", "/spec/sequence");
	wrong(BG_MEMBER_CHANGES, "63", "{'sequence':9223372036854775807,'changes':[]}",
	      "/spec/sequence");
	wrong(BG_MEMBER_CHANGES, "8", "{'sequence':8}", "/spec/changes");
	wrong(BG_MEMBER_CHANGES, "9", "{'sequence':9,'changes':[]}", "number 8 is missing");
	wrong(BG_MEMBER_CHANGES, "8", "{'sequence':72,'changes':[]}", "number 8 is missing");
	wrong(BG_MEMBER_CHANGES, "8",
	      "{'sequence':8,'changes':[{'group':'sg-2','add':['10.0.0.1'],'hash':'0'}]}",
	      "does not fit");
	wrong(BG_MEMBER_CHANGES, "8",
	      "{'sequence':8,'changes':[{'group':'sg-2','remove':['10.0.0.3'],'hash':'0'}]}",
	      "does not fit");
	wrong(BG_MEMBER_CHANGES, "8",
	      "{'sequence':8,'changes':[{'group':'sg-2','add':['10.0.0.3'],'hash':"
	      "'0123456789abcdef'}]}",
	      "not whole");
	wrong(BG_MEMBER_CHANGES, "8",
	      "{'sequence':8,'changes':[{'group':'sg-2','add':['10.0.0.3']}]}", "does not fit");
	/* a shard of another time */
	wrong(BG_GROUP_FEED, "sg-2", "{'id':'sg-2','exists':true}", "/spec/members");
	wrong(BG_GROUP_FEED, "sg-2", "{'id':'sg-2','exists':true,'members':{}}", "/spec/members");
	wrong(BG_GROUP_FEED, "sg-2",
	      "{'id':'sg-2','exists':true,'members':{'hash':'','sequence':9,'shards':[]}}",
	      "after change 9");
	wrong(BG_GROUP_FEED, "sg-2",
	      "{'id':'sg-2','exists':true,'members':{'hash':'','sequence':0,'shards':[7]}}",
	      "/spec/members");
	wrong(BG_GROUP_FEED, "sg-2",
	      "{'id':'sg-2','exists':true,'members':{'hash':'','sequence':0,'shards':['0']}}",
	      "groupmembers-sg-2-0.json");
}

/* Another shard than the group names; a list that is in no order. */
static void a_shard_of_another_time(void **state)
{
	static const char *const addresses[] = { "['10.0.0.1','10.0.0.8']", "[]",
						 "['10.0.0.9','10.0.0.1']" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct bg_part_set set = {}, other = {};
		char spec[128];
		struct bg_error err;

		add_whole(&set, BG_PART_KINDS);
		for (size_t k = 0; k < set.count; k++)
			if (set.part[k].kind != BG_GROUP_MEMBERS)
				bg_part_set_add(&other, set.part[k].kind, set.part[k].name,
						set.part[k].spec);
		snprintf(spec, sizeof(spec), "{'id':'sg-2','index':0,'addresses':%s}",
			 addresses[i]);
		add(&other, BG_GROUP_MEMBERS, "sg-2-0", spec);
		assert_int_not_equal(parts_error(&other, "n1", &err), 0);
		assert_non_null(strstr(err.text, "is another one than its group names"));
		bg_part_set_release(&set);
		bg_part_set_release(&other);
	}
}

static void the_same_part_twice(void **state)
{
	struct bg_part_set set = {};
	char text[512];
	struct bg_error err;

	(void)state;
	snprintf(text, sizeof(text), SAMPLE, SAMPLE_HASH);
	assert_int_equal(
		bg_part_set_read(&set, BG_PREFIX_LIST_FEED, "pl-1", text, strlen(text), &err), 0);
	assert_int_equal(bg_part_set_read(&set, BG_PREFIX_LIST_FEED, "pl-1", text, strlen(text),
					  &err),
			 -EEXIST);
	bg_part_set_release(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(to_the_byte),
		cmocka_unit_test(as_an_api_server_hands_it_on),
		cmocka_unit_test(what_is_no_part),
		cmocka_unit_test(depth_and_size),
		cmocka_unit_test(names),
		cmocka_unit_test(parts_that_fit),
		cmocka_unit_test(one_is_missing),
		cmocka_unit_test(parts_that_do_not_fit),
		cmocka_unit_test(a_shard_of_another_time),
		cmocka_unit_test(the_same_part_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
