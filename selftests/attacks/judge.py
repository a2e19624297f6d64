# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Where may a frame arrive? By the contract alone: what security groups promise,
not by how the programs in bpf/ go about it.

The judge is asked frame by frame, in the order in which they are sent, and
remembers what it admitted. It says where a frame MAY arrive. Where the contract leaves
something to the program (a clock, who gives way in a full table), it may.
"""
import ipaddress
import struct

import wire
from wire import ACK, ECHO, ERRORS, ICMP, ICMPV6, SYN, TCP, UDP

NAMES = {"tcp": TCP, "udp": UDP, "icmp": ICMP, "icmpv6": ICMPV6}
# What EC2 never filters, if the pod asks: addresses, protocols, port.
PLATFORM = [
    ({"169.254.169.253", "fd00:ec2::253"}, (TCP, UDP), 53),
    ({"169.254.169.254", "fd00:ec2::254"}, (TCP,), 80),
    ({"169.254.170.2"}, (TCP,), 80),
    ({"169.254.169.123", "fd00:ec2::123"}, (UDP,), 123),
    ({"169.254.169.250", "169.254.169.251", "fd00:ec2::250", "fd00:ec2::251"}, (TCP,), 1688),
]
LINK6 = ipaddress.ip_network("fe80::/10")
# The largest that one of them has to be: the options that RFC 4861 and 3810 know.
DISCOVERY_BYTES = 1280
# IPv6 header and the one hop-by-hop header that MLD goes behind.
ROUTER_ALERT_BYTES = 48


class Pod:
    def __init__(self, name, branch, addresses, gate):
        """gate: MAC of the host's end of its veth."""
        self.name, self.branch, self.gate = name, branch, gate
        self.addresses = {wire.address(a) for a in addresses}


class Branch:
    def __init__(self, name, mac, mode, ingress, egress):
        self.name, self.mac, self.mode = name, mac, mode
        self.rules = {"ingress": ingress, "egress": egress}
        self.pods = []
        self.flows, self.fragments = set(), set()
        # with whom somebody spoke: protocol, address, port
        self.partners = set()

    def owns(self, address):
        return any(address in pod.addresses for pod in self.pods)


class Verdict:
    """places: where the frame may arrive. why: what decided."""

    __slots__ = ("places", "why")

    def __init__(self, why, places=()):
        self.why, self.places = why, frozenset(places)


