/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A node in a network namespace of its own, with one daemon: interfaces as the CNI makes
 * them (veth pairs of the same names, since not every kernel has 8021q), a branch with VLAN
 * 9 and its pod shop/cart-0. For tests of verbs (test_verb_*.c), as root; their main()
 * begins with bg_apart_main().
 */
#ifndef LIVE_NODE_H
#define LIVE_NODE_H

#include <stdbool.h>
#include <sys/types.h>

#include "test.h"
#include "verb_run.h"
#include "verbs/cli.h"

#define NODE_POD "10.0.32.9"
#define NODE_POD6 "2001:db8:0:32::9"
#define NODE_CLIENT "10.0.2.20" /* who is let in */
#define NODE_CLIENT6 "2001:db8:0:2::20"
#define NODE_VETH "vlan18582a65b10" /* the host end of the pod's */
#define NODE_FAR "far9"		    /* the other end of the branch's interface */

/* The routes of the branch, which its interface takes along when it goes. */
#define NODE_ROUTES                                                                                \
	"route add default via 10.0.32.1 dev vlan.eth.9 onlink table 109\n"                        \
	"route add default via fe80::1 dev vlan.eth.9 onlink table 109\n"

/* The usual feed, as of feed_text.h: one TCP port is open to the client, in both families. */
/* clang-format off */
#define NODE_FEED(revision, port) NODE_FEED_WITH(revision, port, "'IpRanges': [{'CidrIp': '" NODE_CLIENT "/32'}]")
#define NODE_FEED_WITH(revision, port, peers) \
	"{'FeedVersion': 1, 'Revision': '" revision "'," NODE_FEED_REST(port, peers)
#define NODE_FEED_REST(port, peers) \
	" 'Node': {'PrimaryInterface': 'eth0', 'TrunkInterface': 'eth1', 'VpcCidrs': ['10.0.0.0/16']}," \
	" 'SecurityGroups': [{'GroupId': 'sg-cart', 'IpPermissions': [" \
	"   {'IpProtocol': 'tcp', 'FromPort': " port ", 'ToPort': " port ", " peers "," \
	"    'Ipv6Ranges': [{'CidrIpv6': '" NODE_CLIENT6 "/128'}]}]}]," \
	" 'Branches': [{'Id': 'eni-9', 'VlanId': 9, 'Interface': 'vlan.eth.9', 'Mode': 'strict'," \
	"   'GroupIds': ['sg-cart'], 'Pods': [{'Namespace': 'shop', 'Name': 'cart-0'," \
	"   'HostInterface': '" NODE_VETH "', 'Addresses': ['" NODE_POD "', '" NODE_POD6 "']}]}]}"
/* clang-format on */

/* Where things are; made by node_up(), gone after node_down(). */
extern char node_top[64], node_feed[96], node_pins[96], node_metrics[96];
#define PINNED "--pin-dir", node_pins

/* Fixtures of a group of tests; node_down() also ends a daemon, and unloads. */
int node_up(void **state);
int node_down(void **state);

int node_shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* In the place of the feed before, as a whole. */
void node_write_feed(const char *text);
/* A file, or the last of it; "" = none. Valid until the next call. */
const char *node_file(const char *path);

/* The daemon, in a process of its own; returns when it is ready. */
void node_begin(const char *const *more_options);
#define NODE_BEGIN(...) node_begin((const char *const[]){ "", ##__VA_ARGS__, NULL } + 1)
void node_signal(int number);
int node_end(int signal_number); /* its exit status, -1: the signal ended it */

/* Waits, with a generous end, until `is_so` says so; false: it never did. */
bool node_comes(bool (*is_so)(const char *what), const char *what);
/* What the daemon logs from here on, and what it must log. */
void node_log_from_here(void);
void node_wait_log(const char *what);
bool node_has_logged(const char *what); /* ever */
/* For people, without options. */
bool node_status_says(const char *what);
bool node_status_says_not(const char *what);
void node_wait_well(void);

/* The test fails, with all that was printed. */
void expect_run(const struct verb_run *run, int status, const char *out, const char *err);

#endif
