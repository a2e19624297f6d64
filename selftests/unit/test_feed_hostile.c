// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Feeds that nobody meant well: damaged at every place, of the wrong type at every
 * place, nested, huge. All are refused with a text (run with sanitizers, too),
 * and nothing is made of them.
 */
#include <fcntl.h>
#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

#include "feed_text.h"
#include "test.h"
#include "verbs/read_feed.h"

/* Exactly as many bytes as given, so that a sanitizer sees a step beyond. */
static int parse(const char *bytes, size_t length, struct bg_error *err)
{
	struct bg_model *model = NULL;
	char *copy = malloc(length ? length : 1);
	int rc;

	assert_non_null(copy);
	memcpy(copy, bytes, length);
	err->text[0] = '\0';
	rc = bg_feed_parse("feed", copy, length, &model, NULL, err);
	free(copy);
	if (rc) {
		assert_true(rc < 0);
		assert_null(model);
		if (strncmp(err->text, "feed:", 5) != 0)
			fail_msg("the error does not name the feed: %s", err->text);
		assert_null(strchr(err->text, '\n'));
	}
	bg_model_free(model);
	return rc;
}

static void truncated_at_every_byte(void **state)
{
	struct bg_error err;
	size_t length;
	char *text = json_of(feed_example, &length);

	(void)state;
	assert_int_equal(parse(text, length, &err), 0);
	for (size_t i = 0; i < length; i++)
		if (!parse(text, i, &err))
			fail_msg("%zu bytes of %zu are taken", i, length);
	free(text);
}

/* Each byte, replaced by others: mostly refused, and nothing worse than that. */
static void damaged_at_every_byte(void **state)
{
	static const unsigned char bytes[] = { 0,   1,	 '"', '\\', '{',  '}',	'[',
					       ']', ',', '-', '/',  0x80, 0xc3, 0xff };
	struct bg_error err;
	size_t length, refused = 0;
	char *text = json_of(feed_example, &length);

	(void)state;
	for (size_t i = 0; i < length; i++) {
		char was = text[i];

		for (size_t k = 0; k < sizeof(bytes); k++) {
			text[i] = (char)bytes[k];
			refused += parse(text, length, &err) != 0;
			/* neither 0 nor what is no UTF-8 stands in JSON */
			if ((!bytes[k] || bytes[k] >= 0x80) && !err.text[0])
				fail_msg("byte %zu as %#x is taken", i, bytes[k]);
		}
		text[i] = was;
	}
	assert_true(refused > length);
	free(text);
}

/* --- the wrong type everywhere --- */

struct walk {
	json_t *root;
	size_t replaced, bad;
};

static bool is_ignored(const char *pointer)
{
	const char *key = strrchr(pointer, '/') + 1;

	return !strcmp(key, "Description") || !strcmp(key, "UserId");
}

/* The document with something else at this place must be refused, and the error
 * name the place, or the object that it stands in. */
static void try_replaced(struct walk *walk, const char *pointer, const json_t *was,
			 const json_t *now)
{
	char *text = json_dumps(walk->root, JSON_COMPACT), parent[256];
	struct bg_error err;
	int rc;

	assert_non_null(text);
	rc = parse(text, strlen(text), &err);
	free(text);
	walk->replaced++;
	if (json_is_null(now) || json_typeof(now) == json_typeof(was) ||
	    (json_is_boolean(now) && json_is_boolean(was)) || is_ignored(pointer) ||
	    (strstr(pointer, "/IpProtocol") && json_is_integer(now)))
		return;
	snprintf(parent, sizeof(parent), "%s", pointer);
	*strrchr(parent, '/') = '\0';
	if (rc && strstr(err.text, parent))
		return;
	walk->bad++;
	text = json_dumps(now, JSON_ENCODE_ANY);
	print_error("%s as %s: %s\n", pointer, text, rc ? err.text : "taken");
	free(text);
}

static void replace_all(struct walk *walk, json_t *container, const char *pointer);

static void replace_one(struct walk *walk, json_t *container, const char *key, size_t index,
			const char *pointer)
{
	static const char *const values[] = { "null", "true", "17", "-1",   "0.5",    "\"x\"",
					      "\"\"", "[]",   "{}", "[[]]", "[null]", "[{}]" };
	json_t *was = json_incref(key ? json_object_get(container, key)
				      : json_array_get(container, index));
	char here[256];

	if (key)
		snprintf(here, sizeof(here), "%s/%s", pointer, key);
	else
		snprintf(here, sizeof(here), "%s/%zu", pointer, index);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		json_t *now = json_loads(values[i], JSON_DECODE_ANY, NULL);

		assert_non_null(now);
		if (key)
			json_object_set(container, key, now);
		else
			json_array_set(container, index, now);
		try_replaced(walk, here, was, now);
		json_decref(now);
	}
	if (key)
		json_object_set(container, key, was);
	else
		json_array_set(container, index, was);
	replace_all(walk, was, here);
	json_decref(was);
}

