#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What is alive is not forgotten because a document lacks it, and one bad entry never holds up
# the node: with packets, through documents, restarts and interfaces that come and go.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

to_db="tcp cart $LAB_DB4 5432"
# Not allowed to cart, before and after.
denied="silent tcp cart $LAB_DB4 5433"
web_denied="silent tcp web $LAB_DB4 5432"

# kept KIND ID: it is in force although the document lacks it.
kept() {
	bg status --json | jq -e --arg kind "$1" --arg id "$2" \
		'.feed.kept | any(.kind == $kind and .id == $id and (.since | length > 0))'
}
left_out() {
	bg status --json | jq -e --arg what "$1" '.feed.left_out | any(.what == $what)'
}
in_force() {
	bg status --json | jq -e --arg id "$1" '.branches | any(.id == $id)'
}

lab_up || bail "no lab"
serve db
feed "egress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\"]))"
cp "$FEED" "$LAB_DIR/good.json"
bg_start
connect lasting cart "$LAB_DB4" 5432
check "cart and the database" together "$to_db" "$denied" "$web_denied" "talk lasting"

# --- documents that lack what lives ---------------------------------------------------
feed_live '.Branches = [] | .SecurityGroups = []'
check "an empty document: the connection of a living branch lives on" talk lasting
check "new ones are judged by the rules that it had" together "$to_db" "$denied" "$web_denied"
check "the log says so at once" bg_says 'feed lacks a branch that is alive.*branch="eni-cart"'
check "and of the group that it needs" bg_says 'feed lacks a group.*group="sg-cart"'
check "so does status" together "kept branch eni-cart" "kept branch eni-web" "kept group sg-cart"
check "in words" eval 'bg status | grep "eni-cart.*feed lacks"'
check "and the metrics" eval 'bg status --metrics | grep "branchguard_kept{kind=\"branch\"} 2"'
feed_live '.SecurityGroups = [{GroupId: "sg-cart", IpPermissions: [], IpPermissionsEgress: []}]'
check "an explicit empty list takes effect at once" none "$to_db"
check "but a tracked connection lives on, as ever" talk lasting
feed_live '.SecurityGroups = []'
check "a group that is gone after that was empty last" none "$to_db"
cp "$LAB_DIR/good.json" "$FEED"
feed_live '.'
check "the document has it all again" together "$to_db" "$denied" "talk lasting"
check "nothing is kept any more" eval 'bg status --json | jq -e ".feed.kept == []"'
feed_live 'branch("cart").GroupIds = []'
check "GroupIds [] cuts off at once" none "$to_db"

# --- who gets what is claimed twice ------------------------------------------------------
cp "$LAB_DIR/good.json" "$FEED"
feed_live '.Branches += [(branch("cart") | .Id = "eni-bad" | .GroupIds = [] | .Pods[0].Addresses = ["10.99.0.1"] | .Pods[0].HostInterface = "nosuch0")]'
check "a VLAN that another branch claims, too: the living one has it" together "$to_db" "$denied" "talk lasting"
check "the other one is left out, and status says so" left_out eni-bad
check "nor is the feed well" eval 'bg health | grep "^degraded *feed *1 of its branches and addresses.* left out.*eni-bad"'
feed_live '.Branches = [.Branches[2], .Branches[0], .Branches[1]]'
check "whatever stands first" together "$to_db" "$denied" "talk lasting"
feed_live '.Branches = [.Branches[1], .Branches[2]] | branch("web").Pods[0].Addresses += [branch("cart").Pods[0].Addresses[0]]'
check "an address of two living pods: who had it has it" together "$to_db" "$denied" "talk lasting"
check "for the other it is left out" left_out "$(jq -r '.Branches[0].Pods[0].Addresses[0]' "$FEED")"
from_here_on
feed_live '.Branches += [range(40) as $i | branch("cart") | .Id = "eni-more" | .VlanId += 100 + $i | .Interface = "x\($i)" | .Pods = []]'
check "of many that are left out some stand in the log" test "$(bg_says "a branch is left out" | wc -l)" = 10
check "and how many more there are" bg_says "there are more of them.*more=30"
feed_live '[range(100000) | {Id: "eni-\(.)", VlanId: 77, Pods: []}] as $many | .Branches += $many'
check "of a hundred thousand status names some" wait_for eval \
	'bg status --json | jq -e ".feed.left_out_count > 100000 and (.feed.left_out | length) == 100"'
check "the state is small, in spite of them" eval \
	'[ "$(grep -l "\"PinDir\": \"$PIN_DIR\"" /run/branchguard/*.json | xargs stat -c %s)" -lt 100000 ]'
