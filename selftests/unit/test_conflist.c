// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Our list of plugins out of theirs, and the files of both. */
#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cni/conflist_file.h"
#include "scratch.h"
#include "test.h"

static const struct bg_conflist_entry entry = {
	.failure = BG_GATE_OPEN,
	.timeout_s = 5,
	.pin_dir = "/sys/fs/bpf/branchguard",
};

#define OURS                                                                                       \
	"{\"type\":\"branchguard-cni\",\"failure\":\"open\",\"timeoutSeconds\":5,"                 \
	"\"pinDir\":\"/sys/fs/bpf/branchguard\"}"
#define THEIRS(plugins)                                                                            \
	"{\n  \"cniVersion\": \"1.0.0\",\n  \"name\": \"aws-cni\",\n  \"disableCheck\": true,\n"   \
	"  \"plugins\": [" plugins "]\n}\n"
#define AWS "\n    {\"name\": \"aws-cni\", \"type\": \"aws-cni\", \"mtu\": \"9001\"}"

static struct bg_text text_of(const char *text)
{
	return (struct bg_text){ text, strlen(text) };
}

static void merged_text(void **state)
{
	static const char expected[] = THEIRS(AWS ",\n    " OURS "\n  ");
	struct bg_json_writer merged = {};
	struct bg_error err = {};

	(void)state;
	assert_int_equal(bg_conflist_merge(text_of(THEIRS(AWS "\n  ")), &entry, &merged, &err), 0);
	assert_int_equal(merged.length_bytes, strlen(expected));
	assert_memory_equal(merged.text, expected, merged.length_bytes);
	assert_false(bg_conflist_is_others((struct bg_text){ merged.text, merged.length_bytes }));
	bg_json_writer_free(&merged);
}

static void several_plugins(void **state)
{
	struct bg_json_writer merged = {};
	struct bg_error err = {};
	json_t *json, *plugins;

	(void)state;
	assert_int_equal(
		bg_conflist_merge(text_of(THEIRS(AWS ",{\"type\":\"egress-cni\"},"
						     "{\"type\":\"portmap\",\"]\":\"}\"}")),
				  &entry, &merged, &err),
		0);
	json = json_loadb(merged.text, merged.length_bytes, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json);
	plugins = json_object_get(json, "plugins");
	assert_int_equal(json_array_size(plugins), 4);
	assert_string_equal(json_string_value(json_object_get(json_array_get(plugins, 3), "type")),
			    "branchguard-cni");
	json_decref(json);
	bg_json_writer_free(&merged);
}

/* Somebody put it there by hand: the list has it once. */
static void ours_already(void **state)
{
	static const char theirs[] = THEIRS(AWS ",{\"type\":\"branchguard-cni\"}");
	struct bg_json_writer merged = {};
	struct bg_error err = {};

	(void)state;
	assert_int_equal(bg_conflist_merge(text_of(theirs), &entry, &merged, &err), 0);
	assert_int_equal(merged.length_bytes, strlen(theirs));
	assert_memory_equal(merged.text, theirs, merged.length_bytes);
	bg_json_writer_free(&merged);
}

