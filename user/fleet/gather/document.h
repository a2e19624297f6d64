/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What reads the objects of a document: document.c calls it for each. */
#ifndef BG_GATHER_DOCUMENT_H
#define BG_GATHER_DOCUMENT_H

#include "fleet/gather/cluster.h"

/* An object, where it stands: in `file`, at `at`, as the `index`th of its list. */
struct bg_item {
	const char *file; /* interned */
	size_t index;
	const struct bg_json *value;
	const struct bg_at *at;
	const struct bg_json *list; /* what stands in front of the list's objects; or NULL */
};

/* Each takes an object into the model, or reports what is wrong with it; 0 or -ENOMEM,
 * with *err filled in. Of kinds that are of no use, bg_kube_item() takes no notice. */
int bg_kube_item(struct bg_cluster *cluster, const struct bg_item *item, struct bg_error *err);
int bg_ec2_group_item(struct bg_cluster *cluster, const struct bg_item *item, struct bg_error *err);
int bg_ec2_rule_item(struct bg_cluster *cluster, const struct bg_item *item, struct bg_error *err);
int bg_ec2_interface_item(struct bg_cluster *cluster, const struct bg_item *item,
			  struct bg_error *err);
/* An element of PrefixLists, or (id not NULL) the entries of that list, alone in a document. */
int bg_ec2_list_item(struct bg_cluster *cluster, const struct bg_item *item, const char *id,
		     bool more_pages, struct bg_error *err);

/* The pod's own parts: pod.c calls them. They fill in *err, with the place. */
int bg_pod_annotation(struct bg_cluster *cluster, const struct bg_json *value,
		      const struct bg_at *at, struct bg_kube_pod *pod, struct bg_error *err);
int bg_pod_probes(struct bg_cluster *cluster, const struct bg_item *item,
		  const struct bg_fields *spec, size_t containers, size_t init_containers,
		  struct bg_kube_pod *pod, struct bg_error *err);
int bg_pod_read(struct bg_cluster *cluster, const struct bg_item *item,
		const struct bg_fields *metadata, size_t labels, size_t annotations,
		struct bg_kube_pod *pod, struct bg_error *err);

#endif