check "health counts them in a line" eval 'bg health | grep "^degraded *feed *1000[0-9][0-9] of its branches"'
check "and the node does its work" together "$to_db" "$denied" "talk lasting"
feed_live '.Branches |= map(select(.VlanId < 77))'
bg_kill
bg_start
check "the next daemon knows who had it" together "$to_db" "$denied" "talk lasting"

# --- restarts ---------------------------------------------------------------------------
cp "$LAB_DIR/good.json" "$FEED"
feed_live '.'
feed_live '.Branches = [] | .SecurityGroups = []'
since=$(bg status --json | jq -r '.feed.kept[0].since')
bg_kill
bg_start
check "after kill -9 what was kept is kept" together "$to_db" "$denied" "$web_denied" "talk lasting"
check "since when it is" test "$(bg status --json | jq -r '.feed.kept[0].since')" = "$since"
held=$(grep -l "\"PinDir\": \"$PIN_DIR\"" /run/branchguard/*.json)
held=${held%.json}
check "its files are the user's alone" \
	eval '[ "$(stat -c %a "$held".held "$held".feed? | sort -u)" = 600 ]'

cp "$LAB_DIR/good.json" "$FEED"
feed_live '.'
bg_stop
feed '.Branches = [] | .SecurityGroups = []'
bg_start
check "a document that lacked everything while no daemon ran" together "$to_db" "$denied" "talk lasting"
check "is no other" kept branch eni-cart

# signal_at_start SIGNAL: a daemon gets it as soon as it takes any, long before it knows what is kept.
signal_at_start() {
	bg_stop
	bg_spawn
	wait_for grep -q '^SigBlk:.*4003$' "/proc/$BG_PID/status"
	kill "-$1" "$BG_PID"
}
signal_at_start TERM
wait "$BG_PID"
check "ended while it starts, a daemon ends well" test $? -eq 0
BG_PID=
check "and what was kept is in force still" together "$to_db" "$denied" "$web_denied" "talk lasting"
bg_start
check "the next one keeps it" kept branch eni-cart
signal_at_start HUP
check "told to read the feed while it starts, it starts" wait_for bg_says '"ready"'
check "and keeps what was kept" wait_for kept branch eni-cart
check "which is in force" together "$to_db" "$denied" "$web_denied" "talk lasting"

cp "$LAB_DIR/good.json" "$FEED"
feed_live 'del(branch("web"))'
bg_kill
echo oops >"$FEED"
bg_spawn
check "a restart with a broken feed has all in force again" wait_for bg_says '"ready"'
check "by the document that was in force" bg_says 'taken up again'
check "with what was kept beside it" together "in_force eni-cart" "kept branch eni-web"
check "and it guards it" together "$to_db" "$denied" "$web_denied" "talk lasting"
check "that the feed is refused is said" eval 'bg status --json | jq -e .feed.last_refused.error'
cp "$LAB_DIR/good.json" "$FEED"
check "until it is right again" wait_for eval 'bg status --json | jq -e ".feed.kept == [] and .feed.last_refused == null"'

# damaged NAME COMMAND...: what is held, after that, is not believed; and nothing opens.
damaged() {
	local name=$1
	shift
	bg_stop
	"$@"
	echo oops >"$FEED"
	bg_spawn
	check "$name: the daemon starts all the same" wait_for bg_says '"ready"'
	check "$name: and says what is wrong" bg_says 'daemon before.*cannot be read'
	check "$name: the datapath goes on as it was" together "$to_db" "$denied" "$web_denied" "talk lasting"
	cp "$LAB_DIR/good.json" "$FEED"
	check "$name: with a good feed all is well" wait_for eval 'bg status --json | jq -e ".feed.last_refused == null and .feed.kept == []"'
}
damaged "a file that is cut short" truncate -s -1 "$held.held"
damaged "one of somebody else" eval 'mv "$held".held "$held".x && ln -s "$held".x "$held".held'
rm -f "$held.x"
damaged "another document" eval 'for f in "$held".feed?; do echo "{}" >"$f"; done'

# --- until its interface is gone ------------------------------------------------------------
cp "$LAB_DIR/good.json" "$FEED"
feed_live 'del(branch("web"))'
check "a branch that is kept" kept branch eni-web
ip -n "$LAB_NAME-node" link del vlan.eth.10
check "is forgotten with its interface" wait_for fails in_force eni-web
check "and the others go on" together "$to_db" "talk lasting"
bg_stop
bg unload >/dev/null
check "unload takes it all away" eval '! ls "$held".*'
finish
