#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# `branchguard explain --live`: verdicts by what is in force, names, other ends and the
# missing rule by the daemon's feed; and it says so when that is not what is in force.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

# asked STATUS PATTERN OPTIONS...: that status, and what it says has this.
asked() {
	local status=$1 pattern=$2 text found=0
	shift 2
	text=$(bg explain --live "$@" 2>&1) || found=$?
	echo "$text (status $found)"
	[ "$found" -eq "$status" ] && grep -qE -e "$pattern" <<<"$text"
}

# json FILTER OPTIONS...: jq -e says yes.
json() {
	local filter=$1
	shift
	bg explain --live --json "$@" | jq -e "$filter"
}

# set_feed FILTER: the daemon's feed, changed by jq.
set_feed() {
	jq "$1" "$FEED" >"$FEED.new" && mv "$FEED.new" "$FEED"
}

in_force() {
	[ "$(bg status --json | jq -r .feed_revision)" = "$1" ]
}

lab_up || bail "no lab"
lab_feed | jq --arg db "$LAB_DB4" '.Revision = "one"
	| .NetworkInterfaces = [{NetworkInterfaceId: "eni-rds", Groups: [{GroupId: "sg-0db"}],
		PrivateIpAddresses: [{PrivateIpAddress: $db}]}]
	| .SecurityGroups += [{GroupId: "sg-0db", IpPermissionsEgress: [], IpPermissions: [
		{IpProtocol: "tcp", FromPort: 5432, ToPort: 5432,
			UserIdGroupPairs: [{GroupId: "sg-web"}]}]}]
	| (.SecurityGroups[] | select(.GroupId == "sg-cart")) |= (.IpPermissions = []
		| .IpPermissionsEgress = [{IpProtocol: "tcp", FromPort: 5432, ToPort: 5432,
			UserIdGroupPairs: [{GroupId: "sg-0db"}]}])
	| (.SecurityGroups[] | select(.GroupId == "sg-web")) |= (.IpPermissions = []
		| .IpPermissionsEgress = [])' >"$FEED" || bail "no feed"
bg_start

db=(--protocol tcp --remote "$LAB_DB4" --port 5432 --direction egress)
path=(--from 10.0.47.82 --to "$LAB_DB4" --protocol tcp --port 5432)
check "the other end is judged by its own groups" asked 0 \
	"other end deny: ingress of eni-rds, not enforced on this node" -b eni-cart "${db[@]}"
check "the missing rule there" asked 0 \
	"missing  .*eni-rds's groups \(sg-0db\): ingress tcp 5432 from sg-cart" -b eni-cart "${db[@]}"
check "the missing rule here" asked 0 \
	"missing  .*eni-web's groups \(sg-web\): egress tcp 5432 to sg-0db" -b eni-web "${db[@]}"
check "a path, live" asked 0 "eni-rds +ingress deny" "${path[@]}"
check "its exit status" asked 1 "expected allow, found deny" "${path[@]}" --expect allow
check "the file is what is in force" json '.FeedFile.InForce == "yes"' -b eni-cart "${db[@]}"
check "and nothing is said of it" asked 0 "^  judged by" -b eni-cart "${db[@]}"
check "a branch that is not in force" asked 1 "in force; there are .*eni-web" -b eni-x "${db[@]}"

# The policy changes with the feed ...
set_feed '.Revision = "two"
	| (.SecurityGroups[] | select(.GroupId == "sg-0db")).IpPermissions[0].UserIdGroupPairs +=
		[{GroupId: "sg-cart"}]'
wait_for in_force two || bail "the feed does not come into force"
check "with the rule that was missing it is allowed" asked 0 "^allow" -b eni-cart "${db[@]}" \
	--expect allow
check "on the path, too" asked 0 "^allow" "${path[@]}" --expect allow

# ... and not with a file that is not in force
bg_kill
set_feed '.Revision = "three"
	| (.SecurityGroups[] | select(.GroupId == "sg-cart")).IpPermissionsEgress = []'
check "verdicts are by what is in force, not by the file" asked 0 "^allow" -b eni-cart "${db[@]}"
check "it says that the file is another" asked 0 "feed  .*is not what is in force" \
	-b eni-cart "${db[@]}"
check "on the path, too" asked 0 "feed  .*is not what is in force" "${path[@]}"
check "JSON says so" json '.FeedFile.InForce == "no" and .Verdict == "allow"' -b eni-cart "${db[@]}"
check "the missing rule and the other end are by what is in force, too" asked 0 \
	"missing  .*\(sg-web\): egress tcp 5432 to sg-0db" -b eni-web "${db[@]}"
