#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Random groups of one pod, as a feed and as the ruleset that says the same in nftables.

  groups.py SEED LAB-FEED FEED RULESET VETH BRANCH-INTERFACE

LAB-FEED is the feed of the lab without rules. Addresses and ports are few, so that
random packets often meet a rule.
"""
import json
import random
import sys

HOSTS = {4: ["10.0.2.20", "10.0.2.21", "10.0.3.30", "10.0.3.31", "203.0.113.10", "198.51.100.7"],
         6: ["2001:db8:0:2::20", "2001:db8:0:2::21", "2001:db8:0:3::30", "2001:db8:f000::10"]}
PORTS = [53, 80, 443, 5432, 5433, 8080, 40000]
CIDRS = {4: ["10.0.2.0/24", "10.0.3.0/24", "10.0.2.20/32", "10.0.3.31/32", "0.0.0.0/0",
             "203.0.113.0/24", "10.0.0.0/16", "198.51.100.0/25"],
         6: ["2001:db8:0:2::/64", "2001:db8:0:3::30/128", "::/0", "2001:db8:f000::/48",
             "2001:db8::/48"]}
PROTOCOLS = ["tcp"] * 5 + ["udp"] * 4 + ["icmp"] * 2 + ["icmpv6"] * 2 + ["-1", "50", "132"]


class Groups:
    def __init__(self, random):
        self.random = random
        self.lists = {"pl-%d" % i: random.sample(CIDRS[4] + CIDRS[6], random.randint(0, 4))
                      for i in range(2)}
        self.members = {"sg-%d" % i: random.sample(HOSTS[4] + HOSTS[6], random.randint(0, 4))
                        for i in range(2)}
        self.ingress = [self.permission() for _ in range(random.randint(0, 10))]
        self.egress = [self.permission() for _ in range(random.randint(0, 10))]

    def permission(self):
        random, protocol = self.random, self.random.choice(PROTOCOLS)
        low, high = -1, -1
        if protocol in ("tcp", "udp"):
            low, high = sorted(random.choices(PORTS, k=2)) if random.random() < 0.5 else \
                [random.choice(PORTS)] * 2
        elif protocol == "icmp":
            low, high = random.choice([(-1, -1), (8, -1), (8, 0), (3, 4), (0, 0), (11, -1)])
        elif protocol == "icmpv6":
            low, high = random.choice([(-1, -1), (128, -1), (128, 0), (2, 0), (129, 0), (3, -1)])
        cidrs = random.sample(CIDRS[4] + CIDRS[6], random.randint(0, 5))
        said = {"IpProtocol": protocol, "IpRanges": [{"CidrIp": c} for c in cidrs if ":" not in c],
                "Ipv6Ranges": [{"CidrIpv6": c} for c in cidrs if ":" in c],
                "UserIdGroupPairs": [], "PrefixListIds": []}
        if protocol != "-1":
            said.update(FromPort=low, ToPort=high)
        if random.random() < 0.3:
            said["UserIdGroupPairs"] = [{"GroupId": random.choice(sorted(self.members))}]
        if random.random() < 0.3:
            said["PrefixListIds"] = [{"PrefixListId": random.choice(sorted(self.lists))}]
        return said

    def feed(self, base):
        base["SecurityGroups"] += [{"GroupId": group, "IpPermissions": [], "IpPermissionsEgress": []}
                                   for group in self.members]
        for group in base["SecurityGroups"]:
            if group["GroupId"] == "sg-cart":
                group["IpPermissions"], group["IpPermissionsEgress"] = self.ingress, self.egress
        base["PrefixLists"] = [{"PrefixListId": name, "Entries": [{"Cidr": cidr} for cidr in cidrs]}
                               for name, cidrs in self.lists.items()]
        base["NetworkInterfaces"] = [
            {"NetworkInterfaceId": "eni-" + group, "Groups": [{"GroupId": group}],
             "PrivateIpAddresses": [{"PrivateIpAddress": a} for a in members if ":" not in a],
             "Ipv6Addresses": [{"Ipv6Address": a} for a in members if ":" in a]}
            for group, members in self.members.items()]
        return base

    # --- the same in nftables -----------------------------------------------------

    def ruleset(self, veth, branch):
        lines = ["flush ruleset", "table inet groups {", " chain forward {",
                 "  type filter hook forward priority 0; policy accept",
                 "  iifname %s oifname %s goto egress" % (veth, branch),
                 "  iifname %s oifname %s goto ingress" % (branch, veth), " }"]
        for name, end, permissions in (("egress", "daddr", self.egress),
                                       ("ingress", "saddr", self.ingress)):
            lines += [" chain %s {" % name, "  ct state established,related accept"]
            lines += ["  " + rule for permission in permissions
                      for rule in self.rules(permission, end)]
            lines += ["  drop", " }"]
        return "\n".join(lines + ["}", ""])

    def rules(self, permission, end):
        cidrs = [r["CidrIp"] for r in permission["IpRanges"]]
        cidrs += [r["CidrIpv6"] for r in permission["Ipv6Ranges"]]
        for pair in permission["UserIdGroupPairs"]:
            cidrs += self.members[pair["GroupId"]]
        for entry in permission["PrefixListIds"]:
            cidrs += self.lists[entry["PrefixListId"]]
        for cidr in cidrs:
            family = "ip6" if ":" in cidr else "ip"
            where = "%s %s %s" % (family, end, cidr)
            if cidr.endswith("/0"):
                where = "meta nfproto " + ("ipv6" if family == "ip6" else "ipv4")
            what = self.what(permission, family)
            if what is not None:
                yield ("%s %s accept" % (where, what)).replace("  ", " ")

    @staticmethod
    def what(permission, family):
        """None: this protocol is not of that family."""
        protocol = permission["IpProtocol"]
        if protocol == "-1":
            return ""
        low, high = permission["FromPort"], permission["ToPort"]
        if protocol in ("tcp", "udp"):
            return "%s dport %d-%d" % (protocol, low, high)
        if protocol in ("icmp", "icmpv6"):
            if (protocol == "icmp") != (family == "ip"):
                return None
            said = "meta l4proto " + protocol
            if low >= 0:
                said += " %s type %d" % (protocol, low)
            if high >= 0:
                said += " %s code %d" % (protocol, high)
            return said
        return "meta l4proto " + protocol


def main(seed, lab_feed, feed, ruleset, veth, branch):
    groups = Groups(random.Random(int(seed)))
    with open(lab_feed) as file:
        base = json.load(file)
    base["Revision"] = "groups-" + seed
    with open(feed, "w") as file:
        json.dump(groups.feed(base), file)
    with open(ruleset, "w") as file:
        file.write(groups.ruleset(veth, branch))


if __name__ == "__main__":
    main(*sys.argv[1:])
