// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Objects of the API server → model. document.c calls it for each; of a kind that a feed
 * does not need it takes no notice, and of an object never more than what the model has:
 * no environment, no annotation but those that are about security groups.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/grow.h"
#include "feed/reading.h"
#include "fleet/gather/document.h"

enum item_field { ITEM_API, ITEM_KIND, ITEM_METADATA, ITEM_SPEC, ITEM_STATUS, ITEM_USED };
static const char *const item_keys[] = { "apiVersion", "kind", "metadata", "spec", "status", NULL };
static const struct bg_shape item_shape = { item_keys, ITEM_USED };

enum metadata_field { NAME, NAMESPACE, VERSION, LABELS, ANNOTATIONS, DELETED, METADATA_USED };
static const char *const metadata_keys[] = { "name",   "namespace",   "resourceVersion",
					     "labels", "annotations", "deletionTimestamp",
					     NULL };
static const struct bg_shape metadata_shape = { metadata_keys, METADATA_USED };

/* What is read of an item before its kind matters. */
struct read {
	struct bg_cluster *cluster;
	const struct bg_item *item;
	struct bg_fields fields, metadata;
	struct bg_at metadata_at;
};

static int read_head(struct read *read, bool has_namespace, struct bg_kube_object *object,
		     struct bg_error *err)
{
	struct bg_cluster *cluster = read->cluster;
	const char *version = "";
	bool present;
	int rc = bg_field_required(&read->fields, ITEM_METADATA, err) ?:
		 bg_gather_object(&read->fields, ITEM_METADATA, &metadata_shape,
				  &read->metadata_at, &read->metadata, &present, err) ?:
		 bg_field_required(&read->metadata, NAME, err) ?:
		 bg_gather_id(cluster, &read->metadata, NAME, BG_TEXT_BYTES, &object->name, err) ?:
		 (has_namespace ? bg_field_required(&read->metadata, NAMESPACE, err) : 0) ?:
		 bg_gather_id(cluster, &read->metadata, NAMESPACE, BG_TEXT_BYTES, &object->namespace, err) ?:
		 bg_gather_id(cluster, &read->metadata, VERSION, BG_TEXT_BYTES, &version, err);

	if (rc)
		return rc;
	object->path = has_namespace
			       ? bg_intern_path(&cluster->interned, object->namespace, object->name)
			       : object->name;
	if (!object->path)
		return bg_no_memory(err, BG_GATHERING);
	object->version = strtoull(version, NULL, 10);
	object->origin = (struct bg_origin){ read->item->file, read->item->index };
	return 0;
}

/* --- Node --- */

static int node_address(struct bg_kube_node *node, const struct bg_json *value,
			const struct bg_at *at, struct bg_error *err)
{
	enum { TYPE, ADDRESS };
	static const char *const keys[] = { "type", "address", NULL };
	static const struct bg_shape shape = { keys, 2 };
	struct bg_text type = { "", 0 };
	struct bg_prefix *prefix;
	struct bg_fields fields;
	struct bg_at where;
	int rc = bg_json_fields(value, at, &shape, NULL, NULL, &fields, err)
			 ?: bg_get_text(&fields, TYPE, BG_TEXT_BYTES, &type, err)
			 ?: bg_field_required(&fields, ADDRESS, err);

	if (rc || !bg_text_is(type, "InternalIP"))
		return rc;
	prefix = BG_GROW(node->addresses, node->address_count);
	if (!prefix)
		return bg_no_memory(err, BG_GATHERING);
	where = bg_field_at(&fields, ADDRESS);
	return bg_gather_prefix(fields.values[ADDRESS], &where, true, prefix, err);
}

static int read_node(struct read *read, void *into, struct bg_error *err)
{
	static const char *const keys[] = { "addresses", NULL };
	static const struct bg_shape shape = { keys, 1 };
	struct bg_kube_node *node = into;
	const struct bg_json *element;
	struct bg_fields status;
	struct bg_at at, list;
	bool present;
	int rc = read_head(read, false, &node->object, err) ?:
		 bg_gather_object(&read->fields, ITEM_STATUS, &shape, &at, &status, &present, err) ?:
		 bg_get_array(&status, 0, &element, err);

	if (rc)
		return rc;
	list = bg_field_at(&status, 0);
	for (size_t i = 0; element && !rc; i++, element = element->next) {
		struct bg_at index = bg_at_index(&list, i);

		rc = node_address(node, element, &index, err);
	}
	return rc;
}

/* --- ServiceAccount --- */

