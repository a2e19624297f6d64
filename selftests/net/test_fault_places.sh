#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Each place in the program that asks something of the kernel, by netlink or bpf(), fails
# once: where a daemon does its work; in a start that takes over, and what differs in a first
# one; and at the end; by tcx, and what differs by clsact. Throughout, what is denied is sent and must not
# arrive, and a connection goes on; afterwards the daemon does its work, and nothing is left
# over. No kind of call may be left out: a new one fails here without a line of its own.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/net/trouble.sh
. selftests/net/trouble.sh

ERRNOS=ENOMEM,EINTR,ENOBUFS,EBUSY
MOST_STARTS=300

hits() {
	grep -c . "$FAULT.hits" 2>/dev/null || [ -e "$FAULT.hits" ] || echo 0
}

# begin_each WHEN HOW: each place fails that has not failed yet in such a time.
begin_each() {
	end
	begin none "$2"
	touch "$LAB_DIR/failed-$1"
	cp "$LAB_DIR/failed-$1" "$FAULT.hits"
	begin_anew any "$2" each
}

end_each() {
	end
	cp "$FAULT.hits" "$LAB_DIR/failed-$1"
}

# What has never failed: CALL, and what stands there.
never_failed() {
	local call place
	cat "$FAULT.past" "$FAULT.hits" | awk '{ print $1, $3 }' | sort -u >"$LAB_DIR/failed"
	sort -u "$FAULT.sites" | comm -23 - "$LAB_DIR/failed" | while read -r call place; do
		# shellcheck disable=SC2086 # several words
		echo "$call $(addr2line -s -f -e "$BG" ${place//,/ } | paste -sd ' ')"
	done
}

kinds_that_never_failed() {
	comm -23 <(cut -d ' ' -f 1 "$FAULT.sites" | sort -u) <(cut -d ' ' -f 1 "$LAB_DIR/failed" | sort -u)
}

# --- a daemon at work -----------------------------------------------------------------------
ROUND=0
# do_work: what makes it pass by as many places as may be, in one round.
do_work() {
	local pin
	ROUND=$((ROUND + 1))
	comes 77 2>/dev/null
	# somebody else's filter, perhaps before ours are there
	lab_exec node tc qdisc add dev vlan.eth.77 clsact
	lab_exec node tc filter add dev vlan.eth.77 ingress prio 9 u32 match u32 0 0
	case $((ROUND % 3)) in
	0) feed "$MORE" ;;
	1) feed "$BASE" ;;
	esac
	bpftool map delete pinned "$PIN_DIR/maps/pods" key hex \
		00 00 00 00 00 00 00 00 00 00 ff ff 0a 00 2f 52
	for pin in maps/pods programs/tc_branch_egress maps/image links/vlan_eth_9-; do
		rm -f "$PIN_DIR/$pin"*
	done
	stir_routes
	sleep 0.1
	case $((ROUND % 2)) in
	0) goes_first 77 ;;
	1) goes 77 ;;
	esac
	sleep 0.3
} 2>/dev/null

# Until no place is new for some rounds.
each_at_work() {
	local before quiet=0
	begin_each work "$ERRNOS"
	while [ $quiet -lt 4 ]; do
		before=$(hits)
		do_work
		quiet=$((quiet + 1))
		[ "$(hits)" -eq "$before" ] || quiet=0
		nothing_passed || return
	done
	end_each work
	talk out
}

# --- and afterwards ----------------------------------------------------------------------
# heals: all is as it was, and nothing is left of what came and went.
heals() {
	end
	goes 77
	feed "$BASE"
	wait_for feed_in_force && wait_for is_whole && goes_on
}

is_whole() {
	places_are_kept && is_tidy
}

programs_attached() {
	lab_exec node bpftool -j net show | jq '[.[].tc[]] | length'
}

is_tidy() {
	echo "rules: $(bpftool -j map dump pinned "$PIN_DIR/maps/rules" | jq length) of $RULES"
	echo "programs: $(programs_attached) of $ATTACHED"
	knows_no_dead_interface && [ "$(bpftool -j map dump pinned "$PIN_DIR/maps/rules" | jq length)" = "$RULES" ] &&
		[ "$(programs_attached)" = "$ATTACHED" ]
}

