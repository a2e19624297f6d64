#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Ways around the verdict, one frame each, with what is legitimate beside it.

  stories.py LAB STORY...

Each row is a frame, from where, and where exactly it must arrive. Prints lines
"ok|not ok TAB NAME TAB what came instead".
"""
import os
import select
import socket
import sys
import time

sys.dont_write_bytecode = True

import wire
from places import Lab, enter
from stage import Stage, echo, error, icmp, tcp, udp
from vocabulary import STRANGER
from wire import ACK, FIN, RST, SYN, TCP, Bad

NOWHERE = ""
CART, CART6 = "10.0.47.82", "2001:db8:0:32::82"
TWIN, TWIN6 = "10.0.47.86", "2001:db8:0:32::86" # of cart, on its branch
WEB, WEB6 = "10.0.47.83", "2001:db8:0:32::83"
STD, STD6 = "10.0.47.84", "2001:db8:0:32::84"
LOST, LOST6 = "10.0.47.87", "2001:db8:0:32::87" # standard, in no feed
DB, DB6 = "10.0.3.30", "2001:db8:0:3::30"
CLIENT, CLIENT6 = "10.0.2.20", "2001:db8:0:2::20"
OUTSIDE, OUTSIDE6 = "203.0.113.10", "2001:db8:f000::10"
NODE, NODE6 = "10.0.1.10", "2001:db8:0:1::10"
DNS, DNS6 = "169.254.169.253", "fd00:ec2::253"
SERVICE, SERVICE6 = "172.20.0.7", "2001:db8:0:ffff::7"
BOTH = [(False, CART, TWIN, WEB, DB, CLIENT, NODE), (True, CART6, TWIN6, WEB6, DB6, CLIENT6, NODE6)]
# An option of discovery that the mark fills up.
NONCE = b"\x0e\2" + b"\0" * 6
# How long a probe may take to come out of the node's own socket.
COMES_S = 20


# --- the stories ------------------------------------------------------------------------


def a1(stage):
    """A checksum that is filled in behind the verdict."""
    for six, cart, _, _, db, client, _ in BOTH:
        l4 = 14 + (40 if six else 20)
        # a newer kernel wants it to begin behind so many bytes, which are not yet those of the
        # packet's header: there is the Ethernet header before them
        early, to_at = (40, 52) if six else (20, 32)
        out, into = udp(cart, db, 9, 5432, b"x" * 32), udp(client, cart, 9, 8080, b"x" * 32)
        kinds = [("port", l4, 2), ("source port", l4, 0), ("length", l4, 4),
                 ("destination", early, to_at - early)]
        if not six:
            kinds += [("source", early, 28 - early), ("hop limit and protocol", early, 22 - early)]
        for kind, start, offset in kinds:
            virtio = wire.virtio(start, offset)
            stage.row("A1: over the UDP %s, out" % kind, "cart", out, NOWHERE, virtio=virtio)
            stage.row("A1: over the UDP %s, in" % kind, "vlan9", into, NOWHERE, virtio=virtio)
        for kind, offset in (("port", 2), ("sequence number", 4), ("flags", 12)):
            stage.row("A1: over the TCP %s, out" % kind, "cart", tcp(cart, db, 9, 5432, SYN), NOWHERE,
                      virtio=wire.virtio(l4, offset))
        stage.row("A1 control: UDP's own checksum, out", "cart", out, "vlan9",
                  virtio=wire.virtio(l4, 6))
        stage.row("A1 control: TCP's own checksum, out", "cart",
                  tcp(cart, db, 9, 5432, SYN), "vlan9", virtio=wire.virtio(l4, 16))
        stage.row("A1 control: UDP's own checksum, in", "vlan9", into, "cart",
                  virtio=wire.virtio(l4, 6))
        # a pod's own tunnel: the checksum of the inner packet
        stage.row("A1 control: of what is inside a tunnel, out", "cart", out, "vlan9",
                  virtio=wire.virtio(l4 + 16, 6))


def a2(stage):
    """The branch's interface is another one than that which was armed."""
    for six, cart, _, _, db, client, _ in BOTH:
        stage.row("A2: out by an interface that came in between", "cart",
                  udp(cart, client, 9, 9999), NOWHERE)
        stage.row("A2: in by it", "vlan9", udp(db, cart, 9, 9999), NOWHERE)


