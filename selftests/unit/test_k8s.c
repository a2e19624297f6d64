// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What an API server says of objects, as a real one (1.20) has said it, and what it should not say:
 * pages, events, versions, and objects that are not whole.
 */
#include "fleet/kube/api_answer.h"
#include "fleet/kube/api_server.h"
#include "fleet/kube/discovery.h"
#include "fleet/kube/objects.h"
#include "test.h"

/* --- events --- */

static int event_of(const char *line, struct bg_k8s_event *event, struct bg_error *err)
{
	*event = (struct bg_k8s_event){};
	return bg_k8s_read_event(line, strlen(line), event, err);
}

static void is_event(const char *line, enum bg_k8s_event_type type, const char *version)
{
	struct bg_k8s_event event;
	struct bg_error err;

	if (event_of(line, &event, &err))
		fail_msg("%s: %s", line, err.text);
	assert_int_equal(event.type, type);
	assert_string_equal(event.version.text, version);
	assert_non_null(event.object);
	json_decref(event.object);
}

static void events_are_read(void **state)
{
	(void)state;
	is_event(
		"{\"type\":\"MODIFIED\",\"object\":{\"apiVersion\":\"branchguard.dev/v1alpha1\","
		"\"kind\":\"NodeFeed\",\"metadata\":{\"creationTimestamp\":\"2026-11-26T19:13:03Z\","
		"\"generation\":2,\"name\":\"n1\",\"resourceVersion\":\"375\"},\"spec\":{}}}",
		BG_K8S_PUT, "375");
	is_event("{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"resourceVersion\":\"1\"}}}",
		 BG_K8S_PUT, "1");
	is_event("{\"type\":\"DELETED\",\"object\":{\"metadata\":{\"resourceVersion\":\"377\"}}}",
		 BG_K8S_GONE, "377");
	is_event("{\"type\":\"BOOKMARK\",\"object\":{\"apiVersion\":\"branchguard.dev/v1alpha1\","
		 "\"kind\":\"NodeFeed\",\"metadata\":{\"resourceVersion\":\"377\"}}}",
		 BG_K8S_BOOKMARK, "377");
}

static void is_none(const char *line, int rc, const char *words)
{
	struct bg_k8s_event event;
	struct bg_error err;

	assert_int_equal(event_of(line, &event, &err), rc);
	if (!strstr(err.text, words))
		fail_msg("\"%s\" lacks \"%s\"", err.text, words);
	assert_null(event.object);
}

static void other_lines_are_none(void **state)
{
	(void)state;
	is_none("{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,\"reason\":"
		"\"Expired\",\"message\":\"too old resource version: 213 (512)\"}}",
		-ESTALE, "410: too old resource version: 213 (512)");
	is_none("{\"type\":\"ERROR\",\"object\":{\"code\":500,\"message\":\"\\u001b[2J\"}}",
		-EPROTO, "500: ?[2J");
	is_none("{\"type\":\"ERROR\"}", -EPROTO, "no message");
	is_none("{\"type\":\"RENAMED\",\"object\":{\"metadata\":{\"resourceVersion\":\"1\"}}}",
		-EPROTO, "found no event");
	is_none("{\"type\":\"ADDED\",\"object\":{\"metadata\":{}}}", -EPROTO, "resourceVersion");
	/* it goes into an URL */
	is_none("{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"resourceVersion\":\"1&x=\"}}}",
		-EPROTO, "resourceVersion");
	is_none("{\"type\":\"ADDED\"", -EPROTO, "found no JSON");
	is_none("[]", -EPROTO, "found no event");
	is_none("<html>", -EPROTO, "found no JSON");
}

/* --- pages --- */

static int page_of(const char *text, struct bg_k8s_page *page, struct bg_error *err)
{
	*page = (struct bg_k8s_page){};
	return bg_k8s_read_page("GroupFeed", text, strlen(text), page, err);
}

