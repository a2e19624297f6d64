// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a runtime sends: the configuration, what other plugins made, and the text of it. */
#include "base/ip.h"
#include "cni/codes.h"
#include "cni/network_config.h"
#include "cni/raw_json.h"
#include "cni/prev_result.h"
#include "test.h"

static struct bg_text text_of(const char *text)
{
	return (struct bg_text){ text, strlen(text) };
}

static void defaults(void **state)
{
	struct bg_network_config config;
	struct bg_error err = {};

	(void)state;
	assert_int_equal(
		bg_network_config_read(text_of("{\"cniVersion\":\"1.0.0\"}"), &config, &err), 0);
	assert_string_equal(config.cni_version, "1.0.0");
	assert_int_equal(config.failure, BG_GATE_CLOSED);
	assert_int_equal(config.timeout_s, 10);
	assert_string_equal(config.pin_dir, "/sys/fs/bpf/branchguard");
	assert_null(config.prev_result);
	bg_network_config_free(&config);
}

static void every_key(void **state)
{
	static const char text[] =
		"{\"cniVersion\":\"1.1.0\",\"name\":\"aws-cni\",\"type\":\"branchguard-cni\","
		"\"failure\":\"open\",\"timeoutSeconds\":0,\"pinDir\":\"/sys/fs/bpf/other\","
		"\"cni.dev/valid-attachments\":[],\"runtimeConfig\":{},"
		"\"prevResult\" : { \"ips\": [ ], \"x\": \"}\\\"\" } , \"last\":1}";
	struct bg_network_config config;
	struct bg_error err = {};

	(void)state;
	assert_int_equal(bg_network_config_read(text_of(text), &config, &err), 0);
	assert_int_equal(config.failure, BG_GATE_OPEN);
	assert_int_equal(config.timeout_s, 0);
	assert_string_equal(config.pin_dir, "/sys/fs/bpf/other");
	assert_non_null(config.prev_result);
	assert_int_equal(config.prev_text.length, strlen("{ \"ips\": [ ], \"x\": \"}\\\"\" }"));
	assert_memory_equal(config.prev_text.bytes, "{ \"ips\": [ ], \"x\": \"}\\\"\" }",
			    config.prev_text.length);
	bg_network_config_free(&config);
}

static void every_version(void **state)
{
	(void)state;
	for (size_t i = 0; bg_cni_versions[i]; i++) {
		struct bg_network_config config;
		struct bg_error err = {};
		char text[64];

		snprintf(text, sizeof(text), "{\"cniVersion\":\"%s\"}", bg_cni_versions[i]);
		assert_int_equal(bg_network_config_read(text_of(text), &config, &err), 0);
		bg_network_config_free(&config);
	}
}