def shut(stage, state):
    """The way out is not there; a host has its route by another interface, eth2."""
    for six, cart, _, _, db, client, node in BOTH:
        away = OUTSIDE6 if six else OUTSIDE
        stage.row("A3: by the primary interface, %s" % state, "cart", udp(cart, away, 9, 9999), NOWHERE)
        stage.row("A3: by another interface, %s" % state, "cart", udp(cart, client, 9, 9999), NOWHERE)
        stage.row("A3: what a rule admits for the branch, %s" % state, "cart",
                  udp(cart, db, 9, 5432), NOWHERE)
        stage.row("A3: a new connection, %s" % state, "cart", tcp(cart, db, 41000, 5432, SYN), NOWHERE)
        stage.row("A3: to a standard pod's veth, %s" % state, "cart",
                  udp(cart, STD6 if six else STD, 9, 9999), NOWHERE)
        stage.row("A3: into the node, %s" % state, "cart", udp(cart, node, 9, 9999), NOWHERE)
        stage.row("A3: a fragment, %s" % state, "cart",
                  udp(cart, away, 9, 9999, extensions=[wire.ipv6_fragment(0, True, 7)]) if six else
                  udp(cart, away, 9, 9999, more=True, ident=7), NOWHERE)


def a3_down(stage):
    shut(stage, "branch down")


def a3_gone(stage):
    shut(stage, "branch gone")


def a3_routes(stage):
    shut(stage, "no route")


def open_again(stage):
    for six, cart, _, _, db, client, _ in BOTH:
        stage.row("A3 control: out by the branch", "cart", udp(cart, db, 9, 5432), "vlan9")
        stage.row("A3 control: in by it", "vlan9", udp(client, cart, 9, 8080), "cart")


def a4(stage):
    """DHCP's ports, to anybody and from anybody."""
    for six, cart, _, web, db, client, node in BOTH:
        asks, answers = ((546, 547), (547, 546)) if six else ((68, 67), (67, 68))
        other = "2001:db8:1::1" if six else "198.51.100.9"
        for kind, ports in (("question", asks), ("answer", answers)):
            stage.row("A4: a %s to a host" % kind, "cart", udp(cart, client, *ports), NOWHERE)
            stage.row("A4: a %s as the neighbour" % kind, "cart", udp(web, client, *ports), NOWHERE)
            stage.row("A4: a %s as a stranger" % kind, "cart", udp(other, client, *ports), NOWHERE)
            stage.row("A4: a %s in a fragment" % kind, "cart",
                      udp(cart, client, *ports, more=True, ident=7) if not six else
                      udp(cart, client, *ports, extensions=[wire.ipv6_fragment(0, True, 7)]), NOWHERE)
            stage.row("A4: a %s from a host" % kind, "vlan9", udp(db, cart, *ports), NOWHERE)
            stage.row("A4: a %s to another's address" % kind, "vlan9", udp(db, web, *ports), NOWHERE)
            stage.row("A4: a %s, standard pod, outside" % kind, "std",
                      udp(STD6 if six else STD, OUTSIDE6 if six else OUTSIDE, *ports), NOWHERE)
        stage.row("A4 control: another port, out", "cart", udp(cart, db, 68, 5432), "vlan9")
        stage.row("A4 control: another port, in", "vlan9", udp(client, cart, 67, 8080), "cart")