static void pages_are_read(void **state)
{
	struct bg_k8s_page page;
	struct bg_error err;

	(void)state;
	assert_int_equal(page_of("{\"kind\":\"GroupFeedList\",\"metadata\":{\"continue\":\"e+/=\","
				 "\"remainingItemCount\":4,\"resourceVersion\":\"213\"},\"items\":["
				 "{},{}]}",
				 &page, &err),
			 0);
	assert_int_equal(json_array_size(page.objects), 2);
	assert_string_equal(page.more, "e+/=");
	assert_string_equal(page.version.text, "213");
	bg_k8s_release_page(&page);
	assert_int_equal(page_of("{\"kind\":\"GroupFeedList\",\"metadata\":{\"continue\":\"\","
				 "\"resourceVersion\":\"213\"},\"items\":[]}",
				 &page, &err),
			 0);
	assert_null(page.more);
	bg_k8s_release_page(&page);
	/* nothing that could be taken for an empty list */
	assert_int_equal(page_of("{\"kind\":\"NodeFeedList\",\"metadata\":{\"resourceVersion\":"
				 "\"1\"},\"items\":[]}",
				 &page, &err),
			 -EPROTO);
	assert_int_equal(page_of("{\"kind\":\"GroupFeedList\",\"metadata\":{\"resourceVersion\":"
				 "\"1\"}}",
				 &page, &err),
			 -EPROTO);
	assert_int_equal(page_of("{\"kind\":\"Status\"}", &page, &err), -EPROTO);
	assert_int_equal(page_of("", &page, &err), -EPROTO);
}

static void versions_are_compared(void **state)
{
	const struct bg_k8s_version none = {}, small = { "9" }, large = { "10" }, odd = { "x9" };

	(void)state;
	assert_true(bg_k8s_is_older(&small, &large));
	assert_false(bg_k8s_is_older(&large, &small));
	assert_false(bg_k8s_is_older(&small, &small));
	assert_false(bg_k8s_is_older(&none, &small) || bg_k8s_is_older(&small, &none));
	assert_false(bg_k8s_is_older(&odd, &large) || bg_k8s_is_older(&small, &odd));
}

/* --- what there is --- */

static struct bg_k8s_resource policies;

static int resources_lack(const char *text, bool *lacks, struct bg_error *err)
{
	return bg_k8s_lacks_resource(&policies, text, strlen(text), lacks, err);
}

static int groups_lack(const char *text, bool *lacks, struct bg_error *err)
{
	return bg_k8s_lacks_group(&policies, text, strlen(text), lacks, err);
}

#define RESOURCES(version, name)                                                                   \
	"{\"kind\":\"APIResourceList\",\"groupVersion\":\"" version "\",\"resources\":[{"          \
	"\"name\":\"" name "\",\"namespaced\":true}]}"
#define GROUPS_OF(first, second)                                                                   \
	"{\"kind\":\"APIGroupList\",\"apiVersion\":\"v1\",\"groups\":[{\"name\":\"" first          \
	"\"},{\"name\":\"" second "\"}]}"

static void a_kind_lacks_only_by_the_servers_word(void **state)
{
	struct bg_error err;
	bool lacks;

	(void)state;
	assert_int_equal(bg_k8s_resource_of("/api/v1/pods", &policies), -EINVAL);
	assert_int_equal(bg_k8s_resource_of("/apis/g.io/v1/things", &policies), 0);
	assert_string_equal(policies.name, "things");
	assert_int_equal(resources_lack(RESOURCES("g.io/v1", "others"), &lacks, &err), 0);
	assert_true(lacks);
	assert_int_equal(resources_lack(RESOURCES("g.io/v1", "things"), &lacks, &err), 0);
	assert_false(lacks);
	/* nothing that could be taken for an empty list */
	assert_int_equal(resources_lack(RESOURCES("g.io/v2", "others"), &lacks, &err), -EPROTO);
	assert_int_equal(resources_lack(GROUPS_OF("g.io", "h.io"), &lacks, &err), -EPROTO);
	assert_int_equal(resources_lack("{\"kind\":\"Status\"}", &lacks, &err), -EPROTO);
	assert_int_equal(resources_lack("", &lacks, &err), -EPROTO);
	assert_int_equal(groups_lack(GROUPS_OF("apiextensions.k8s.io", "h.io"), &lacks, &err), 0);
	assert_true(lacks);
	assert_int_equal(groups_lack(GROUPS_OF("g.io", "apiextensions.k8s.io"), &lacks, &err), 0);
	assert_false(lacks);
	/* not those of a server that has just begun */
	assert_int_equal(groups_lack(GROUPS_OF("apps", "h.io"), &lacks, &err), -EPROTO);
	assert_int_equal(groups_lack("[]", &lacks, &err), -EPROTO);
}

