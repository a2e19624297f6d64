#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# A feed of 1,000,000 members and 20,000 rules is put in force: meanwhile interfaces that
# appear are armed as soon as at any other time, and SIGTERM is heard.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

MEMBERS=1000000 RULES=20000
[ -z "${BG_IN_VM:-}" ] || MEMBERS=100000 RULES=2000
to_db="tcp cart $LAB_DB4 5432"
no_web="silent tcp web $LAB_DB4 5432"

# large N: the feed with so many members more, at addresses of their own, and rules of its own.
large() {
	{
		jq -c --arg revision "large $1" --argjson first "$1" --argjson groups $((RULES / 500)) '
			del(.NetworkInterfaces) | .Revision = $revision |
			.SecurityGroups += [{GroupId: "sg-many", IpPermissions: [{IpProtocol: "tcp", FromPort: 1, ToPort: 1,
				UserIdGroupPairs: [{GroupId: "sg-many"}]}]}] |
			.SecurityGroups += [range($groups) | {GroupId: "sg-\(.)", IpPermissions: [range(500) as $port |
				{IpProtocol: "tcp", FromPort: ($first + $port + 1), ToPort: ($first + $port + 1),
				 IpRanges: [{CidrIp: "100.200.\(.).0/24"}]}]}] |
			(.Branches[] | select(.VlanId == 10)).GroupIds += [range($groups) | "sg-\(.)"]' \
			"$LAB_DIR/small.json" | sed 's/}$/, "NetworkInterfaces": [/'
		awk -v many="$MEMBERS" -v first="$1" 'BEGIN {
			for (i = 0; i < many; i += 50) {
				printf("%s{\"NetworkInterfaceId\": \"eni-%x\", \"Groups\": [{\"GroupId\": \"sg-many\"}], ", (i ? ",\n" : ""), i)
				printf("\"PrivateIpAddresses\": [")
				for (k = i + first; k < i + first + 50; k++)
					printf("%s{\"PrivateIpAddress\": \"100.%d.%d.%d\"}", (k == i + first ? "" : ","),
						k / 65536, k / 256 % 256, k % 256)
				print "]}"
			}
			print "]}"
		}'
	} >"$LAB_DIR/large.json"
}

# armed_after VLAN: sets MS to how long it takes until an interface that appears is armed.
armed_after() {
	local at line
	from_here_on
	at=$(date +%s%3N)
	ip -n "$LAB_NAME-node" link add "vlan.eth.$1" type veth peer name "far$1"
	wait_for bg_says "\"armed\".* interface=vlan.eth.$1 " || return
	line=$(tail -n "+$((BG_LOG_BEFORE + 1))" "$BG_LOG" | grep -m 1 "\"armed\".* interface=vlan.eth.$1 ")
	MS=$(($(date -d "${line%% *}" +%s%3N) - at))
	ip -n "$LAB_NAME-node" link del "vlan.eth.$1"
}

# worst_of MOST COMMAND...: while it succeeds, interfaces appear, at most so many: WORST.
worst_of() {
	local most=$1
	shift
	WORST=0 SEEN=0
	while [ $SEEN -lt "$most" ] && "$@"; do
		armed_after $((100 + SEEN)) || return
		SEEN=$((SEEN + 1))
		[ "$MS" -le "$WORST" ] || WORST=$MS
	done
}

# Of the step of the loop in which the large feed came in force, STEP_MS, and what all of that
# took beside it, WORK_MS.
times_of_large() {
	local now
	now=$(tail -n "+$((LARGE_FROM + 1))" "$BG_LOG")
	WORK_MS=$(grep '"revision in force"' <<<"$now" | grep -o 'publish_ms=[0-9]*' | cut -d = -f 2)
	STEP_MS=$(grep 'step=revision ' <<<"$now" | grep -o ' ms=[0-9]*' | cut -d = -f 2 | sort -n | tail -n 1)
	: "${STEP_MS:=0}" # too short to be told
}

under_way() {
	! tail -n "+$((LARGE_FROM + 1))" "$BG_LOG" | grep -q '"revision in force"\|feed refused'
}

lab_up || bail "no lab"
serve db
feed "egress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\"]))"
bg_start --log-level debug
connect out cart "$LAB_DB4" 5432
cp "$FEED" "$LAB_DIR/small.json"
large 0

worst_of 12 true
USUAL=$WORST
LARGE_FROM=$(wc -l <"$BG_LOG")
cp "$LAB_DIR/large.json" "$LAB_DIR/next.json"
mv "$LAB_DIR/next.json" "$FEED"
worst_of 400 under_way
# shellcheck disable=SC2016
check "$SEEN interfaces that appear while $MEMBERS members come in force are armed in $WORST ms at most, at other times in $USUAL" \
	eval '[ "$SEEN" -ge 2 ] && [ "$WORST" -le $((3 * USUAL + 200)) ]'
check "meanwhile what is denied is, and a connection talks" together "talk out" "$no_web"
times_of_large
check "the loop has $STEP_MS ms to do with it at a time, of $WORK_MS ms that publishing takes" \
	test "$STEP_MS" -le $((WORK_MS / 2 + 20))
check "the feed is in force" eval 'bg status --json | jq -e ".feed_revision == \"large 0\""'
check "and enforced" together "$to_db" "$no_web"

# --- SIGTERM, while the next one is under way -----------------------------------------------
large 500
LARGE_FROM=$(wc -l <"$BG_LOG")
mv "$LAB_DIR/large.json" "$FEED"
check "its parser is at work" wait_for pgrep -P "$BG_PID" -f "^branchguard-parser "
AT=$(date +%s%3N)
bg_stop
ENDED=$(($(date +%s%3N) - AT))
check "SIGTERM ends it in $ENDED ms while a large feed is under way" eval \
	'under_way && [ '"$ENDED"' -le 1000 ]'
check "what was in force stays" together "talk out" "$no_web"
finish
