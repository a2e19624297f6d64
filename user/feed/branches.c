// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Branches and their pods, as this program's own part of the feed has them. feed.c calls
 * it after the other parts; the addresses of the pods become members of the groups. It
 * reads the mode that is asked for, never the one in effect (guard/modes.c).
 */
#include "feed/reading.h"

#include <errno.h>
#include <sha1.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "protocol.h"

/* --- pods --- */

/* The CNI's name for the host end: "vlan" or "eni", then the first 11 hex digits of
 * sha1("<namespace>.<pod>"). */
static void default_host_interface(struct bg_model_pod *pod, enum bg_mode mode)
{
	uint8_t digest[SHA1_DIGEST_LENGTH];
	char hex[13];
	SHA1_CTX sha1;

	SHA1Init(&sha1);
	SHA1Update(&sha1, (const uint8_t *)pod->namespace, strlen(pod->namespace));
	SHA1Update(&sha1, (const uint8_t *)".", 1);
	SHA1Update(&sha1, (const uint8_t *)pod->name, strlen(pod->name));
	SHA1Final(digest, &sha1);
	for (size_t i = 0; i < 6; i++)
		snprintf(hex + 2 * i, sizeof(hex) - 2 * i, "%02x", digest[i]);
	snprintf(pod->host_interface, sizeof(pod->host_interface), "%s%.11s",
		 mode == BG_STRICT ? "vlan" : "eni", hex);
}

/* An address that a pod can have. */
static bool is_unicast(const struct bg_addr *addr)
{
	static const struct bg_addr none, loopback = { .byte = { [15] = 1 } };

	if (bg_addr_is_v4(addr))
		return addr->byte[12] && addr->byte[12] != 127 && addr->byte[12] < 224;
	return addr->byte[0] != 0xff && memcmp(addr, &none, sizeof(none)) != 0 &&
	       memcmp(addr, &loopback, sizeof(loopback)) != 0;
}

static bool has_address(const struct bg_model_pod *pod, const struct bg_addr *addr)
{
	for (size_t i = 0; i < pod->address_count; i++) {
		if (!memcmp(&pod->addresses[i], addr, sizeof(*addr)))
			return true;
	}
	return false;
}

static int pod_address(const struct bg_json *value, const struct bg_at *at, struct bg_addr *addr,
		       struct bg_error *err)
{
	int rc = bg_feed_addr(value, at, BG_ANY_FAMILY, addr, err);

	if (rc || is_unicast(addr))
		return rc;
	return bg_json_unexpected(value, at, "the address of one host", err);
}

/* A pod has about two addresses; more than this are a mistake. */
#define MAX_POD_ADDRESSES 256

static int pod_addresses(struct bg_feed *feed, struct bg_model_pod *pod,
			 const struct bg_fields *fields, struct bg_error *err)
{
	struct bg_at list = bg_field_at(fields, POD_ADDRESSES);
	const struct bg_json *element;
	int rc = bg_noted(feed, bg_get_array(fields, POD_ADDRESSES, &element, err), err);

	if (rc)
		return rc;
	if (element && fields->values[POD_ADDRESSES]->count > MAX_POD_ADDRESSES)
		return bg_field_unexpected(fields, POD_ADDRESSES, "at most 256 addresses", err);
	if (!element &&
	    bg_warn(feed, BG_WARN_BRANCH, &list, "no address: nothing of the pod passes"))
		return bg_no_memory(err, BG_READING);
	for (size_t i = 0; element; i++, element = element->next) {
		struct bg_at at = bg_at_index(&list, i);
		struct bg_addr addr, *place;

		rc = pod_address(element, &at, &addr, err);
		if (rc) {
			rc = bg_noted(feed, rc, err);
			if (rc)
				return rc;
			continue;
		}
		if (has_address(pod, &addr))
			continue;
		place = BG_GROW(pod->addresses, pod->address_count);
		if (!place)
			return bg_no_memory(err, BG_READING);
		*place = addr;
	}
	return 0;
}

static int pod_probe(struct bg_feed *feed, const struct bg_json *value, const struct bg_at *at,
		     struct bg_model_probe *probe, struct bg_error *err)
{
	static const char *const protocols[] = { "tcp", "udp", "icmp", "icmpv6", NULL };
	static const int numbers[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_ICMPV6 };
	struct bg_fields fields;
	int protocol = 0;
	int rc = bg_feed_fields(feed, value, at, BG_OBJECT_PROBE, &fields, err);

	if (rc)
		return rc;
	rc = bg_noted(feed, bg_get_word(&fields, PROBE_PROTOCOL, protocols, &protocol, err), err);
	if (rc)
		return rc;
	probe->protocol = numbers[protocol];
	if (!bg_has_ports(probe->protocol))
		/* no ports; what stands there must be a number all the same */
		return bg_get_integer(&fields, PROBE_PORT, 0, 0, &probe->port, err);
	return bg_field_required(&fields, PROBE_PORT, err)
		       ?: bg_get_integer(&fields, PROBE_PORT, 1, 65535, &probe->port, err);
}

