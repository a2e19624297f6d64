// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What etcd says by its JSON gateway, as a real one (3.4) has said it, and what it should not say; what
 * it is asked; and sources, endpoints and keys.
 */
#include "fleet/etcd/base64.h"
#include "fleet/etcd/etcd_answer.h"
#include "fleet/etcd/etcd_client.h"
#include "fleet/etcd/etcd_request.h"
#include "fleet/etcd/etcd_source.h"
#include "test.h"

#define HEADER(revision)                                                                              \
	"\"header\":{\"cluster_id\":\"14841639068965178418\",\"member_id\":\"10276657743932975437\"," \
	"\"revision\":\"" revision "\",\"raft_term\":\"2\"}"

static void has_words(const struct bg_error *err, const char *words)
{
	if (!strstr(err->text, words))
		fail_msg("\"%s\" lacks \"%s\"", err->text, words);
}

/* --- base64 --- */

static void is_base64(const char *bytes, size_t length, const char *text)
{
	char *written = bg_base64(bytes, length), *read;
	size_t read_bytes;

	assert_string_equal(written, text);
	assert_int_equal(bg_base64_read(text, strlen(text), &read, &read_bytes), 0);
	assert_int_equal(read_bytes, length);
	assert_memory_equal(read, bytes, length);
	assert_int_equal(read[length], 0);
	free(written);
	free(read);
}

static void base64_is_written_and_read(void **state)
{
	static const char *const wrong[] = { "A",	 "AA",	 "AAA",	 "AA=A", "A===",  "====",
					     "AA==AAAA", "AB==", "AAB=", "A*AA", "AA\nA", "-_AA" };
	char *bytes = NULL;
	size_t length;

	(void)state;
	is_base64("", 0, "");
	is_base64("f", 1, "Zg==");
	is_base64("fo", 2, "Zm8=");
	is_base64("foo", 3, "Zm9v");
	is_base64("foobar", 6, "Zm9vYmFy");
	is_base64("\xff\x00\xfb\xf0", 4, "/wD78A==");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (bg_base64_read(wrong[i], strlen(wrong[i]), &bytes, &length) != -EINVAL)
			fail_msg("\"%s\" was taken", wrong[i]);
	assert_int_equal(bg_base64_read("AAA\0", 4, &bytes, &length), -EINVAL);
	assert_null(bytes);
}

/* --- ranges --- */

static int range_of(const char *text, struct bg_etcd_said *said, struct bg_error *err)
{
	*said = (struct bg_etcd_said){};
	return bg_etcd_read_range(text, strlen(text), said, err);
}

static void is_pair(const json_t *item, const char *key, const char *value,
		    unsigned long long revision)
{
	struct bg_etcd_pair pair = {};
	struct bg_error err;

	if (bg_etcd_read_pair(item, &pair, &err))
		fail_msg("%s", err.text);
	assert_string_equal(pair.key, key);
	assert_int_equal(pair.revision, revision);
	assert_int_equal(!pair.value, !value);
	if (value) {
		assert_int_equal(pair.value_bytes, strlen(value));
		assert_string_equal(pair.value, value);
	}
	bg_etcd_release_pair(&pair);
}

static void ranges_are_read(void **state)
{
	struct bg_etcd_said said;
	struct bg_error err;

	(void)state;
	assert_int_equal(
		range_of(
			"{" HEADER(
				"4") ",\"kvs\":[{\"key\":\"L2JnLzE=\",\"create_revision\":"
				     "\"2\",\"mod_revision\":\"2\",\"version\":\"1\",\"value\":\"djE=\"},"
				     "{\"key\":\"L2JnLzI=\",\"mod_revision\":\"3\"}],\"more\":true,"
				     "\"count\":\"3\"}",
			&said, &err),
		0);
	assert_true(said.more && said.revision == 4 && said.cluster == 14841639068965178418u);
	assert_int_equal(json_array_size(said.items), 2);
	is_pair(json_array_get(said.items, 0), "/bg/1", "v1", 2);
	/* what is empty is left out */
	is_pair(json_array_get(said.items, 1), "/bg/2", "", 3);
	bg_etcd_release(&said);
	assert_int_equal(range_of("{" HEADER("4") "}", &said, &err), 0);
	assert_true(!said.more && !said.items);
	bg_etcd_release(&said);
	/* nothing that could be taken for a range without keys */
	assert_int_equal(range_of("{}", &said, &err), -EPROTO);
	assert_int_equal(range_of("{" HEADER("4") ",\"kvs\":{}}", &said, &err), -EPROTO);
	assert_int_equal(range_of("{" HEADER("-4") "}", &said, &err), -EPROTO);
	assert_int_equal(range_of("{" HEADER("4"), &said, &err), -EPROTO);
	has_words(&err, "found no JSON");
	assert_int_equal(range_of("", &said, &err), -EPROTO);
	assert_int_equal(range_of("[]", &said, &err), -EPROTO);
	assert_null(said.all);
}

