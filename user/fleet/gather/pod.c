// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What is read of a Pod, and of its annotation vpc.amazonaws.com/pod-eni, which says what
 * interface it got. kubernetes.c calls it; which groups that interface has, it does not know.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/grow.h"
#include "feed/reading.h"
#include "fleet/gather/document.h"

#define INTERFACES_ANNOTATION "vpc.amazonaws.com/pod-eni"
#define FARGATE_ANNOTATION "fargate.amazonaws.com/pod-sg"
#define FARGATE_LABEL "eks.amazonaws.com/fargate-profile"
/* A VLAN's number has 12 bits; 0 and 4095 are none. */
#define MOST_VLAN 4094

/* --- the annotation --- */

/* One of the interfaces, as its producer and its reader in the CNI spell the keys. */
struct element {
	const struct bg_json *id, *vlan, *address, *address6;
};

/* Its reader is Go, to which the case of keys is all one: vlanId and vlanID are both written.
 * Of keys that are the same then, the last counts. */
static void find_keys(const struct bg_json *value, struct element *element)
{
	const struct {
		const char *key;
		const struct bg_json **value;
	} keys[] = {
		{ "eniId", &element->id },
		{ "vlanId", &element->vlan },
		{ "privateIp", &element->address },
		{ "ipv6Addr", &element->address6 },
	};

	for (const struct bg_json *child = value->first; child; child = child->next)
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
			if (child->type != BG_JSON_NULL &&
			    child->key.length == strlen(keys[i].key) &&
			    !strncasecmp(child->key.bytes, keys[i].key, child->key.length))
				*keys[i].value = child;
}

static int add_address(struct bg_kube_pod *pod, const struct bg_json *value, const struct bg_at *at,
		       bool ipv6, struct bg_error *err)
{
	struct bg_prefix prefix;
	struct bg_addr *addr;
	int rc;

	/* of the family that a cluster does not have it is empty */
	if (!value || (value->type == BG_JSON_STRING && !value->text.length))
		return 0;
	rc = bg_gather_prefix(value, at, true, &prefix, err);
	if (rc)
		return rc;
	if (bg_prefix_is_v4(&prefix) == ipv6)
		return bg_json_unexpected(value, at, ipv6 ? "an IPv6 address" : "an IPv4 address",
					  err);
	addr = BG_GROW(pod->addresses, pod->address_count);
	if (!addr)
		return bg_no_memory(err, BG_GATHERING);
	*addr = prefix.addr;
	return 0;
}

static int read_element(struct bg_cluster *cluster, const struct bg_json *value,
			const struct bg_at *at, struct bg_kube_pod *pod, struct bg_error *err)
{
	const struct bg_at id_at = bg_at_key(at, "eniId"), vlan_at = bg_at_key(at, "vlanId"),
			   at4 = bg_at_key(at, "privateIp"), at6 = bg_at_key(at, "ipv6Addr");
	struct element element = {};
	char pointer[BG_POINTER_TEXT];
	struct bg_text id;
	int rc;

	if (value->type != BG_JSON_OBJECT)
		return bg_json_unexpected(value, at, "an object", err);
	find_keys(value, &element);
	bg_at_format(at, false, pointer);
	if (!element.id || !element.vlan)
		return bg_fail_at(err, pointer, "%s is missing", element.id ? "vlanId" : "eniId");
	rc = bg_value_id(element.id, &id_at, BG_ID_BYTES, &id, err);
	if (rc)
		return rc;
	if (!bg_json_is_integer(element.vlan, 1, MOST_VLAN, &pod->vlan))
		return bg_json_unexpected(element.vlan, &vlan_at, "a number from 1 to 4094", err);
	rc = add_address(pod, element.address, &at4, false, err)
		     ?: add_address(pod, element.address6, &at6, true, err);
	if (rc)
		return rc;
	if (!pod->address_count)
		return bg_fail_at(err, pointer, "neither privateIp nor ipv6Addr is an address");
	pod->interface_id = bg_intern(&cluster->interned, id.bytes, id.length);
	return pod->interface_id ? 0 : bg_no_memory(err, BG_GATHERING);
}

static int not_json(const struct bg_at *at, struct bg_place place, struct bg_error *err)
{
	char pointer[BG_POINTER_TEXT], reason[256];

	snprintf(reason, sizeof(reason), "%s", err->text);
	return bg_fail_at(err, bg_at_format(at, false, pointer), "at its character %u: %s",
			  place.column, reason);
}

