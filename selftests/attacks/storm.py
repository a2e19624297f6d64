#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Frames of an attacker into the lab, and what arrives held against the judge.

  storm.py LAB FEED SEED FRAMES [KIND-LEFT-OUT... | +KIND-THAT-IS-FREQUENT...]

All is sent by one process, one frame after the other on one CPU, so that the node
gets them in the order in which the judge is asked. The hosts of the lab are silent:
what bears a number was sent here. Prints TAP lines without numbers, and comments.
"""
import json
import os
import random
import struct
import sys
import time

sys.dont_write_bytecode = True

import wire
from judge import Node, is_link
from places import Doors, Lab, forget_connections
from vocabulary import MAGIC, MARK_BYTES, Attacker

# What is sent between two looks at what came.
VOLLEY = 64


class Storm:
    def __init__(self, lab, node, attacker):
        self.lab, self.node, self.doors, self.attacker = lab, node, Doors(lab), attacker
        self.sent, self.verdicts, self.came = {}, {}, {}
        self.wrong, self.refused, self.first = {}, 0, 0

    def run(self, frames):
        # What is still under way from a run before bears another number.
        self.first = (os.getpid() & 0xFF) << 24
        for number in range(self.first, self.first + frames):
            shot = self.attacker.shot(number)
            self.sent[number] = shot
            self.verdicts[number] = self.node.judge(shot.origin, shot.frame, shot.virtio)
            if not self.doors.send(shot):
                self.refused += 1
                del self.sent[number]
            if number % VOLLEY == 0:
                self.look()
        self.doors.settle()
        self.look()

    def look(self):
        for place, data, tag in self.doors.arrived():
            at = data.rfind(MAGIC)
            if at < 0 or len(data) < at + MARK_BYTES:
                continue
            number = struct.unpack_from("!I", data, at + 4)[0]
            if number >> 24 == self.first >> 24:
                self.hold(number, place, data, tag)

    def hold(self, number, place, data, tag):
        shot = self.sent.get(number)
        if not shot:
            return self.says_the_time(data) or \
                self.blame("a number that was not sent", place, number, data)
        # An answer of the node itself goes where the question came from.
        if place == shot.origin:
            return None
        verdict = self.verdicts[number]
        if self.is_error_of_node(shot, data):
            return None
        self.came.setdefault(number, set()).add(place)
        if place not in verdict.places:
            return self.blame(verdict.why, place, number, data)
        if place == "node":
            return None
        if tag & 0xFFF:
            return self.blame("arrives tagged", place, number, data)
        try:
            came, went = wire.read_frame(data), wire.read_frame(shot.frame)
            same = came.identity() == went.identity()
            if self.lab.branch_of.get(shot.origin, shot.origin) in ("vlan11", "eth0"):
                same = self.is_same_but_translated(came, went)
        except wire.Bad:
            same = False
        if not same:
            return self.blame("is another packet where it arrives", place, number, data)
        return None

    def says_the_time(self, data):
        """The node does, where the number was (RFC 792, timestamp reply)."""
        try:
            packet = wire.read_frame(data)
        except wire.Bad:
            return False
        return wire.is_icmp(packet) and packet.type == wire.TIMESTAMP_REPLY and \
            packet.source in self.node.addresses

    def is_same_but_translated(self, came, went):
        """Of a standard pod's packet, netfilter may have changed the pod's address, and the port or
        identifier of who opened the flow: it finds other ones for two that would have the same.
        An error about a translated packet comes from where that went."""
        if came.protocol != went.protocol:
            return False
        if came.to in self.lab.pods["std"].values():
            sources = [went.source]
            if wire.is_icmp(came) and came.type in wire.ERRORS[came.protocol]:
                quoted = wire.ends_of(went.frame[went.l4 + wire.HEADER_BYTES[went.protocol]:])
                sources += quoted[1:] if quoted else []
            if came.source_port != went.source_port:
                self.node.renumbered(came)
            return came.source in sources and went.to in (came.to, *self.node.addresses)
        if came.to != went.to:
            return False
        return came.source in (went.source, *self.node.addresses) and \
            (came.type, came.code) == (went.type, went.code) and \
            (came.port == went.port or self.node.is_renumbered_back(came))

    def is_error_of_node(self, shot, data):
        """It bears the number because it quotes the frame, and says to its sender why it went no
        further, or by whom it should go; or it is about what the node has said so. That goes to
        the sender by whatever way the node has to him."""
        try:
            error = wire.read_frame(data)
        except wire.Bad:
            return False
        ends = wire.ends_of(inner_of(shot.frame))
        if not ends or not wire.is_icmp(error) or \
           error.type not in wire.ERRORS[error.protocol] + wire.REDIRECTS[error.protocol]:
            return False
        if error.source not in self.node.addresses and not is_link(error.source):
            return False
        return error.to in (ends[0], error.source) and \
            b"".join(ends) in data[error.l4 + wire.HEADER_BYTES[error.protocol]:error.end]

    def blame(self, why, place, number, data):
        shot = self.sent.get(number)
        key = (shot.origin if shot else "?", place, why)
        self.wrong.setdefault(key, []).append((number, sorted(shot.kinds) if shot else [], data))

    def tell_before(self, number):
        """What was sent between the same ends before: a verdict may follow from that."""
        def ends(shot):
            try:
                packet = wire.read_frame(shot.frame)
            except wire.Bad:
                return None, None
            if packet.family is None:
                return None, None
            return packet, (packet.protocol, frozenset([(packet.source, packet.source_port),
                                                        (packet.to, packet.port)]))
        if number not in self.sent or not ends(self.sent[number])[0]:
            return
        mine = ends(self.sent[number])[1]
        before = [n for n in sorted(self.sent) if n < number and ends(self.sent[n])[1] == mine]
        for n in before[-5:]:
            packet = ends(self.sent[n])[0]
            print("#     before: %d from %s, flags %s, type %s: %s; arrived at %s" % (
                n - self.first, self.sent[n].origin, packet.flags, packet.type,
                self.verdicts[n].why, " ".join(sorted(self.came.get(n, ()))) or "no place"))


def inner_of(frame):
    """What stands behind the tags, in a frame in which nothing may make sense."""
    at = 12
    while int.from_bytes(frame[at:at + 2], "big") in (wire.ETH_VLAN, wire.ETH_QINQ):
        at += 4
    return frame[at + 2:]


def result(good, name):
    print("%s - %s" % ("ok" if good else "not ok", name))
    return good


def main(name, feed, seed, frames, *kinds):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with open(feed) as file:
        feed = json.load(file)
    lab = Lab(name)
    # else it brings standard pods the answers to what went out before
    forget_connections(name + "-node")
    began = time.monotonic()
    left_out = [kind for kind in kinds if kind[0] != "+"]
    frequent = [kind[1:] for kind in kinds if kind[0] == "+"]
    attacker = Attacker(random.Random(int(seed)), lab, left_out, frequent)
    storm = Storm(lab, Node(feed, lab.macs), attacker)
    storm.run(int(frames))
    due = [number for number, shot in storm.sent.items() if "plain" in shot.kinds and
           storm.verdicts[number].places]
    here = sum(1 for number in due if storm.came.get(number))
    stopped = sum(1 for number in storm.sent if not storm.verdicts[number].places)
    print("# seed %s: %d frames in %.1f s, %d refused by the sender's own kernel" % (
        seed, int(frames), time.monotonic() - began, storm.refused))
    print("# %d may arrive nowhere, %d arrived somewhere; %d of %d legitimate ones" % (
        stopped, len(storm.came), here, len(due)))
    by_kind = {}
    for shot in storm.sent.values():
        for kind in shot.kinds:
            by_kind[kind] = by_kind.get(kind, 0) + 1
    print("# kinds: " + " ".join("%s %d" % pair for pair in sorted(by_kind.items())))
    good = result(not storm.wrong,
                  "nothing arrives that the judge does not admit (BG_SEED=%s)" % seed)
    for (origin, place, why), cases in sorted(storm.wrong.items()):
        number, _, data = cases[0]
        kinds = {}
        for case in cases:
            for kind in case[1]:
                kinds[kind] = kinds.get(kind, 0) + 1
        print("#   %d from %s at %s: %s; first number %d; kinds: %s" % (
            len(cases), origin, place, why, number - storm.first,
            " ".join("%s %d" % pair for pair in sorted(kinds.items())) or "none"))
        sent = storm.sent.get(number)
        print("#     sent    " + (sent.frame.hex() if sent else "never"))
        print("#     arrived " + data.hex())
        storm.tell_before(number)
    for number in [n for n in due if not storm.came.get(n)][:5]:
        shot = storm.sent[number]
        print("#   lost: %d from %s, %s; sent %s" % (number - storm.first, shot.origin,
                                                     storm.verdicts[number].why, shot.frame.hex()))
        storm.tell_before(number)
    # Plain ones are a third: with few of them this would say nothing.
    good &= result(len(due) > int(frames) // 100 and here >= len(due) * 0.99,
                   "what is legitimate arrives")
    good &= result(stopped > int(frames) // 4, "and much was tried that may not")
    return not good


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