static int read_labels(struct read *read, struct bg_labels *labels, struct bg_error *err)
{
	struct bg_at at = bg_field_at(&read->metadata, LABELS);

	return read->metadata.values[LABELS]
		       ? bg_labels_read(&read->cluster->interned, read->metadata.values[LABELS],
					&at, labels, err)
		       : 0;
}

static int read_account(struct read *read, void *into, struct bg_error *err)
{
	struct bg_kube_account *account = into;

	return read_head(read, true, &account->object, err)
		       ?: read_labels(read, &account->labels, err);
}

/* --- Service, ServiceCIDR --- */

/* `None` is a service without an address of its own. */
static int add_prefix(struct bg_kube_service *service, const struct bg_json *value,
		      const struct bg_at *at, struct bg_error *err)
{
	struct bg_prefix *prefix;

	if (value->type == BG_JSON_STRING &&
	    (!value->text.length || bg_text_is(value->text, "None")))
		return 0;
	prefix = BG_GROW(service->prefixes, service->prefix_count);
	if (!prefix)
		return bg_no_memory(err, BG_GATHERING);
	return bg_gather_prefix(value, at, !service->is_range, prefix, err);
}

static int add_prefixes(struct bg_kube_service *service, const struct bg_fields *fields,
			size_t field, struct bg_error *err)
{
	struct bg_at list = bg_field_at(fields, field);
	const struct bg_json *element;
	int rc = bg_get_array(fields, field, &element, err);

	for (size_t i = 0; element && !rc; i++, element = element->next) {
		struct bg_at at = bg_at_index(&list, i);

		rc = add_prefix(service, element, &at, err);
	}
	return rc;
}

/* An address of a load balancer that kube-proxy leaves alone ("Proxy") is none of ours. */
static int add_ingress(struct bg_kube_service *service, const struct bg_json *value,
		       const struct bg_at *at, struct bg_error *err)
{
	enum { IP, MODE };
	static const char *const keys[] = { "ip", "ipMode", NULL };
	static const struct bg_shape shape = { keys, 2 };
	struct bg_text mode = { "", 0 };
	struct bg_fields fields;
	struct bg_at where;
	int rc = bg_json_fields(value, at, &shape, NULL, NULL, &fields, err)
			 ?: bg_get_text(&fields, MODE, BG_TEXT_BYTES, &mode, err);

	if (rc || !fields.values[IP] || bg_text_is(mode, "Proxy"))
		return rc;
	where = bg_field_at(&fields, IP);
	return add_prefix(service, fields.values[IP], &where, err);
}

static int read_balancer(struct read *read, struct bg_kube_service *service, struct bg_error *err)
{
	static const char *const status_keys[] = { "loadBalancer", NULL };
	static const char *const keys[] = { "ingress", NULL };
	static const struct bg_shape status_shape = { status_keys, 1 }, shape = { keys, 1 };
	const struct bg_json *element;
	struct bg_fields status, balancer;
	struct bg_at status_at, at, list;
	bool present;
	int rc = bg_gather_object(&read->fields, ITEM_STATUS, &status_shape, &status_at, &status,
				  &present, err) ?:
		 bg_gather_object(&status, 0, &shape, &at, &balancer, &present, err) ?:
		 bg_get_array(&balancer, 0, &element, err);

	if (rc)
		return rc;
	list = bg_field_at(&balancer, 0);
	for (size_t i = 0; element && !rc; i++, element = element->next) {
		struct bg_at index = bg_at_index(&list, i);

		rc = add_ingress(service, element, &index, err);
	}
	return rc;
}

static int read_service(struct read *read, void *into, struct bg_error *err)
{
	enum { TYPE, ADDRESS, ADDRESSES, EXTERNAL };
	static const char *const keys[] = { "type", "clusterIP", "clusterIPs", "externalIPs",
					    NULL };
	static const struct bg_shape shape = { keys, 4 };
	struct bg_kube_service *service = into;
	struct bg_text type = { "", 0 };
	struct bg_fields spec;
	struct bg_at at, where;
	bool present;
	int rc = read_head(read, true, &service->object, err) ?:
		 bg_gather_object(&read->fields, ITEM_SPEC, &shape, &at, &spec, &present, err) ?:
		 bg_get_text(&spec, TYPE, BG_TEXT_BYTES, &type, err);

	if (rc || bg_text_is(type, "ExternalName"))
		return rc;
	where = bg_field_at(&spec, ADDRESS);
	if (spec.values[ADDRESS])
		rc = add_prefix(service, spec.values[ADDRESS], &where, err);
	return rc ?:
		    add_prefixes(service, &spec, ADDRESSES, err) ?:
		    add_prefixes(service, &spec, EXTERNAL, err) ?: read_balancer(read, service, err);
}

