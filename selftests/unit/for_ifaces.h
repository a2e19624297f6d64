/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the tests test_ifaces_*.c have in common: a node with a branch and its pod, and a kernel
 * that attaches, refuses and loses programs as a test has it.
 */
#ifndef FOR_IFACES_H
#define FOR_IFACES_H

#include "guard/ifaces.h"

#include "guard/guards.h"
#include "scripted_maps.h"
#include "scripted_netlink.h"
#include "test.h"

#define STRICT_VETH "vlan0123456789a"

enum { LO = 1, PRIMARY = 2, TRUNK = 3, BRANCH = 4, POD = 6, MOST = 8 };

/* The table of a node when it begins. */
#define LINKS 5
extern const struct script_link links[LINKS];

/* --- a kernel that attaches ------------------------------------------------ */

struct attaching {
	bool there[MOST][BG_PROGRAMS];
	bool is_here[MOST];	     /* the interface, whatever the table says */
	bool moved[MOST];	     /* to another network namespace, with its programs */
	const char *is_called[MOST]; /* NULL = as the table says */
	int attach_error, xdp_error, replace_error, front_error, pin_error, routes_error;
	int detach_error, filter_error;
	int routing_error;
	const char
		*routed; /* the address of a standard pod behind POD, by the CNI's rule; or NULL */
	bool behind, shared, makes_qdisc, no_xdp_program;
	bool stands_in; /* who cannot come first, for that a stand-in stays */
	unsigned int fronts, natively;
	unsigned int attached, replaced, detached, forgotten;
	bool vlan_armed_then; /* VLAN 9, when something was detached or forgotten */
	struct {
		__u32 ifindex;
		enum bg_program program;
		bool vlan_armed; /* VLAN 9, when it was attached */
	} order[32];
	struct bg_attachment pinned[4]; /* what an earlier daemon left */
	size_t pinned_count;
	__u32 filter_on; /* an interface with filters of ours, 0 = none */
	int adopt_error;
};

extern struct attaching hooks;

/* The lines of the log since a node began, or since a test emptied it. */
extern char logged[8192];
bool has_logged(const char *text);

bool vlan_is_armed(__u32 vlan);

/* --- a node ---------------------------------------------------------------- */

struct node {
	struct bg_datapath *datapath;
	struct bg_netdevs *netdevs;
	struct bg_model *model;
	struct bg_ifaces *ifaces;
	struct bg_error err;
};

void set_name(char name[16], const char *text);

/* The node of `links` and a feed with the branch on it; nothing is guarded yet. */
struct node node_with(enum bg_xdp_choice xdp, bool tcx);
void end_node(struct node *node);
int sync_node(struct node *node);

const struct bg_guard *guard(const struct node *node, __u32 ifindex);

/* The table without one of its interfaces, or with another name for it. */
void table_changes(struct node *node, __u32 ifindex, const char *name);

/* The ifindex by which people see a branch armed, 0 = by none. */
unsigned int armed_at(__u32 vlan);

/* Interfaces that are in trouble; *open: those by which something passes unjudged. */
unsigned int troubles(const struct node *node, unsigned int *open);

#endif