static void wrong(void **state)
{
	static const struct {
		const char *text;
		int code;
		const char *says;
	} cases[] = {
		{ "", BG_CNI_DECODE, "" },
		{ "{\"cniVersion\":\"1.0.0\"", BG_CNI_DECODE, "line 1" },
		{ "{\"cniVersion\":\"1.0.0\"} x", BG_CNI_DECODE, "line 1" },
		{ "[]", BG_CNI_DECODE, "object" },
		{ "{\"cniVersion\":\"1.0.0\",\"cniVersion\":\"1.0.0\"}", BG_CNI_DECODE, "already" },
		{ "{\"cniVersion\":\"1.0.0\",\"failure\":\"open\",\"failure\":\"closed\"}",
		  BG_CNI_DECODE, "already" },
		{ "{}", BG_CNI_VERSION, "expected one from 0.3.0 to 1.1.0" },
		{ "{\"cniVersion\":\"0.2.0\"}", BG_CNI_VERSION, "0.2.0" },
		{ "{\"cniVersion\":\"1.2.0\"}", BG_CNI_VERSION, "1.2.0" },
		{ "{\"cniVersion\":1}", BG_CNI_VERSION, "/cniVersion" },
		{ "{\"cniVersion\":\"1.0.0\",\"failure\":\"ajar\"}", BG_CNI_CONFIG,
		  "/failure: found \"ajar\", expected \"closed\" or \"open\"" },
		{ "{\"cniVersion\":\"1.0.0\",\"failure\":true}", BG_CNI_CONFIG, "/failure" },
		{ "{\"cniVersion\":\"1.0.0\",\"timeoutSeconds\":\"10\"}", BG_CNI_CONFIG,
		  "/timeoutSeconds" },
		{ "{\"cniVersion\":\"1.0.0\",\"timeoutSeconds\":-1}", BG_CNI_CONFIG,
		  "from 0 to 600" },
		{ "{\"cniVersion\":\"1.0.0\",\"timeoutSeconds\":601}", BG_CNI_CONFIG,
		  "from 0 to 600" },
		{ "{\"cniVersion\":\"1.0.0\",\"timeoutSeconds\":1.5}", BG_CNI_CONFIG, "1.5" },
		{ "{\"cniVersion\":\"1.0.0\",\"pinDir\":\"here\"}", BG_CNI_CONFIG, "absolute" },
		{ "{\"cniVersion\":\"1.0.0\",\"pinDir\":[]}", BG_CNI_CONFIG, "/pinDir" },
		{ "{\"cniVersion\":\"1.0.0\",\"failuer\":\"open\"}", BG_CNI_CONFIG,
		  "/failuer: the plugin has no such key: write \"failure\"" },
		{ "{\"cniVersion\":\"1.0.0\",\"Failure\":\"open\"}", BG_CNI_CONFIG, "/Failure" },
		{ "{\"cniVersion\":\"1.0.0\",\"timeoutSecond\":1}", BG_CNI_CONFIG,
		  "/timeoutSecond" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bg_network_config config;
		struct bg_error err = {};

		print_message("%s\n", cases[i].text);
		assert_int_equal(bg_network_config_read(text_of(cases[i].text), &config, &err),
				 cases[i].code);
		print_message("  %s\n", err.text);
		assert_non_null(strstr(err.text, cases[i].says));
		bg_network_config_free(&config);
	}
}

/* Every cut of a document is refused, and none is read beyond its end (ASan). */
static void cut(void **state)
{
	static const char text[] =
		"{\"cniVersion\":\"1.0.0\",\"prevResult\":{\"interfaces\":[{\"name\":\"dummy1\","
		"\"mac\":\"9\"}],\"ips\":[{\"address\":\"10.0.47.82/32\"}]}}";

	(void)state;
	for (size_t length = 0; length < sizeof(text) - 1; length++) {
		char *copy = malloc(length + 1);
		struct bg_network_config config;
		struct bg_error err = {};

		memcpy(copy, text, length);
		assert_int_equal(bg_network_config_read((struct bg_text){ copy, length }, &config,
							&err),
				 BG_CNI_DECODE);
		bg_network_config_free(&config);
		free(copy);
	}
}

/* --- prevResult ------------------------------------------------------------ */

struct result {
	struct bg_json_document *document;
	struct bg_prev_result read;
	struct bg_error err;
	int rc;
};

static void read_result(struct result *result, const char *text)
{
	struct bg_place place = {};

	*result = (struct result){};
	assert_int_equal(bg_json_parse(text, strlen(text), NULL, &result->document, &place,
				       &result->err),
			 0);
	result->rc =
		bg_prev_result_read(bg_json_root(result->document), &result->read, &result->err);
}

static void free_result(struct result *result)
{
	bg_prev_result_free(&result->read);
	bg_json_free(result->document);
}

static void branch_of_the_vpc_cni(void **state)
{
	struct bg_addr v4, v6;
	struct result result;

	(void)state;
	read_result(
		&result,
		"{\"cniVersion\":\"1.0.0\",\"interfaces\":["
		"{\"name\":\"vlan18582a65b10\"},"
		"{\"name\":\"eth0\",\"mac\":\"02:00:00:00:00:09\",\"sandbox\":\"/run/netns/c\"},"
		"{\"name\":\"dummy18582a65b10\",\"mac\":\"9\",\"sandbox\":\"109\"}],"
		"\"ips\":[{\"address\":\"10.0.47.82/32\",\"interface\":1},"
		"{\"address\":\"2001:db8:0:32::82/128\",\"interface\":1}],\"dns\":{}}");
	assert_int_equal(result.rc, 0);
	assert_int_equal(result.read.vlan_count, 1);
	assert_int_equal(result.read.vlans[0], 9);
	assert_int_equal(result.read.host_count, 1);
	assert_string_equal(result.read.hosts[0], "vlan18582a65b10");
	assert_int_equal(result.read.address_count, 2);
	bg_addr_parse("10.0.47.82", &v4);
	bg_addr_parse("2001:db8:0:32::82", &v6);
	assert_memory_equal(&result.read.addresses[0], &v4, sizeof(v4));
	assert_memory_equal(&result.read.addresses[1], &v6, sizeof(v6));
	free_result(&result);
}

/* A pod without a branch has a dummy as well, and an interface may be called so. */
static void no_branch(void **state)
{
	static const char *const texts[] = {
		"{}",
		"{\"interfaces\":null,\"ips\":null}",
		"{\"interfaces\":[],\"ips\":[]}",
		"{\"interfaces\":[{\"name\":\"dummy18582a65b10\",\"mac\":\"0\"}]}",
		"{\"interfaces\":[{\"name\":\"dummy18582a65b10\",\"mac\":\"000\"}]}",
		"{\"interfaces\":[{\"name\":\"dummy18582a65b10\"}]}",
		"{\"interfaces\":[{\"name\":\"dummy18582a65b10\",\"mac\":\"\"}]}",
		"{\"interfaces\":[{\"name\":\"dummy18582a65b10\",\"mac\":null}]}",
		"{\"interfaces\":[{\"name\":\"dummy0\",\"mac\":\"2a:01:02:03:04:05\"}]}",
		"{\"interfaces\":[{\"name\":\"dummy0\",\"mac\":\"-9\"}]}",
		"{\"interfaces\":[{\"name\":\"eth0\",\"mac\":\"9\"}]}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct result result;

		print_message("%s\n", texts[i]);
		read_result(&result, texts[i]);
		assert_int_equal(result.rc, 0);
		assert_int_equal(result.read.vlan_count, 0);
		free_result(&result);
	}
}

static void wrong_result(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "{\"interfaces\":{}}", "/prevResult/interfaces: found an object" },
		{ "{\"interfaces\":[7]}", "/prevResult/interfaces/0: found 7" },
		{ "{\"interfaces\":[{}]}", "/prevResult/interfaces/0: name is missing" },
		{ "{\"interfaces\":[{\"name\":1}]}", "/prevResult/interfaces/0/name" },
		{ "{\"interfaces\":[{\"name\":\"a\"},{\"name\":\"dummy1\",\"mac\":9}]}",
		  "/prevResult/interfaces/1/mac: found 9" },
		{ "{\"interfaces\":[{\"name\":\"dummy1\",\"mac\":\"4095\"}]}", "VLAN id" },
		{ "{\"interfaces\":[{\"name\":\"dummy1\",\"mac\":\"4294967305\"}]}", "VLAN id" },
		{ "{\"interfaces\":[{\"name\":\"dummy1\",\"mac\":\"18446744073709551625\"}]}",
		  "VLAN id" },
		{ "{\"ips\":[{}]}", "/prevResult/ips/0: address is missing" },
		{ "{\"ips\":[{\"address\":\"10.0.47.820/32\"}]}", "/prevResult/ips/0/address" },
		{ "{\"ips\":\"10.0.47.82\"}", "/prevResult/ips" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct result result;

		read_result(&result, cases[i].text);
		print_message("%s\n  %s\n", cases[i].text, result.err.text);
		assert_int_equal(result.rc, -EINVAL);
		assert_non_null(strstr(result.err.text, cases[i].says));
		free_result(&result);
	}
}

