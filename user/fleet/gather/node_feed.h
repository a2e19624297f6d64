/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The model of a cluster → the feed of one node. Pure. */
#ifndef BG_GATHER_NODE_FEED_H
#define BG_GATHER_NODE_FEED_H

#include "base/json_writer.h"
#include "fleet/gather/join.h"
#include "fleet/gather/members.h"

/* What neither the API server nor EC2 knows: a feed without groups and branches. */
struct bg_settings {
	struct bg_json_document *document; /* NULL: none */
	const struct bg_json *node;	   /* its Node, or NULL */
	struct bg_names default_groups;	   /* its DefaultGroupIds */
	bool has_default_groups;
	struct bg_prefix *service_cidrs; /* its Node.ServiceCidrs */
	size_t service_cidr_count;
};

/* `text` has to live as long as *settings. Errors name `file`. */
int bg_settings_read(struct bg_cluster *cluster, const char *file, const char *text,
		     size_t length_bytes, struct bg_settings *settings, struct bg_error *err);
void bg_settings_release(struct bg_settings *settings);

/*
 * Writes the feed: only what this node's pods need, always in the same order, and with a
 * hash of it all as its revision. Reports go to the cluster; what the daemon would warn of
 * is among them. `standard`: the mode of all branches.
 */
int bg_node_feed(struct bg_cluster *cluster, const char *node, bool standard,
		 const struct bg_settings *settings, struct bg_json_writer *feed,
		 struct bg_error *err);

/* What a node has by itself: all of its feed that others need not have as well. {} at first. */
struct bg_node_alone {
	struct bg_json_writer feed; /* an object: Node, DefaultGroupIds, Branches */
	struct bg_names groups;	    /* whose rules it needs, tidy */
	/* its own pods' addresses, which are not among the members that its feed lists */
	struct bg_gathered_members own;
	size_t branch_count;
};

int bg_node_alone(struct bg_cluster *cluster, const char *name, bool standard,
		  const struct bg_settings *settings, struct bg_node_alone *alone,
		  struct bg_error *err);
void bg_node_alone_release(struct bg_node_alone *alone);

/* A key of the document, and an object in it, each on a line of its own. */
void bg_put_key(struct bg_json_writer *out, const char *key);
void bg_put_line(struct bg_json_writer *out);
/* An element of NetworkInterfaces: the members of a group as one interface. */
void bg_put_interface(struct bg_json_writer *out, const char *group,
		      const struct bg_gathered_members *members);

/* --- for the files of this room --- */

/* A branch of the node, with the pods behind it. */
struct bg_gathered_branch {
	const char *id;
	int vlan;
	struct bg_names groups;
	bool has_groups; /* else they are those that branches have by default */
	bool in_doubt;	 /* whether the interface is that of its pods (join.h) */
	const struct bg_ec2_interface *interface;
	const struct bg_kube_pod **pods;
	size_t pod_count;
};

struct bg_gathered_node {
	const char *name;
	struct bg_names groups; /* of its primary interface, as far as EC2's answer has it */
	const struct bg_kube_node *object;
	struct bg_gathered_branch *branches; /* sorted by VLAN, then by id */
	size_t branch_count;
};

/* node_branches.c: what is on the node, and reports of what is odd with it. */
int bg_node_branches(struct bg_cluster *cluster, const char *name, struct bg_gathered_node *node,
		     struct bg_error *err);
void bg_gathered_node_release(struct bg_gathered_node *node);

/* node_part.c: writes the key Node. 0 or -ENOMEM. */
int bg_put_node(struct bg_cluster *cluster, const struct bg_gathered_node *node, bool standard,
		const struct bg_settings *settings, struct bg_json_writer *out);

/* node_alone.c: the groups whose rules its branches need, tidy (0 or -ENOMEM), and two keys. */
int bg_needed_groups(const struct bg_gathered_node *node, bool standard,
		     const struct bg_settings *settings, struct bg_names *needed);
void bg_put_default_groups(struct bg_json_writer *out, const struct bg_settings *settings);
void bg_put_branches(struct bg_json_writer *out, const struct bg_gathered_node *node,
		     bool standard);

void bg_put_names(struct bg_json_writer *out, const char *key, const struct bg_names *names);
/* An address alone where the prefix is one. */
void bg_put_prefix(struct bg_json_writer *out, const struct bg_prefix *prefix);

#endif