def a5(stage):
    """ICMP errors to whom they are not about."""
    for six, cart, _, web, db, client, node in BOTH:
        dns = DNS6 if six else DNS
        question = udp(cart, dns, 5555, 53)
        stage.row("A5 control: a question to the resolver", "cart", question, "vlan9")
        stage.row("A5 control: its answer", "vlan9", udp(dns, cart, 53, 5555), "cart")
        answer = udp(dns, cart, 53, 5555)
        for who, to in (("a host", client), ("the node", node), ("a pod", web)):
            stage.row("A5: about the answer, to %s" % who, "cart", error(cart, to, answer), NOWHERE)
            stage.row("A5: about the question, to %s" % who, "cart", error(cart, to, question), NOWHERE)
        stage.row("A5: as another", "cart", error(web, dns, answer), NOWHERE)
        stage.row("A5 control: about the answer, to who sent it", "cart",
                  error(cart, dns, answer), "vlan9")
        stage.row("A5 control: a router's about the question", "vlan9",
                  error(client, cart, question), "cart")
        stage.row("A5: about a flow that is not there, in", "vlan9",
                  error(client, cart, udp(cart, client, 5555, 53)), NOWHERE)
        stage.row("A5: about the neighbour's flow, in", "vlan9",
                  error(client, cart, udp(web, dns, 5555, 53)), NOWHERE)
    # it would be about a flow that nobody has opened
    for port, kind, mac in ((5555, "a group's", b"\x33\x33\0\0\0\1"), (5556, "another", STRANGER)):
        lost = udp(STD, OUTSIDE, port, 5432)
        stage.row("A5: for %s MAC, standard pod" % kind, "std", lost, NOWHERE, mac=mac)
        stage.row("A5: about what was for %s MAC" % kind, "vlan11", error(CLIENT, STD, lost), NOWHERE)


def a6(stage):
    """A pod without rules fills the flow table with questions to the resolver."""
    for number in range(1500):
        stage.doors.plain["web"].send(wire.ethernet(
            stage.lab.macs["web"], STRANGER, wire.ETH_IPV4,
            udp(WEB, DNS, 1024 + number, 53)(b"")))
        stage.doors.plain["vlan10"].send(wire.ethernet(
            stage.lab.macs["vlan10"], STRANGER, wire.ETH_IPV4,
            udp(DNS, WEB, 53, 1024 + number)(b"")))
        stage.look()
    for number in range(100):
        stage.row("A6: another branch's connections", "cart",
                  tcp(CART, DB, 20000 + number, 5432, SYN), "vlan9")


def a7(stage):
    """The node by link-local, multicast and broadcast."""
    stage.row("A7: UDP to all nodes", "cart", udp(CART6, "ff02::1", 9, 5432), NOWHERE)
    stage.row("A7: UDP to all nodes, by its MAC", "cart", udp(CART6, "ff02::1", 9, 5432), NOWHERE,
              mac=b"\x33\x33\0\0\0\1")
    stage.row("A7: UDP from link-local", "cart", udp("fe80::2", "ff02::1", 9, 5432), NOWHERE)
    stage.row("A7: a SYN to the veth's link-local", "cart",
              tcp(CART6, stage.link_local, 9, 5432, SYN), NOWHERE)
    stage.row("A7: a SYN from link-local", "cart",
              tcp("fe80::2", stage.link_local, 9, 5432, SYN), NOWHERE)
    stage.row("A7: an echo to the veth's link-local", "cart", echo(CART6, stage.link_local), NOWHERE)
    stage.row("A7: in a fragment", "cart", udp(CART6, "ff02::1", 9, 5432, extensions=[
        wire.ipv6_fragment(0, True, 7)]), NOWHERE)
    stage.row("A7: UDP to a group", "cart", udp(CART, "224.0.0.1", 9, 5432), NOWHERE)
    stage.row("A7: an echo to a group", "cart", echo(CART, "224.0.0.1"), NOWHERE)
    stage.row("A7: UDP to everybody", "cart", udp(CART, "255.255.255.255", 9, 5432), NOWHERE)
    stage.row("A7: UDP to everybody, by his MAC", "cart", udp(CART, "255.255.255.255", 9, 5432),
              NOWHERE, mac=b"\xff" * 6)
    stage.row("A7 control: a solicitation", "cart",
              icmp(CART6, "ff02::1", 135, 0, 0, wire.address("fe80::1") + NONCE, hops=255), "node",
              mac=b"\x33\x33\0\0\0\1")