static int read_range(struct read *read, void *into, struct bg_error *err)
{
	static const char *const keys[] = { "cidrs", NULL };
	static const struct bg_shape shape = { keys, 1 };
	struct bg_kube_service *service = into;
	struct bg_fields spec;
	struct bg_at at;
	bool present;

	service->is_range = true;
	return read_head(read, false, &service->object, err) ?:
	       bg_gather_object(&read->fields, ITEM_SPEC, &shape, &at, &spec, &present, err) ?:
	       add_prefixes(service, &spec, 0, err);
}

/* --- SecurityGroupPolicy --- */

static int policy_groups(struct bg_cluster *cluster, struct bg_kube_policy *policy,
			 const struct bg_fields *spec, size_t field, struct bg_error *err)
{
	static const char *const keys[] = { "groupIds", NULL };
	static const struct bg_shape shape = { keys, 1 };
	const struct bg_json *element;
	struct bg_fields fields;
	struct bg_at at, list;
	bool present;
	int rc = bg_gather_object(spec, field, &shape, &at, &fields, &present, err)
			 ?: bg_get_array(&fields, 0, &element, err);

	if (rc)
		return rc;
	list = bg_field_at(&fields, 0);
	for (size_t i = 0; element && !rc; i++, element = element->next) {
		struct bg_at index = bg_at_index(&list, i);
		const char *id;

		rc = bg_gather_value_id(cluster, element, &index, BG_ID_BYTES, &id, err);
		if (!rc && bg_names_add(&policy->groups, id))
			rc = bg_no_memory(err, BG_GATHERING);
	}
	bg_names_tidy(&policy->groups);
	return rc;
}

static int read_policy(struct read *read, void *into, struct bg_error *err)
{
	enum { PODS, ACCOUNTS, GROUPS };
	static const char *const keys[] = { "podSelector", "serviceAccountSelector",
					    "securityGroups", NULL };
	static const struct bg_shape shape = { keys, 3 };
	struct bg_interned *interned = &read->cluster->interned;
	struct bg_kube_policy *policy = into;
	struct bg_fields spec;
	struct bg_at at, where;
	bool present;
	int rc = read_head(read, true, &policy->object, err)
			 ?: bg_gather_object(&read->fields, ITEM_SPEC, &shape, &at, &spec, &present,
					     err);

	if (rc)
		return rc;
	where = bg_field_at(&spec, PODS);
	if (spec.values[PODS])
		rc = bg_selector_read(interned, spec.values[PODS], &where, &policy->pods, err);
	where = bg_field_at(&spec, ACCOUNTS);
	if (spec.values[ACCOUNTS] && !rc)
		rc = bg_selector_read(interned, spec.values[ACCOUNTS], &where, &policy->accounts,
				      err);
	return rc ? rc : policy_groups(read->cluster, policy, &spec, GROUPS, err);
}

/* --- Pod --- */

static int read_pod(struct read *read, void *into, struct bg_error *err)
{
	struct bg_kube_pod *pod = into;
	int rc = read_head(read, true, &pod->object, err);

	if (rc)
		return rc;
	pod->terminating = read->metadata.values[DELETED];
	return bg_pod_read(read->cluster, read->item, &read->metadata, LABELS, ANNOTATIONS, pod,
			   err);
}

/* --- all kinds --- */

static void drop_node(void *object)
{
	free(((struct bg_kube_node *)object)->addresses);
}

static void drop_account(void *object)
{
	bg_labels_release(&((struct bg_kube_account *)object)->labels);
}

static void drop_service(void *object)
{
	free(((struct bg_kube_service *)object)->prefixes);
}

static void drop_policy(void *object)
{
	struct bg_kube_policy *policy = object;

	bg_selector_release(&policy->pods);
	bg_selector_release(&policy->accounts);
	bg_names_release(&policy->groups);
}

static void drop_pod(void *object)
{
	struct bg_kube_pod *pod = object;

	bg_labels_release(&pod->labels);
	bg_names_release(&pod->fargate_groups);
	free(pod->addresses);
	free(pod->probes);
}

#define KIND(array_) offsetof(struct bg_cluster, array_)