class Node:
    """The feed, and the interfaces as they are.

    macs: of interfaces of the node, by name. Branches are places called after their VLAN
    ("vlan9"), pods after themselves; "eth0" is the primary interface's other end, and
    "node" the sockets of the node itself.
    """

    def __init__(self, feed, macs):
        node = feed["Node"]
        self.macs = macs
        self.addresses = {wire.address(a) for a in node["Addresses"]}
        self.platform = self.platform_services(node)
        self.vpc = [ipaddress.ip_network(cidr) for cidr in node.get("VpcCidrs", [])]
        self.branches, self.pods = {}, {}
        groups = {group["GroupId"]: group for group in feed["SecurityGroups"]}
        members = self.members_of(feed)
        for entry in feed["Branches"]:
            ids = entry.get("GroupIds", feed.get("DefaultGroupIds", []))
            rules = [[Rule(permission, members, feed) for group in ids if group in groups
                      for permission in groups[group].get(key, [])]
                     for key in ("IpPermissions", "IpPermissionsEgress")]
            name = "vlan%d" % entry["VlanId"]
            branch = self.branches[name] = Branch(name, macs[name], entry.get("Mode", "strict"), *rules)
            for pod in entry["Pods"]:
                short = pod["Name"].rsplit("-", 1)[0]
                self.pods[short] = Pod(short, branch, pod["Addresses"], macs[short])
                branch.pods.append(self.pods[short])

    @staticmethod
    def platform_services(node):
        services = set()
        if node.get("PlatformTraffic") == "filter":
            return services
        resolvers = {str(ipaddress.ip_network(cidr)[2]) for cidr in node.get("VpcCidrs", [])
                     if ":" not in cidr}
        for addresses, protocols, port in PLATFORM:
            if port == 53:
                addresses = addresses | resolvers
            services |= {(wire.address(a), p, port) for a in addresses for p in protocols}
        return services

    @staticmethod
    def members_of(feed):
        members = {}
        for interface in feed.get("NetworkInterfaces", []):
            mine = [a["PrivateIpAddress"] for a in interface.get("PrivateIpAddresses", [])]
            mine += [a["Ipv6Address"] for a in interface.get("Ipv6Addresses", [])]
            mine += [a["Ipv4Prefix"] for a in interface.get("Ipv4Prefixes", [])]
            mine += [a["Ipv6Prefix"] for a in interface.get("Ipv6Prefixes", [])]
            for group in interface.get("Groups", []):
                members.setdefault(group["GroupId"], []).extend(mine)
        for branch in feed["Branches"]:
            mine = [a for pod in branch["Pods"] for a in pod["Addresses"]]
            for group in branch.get("GroupIds", feed.get("DefaultGroupIds", [])):
                members.setdefault(group, []).extend(mine)
        return members

    # --- by where a frame comes from ---------------------------------------

    def judge(self, origin, frame, virtio=None):
        """origin: a pod, a branch ("vlan9": a stranger on its VLAN) or "eth0"."""
        try:
            packet = wire.read_frame(frame)
        except wire.Bad as bad:
            return Verdict(str(bad))
        if origin in self.pods:
            pod = self.pods[origin]
            if pod.branch.mode == "standard":
                return self.from_standard_pod(pod, packet, virtio)
            return self.from_pod(pod, packet, virtio)
        if origin == "eth0":
            return self.from_primary(packet, virtio)
        return self.from_branch(self.branches[origin], packet, virtio)

    def from_pod(self, pod, packet, virtio):
        if packet.ethertype == wire.ETH_ARP:
            return Verdict("ARP is for the link", ["node"])
        if packet.family is None:
            return Verdict("neither IP nor ARP")
        if is_discovery(packet):
            return judge_discovery(packet, lambda source: source in pod.addresses, from_pod=True)
        if stays_on_link(packet):
            return Verdict("on the link of the pod's own")
        if packet.mac_to != pod.gate:
            return Verdict("for another MAC")
        if packet.source not in pod.addresses:
            return Verdict("source is not the pod's")
        if spoils_headers(packet, virtio):
            return Verdict("checksum to fill in lies in what is judged")
        why = self.admits(pod.branch, "egress", packet)
        if not why:
            return Verdict("no rule, egress")
        places = {pod.branch.name}
        if packet.to in self.addresses:
            places.add("node")
        for other in self.pods.values():
            if packet.to in other.addresses and other is not pod and \
               self.admits(other.branch, "ingress", packet):
                places.add(other.name)
        return Verdict(why, places)

    def from_standard_pod(self, pod, packet, virtio):
        """What stays on the node is not filtered. The rest leaves by the branch, or, out of the
        VPC, by the primary interface with the node's address, unless netfilter cannot track it;
        without node groups the branch's alone admit it."""
        if packet.ethertype == wire.ETH_ARP or packet.family is None:
            return Verdict("not IP", ["node"] if packet.ethertype == wire.ETH_ARP else [])
        if is_discovery(packet) or stays_on_link(packet) or packet.to in self.addresses:
            return Verdict("to its own node", ["node"])
        if packet.mac_to != pod.gate:
            return Verdict("for another MAC")
        if packet.source not in pod.addresses:
            return Verdict("source is not the pod's")
        near = [other.name for other in self.pods.values() if other is not pod and
                packet.to in other.addresses and other.branch.mode == "standard"]
        if near:
            return Verdict("to a standard pod of the node", near)
        if spoils_headers(packet, virtio):
            return Verdict("checksum to fill in lies in what is judged")
        why = self.admits(pod.branch, "egress", packet)
        if not why:
            return Verdict("no rule, egress")
        out_of_vpc = packet.family == 4 and not any(
            ipaddress.ip_address(packet.to) in cidr for cidr in self.vpc)
        places = {pod.branch.name, "eth0"} if out_of_vpc else {pod.branch.name}
        for other in self.pods.values():
            if packet.to in other.addresses and self.admits(other.branch, "ingress", packet):
                places.add(other.name)
        return Verdict(why, places)

    def from_branch(self, branch, packet, virtio):
        if packet.ethertype == wire.ETH_ARP:
            return Verdict("ARP is for the link", ["node"])
        if packet.family is None:
            return Verdict("neither IP nor ARP")
        to = [pod.name for pod in branch.pods if packet.to in pod.addresses]
        if is_discovery(packet):
            verdict = judge_discovery(packet, lambda source: True, from_pod=False)
            # one for a pod's own address may be brought to it
            return Verdict(verdict.why, verdict.places | set(to)) if verdict.places else verdict
        if is_dhcp_answer(packet):
            return Verdict("DHCP for a client of the host's own", ["node"])
        if not to:
            return Verdict("destination is not the branch's")
        # XDP does not see what is yet to be filled in: what a rule admits may open its flow
        # there, as it may without; the frame itself goes nowhere
        why = self.admits(branch, "ingress", packet)
        if spoils_headers(packet, virtio):
            return Verdict("checksum to fill in lies in what is judged")
        if not why:
            return Verdict("no rule, ingress")
        if packet.mac_to != branch.mac:
            return Verdict("for another MAC")
        return Verdict(why, to)

    def from_primary(self, packet, virtio):
        """Strict pods have no way in from here, and the node's own traffic is nobody's to judge."""
        if packet.ethertype == wire.ETH_ARP:
            return Verdict("ARP is for the link", ["node"])
        for pod in self.pods.values():
            if packet.to not in pod.addresses:
                continue
            if pod.branch.mode != "standard" or spoils_headers(packet, virtio):
                return Verdict("not by the primary interface")
            why = self.admits(pod.branch, "ingress", packet)
            return Verdict(why or "no rule, ingress", [pod.name] if why else [])
        return Verdict("the node's own", {"node"} | self.behind_snat(packet))

    # --- what netfilter makes of standard pods' packets ----------------------

    def behind_snat(self, packet):
        """Those to which it may bring one for the node, as the answer to what they said with the
        node's address. Their own port it may have changed."""
        sender, port = packet.source, packet.source_port
        if packet.to not in self.addresses or packet.later_fragment:
            return set()
        if wire.is_icmp(packet) and packet.type in ERRORS[packet.protocol]:
            packet = wire.read_quote(packet)
            if not packet:
                return set()
            sender, port = packet.to, packet.port
        return {pod.name for pod in self.pods.values() if pod.branch.mode == "standard" and
                (packet.protocol, sender, port) in pod.branch.partners}

    def renumbered(self, packet):
        """It brought one to a pod with another port of its sender, because two flows would have been
        alike: that is where the pod answers to."""
        for pod in self.pods.values():
            if packet.to in pod.addresses:
                opened = flow_keys("ingress", packet, packet.to, packet.source)["opens"]
                pod.branch.flows |= {opened} if opened else set()

    def is_renumbered_back(self, packet):
        """Such an answer, as it leaves."""
        return any((packet.protocol, packet.to, packet.port) in branch.partners
                   for branch in self.branches.values() if branch.mode == "standard")

    # --- what lets it pass ---------------------------------------------------

    def admits(self, branch, direction, packet):
        """Why it passes, or None; what is admitted is remembered."""
        part = (direction, packet.source, packet.to, packet.protocol, packet.fragment_id)
        if packet.later_fragment:
            return "its first fragment passed" if part in branch.fragments else None
        local, remote = packet.source, packet.to
        if direction == "ingress":
            local, remote = remote, local
        why = self.admits_whole(branch, direction, packet, local, remote)
        if why and packet.more:
            branch.fragments.add(part)
        return why

    def admits_whole(self, branch, direction, packet, local, remote):
        flows = branch.flows
        keys = flow_keys(direction, packet, local, remote)
        new = packet.protocol == TCP and packet.flags & (SYN | ACK) == SYN
        if not new and any(key in flows for key in keys["tracked"]):
            return "tracked"
        if wire.is_icmp(packet) and packet.type in ERRORS[packet.protocol] and \
           self.about_flow(branch, direction, packet):
            return "error about a flow"
        why = None
        if direction == "egress" and (remote, packet.protocol, packet.port) in self.platform:
            why = "platform"
        elif any(rule.admits(packet, remote) for rule in branch.rules[direction]):
            why = "rule"
        if why and keys["opens"]:
            flows.add(keys["opens"])
            port = packet.port if direction == "egress" else packet.source_port
            branch.partners.add((packet.protocol, remote, port))
        return why

    @staticmethod
    def about_flow(branch, direction, packet):
        quote = wire.read_quote(packet)
        if not quote:
            return False
        if direction == "egress":
            # about what the pod was sent, to whom sent it, and by the pod that got it
            if packet.source != quote.to or packet.to != quote.source:
                return False
            was, local, remote = "ingress", quote.to, quote.source
        else:
            # about what the pod has sent; any router may say so
            if packet.to != quote.source:
                return False
            was, local, remote = "egress", quote.source, quote.to
        keys = flow_keys(was, quote, local, remote)
        return any(key in branch.flows for key in keys["any"])