def a8(stage):
    """A standard pod leaves by the primary interface with another's source."""
    for kind, source in (("the strict neighbour", CART), ("a standard neighbour", LOST), ("nobody", "198.51.100.9"),
                         ("the node", NODE)):
        stage.row("A8: as %s" % kind, "std", udp(source, OUTSIDE, 9, 5432), NOWHERE)
        stage.row("A8: as %s, in the VPC" % kind, "std", udp(source, DB, 9, 5432), NOWHERE)
    for kind, source in (("the strict neighbour", CART6), ("nobody", "2001:db8:1::1"), ("the node", NODE6)):
        stage.row("A8: as %s" % kind, "std", udp(source, OUTSIDE6, 9, 5432), NOWHERE)
        stage.row("A8: as %s, in the VPC" % kind, "std", udp(source, DB6, 9, 5432), NOWHERE)
    for source, node in ((CART, NODE), (CART6, NODE6)):
        stage.row("A8: as the strict neighbour, to the node, for all MACs", "std",
                  echo(source, node), NOWHERE, mac=b"\xff" * 6)
    # the CNI's rule sends it to the branch, whoever it comes from
    stage.row("A8: from the primary interface with its source", "eth0", udp(STD, DB, 9, 5432), NOWHERE)
    stage.row("A8: from the primary interface with its source", "eth0",
              udp(STD6, DB6, 9, 5432), NOWHERE)
    # what netfilter takes for an answer to it is the pod's
    stage.row("A8: from the primary interface with its source, outside", "eth0",
              udp(STD, OUTSIDE, 7778, 5432), NOWHERE)
    stage.row("A8: an answer to that", "eth0", udp(OUTSIDE, NODE, 5432, 7778), NOWHERE, may=("node",))
    stage.row("A8 control: as itself", "std", udp(STD, OUTSIDE, 9, 5432), "eth0")
    stage.row("A8 control: as itself in the VPC", "std", udp(STD, DB, 9, 5432), "vlan11")
    stage.row("A8 control: as itself", "std", udp(STD6, OUTSIDE6, 9, 5432), "vlan11")
    stage.row("A8: what no rule admits", "std", udp(STD, OUTSIDE, 9, 5433), NOWHERE)


def a9(stage):
    """A standard pod that only the CNI's rule names."""
    stage.row("A9: outside the VPC", "lost", udp(LOST, OUTSIDE, 9, 5432), NOWHERE)
    stage.row("A9: in the VPC", "lost", udp(LOST, DB, 9, 5432), NOWHERE)
    stage.row("A9: outside the VPC6", "lost", udp(LOST6, OUTSIDE6, 9, 5432), NOWHERE)
    stage.row("A9 control: one that the feed names", "std", udp(STD, OUTSIDE, 9, 5432), "eth0")


def a10(stage):
    """Pods of one branch."""
    for six, cart, twin, web, db, client, node in BOTH:
        service = SERVICE6 if six else SERVICE
        stage.row("A10: what no rule of the sibling admits", "cart",
                  udp(cart, twin, 9, 7001), NOWHERE)
        stage.row("A10: what no rule of its own admits", "cart", udp(cart, twin, 9, 7002), NOWHERE)
        stage.row("A10: through a service", "cart", udp(cart, service, 9, 7001), NOWHERE)
        stage.row("A10: through a service, what no rule of its own admits", "cart",
                  udp(cart, service, 9, 7002), NOWHERE)
        stage.row("A10: an answer to nothing", "twin", udp(twin, cart, 7001, 9), NOWHERE)
        stage.row("A10: a sibling's source", "cart", udp(twin, db, 9, 5432), NOWHERE)
        stage.row("A10: a sibling's source, to the sibling", "cart", udp(twin, twin, 9, 7000), NOWHERE)
        # a service's address becomes another, and back
        for way, to, port, changed in (("straight", twin, 10, ""),
                                       ("through a service", service, 11, " (changed)")):
            stage.row("A10 control: what both admit, %s" % way, "cart",
                      udp(cart, to, port, 7000), "twin" + changed)
            stage.row("A10 control: the answer, %s" % way, "twin",
                      udp(twin, cart, 7000, port), "cart" + changed)
        stage.row("A10 control: the sibling itself", "twin", udp(twin, db, 9, 5432), "vlan9")


def a11(stage):
    """Somebody's program on the veth drops all of it."""
    for six, cart, _, _, db, client, node in BOTH:
        stage.row("A11: out, past a filter on the veth", "cart", udp(cart, db, 9, 5432), NOWHERE)
        stage.row("A11 control: from another pod", "twin",
                  udp(TWIN6 if six else TWIN, db, 9, 5432), "vlan9")