static int pod_probes(struct bg_feed *feed, struct bg_model_pod *pod,
		      const struct bg_fields *fields, struct bg_error *err)
{
	struct bg_at list = bg_field_at(fields, POD_PROBES);
	const struct bg_json *element;
	int rc = bg_noted(feed, bg_get_array(fields, POD_PROBES, &element, err), err);

	for (size_t i = 0; element && !rc; i++, element = element->next) {
		struct bg_at at = bg_at_index(&list, i);
		struct bg_model_probe *probe = BG_GROW(pod->probes, pod->probe_count);

		if (!probe)
			return bg_no_memory(err, BG_READING);
		rc = bg_noted(feed, pod_probe(feed, element, &at, probe, err), err);
	}
	return rc;
}

static int one_pod(struct bg_feed *feed, const struct bg_json *value, const struct bg_at *at,
		   enum bg_mode mode, struct bg_model_pod *pod, struct bg_error *err)
{
	struct bg_text namespace = { "", 0 }, name = { "", 0 };
	struct bg_fields fields;
	int rc = bg_feed_fields(feed, value, at, BG_OBJECT_POD, &fields, err);

	if (rc)
		return rc;
	rc = bg_noted(feed, bg_get_text(&fields, POD_NAMESPACE, BG_TEXT_BYTES, &namespace, err),
		      err) ?:
	     bg_noted(feed, bg_get_text(&fields, POD_NAME, BG_TEXT_BYTES, &name, err), err) ?:
	     bg_noted(feed, bg_field_required(&fields, POD_ADDRESSES, err), err);
	if (rc)
		return rc;
	pod->namespace = bg_text_dup(namespace);
	pod->name = bg_text_dup(name);
	if (!pod->namespace || !pod->name)
		return bg_no_memory(err, BG_READING);
	/* a pod without a name has none that could be derived */
	if (name.length)
		default_host_interface(pod, mode);
	return bg_noted(feed,
			bg_feed_interface_name(&fields, POD_INTERFACE, pod->host_interface, err),
			err) ?:
	       bg_noted(feed, pod_addresses(feed, pod, &fields, err), err) ?:
	       pod_probes(feed, pod, &fields, err);
}

static int branch_pods(struct bg_feed *feed, struct bg_model_branch *branch,
		       const struct bg_fields *fields, struct bg_error *err)
{
	struct bg_at list = bg_field_at(fields, BRANCH_PODS);
	const struct bg_json *element;
	int rc = bg_noted(feed, bg_get_array(fields, BRANCH_PODS, &element, err), err);

	if (rc)
		return rc;
	if (!element && bg_warn(feed, BG_WARN_BRANCH, &list, "no pod: nothing passes"))
		return bg_no_memory(err, BG_READING);
	for (size_t i = 0; element && !rc; i++, element = element->next) {
		struct bg_at at = bg_at_index(&list, i);
		struct bg_model_pod *pod = BG_GROW(branch->pods, branch->pod_count);

		if (!pod)
			return bg_no_memory(err, BG_READING);
		rc = bg_noted(feed, one_pod(feed, element, &at, branch->mode, pod, err), err);
	}
	return rc;
}

/* --- branches --- */

static int branch_groups(struct bg_feed *feed, struct bg_model_branch *branch,
			 const struct bg_fields *fields, struct bg_error *err)
{
	enum branch_field given = fields->values[BRANCH_GROUPS] ? BRANCH_GROUPS : BRANCH_EC2_GROUPS;

	if (fields->values[BRANCH_GROUPS] && fields->values[BRANCH_EC2_GROUPS])
		return bg_field_unexpected(fields, BRANCH_EC2_GROUPS,
					   "either GroupIds or Groups, not both", err);
	if (fields->values[given]) {
		int rc = bg_feed_group_ids(feed, fields, given, &branch->groups,
					   &branch->group_count, err);

		if (rc)
			return rc;
	} else if (feed->default_group_count) {
		branch->groups = calloc(feed->default_group_count, sizeof(*branch->groups));
		if (!branch->groups)
			return bg_no_memory(err, BG_READING);
		branch->group_count = feed->default_group_count;
		memcpy(branch->groups, feed->default_groups,
		       branch->group_count * sizeof(*branch->groups));
	}
	if (!branch->group_count &&
	    bg_warn(feed, BG_WARN_BRANCH, fields->at, "no groups: no rule allows anything"))
		return bg_no_memory(err, BG_READING);
	return 0;
}

