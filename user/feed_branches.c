// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The node, its branches and their pods. */
#include "feed_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sha1.h>

/* EC2's TcpEstablishedTimeout goes up to five days. */
#define TIMEOUT_MOST_S 432000

static const struct bg_timeouts default_timeouts = {
	.tcp_half_open_s = 30,
	.tcp_established_s = 350, /* EC2 on Nitro v6 */
	.tcp_closing_s = 60,
	.tcp_closed_s = 10,
	.udp_s = 30,	     /* EC2 */
	.udp_stream_s = 180, /* EC2 */
	.icmp_s = 30,
	.other_s = 600, /* EC2 */
};

static int read_timeouts(struct bg_feed_reader *reader, const struct bg_at *at,
			 const json_t *object, struct bg_timeouts *timeouts)
{
	static const char *const known[] = { "TcpEstablishedTimeout", "UdpTimeout",
					     "UdpStreamTimeout", NULL };
	struct bg_at here = { .parent = at, .key = "ConnectionTracking" };
	__u32 *seconds[] = { &timeouts->tcp_established_s, &timeouts->udp_s,
			     &timeouts->udp_stream_s };
	const json_t *tracking;
	int rc = bg_json_object(&reader->json, at, object, "ConnectionTracking", &tracking);

	if (rc)
		return rc < 0 ? rc : 0;
	rc = bg_feed_check_keys(reader, &here, tracking, known, NULL);
	for (int i = 0; known[i] && rc >= 0; i++) {
		long value;

		rc = bg_json_int(&reader->json, &here, tracking, known[i], 1, TIMEOUT_MOST_S,
				 &value);
		if (!rc)
			*seconds[i] = (__u32)value;
	}
	return rc < 0 ? rc : 0;
}

/* An interface's name; the kernel takes 15 characters without '/' and blanks. */
static int read_interface_name(struct bg_feed_reader *reader, const struct bg_at *at,
			       const json_t *object, const char *key, char *name)
{
	struct bg_at here = { .parent = at, .key = key };
	const char *text;
	int rc = bg_json_string(&reader->json, at, object, key, &text);

	if (rc)
		return rc;
	if (!*text || strlen(text) > 15 || strpbrk(text, "/ \t\n:") || !strcmp(text, ".") ||
	    !strcmp(text, ".."))
		return bg_json_expected(
			&reader->json, &here,
			"an interface name of 1 to 15 characters without '/', ':' or blanks",
			json_object_get(object, key));
	strcpy(name, text);
	return 0;
}

static int read_prefixes(struct bg_feed_reader *reader, const struct bg_at *at,
			 const json_t *object, const char *key, struct bg_prefix **prefixes,
			 size_t *count)
{
	struct bg_at array_at = { .parent = at, .key = key };
	const json_t *array = NULL;
	int rc = bg_json_array(&reader->json, at, object, key, &array);

	if (rc || !json_array_size(array))
		return rc < 0 ? rc : 0;
	*prefixes = calloc(json_array_size(array), sizeof(**prefixes));
	if (!*prefixes)
		return bg_feed_no_memory(reader);
	for (size_t i = 0; i < json_array_size(array) && !rc; i++) {
		struct bg_at here = { .parent = &array_at, .index = i };

		rc = bg_feed_prefix(reader, &here, json_array_get(array, i), &(*prefixes)[i]);
		*count = i + 1;
	}
	return rc;
}

static int read_addresses(struct bg_feed_reader *reader, const struct bg_at *at,
			  const json_t *object, const char *key, struct bg_addr **addresses,
			  size_t *count)
{
	struct bg_at array_at = { .parent = at, .key = key };
	const json_t *array = NULL;
	int rc = bg_json_array(&reader->json, at, object, key, &array);

	if (rc || !json_array_size(array))
		return rc < 0 ? rc : 0;
	*addresses = calloc(json_array_size(array), sizeof(**addresses));
	if (!*addresses)
		return bg_feed_no_memory(reader);
	for (size_t i = 0; i < json_array_size(array) && !rc; i++) {
		struct bg_at here = { .parent = &array_at, .index = i };

		rc = bg_feed_addr(reader, &here, json_array_get(array, i), &(*addresses)[i]);
		*count = i + 1;
	}
	return rc;
}