/* An array, of which the CNI takes the first element. Places are those in the annotation. */
int bg_pod_annotation(struct bg_cluster *cluster, const struct bg_json *value,
		      const struct bg_at *at, struct bg_kube_pod *pod, struct bg_error *err)
{
	bg_cleanup(bg_json_free_at) struct bg_json_document *document = NULL;
	const struct bg_at first = bg_at_index(at, 0);
	const struct bg_json *list;
	struct bg_place place = {};
	size_t used = 0;
	int rc;

	if (value->type != BG_JSON_STRING)
		return bg_json_unexpected(value, at, "a string", err);
	rc = bg_json_parse_first(value->text.bytes, value->text.length, NULL, &document, &used,
				 &place, err);
	if (rc == -ENOMEM)
		return rc;
	if (rc)
		return not_json(at, place, err);
	list = bg_json_root(document);
	if (list->type != BG_JSON_ARRAY || !list->first)
		return bg_json_unexpected(list, at, "an array of interfaces", err);
	pod->more_interfaces = list->count - 1;
	return read_element(cluster, list->first, &first, pod, err);
}

/* --- Fargate: no branch of a node, but a member of its groups --- */

static int fargate_groups(struct bg_cluster *cluster, const struct bg_json *value,
			  const struct bg_at *at, struct bg_kube_pod *pod, struct bg_error *err)
{
	struct bg_text list;
	int rc = bg_value_id(value, at, BG_TEXT_BYTES, &list, err);

	while (!rc && list.length) {
		const char *comma = memchr(list.bytes, ',', list.length);
		size_t length = comma ? (size_t)(comma - list.bytes) : list.length, blanks = 0;
		const char *id;

		while (blanks < length && list.bytes[blanks] == ' ')
			blanks++;
		id = bg_intern(&cluster->interned, list.bytes + blanks, length - blanks);
		if (!id || (*id && bg_names_add(&pod->fargate_groups, id)))
			return bg_no_memory(err, BG_GATHERING);
		list.bytes += comma ? length + 1 : length;
		list.length -= comma ? length + 1 : length;
	}
	bg_names_tidy(&pod->fargate_groups);
	return rc;
}

static int pod_addresses(struct bg_kube_pod *pod, const struct bg_fields *status, size_t field,
			 struct bg_error *err)
{
	static const char *const keys[] = { "ip", NULL };
	static const struct bg_shape shape = { keys, 1 };
	struct bg_at list = bg_field_at(status, field);
	const struct bg_json *element;
	int rc = bg_get_array(status, field, &element, err);

	for (size_t i = 0; element && !rc; i++, element = element->next) {
		struct bg_at at = bg_at_index(&list, i), where;
		struct bg_fields fields;
		struct bg_prefix prefix;
		struct bg_addr *addr;

		rc = bg_json_fields(element, &at, &shape, NULL, NULL, &fields, err);
		if (rc || !fields.values[0])
			continue;
		where = bg_field_at(&fields, 0);
		rc = bg_gather_prefix(fields.values[0], &where, true, &prefix, err);
		if (rc)
			return rc;
		addr = BG_GROW(pod->addresses, pod->address_count);
		if (!addr)
			return bg_no_memory(err, BG_GATHERING);
		*addr = prefix.addr;
	}
	return rc;
}

/* --- the pod --- */

enum annotation_field { INTERFACES, FARGATE, ANNOTATIONS_USED };
static const char *const annotation_keys[] = { INTERFACES_ANNOTATION, FARGATE_ANNOTATION, NULL };
static const struct bg_shape annotation_shape = { annotation_keys, ANNOTATIONS_USED };

static int read_fargate(struct bg_cluster *cluster, const struct bg_fields *metadata, size_t field,
			struct bg_kube_pod *pod, struct bg_error *err)
{
	struct bg_fields annotations;
	struct bg_at at, where;
	bool present;
	int rc = bg_gather_object(metadata, field, &annotation_shape, &at, &annotations, &present,
				  err);

	for (size_t i = 0; i < pod->labels.count; i++)
		pod->on_fargate |= !strcmp(pod->labels.label[i].key, FARGATE_LABEL);
	if (rc || !annotations.values[FARGATE])
		return rc;
	pod->on_fargate = true;
	where = bg_field_at(&annotations, FARGATE);
	return fargate_groups(cluster, annotations.values[FARGATE], &where, pod, err);
}