/* Later ones override: the node's, those of the interface with the same id, its own. */
static int branch_timeouts(struct bg_feed *feed, struct bg_model_branch *branch,
			   const struct bg_fields *fields, struct bg_error *err)
{
	const size_t *index = bg_dict_find(&feed->tracking_by_id, branch->id, strlen(branch->id));
	int rc;

	branch->timeouts = feed->model->node.timeouts;
	if (index) {
		const struct bg_timeouts *given = &feed->tracking[*index].timeouts;
		const __u32 *from = (const __u32 *)given;
		__u32 *to = (__u32 *)&branch->timeouts;

		for (size_t i = 0; i < sizeof(*given) / sizeof(*from); i++) {
			if (from[i])
				to[i] = from[i];
		}
	}
	rc = bg_feed_timeouts(feed, fields, BRANCH_TRACKING, &branch->timeouts, err);
	/* What one end has closed the other may use for as long as before (RFC 6146 § 3.5.2.2),
	 * and EC2 has no time-out of its own for it. */
	if (!branch->timeouts.tcp_closing_s)
		branch->timeouts.tcp_closing_s = branch->timeouts.tcp_established_s;
	return rc;
}

static int one_branch(struct bg_feed *feed, const struct bg_json *value, const struct bg_at *at,
		      struct bg_model_branch *branch, struct bg_error *err)
{
	static const size_t required[] = { BRANCH_ID, BRANCH_VLAN, BRANCH_PODS };
	static const char *const modes[] = {
		[BG_STRICT] = "strict", [BG_STANDARD] = "standard", NULL
	};
	struct bg_text id = { "", 0 };
	struct bg_fields fields;
	int mode = BG_STRICT;
	int rc = bg_feed_fields(feed, value, at, BG_OBJECT_BRANCH, &fields, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]) && !rc; i++)
		rc = bg_noted(feed, bg_field_required(&fields, required[i], err), err);
	rc = rc ?:
	     bg_noted(feed, bg_get_id(&fields, BRANCH_ID, BG_ID_BYTES, &id, err), err) ?:
	     bg_noted(feed,
		      bg_get_integer(&fields, BRANCH_VLAN, 1, BG_VLANS - 2, &branch->vlan, err),
		      err) ?:
	     bg_noted(feed, bg_get_word(&fields, BRANCH_MODE, modes, &mode, err), err);
	if (rc)
		return rc;
	branch->mode = branch->asked_mode = mode;
	branch->id = bg_text_dup(id);
	if (!branch->id)
		return bg_no_memory(err, BG_READING);
	snprintf(branch->interface, sizeof(branch->interface), "vlan.eth.%d", branch->vlan);
	return bg_noted(feed,
			bg_feed_interface_name(&fields, BRANCH_INTERFACE, branch->interface, err),
			err) ?:
	       bg_noted(feed, branch_groups(feed, branch, &fields, err), err) ?:
	       branch_pods(feed, branch, &fields, err) ?:
	       branch_timeouts(feed, branch, &fields, err);
}

/* A reference to a group of a branch stands for the branch's pods. */
static int add_members(struct bg_feed *feed, const struct bg_model_branch *branch,
		       const struct bg_dict *contested_addresses, struct bg_error *err)
{
	for (size_t i = 0; i < branch->group_count; i++) {
		const char *id = feed->model->groups[branch->groups[i]].id;

		for (size_t n = 0; n < branch->pod_count; n++) {
			const struct bg_model_pod *pod = &branch->pods[n];

			for (size_t k = 0; k < pod->address_count; k++) {
				struct bg_prefix prefix = { pod->addresses[k], 128 };
				int rc;

				if (bg_dict_find(contested_addresses, &pod->addresses[k],
						 sizeof(pod->addresses[k])))
					continue;
				rc = bg_add_member(feed, (struct bg_text){ id, strlen(id) },
						   &prefix, 1, NULL, err);
				if (rc)
					return rc;
			}
		}
	}
	return 0;
}

int bg_feed_branches(struct bg_feed *feed, const struct bg_fields *root, size_t field,
		     struct bg_error *err)
{
	bg_cleanup(bg_dict_release) struct bg_dict addresses = {};
	bg_auto_free bool *contested = NULL;
	struct bg_model *model = feed->model;
	struct bg_at list = bg_field_at(root, field);
	const struct bg_json *element;
	int rc = bg_noted(feed, bg_get_array(root, field, &element, err), err);

	for (size_t i = 0; element && !rc; i++, element = element->next) {
		struct bg_at at = bg_at_index(&list, i);
		struct bg_model_branch *branch = BG_GROW(model->branches, model->branch_count);

		if (!branch)
			return bg_no_memory(err, BG_READING);
		rc = bg_noted(feed, one_branch(feed, element, &at, branch, err), err);
	}
	if (rc || bg_problems_all(&feed->errors))
		return rc;
	rc = bg_feed_find_claims(feed, &contested, &addresses, err);
	/* what is claimed twice is a member by who gets it, see settle.h */
	for (size_t i = 0; i < model->branch_count && !rc; i++)
		if (!contested[i])
			rc = add_members(feed, &model->branches[i], &addresses, err);
	return rc;
}
