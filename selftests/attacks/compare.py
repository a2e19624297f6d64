#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The same sequences of packets through two nodes: one with branchguard, one with nftables
and conntrack, which have the same groups. Whatever passes one and not the other is told.

  compare.py LAB-BRANCHGUARD LAB-NFTABLES SEED SEQUENCES FIRST-PORT [-v]

Prints comments, and "difference TAB which TAB how often": INTENDED has those that are meant,
others are UNEXPECTED, and told in full.
"""
import collections
import os
import random
import struct
import sys

sys.dont_write_bytecode = True

import wire
from places import Doors, Lab
from sequences import Maker
from vocabulary import MAGIC, MARK_BYTES, STRANGER, Shot
from wire import TCP

VOLLEY = 16 # sequences
BRANCH = "vlan9"


class Told:
    """A sequence as it was sent, and what of it came through each of the nodes."""

    __slots__ = ("steps", "first", "came")

    def __init__(self, steps, first):
        self.steps, self.first = steps, first
        self.came = [set(), set()]


class Nodes:
    def __init__(self, names):
        self.labs = [Lab(name) for name in names]
        self.doors = [Doors(lab) for lab in self.labs]
        self.number, self.told = (os.getpid() & 0xFF) << 24, []
        self.first_number = self.number

    def tell(self, steps):
        told = Told(steps, self.number)
        self.told.append(told)
        for step in list(steps):
            mark = MAGIC + struct.pack("!I", self.number)
            packet = step.make(mark)
            ethertype = wire.ETH_IPV6 if packet[0] >> 4 == 6 else wire.ETH_IPV4
            origin = "cart" if step.out else BRANCH
            for lab, doors in zip(self.labs, self.doors):
                frame = wire.ethernet(lab.macs[origin], STRANGER, ethertype, packet)
                if not doors.send(Shot(origin, frame, None, ())):
                    raise OSError("not sent: %s" % step.what)
            self.number += 1
            if step.needed:
                self.settle()
                sent = self.number - told.first
                if sent - 1 not in told.came[0] | told.came[1]:
                    del steps[sent:]
                    break

    def settle(self):
        for doors in self.doors:
            doors.settle()
        self.look()

    def look(self):
        for node, doors in enumerate(self.doors):
            for place, data, _ in doors.arrived():
                at = data.find(MAGIC)
                while at >= 0 and len(data) >= at + MARK_BYTES:
                    self.arrived(node, place, struct.unpack_from("!I", data, at + 4)[0])
                    at = data.find(MAGIC, at + 1)

    def arrived(self, node, place, number):
        if not self.first_number <= number < self.number:
            return
        # sequences are short: the one that has this number is near the end
        told = next(told for told in reversed(self.told) if told.first <= number)
        step = told.steps[number - told.first]
        if place == (BRANCH if step.out else "cart"):
            told.came[node].add(number - told.first)


# --- what is meant to differ ------------------------------------------------------------


def came_before(told, node, at):
    flow = told.steps[at].flow
    return any(i in told.came[node] and told.steps[i].flow == flow for i in range(at))


def of_flow(told, at):
    """What was sent of the flow of step `at`, and got through anywhere, up to that step."""
    flow = told.steps[at].flow
    return [step for i, step in enumerate(told.steps[:at + 1]) if step.flow == flow and
            step.what != "error" and (i in told.came[0] or i in told.came[1])]


def is_orderly(steps):
    """Is it a TCP connection as it should be? Sent again is the same object."""
    opener, state, fins, seen = None, "none", set(), []
    for step in steps:
        if any(step is before for before in seen):
            continue
        seen.append(step)
        flags = set(step.what.split("-"))
        if step.what == "SYN" and (state == "none" or state == "open" and len(fins) == 2):
            opener, state, fins = step.out, "SYN", set()
        elif flags == {"SYN", "ACK"} and state == "SYN" and step.out != opener:
            state = "SYN-ACK"
        elif flags <= {"ACK", "FIN"} and "ACK" in flags and (
                state == "open" or state == "SYN-ACK" and step.out == opener):
            state = "open"
            if "FIN" in flags:
                if step.out in fins:
                    return False
                fins.add(step.out)
        else:
            return False
    return True


def is_later_fragment(told, at):
    """And its first one had not been sent yet."""
    step = told.steps[at]
    return step.what.startswith("later fragment") and not any(
        before.what == "first " + step.what[len("later "):] for before in told.steps[:at])


# Each: a name, why, and whether step `at` may differ for that reason; `ours`: it passed
# branchguard and not nftables.
INTENDED = [
    ("new-syn", "a SYN on the ports of a flow that lives is put to the rules; conntrack passes it on",
     lambda told, at, ours: not ours and told.steps[at].what == "SYN" and came_before(told, 1, at)),
    ("fragment-order", "a later fragment before its first is dropped; conntrack waits for the whole",
     lambda told, at, ours: not ours and is_later_fragment(told, at)),
    ("reset", "one RST ends nothing that both ends go on with (RFC 6146); to conntrack it does",
     lambda told, at, ours: ours and told.steps[at].flow[0] == TCP and
     any("RST" in step.what for step in of_flow(told, at)[:-1])),
    ("midstream", "in an allowed direction any packet but a RST makes a flow again (after an upgrade or "
                  "a reboot); conntrack takes up none with SYN-ACK or FIN",
     lambda told, at, ours: ours and told.steps[at].flow[0] == TCP and
     [step.what for step in of_flow(told, at)][:1] != ["SYN"]),
    ("order", "what belongs to a flow passes in whatever order; conntrack calls it invalid",
     lambda told, at, ours: ours and told.steps[at].flow[0] == TCP and
     not is_orderly(of_flow(told, at))),
    ("denied-syn", "a SYN that the rules deny changes nothing; conntrack forgets what is closed for it",
     lambda told, at, ours: ours and any(
         told.steps[i].what == "SYN" and told.steps[i].flow == told.steps[at].flow and
         i not in told.came[0] | told.came[1] and came_before(told, 1, i) for i in range(at))),
]


def differences(told):
    """(reason or None, step, is it ours) of each step that passed one node only."""
    for at in range(len(told.steps)):
        ours, theirs = (at in told.came[node] for node in (0, 1))
        if ours != theirs:
            yield next((name for name, _, is_so in INTENDED if is_so(told, at, ours)), None), at, ours


def text(told):
    words = []
    for at, step in enumerate(told.steps):
        came = "".join(letter if at in told.came[node] else "-" for node, letter in enumerate("bn"))
        words.append("%s %s %s" % ("out" if step.out else "in", step.what, came))
    return ", ".join(words)


def main(ours, theirs, seed, sequences, port, verbose=""):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    chance = random.Random(int(seed))
    maker, nodes = Maker(chance), Nodes([ours, theirs])
    for i in range(int(sequences)):
        nodes.tell(maker.sequence(int(port) + i))
        if i % VOLLEY == 0:
            nodes.look()
    nodes.settle()
    passed = sum(len(told.came[1]) for told in nodes.told)
    print("# %s sequences, %d packets, %d passed nftables" % (
        sequences, nodes.number - nodes.first_number, passed))
    counts, shown = collections.Counter(), collections.Counter()
    for told in nodes.told:
        for reason, at, is_ours in differences(told):
            which = "%s, %s only by %s" % (reason or "UNEXPECTED", told.steps[at].what,
                                           "branchguard" if is_ours else "nftables")
            counts[which] += 1
            if (not reason or verbose) and shown[which] < 3:
                shown[which] += 1
                packet = told.steps[0].make(b"\0" * 8)
                print("#   %s: step %d of: %s; first packet %s" % (which, at + 1, text(told), packet.hex()))
    for which, count in sorted(counts.items()):
        print("difference\t%s\t%d" % (which, count))


if __name__ == "__main__":
    main(*sys.argv[1:])
