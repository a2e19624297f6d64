# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What an attacker says: frames that mix what might get around a verdict.

Each frame bears its number, in the payload or what stands in its place, so that
it is known again wherever it arrives.
"""
import struct

import wire
from wire import ACK, FIN, GRE, ICMP, ICMPV6, RST, SCTP, SYN, TCP, UDP

MAGIC = b"\xb9\xa7\x5c\xe1"
MARK_BYTES = len(MAGIC) + 4
STRANGER = b"\2\x77\0\0\0\1"
ORIGINS = ["cart"] * 9 + ["vlan9"] * 8 + ["web"] * 2 + ["vlan10"] * 2 + ["eth0"] * 3 + \
    ["std"] * 5 + ["vlan11"] * 3
PODS = ["cart"] * 4 + ["web"] * 2 + ["std"] * 2
PORTS = [5432, 5433, 443, 53, 67, 68, 546, 547, 80, 123, 8080, 1688, 40000, 40001]
PLAIN_PORTS = [5432, 5433, 443, 8080, 40000, 53]
FLAGS = [SYN, SYN, SYN | ACK, ACK, RST, RST | ACK, FIN | ACK, FIN | SYN, 0]
SOURCE_ROUTE = b"\x83\x07\x04\x0a\x00\x02\x14\x00"


class Shot:
    """One frame: from where, its bytes, what the device is to do, and of which kinds it is."""

    __slots__ = ("origin", "frame", "virtio", "kinds")

    def __init__(self, origin, frame, virtio, kinds):
        self.origin, self.frame, self.virtio, self.kinds = origin, frame, virtio, kinds


class Attacker:
    """left_out: kinds that are not said. frequent: those that every third frame has."""

    def __init__(self, random, lab, left_out=(), frequent=()):
        self.random, self.lab = random, lab
        self.left_out, self.frequent = frozenset(left_out), frozenset(frequent)
        self.said = [] # (family, local, remote, protocol, ports) of the last ones from a pod
        self.idents = []

    def chance(self, kind, share):
        if kind in self.frequent:
            share = 1 / 3
        return kind not in self.left_out and self.random.random() < share

    def mark(self, number):
        return MAGIC + struct.pack("!I", number)

    def shot(self, number):
        if self.random.random() < 0.3:
            return self.plain(number)
        while True:
            shot = self.mixed(number)
            if not shot.kinds & self.left_out:
                return shot

    # --- what is legitimate if a rule admits it ------------------------------

    def plain(self, number):
        random, lab = self.random, self.lab
        pod = random.choice(PODS)
        family = random.choice([4, 6])
        local, remote = lab.pods[pod][family], random.choice(lab.hosts[family])
        origin = random.choice([pod, lab.branch_of[pod]])
        source, to = (local, remote) if origin == pod else (remote, local)
        protocol = random.choice([TCP, UDP, UDP, ICMP if family == 4 else ICMPV6])
        data = self.upper(protocol, source, to, random.choice(PORTS), random.choice(PLAIN_PORTS), SYN,
                          8 if family == 4 else 128, 0, self.mark(number))
        frame = wire.ethernet(lab.macs[origin], STRANGER, wire.ethertype_of(source),
                              wire.packet(source, to, protocol, data))
        return Shot(origin, frame, None, frozenset(["plain"]))

    def upper(self, protocol, source, to, source_port, port, flags, type_, code, payload):
        if protocol == TCP:
            return wire.tcp(source, to, source_port, port, flags, payload)
        if protocol == UDP:
            return wire.udp(source, to, source_port, port, payload)
        if protocol == (ICMP if len(source) == 4 else ICMPV6):
            return wire.icmp(source, to, type_, code, source_port << 16 | 1, payload)
        return struct.pack("!HHII", source_port, port, 0, 0) + payload

    # --- all the rest ------------------------------------------------------------

    def mixed(self, number):
        random, lab, kinds = self.random, self.lab, set()
        origin = random.choice(ORIGINS)
        family = random.choice([4, 6])
        is_pod = origin in lab.pods
        pod = origin if is_pod else random.choice(PODS)
        local, remote = lab.pods[pod][family], random.choice(lab.hosts[family])
        if random.random() < 0.1:
            remote = random.choice(lab.services[family])
        if random.random() < 0.08:
            remote = random.choice([lab.pods[random.choice([p for p in PODS if p != pod])][family],
                                    lab.node[family]])
        source, to = (local, remote) if is_pod else (remote, local)
        spoofed = "spoofed-standard" if pod == "std" else "spoofed"
        if self.chance(spoofed, 0.06):
            kinds.add(spoofed)
            source = random.choice(lab.hosts[family] + [lab.node[family]] +
                                   [addresses[family] for addresses in lab.pods.values()])
        if self.chance("astray", 0.01):
            origin, is_pod = "eth0", False
            source, to = lab.pods["std"][family], random.choice(lab.hosts[family])
        if self.chance("link", 0.05):
            kinds.add("link")
            to = random.choice(lab.links[family])
        protocol = random.choice([TCP, TCP, UDP, UDP, ICMP, ICMPV6, SCTP, GRE, 50])
        source_port, port, flags = random.choice(PORTS), random.choice(PORTS), random.choice(FLAGS)
        if self.chance("dhcp", 0.03):
            kinds.add("dhcp")
            protocol = UDP
            source_port, port = random.choice([(68, 67), (67, 68), (546, 547), (547, 546)])
        elif {source_port, port} <= {67, 68, 546, 547}:
            port = 5432
        hops, type_, code = 64, *self.icmp_type(family)
        payload = self.mark(number)
        if is_pod:
            self.said.append((source, to, protocol, source_port, port))
            del self.said[:-64]
        elif self.said and random.random() < 0.3:
            # an answer to what was said, or a thing beside it
            to, source, protocol, port, source_port = random.choice(self.said)
            family = 4 if len(to) == 4 else 6
            type_ = 0 if family == 4 else 129
        if self.chance("discovery", 0.04) and family == 6:
            kinds.add("discovery")
            protocol, hops = ICMPV6, random.choice([255, 255, 1, 64])
            type_, code = random.choice([130, 131, 133, 134, 135, 136, 137, 143]), \
                random.choice([0, 0, 77])
            source = random.choice([source, source, wire.address("fe80::77"), b"\0" * 16])
            to = random.choice([to, to] + lab.links[6])
            payload = random.choice([b"", b"\0" * 16, b"\0" * 600]) + payload
        if self.chance("error", 0.06) and self.said:
            kinds.add("error")
            local_, remote_, about, its_source, its_port = random.choice(self.said)
            if random.random() < 0.5:
                local_, remote_, its_source, its_port = remote_, local_, its_port, its_source
            family = 4 if len(local_) == 4 else 6
            if not is_pod and random.random() < 0.7:
                to, source = local_, random.choice([remote_] + lab.hosts[family])
            elif random.random() < 0.7:
                source = lab.pods[pod][family]
                to = random.choice([local_, remote_] + lab.hosts[family])
            if len(source) != len(to) or len(source) != len(local_):
                source, to = lab.pods[pod][family], remote_
            quote = wire.packet(local_, remote_, about,
                                self.upper(about, local_, remote_, its_source, its_port, ACK,
                                           8 if family == 4 else 128, 0, b""))
            protocol, payload = (ICMP if family == 4 else ICMPV6), quote + payload
            type_, code = random.choice([(3, 3), (3, 4), (11, 0), (12, 0), (5, 0)] if family == 4
                                        else [(1, 4), (2, 0), (3, 0), (4, 0)])
        family = 4 if len(to) == 4 else 6
        if len(source) != len(to):
            source = lab.pods[pod][family] if is_pod else lab.hosts[family][0]
        if origin == "eth0" and any(source in addresses.values() for addresses in lab.pods.values()):
            kinds.add("astray")
        data = self.upper(protocol, source, to, source_port, port, flags, type_, code, payload)
        how = {"hops": hops}
        data = self.cut(data, family, number, how, kinds)
        self.decorate(family, data, how, kinds)
        inner = wire.packet(source, to, protocol, data, **how)
        mac, tags = self.around(origin, is_pod, kinds)
        frame = wire.ethernet(mac, STRANGER, wire.ethertype_of(source), inner, tags)
        virtio = self.device(frame, len(tags) * 4, family, protocol, kinds)
        return Shot(origin, frame, virtio, frozenset(kinds))

    def icmp_type(self, family):
        return self.random.choice(
            [(8, 0), (8, 0), (0, 0), (8, 3), (13, 0), (5, 0), (3, 1)] if family == 4 else
            [(128, 0), (128, 0), (129, 0), (128, 3), (139, 0), (1, 1)])

    def cut(self, data, family, number, how, kinds):
        """Fragments: first ones, later ones of those and of nothing, tiny ones."""
        random = self.random
        if not self.chance("fragment", 0.12):
            return data
        kinds.add("fragment")
        ident = random.getrandbits(16)
        if self.idents and random.random() < 0.6:
            ident = random.choice(self.idents)
        self.idents = (self.idents + [ident])[-16:]
        at, more = random.choice([(0, True), (0, True), (8, False), (24, False), (24, True),
                                  (1200, False)])
        if at:
            data = b"\0" * 16 + self.mark(number)
        elif random.random() < 0.2:
            data = self.mark(number)
        data += b"\0" * (-len(data) % 8)
        if family == 4:
            how.update(ident=ident, fragment_at=at, more=more)
        else:
            how["extensions"] = [wire.ipv6_fragment(at, more, ident)]
        return data

    def decorate(self, family, data, how, kinds):
        """Options, extension headers, and lengths that are not true."""
        random = self.random
        if self.chance("options", 0.06):
            kinds.add("options")
            if family == 4:
                how["options"] = random.choice([b"\1\1\1\0", b"\x44\x04\x05\0", b"\x94\x04\0\0"])
            else:
                how["extensions"] = random.choice([
                    [(0, b"\0\1\4\0\0\0\0")], [(60, b"\0\1\4\0\0\0\0")],
                    [(60, b"\0\1\4\0\0\0\0")] * 3,
                    [(43, b"\0\4\0\0\0\0\0")]]) + how.get("extensions", [])
        if self.chance("source-route", 0.02):
            kinds.add("source-route")
            if family == 4:
                how["options"] = random.choice([SOURCE_ROUTE, b"\1\x89\x07\x04\x0a\0\2\x14"])
            else:
                how["extensions"] = [(43, b"\0\0\1\0\0\0\0")] + how.get("extensions", [])
        if self.chance("lengths", 0.03):
            kinds.add("lengths")
            how["total" if family == 4 else "length"] = len(data) + random.choice([200, 4000, 60000])

    def around(self, origin, is_pod, kinds):
        """Where the frame goes to by its MAC, and its tags."""
        random, lab = self.random, self.lab
        mac, tags = lab.macs[origin], []
        if self.chance("other-mac", 0.04):
            kinds.add("other-mac")
            mac = random.choice([b"\2\x66\0\0\0\1", b"\xff" * 6, b"\x33\x33\0\0\0\1"])
        if self.chance("tag", 0.03):
            kinds.add("tag")
            tags = [(random.choice([wire.ETH_VLAN, wire.ETH_QINQ]), random.choice([9, 10, 0xE00A]))]
        if self.chance("priority-tag", 0.02):
            kinds.add("priority-tag")
            tags.insert(0, (wire.ETH_VLAN, random.choice([0, 0xE000])))
        return mac, tags

    def device(self, frame, tag_bytes, family, protocol, kinds):
        """What a device is told to fill in or to cut after the verdict."""
        random, l3 = self.random, 14 + tag_bytes
        l4 = l3 + (20 if family == 4 else 40)
        if self.chance("partial", 0.04):
            kinds.add("partial")
            start = random.choice([l3, l3 + 8, l4, l4 - 4])
            offset = random.choice([0, 2, 4, 6, 12, 16])
        elif self.chance("offload", 0.05) and protocol in wire.CHECKSUM_AT and protocol != SCTP:
            kinds.add("offload")
            start, offset = l4, wire.CHECKSUM_AT[protocol]
            if kinds & {"options", "source-route", "fragment"}:
                return None # the header is elsewhere: that would be `partial`
        else:
            return None
        # the number must stay what it is
        if start + offset + 2 > len(frame) - MARK_BYTES:
            return None
        return wire.virtio(start, offset)