/* A protocol and the port it needs; ICMP has none. */
static int read_service(struct bg_feed_reader *reader, const struct bg_at *at, const json_t *object,
			int *protocol, int *port)
{
	struct bg_at protocol_at = { .parent = at, .key = "Protocol" };
	const json_t *name = json_object_get(object, "Protocol");
	long number = 0;
	int rc;

	*protocol = 6;
	if (name) {
		rc = bg_feed_protocol(reader, &protocol_at, name, protocol);
		if (rc)
			return rc;
	}
	if (*protocol != 6 && *protocol != 17 && *protocol != 1 && *protocol != 58)
		return bg_json_expected(&reader->json, &protocol_at,
					"\"tcp\", \"udp\", \"icmp\" or \"icmpv6\"", name);
	rc = bg_json_int(&reader->json, at, object, "Port", 1, 65535, &number);
	if (rc < 0)
		return rc;
	if (rc && (*protocol == 6 || *protocol == 17))
		return bg_json_expected(&reader->json, at, "a Port", NULL);
	*port = *protocol == 6 || *protocol == 17 ? (int)number : 0;
	return 0;
}

static int read_local_services(struct bg_feed_reader *reader, const struct bg_at *at,
			       const json_t *object, struct bg_model_node *node)
{
	static const char *const known[] = { "Address", "Protocol", "Port", "Description", NULL };
	struct bg_at array_at = { .parent = at, .key = "LocalServices" };
	const json_t *array = NULL;
	int rc = bg_json_array(&reader->json, at, object, "LocalServices", &array);

	if (rc || !json_array_size(array))
		return rc < 0 ? rc : 0;
	node->local_services = calloc(json_array_size(array), sizeof(*node->local_services));
	if (!node->local_services)
		return bg_feed_no_memory(reader);
	for (size_t i = 0; i < json_array_size(array) && !rc; i++) {
		struct bg_model_service *service = &node->local_services[i];
		struct bg_at here = { .parent = &array_at, .index = i };
		struct bg_at address_at = { .parent = &here, .key = "Address" };
		const json_t *item = json_array_get(array, i);

		rc = bg_json_is_object(&reader->json, &here, item);
		if (!rc)
			rc = bg_feed_check_keys(reader, &here, item, known, NULL);
		if (!rc)
			rc = bg_feed_addr(reader, &address_at, json_object_get(item, "Address"),
					  &service->address);
		if (!rc)
			rc = read_service(reader, &here, item, &service->protocol, &service->port);
		node->local_service_count = i + 1;
	}
	return rc;
}

/* "GroupIds" of an object; 1 = absent. */
static int read_group_ids(struct bg_feed_reader *reader, const struct bg_at *at,
			  const json_t *object, const char *key, size_t **groups, size_t *count)
{
	struct bg_at here = { .parent = at, .key = key };
	const json_t *array;
	int rc = bg_json_array(&reader->json, at, object, key, &array);

	return rc ? rc : bg_feed_groups(reader, &here, array, groups, count);
}

/* Key words whose second means "on". */
static int read_choice(struct bg_feed_reader *reader, const struct bg_at *at, const json_t *object,
		       const char *key, const char *off, const char *on, bool *value)
{
	const char *const words[] = { off, on, NULL };
	int chosen = *value, rc = bg_json_word(&reader->json, at, object, key, words, &chosen);

	*value = chosen;
	return rc < 0 ? rc : 0;
}