static void no_pair(const char *text, const char *words)
{
	json_t *item = json_loads(text, 0, NULL);
	struct bg_etcd_pair pair = {};
	struct bg_error err;

	assert_int_equal(bg_etcd_read_pair(item, &pair, &err), -EPROTO);
	has_words(&err, words);
	assert_true(!pair.key && !pair.value);
	json_decref(item);
}

static void what_is_no_pair_is_told(void **state)
{
	(void)state;
	no_pair("{\"key\":\"*\",\"mod_revision\":\"2\"}",
		"key: found something else, expected base64");
	no_pair("{\"key\":7,\"mod_revision\":\"2\"}", "key: found");
	no_pair("{\"key\":\"Zm9v\",\"mod_revision\":\"2\",\"value\":\"Zg=\"}", "value: found");
	no_pair("{\"key\":\"Zm9v\",\"mod_revision\":\"2\",\"value\":{}}", "value: found");
	no_pair("{\"key\":\"Zm9v\"}", "without a name or a mod_revision");
	no_pair("{\"mod_revision\":\"2\"}", "without a name");
	/* a zero in it */
	no_pair("{\"key\":\"ZgBv\",\"mod_revision\":\"2\"}", "without a name");
	no_pair("{\"type\":\"MOVE\",\"kv\":{\"key\":\"Zm9v\",\"mod_revision\":\"2\"}}", "neither");
	no_pair("[]", "without a name");
}

/* --- watches --- */

static int line_of(const char *text, struct bg_etcd_said *said, struct bg_error *err)
{
	*said = (struct bg_etcd_said){};
	return bg_etcd_read_line(text, strlen(text), said, err);
}

static void lines_are_read(void **state)
{
	struct bg_etcd_said said;
	struct bg_error err;

	(void)state;
	assert_int_equal(line_of("{\"result\":{" HEADER("4") ",\"created\":true}}", &said, &err),
			 0);
	assert_true(said.created && !said.items && !said.more);
	bg_etcd_release(&said);
	assert_int_equal(
		line_of("{\"result\":{" HEADER(
				"9") ",\"fragment\":true,\"events\":[{\"kv\":{"
				     "\"key\":\"L2JnLzE=\",\"mod_revision\":\"8\",\"value\":\"djE=\"}},"
				     "{\"type\":\"DELETE\",\"kv\":{\"key\":\"L2JnLzE=\",\"mod_revision\":"
				     "\"9\"}}]}}",
			&said, &err),
		0);
	assert_true(said.more && !said.created && said.revision == 9);
	is_pair(json_array_get(said.items, 0), "/bg/1", "v1", 8);
	is_pair(json_array_get(said.items, 1), "/bg/1", NULL, 9);
	bg_etcd_release(&said);
	/* how far it is */
	assert_int_equal(line_of("{\"result\":{" HEADER("12") "}}", &said, &err), 0);
	assert_true(!said.items && !said.created && said.revision == 12);
	bg_etcd_release(&said);
}

static void ends(const char *line, int rc, const char *words)
{
	struct bg_etcd_said said;
	struct bg_error err;

	assert_int_equal(line_of(line, &said, &err), rc);
	has_words(&err, words);
	assert_null(said.all);
}

