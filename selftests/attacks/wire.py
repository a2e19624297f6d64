# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Frames as bytes: writes those of the attacker, and reads what arrives.

Reading is strict, for the judge: Bad says why a frame cannot be judged by its
headers. Nothing here knows rules or places.
"""
import ipaddress
import struct

TCP, UDP, ICMP, ICMPV6, SCTP, GRE = 6, 17, 1, 58, 132, 47
ETH_IPV4, ETH_IPV6, ETH_ARP, ETH_VLAN, ETH_QINQ = 0x0800, 0x86DD, 0x0806, 0x8100, 0x88A8
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
# Where a protocol has its checksum, and how long its header is at least.
CHECKSUM_AT = {TCP: 16, UDP: 6, SCTP: 8, ICMP: 2, ICMPV6: 2}
HEADER_BYTES = {TCP: 20, UDP: 8, SCTP: 12, ICMP: 8, ICMPV6: 8}
# Errors quote the packet that they are about.
ERRORS = {ICMP: (3, 11, 12), ICMPV6: (1, 2, 3, 4)}
REDIRECTS = {ICMP: (5,), ICMPV6: (137,)}
TIMESTAMP_REPLY = 14
ECHO = {ICMP: (8, 0), ICMPV6: (128, 129)}


class Bad(Exception):
    """Why a frame cannot be judged by its headers; such a frame never passes."""


class Packet:
    """What a frame says. Addresses are bytes, 4 or 16 of them."""

    __slots__ = ("ethertype", "mac_to", "priority_tag", "family", "source", "to", "protocol",
                 "hop_limit", "l3", "l4", "end", "frame", "fragment_at", "more", "fragment_id",
                 "source_port", "port", "flags", "type", "code", "echo_id", "options")

    def __init__(self, **fields):
        for name in self.__slots__:
            setattr(self, name, fields.get(name))

    @property
    def later_fragment(self):
        return bool(self.fragment_at)

    def identity(self):
        """What a verdict is about: it is the same where the packet arrives."""
        return (self.source, self.to, self.protocol, self.fragment_at, self.more,
                self.source_port, self.port, self.type, self.code, self.echo_id, self.flags)


def address(text):
    return ipaddress.ip_address(text).packed


def text(packed):
    return str(ipaddress.ip_address(packed))


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


# --- reading -----------------------------------------------------------------


def read_frame(frame):
    if len(frame) < 14:
        raise Bad("shorter than an Ethernet header")
    packet = Packet(mac_to=frame[:6], frame=frame)
    at, ethertype = 12, struct.unpack_from("!H", frame, 12)[0]
    while ethertype in (ETH_VLAN, ETH_QINQ):
        if len(frame) < at + 6:
            raise Bad("ends in a VLAN tag")
        tag, ethertype = struct.unpack_from("!HH", frame, at + 2)
        if tag & 0xFFF:
            raise Bad("VLAN tag of its own")
        packet.priority_tag = True
        at += 4
    packet.ethertype, packet.l3 = ethertype, at + 2
    if ethertype == ETH_IPV4:
        read_ipv4(packet)
    elif ethertype == ETH_IPV6:
        read_ipv6(packet)
    return packet


def read_ipv4(packet):
    frame, at = packet.frame, packet.l3
    if len(frame) < at + 20:
        raise Bad("ends in the IPv4 header")
    first, _, total, ident, offset, hops, protocol = struct.unpack_from("!BBHHHBB", frame, at)
    header = (first & 15) * 4
    if first >> 4 != 4 or header < 20 or total < header or at + total > len(frame):
        raise Bad("lengths of the IPv4 header contradict the frame")
    packet.family, packet.protocol, packet.hop_limit = 4, protocol, hops
    packet.source, packet.to = frame[at + 12:at + 16], frame[at + 16:at + 20]
    packet.options = header > 20
    read_options(frame[at + 20:at + header])
    packet.fragment_at, packet.more = (offset & 0x1FFF) * 8, bool(offset & 0x2000)
    packet.fragment_id = ident
    packet.l4, packet.end = at + header, at + total
    read_upper(packet)


def read_options(options):
    at = 0
    while at < len(options) and options[at] != 0:
        if options[at] == 1:
            at += 1
            continue
        if at + 1 >= len(options) or options[at + 1] < 2 or at + options[at + 1] > len(options):
            raise Bad("IPv4 options that cannot be walked")
        if options[at] in (131, 137):
            raise Bad("IPv4 source route")
        at += options[at + 1]


def read_ipv6(packet):
    frame, at = packet.frame, packet.l3
    if len(frame) < at + 40:
        raise Bad("ends in the IPv6 header")
    first, payload, following, hops = struct.unpack_from("!IHBB", frame, at)
    if first >> 28 != 6 or at + 40 + payload > len(frame):
        raise Bad("lengths of the IPv6 header contradict the frame")
    packet.family, packet.hop_limit = 6, hops
    packet.source, packet.to = frame[at + 8:at + 24], frame[at + 24:at + 40]
    packet.fragment_at, packet.more = 0, False
    end, at = at + 40 + payload, at + 40
    while following in (0, 43, 44, 60, 51):
        if end < at + 8:
            raise Bad("ends in an IPv6 extension header")
        packet.options = True
        if following == 44:
            offset, ident = struct.unpack_from("!HI", frame, at + 2)
            packet.fragment_at, packet.more = offset & 0xFFF8, bool(offset & 1)
            packet.fragment_id = ident
            length = 8
        elif following == 51:
            length = (frame[at + 1] + 2) * 4
        else:
            length = (frame[at + 1] + 1) * 8
        if end < at + length:
            raise Bad("ends in an IPv6 extension header")
        if following == 43 and frame[at + 3]:
            raise Bad("IPv6 routing header with segments left")
        following = frame[at]
        at += length
        if packet.fragment_at:
            break # what follows belongs to the first fragment
    if following in (135, 139, 140) and not packet.fragment_at:
        raise Bad("IPv6 extension header that cannot be walked")
    packet.protocol, packet.l4, packet.end = following, at, end
    read_upper(packet)


def read_upper(packet):
    if packet.fragment_at:
        return
    frame, at, room = packet.frame, packet.l4, packet.end - packet.l4
    if room < HEADER_BYTES.get(packet.protocol, 0):
        raise Bad("ends in the upper protocol's header")
    if packet.protocol in (TCP, UDP):
        packet.source_port, packet.port = struct.unpack_from("!HH", frame, at)
    if packet.protocol == TCP:
        header = (frame[at + 12] >> 4) * 4
        packet.flags = frame[at + 13] & 0x3F
        if header < 20 or header > room:
            raise Bad("lengths of the TCP header contradict the packet")
    elif packet.protocol == UDP:
        length = struct.unpack_from("!H", frame, at + 4)[0]
        if length < 8 or (length > room and not packet.more):
            raise Bad("lengths of the UDP header contradict the packet")
    elif is_icmp(packet):
        packet.type, packet.code = frame[at], frame[at + 1]
        if packet.type in ECHO[packet.protocol]:
            packet.echo_id = struct.unpack_from("!H", frame, at + 4)[0]


def is_icmp(packet):
    """ICMP of its own family: the other one's is a protocol like any."""
    return packet.protocol == (ICMP if packet.family == 4 else ICMPV6)