int bg_feed_read_node(struct bg_feed_reader *reader)
{
	static const char *const known[] = { "Name",
					     "PrimaryInterface",
					     "TrunkInterface",
					     "Addresses",
					     "GroupIds",
					     "VpcCidrs",
					     "ServiceCidrs",
					     "ExternalSnat",
					     "ExcludeSnatCidrs",
					     "LocalServices",
					     "ProbeSources",
					     "ConnectionTracking",
					     "EstablishedFlows",
					     "PlatformTraffic",
					     "StandardMode",
					     "LiveModeChange",
					     NULL };
	struct bg_model_node *node = &reader->model->node;
	struct bg_at at = { .key = "Node" };
	const json_t *object = NULL;
	const char *name = "";
	int rc;

	node->timeouts = default_timeouts;
	rc = bg_json_object(&reader->json, NULL, reader->root, "Node", &object);
	if (rc < 0)
		return rc;
	if (!rc) {
		rc = bg_feed_check_keys(reader, &at, object, known, NULL);
		if (!rc)
			rc = bg_json_string(&reader->json, &at, object, "Name", &name);
	}
	if (rc < 0 || (rc = bg_feed_copy(reader, &node->name, name)))
		return rc;
	if (!object)
		return 0;
	rc = read_interface_name(reader, &at, object, "PrimaryInterface", node->primary_interface);
	if (rc >= 0)
		rc = read_interface_name(reader, &at, object, "TrunkInterface",
					 node->trunk_interface);
	if (rc >= 0)
		rc = read_addresses(reader, &at, object, "Addresses", &node->addresses,
				    &node->address_count);
	if (!rc)
		rc = read_group_ids(reader, &at, object, "GroupIds", &node->groups,
				    &node->group_count);
	node->has_groups = !rc;
	if (rc >= 0)
		rc = read_prefixes(reader, &at, object, "VpcCidrs", &node->vpc_cidrs,
				   &node->vpc_cidr_count);
	if (!rc)
		rc = read_prefixes(reader, &at, object, "ServiceCidrs", &node->service_cidrs,
				   &node->service_cidr_count);
	if (!rc)
		rc = read_prefixes(reader, &at, object, "ExcludeSnatCidrs",
				   &node->exclude_snat_cidrs, &node->exclude_snat_cidr_count);
	if (!rc)
		rc = read_prefixes(reader, &at, object, "ProbeSources", &node->probe_sources,
				   &node->probe_source_count);
	if (!rc)
		rc = read_local_services(reader, &at, object, node);
	if (!rc)
		rc = read_timeouts(reader, &at, object, &node->timeouts);
	if (!rc)
		rc = bg_json_bool(&reader->json, &at, object, "ExternalSnat", &node->external_snat);
	if (rc >= 0)
		rc = bg_json_bool(&reader->json, &at, object, "LiveModeChange",
				  &node->live_mode_change);
	if (rc >= 0)
		rc = read_choice(reader, &at, object, "EstablishedFlows", "keep", "revalidate",
				 &node->revalidate);
	if (!rc)
		rc = read_choice(reader, &at, object, "PlatformTraffic", "pass", "filter",
				 &node->filter_platform);
	if (!rc)
		rc = read_choice(reader, &at, object, "StandardMode", "both", "per-interface",
				 &node->per_interface);
	return rc;
}

static int read_probes(struct bg_feed_reader *reader, const struct bg_at *at, const json_t *object,
		       struct bg_model_pod *pod)
{
	static const char *const known[] = { "Protocol", "Port", "Description", NULL };
	struct bg_at array_at = { .parent = at, .key = "Probes" };
	const json_t *array = NULL;
	int rc = bg_json_array(&reader->json, at, object, "Probes", &array);

	if (rc || !json_array_size(array))
		return rc < 0 ? rc : 0;
	pod->probes = calloc(json_array_size(array), sizeof(*pod->probes));
	if (!pod->probes)
		return bg_feed_no_memory(reader);
	for (size_t i = 0; i < json_array_size(array) && !rc; i++) {
		struct bg_at here = { .parent = &array_at, .index = i };
		const json_t *item = json_array_get(array, i);

		rc = bg_json_is_object(&reader->json, &here, item);
		if (!rc)
			rc = bg_feed_check_keys(reader, &here, item, known, NULL);
		if (!rc)
			rc = read_service(reader, &here, item, &pod->probes[i].protocol,
					  &pod->probes[i].port);
		pod->probe_count = i + 1;
	}
	return rc;
}

/* What the CNI calls the host end: prefix + 11 hex digits of the pod's SHA-1. */
static int default_host_interface(struct bg_feed_reader *reader, enum bg_mode mode,
				  struct bg_model_pod *pod)
{
	char hex[SHA1_DIGEST_STRING_LENGTH], *full;

	if (asprintf(&full, "%s.%s", pod->namespace, pod->name) < 0)
		return bg_feed_no_memory(reader);
	SHA1Data((const unsigned char *)full, strlen(full), hex);
	free(full);
	snprintf(pod->host_interface, sizeof(pod->host_interface), "%s%.11s",
		 mode == BG_STRICT ? "vlan" : "eni", hex);
	return 0;
}