def a12(stage):
    """Tags."""
    for six, cart, _, web, db, client, _ in BOTH:
        for kind, tags in (("802.1Q 10", [(wire.ETH_VLAN, 10)]), ("802.1Q 9", [(wire.ETH_VLAN, 9)]),
                           ("802.1ad", [(wire.ETH_QINQ, 10)]),
                           ("priority, then 10", [(wire.ETH_VLAN, 0), (wire.ETH_VLAN, 10)]),
                           ("three", [(wire.ETH_VLAN, 0), (wire.ETH_VLAN, 0), (wire.ETH_VLAN, 10)])):
            stage.row("A12: %s, out" % kind, "cart", udp(cart, db, 9, 5432), NOWHERE, tags=tags)
            stage.row("A12: %s, in" % kind, "vlan9", udp(client, cart, 9, 8080), NOWHERE, tags=tags)
        stage.row("A12: a priority tag before what no rule admits, out", "cart",
                  udp(cart, db, 9, 9999), NOWHERE, tags=[(wire.ETH_VLAN, 0xE000)])
        stage.row("A12: a priority tag before what no rule admits, in", "vlan9",
                  udp(client, cart, 9, 9999), NOWHERE, tags=[(wire.ETH_VLAN, 0xE000)])
        stage.row("A12 control: no tag, out", "cart", udp(cart, db, 9, 5432), "vlan9")
        stage.row("A12 control: no tag, in", "vlan9", udp(client, cart, 9, 8080), "cart")
        if "trunk" in stage.doors.plain:
            mac = stage.lab.macs["vlan9"]
            for kind, tags in (("9 twice", [9, 9]), ("10, then 9", [10, 9]), ("9, then 10", [9, 10])):
                stage.row("A12: on the trunk %s" % kind, "trunk", udp(client, cart, 9, 8080), NOWHERE,
                          mac=mac, tags=[(wire.ETH_VLAN, tag) for tag in tags])
            # nobody has armed VLAN 14, whose interface is there
            stage.row("A12: on the trunk a priority tag before a VLAN that is not armed", "trunk",
                      udp(client, LOST6 if six else LOST, 9, 8080), NOWHERE, mac=stage.lab.macs["vlan14"],
                      tags=[(wire.ETH_VLAN, 0), (wire.ETH_VLAN, 14)])
            stage.row("A12 control: on the trunk 9", "trunk", udp(client, cart, 9, 8080), "cart",
                      mac=mac, tags=[(wire.ETH_VLAN, 9)])


def a13(stage):
    """ND and MLD that carry data."""
    target, block = wire.address(CART6), b"\1\1" + b"\0" * 6
    for type_ in (133, 134, 135, 136, 137, 130, 131, 132, 143):
        hops = 1 if type_ in (130, 131, 132, 143) else 255
        stage.row("A13: type %d from global to global, out" % type_, "cart",
                  icmp(CART6, DB6, type_, 0, 0, target + block, hops=hops), NOWHERE)
        stage.row("A13: type %d with a code, in" % type_, "vlan9",
                  icmp("fe80::9", "ff02::1", type_, 77, 0, target + block, hops=hops), NOWHERE)
        stage.row("A13: type %d with a kilobyte, out" % type_, "cart",
                  icmp(CART6, "ff02::1", type_, 0, 0, target + b"x" * 1200, hops=hops), NOWHERE)
        stage.row("A13: type %d to another's address, in" % type_, "vlan9",
                  icmp(DB6, WEB6, type_, 0, 0, target + block, hops=hops), NOWHERE)
        stage.row("A13: type %d to the pod with a hop spent, in" % type_, "vlan9",
                  icmp(DB6, CART6, type_, 0, 0, target + block, hops=64), NOWHERE)
    stage.row("A13: an advertisement of a router from a global source, in", "vlan9",
              icmp(DB6, "ff02::1", 134, 0, 0, b"\0" * 8, hops=255), NOWHERE)
    stage.row("A13: a redirect from a global source, in", "vlan9",
              icmp(DB6, "ff02::1", 137, 0, 0, target * 2, hops=255), NOWHERE)
    for type_ in (135, 136):
        stage.row("A13: type %d from another's address, out" % type_, "cart",
                  icmp(DB6, "ff02::1", type_, 0, 0, target + NONCE, hops=255), NOWHERE,
                  mac=b"\x33\x33\0\0\0\1")
    # (what is for a group of the link, the CNI's rules let arrive nowhere)
    stage.row("A13 control: a solicitation for the pod's address, in", "vlan9",
              icmp(DB6, CART6, 135, 0, 0, target + NONCE, hops=255), "cart")
    stage.row("A13 control: an advertisement, out", "cart",
              icmp(CART6, "ff02::1", 136, 0, 0, target + NONCE, hops=255), "node", mac=b"\x33\x33\0\0\0\1")