def ends_of(data):
    """Source and destination of an IP packet of which no more may make sense."""
    if len(data) >= 20 and data[0] >> 4 == 4:
        return data[12:16], data[16:20]
    if len(data) >= 40 and data[0] >> 4 == 6:
        return data[8:24], data[24:40]
    return None


def read_quote(packet):
    """The packet that an ICMP error is about, cut off as it may be, or None."""
    data = packet.frame[packet.l4 + 8:packet.end]
    quote = Packet(frame=data, family=packet.family, l3=0)
    if packet.family == 4:
        if len(data) < 28 or data[0] >> 4 != 4 or (data[0] & 15) < 5:
            return None
        quote.protocol, quote.l4 = data[9], (data[0] & 15) * 4
        quote.source, quote.to = data[12:16], data[16:20]
        if struct.unpack_from("!H", data, 6)[0] & 0x1FFF:
            return None
    else:
        if len(data) < 48 or data[0] >> 4 != 6:
            return None
        quote.protocol, quote.l4 = data[6], 40
        quote.source, quote.to = data[8:24], data[24:40]
    if len(data) < quote.l4 + 8:
        return None
    if quote.protocol in (TCP, UDP):
        quote.source_port, quote.port = struct.unpack_from("!HH", data, quote.l4)
    elif is_icmp(quote):
        quote.type, quote.code = data[quote.l4], data[quote.l4 + 1]
        if quote.type in ECHO[quote.protocol]:
            quote.echo_id = struct.unpack_from("!H", data, quote.l4 + 4)[0]
    return quote