mv "$FEED" "$FEED.away"
check "without the file, too" asked 0 "missing  .*\(sg-web\): egress tcp 5432 to sg-0db" \
	-b eni-web "${db[@]}"
check "and on a path" asked 0 "eni-rds +ingress allow" "${path[@]}"

# What is in force is not known by names without what the daemon wrote down.
held=$(grep -l "\"PinDir\": \"$PIN_DIR\"" /run/branchguard/*.json)
mv "${held%.json}.held" "$LAB_DIR/held"
check "without that there are verdicts" asked 0 "^allow" -b eni-cart "${db[@]}"
check "it says what it does not know" asked 0 "feed  .*cannot be read here: .*No such file" \
	-b eni-cart "${db[@]}"
check "the missing rule names the address then" asked 0 \
	"missing  .*\(sg-web\): egress tcp 5432 to $LAB_DB4/32" -b eni-web "${db[@]}"
check "a path needs it" asked 1 "need the daemon's feed.*give --feed FEED" "${path[@]}"
echo '{' >"$FEED"
check "a broken file is not what is in force" asked 0 "feed  .*is not what is in force: " \
	-b eni-cart "${db[@]}"

# What the daemon keeps, and whom it gave what two claim, a path knows by name.
mv "$LAB_DIR/held" "${held%.json}.held"
mv "$FEED.away" "$FEED"
bg_start
set_feed '.Revision = "four" | del(.Branches[] | select(.Id == "eni-web"))
	| (.Branches[] | select(.Id == "eni-cart")) as $cart
	| .Branches += [$cart | .Id = "eni-bad" | .VlanId = 99 | .Interface = "nosuch0"
		| .Pods[0].Name = "bad-0" | .Pods[0].HostInterface = "nosuch1"]'
wait_for in_force four || bail "the feed does not come into force"
service=(--protocol tcp --port 5432)
web=$(lab_feed | jq -r '.Branches[] | select(.Id == "eni-web") | .Pods[0].Name')
cart=$(lab_feed | jq -r '.Branches[] | select(.Id == "eni-cart") | .Pods[0].Name')
check "a branch that is kept is an end by name" asked 0 "^deny: tcp 5432 from .*$web" \
	--from "$web" --to "$LAB_DB4" "${service[@]}"
check "and by address" asked 0 "vlan.eth.10 +egress" --from 10.0.47.83 --to "$LAB_DB4" "${service[@]}"
check "the missing rule there names the group" asked 0 "egress tcp 5432 to sg-0db" \
	--from "$web" --to "$LAB_DB4" "${service[@]}"
check "an address that two claim is the living one's" asked 0 "from .*$cart" \
	--from 10.0.47.82 --to "$LAB_DB4" "${service[@]}"
check "the other one has none" asked 1 "no addresses" --from bad-0 --to "$LAB_DB4" "${service[@]}"

# A pod that is not there now has the addresses of the feed in force.
set_feed '.Revision = "five" | del(.Branches[] | select(.Id == "eni-bad"))'
wait_for in_force five || bail "the feed does not come into force"
lab_pod_delete cart
pod_is_gone() {
	bg status --json | jq -e '[.branches[] | select(.id == "eni-cart").pod_addresses[]] == []'
}
check "the pod is gone" wait_for pod_is_gone
check "its branch is judged with the pod's address, though" asked 0 "^deny: tcp 10.0.47.82:" \
	-b eni-cart "${db[@]}"
check "and with that of the other family" asked 0 "^deny: tcp .2001:db8:0:32::82.:" \
	-b eni-cart --protocol tcp --remote "$LAB_DB6" --port 5432 --direction egress
bg_kill
mv "${held%.json}.held" "$LAB_DIR/held"
mv "$FEED" "$FEED.away"
check "where nobody knows it, one is told what to type" asked 1 \
	"no IPv4 address of branch eni-cart is known: .*by --local IP" -b eni-cart "${db[@]}"
check "which is what is asked for" asked 0 "^deny: tcp 10.0.47.82:" -b eni-cart "${db[@]}" --local 10.0.47.82

# Nobody waits for what somebody put where the daemon's state was.
asks_in_time() {
	lab_exec node timeout 20 "$BG" explain --live --pin-dir "$PIN_DIR" -b eni-cart "${db[@]}" --local 10.0.47.82 2>&1 |
		grep -e 'feed  .*no state file says'
}
rm "$held"
mkfifo "$held"
check "a pipe in the place of the state is not waited for" asks_in_time
rm "$held"
finish
