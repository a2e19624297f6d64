/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The feed as the program understands it: references resolved, defaults filled
 * in, validated. Plain data, indices instead of pointers between tables.
 * Made by feed.h, read by everything behind it, never changed afterwards
 * except for the three numbers that registry.h assigns (marked below), the modes in
 * effect (guard/modes.h), and what settle.h says of ifindexes and times.
 */
#ifndef BG_FEED_MODEL_H
#define BG_FEED_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/ip.h"
#include "feed/problems.h"
#include "image.h"
#include "maps.h"

/* What a rule's peer stands for: a CIDR, a prefix list or a group. Equal peers
 * are one set, whichever rules name them. An empty set matches nothing. */
enum bg_set_kind { BG_SET_CIDR, BG_SET_LIST, BG_SET_GROUP };

struct bg_set {
	char *name; /* "10.0.0.0/16", "pl-0e5", "sg-0bb22" */
	struct bg_prefix *prefixes;
	size_t prefix_count;
	bool resolved; /* false: a reference to nothing that the feed knows */
	enum bg_set_kind kind;
	__u64 kept_since_ns; /* as a group's */
};

/* The array of the feed that a rule's peer stands in. */
enum bg_peer_list {
	BG_PEERS_IPV4,	 /* IpRanges */
	BG_PEERS_IPV6,	 /* Ipv6Ranges */
	BG_PEERS_LISTS,	 /* PrefixListIds */
	BG_PEERS_GROUPS, /* UserIdGroupPairs */
	BG_PEERS_FLAT,	 /* SecurityGroupRules: one rule, one peer */
};

struct bg_model_rule {
	char *rule_id; /* "sgr-01", or NULL */
	size_t group;  /* index in groups */
	size_t set;    /* index in sets */
	enum bg_direction direction;
	int protocol;  /* 0-255, -1 = everything */
	int from_port; /* TCP, UDP: ports; ICMP: type, -1 = any; others 0 */
	int to_port;   /* TCP, UDP: ports; ICMP: code, -1 = any; others 65535 */
	__u32 number;  /* assigned by the registry, from 1 */
	/* where it stands in the feed; see bg_rule_pointer() */
	enum bg_peer_list list;
	__u32 permission; /* index in IpPermissions(Egress) or SecurityGroupRules */
	__u32 peer;	  /* index in the list */
};

struct bg_group {
	char *id;
	char *name;	   /* or NULL */
	size_t first_rule; /* its rules stand together in rules, in feed order, */
	size_t rule_count; /* ingress and egress mixed */
	bool known;	   /* false: a branch names it, the feed does not have it; no rules */
	bool defined;	   /* by IpPermissions(Egress); else by SecurityGroupRules, if at all */
	bool stated[BG_DIRECTIONS]; /* the feed says what it allows, even if that is nothing */
	/* CLOCK_BOOTTIME since when the document lacks it and it is kept all the same
	 * (settle.h); 0 = it is the document's */
	__u64 kept_since_ns;
};

/* Whose a group is. */
struct bg_group_account {
	char *group_id;
	char *account;
};

/* One of NetworkInterfaces. */
struct bg_model_interface {
	char *id;	/* "" when not given */
	size_t *groups; /* indices, sorted, without duplicates */
	size_t group_count;
	struct bg_prefix *prefixes; /* its addresses and delegated prefixes */
	size_t prefix_count;
};

struct bg_model_probe {
	int protocol; /* 6, 17, 1 or 58 */
	int port;     /* 0 for ICMP */
};

struct bg_model_pod {
	char *namespace; /* "" when not given */
	char *name;
	char host_interface[16];
	struct bg_addr *addresses;
	size_t address_count;
	struct bg_model_probe *probes;
	size_t probe_count;
	__u32 ifindex; /* of host_interface, when it was last in force; 0 = not there */
};

struct bg_model_branch {
	char *id;
	int vlan; /* 1-4094 */
	char interface[16];
	enum bg_mode asked_mode; /* by the document */
	enum bg_mode mode;	 /* in effect; the same at first, see guard/modes.h */
	size_t *groups;		 /* indices, sorted, without duplicates */
	size_t group_count;
	struct bg_model_pod *pods;
	size_t pod_count;
	struct bg_timeouts timeouts; /* node's, overridden by the branch's */
	__u32 tag;		     /* assigned by the registry, from 1 */
	__u32 slot;		     /* assigned by the registry, from 1 */
	__u32 ifindex;		     /* of interface, when it was last in force; 0 = not there */
	__u64 kept_since_ns;	     /* as a group's */
};