# --- writing -----------------------------------------------------------------


def ethernet(mac_to, mac_from, ethertype, payload, tags=()):
    head = mac_to + mac_from
    for protocol, tag in tags:
        head += struct.pack("!HH", protocol, tag)
    return head + struct.pack("!H", ethertype) + payload


def ipv4(source, to, protocol, payload, hops=64, ident=0, fragment_at=0, more=False, options=b"",
         total=None):
    options += b"\0" * (-len(options) % 4)
    header = 20 + len(options)
    head = struct.pack("!BBHHHBBH4s4s", 0x40 | header // 4, 0,
                       header + len(payload) if total is None else total, ident,
                       fragment_at // 8 | (0x2000 if more else 0), hops, protocol, 0,
                       source, to) + options
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def ipv6(source, to, protocol, payload, hops=64, length=None, extensions=()):
    """extensions: (number, bytes from the second on), outermost first."""
    chain = b""
    numbers = [number for number, _ in extensions] + [protocol]
    for i, (_, rest) in enumerate(extensions):
        chain += bytes([numbers[i + 1]]) + rest
    payload = chain + payload
    return struct.pack("!IHBB16s16s", 6 << 28, len(payload) if length is None else length,
                       numbers[0], hops, source, to) + payload


def ipv6_fragment(fragment_at, more, ident):
    return 44, struct.pack("!BHI", 0, fragment_at | more, ident)


def upper_sum(source, to, protocol, data):
    pseudo = source + to + struct.pack("!IHBB", len(data), 0, 0, protocol)
    return checksum(pseudo + data) or 0xFFFF


def with_sum(source, to, protocol, data):
    at = CHECKSUM_AT[protocol]
    total = checksum(data) if protocol == ICMP else upper_sum(source, to, protocol, data)
    return data[:at] + struct.pack("!H", total) + data[at + 2:]


def tcp(source, to, source_port, port, flags, payload=b"", sequence=1, answer=0):
    data = struct.pack("!HHIIBBHHH", source_port, port, sequence, answer, 5 << 4, flags, 64240, 0,
                       0) + payload
    return with_sum(source, to, TCP, data)


def udp(source, to, source_port, port, payload=b"", length=None):
    data = struct.pack("!HHHH", source_port, port, 8 + len(payload) if length is None else length,
                       0) + payload
    return with_sum(source, to, UDP, data)


def icmp(source, to, type_, code, rest, payload=b""):
    """rest: the four bytes behind the checksum, as bytes or number."""
    if isinstance(rest, int):
        rest = struct.pack("!I", rest)
    protocol = ICMP if len(source) == 4 else ICMPV6
    return with_sum(source, to, protocol, struct.pack("!BBH", type_, code, 0) + rest + payload)


def packet(source, to, protocol, payload, **how):
    return (ipv4 if len(source) == 4 else ipv6)(source, to, protocol, payload, **how)


def ethertype_of(source):
    return ETH_IPV4 if len(source) == 4 else ETH_IPV6


def virtio(csum_start=None, csum_offset=0, gso_type=0, gso_bytes=0, header_bytes=0):
    """The header that AF_PACKET takes in front of a frame (PACKET_VNET_HDR)."""
    return struct.pack("=BBHHHH", 0 if csum_start is None else 1, gso_type, header_bytes, gso_bytes,
                       csum_start or 0, csum_offset)