counted() {
	bg status --json | jq '[.. | .reasons? // empty | .[]] | add'
}

# --- starts ------------------------------------------------------------------------------------
# each_start COMMAND...: starts until one passes all places, none of which is new. Between
# two of them the command holds.
each_start() {
	local before
	STARTS=0
	begin_each start ENOMEM
	while before=$(hits); do
		bg_spawn --attach "$CHOICE" "${XDP[@]}"
		wait_for ended_or_ready
		STARTS=$((STARTS + 1))
		"$@" || return
		! is_running || [ "$(hits)" -gt "$before" ] || break
		[ $STARTS -lt $MOST_STARTS ] || return
		bg_kill
	done
	end_each start
	echo "# $BY: $STARTS starts, $(hits) places"
}

ended_or_ready() {
	bg_says '"ready"' || ! is_running
}

holds() {
	talk out && nothing_passed && is_attached_as_it_was
} >"$LAB_DIR/holds"

lab_up || bail "no lab"
serve db
BASE=.
# a rule, a group of a branch, and a branch with a pod
MORE='egress("sg-cart"; permission("tcp"; 80; 90; anywhere)) | (branch("cart")).GroupIds += ["sg-web"] |
	.Branches += [{Id: "eni-more", VlanId: 77, GroupIds: ["sg-web"],
		Pods: [{Namespace: "shop", Name: "more-0", Addresses: ["10.0.47.99"], HostInterface: "far77"}]}]'
: >"$FAULT.sites"
for BY in tcx clsact; do
	XDP=() CHOICE=$BY
	# by the daemon's own choice, where it may be tcx
	[ $BY != tcx ] || XDP=(--xdp branch) CHOICE=auto
	rm -f "$FEED"
	feed "egress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\"]))"
	cp "$FEED" "$LAB_DIR/base"
	BASE="(.Revision as \$r | $(jq -c . "$LAB_DIR/base") | .Revision = \$r)"
	haste 10
	bg_start --attach $CHOICE "${XDP[@]}"
	PLACES=$(places)
	RULES=$(bpftool -j map dump pinned "$PIN_DIR/maps/rules" | jq length)
	ATTACHED=$(programs_attached)
	watch_filters
	connect out cart "$LAB_DB4" 5432
	check "$BY: a connection talks" talk out
	flood
	each_at_work
	result $? "$BY: while each place fails once, what is in force stays"
	COUNTED=$(counted)
	check "$BY: and afterwards the daemon works, and nothing is left over" heals
	check "$BY: nothing that was counted is lost" test "$(counted)" -ge "$COUNTED"
	haste 1
	bg_kill
	each_start holds
	result $? "$BY: a start that takes over, where each place fails once, comes to its end"
	PLACES=$(places)
	check "$BY: and afterwards the daemon works, and nothing is left over" heals
	begin_each end "$ERRNOS"
	bg_stop
	result $? "$BY: where each place fails once, the daemon ends as it should"
	end_each end
	check "$BY: and what is in force stays" holds
	stop_floods
	check "$BY: much was denied, and nothing passed" nothing_passed
	kill $TC_PID
	wait $TC_PID 2>/dev/null
	bg unload
	# what differs if there is nothing to take over
	each_start true
	result $? "$BY: a first start, where each place fails once, comes to its end"
	bg_stop
	bg unload
done
# (Which places are passed depends on what comes when, too.)
never_failed | sed 's/^/# never failed: /'
# On a busy machine a process beside the daemon may have come to its call before it was to fail,
# each time: such a kind is asked for by its name.
bg_start --attach "$CHOICE"
for kind in $(kinds_that_never_failed); do
	begin "$kind" ENOMEM
	feed "$MORE"
	wait_for hit "$kind"
	end
done
bg_stop
bg unload
cut -d ' ' -f 1 "$FAULT.past" "$FAULT.hits" | sort -u >"$LAB_DIR/failed"
check "each kind of call failed" fails eval 'kinds_that_never_failed | grep .'
finish
