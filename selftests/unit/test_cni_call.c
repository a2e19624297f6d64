// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Each call of a runtime, its answer and its exit status, where nothing is pinned. */
#include <jansson.h>

#include "cni/cni_call.h"
#include "test.h"

#define CONFIG                                                                                     \
	"\"cniVersion\":\"1.0.0\",\"name\":\"net\",\"type\":\"branchguard-cni\","                  \
	"\"pinDir\":\"/nowhere/branchguard\",\"timeoutSeconds\":0"
#define ORDINARY "{\"cniVersion\":\"1.0.0\",\"interfaces\":[{\"name\":\"dummy1\",\"mac\":\"0\"}]}"
#define BRANCH                                                                                     \
	"{\"interfaces\":[{\"name\":\"vlan1\"},{\"name\":\"dummy1\",\"mac\":\"9\"}],"              \
	"\"ips\":[{\"address\":\"10.0.47.82/32\"}], \"big\": 123456789012345678901234567890}"

struct answer {
	char *out, *log;
	size_t out_size, log_size;
	int status;
	json_t *json; /* of out, NULL = that is not JSON */
};

static const struct bg_cni_call add = {
	.command = "ADD",
	.container_id = "cid1",
	.netns = "/run/netns/pod",
	.interface = "eth0",
	.args = "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=cart-0;K8S_POD_UID=u",
};

static struct bg_cni_call called(const char *command)
{
	struct bg_cni_call call = add;

	call.command = command;
	return call;
}

static void ask(struct answer *answer, const struct bg_cni_call *call, const char *text,
		const char *unread)
{
	FILE *out, *log;

	*answer = (struct answer){};
	out = open_memstream(&answer->out, &answer->out_size);
	log = open_memstream(&answer->log, &answer->log_size);
	answer->status =
		bg_cni_answer(call, (struct bg_text){ text, strlen(text) }, unread, out, log);
	fclose(out);
	fclose(log);
	answer->json = json_loads(answer->out, JSON_REJECT_DUPLICATES, NULL);
}

static void free_answer(struct answer *answer)
{
	json_decref(answer->json);
	free(answer->out);
	free(answer->log);
}

static void expect(const struct bg_cni_call *call, const char *text, int status, const char *out)
{
	struct answer answer;

	ask(&answer, call, text, NULL);
	assert_int_equal(answer.status, status);
	assert_string_equal(answer.out, out);
	assert_string_equal(answer.log, "");
	free_answer(&answer);
}

/* An error as the specification has it. */
static void expect_error(const struct bg_cni_call *call, const char *text, int code,
			 const char *msg, const char *details)
{
	struct answer answer;

	ask(&answer, call, text, NULL);
	print_message("%s", answer.out);
	assert_int_equal(answer.status, 1);
	assert_non_null(answer.json);
	assert_int_equal(json_integer_value(json_object_get(answer.json, "code")), code);
	assert_non_null(json_string_value(json_object_get(answer.json, "cniVersion")));
	assert_non_null(strstr(json_string_value(json_object_get(answer.json, "msg")), msg));
	assert_non_null(
		strstr(json_string_value(json_object_get(answer.json, "details")), details));
	assert_string_equal(answer.log, "");
	free_answer(&answer);
}

static void version(void **state)
{
	const struct bg_cni_call call = { .command = "VERSION" };

	(void)state;
	expect(&call, "{\"cniVersion\":\"1.1.0\"}", 0,
	       "{\"cniVersion\":\"1.1.0\",\"supportedVersions\":[\"0.3.0\",\"0.3.1\",\"0.4.0\","
	       "\"1.0.0\",\"1.1.0\"]}\n");
	expect(&call, "", 0,
	       "{\"cniVersion\":\"1.1.0\",\"supportedVersions\":[\"0.3.0\",\"0.3.1\",\"0.4.0\","
	       "\"1.0.0\",\"1.1.0\"]}\n");
}

