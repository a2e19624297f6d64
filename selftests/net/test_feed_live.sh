#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The feed changes under the running daemon: edited, swapped, broken, gone.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

to_db="tcp cart $LAB_DB4 5432"
to_client="tcp cart $LAB_CLIENT4 5432"
refused() {
	bg status --json | jq -e '.feed.last_refused.error'
}
refused_for() {
	refused | grep -q -- "$1"
}
not_refused() {
	! refused
}

lab_up || bail "no lab"
serve db
serve client
check "without branchguard both are reached" together "$to_db" "$to_client"

feed "egress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\"]))"
bg_start
check "one of them has a rule" together "$to_db" "silent $to_client"
first=$(bg status --json | jq .revision)

feed_live "no_rules(\"sg-cart\") | egress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_CLIENT4/32\"]))"
check "an edit moves the rule to the other" together "silent $to_db" "$to_client"
check "it is another revision" test "$(bg status --json | jq .revision)" -gt "$first"
feed_live "egress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\"]))"
check "another edit allows both" together "$to_db" "$to_client"

# --- what is wrong changes nothing --------------------------------------------
good=$(cat "$FEED")
revision=$(bg status --json | jq .revision)
bad_feed() {
	local name=$1 text=$2 why=$3
	printf '%s' "$text" >"$LAB_DIR/bad.json" && mv "$LAB_DIR/bad.json" "$FEED"
	check "$name is refused, and why" wait_for refused_for "$why"
	check "$name: what was in force stays" together "$to_db" "$to_client" \
		"test $(bg status --json | jq .revision) = $revision"
}
bad_feed "a truncated feed" "${good:0:${#good}/2}" 'feed.json:[0-9]*:[0-9]*'
bad_feed "an empty feed" "" 'feed.json'
bad_feed "a feed with a wrong type" "$(jq '.Branches[0].VlanId = "nine"' <<<"$good")" '/Branches/0/VlanId'
bad_feed "a feed that is not UTF-8" "${good/eni-cart/eni-$'\xff\xfe'}" 'UTF'
rm "$FEED" && mkdir "$FEED"
check "a directory in the feed's place is refused" wait_for refused_for 'directory'
check "and what was in force stays" together "$to_db" "$to_client"
rmdir "$FEED"
check "a vanished feed is reported" wait_for refused_for 'No such file'
check "and what was in force stays" together "$to_db" "$to_client"
check "the daemon logged each of them" test "$(grep -c 'feed refused' "$BG_LOG")" -ge 6
printf '%s\n' "$good" >"$FEED"
check "the feed comes back and is accepted" wait_for not_refused

# A writer that takes its time.
next=$(jq '.Revision = "90"' <<<"$good")
printf '%s' "${next:0:500}" >"$FEED"
sleep 0.3
printf '%s' "${next:500}" >>"$FEED"
check "a feed that is written in two parts comes in force" wait_for \
	eval '[ "$(bg status --json | jq -r .feed_revision)" = 90 ]'
check "nothing was cut on the way" together "$to_db" "$to_client"
bg_stop
check "SIGTERM ends the daemon, not the enforcement" together "$to_db" "silent tcp cart $LAB_DB4 5433"

# --- a feed that outgrows the image maps --------------------------------------------
printf '%s\n' "$good" >"$FEED"
bg_start --image-mib 1
check "with the least of room" together "$to_db" "$to_client"
connect lasting cart "$LAB_DB4" 5432
check "a connection that lasts" talk lasting
feed 'ingress("sg-cart"; permission("tcp"; 81; 81;
	[range(20000) | "\(11 + . % 80).\(. / 80 | floor % 256).\(. * 7 % 256).1/32"]))'
check "a feed that does not fit is refused, with the figure" wait_for refused_for 'image-mib'
check "and what was in force stays" together "$to_db" "$to_client" "talk lasting"
bg_stop
bg_start --image-mib 4
check "started with more room it is accepted" feed_in_force
check "the programs were loaded again" bg_says 'loaded again.* capacity_kib=4096'
check "rules and connections go on" together "$to_db" "$to_client" "talk lasting"
bg_stop

# --- a mounted ConfigMap: FEED -> ..data/feed.json, ..data -> ..N ---------------------
mount=$LAB_DIR/mount
mkdir -p "$mount"
put_version() {
	mkdir "$mount/..$1"
	mv "$FEED" "$mount/..$1/feed.json"
	ln -s "..$1" "$mount/..data_tmp"
	mv -T "$mount/..data_tmp" "$mount/..data"
}
feed 'no_rules("sg-cart")'
cp "$FEED" "$LAB_DIR/keep.json"
put_version 1
ln -s ..data/feed.json "$mount/feed.json"
real_feed=$FEED
FEED=$mount/feed.json
bg_start
check "a feed behind two symlinks is read" none "$to_db" "$to_client"
FEED=$real_feed
cp "$LAB_DIR/keep.json" "$FEED"
feed "egress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\"]))"
put_version 2
rm -r "$mount/..1"
FEED=$mount/feed.json
check "the swap of its symlink is followed" wait_for feed_in_force
check "and the verdict changes" together "$to_db" "silent $to_client"
finish
