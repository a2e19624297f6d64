/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What belongs together in a cluster: pods and policies, pods and interfaces. Pure. */
#ifndef BG_GATHER_JOIN_H
#define BG_GATHER_JOIN_H

#include "fleet/gather/cluster.h"

/*
 * Once, after all was read: of each object the newest counts, and what looks things up is
 * made. Fails when an answer is missing, or the last of its pages: of half a cluster no
 * feed may be made.
 */
int bg_cluster_join(struct bg_cluster *cluster, struct bg_error *err);

/* Does it have a branch, or will get one: it runs, and not in the node's own network? */
bool bg_pod_lives(const struct bg_kube_pod *pod);
bool bg_pod_has_branch(const struct bg_kube_pod *pod);

/* What EC2 says of the pod's interface; NULL: nothing, or not one thing. */
const struct bg_ec2_interface *bg_pod_interface(const struct bg_cluster *cluster,
						const struct bg_kube_pod *pod);

/* Is the address one of the interface's? */
bool bg_interface_has(const struct bg_ec2_interface *interface, const struct bg_addr *addr);

/* Does EC2 know the pod's interface, and say that an address of the pod's is none of that
 * one's? Then it may have made up whose it is: an annotation may be anybody's. */
bool bg_pod_in_doubt(const struct bg_cluster *cluster, const struct bg_kube_pod *pod);

/* NULL: the input does not have it. */
const struct bg_kube_account *bg_pod_account(const struct bg_cluster *cluster,
					     const struct bg_kube_pod *pod);
const struct bg_kube_pod *bg_find_pod(const struct bg_cluster *cluster, const char *path);
const struct bg_kube_node *bg_find_node(const struct bg_cluster *cluster, const char *name);

/* The group's own rules, or NULL: EC2's answer does not have it, or twice. */
const struct bg_ec2_rules *bg_find_group(const struct bg_cluster *cluster, const char *id);
/* NULL: nobody gave its entries, or not one set of them. */
const struct bg_ec2_list *bg_find_list(const struct bg_cluster *cluster, const char *id);

/* The pods of a node, as indices in cluster->pods; *count may be 0. */
const size_t *bg_node_pods(const struct bg_cluster *cluster, const char *name, size_t *count);

/* The policies of a namespace, stale ones among them; *count may be 0. */
const struct bg_kube_policy *bg_policies_of(const struct bg_cluster *cluster, const char *namespace,
					    size_t *count);

/* Why a policy selects a pod or not. */
enum bg_selection {
	BG_SELECTS,
	BG_SELECTS_NOTHING, /* it has no selector, or no groups */
	BG_NOT_BY_POD,	    /* its podSelector does not match */
	BG_NOT_BY_ACCOUNT,  /* its serviceAccountSelector does not */
	BG_NO_ACCOUNT,	    /* and cannot: the input does not have the service account */
};
enum bg_selection bg_policy_selects(const struct bg_cluster *cluster,
				    const struct bg_kube_policy *policy,
				    const struct bg_kube_pod *pod,
				    const struct bg_requirement **why);

/* Adds the groups that the policies of its namespace want for a pod, tidy. 0 or -ENOMEM. */
int bg_pod_wanted(const struct bg_cluster *cluster, const struct bg_kube_pod *pod,
		  struct bg_names *wanted);

#endif