static void refused(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "", "" },
		{ "{\"cniVersion\":\"1.0.0\",\"name\":\"aws-cni\",\"plugins\":[{\"type\":\"aw",
		  "line 1" },
		{ "{}", "name is missing" },
		{ "[]", "object" },
		{ "{\"name\":\"a\",\"plugins\":[{\"type\":\"b\"}]}", "cniVersion is missing" },
		{ "{\"cniVersion\":\"0.2.0\",\"name\":\"a\",\"plugins\":[{\"type\":\"b\"}]}",
		  "/cniVersion: found \"0.2.0\"" },
		{ "{\"cniVersion\":\"1.0.0\",\"name\":\"a\",\"type\":\"b\"}",
		  "plugins is missing" },
		{ "{\"cniVersion\":\"1.0.0\",\"name\":\"a\",\"plugins\":[]}", "/plugins" },
		{ "{\"cniVersion\":\"1.0.0\",\"name\":\"a\",\"plugins\":{}}", "/plugins" },
		{ "{\"cniVersion\":\"1.0.0\",\"name\":\"a\",\"plugins\":[7]}", "/plugins/0" },
		{ "{\"cniVersion\":\"1.0.0\",\"name\":\"a\",\"plugins\":[{}]}",
		  "/plugins/0: type is missing" },
		{ "{\"cniVersion\":\"1.0.0\",\"name\":\"\",\"plugins\":[{\"type\":\"b\"}]}",
		  "/name" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bg_json_writer merged = {};
		struct bg_error err = {};

		assert_int_equal(bg_conflist_merge(text_of(cases[i].text), &entry, &merged, &err),
				 -EINVAL);
		print_message("%s\n  %s\n", cases[i].text, err.text);
		assert_non_null(strstr(err.text, cases[i].says));
		assert_false(bg_conflist_is_others(text_of(cases[i].text)));
		bg_json_writer_free(&merged);
	}
}

/* --- files ----------------------------------------------------------------- */

static const struct bg_conflist_file file = {
	.dir = ".",
	.theirs = "10-aws.conflist",
	.ours = "05-branchguard.conflist",
	.entry = { .failure = BG_GATE_OPEN, .timeout_s = 5, .pin_dir = "/sys/fs/bpf/branchguard" },
};

static void put(const char *name, const char *text)
{
	FILE *out = fopen(name, "w");

	if (!out)
		abort();
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
}

static void has(const char *name, const char *text)
{
	char there[4096] = "";
	FILE *in = fopen(name, "r");

	if (!in)
		abort();
	there[fread(there, 1, sizeof(there) - 1, in)] = '\0';
	fclose(in);
	assert_string_equal(there, text);
}

static int step(struct bg_error *err)
{
	int rc;

	*err = (struct bg_error){};
	rc = bg_conflist_step(&file, err);
	print_message("%d %s\n", rc, err->text);
	/* whatever happened, nothing is left beside it */
	assert_int_not_equal(access("05-branchguard.conflist.new", F_OK), 0);
	return rc;
}

static void life_of_a_list(void **state)
{
	struct bg_error err;
	struct stat status;

	(void)state;
	assert_int_equal(step(&err), BG_CONFLIST_SAME); /* neither is there */
	put("10-aws.conflist", THEIRS(AWS));
	assert_int_equal(step(&err), BG_CONFLIST_WRITTEN);
	has("05-branchguard.conflist", THEIRS(AWS ",\n    " OURS));
	assert_int_equal(stat("05-branchguard.conflist", &status), 0);
	assert_int_equal(status.st_mode & 07777, 0644);
	assert_int_equal(step(&err), BG_CONFLIST_SAME);
	/* rewritten, half at first */
	put("10-aws.conflist", "{\"cniVersion\": \"1.0.0\", \"plu");
	assert_int_equal(step(&err), BG_CONFLIST_HELD);
	assert_non_null(strstr(err.text, "./10-aws.conflist: line 1"));
	has("05-branchguard.conflist", THEIRS(AWS ",\n    " OURS));
	put("10-aws.conflist", "");
	assert_int_equal(step(&err), BG_CONFLIST_HELD);
	put("10-aws.conflist", THEIRS("{\"type\":\"new\"}"));
	assert_int_equal(step(&err), BG_CONFLIST_WRITTEN);
	has("05-branchguard.conflist", THEIRS("{\"type\":\"new\"},\n    " OURS));
	/* somebody removes ours, or cuts it off, or empties it: nothing else would call the gate */
	assert_int_equal(unlink("05-branchguard.conflist"), 0);
	assert_int_equal(step(&err), BG_CONFLIST_WRITTEN);
	assert_int_equal(truncate("05-branchguard.conflist", 60), 0);
	assert_int_equal(step(&err), BG_CONFLIST_WRITTEN);
	assert_int_equal(truncate("05-branchguard.conflist", 0), 0);
	assert_int_equal(step(&err), BG_CONFLIST_WRITTEN);
	has("05-branchguard.conflist", THEIRS("{\"type\":\"new\"},\n    " OURS));
	/* theirs goes */
	assert_int_equal(unlink("10-aws.conflist"), 0);
	assert_int_equal(step(&err), BG_CONFLIST_REMOVED);
	assert_int_not_equal(access("05-branchguard.conflist", F_OK), 0);
	assert_int_equal(step(&err), BG_CONFLIST_SAME);
}