class Rule:
    def __init__(self, permission, members, feed):
        protocol = str(permission["IpProtocol"])
        self.protocol = None if protocol == "-1" else NAMES.get(protocol) or int(protocol)
        self.low, self.high = permission.get("FromPort", -1), permission.get("ToPort", -1)
        cidrs = [r["CidrIp"] for r in permission.get("IpRanges", [])]
        cidrs += [r["CidrIpv6"] for r in permission.get("Ipv6Ranges", [])]
        for pair in permission.get("UserIdGroupPairs", []):
            cidrs += members.get(pair["GroupId"], [])
        lists = {p["PrefixListId"]: p for p in feed.get("PrefixLists", [])}
        for entry in permission.get("PrefixListIds", []):
            cidrs += [e["Cidr"] for e in lists.get(entry["PrefixListId"], {}).get("Entries", [])]
        self.networks = {4: [], 16: []}
        for cidr in cidrs:
            network = ipaddress.ip_network(cidr)
            size = len(network.network_address.packed)
            shift = size * 8 - network.prefixlen
            self.networks[size].append((shift, int(network.network_address) >> shift))

    def admits(self, packet, remote):
        value = int.from_bytes(remote, "big")
        if not any(value >> shift == network for shift, network in self.networks[len(remote)]):
            return False
        if self.protocol is None:
            return True
        if self.protocol != packet.protocol:
            return False
        if packet.protocol in (TCP, UDP):
            return self.low == -1 or self.low <= packet.port <= self.high
        if wire.is_icmp(packet):
            return self.low in (-1, packet.type) and self.high in (-1, packet.code)
        return packet.protocol not in (ICMP, ICMPV6)