static void ends_of_watches_are_told_apart(void **state)
{
	(void)state;
	ends("{\"result\":{\"header\":{\"cluster_id\":\"1\"},\"canceled\":true,\"compact_revision\":"
	     "\"3\"}}",
	     -ESTALE, "before revision 3");
	ends("{\"result\":{" HEADER(
		     "4") ",\"watch_id\":\"-1\",\"created\":true,\"canceled\":true,"
			  "\"cancel_reason\":\"rpc error: code = Unauthenticated desc = etcdserver: invalid auth "
			  "token\"}}",
	     -EKEYREJECTED, "logs in again");
	ends("{\"result\":{" HEADER(
		     "4") ",\"created\":true,\"canceled\":true,\"cancel_reason\":"
			  "\"rpc error: code = PermissionDenied desc = etcdserver: permission denied\"}}",
	     -EACCES, "needs to read the prefix");
	ends("{\"result\":{" HEADER("4") ",\"canceled\":true}}", -EAGAIN, "has ended the watch");
	ends("{\"error\":{\"grpc_code\":14,\"http_code\":503,\"message\":\"etcdserver: no leader\"}}",
	     -EAGAIN, "does not reach most of the others");
	ends("{\"error\":{\"message\":\"\\u001b[2J\"}}", -EAGAIN, "?[2J");
	ends("{\"error\":7}", -EAGAIN, "without words");
	ends("{\"result\":[]}", -EPROTO, "found no result");
	ends("{\"result\":{\"created\":true}}", -EPROTO, "cluster_id");
	ends("{\"result\":{" HEADER("4") ",\"events\":1}}", -EPROTO, "events: found");
	ends("<html>", -EPROTO, "found no JSON");
}

/* --- refusals and tokens --- */

static int refused(long status, const char *body, struct bg_error *err)
{
	const struct bg_web_answer answer = { .status = status,
					      .body = body,
					      .length_bytes = strlen(body) };

	return bg_etcd_refused("https://e:2379", &answer, err);
}

static void refusals_are_told_apart(void **state)
{
	const char *off = "{\"error\":\"etcdserver: authentication is not enabled\",\"message\":"
			  "\"etcdserver: authentication is not enabled\",\"code\":9}";
	struct bg_web_answer answer = { .status = 412, .body = off, .length_bytes = strlen(off) };
	struct bg_error err;

	(void)state;
	assert_int_equal(
		refused(400,
			"{\"error\":\"x\",\"message\":\"etcdserver: mvcc: required revision "
			"has been compacted\",\"code\":11}",
			&err),
		-ESTALE);
	assert_int_equal(refused(400, "{\"error\":\"etcdserver: user name is empty\",\"code\":3}",
				 &err),
			 -EACCES);
	assert_string_equal(err.text,
			    "https://e:2379: etcdserver: user name is empty: etcd asks who "
			    "this is: give --user-file");
	assert_int_equal(refused(404, "404 page not found", &err), -ENOENT);
	has_words(&err, "HTTP 404: 404 page not found");
	assert_int_equal(refused(200, "", &err), -EPROTO);
	assert_true(bg_etcd_has_no_users(&answer));
	answer.length_bytes = 9;
	assert_false(bg_etcd_has_no_users(&answer));
}

static void tokens_become_headers(void **state)
{
	static const char *const wrong[] = { "{}",
					     "{\"token\":\"\"}",
					     "{\"token\":\"a b\"}",
					     "{\"token\":\"a\\r\\nX: y\"}",
					     "[]",
					     "" };
	const char *right = "{" HEADER("4") ",\"token\":\"ThgLp.12\"}";
	char *token = NULL;
	struct bg_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(bg_etcd_read_token(wrong[i], strlen(wrong[i]), &token, &err),
				 -EPROTO);
	assert_null(token);
	assert_int_equal(bg_etcd_read_token(right, strlen(right), &token, &err), 0);
	assert_string_equal(token, "ThgLp.12");
	free(token);
}

/* --- requests --- */

static void is_request(char *request, const char *expected)
{
	assert_string_equal(request, expected);
	free(request);
}

static void requests_are_written(void **state)
{
	const struct bg_etcd_ask first = { .key = "/b/", .end = "/b0", .limit = 16 };
	const struct bg_etcd_ask page = {
		.key = "/b/", .end = "/b0", .after = "/b/1", .revision = 7, .limit = 16
	};
	const struct bg_etcd_ask one = { .key = "/b/1", .end = "", .limit = 1, .keys_only = true };

	(void)state;
	is_request(bg_etcd_range_request(&first),
		   "{\"key\":\"L2Iv\",\"range_end\":\"L2Iw\",\"limit\":\"16\"}");
	is_request(bg_etcd_range_request(&page), "{\"key\":\"L2IvMQA=\",\"range_end\":\"L2Iw\","
						 "\"revision\":\"7\",\"limit\":\"16\"}");
	is_request(bg_etcd_range_request(&one),
		   "{\"key\":\"L2IvMQ==\",\"keys_only\":true,\"limit\":\"1\"}");
	is_request(
		bg_etcd_watch_request("/b/", "/b0", 8),
		"{\"create_request\":{\"key\":\"L2Iv\",\"start_revision\":\"8\",\"progress_notify\":"
		"true,\"fragment\":true,\"range_end\":\"L2Iw\"}}");
	is_request(bg_etcd_login_request("node:p:\"w"),
		   "{\"name\":\"node\",\"password\":\"p:\\\"w\"}");
	assert_null(bg_etcd_login_request("node"));
	assert_null(bg_etcd_login_request(":word"));
	assert_null(bg_etcd_login_request("node:\xff"));
}