/* An address and a service on the node, or a probe source (protocol -1). */
struct bg_model_service {
	struct bg_addr address;
	int protocol;
	int port;
};

struct bg_model_node {
	char *name;		    /* "" when not given */
	char primary_interface[16]; /* "" when not given: found by the default route */
	char trunk_interface[16];   /* "" when not given: the parent of the branches */
	struct bg_addr *addresses;
	size_t address_count;
	size_t *groups;
	size_t group_count;
	bool has_groups; /* GroupIds was given */
	struct bg_prefix *vpc_cidrs, *service_cidrs, *exclude_snat_cidrs, *probe_sources;
	size_t vpc_cidr_count, service_cidr_count, exclude_snat_cidr_count, probe_source_count;
	struct bg_model_service *local_services;
	size_t local_service_count;
	bool external_snat;
	bool revalidate;      /* EstablishedFlows */
	bool filter_platform; /* PlatformTraffic */
	bool per_interface;   /* StandardMode */
	bool live_mode_change;
	struct bg_timeouts timeouts; /* tcp_closing_s 0: as tcp_established_s */
};

/* Of a node that names none; in node.c, with where they come from. */
extern const struct bg_timeouts bg_default_timeouts;

/* What more than one branch or pod of the document claims for itself. The parser only says
 * so; who gets it depends on the interfaces that there are (settle.h). */
enum bg_claim_kind { BG_CLAIM_ID, BG_CLAIM_VLAN, BG_CLAIM_INTERFACE, BG_CLAIM_ADDRESS };

struct bg_claimant {
	size_t branch; /* index in branches */
	size_t pod;    /* index in its pods; of an address */
};

struct bg_claim {
	enum bg_claim_kind kind;
	struct bg_addr address; /* of BG_CLAIM_ADDRESS */
	struct bg_claimant *claimants;
	size_t claimant_count; /* two or more, in the order of the document */
};

struct bg_model {
	char *revision; /* "" when not given */
	struct bg_model_node node;
	struct bg_group *groups;
	size_t group_count;
	struct bg_model_rule *rules;
	size_t rule_count;
	struct bg_set *sets;
	size_t set_count;
	struct bg_set *spare_sets; /* groups with members, and lists, that no rule names */
	size_t spare_set_count;
	struct bg_model_branch *branches;
	size_t branch_count;
	struct bg_claim *claims;
	size_t claim_count;
	struct bg_problem *warnings;
	size_t warning_count;
	size_t member_count;		       /* addresses and prefixes of all sets */
	struct bg_model_interface *interfaces; /* only by bg_feed_parse_all() */
	size_t interface_count;
	struct bg_group_account *accounts; /* the same; a group once, if it is known */
	size_t account_count;
	/* The document says so itself, and does not only leave the key out; for `check`. */
	bool no_branches, no_interfaces;
};

void bg_model_free(struct bg_model *model); /* NULL is fine */
BG_CLEANUP_OF(bg_model_free, struct bg_model)

/* The account that a group belongs to; NULL: the document does not say. In accounts.c. */
const char *bg_model_account(const struct bg_model *model, const char *group_id);

/* Sorts what a set stands for, and keeps each once. */
void bg_set_tidy(struct bg_set *set);

/* Adds a warning; 0 or -ENOMEM. `pointer` is the place in the feed; "": the text says it. */
int bg_model_warn(struct bg_model *model, const char *pointer, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* JSON pointer of a rule's peer; `text` holds BG_RULE_POINTER_TEXT bytes. */
#define BG_RULE_POINTER_TEXT 96
const char *bg_rule_pointer(const struct bg_model_rule *rule, char *text);

/* The rule as the map `rules` shows it; hits and revision are 0. */
void bg_rule_describe(const struct bg_model *model, const struct bg_model_rule *rule,
		      struct bg_rule *out);

#endif
