#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The judge alone, by tables: each row is a frame, from where, and where it may arrive.

Rows of one table are told in order to one judge, which remembers.
"""
import struct
import sys

sys.dont_write_bytecode = True

import wire
from judge import Node
from wire import ACK, FIN, GRE, ICMP, ICMPV6, RST, SCTP, SYN, TCP, UDP

CART, CART6 = "10.0.47.82", "2001:db8:0:32::82"
WEB, WEB6 = "10.0.47.83", "2001:db8:0:32::83"
DB, DB6 = "10.0.3.30", "2001:db8:0:3::30"
CLIENT, CLIENT6 = "10.0.2.20", "2001:db8:0:2::20"
NODE, NODE6 = "10.0.1.10", "2001:db8:0:1::10"
MACS = {name: bytes([2, 0, 0, 0, 0, i]) for i, name in
        enumerate(["cart", "web", "vlan9", "vlan10", "eth0"])}
STRANGER = b"\2\0\0\0\0\x77"
NONE = ""


def permission(protocol, low, high, *cidrs, groups=()):
    return {"IpProtocol": protocol, "FromPort": low, "ToPort": high,
            "IpRanges": [{"CidrIp": c} for c in cidrs if ":" not in c],
            "Ipv6Ranges": [{"CidrIpv6": c} for c in cidrs if ":" in c],
            "UserIdGroupPairs": [{"GroupId": g} for g in groups]}


FEED = {
    "Node": {"Addresses": [NODE, NODE6], "VpcCidrs": ["10.0.0.0/16"]},
    "SecurityGroups": [
        {"GroupId": "sg-cart",
         "IpPermissions": [permission("tcp", 8000, 8010, "10.0.2.0/24", "2001:db8:0:2::/64"),
                           permission("udp", 8000, 8000, "10.0.0.0/16"),
                           permission("icmp", 8, -1, "10.0.2.0/24"),
                           permission("tcp", 7000, 7000, groups=["sg-web"])],
         "IpPermissionsEgress": [permission("tcp", 5432, 5432, "10.0.3.0/24", "2001:db8:0:3::/64"),
                                 permission("udp", 5432, 5432, DB + "/32", "2001:db8:0:3::/64"),
                                 permission("icmp", 8, 0, "10.0.3.0/24"),
                                 permission("icmpv6", 128, -1, "2001:db8:0:3::/64"),
                                 permission("47", -1, -1, DB + "/32"),
                                 permission("tcp", 22, 22, NODE + "/32")]},
        {"GroupId": "sg-web", "IpPermissions": [],
         "IpPermissionsEgress": [permission("tcp", 7000, 7001, groups=["sg-cart"])]}],
    "Branches": [
        {"Id": "a", "VlanId": 9, "GroupIds": ["sg-cart"],
         "Pods": [{"Name": "cart-0", "Addresses": [CART, CART6]}]},
        {"Id": "b", "VlanId": 10, "GroupIds": ["sg-web"],
         "Pods": [{"Name": "web-0", "Addresses": [WEB, WEB6]}]}]}


def frame(origin, source, to, protocol, data, mac=None, tags=(), **how):
    source, to = wire.address(source), wire.address(to)
    if callable(data):
        data = data(source, to)
    return wire.ethernet(mac or MACS[origin], STRANGER, wire.ethertype_of(source),
                         wire.packet(source, to, protocol, data, **how), tags)


def tcp(source_port, port, flags=SYN):
    return lambda s, t: wire.tcp(s, t, source_port, port, flags, b"word")


def udp(source_port, port, payload=b"word"):
    return lambda s, t: wire.udp(s, t, source_port, port, payload)


def icmp(type_, code=0, rest=7 << 16, payload=b"word"):
    return lambda s, t: wire.icmp(s, t, type_, code, rest, payload)


def about(type_, code, source, to, protocol, data):
    source, to = wire.address(source), wire.address(to)
    return icmp(type_, code, 0, wire.packet(source, to, protocol, data(source, to)))


PAIR = (CART, DB, UDP)
TABLES = {
    "rules, egress": [
        ("a port that a rule names", "cart", (CART, DB, TCP, tcp(1, 5432)), "vlan9"),
        ("another port", "cart", (CART, DB, TCP, tcp(1, 5433)), NONE),
        ("another protocol", "cart", (CART, DB, SCTP, b"\0\1\x15\x38" + b"\0" * 8), NONE),
        ("another host", "cart", (CART, CLIENT, TCP, tcp(1, 5432)), NONE),
        ("the other family", "cart", (CART6, DB6, TCP, tcp(1, 5432)), "vlan9"),
        ("its other port", "cart", (CART6, DB6, TCP, tcp(1, 5433)), NONE),
        ("a protocol by its number", "cart", (CART, DB, GRE, b"\0" * 8), "vlan9"),
        ("the same to another", "cart", (CART, CLIENT, GRE, b"\0" * 8), NONE),
        ("a ping", "cart", (CART, DB, ICMP, icmp(8)), "vlan9"),
        ("another code", "cart", (CART, DB, ICMP, icmp(8, 1, 9 << 16)), NONE),
        ("a ping by IPv6", "cart", (CART6, DB6, ICMPV6, icmp(128)), "vlan9"),
        ("ICMP in IPv6", "cart", (CART6, DB6, ICMP, icmp(8)), NONE),
        ("the pod's own node", "cart", (CART, NODE, TCP, tcp(1, 22)), "vlan9 node"),
        ("another port of the node", "cart", (CART, NODE, TCP, tcp(1, 23)), NONE),
        ("a neighbour whose groups admit nothing", "cart", (CART, WEB, TCP, tcp(1, 5432)), NONE),
        ("a neighbour with both groups", "web", (WEB, CART, TCP, tcp(1, 7000)), "vlan10 cart"),
        ("with the groups of one", "web", (WEB, CART, TCP, tcp(1, 7001)), "vlan10")],
    "rules, ingress": [
        ("a port that a rule names", "vlan9", (CLIENT, CART, TCP, tcp(1, 8010)), "cart"),
        ("the port behind", "vlan9", (CLIENT, CART, TCP, tcp(1, 8011)), NONE),
        ("on another branch", "vlan10", (CLIENT, CART, TCP, tcp(1, 8010)), NONE),
        ("at the primary interface", "eth0", (CLIENT, CART, TCP, tcp(1, 8010)), NONE),
        ("from another host", "vlan9", (DB, CART, TCP, tcp(1, 8010)), NONE),
        ("to the node", "vlan9", (CLIENT, NODE, TCP, tcp(1, 8010)), NONE),
        ("for another MAC", "vlan9", (CLIENT, CART, TCP, tcp(1, 8010), STRANGER), NONE)],
    "flows": [
        ("an answer that nobody asked for", "vlan9", (DB, CART, UDP, udp(5432, 9)), NONE),
        ("a question", "cart", (CART, DB, UDP, udp(9, 5432)), "vlan9"),
        ("its answer", "vlan9", (DB, CART, UDP, udp(5432, 9)), "cart"),
        ("to another port", "vlan9", (DB, CART, UDP, udp(5432, 10)), NONE),
        ("from another host", "vlan9", (CLIENT, CART, UDP, udp(5432, 9)), NONE),
        ("a SYN", "cart", (CART, DB, TCP, tcp(9, 5432)), "vlan9"),
        ("its answer", "vlan9", (DB, CART, TCP, tcp(5432, 9, SYN | ACK)), "cart"),
        ("a new SYN the other way", "vlan9", (DB, CART, TCP, tcp(5432, 9, SYN)), NONE),
        ("an end", "vlan9", (DB, CART, TCP, tcp(5432, 9, FIN | ACK)), "cart"),
        ("the middle of a connection, as a rule admits", "cart",
         (CART, DB, TCP, tcp(11, 5432, ACK)), "vlan9"),
        ("and the wrong way", "vlan9", (DB, CART, TCP, tcp(5432, 12, RST)), NONE),
        ("an echo's answer without a question", "vlan9", (DB, CART, ICMP, icmp(0)), NONE),
        ("the question", "cart", (CART, DB, ICMP, icmp(8)), "vlan9"),
        ("the answer", "vlan9", (DB, CART, ICMP, icmp(0)), "cart"),
        ("of another id", "vlan9", (DB, CART, ICMP, icmp(0, 0, 8 << 16)), NONE),
        ("a question back is another flow", "vlan9", (DB, CART, ICMP, icmp(8)), NONE),
        ("and an answer to it", "cart", (CART, DB, ICMP, icmp(0)), NONE),
        ("another branch has no share in it", "vlan10", (DB, WEB, UDP, udp(5432, 9)), NONE)],
    "errors": [
        ("about nothing", "vlan9",
         (DB, CART, ICMP, about(3, 3, CART, DB, UDP, udp(9, 5432))), NONE),
        ("a question", "cart", (CART, DB, UDP, udp(9, 5432)), "vlan9"),
        ("about it", "vlan9", (DB, CART, ICMP, about(3, 3, CART, DB, UDP, udp(9, 5432))), "cart"),
        ("about it, by a router", "vlan9",
         ("192.0.2.1", CART, ICMP, about(3, 4, CART, DB, UDP, udp(9, 5432))), "cart"),
        ("about its other direction", "vlan9",
         (DB, CART, ICMP, about(3, 3, DB, CART, UDP, udp(5432, 9))), NONE),
        ("about other ports", "vlan9",
         (DB, CART, ICMP, about(3, 3, CART, DB, UDP, udp(10, 5432))), NONE),
        ("of a type that is none", "vlan9",
         (DB, CART, ICMP, about(5, 1, CART, DB, UDP, udp(9, 5432))), NONE),
        ("the pod about an answer", "cart",
         (CART, DB, ICMP, about(3, 3, DB, CART, UDP, udp(5432, 9))), "vlan9"),
        ("the pod to anybody", "cart",
         (CART, CLIENT, ICMP, about(3, 3, DB, CART, UDP, udp(5432, 9))), NONE),
        ("the pod about its own question", "cart",
         (CART, DB, ICMP, about(3, 3, CART, DB, UDP, udp(9, 5432))), NONE),
        ("a question by IPv6", "cart", (CART6, DB6, UDP, udp(9, 5432)), "vlan9"),
        ("too big", "vlan9",
         (CLIENT6, CART6, ICMPV6, about(2, 0, CART6, DB6, UDP, udp(9, 5432))), "cart"),
        ("the pod by IPv6 to anybody", "cart",
         (CART6, CLIENT6, ICMPV6, about(1, 4, DB6, CART6, UDP, udp(5432, 9))), NONE)],
    "platform": [
        ("the resolver", "cart", (CART, "10.0.0.2", UDP, udp(9, 53)), "vlan9"),
        ("its answer", "vlan9", ("10.0.0.2", CART, UDP, udp(53, 9)), "cart"),
        ("its answer to nobody", "vlan9", ("10.0.0.2", CART, UDP, udp(53, 8)), NONE),
        ("another port of it", "cart", (CART, "10.0.0.2", UDP, udp(9, 54)), NONE),
        ("another resolver", "cart", (CART, "8.8.8.8", UDP, udp(9, 53)), NONE),
        ("metadata", "cart", (CART, "169.254.169.254", TCP, tcp(9, 80)), "vlan9"),
        ("metadata by UDP", "cart", (CART, "169.254.169.254", UDP, udp(9, 80)), NONE),
        ("metadata that asks", "vlan9", ("169.254.169.254", CART, TCP, tcp(80, 77)), NONE),
        ("time by IPv6", "cart", (CART6, "fd00:ec2::123", UDP, udp(9, 123)), "vlan9")],
    "whose address": [
        ("another pod's", "cart", (WEB, DB, TCP, tcp(1, 5432)), NONE),
        ("the node's", "cart", (NODE, DB, TCP, tcp(1, 5432)), NONE),
        ("nobody's", "cart", ("198.51.100.9", DB, TCP, tcp(1, 5432)), NONE),
        ("none, by IPv6", "cart", ("::", DB6, TCP, tcp(1, 5432)), NONE),
        ("to a MAC beside", "cart", (CART, DB, TCP, tcp(1, 5432), STRANGER), NONE),
        ("multicast, whatever the rules", "cart", (CART6, "ff02::1", TCP, tcp(1, 5432)), NONE),
        ("on the link", "cart", (CART6, "fe80::1", TCP, tcp(1, 5432)), NONE),
        ("broadcast", "cart", (CART, "255.255.255.255", UDP, udp(68, 67)), NONE),
        ("DHCP of a pod to a host", "cart", (CART, CLIENT, UDP, udp(68, 67)), NONE),
        ("DHCP from a stranger to a pod", "vlan9", (CLIENT, CART, UDP, udp(67, 68)), NONE),
        ("DHCP from the link to the host", "vlan9",
         ("10.0.32.1", "255.255.255.255", UDP, udp(67, 68)), "node")],
    "discovery": [
        ("a solicitation", "vlan9", ("fe80::9", "ff02::1:ff00:82", ICMPV6,
                                    icmp(135, 0, 0, b"\0" * 16), None, (), {"hops": 255}), "node"),
        ("from behind a router", "vlan9", ("fe80::9", "ff02::1:ff00:82", ICMPV6,
                                          icmp(135, 0, 0, b"\0" * 16), None, (), {"hops": 64}),
         NONE),
        ("code 77", "vlan9", ("fe80::9", "ff02::1", ICMPV6,
                              icmp(135, 77, 0, b"\0" * 16), None, (), {"hops": 255}), NONE),
        ("a router with a global address", "vlan9", (
            CLIENT6, "ff02::1", ICMPV6, icmp(134, 0, 0, b"\0" * 8), None, (), {"hops": 255}), NONE),
        ("a pod as a router", "cart", (
            "fe80::5", "ff02::1", ICMPV6, icmp(134, 0, 0, b"\0" * 8), None, (), {"hops": 255}),
         NONE),
        ("a pod's advertisement", "cart", (
            CART6, "fe80::1", ICMPV6, icmp(136, 0, 0, b"\0" * 16), None, (), {"hops": 255}),
         "node"),
        ("with another's source", "cart", (
            WEB6, "fe80::1", ICMPV6, icmp(136, 0, 0, b"\0" * 16), None, (), {"hops": 255}), NONE)],
    "fragments": [
        ("a later one of nothing", "cart", PAIR + (b"x" * 16, None, (),
                                                   {"ident": 5, "fragment_at": 32}), NONE),
        ("a first one", "cart", PAIR + (udp(9, 5432, b"x" * 24), None, (),
                                        {"ident": 5, "more": True}), "vlan9"),
        ("its later one", "cart", PAIR + (b"x" * 16, None, (),
                                          {"ident": 5, "fragment_at": 32}), "vlan9"),
        ("of another packet", "cart", PAIR + (b"x" * 16, None, (),
                                              {"ident": 6, "fragment_at": 32}), NONE),
        ("a first one that is denied", "cart", PAIR + (udp(9, 5433, b"x" * 24), None, (),
                                                       {"ident": 7, "more": True}), NONE),
        ("and its later one", "cart", PAIR + (b"x" * 16, None, (),
                                              {"ident": 7, "fragment_at": 32}), NONE),
        ("too short for its ports", "cart", PAIR + (b"\0\x09\x15\x38", None, (),
                                                    {"ident": 8, "more": True}), NONE),
        ("by IPv6, first", "cart", (CART6, DB6, UDP, udp(9, 5432, b"x" * 24), None, (), {
            "extensions": [wire.ipv6_fragment(0, 1, 5)]}), "vlan9"),
        ("by IPv6, later", "cart", (CART6, DB6, UDP, b"x" * 16, None, (), {
            "extensions": [wire.ipv6_fragment(32, 0, 5)]}), "vlan9"),
        ("by IPv6, later, of nothing", "cart", (CART6, DB6, UDP, b"x" * 16, None, (), {
            "extensions": [wire.ipv6_fragment(32, 0, 6)]}), NONE)],
    "headers": [
        ("a tag of its own", "cart", PAIR + (udp(9, 5432), None, [(0x8100, 10)]), NONE),
        ("a priority tag", "cart", PAIR + (udp(9, 5432), None, [(0x8100, 0xE000)]), "vlan9"),
        ("a priority tag in front of a tag", "cart",
         PAIR + (udp(9, 5432), None, [(0x8100, 0), (0x8100, 10)]), NONE),
        ("a priority tag, denied inside", "cart",
         PAIR + (udp(9, 5433), None, [(0x8100, 0)]), NONE),
        ("a harmless option", "cart", PAIR + (udp(9, 5432), None, (), {"options": b"\1\1\1\0"}),
         "vlan9"),
        ("a loose source route", "cart",
         PAIR + (udp(9, 5432), None, (), {"options": b"\x83\7\4\x0a\0\1\1\0"}), NONE),
        ("a strict one behind a filler", "cart",
         PAIR + (udp(9, 5432), None, (), {"options": b"\1\x89\7\4\x0a\0\1\1"}), NONE),
        ("an option without end", "cart",
         PAIR + (udp(9, 5432), None, (), {"options": b"\x44\x28\5\0"}), NONE),
        ("a length beyond the frame", "cart", PAIR + (udp(9, 5432), None, (), {"total": 200}),
         NONE),
        ("hop-by-hop options", "cart", (CART6, DB6, UDP, udp(9, 5432), None, (), {
            "extensions": [(0, b"\0\1\4\0\0\0\0")]}), "vlan9"),
        ("a routing header that is not done", "cart", (CART6, DB6, UDP, udp(9, 5432), None, (), {
            "extensions": [(43, b"\0\0\1\0\0\0\0")]}), NONE),
        ("denied behind options", "cart", (CART6, DB6, UDP, udp(9, 5433), None, (), {
            "extensions": [(60, b"\0\1\4\0\0\0\0")]}), NONE)]}

# A frame of 10.0.3.30:5432, and where a checksum is to be filled in.
L4 = 34
PARTIAL = [
    ("its own", L4, 6, "vlan9"), ("the port", L4, 2, NONE), ("half of the port", L4, 3, NONE),
    ("the destination", L4 - 4, 0, NONE), ("the source", 14, 12, NONE),
    ("its own place, summed from elsewhere", L4 - 20, 26, NONE),
    ("the payload", L4 + 8, 0, "vlan9"), ("where TCP has its own", L4, 16, "vlan9")]


def rows():
    for table, lines in TABLES.items():
        node = Node(FEED, MACS)
        for name, origin, what, places in lines:
            what, how = list(what), {}
            if isinstance(what[-1], dict):
                how = what.pop()
            data = frame(origin, *what, **how)
            yield table + ": " + name, node.judge(origin, data), places
    for name, start, offset, places in PARTIAL:
        data = frame("cart", CART, DB, UDP, udp(9, 5432, b"x" * 24))
        verdict = Node(FEED, MACS).judge("cart", data, wire.virtio(start, offset))
        yield "filled in afterwards: " + name, verdict, places
    node = Node(FEED, MACS)
    yield "not IP", node.judge("cart", MACS["cart"] + STRANGER + b"\x88\xcc" + b"\0" * 40), NONE
    yield "ARP", node.judge("cart", MACS["cart"] + STRANGER + b"\x08\x06" + b"\0" * 28), "node"
    yield "no frame", node.judge("cart", b"\0" * 9), NONE


def checks():
    """What is said of two frames each: are they the same where they arrive?"""
    sent = wire.read_frame(frame("cart", CART, DB, UDP, udp(9, 5432)))
    routed = wire.read_frame(frame("vlan9", CART, DB, UDP, udp(9, 5432), hops=63))
    turned = wire.read_frame(frame("vlan9", CART, DB, UDP, udp(9, 5433)))
    yield "a hop is no other packet", sent.identity() == routed.identity()
    yield "another port is", sent.identity() != turned.identity()
    data = wire.udp(wire.address(CART), wire.address(DB), 9, 5432, b"word")
    pseudo = wire.address(CART) + wire.address(DB) + struct.pack("!IHBB", len(data), 0, 0, UDP)
    yield "checksums are right", wire.checksum(pseudo + data) == 0


def main():
    count = bad = 0
    for name, verdict, places in rows():
        count += 1
        good = verdict.places == frozenset(places.split())
        bad += not good
        print("%s %d - %s" % ("ok" if good else "not ok", count, name))
        if not good:
            print("#   may arrive at: %s (%s), expected: %s" % (
                " ".join(sorted(verdict.places)) or "nothing", verdict.why, places or "nothing"))
    for name, good in checks():
        count += 1
        bad += not good
        print("%s %d - %s" % ("ok" if good else "not ok", count, name))
    print("1..%d" % count)
    return bad != 0


if __name__ == "__main__":
    sys.exit(main())