static void ordinary_pods_pass(void **state)
{
	const struct bg_cni_call check = called("CHECK");

	(void)state;
	expect(&add, "{" CONFIG ",\"prevResult\":" ORDINARY "}", 0, ORDINARY "\n");
	expect(&add, "{" CONFIG ",\"prevResult\": {  } }", 0, "{  }\n");
	expect(&check, "{" CONFIG ",\"prevResult\":" ORDINARY "}", 0, "");
}

static void a_branch_waits(void **state)
{
	const struct bg_cni_call check = called("CHECK");

	(void)state;
	expect_error(&add, "{" CONFIG ",\"prevResult\":" BRANCH "}", 11,
		     "the branch of pod shop/cart-0 (VLAN 9) is not armed",
		     "branchguard is not loaded: /nowhere/branchguard/maps/control");
	expect_error(&check, "{" CONFIG ",\"prevResult\":" BRANCH "}", 11, "(VLAN 9)",
		     "not loaded");
}

static void a_branch_is_let_go(void **state)
{
	static const char text[] = "{" CONFIG ",\"failure\":\"open\",\"prevResult\":" BRANCH "}";
	struct answer answer;

	(void)state;
	ask(&answer, &add, text, NULL);
	assert_int_equal(answer.status, 0);
	/* to the byte, with a number that no library keeps */
	assert_string_equal(answer.out, BRANCH "\n");
	assert_non_null(strstr(answer.log, "WARNING"));
	assert_non_null(strstr(answer.log, "pod shop/cart-0 (VLAN 9) is not armed"));
	assert_non_null(strstr(answer.log, "not loaded"));
	free_answer(&answer);
}

/* What cannot be read may be a branch. */
static void what_cannot_be_read(void **state)
{
#define BROKEN "{\"interfaces\":[{\"name\":\"dummy1\",\"mac\":9}]}"
	static const char open[] = "{" CONFIG ",\"failure\":\"open\",\"prevResult\":" BROKEN "}";
	struct answer answer;

	(void)state;
	expect_error(&add, "{" CONFIG ",\"prevResult\":" BROKEN "}", 6, "cannot be told",
		     "/prevResult/interfaces/0/mac");
	ask(&answer, &add, open, NULL);
	assert_int_equal(answer.status, 0);
	assert_string_equal(answer.out, BROKEN "\n");
	assert_non_null(strstr(answer.log, "cannot be told"));
	free_answer(&answer);
}

static void a_branch_without_a_pod(void **state)
{
	(void)state;
	expect_error(&add,
		     "{" CONFIG ",\"prevResult\":{\"interfaces\":[{\"name\":\"vlan1\"},{\"name\":"
		     "\"dummy1\",\"mac\":\"9\"}]}}",
		     11, "VLAN 9", "no address");
	expect_error(&add,
		     "{" CONFIG
		     ",\"prevResult\":{\"interfaces\":[{\"name\":\"dummy1\",\"mac\":\"9\"}],"
		     "\"ips\":[{\"address\":\"10.0.0.1/32\"}]}}",
		     11, "VLAN 9", "no interface of the node");
}

static void not_chained(void **state)
{
	(void)state;
	expect_error(&add, "{" CONFIG "}", 7, "prevResult is missing", "behind them");
	expect_error(&add, "{" CONFIG ",\"prevResult\":null}", 7, "prevResult is missing", "");
}

static void refused_configurations(void **state)
{
	(void)state;
	expect_error(&add, "{", 6, "configuration is refused", "line 1");
	expect_error(&add, "{\"cniVersion\":\"0.2.0\"}", 1, "configuration is refused", "0.2.0");
	expect_error(&add, "{" CONFIG ",\"failure\":1}", 7, "configuration is refused", "/failure");
}

