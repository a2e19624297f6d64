# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The places of the lab: where frames go in, and where they come out."""
import ctypes
import json
import os
import socket
import struct
import subprocess

import wire
from wire import address as packed

SOL_PACKET, PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING, PACKET_AUXDATA = 263, 15, 23, 8
SO_RCVBUFFORCE = 33
NETLINK_NETFILTER, CT_DELETE = 12, 1 << 8 | 2
NLM_F_REQUEST, NLM_F_ACK = 1, 4
CLONE_NEWNET = 0x40000000
# For local experiments (IEEE 802), said to nobody but ourselves.
ETH_LAST = 0x88B5
HOPS = 5
SETTLED_S = 120
TAG_VALID = 1 << 4
libc = ctypes.CDLL(None, use_errno=True)


def enter(namespace):
    with open("/run/netns/" + namespace, "rb") as file:
        if libc.setns(file.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns " + namespace)


def as_frame(raw, data, source, to):
    """What a raw socket of IP says, as the others do: those of IPv6 leave the header out."""
    ethertype = wire.ETH_IPV4
    if raw.family == socket.AF_INET6:
        ethertype = wire.ETH_IPV6
        data = wire.packet(packed(source.split("%")[0]), to, raw.proto, data)
    return wire.ethernet(b"\0" * 6, b"\0" * 6, ethertype, data)


def forget_connections(namespace):
    """Netfilter there does (IPCTNL_MSG_CT_DELETE for none in particular)."""
    enter(namespace)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as netlink:
        netlink.send(struct.pack("=IHHIIBBH", 20, CT_DELETE, NLM_F_REQUEST | NLM_F_ACK, 1, 0, 0, 0, 0))
        error = struct.unpack_from("=i", netlink.recv(4096), 16)[0]
    if error:
        raise OSError(-error, "asking netfilter to forget connections: " + os.strerror(-error))


class Lab:
    """Names, addresses and interfaces of lab.sh. Branches are called after their VLAN."""

    hosts = {4: ["10.0.2.20", "10.0.3.30", "203.0.113.10"],
             6: ["2001:db8:0:2::20", "2001:db8:0:3::30", "2001:db8:f000::10"]}
    services = {4: ["10.0.0.2", "169.254.169.254", "169.254.169.253", "169.254.169.123"],
                6: ["fd00:ec2::253", "fd00:ec2::254", "fd00:ec2::123"]}
    links = {4: ["224.0.0.1", "255.255.255.255", "239.1.2.3"],
             6: ["ff02::1", "ff02::2", "ff05::5", "fe80::1"]}
    node = {4: "10.0.1.10", 6: "2001:db8:0:1::10"}

    def __init__(self, name):
        self.name = name
        self.pods, self.branch_of, interfaces = {}, {}, {"eth0": "eth0"}
        # eth2: of a node that has another network interface besides
        self.doors = {"eth0": ("fabric", "node"), "eth2": ("fabric", "second")}
        for names in (self.hosts, self.services, self.links):
            for family in names:
                names[family] = [packed(a) for a in names[family]]
        for family in self.node:
            self.node[family] = packed(self.node[family])
        with open("/run/branchguard-lab/%s/pods" % name) as file:
            for line in file:
                pod, vlan, _, address4, address6, veth = line.split()
                branch = self.branch_of[pod] = "vlan" + vlan
                self.pods[pod] = {4: packed(address4), 6: packed(address6)}
                self.doors[pod] = (pod, "eth0")
                self.doors[branch] = ("fabric", "vlan." + vlan)
                interfaces[pod], interfaces[branch] = veth, "vlan.eth." + vlan
        with open("/run/branchguard-lab/%s/kind" % name) as file:
            # where branches are on a trunk, frames with tags can go into that
            if file.read().strip() == "vlan":
                self.doors["trunk"] = ("fabric", "trunk")
        self.macs = {place: self.mac(interface) for place, interface in interfaces.items()}

    def mac(self, interface):
        said = subprocess.run(["ip", "-j", "-n", self.name + "-node", "link", "show", "dev",
                               interface], stdout=subprocess.PIPE, check=False).stdout
        # one that is gone has none, and frames for it go by any
        return bytes.fromhex(json.loads(said)[0]["address"].replace(":", "")) if said else b"\2" * 6


class Doors:
    """Sockets at all places, in their namespaces. At the trunk nothing is taken in that
    does not arrive at a branch, too."""

    def __init__(self, lab):
        self.out, self.plain, self.taps = {}, {}, []
        for place, (namespace, interface) in lab.doors.items():
            enter(lab.name + "-" + namespace)
            for table, virtio in ((self.out, 1), (self.plain, 0)):
                table[place] = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
                table[place].setsockopt(SOL_PACKET, PACKET_VNET_HDR, virtio)
                try:
                    table[place].bind((interface, 0))
                except OSError: # it is not there
                    del table[place]
            if place not in self.plain or place == "trunk":
                continue
            tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            tap.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
            tap.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
            tap.bind((interface, 3))
            self.add(place, tap)
        enter(lab.name + "-fabric")
        self.last = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_LAST))
        self.last.bind(("lo", ETH_LAST))
        self.last.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        self.last.settimeout(SETTLED_S)
        self.rounds = 0
        enter(lab.name + "-node")
        for family, protocols in ((socket.AF_INET, (1, 6, 17, 47, 50, 132)),
                                  (socket.AF_INET6, (58, 6, 17, 47, 50, 132))):
            for protocol in protocols:
                tap = socket.socket(family, socket.SOCK_RAW, protocol)
                if family == socket.AF_INET6:
                    tap.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
                self.add("node", tap)

    def add(self, place, tap):
        tap.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        tap.setblocking(False)
        self.taps.append((place, tap))

    def send(self, shot):
        """Whether the kernel takes it at all: it looks at what a device is asked for."""
        try:
            if shot.virtio:
                self.out[shot.origin].send(shot.virtio + shot.frame)
            else:
                self.plain[shot.origin].send(shot.frame)
        except OSError:
            return False
        return True

    def settle(self):
        """Until what was sent is where it goes. All of it waits in one queue, that of this
        CPU, once for each interface on its way: when what was put behind it has come out so many
        times, nothing is left."""
        for _ in range(HOPS):
            self.rounds += 1
            self.last.send(b"\0" * 12 + struct.pack("!HQ", ETH_LAST, self.rounds))
            while struct.unpack_from("!Q", self.last.recv(64), 14)[0] != self.rounds:
                pass

    def arrived(self):
        for place, tap in self.taps:
            while True:
                try:
                    data, more, _, sender = tap.recvmsg(4096, 128)
                except BlockingIOError:
                    break
                tag, to = 0, None
                for level, kind, value in more:
                    if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
                        status, _, _, _, _, tci, _ = struct.unpack("=IIIHHHH", value[:20])
                        tag = tci if status & TAG_VALID else 0
                    elif (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO):
                        to = value[:16]
                if place == "node":
                    data = as_frame(tap, data, sender[0], to)
                yield place, data, tag