#define MANY 1000

static void a_thousand_interfaces(void **state)
{
	struct result result;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	fputs("{\"interfaces\":[", out);
	for (int i = 0; i < MANY; i++)
		fprintf(out, "{\"name\":\"veth%d\"},{\"name\":\"dummy%d\",\"mac\":\"%d\"},", i, i,
			i % 100);
	fputs("{\"name\":\"eth0\",\"sandbox\":\"/x\"}],\"ips\":[{\"address\":\"10.0.0.1/32\"}]}",
	      out);
	fclose(out);
	read_result(&result, text);
	assert_int_equal(result.rc, 0);
	assert_int_equal(result.read.host_count, MANY);
	assert_int_equal(result.read.vlan_count, 99);
	free_result(&result);
	free(text);
}

/* --- the text -------------------------------------------------------------- */

static void pieces(void **state)
{
	static const char object[] =
		" { \"a\" : 1 ,\"b\\\"\":\"}],\\\\\", \"c\":[{\"d\":[ ]},\"]\"] ,"
		"\"e\":-1.5e+3,\"f\":true\n}";
	static const char *const values[] = {
		"1", "\"}],\\\\\"", "[{\"d\":[ ]},\"]\"]", "-1.5e+3", "true",
	};
	struct bg_text value;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		assert_true(bg_raw_member(text_of(object), i, &value));
		assert_int_equal(value.length, strlen(values[i]));
		assert_memory_equal(value.bytes, values[i], value.length);
	}
	assert_false(bg_raw_member(text_of(object), 5, &value));
	assert_false(bg_raw_member(text_of("{}"), 0, &value));
	assert_false(bg_raw_member(text_of(" { } "), 0, &value));
}

/* A key may be spelled with escapes. */
static void a_key_by_escapes(void **state)
{
	static const char text[] = "{\"cniVersion\":\"1.0.0\",\"prev\\u0052esult\":{\"ips\":[]}}";
	struct bg_network_config config;
	struct bg_error err = {};

	(void)state;
	assert_int_equal(bg_network_config_read(text_of(text), &config, &err), 0);
	assert_non_null(config.prev_result);
	assert_int_equal(config.prev_text.length, strlen("{\"ips\":[]}"));
	bg_network_config_free(&config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(every_key),
		cmocka_unit_test(every_version),
		cmocka_unit_test(wrong),
		cmocka_unit_test(cut),
		cmocka_unit_test(branch_of_the_vpc_cni),
		cmocka_unit_test(no_branch),
		cmocka_unit_test(wrong_result),
		cmocka_unit_test(a_thousand_interfaces),
		cmocka_unit_test(pieces),
		cmocka_unit_test(a_key_by_escapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