static int read_pod(struct bg_feed_reader *reader, const struct bg_at *at, const json_t *object,
		    enum bg_mode mode, struct bg_model_pod *pod)
{
	static const char *const known[] = { "Namespace",     "Name",	"Addresses",
					     "HostInterface", "Probes", NULL };
	const char *namespace = "default", *name = "";
	int rc, named;

	rc = bg_json_is_object(&reader->json, at, object);
	if (!rc)
		rc = bg_feed_check_keys(reader, at, object, known, NULL);
	if (!rc)
		rc = bg_json_string(&reader->json, at, object, "Namespace", &namespace);
	if (rc < 0)
		return rc;
	named = bg_json_string(&reader->json, at, object, "Name", &name);
	if (named < 0)
		return named;
	rc = bg_feed_copy(reader, &pod->namespace, namespace);
	if (!rc)
		rc = bg_feed_copy(reader, &pod->name, name);
	if (!rc)
		rc = read_addresses(reader, at, object, "Addresses", &pod->addresses,
				    &pod->address_count);
	if (!rc && !pod->address_count)
		return bg_json_expected(&reader->json, at, "Addresses with at least one address",
					json_object_get(object, "Addresses"));
	if (!rc)
		rc = read_interface_name(reader, at, object, "HostInterface", pod->host_interface);
	/* without a name there is nothing to derive it from */
	if (rc > 0)
		rc = named ? 0 : default_host_interface(reader, mode, pod);
	return rc ? rc : read_probes(reader, at, object, pod);
}

static int read_pods(struct bg_feed_reader *reader, const struct bg_at *at, const json_t *object,
		     struct bg_model_branch *branch)
{
	struct bg_at array_at = { .parent = at, .key = "Pods" };
	const json_t *array = NULL;
	int rc = bg_json_array(&reader->json, at, object, "Pods", &array);

	if (rc || !json_array_size(array))
		return rc < 0 ? rc : 0;
	branch->pods = calloc(json_array_size(array), sizeof(*branch->pods));
	if (!branch->pods)
		return bg_feed_no_memory(reader);
	for (size_t i = 0; i < json_array_size(array) && !rc; i++) {
		struct bg_at here = { .parent = &array_at, .index = i };

		branch->pod_count = i + 1;
		rc = read_pod(reader, &here, json_array_get(array, i), branch->mode,
			      &branch->pods[i]);
	}
	return rc;
}

static int read_branch(struct bg_feed_reader *reader, const struct bg_at *at, const json_t *object,
		       struct bg_model_branch *branch)
{
	static const char *const known[] = { "Id",	 "VlanId", "Interface",		 "Mode",
					     "GroupIds", "Pods",   "ConnectionTracking", NULL };
	static const char *const modes[] = { "strict", "standard", NULL };
	struct bg_model *model = reader->model;
	const char *id;
	int rc, mode = BG_STRICT;
	long vlan = 0;

	rc = bg_json_is_object(&reader->json, at, object);
	if (!rc)
		rc = bg_feed_check_keys(reader, at, object, known, NULL);
	if (!rc)
		rc = bg_json_string(&reader->json, at, object, "Id", &id);
	if (!rc && (!*id || strlen(id) > 31))
		rc = 1;
	if (rc > 0)
		return bg_json_expected(&reader->json, at, "an Id of 1 to 31 characters",
					json_object_get(object, "Id"));
	if (!rc)
		rc = bg_feed_copy(reader, &branch->id, id);
	if (!rc)
		rc = bg_json_int(&reader->json, at, object, "VlanId", 1, 4094, &vlan);
	if (rc > 0)
		return bg_json_expected(&reader->json, at, "a VlanId", NULL);
	if (!rc)
		rc = bg_json_word(&reader->json, at, object, "Mode", modes, &mode);
	if (rc < 0)
		return rc;
	branch->vlan = (int)vlan;
	branch->mode = mode;
	branch->timeouts = model->node.timeouts;
	rc = read_interface_name(reader, at, object, "Interface", branch->interface);
	if (rc > 0)
		snprintf(branch->interface, sizeof(branch->interface), "vlan.eth.%d", branch->vlan);
	if (rc >= 0)
		rc = read_group_ids(reader, at, object, "GroupIds", &branch->groups,
				    &branch->group_count);
	if (rc > 0)
		rc = read_group_ids(reader, NULL, reader->root, "DefaultGroupIds", &branch->groups,
				    &branch->group_count);
	if (rc >= 0)
		rc = read_timeouts(reader, at, object, &branch->timeouts);
	return rc ? rc : read_pods(reader, at, object, branch);
}