/* --- objects --- */

/* As the server gives it back: with more metadata, and keys in another order. */
#define LIST_OF(hash)                                                                              \
	"{\"kind\":\"PrefixListFeed\",\"metadata\":{\"name\":\"pl-1\",\"uid\":\"u\"},"             \
	"\"spec\":{\"id\":\"pl-1\",\"hash\":\"" hash "\",\"entries\":[\"192.0.2.0/24\"]},"         \
	"\"apiVersion\":\"branchguard.dev/v1alpha1\"}"

static void put(json_t *objects, const char *text)
{
	json_t *object = json_loads(text, 0, NULL);
	struct bg_error err;

	assert_int_equal(bg_k8s_put(objects, BG_PREFIX_LIST_FEED, object, &err), 0);
	json_decref(object);
}

static void objects_become_parts(void **state)
{
	struct bg_parts_known objects = { .kind[BG_PREFIX_LIST_FEED] = json_object(),
					  .missing = BG_K8S_MISSING };
	const struct bg_part_source source = bg_parts_known_source(&objects);
	json_t *nameless = json_loads("{\"metadata\":{}}", 0, NULL);
	const json_t *spec;
	struct bg_error err;

	(void)state;
	put(objects.kind[BG_PREFIX_LIST_FEED], LIST_OF("0034e8c8c2d43f88"));
	assert_int_equal(source.get(source.context, BG_PREFIX_LIST_FEED, "pl-1", &spec, &err), 0);
	assert_string_equal(json_string_value(json_object_get(spec, "id")), "pl-1");
	/* one that is not whole takes its place, and is told */
	put(objects.kind[BG_PREFIX_LIST_FEED], LIST_OF("0034e8c8c2d43f89"));
	assert_int_equal(source.get(source.context, BG_PREFIX_LIST_FEED, "pl-1", &spec, &err),
			 -EBADMSG);
	assert_non_null(strstr(err.text, "the content has another hash"));
	assert_int_equal(bg_k8s_put(objects.kind[BG_PREFIX_LIST_FEED], BG_PREFIX_LIST_FEED,
				    nameless, &err),
			 -EPROTO);
	assert_int_equal(source.get(source.context, BG_GROUP_FEED, "sg-1", &spec, &err), -ENOENT);
	assert_string_equal(err.text, "GroupFeed sg-1: the API server has no such object");
	json_decref(nameless);
	bg_parts_known_release(&objects);
}

/* --- where it is --- */

static void servers_are_found(void **state)
{
	const struct bg_web_identity none = {}, cert = { .certificate_file = "c", .key_file = "k" };
	struct bg_api_server server;
	struct bg_error err;

	(void)state;
	assert_int_equal(bg_api_server_find("k8s:https://api:6443//", &none, &server, &err), 0);
	assert_string_equal(server.url, "https://api:6443");
	assert_null(server.identity.token_file);
	setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
	setenv("KUBERNETES_SERVICE_PORT", "443", 1);
	assert_int_equal(bg_api_server_find("k8s:", &none, &server, &err), 0);
	assert_string_equal(server.url, "https://[fd00::1]:443");
	assert_string_equal(server.identity.token_file, BG_K8S_MOUNT "/token");
	assert_string_equal(server.identity.ca_file, BG_K8S_MOUNT "/ca.crt");
	assert_int_equal(bg_api_server_find("k8s:", &cert, &server, &err), 0);
	assert_null(server.identity.token_file);
	unsetenv("KUBERNETES_SERVICE_HOST");
	assert_int_equal(bg_api_server_find("k8s:", &none, &server, &err), -EINVAL);
	assert_int_equal(bg_api_server_find("k8s:http://api", &none, &server, &err), -EINVAL);
	assert_int_equal(bg_api_server_find("k8s:https://", &none, &server, &err), -EINVAL);
	assert_int_equal(bg_api_server_find("k8s:https://me@api", &none, &server, &err), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_are_read),
		cmocka_unit_test(other_lines_are_none),
		cmocka_unit_test(pages_are_read),
		cmocka_unit_test(versions_are_compared),
		cmocka_unit_test(objects_become_parts),
		cmocka_unit_test(servers_are_found),
		cmocka_unit_test(a_kind_lacks_only_by_the_servers_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
