# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Sequences of packets between one pod and a host: what connections do, and what goes
wrong with them. A sequence is a list of Step."""
import wire
from groups import HOSTS, PORTS
from wire import ACK, FIN, ICMP, ICMPV6, PSH, RST, SYN, TCP, UDP

POD = {4: "10.0.47.82", 6: "2001:db8:0:32::82"}
# Unknown to both trackers: one entry for a pair of addresses.
OTHER_PROTOCOLS = [50, 89, 103]


class Step:
    """out: from the pod. what: how it is called where it differs. flow: whose it is, the same
    for both directions. make: mark -> IP packet. needed: if it gets lost, nobody goes on."""

    __slots__ = ("out", "what", "flow", "make", "needed")

    def __init__(self, out, what, flow, make):
        self.out, self.what, self.flow, self.make = out, what, flow, make
        self.needed = False


class Maker:
    def __init__(self, random):
        self.random = random
        self.kinds = [self.connection] * 6 + [self.datagrams] * 3 + [self.pings] * 2 + \
            [self.errors] * 3 + [self.fragments] * 2 + [self.others, self.midstream]

    def sequence(self, port):
        """port: of the end that opens; no sequence before has had it."""
        random = self.random
        self.family = random.choice([4, 6])
        self.pod, self.host = POD[self.family], random.choice(HOSTS[self.family])
        self.client_port, self.port = port, random.choice(PORTS)
        self.outward = random.random() < 0.5 # the pod opens
        self.sequence_numbers = [random.getrandbits(31), random.getrandbits(31)]
        return random.choice(self.kinds)()

    # --- one packet ------------------------------------------------------------

    def ends(self, forth):
        """forth: from who opened. Whether it leaves the pod, source, destination, ports."""
        out = forth == self.outward
        ends = (self.pod, self.host) if out else (self.host, self.pod)
        ports = (self.client_port, self.port) if forth else (self.port, self.client_port)
        return (out, wire.address(ends[0]), wire.address(ends[1])) + ports

    def tcp(self, forth, flags, data=False):
        out, source, to, source_port, port = self.ends(forth)
        at = self.sequence_numbers
        sequence, answer = at[not forth], at[forth] if flags & ACK else 0
        # each packet bears a mark of 8 bytes, also those that have no data by right
        at[not forth] = (sequence + 8 + bool(flags & (SYN | FIN))) & 0xFFFFFFFF
        names = [name for bit, name in ((SYN, "SYN"), (ACK, "ACK"), (FIN, "FIN"), (RST, "RST"))
                 if flags & bit]
        return Step(out, "-".join(names) or "no flags", (TCP, self.client_port),
                    lambda mark: wire.packet(source, to, TCP, wire.tcp(
                        source, to, source_port, port, flags, mark, sequence, answer)))

    def udp(self, forth):
        out, source, to, source_port, port = self.ends(forth)
        return Step(out, "UDP", (UDP, self.client_port),
                    lambda mark: wire.packet(source, to, UDP, wire.udp(
                        source, to, source_port, port, mark)))

    def echo(self, out, asks, ident):
        ends = (self.pod, self.host) if out else (self.host, self.pod)
        source, to = wire.address(ends[0]), wire.address(ends[1])
        protocol = ICMP if self.family == 4 else ICMPV6
        type_ = {ICMP: (0, 8), ICMPV6: (129, 128)}[protocol][asks]
        return Step(out, "echo" if asks else "reply", (protocol, ident, out == asks),
                    lambda mark: wire.packet(source, to, protocol, wire.icmp(
                        source, to, type_, 0, ident << 16 | 1, mark)))

    def error(self, about, out, source, to):
        """About a packet of `about`, a step."""
        protocol = ICMP if self.family == 4 else ICMPV6
        type_, code = self.random.choice([(3, 1), (3, 3), (3, 4), (11, 0), (12, 0)] if self.family == 4
                                         else [(1, 0), (1, 4), (2, 0), (3, 0), (4, 0)])
        source, to = wire.address(source), wire.address(to)
        rest = 1400 if type_ in (2, 3) else 0
        return Step(out, "error", about.flow,
                    lambda mark: wire.packet(source, to, protocol, wire.icmp(
                        source, to, type_, code, rest, about.make(b"\0" * 8) + mark)))

    # --- sequences -----------------------------------------------------------------

    def handshake(self):
        steps = [self.tcp(True, SYN), self.tcp(False, SYN | ACK), self.tcp(True, ACK)]
        # now and then the other end answers what it never got, as an accomplice would
        steps[0].needed = steps[1].needed = self.random.random() < 0.8
        return steps

    def data(self):
        return [self.tcp(self.random.random() < 0.5, ACK | PSH) for _ in range(self.random.randint(1, 3))]

    def connection(self):
        random = self.random
        steps = self.handshake()[:random.choice([1, 2, 3, 3, 3, 3])]
        if len(steps) == 3:
            steps += self.data()
        end = random.choice(["close", "close", "half", "reset", "stay", "reuse", "reset", "again"])
        first = random.random() < 0.5
        if end in ("close", "reuse", "half"):
            steps += [self.tcp(first, FIN | ACK), self.tcp(not first, ACK)]
        if end == "half":
            steps += [self.tcp(not first, ACK | PSH), self.tcp(first, ACK)]
        if end in ("close", "reuse"):
            steps += [self.tcp(not first, FIN | ACK), self.tcp(first, ACK)]
        if end == "reset":
            steps += [self.tcp(first, RST | ACK)]
            steps += self.data() if random.random() < 0.5 else []
        if end in ("reuse", "again"):
            self.sequence_numbers = [random.getrandbits(31), random.getrandbits(31)]
            if random.random() < 0.3: # the other end opens
                steps += [self.tcp(False, SYN), self.tcp(True, SYN | ACK), self.tcp(False, ACK)]
            else:
                steps += self.handshake() + self.data()
        return self.disturbed(steps)

    def disturbed(self, steps):
        """One is lost, one comes twice, or one comes too early."""
        random = self.random
        chance, at = random.random(), random.randrange(len(steps))
        if chance < 0.1:
            del steps[at]
        elif chance < 0.2:
            steps.insert(at, steps[at])
        elif chance < 0.3 and at:
            steps[at - 1], steps[at] = steps[at], steps[at - 1]
        return steps

    def midstream(self):
        """The beginning was never seen."""
        return [self.tcp(self.random.random() < 0.5, self.random.choice(
            [ACK, ACK, ACK | PSH, SYN | ACK, FIN | ACK, RST, RST | ACK]))
                for _ in range(self.random.randint(1, 5))]

    def datagrams(self):
        return [self.udp(self.random.random() < 0.6) for _ in range(self.random.randint(1, 6))]

    def pings(self):
        """Both ends with one identifier, replies to nothing, too."""
        random, ident = self.random, self.client_port
        return [self.echo(random.random() < 0.5, random.random() < 0.5, ident)
                for _ in range(random.randint(2, 8))]

    def errors(self):
        """About the first packet of a flow or its answer; from and to the right ones and others."""
        random = self.random
        steps = self.handshake() if random.random() < 0.5 else [self.udp(True), self.udp(False)]
        steps = steps[:random.randint(1, len(steps))]
        for _ in range(random.randint(1, 3)):
            about = random.choice(steps[:2])
            if about.out: # it comes in, from the host or a router
                source = random.choice([self.host] + HOSTS[self.family])
                to = self.pod
                out = False
            else:
                source, to, out = self.pod, random.choice([self.host] * 3 + HOSTS[self.family]), True
            steps.append(self.error(about, out, source, to))
        if random.random() < 0.5:
            # about a flow that there is not
            self.client_port ^= 0x4000
            steps.append(self.error(self.udp(True), not self.outward,
                                    *((self.host, self.pod) if self.outward else (self.pod, self.host))))
            self.client_port ^= 0x4000
        return steps

    def fragments(self):
        """A datagram in two or three, mostly in order. (An identification that an earlier one
        had would tell of that one.)"""
        random, steps = self.random, []
        for n in range(random.randint(1, 2)):
            out, source, to, source_port, port = self.ends(random.random() < 0.6)
            ident, parts = (self.client_port * 2 + n) & 0xFFFF, random.choice([2, 3])
            pieces = [Step(out, "%s fragment %d" % ("later" if part else "first", n),
                           (UDP, self.client_port),
                           self.fragment(source, to, source_port, port, ident, part, parts))
                      for part in range(parts)]
            if random.random() < 0.2:
                random.shuffle(pieces)
            steps += pieces
        return steps

    def fragment(self, source, to, source_port, port, ident, part, parts):
        """Each is of 64 bytes, with the mark at its end; UDP's checksum is none (IPv4), or
        holds because marks are made to add up to nothing."""
        def make(mark):
            body = b"\0" * 48 + mark + bytes(255 - byte for byte in mark)
            if part == 0:
                length = 64 * parts
                head = wire.struct.pack("!HHHH", source_port, port, length, 0)
                # (a mark and its complement add up to ffff, which is nothing)
                total = wire.upper_sum(source, to, UDP, head + b"\0" * (length - 8))
                body = head[:6] + wire.struct.pack("!H", total) + body[8:]
            if len(source) == 4:
                return wire.packet(source, to, UDP, body, ident=ident, fragment_at=64 * part,
                                   more=part + 1 < parts)
            return wire.packet(source, to, UDP, body, extensions=[
                wire.ipv6_fragment(64 * part, part + 1 < parts, ident)])
        return make

    def others(self):
        random, protocol, steps = self.random, self.random.choice(OTHER_PROTOCOLS), []
        # an address that no sequence before has had
        self.host = "10.0.%d.%d" % (16 + (self.client_port >> 8) % 200, self.client_port & 255) \
            if self.family == 4 else "2001:db8:0:2::%x" % self.client_port
        for _ in range(random.randint(1, 4)):
            out, source, to, _, _ = self.ends(random.random() < 0.6)
            steps.append(Step(out, "protocol", (protocol, self.host), lambda mark, source=source, to=to:
                              wire.packet(source, to, protocol, b"\0" * 16 + mark)))
        return steps
