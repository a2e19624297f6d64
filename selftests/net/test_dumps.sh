#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What `bpftool map dump` prints of the pinned maps is for people: what there is, nothing
# that is free, and in words that they use.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

# holds MAP FILTER: of the entries of a map, as [{key, value}].
holds() {
	bpftool -j map dump pinned "$PIN_DIR/maps/$1" | jq -c 'map(.formatted // .)' >"$LAB_DIR/dump"
	jq . "$LAB_DIR/dump"
	jq -e "$2" "$LAB_DIR/dump" >/dev/null
}
# As it is read: no more lines than a page or two for each.
lines() { # MAP MOST
	[ "$(bpftool map dump pinned "$PIN_DIR/maps/$1" | wc -l)" -le "$2" ]
}
mac() { # NS INTERFACE
	ip -n "$LAB_NAME-$1" -j link show "$2" | jq -r '.[0].address'
}
rules_with_hits() {
	holds rules 'map(select(.value.hits > 0)) | length == 1'
}

lab_up || bail "no lab"
serve db
ten='["'$LAB_DB4'/32", "10.9.0.1/32", "10.9.0.2/32", "10.9.0.3/32", "10.9.0.4/32",
	"10.9.0.5/32", "10.9.0.6/32", "10.9.0.7/32", "10.9.0.8/32", "2001:db8:9::/48"]'
feed "egress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; $ten))"
bg_start
in_feed=$(jq '[.SecurityGroups[] | .IpPermissions[], .IpPermissionsEgress[] |
	(.IpRanges // [])[], (.Ipv6Ranges // [])[], (.UserIdGroupPairs // [])[]] | length' "$FEED")
branches=$(jq '.Branches | length' "$FEED")
check "the feed has ten rules at least" test "$in_feed" -ge 10
check "rules: as many as the feed has" holds rules "length == $in_feed"
check "and a screen each" lines rules $((in_feed * 25))
check "with their peers and the direction by its name" holds rules \
	"any(.value.peer == \"$LAB_DB4/32\" and .value.direction == \"BG_EGRESS\" and .value.group == \"sg-cart\")"
check "a connection counts a hit" eval \
	'together "tcp cart $LAB_DB4 5432" "silent tcp web $LAB_DB4 5432" && wait_for rules_with_hits'

check "ifaces: those that are guarded, by name and role" holds ifaces \
	'map(select(.value.interface == "vlan.eth.9" and .value.role == "BG_ROLE_BRANCH" and .value.vlan == 9)) | length == 1'
check "and no other" holds ifaces \
	'length < 10 and all(.value.ifindex > 0 and .value.interface != "")'
check "branches: since when they are armed" holds branches \
	"length == $branches and all(.value.armed_since | fromdate > now - 3600)"
check "pods: by their addresses" holds pods \
	'map(.value.address) | contains(["10.0.47.82", "2001:db8:0:32::82"])'
check "with the hardware addresses of both ends" holds pods \
	"map(select(.value.address == \"10.0.47.82\").value | [.mac_text, .host_mac_text]) ==
		[[\"$(mac cart eth0)\", \"$(mac node vlan18582a65b10)\"]]"
check "routes: the gateway of each branch" holds routes \
	"length == $branches and all(.value.gateway4 | test(\"^10[.]\"))"
check "node: the primary interface" holds node \
	".[0].value | .primary_interface == \"eth0\" and .primary_mac_text == \"$(mac node eth0)\""
check "control: when the revision came in force" holds control \
	'.[0].value.published | fromdate > now - 3600'
check "counters: what was denied to one branch" wait_for holds counters \
	'any(.key == {vlan: 10, direction: "BG_EGRESS"} and .value.branch == "eni-web" and .value.no_rule > 0)'
check "what passed on the other" holds counters \
	'any(.key == {vlan: 9, direction: "BG_EGRESS"} and .value.rule > 0 and .value.passed_bytes > 0)'
check "and of no branch that there is not" holds counters "length == 2 * ($branches + 1)"
for map in ifaces branches pods routes counters control node; do
	check "$map: a page or two" lines $map 400
done

feed_live ".SecurityGroups |= map(.IpPermissionsEgress |= map(.Ipv6Ranges = [] | .IpRanges |= map(select(.CidrIp == \"$LAB_DB4/32\"))))"
left=$(bg rules --json | jq length)
check "rules that go leave the map" holds rules "length == $left and $left < $in_feed"
check "the one that stays keeps its hits" rules_with_hits
check "and flows still know the rest" holds former_rules "length == $in_feed - $left"
bg_kill
check "killed, the daemon leaves them as they are" rules_with_hits
bg_start
check "and the next one goes on with them" rules_with_hits
check "and with the counters" holds counters \
	'any(.key == {vlan: 10, direction: "BG_EGRESS"} and .value.no_rule > 0)'
ip -n "$LAB_NAME-node" link del vlan.eth.10
feed_live "del(branch(\"web\"))"
check "a branch that is gone and leaves the feed leaves the counters" wait_for holds counters \
	'all(.value.branch != "eni-web")'
finish