static void replace_all(struct walk *walk, json_t *container, const char *pointer)
{
	if (json_is_object(container)) {
		size_t count = json_object_size(container), n = 0;
		const char **keys = calloc(count + 1, sizeof(*keys));
		const char *key;
		json_t *value;

		assert_non_null(keys);
		json_object_foreach (container, key, value)
			keys[n++] = key;
		for (size_t i = 0; i < n; i++) {
			char copy[64];

			snprintf(copy, sizeof(copy), "%s", keys[i]);
			replace_one(walk, container, copy, 0, pointer);
		}
		free(keys);
		return;
	}
	for (size_t i = 0; i < json_array_size(container); i++)
		replace_one(walk, container, NULL, i, pointer);
}

static void the_wrong_type_at_every_place(void **state)
{
	struct walk walk = {};
	size_t length;
	char *text = json_of(feed_example, &length);

	(void)state;
	walk.root = json_loadb(text, length, 0, NULL);
	free(text);
	assert_non_null(walk.root);
	replace_all(&walk, walk.root, "");
	json_decref(walk.root);
	assert_true(walk.replaced > 1000);
	assert_int_equal(walk.bad, 0);
}

/* Numbers that are none of ours, wherever there is a number. */
static void numbers_out_of_range(void **state)
{
	static const char *const places[] = {
		"{'FeedVersion':%s,'SecurityGroups':[]}",
		FEED_WITH("'Branches':[{'Id':'a','VlanId':%s,'Pods':[]}]"),
		FEED_WITH("'Node':{'ConnectionTracking':{'UdpTimeout':%s}}"),
		FEED_WITH("'Node':{'LocalServices':[{'Address':'10.0.0.1','Protocol':'tcp',"
			  "'Port':%s}]}"),
		FEED_POD("'Probes':[{'Port':%s}]"),
		FEED_RULES("{'IpProtocol':'tcp','FromPort':%s,'ToPort':65535}"),
		FEED_RULES("{'IpProtocol':'tcp','FromPort':0,'ToPort':%s}"),
		FEED_RULES("{'IpProtocol':'icmp','FromPort':%s,'ToPort':-1}"),
		FEED_RULES("{'IpProtocol':'icmp','FromPort':0,'ToPort':%s}"),
		FEED_RULES("{'IpProtocol':'%s'}"),
	};
	static const char *const numbers[] = { "-2",
					       "65536000",
					       "2147483648",
					       "4294967297",
					       "9223372036854775808",
					       "18446744073709551617",
					       "-9223372036854775809",
					       "99999999999999999999999999999999999999",
					       "1e3",
					       "1.0",
					       "0.5",
					       "1e999" };

	(void)state;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		for (size_t k = 0; k < sizeof(numbers) / sizeof(numbers[0]); k++) {
			struct bg_error err;
			char text[512];

			snprintf(text, sizeof(text), places[i], numbers[k]);
			feed_error(text, &err);
		}
	}
}

/* --- depth and size --- */

static void nested_a_hundred_thousand_times(void **state)
{
	static const char *const openings[] = { "[", "{\"a\":", "[{\"a\":", "{\"FeedVersion\":" };

	(void)state;
	for (size_t i = 0; i < sizeof(openings) / sizeof(openings[0]); i++) {
		size_t each = strlen(openings[i]), length = 100000 * each;
		char *text = malloc(length + 1);
		struct bg_error err;

		assert_non_null(text);
		for (size_t k = 0; k < 100000; k++)
			memcpy(text + k * each, openings[i], each);
		assert_int_equal(parse(text, length, &err), -EINVAL);
		free(text);
	}
}

/* A typing error in each of 100,000 elements, as many unknown keys, and
 * an object full of them. */
static void warnings_are_bounded(void **state)
{
	struct bg_model *model = NULL;
	struct bg_error err = {};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	fputs("{'FeedVersion':1,'SecurityGroups':[],'NetworkInterfaces':[", out);
	for (int i = 0; i < 100000; i++)
		fprintf(out, "%s{'Sets':[],'Key%d':1,'Ipv4Prefixes':[{'Ipv4Prefix':'10.1.2.3/8'}]}",
			i ? "," : "", i);
	fputs("]", out);
	for (int i = 0; i < 1000; i++)
		fprintf(out, ",'Other%d':{}", i);
	fputs("}", out);
	assert_int_equal(fclose(out), 0);
	if (feed_try(text, &model, &err))
		fail_msg("%s", err.text);
	assert_in_range(model->warning_count, 3, 1000);
	bg_model_free(model);
	free(text);
}