static void what_is_not_ours_stays(void **state)
{
	struct bg_error err;

	(void)state;
	put("05-branchguard.conflist", THEIRS("{\"type\":\"bridge\"}"));
	assert_true(bg_conflist_is_others(text_of(THEIRS("{\"type\":\"bridge\"}"))));
	put("10-aws.conflist", THEIRS(AWS));
	assert_int_equal(step(&err), -EEXIST);
	assert_non_null(strstr(err.text, "without the plugin branchguard-cni, which stays"));
	assert_int_equal(unlink("10-aws.conflist"), 0);
	assert_int_equal(step(&err), -EEXIST);
	has("05-branchguard.conflist", THEIRS("{\"type\":\"bridge\"}"));
	assert_int_equal(bg_conflist_remove(&file, &err), -EEXIST);
	assert_int_equal(unlink("05-branchguard.conflist"), 0);
}

/* A FIFO, a folder, a link to nowhere under their name; and a link where ours is written. */
static void odd_files(void **state)
{
	struct bg_error err;

	(void)state;
	assert_int_equal(mkfifo("10-aws.conflist", 0600), 0);
	assert_int_equal(step(&err), BG_CONFLIST_HELD);
	assert_int_equal(unlink("10-aws.conflist"), 0);
	assert_int_equal(mkdir("10-aws.conflist", 0700), 0);
	assert_int_equal(step(&err), BG_CONFLIST_HELD);
	assert_int_equal(rmdir("10-aws.conflist"), 0);
	put("10-aws.conflist", THEIRS(AWS));
	put("victim", "as it was");
	assert_int_equal(symlink("victim", "05-branchguard.conflist.new"), 0);
	assert_int_equal(step(&err), BG_CONFLIST_WRITTEN);
	has("victim", "as it was");
	assert_int_equal(unlink("05-branchguard.conflist"), 0);
	assert_int_equal(unlink("10-aws.conflist"), 0);
}

static void too_long(void **state)
{
	struct bg_error err;
	FILE *out = fopen("10-aws.conflist", "w");

	(void)state;
	if (!out)
		abort();
	for (size_t i = 0; i <= BG_CONFLIST_MOST_BYTES; i++)
		fputc(' ', out);
	fclose(out);
	assert_int_equal(step(&err), BG_CONFLIST_HELD);
	assert_non_null(strstr(err.text, "more than 1048576 bytes"));
	assert_int_equal(unlink("10-aws.conflist"), 0);
}

static void order(void **state)
{
	char name[256];

	(void)state;
	put("10-aws.conflist", "");
	put("00-readme.txt", "");
	assert_false(bg_conflist_is_behind(&file, name));
	put("02-b.conf", "");
	put("01-a.conflist", "");
	put("03-c.json", "");
	assert_true(bg_conflist_is_behind(&file, name));
	assert_string_equal(name, "01-a.conflist");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(merged_text),	  cmocka_unit_test(several_plugins),
		cmocka_unit_test(ours_already),	  cmocka_unit_test(refused),
		cmocka_unit_test(life_of_a_list), cmocka_unit_test(what_is_not_ours_stays),
		cmocka_unit_test(odd_files),	  cmocka_unit_test(too_long),
		cmocka_unit_test(order),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
