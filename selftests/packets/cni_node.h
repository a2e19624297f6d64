/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A node with the CNI's interfaces and routes: eth0 (primary), eth1 (trunk), the branch
 * vlan.eth.9 and the veth of its pod, veth pairs for all of them, in a network namespace of the
 * test's own. What fails ends the test.
 */
#ifndef CNI_NODE_H
#define CNI_NODE_H

#include "datapath/programs.h"
#include "rig.h"

#define LINK_LOCAL "fe80::90"
#define HOST_END "fe80::1"
#define CNI_VETH "vlan18582a65b10" /* the host end of the pod's */
/* Some other interface */
#define CNI_ELSEWHERE 4000

extern struct rig cni_rig;

enum cni_receiver { CNI_TO_DEVICE, CNI_TO_ANOTHER, CNI_TO_ALL };

struct cni_way {
	enum bg_program program;
	const char *interface;
	__u32 came_by; /* ifindex, 0: made by the node */
	enum cni_receiver receiver;
};

/* First in main(); other than 0: it cannot be made. */
int cni_make(void);
/* Before each test: all interfaces, routes and entries are there, which the one before may have
 * taken; the loader's own words for the branch's routes are not. */
int cni_start(void **state);

__u32 cni_index(const char *interface);
void cni_mac(const char *interface, __u8 mac[6]);
void cni_shell(const char *commands);
void cni_enter(const char *interface, enum bg_role role, __u32 vlan);
void cni_enter_shared(const char *interface, enum bg_role role, __u32 vlan, bool shared);
void cni_set_pod(const char *address, __u32 ifindex);
void cni_set_route(bool known);
void cni_arm(__u32 vlan, __u32 ifindex);

/* What the pod sends. */
struct cni_way cni_at_veth(void);
/* The reason, NONE = no verdict; and whether the program let it go on. */
enum bg_reason cni_ask(const struct cni_way *way, const struct pkt *pkt, bool *passes);
/* What is dropped must be counted once, as leaving. */
void cni_expect(const char *says, const struct cni_way *way, const struct pkt *pkt,
		enum bg_reason reason);

#endif