static void long_names_are_cut_or_refused(void **state)
{
	size_t length = 1 << 20;
	char *name = malloc(length + 1), *text;
	struct bg_model *model = NULL;
	struct bg_error err;

	(void)state;
	assert_non_null(name);
	memset(name, 'x', length);
	name[length] = '\0';
	assert_true(asprintf(&text, FEED_WITH("'%s':1"), name) > 0);
	assert_int_equal(feed_try(text, &model, &err), 0);
	assert_int_equal(model->warning_count, 1);
	assert_in_range(strlen(model->warnings[0].pointer), 16, 1024);
	bg_model_free(model);
	free(text);
	assert_true(asprintf(&text, FEED_BRANCH("'Pods':[],'GroupIds':['%s']"), name) > 0);
	feed_error(text, &err);
	free(text);
	assert_true(asprintf(&text, FEED_BRANCH("'Pods':[],'Interface':'%s']"), name) > 0);
	feed_error(text, &err);
	free(text);
	free(name);
}

/* What drives a terminal, or breaks a line of the log, does not come out again. */
static void errors_are_one_printable_line(void **state)
{
	struct bg_error err;
	const char *text;

	(void)state;
	text = feed_error(FEED_BRANCH("'Pods':[],'Mode':'\\u001b[2J\\nstrict'"), &err);
	for (; *text; text++)
		assert_in_range((unsigned char)*text, ' ', 0x7e);
	text = feed_error("{'FeedVersion':1,'SecurityGroups':[{'Group\\u0007':1,'GroupId':"
			  "'a\\nb'}]}",
			  &err);
	for (; *text; text++)
		assert_in_range((unsigned char)*text, ' ', 0x7e);
}

/* --- files --- */

static char directory[] = "/tmp/branchguard-hostile-XXXXXX";

static int make_directory(void **state)
{
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
	(void)state;
	return rmdir(directory);
}

static void read_refuses(const char *path, int expected, const char *word)
{
	struct bg_model *model = NULL;
	struct bg_error err = {};
	int rc = bg_read_feed(path, &model, &err);

	assert_int_equal(rc, expected);
	assert_null(model);
	if (!strstr(err.text, path) || !strstr(err.text, word))
		fail_msg("expected \"%s\" and \"%s\" in: %s", path, word, err.text);
}

static void files_that_are_no_feed(void **state)
{
	char path[64];
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/feed.json", directory);
	read_refuses(path, -ENOENT, "No such file");
	read_refuses(directory, -EISDIR, "directory");
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	read_refuses(path, -EINVAL, "empty");
	/* refused by its size, before it is read */
	assert_int_equal(ftruncate(fd, (off_t)BG_FEED_MAX_BYTES + 1), 0);
	read_refuses(path, -E2BIG, "268435457");
	close(fd);
	assert_int_equal(unlink(path), 0);
	/* nobody writes into it: no feed, and no waiting */
	assert_int_equal(mkfifo(path, 0600), 0);
	read_refuses(path, -EINVAL, "empty");
	assert_int_equal(unlink(path), 0);
	/* a link to what vanished */
	assert_int_equal(symlink("gone", path), 0);
	read_refuses(path, -ENOENT, "No such file");
	assert_int_equal(unlink(path), 0);
	read_refuses("/proc/self/mem", -EIO, "reading");
}

static void a_file_that_is_one(void **state)
{
	struct bg_model *model = NULL;
	struct bg_error err = {};
	char path[64];
	size_t length;
	char *text = json_of(feed_example, &length);
	FILE *file;

	(void)state;
	snprintf(path, sizeof(path), "%s/feed.json", directory);
	file = fopen(path, "we");
	if (!file) /* the analyzer does not know assert_non_null() */
		abort();
	assert_int_equal(fwrite(text, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
	if (bg_read_feed(path, &model, &err))
		fail_msg("%s", err.text);
	assert_int_equal(model->branch_count, 1);
	bg_model_free(model);
	assert_int_equal(unlink(path), 0);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(truncated_at_every_byte),
		cmocka_unit_test(damaged_at_every_byte),
		cmocka_unit_test(the_wrong_type_at_every_place),
		cmocka_unit_test(numbers_out_of_range),
		cmocka_unit_test(nested_a_hundred_thousand_times),
		cmocka_unit_test(warnings_are_bounded),
		cmocka_unit_test(long_names_are_cut_or_refused),
		cmocka_unit_test(errors_are_one_printable_line),
		cmocka_unit_test(files_that_are_no_feed),
		cmocka_unit_test(a_file_that_is_one),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