/* What has finished has given its interface back, and the node's network is nobody's branch. */
static int read_interfaces(struct bg_cluster *cluster, const struct bg_fields *metadata,
			   size_t field, struct bg_kube_pod *pod, struct bg_error *err)
{
	struct bg_fields annotations;
	struct bg_at at, where;
	bool present;
	int rc = bg_gather_object(metadata, field, &annotation_shape, &at, &annotations, &present,
				  err);

	where = bg_field_at(&annotations, INTERFACES);
	if (rc || pod->on_fargate || pod->host_network || pod->finished ||
	    !annotations.values[INTERFACES])
		return rc;
	return bg_pod_annotation(cluster, annotations.values[INTERFACES], &where, pod, err);
}

static int read_status(struct bg_kube_pod *pod, const struct bg_fields *fields,
		       struct bg_error *err)
{
	enum { PHASE, ADDRESSES };
	static const char *const keys[] = { "phase", "podIPs", NULL };
	static const struct bg_shape shape = { keys, 2 };
	struct bg_text phase = { "", 0 };
	struct bg_fields status;
	struct bg_at at;
	bool present;
	int rc = bg_gather_object(fields, 1, &shape, &at, &status, &present, err)
			 ?: bg_get_text(&status, PHASE, BG_TEXT_BYTES, &phase, err);

	if (rc)
		return rc;
	pod->finished = bg_text_is(phase, "Succeeded") || bg_text_is(phase, "Failed");
	pod->pending = bg_text_is(phase, "Pending");
	return pod->on_fargate ? pod_addresses(pod, &status, ADDRESSES, err) : 0;
}

static int read_spec(struct bg_cluster *cluster, const struct bg_item *item,
		     struct bg_kube_pod *pod, const struct bg_fields *fields, struct bg_error *err)
{
	enum { NODE, HOST_NETWORK, ACCOUNT, OLD_ACCOUNT, CONTAINERS, INIT_CONTAINERS };
	static const char *const keys[] = { "nodeName",
					    "hostNetwork",
					    "serviceAccountName",
					    "serviceAccount",
					    "containers",
					    "initContainers",
					    NULL };
	static const struct bg_shape shape = { keys, 6 };
	const char *account = "default";
	struct bg_fields spec;
	struct bg_at at;
	bool present;
	int rc = bg_field_required(fields, 0, err) ?:
		 bg_gather_object(fields, 0, &shape, &at, &spec, &present, err) ?:
		 bg_gather_id(cluster, &spec, NODE, BG_TEXT_BYTES, &pod->node, err) ?:
		 bg_get_bool(&spec, HOST_NETWORK, &pod->host_network, err) ?:
		 bg_gather_id(cluster, &spec, OLD_ACCOUNT, BG_TEXT_BYTES, &account, err) ?:
		 bg_gather_id(cluster, &spec, ACCOUNT, BG_TEXT_BYTES, &account, err);

	if (rc)
		return rc;
	pod->account = bg_intern(&cluster->interned, account, strlen(account));
	if (!pod->account)
		return bg_no_memory(err, BG_GATHERING);
	return bg_pod_probes(cluster, item, &spec, CONTAINERS, INIT_CONTAINERS, pod, err);
}

int bg_pod_read(struct bg_cluster *cluster, const struct bg_item *item,
		const struct bg_fields *metadata, size_t labels, size_t annotations,
		struct bg_kube_pod *pod, struct bg_error *err)
{
	static const char *const keys[] = { "spec", "status", NULL };
	static const struct bg_shape shape = { keys, 2 };
	struct bg_at at = bg_field_at(metadata, labels);
	struct bg_fields fields;
	int rc = 0;

	if (metadata->values[labels])
		rc = bg_labels_read(&cluster->interned, metadata->values[labels], &at, &pod->labels,
				    err);
	return rc ?:
		    read_fargate(cluster, metadata, annotations, pod, err) ?:
		    bg_json_fields(item->value, item->at, &shape, NULL, NULL, &fields, err) ?:
		    read_spec(cluster, item, pod, &fields, err) ?:
		    read_status(pod, &fields, err) ?:
		    read_interfaces(cluster, metadata, annotations, pod, err);
}