/* Claims `what` for the branch at `at`; an error when somebody has it already. */
static int claim(struct bg_feed_reader *reader, json_t *taken, const struct bg_at *at,
		 const char *kind, const char *what)
{
	char text[160], pointer[BG_POINTER_TEXT];
	const json_t *owner;

	snprintf(text, sizeof(text), "%s %s", kind, what);
	owner = json_object_get(taken, text);
	bg_at_format(at, pointer, false);
	if (owner)
		return bg_fail(reader->json.err, -EINVAL, "%s: %s: %s is taken by %s already",
			       reader->json.name, pointer, text, json_string_value(owner));
	return json_object_set_new(taken, text, json_string(pointer)) ? bg_feed_no_memory(reader)
								      : 0;
}

static int claim_all(struct bg_feed_reader *reader, json_t *taken, const struct bg_at *at,
		     const struct bg_model_branch *branch)
{
	struct bg_at pods_at = { .parent = at, .key = "Pods" };
	char text[BG_IP_TEXT];
	int rc;

	snprintf(text, sizeof(text), "%d", branch->vlan);
	rc = claim(reader, taken, at, "Id", branch->id);
	if (!rc)
		rc = claim(reader, taken, at, "VlanId", text);
	if (!rc)
		rc = claim(reader, taken, at, "interface", branch->interface);
	for (size_t i = 0; i < branch->pod_count && !rc; i++) {
		const struct bg_model_pod *pod = &branch->pods[i];
		struct bg_at here = { .parent = &pods_at, .index = i };

		if (*pod->host_interface)
			rc = claim(reader, taken, &here, "interface", pod->host_interface);
		for (size_t k = 0; k < pod->address_count && !rc; k++)
			rc = claim(reader, taken, &here, "address",
				   bg_addr_format(&pod->addresses[k], text));
	}
	return rc;
}

/* Pods are members of their branch's groups. */
static int add_pods_to_groups(struct bg_feed_reader *reader, const struct bg_model_branch *branch)
{
	int rc = 0;

	for (size_t g = 0; g < branch->group_count; g++)
		for (size_t p = 0; p < branch->pod_count; p++)
			for (size_t a = 0; a < branch->pods[p].address_count && !rc; a++) {
				struct bg_prefix prefix = {
					.addr = branch->pods[p].addresses[a],
					.length = 128,
				};

				rc = bg_feed_add_member(reader, &reader->members,
							reader->model->groups[branch->groups[g]].id,
							&prefix);
			}
	return rc;
}

int bg_feed_read_branches(struct bg_feed_reader *reader)
{
	struct bg_at at = { .key = "Branches" };
	struct bg_model *model = reader->model;
	json_t *taken = json_object();
	const json_t *array = NULL;
	int rc;

	rc = taken ? bg_json_array(&reader->json, NULL, reader->root, "Branches", &array)
		   : bg_feed_no_memory(reader);
	if (rc > 0) /* a node without branches is ordinary */
		rc = 0;
	for (size_t i = 0; i < json_array_size(array) && !rc; i++) {
		struct bg_at here = { .parent = &at, .index = i };
		struct bg_model_branch *branch;

		rc = bg_feed_grow(reader, &model->branches, &reader->branches_room,
				  model->branch_count, sizeof(*branch));
		if (rc)
			break;
		branch = &model->branches[model->branch_count++];
		*branch = (struct bg_model_branch){};
		rc = read_branch(reader, &here, json_array_get(array, i), branch);
		if (!rc)
			rc = claim_all(reader, taken, &here, branch);
		if (!rc)
			rc = add_pods_to_groups(reader, branch);
	}
	json_decref(taken);
	return rc;
}