/* --- sources --- */

static void sources_are_found(void **state)
{
	struct bg_etcd_source at;
	struct bg_error err;

	(void)state;
	assert_true(bg_is_etcd("etcd://a/b") && !bg_is_etcd("etcd") &&
		    !bg_is_etcd("https://etcd://"));
	assert_int_equal(bg_etcd_source_find("etcd://a,10.0.0.2:23,[fd00::1],[fd00::2]:9/b/c//",
					     false, &at, &err),
			 0);
	assert_int_equal(at.count, 4);
	assert_string_equal(at.url[0], "https://a:2379");
	assert_string_equal(at.url[1], "https://10.0.0.2:23");
	assert_string_equal(at.url[2], "https://[fd00::1]:2379");
	assert_string_equal(at.url[3], "https://[fd00::2]:9");
	assert_string_equal(at.prefix, "/b/c");
	/* without TLS only on the loopback, and when nothing asks for it */
	assert_int_equal(bg_etcd_source_find("etcd://localhost,[::1]:3/b", false, &at, &err), 0);
	assert_string_equal(at.url[0], "http://localhost:2379");
	assert_string_equal(at.url[1], "http://[::1]:3");
	assert_int_equal(bg_etcd_source_find("etcd://127.0.0.1/b", true, &at, &err), 0);
	assert_string_equal(at.url[0], "https://127.0.0.1:2379");
	assert_int_equal(bg_etcd_source_find("etcd://127.0.0.1,a/b", false, &at, &err), 0);
	assert_string_equal(at.url[0], "https://127.0.0.1:2379");
	assert_int_equal(bg_etcd_source_find("etcd://127.0.0.1.example/b", false, &at, &err), 0);
	assert_string_equal(at.url[0], "https://127.0.0.1.example:2379");
}

static void what_is_no_source_is_told(void **state)
{
	static const char *const wrong[] = {
		"etcd:///b",
		"etcd://a,/b",
		"etcd://,a/b",
		"etcd://a:/b",
		"etcd://a:x/b",
		"etcd://a:123456/b",
		"etcd://a b/b",
		"etcd://[]/b",
		"etcd://[::1/b",
		"etcd://[::1]x/b",
		"etcd://a?b/c",
		"etcd://::1/b",
		"etcd://a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a/b",
	};
	struct bg_etcd_source at;
	struct bg_error err;
	char text[700];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (bg_etcd_source_find(wrong[i], false, &at, &err) != -EINVAL)
			fail_msg("%s was taken", wrong[i]);
		has_words(&err, "expected etcd://HOST:PORT/PREFIX");
	}
	assert_int_equal(bg_etcd_source_find("etcd://me:word@a/b", false, &at, &err), -EINVAL);
	assert_null(strstr(err.text, "word@"));
	assert_int_equal(bg_etcd_source_find("etcd://a", false, &at, &err), -EINVAL);
	has_words(&err, "expected a prefix");
	assert_int_equal(bg_etcd_source_find("etcd://a//", false, &at, &err), -EINVAL);
	snprintf(text, sizeof(text), "etcd://%0300d/b", 1);
	assert_int_equal(bg_etcd_source_find(text, false, &at, &err), -EINVAL);
	snprintf(text, sizeof(text), "etcd://a/%0300d", 1);
	assert_int_equal(bg_etcd_source_find(text, false, &at, &err), -EINVAL);
}