def a14(stage):
    """Source routes."""
    hop4, hop6 = wire.address(CLIENT), wire.address(CLIENT6)
    for kind, number in (("loose", 131), ("strict", 137)):
        option = bytes([number, 7, 4]) + hop4 + b"\0"
        stage.row("A14: %s, out" % kind, "cart", udp(CART, DB, 9, 5432, options=option), NOWHERE)
        stage.row("A14: %s, in" % kind, "vlan9", udp(CLIENT, CART, 9, 8080, options=option), NOWHERE)
        stage.row("A14: %s behind others, out" % kind, "cart",
                  udp(CART, DB, 9, 5432, options=b"\1\1\1\1\1" + option[:7]), NOWHERE)
        stage.row("A14: %s at its end, out" % kind, "cart",
                  udp(CART, DB, 9, 5432, options=bytes([number, 7, 8]) + hop4 + b"\0"), NOWHERE)
    for kind, type_ in (("type 0", 0), ("type 2", 2), ("type 4", 4)):
        header = [(43, bytes([2, type_, 1, 0, 0, 0, 0]) + hop6)]
        stage.row("A14: routing header, %s, out" % kind, "cart",
                  udp(CART6, DB6, 9, 5432, extensions=header), NOWHERE)
        stage.row("A14: routing header, %s, in" % kind, "vlan9",
                  udp(CLIENT6, CART6, 9, 8080, extensions=header), NOWHERE)
    stage.row("A14 control: other options, out", "cart",
              udp(CART, DB, 9, 5432, options=b"\1\1\1\0"), "vlan9")
    stage.row("A14 control: other options, in", "vlan9",
              udp(CLIENT, CART, 9, 8080, options=b"\1\1\1\0"), "cart")
    stage.row("A14 control: a destination header", "cart",
              udp(CART6, DB6, 9, 5432, extensions=[(60, b"\0\1\4\0\0\0\0")]), "vlan9")


def a15(stage):
    """Frames for another MAC."""
    for six, cart, _, web, db, client, _ in BOTH:
        for kind, mac in (("another MAC", b"\2\x66\0\0\0\1"), ("everybody's", b"\xff" * 6),
                          ("a group's", b"\1\0\x5e\0\0\1")):
            stage.row("A15: to %s, in" % kind, "vlan9", udp(client, cart, 9, 8080), NOWHERE, mac=mac)
            stage.row("A15: to %s, out" % kind, "cart", udp(cart, db, 9, 5432), NOWHERE, mac=mac)
        stage.row("A15 control: to the right one, in", "vlan9", udp(client, cart, 9, 8080), "cart")
        stage.row("A15 control: to the right one, out", "cart", udp(cart, db, 9, 5432), "vlan9")


def a16(stage):
    """After a probe the pod opens a connection back."""
    for six, cart, _, _, db, _, node in BOTH:
        port = probe(stage, cart)
        if not port:
            print("not ok\tA16 control: a probe arrives\tit did not")
            continue
        print("ok\tA16 control: a probe arrives\t")
        stage.row("A16: a SYN to the prober's port", "cart",
                  tcp(cart, node, 8080, port, SYN, 77), NOWHERE)
        stage.row("A16: a SYN from another port", "cart", tcp(cart, node, 8081, port, SYN), NOWHERE)
        stage.row("A16: UDP to the prober's port", "cart", udp(cart, node, 8080, port), NOWHERE)
        stage.row("A16 control: the answer", "cart", tcp(cart, node, 8080, port, SYN | ACK), "node")


