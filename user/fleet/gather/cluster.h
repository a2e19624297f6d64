/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The model of a cluster: what `kubectl get` and `aws ec2` print of it, as far as a feed
 * needs it. Read from any number of texts in any order (bg_cluster_read()), then joined
 * once (join.h); after that it is only read, for as many nodes as there are. Pure: texts
 * in, a model and reports out.
 */
#ifndef BG_GATHER_CLUSTER_H
#define BG_GATHER_CLUSTER_H

#include "base/error.h"
#include "base/ip.h"
#include "feed/json.h"
#include "fleet/gather/intern.h"
#include "fleet/gather/selector.h"

/* A file may be larger than a feed: 100,000 pods are half a GiB. */
#define BG_GATHER_MAX_BYTES ((size_t)2 << 30)

/* Where an object was read; of two that are equally new, the first by this counts. */
struct bg_origin {
	const char *file; /* interned */
	size_t index;
};

/* What every object of the API server begins with. */
struct bg_kube_object {
	const char *namespace, *name; /* interned, as is the next */
	const char *path;	      /* "NAMESPACE/NAME"; the name, of what has no namespace */
	__u64 version;		      /* metadata.resourceVersion, 0 = none */
	struct bg_origin origin;
	bool stale; /* a newer one was read: this one does not count */
};

struct bg_kube_node {
	struct bg_kube_object object;
	struct bg_prefix *addresses; /* InternalIP */
	size_t address_count;
};

struct bg_kube_account {
	struct bg_kube_object object;
	struct bg_labels labels;
};

/* A Service, or a ServiceCIDR: what kube-proxy translates. */
struct bg_kube_service {
	struct bg_kube_object object;
	bool is_range;
	struct bg_prefix *prefixes;
	size_t prefix_count;
};

struct bg_kube_policy {
	struct bg_kube_object object;
	struct bg_selector pods, accounts;
	struct bg_names groups;
};

/* A port that kubelet probes. */
struct bg_kube_probe {
	int port;
	const char *container, *what; /* interned: "app", "readinessProbe httpGet" */
};

struct bg_kube_pod {
	struct bg_kube_object object;
	const char *node, *account; /* interned; node NULL: not scheduled */
	struct bg_labels labels;
	bool host_network, finished, terminating, pending;
	bool on_fargate;
	struct bg_names fargate_groups;

	/* of the annotation's first element, which is the one that the CNI uses; id NULL: none */
	const char *interface_id;
	int vlan;
	struct bg_addr *addresses; /* on Fargate: status.podIPs */
	size_t address_count;
	size_t more_interfaces; /* further elements */

	struct bg_kube_probe *probes;
	size_t probe_count;
};

/* --- EC2 --- */

#define BG_TRACKED_TIMEOUTS 3
extern const char *const bg_tracked_timeouts[BG_TRACKED_TIMEOUTS + 1]; /* keys; ends with NULL */

struct bg_ec2_interface {
	const char *id;
	struct bg_names groups;
	struct bg_prefix *prefixes;
	size_t prefix_count;
	int timeouts_s[BG_TRACKED_TIMEOUTS]; /* 0 = not given */
	bool doubtful;			     /* two descriptions of it differ: neither counts */
};

/* A group or a flat rule, as text that goes into feeds as it is. */
struct bg_ec2_rules {
	const char *id,
		*group;	  /* the rule's, "" if it has none, and its group's; of a group the same */
	const char *text; /* interned */
	struct bg_names groups, lists; /* that it refers to */
	bool doubtful;
};

struct bg_ec2_list {
	const char *id;
	bool has_entries;
	struct bg_names entries;       /* CIDRs */
	size_t more_pages, last_pages; /* pages that say that more follow, and that do not */
	struct bg_names last_page;     /* of the first of the latter */
	bool doubtful;
};

/* --- all of it --- */

/* Kinds of answers that come in pages. */
enum bg_answer {
	BG_ANSWER_KUBERNETES,
	BG_ANSWER_GROUPS,
	BG_ANSWER_RULES,
	BG_ANSWER_INTERFACES,
	BG_ANSWER_LISTS,
	BG_ANSWERS,
};

struct bg_pages {
	size_t more, last; /* pages that say that more follow, and that do not */
};

struct bg_report {
	char *text;
};

/* So many reports are kept, the rest is counted. */
#define BG_REPORTS_MOST 1000

struct bg_cluster {
	struct bg_interned interned;
	struct bg_pages pages[BG_ANSWERS];

	struct bg_kube_node *nodes;
	struct bg_kube_account *accounts;
	struct bg_kube_service *services;
	struct bg_kube_policy *policies;
	struct bg_kube_pod *pods;
	size_t node_count, account_count, service_count, policy_count, pod_count;
	/* join.h: arrays are sorted by path, and these have what is not stale */
	struct bg_dict nodes_by_path, accounts_by_path, pods_by_path;

	struct bg_ec2_interface *interfaces;
	struct bg_ec2_rules *groups, *rules;
	struct bg_ec2_list *lists;
	size_t interface_count, group_count, rule_count, list_count;
	struct bg_dict interfaces_by_id, groups_by_id, rules_by_id, lists_by_id;

	/* join.h */
	struct bg_dict policies_of; /* namespace → the first of its policies */
	struct bg_dict owners;	    /* address of a pod that lives → its index, SIZE_MAX: several */
	struct bg_dict pods_on_node; /* node's name → the first of its pods in by_node */
	size_t *by_node;	     /* indices in pods, by node, then by path */
	size_t by_node_count;

	struct bg_report *reports;
	size_t report_count, more_reports;
};

/*
 * Takes what stands in a text: one document, or several one after the other. An object that
 * is broken is reported and left out; a text that is no JSON, or none of the answers that
 * are known, is an error, with `file` in front, and the model is not to be used then.
 */
int bg_cluster_read(struct bg_cluster *cluster, const char *file, const char *text,
		    size_t length_bytes, struct bg_error *err);

void bg_cluster_release(struct bg_cluster *cluster); /* {} is fine */

/* --- for the files of this room --- */

#define BG_GATHERING "reading the cluster"

/* One more sentence for who reads the reports. 0 or -ENOMEM. */
int bg_report(struct bg_cluster *cluster, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* "FILE: POINTER: KIND NAME: TEXT; left out" of an error about an object (NULL: no name). */
int bg_report_left_out(struct bg_cluster *cluster, const char *file, const char *kind,
		       const char *name, const struct bg_error *err);

/* Interns a field that is an id of at most `most` bytes (json.h); where it is absent the value
 * stays as it is. */
int bg_gather_id(struct bg_cluster *cluster, const struct bg_fields *fields, size_t field,
		 size_t most, const char **value, struct bg_error *err);
int bg_gather_value_id(struct bg_cluster *cluster, const struct bg_json *value,
		       const struct bg_at *at, size_t most, const char **id, struct bg_error *err);
int bg_gather_prefix(const struct bg_json *value, const struct bg_at *at, bool is_address,
		     struct bg_prefix *prefix, struct bg_error *err);
/* The fields of an object within one: absent (present = false), or read. */
int bg_gather_object(const struct bg_fields *fields, size_t field, const struct bg_shape *shape,
		     struct bg_at *at, struct bg_fields *inner, bool *present,
		     struct bg_error *err);

#endif
