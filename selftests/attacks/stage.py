# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Frames that are told one by one, and where each of them arrives."""
import os
import struct

import wire
from places import Doors
from vocabulary import MAGIC, MARK_BYTES, STRANGER, Shot
from wire import ICMP, ICMPV6, TCP, UDP, Bad

# --- packets: functions of the mark that they bear ------------------------------------


def ip(source, to, protocol, data, **how):
    return lambda mark: wire.packet(wire.address(source), wire.address(to), protocol,
                                    data(wire.address(source), wire.address(to), mark), **how)


def udp(source, to, source_port, port, lead=b"", **how):
    return ip(source, to, UDP, lambda s, t, mark: wire.udp(s, t, source_port, port, lead + mark),
              **how)


def tcp(source, to, source_port, port, flags, sequence=1, **how):
    return ip(source, to, TCP,
              lambda s, t, mark: wire.tcp(s, t, source_port, port, flags, mark, sequence), **how)


def icmp(source, to, type_, code, rest=0, lead=b"", **how):
    return ip(source, to, ICMPV6 if ":" in source else ICMP,
              lambda s, t, mark: wire.icmp(s, t, type_, code, rest, lead + mark), **how)


def echo(source, to, **how):
    return icmp(source, to, 128 if ":" in source else 8, 0, 1, **how)


def error(source, to, about):
    """Port unreachable."""
    type_, code = (1, 4) if ":" in source else (3, 3)
    return icmp(source, to, type_, code, 0, about(b"\0" * 8))


class Stage:
    def __init__(self, lab):
        self.lab, self.doors = lab, Doors(lab)
        self.base = (os.getpid() & 0xFFFF) << 16
        self.rows, self.came, self.other, self.refused = [], {}, [], set()

    def row(self, name, origin, packet, *places, may=(), mac=None, tags=(), virtio=None):
        """Sent at once; what it led to is looked at when all are. places: where it must
        arrive; may: where else it may, also instead."""
        number = len(self.rows)
        inner = packet(MAGIC + struct.pack("!I", self.base + number))
        ethertype = wire.ETH_IPV6 if inner[0] >> 4 == 6 else wire.ETH_IPV4
        to = mac or self.lab.macs[origin if origin != "trunk" else "vlan9"]
        shot = Shot(origin, wire.ethernet(to, STRANGER, ethertype, inner, tags), virtio, ())
        self.rows.append((name, shot, {place for place in places if place}, set(may)))
        if not self.doors.send(shot):
            self.refused.add(number)
        self.look()

    def look(self):
        for place, data, tag in self.doors.arrived():
            at = data.rfind(MAGIC)
            if at < 0 or len(data) < at + MARK_BYTES:
                self.other.append((place, data))
                continue
            number = struct.unpack_from("!I", data, at + 4)[0] - self.base
            if not 0 <= number < len(self.rows) or place == self.rows[number][1].origin:
                continue
            if self.is_error_of_node(number, data):
                continue
            if place != "node" and tag & 0xFFF:
                place += " (tagged)"
            elif place != "node" and not self.is_same(number, data):
                place += " (changed)"
            self.came.setdefault(number, set()).add(place)

    def is_error_of_node(self, number, data):
        try:
            packet = wire.read_frame(data)
        except Bad:
            return False
        return wire.is_icmp(packet) and packet.type in wire.ERRORS[packet.protocol] and \
            packet.source in self.lab.node.values() and \
            packet.source != wire.read_frame(self.rows[number][1].frame).source

    def is_same(self, number, data):
        try:
            came = wire.read_frame(data)
            went = wire.read_frame(self.rows[number][1].frame)
        except Bad:
            return True # a frame like that has no business anywhere
        if came.source in self.lab.node.values(): # SNAT
            return (came.to, came.protocol, came.port) == (went.to, went.protocol, went.port)
        return came.identity() == went.identity()

    def is_right(self, number):
        _, _, places, may = self.rows[number]
        came = self.came.get(number, set())
        if not came <= places | may:
            return False
        return bool(came) or not places if may else came == places

    def results(self):
        """Both families of a row have one name."""
        self.doors.settle()
        self.look()
        for number, (name, _, _, _) in enumerate(self.rows):
            said = ""
            if not self.is_right(number):
                said = "arrived at " + (", ".join(sorted(self.came.get(number, ()))) or "no place")
                if number in self.refused:
                    said = "the sender's own kernel refused it"
                said += " (number %d)" % number
            print("%s\t%s\t%s" % ("not ok" if said else "ok", name, said))