static void keys_are_those_of_files(void **state)
{
	char key[BG_ETCD_KEY_TEXT], end[BG_ETCD_KEY_TEXT], name[BG_PART_NAME_TEXT];
	enum bg_part_kind kind;
	int found = 0;

	(void)state;
	assert_string_equal(bg_etcd_key("/b", BG_GROUP_MEMBERS, "sg-1-0", key),
			    "/b/groupmembers/sg-1-0");
	assert_true(bg_etcd_part_of_key("/b", key, &kind, name));
	assert_int_equal(kind, BG_GROUP_MEMBERS);
	assert_string_equal(name, "sg-1-0");
	assert_false(bg_etcd_part_of_key("/b", "/b/groupmembers/", &kind, name));
	assert_false(bg_etcd_part_of_key("/b", "/b/groupmembers/a/b", &kind, name));
	assert_false(bg_etcd_part_of_key("/b", "/b/other/a", &kind, name));
	assert_false(bg_etcd_part_of_key("/b", "/bgroupmembers/a", &kind, name));
	assert_false(bg_etcd_part_of_key("/b", "/b/groupmembers-a", &kind, name));
	assert_false(bg_etcd_part_of_key("/b", "/b", &kind, name));
	/* each kind in one range, and of nodes this one alone */
	for (int i = 0; i < BG_PART_KINDS; i++)
		for (int range = 0; range < BG_ETCD_RANGES; range++) {
			char part[BG_ETCD_KEY_TEXT];

			bg_etcd_key("/b", i, "n1", part);
			bg_etcd_range("/b", range, "n1", key, end);
			found += *end ? strcmp(part, key) > 0 && strcmp(part, end) < 0
				      : !strcmp(part, key);
		}
	assert_int_equal(found, BG_PART_KINDS);
	for (int range = 0; range < BG_ETCD_RANGES; range++) {
		bg_etcd_range("/b", range, "n1", key, end);
		assert_false(*end && strcmp("/b/nodefeed/n2", key) > 0 &&
			     strcmp("/b/nodefeed/n2", end) < 0);
	}
}

/* --- endpoints --- */

static void endpoints_take_turns(void **state)
{
	const struct bg_etcd_source at = { .url = { "http://a", "http://b", "http://c" },
					   .count = 3 };
	struct bg_etcd_client client = { .at = &at, .user_file = "user" };
	const char *first;
	double ms;

	(void)state;
	bg_etcd_client_begin(&client);
	first = bg_etcd_endpoint(&client);
	assert_true(bg_etcd_must_log_in(&client));
	for (int i = 0; i < 2; i++) {
		ms = bg_etcd_client_failed(&client, -EPIPE, 0);
		assert_true(ms >= 100 && ms <= 200);
		assert_string_not_equal(bg_etcd_endpoint(&client), first);
	}
	/* once around: later and later */
	ms = bg_etcd_client_failed(&client, -EPIPE, 0);
	assert_true(ms >= 250 && ms <= 500);
	assert_string_equal(bg_etcd_endpoint(&client), first);
	/* it is not its fault */
	ms = bg_etcd_client_failed(&client, -ESTALE, 0);
	assert_true(ms >= 500 && ms <= 1000);
	assert_string_equal(bg_etcd_endpoint(&client), first);
	/* a token that did well is asked for again at once, one that never did is not */
	client.token = strdup("t");
	assert_false(bg_etcd_must_log_in(&client));
	assert_true(bg_etcd_client_failed(&client, -EKEYREJECTED, 0) == 0);
	assert_true(bg_etcd_must_log_in(&client));
	client.token = strdup("t");
	client.token_is_new = true;
	assert_true(bg_etcd_client_failed(&client, -EKEYREJECTED, 0) > 0);
	/* where no users were, there may be some now; a right that lacks is no matter of the token */
	client.token = strdup("");
	assert_true(bg_etcd_client_failed(&client, -EACCES, 0) > 0);
	assert_true(bg_etcd_must_log_in(&client));
	client.token = strdup("t");
	assert_true(bg_etcd_client_failed(&client, -EACCES, 0) > 0);
	assert_false(bg_etcd_must_log_in(&client));
	bg_etcd_client_settled(&client);
	assert_true(bg_etcd_client_failed(&client, -EPIPE, 0) <= 200);
	bg_etcd_client_release(&client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64_is_written_and_read),
		cmocka_unit_test(ranges_are_read),
		cmocka_unit_test(what_is_no_pair_is_told),
		cmocka_unit_test(lines_are_read),
		cmocka_unit_test(ends_of_watches_are_told_apart),
		cmocka_unit_test(refusals_are_told_apart),
		cmocka_unit_test(tokens_become_headers),
		cmocka_unit_test(requests_are_written),
		cmocka_unit_test(sources_are_found),
		cmocka_unit_test(what_is_no_source_is_told),
		cmocka_unit_test(keys_are_those_of_files),
		cmocka_unit_test(endpoints_take_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