def flow_keys(direction, packet, local, remote):
    """Names of the flow that a packet opens, of those that it may belong to, and of
    those that an error may be about."""
    protocol = packet.protocol
    other = "egress" if direction == "ingress" else "ingress"
    if protocol in (TCP, UDP):
        ports = (packet.source_port, packet.port)
        if direction == "ingress":
            ports = ports[::-1]
        key = (protocol, local, remote) + ports
        return {"opens": key, "tracked": [key], "any": [key]}
    if wire.is_icmp(packet):
        if packet.type not in ECHO[protocol]:
            return {"opens": None, "tracked": [], "any": []}
        # the two directions of echo are two flows
        asks = packet.type == ECHO[protocol][0]
        key = (protocol, local, remote, packet.echo_id, direction if asks else other)
        return {"opens": key if asks else None, "tracked": [key], "any": [key]}
    key = (protocol, local, remote)
    return {"opens": key, "tracked": [key], "any": [key]}


# --- what holds for all ------------------------------------------------------


def is_link(address):
    return len(address) == 16 and ipaddress.ip_address(address) in LINK6


def stays_on_link(packet):
    """Multicast, broadcast and IPv6's link-local: no rule takes them any further."""
    if packet.mac_to[0] & 1:
        return True
    if packet.family == 6:
        return packet.to[0] == 0xFF or is_link(packet.to)
    return packet.to[0] & 0xF0 == 0xE0 or packet.to == b"\xff" * 4


def is_dhcp_answer(packet):
    """From a server on the branch's link, for nobody's pod."""
    if packet.protocol != UDP or packet.later_fragment:
        return False
    ports = (packet.source_port, packet.port)
    if packet.family == 4:
        return ports == (67, 68) and packet.to == b"\xff" * 4
    return ports == (547, 546) and is_link(packet.source) and is_link(packet.to)


def is_discovery(packet):
    """Of a type of ND or MLD, whether it is right or not."""
    return packet.protocol == ICMPV6 and packet.family == 6 and not packet.later_fragment and \
        packet.type in (130, 131, 132, 133, 134, 135, 136, 137, 143)


def judge_discovery(packet, is_own, from_pod):
    """RFC 4861 § 4 and 7.1, RFC 2710 and 3810: from where and to where each may go."""
    source, to = packet.source, packet.to
    nobody = source == b"\0" * 16
    wrong = Verdict("discovery that its RFC does not know")
    if packet.code or packet.end - packet.l4 > DISCOVERY_BYTES or packet.more:
        return wrong
    if packet.type in (130, 131, 132, 143): # MLD: hop limit 1, from the link, to multicast
        good = packet.hop_limit == 1 and (is_link(source) or nobody) and \
            (to[0] == 0xFF or is_link(to)) and packet.l4 - packet.l3 <= ROUTER_ALERT_BYTES
        return Verdict("MLD", ["node"]) if good else wrong
    if packet.hop_limit != 255 or packet.options:
        return wrong
    if not (nobody or is_link(source) or is_own(source)):
        return wrong
    if packet.type in (134, 137): # router advertisement, redirect
        if from_pod or not is_link(source):
            return wrong
    if nobody and (packet.type not in (133, 135) or to[0] != 0xFF):
        return wrong
    if packet.type == 133 and to[0] != 0xFF and not is_link(to):
        return wrong
    return Verdict("neighbour discovery", ["node"])


def spoils_headers(packet, virtio):
    """A checksum that is filled in after the verdict, elsewhere than in its own place."""
    if not virtio:
        return False
    flags, _, _, _, start, offset = struct.unpack("=BBHHHH", virtio)
    if not flags & 1:
        return False
    at = start + offset
    if packet.later_fragment:
        return at + 2 > 0 and at < packet.l4
    headers = packet.l4 + wire.HEADER_BYTES.get(packet.protocol, 0)
    if packet.protocol in wire.CHECKSUM_AT and start == packet.l4 and \
       offset == wire.CHECKSUM_AT[packet.protocol]:
        return False
    return at < headers