def probe(stage, cart):
    """As kubelet does, of a declared port. The prober's port, if it came to the pod."""
    enter(stage.lab.name + "-node")
    prober = socket.socket(socket.AF_INET6 if ":" in cart else socket.AF_INET, socket.SOCK_STREAM)
    prober.setblocking(False)
    stage.kept = getattr(stage, "kept", []) + [prober]
    try:
        prober.connect((cart, 8080))
    except BlockingIOError:
        pass
    port = prober.getsockname()[1]
    taps = [tap for place, tap in stage.doors.taps if place == "cart"]
    end = time.monotonic() + COMES_S
    while time.monotonic() < end:
        select.select(taps, [], [], 1)
        stage.look()
        for place, data in stage.other:
            try:
                packet = wire.read_frame(data)
            except Bad:
                continue
            if place == "cart" and packet.protocol == TCP and packet.source_port == port:
                return port
    return None


def a17(stage):
    """A SYN on the ports of a flow that is open."""
    for six, cart, _, _, db, client, _ in BOTH:
        stage.row("A17 control: a connection, out", "cart",
                  tcp(cart, db, 41001, 5432, SYN, 100), "vlan9")
        stage.row("A17 control: its answer", "vlan9",
                  tcp(db, cart, 5432, 41001, SYN | ACK, 200), "cart")
        stage.row("A17 control: its third", "cart", tcp(cart, db, 41001, 5432, ACK, 101), "vlan9")
        stage.row("A17: the other end opens, on it", "vlan9",
                  tcp(db, cart, 5432, 41001, SYN, 300), NOWHERE)
        stage.row("A17: the other end opens with FIN", "vlan9",
                  tcp(db, cart, 5432, 41001, SYN | FIN, 300), NOWHERE)
        stage.row("A17 control: a connection, in", "vlan9",
                  tcp(client, cart, 41002, 8080, SYN, 100), "cart")
        stage.row("A17 control: its answer, out", "cart",
                  tcp(cart, client, 8080, 41002, SYN | ACK, 200), "vlan9")
        stage.row("A17 control: its third, in", "vlan9",
                  tcp(client, cart, 41002, 8080, ACK, 101), "cart")
        stage.row("A17: the pod opens, on it", "cart",
                  tcp(cart, client, 8080, 41002, SYN, 300), NOWHERE)
        stage.row("A17: the pod opens before a RST", "cart",
                  tcp(cart, client, 8080, 41002, SYN | RST, 300), NOWHERE)
        stage.row("A17 control: it lives, both ways", "cart",
                  tcp(cart, client, 8080, 41002, ACK, 201), "vlan9")
        stage.row("A17 control: it lives", "vlan9", tcp(client, cart, 41002, 8080, ACK, 102), "cart")


def a17_later(stage):
    """The rules are gone, the flows of a17() live on."""
    for six, cart, _, _, db, client, _ in BOTH:
        stage.row("A17: a new SYN without its rule, out", "cart",
                  tcp(cart, db, 41001, 5432, SYN, 7000), NOWHERE)
        stage.row("A17: a new SYN without its rule, in", "vlan9",
                  tcp(client, cart, 41002, 8080, SYN, 7000), NOWHERE)
        stage.row("A17: its first SYN again without its rule, out", "cart",
                  tcp(cart, db, 41001, 5432, SYN, 100), NOWHERE)
        stage.row("A17 control: the old one lives on, out", "cart",
                  tcp(cart, db, 41001, 5432, ACK, 102), "vlan9")
        stage.row("A17 control: the old one lives on, in", "vlan9",
                  tcp(db, cart, 5432, 41001, ACK, 202), "cart")


def link_local(lab):
    """Of the host's end of cart's veth."""
    mac = lab.macs["cart"]
    return str(wire.text(b"\xfe\x80" + b"\0" * 6 + bytes([mac[0] ^ 2]) + mac[1:3] + b"\xff\xfe" + mac[3:]))


def main(name, *stories):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    stage = Stage(Lab(name))
    stage.link_local = link_local(stage.lab)
    for story in stories:
        globals()[story](stage)
    stage.results()


if __name__ == "__main__":
    main(*sys.argv[1:])