/* Other API groups have kinds of the same names: Knative's Service is none of these. */
static const struct kind {
	const char *name, *api; /* with a slash at its end: any version of it */
	int (*read)(struct read *read, void *into, struct bg_error *err);
	void (*drop)(void *object); /* what a failed read left */
	size_t array, count, bytes;
} kinds[] = {
	{ "Pod", "v1", read_pod, drop_pod, KIND(pods), KIND(pod_count),
	  sizeof(struct bg_kube_pod) },
	{ "Node", "v1", read_node, drop_node, KIND(nodes), KIND(node_count),
	  sizeof(struct bg_kube_node) },
	{ "Service", "v1", read_service, drop_service, KIND(services), KIND(service_count),
	  sizeof(struct bg_kube_service) },
	{ "ServiceAccount", "v1", read_account, drop_account, KIND(accounts), KIND(account_count),
	  sizeof(struct bg_kube_account) },
	{ "SecurityGroupPolicy", "vpcresources.k8s.aws/", read_policy, drop_policy, KIND(policies),
	  KIND(policy_count), sizeof(struct bg_kube_policy) },
	{ "ServiceCIDR", "networking.k8s.io/", read_range, drop_service, KIND(services),
	  KIND(service_count), sizeof(struct bg_kube_service) },
};

static bool is_of(struct bg_text api, const char *wanted)
{
	size_t length = strlen(wanted);

	if (wanted[length - 1] != '/')
		return bg_text_is(api, wanted);
	return api.length > length && !memcmp(api.bytes, wanted, length);
}

static const struct kind *find_kind(struct bg_text name, struct bg_text api)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (bg_text_is(name, kinds[i].name) && is_of(api, kinds[i].api))
			return &kinds[i];
	return NULL;
}

/* Into the array of its kind, if it can be read. */
static int take(struct read *read, const struct kind *kind, struct bg_error *err)
{
	void **array = (void **)((char *)read->cluster + kind->array);
	size_t *count = (size_t *)((char *)read->cluster + kind->count);
	void *grown = bg_grow(*array, *count, kind->bytes);
	struct bg_kube_object *object;
	int rc;

	if (!grown)
		return bg_no_memory(err, BG_GATHERING);
	*array = grown;
	object = (void *)((char *)grown + *count * kind->bytes);
	rc = kind->read(read, object, err);
	if (!rc) {
		++*count;
		return 0;
	}
	if (rc != -ENOMEM &&
	    bg_report_left_out(read->cluster, read->item->file, kind->name, object->path, err))
		rc = bg_no_memory(err, BG_GATHERING);
	kind->drop(object);
	return rc == -ENOMEM ? rc : 0;
}

/* The API server's own lists name the kind of their objects once, in front: "PodList". */
static int list_kind(const struct bg_item *item, struct bg_text *name, struct bg_text *api,
		     struct bg_error *err)
{
	static const char suffix[] = "List";
	const size_t bytes = sizeof(suffix) - 1;
	struct bg_fields list;
	int rc = bg_json_fields(item->list, NULL, &item_shape, NULL, NULL, &list, err) ?:
		 bg_get_text(&list, ITEM_KIND, BG_TEXT_BYTES, name, err) ?:
		 bg_get_text(&list, ITEM_API, BG_TEXT_BYTES, api, err);

	if (!rc && name->length > bytes &&
	    !memcmp(name->bytes + name->length - bytes, suffix, bytes))
		name->length -= bytes;
	else
		name->length = 0;
	return rc;
}

int bg_kube_item(struct bg_cluster *cluster, const struct bg_item *item, struct bg_error *err)
{
	struct read read = { .cluster = cluster, .item = item };
	struct bg_text name = { "", 0 }, api = { "", 0 };
	const struct kind *kind;
	int rc = bg_json_fields(item->value, item->at, &item_shape, NULL, NULL, &read.fields, err);

	if (!rc && !read.fields.values[ITEM_KIND] && item->list)
		rc = list_kind(item, &name, &api, err);
	rc = rc ?:
		  (name.length ? 0 : bg_field_required(&read.fields, ITEM_KIND, err)) ?:
		  bg_get_text(&read.fields, ITEM_KIND, BG_TEXT_BYTES, &name, err) ?:
		  bg_get_text(&read.fields, ITEM_API, BG_TEXT_BYTES, &api, err);
	if (rc == -ENOMEM)
		return rc;
	if (rc)
		return bg_report_left_out(cluster, item->file, "an object", NULL, err)
			       ? bg_no_memory(err, BG_GATHERING)
			       : 0;
	kind = find_kind(name, api);
	return kind ? take(&read, kind, err) : 0;
}