static void environment(void **state)
{
	struct bg_cni_call call = {};

	(void)state;
	expect_error(&call, "{" CONFIG "}", 4, "CNI_COMMAND is not set", "");
	call = called("");
	expect_error(&call, "{" CONFIG "}", 4, "of no kind", "found \"\"");
	call = called("ADD\"\n\033");
	expect_error(&call, "{" CONFIG "}", 4, "of no kind", "expected ADD");
	call = called("add");
	expect_error(&call, "{" CONFIG "}", 4, "of no kind", "found \"add\"");
	call = add;
	call.container_id = NULL;
	expect_error(&call, "{" CONFIG ",\"prevResult\":" ORDINARY "}", 4, "environment",
		     "CNI_CONTAINERID is not set, which ADD needs");
	call = add;
	call.netns = "";
	expect_error(&call, "{" CONFIG ",\"prevResult\":" ORDINARY "}", 4, "environment",
		     "CNI_NETNS");
	call = add;
	call.interface = NULL;
	expect_error(&call, "{" CONFIG ",\"prevResult\":" ORDINARY "}", 4, "environment",
		     "CNI_IFNAME");
}

/* A pod that goes is not kept by what the gate does not understand. */
static void leaving_never_fails(void **state)
{
	static const char *const texts[] = { "",    "{",
					     "{}",  "{" CONFIG "}",
					     "[1]", "{" CONFIG ",\"prevResult\":7}" };
	struct bg_cni_call call = {};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		call.command = "DEL";
		expect(&call, texts[i], 0, "");
		call.command = "GC";
		expect(&call, texts[i], 0, "");
	}
	call = called("DEL");
	expect(&call, "{" CONFIG ",\"prevResult\":" BRANCH "}", 0, "");
}

static void status(void **state)
{
	const struct bg_cni_call call = { .command = "STATUS" };

	(void)state;
	expect_error(&call, "{" CONFIG "}", 50, "nothing is loaded", "/nowhere/branchguard");
	/* there every pod starts, whatever is pinned */
	expect(&call, "{" CONFIG ",\"failure\":\"open\"}", 0, "");
}

static void cut_input(void **state)
{
	const struct bg_cni_call del = called("DEL");
	struct answer answer;

	(void)state;
	ask(&answer, &add, "", "more than 1 MiB came");
	assert_int_equal(answer.status, 1);
	assert_int_equal(json_integer_value(json_object_get(answer.json, "code")), 5);
	free_answer(&answer);
	ask(&answer, &del, "", "more than 1 MiB came");
	assert_int_equal(answer.status, 0);
	free_answer(&answer);
}

static void args_of_any_kind(void **state)
{
	static const struct {
		const char *args, *says;
	} cases[] = {
		{ NULL, "container cid1" },
		{ "", "container cid1" },
		{ ";;=;K8S_POD_NAME", "container cid1" },
		{ "K8S_POD_NAME=", "container cid1" },
		{ "K8S_POD_NAME=a", "pod a (" },
		{ "XK8S_POD_NAME=b;K8S_POD_NAME=a;K8S_POD_NAMESPACE=n", "pod n/a (" },
		{ "K8S_POD_NAME=\033[31m\"\xff", "pod ?[31m\"? (" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bg_cni_call call = add;

		call.args = cases[i].args;
		expect_error(&call, "{" CONFIG ",\"prevResult\":" BRANCH "}", 11, cases[i].says,
			     "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(version),
		cmocka_unit_test(ordinary_pods_pass),
		cmocka_unit_test(a_branch_waits),
		cmocka_unit_test(a_branch_is_let_go),
		cmocka_unit_test(what_cannot_be_read),
		cmocka_unit_test(a_branch_without_a_pod),
		cmocka_unit_test(not_chained),
		cmocka_unit_test(refused_configurations),
		cmocka_unit_test(environment),
		cmocka_unit_test(leaving_never_fails),
		cmocka_unit_test(status),
		cmocka_unit_test(cut_input),
		cmocka_unit_test(args_of_any_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
