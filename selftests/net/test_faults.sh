#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Calls of the daemon fail while everything is armed: each kind of them, by each errno,
# all for a while, and every second one; by tcx and by clsact. Throughout, what is denied is sent
# and must not arrive, a connection goes on, and no program leaves its place; afterwards
# the daemon does its work again.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/net/trouble.sh
. selftests/net/trouble.sh

ERRNOS=EINTR,EBUSY,ENOBUFS,ENOMEM
ANSWERS=$ERRNOS,send-ENOBUFS,answer-EBUSY,answer-ENOMEM,short,truncated,attribute

FED= # the feed is another one, and shall come in force
XDP_TOO=

# (The two interfaces that come and go may be unguarded while calls fail.)
said_nothing_false() {
	! grep -e 'somebody took' -e 'somebody removed' -e 'start empty' "$BG_LOG" &&
		! grep -e 'is not guarded' "$BG_LOG" | grep -v 'interface=vlan\.eth\.7[78]'
}

# --- what the daemon has to do meanwhile --------------------------------------------------
xdp_is_there() {
	lab_exec node bpftool -j net show | jq -e '[.[].xdp[] | select(.devname | test("^vlan.eth.7[78]$"))] | length == 2'
}

both_are_guarded() {
	is_guarded 77 && is_guarded 78
}

# An interface, routes, neighbours, and what makes the daemon call what shall fail.
make_work() {
	local index=
	FED=
	XDP_TOO=
	case $1 in
	map-*) feed . && FED=1 ;;
	esac
	case $1 in
	link | neigh) # the address of a pod's interface is asked for again
		bpftool map delete pinned "$PIN_DIR/maps/pods" key hex \
			00 00 00 00 00 00 00 00 00 00 ff ff 0a 00 2f 52
		;;
	map-lookup) # its place in the map of interfaces is that of vlan.eth.9
		index=$(($(ip -n "$LAB_NAME-node" -j link show vlan.eth.9 | jq '.[0].ifindex') + 1024))
		;;
	map-update) # an interface with programs of somebody else is noted as one
		if [ ! -e "$LAB_DIR/foreign" ]; then
			lab_exec node tc qdisc add dev vlan.eth.9 clsact
			lab_exec node tc filter add dev vlan.eth.9 ingress prio 9 u32 match u32 0 0
			echo >"$LAB_DIR/foreign"
		else
			lab_exec node tc qdisc del dev vlan.eth.9 clsact
			rm "$LAB_DIR/foreign"
		fi
		;;
	if_indextoname | link-detach | map-delete) # of an interface that has gone; or ours goes first
		comes 77
		wait_for is_guarded 77
		[ "$1" != link-detach ] || { goes_first 77 && wait_for hit "$1"; }
		goes 77
		wait_for hit "$1"
		;;
	link-create-xdp)
		XDP_TOO=1
		;;
	xdp-query) # whose program is in the way?
		XDP_TOO=1
		ip -n "$LAB_NAME-node" link add taken type veth peer name far77
		lab_exec node ip link set taken xdpgeneric pinned "$PIN_DIR/programs/xdp_branch"
		ip -n "$LAB_NAME-node" link set taken name vlan.eth.77
		wait_for hit "$1"
		lab_exec node ip link set vlan.eth.77 xdpgeneric off
		;;
	esac
	comes 77 $index 2>/dev/null
	stir_routes
}

# stays CALL: while calls fail, what is in force stays so.
stays() {
	wait_for hit "$1" && sleep 0.2 && goes_on
}

# heals: the faults have ended, and so soon all is well.
heals() {
	end
	comes 77 2>/dev/null
	comes 78
	wait_for both_are_guarded && { [ -z "$FED" ] || wait_for feed_in_force; } &&
		{ [ -z "$XDP_TOO" ] || wait_for xdp_is_there; } && wait_for knows_no_dead_interface && goes_on
}

# suffers CALL HOW [FIRST [STEP [COUNT]]]: a case.
suffers() {
	local name="$BY: $1 fails${4:+ every second time}"
	begin "$@"
	make_work "$1"
	check "$name: what is in force stays" stays "$1"
	check "$name: and afterwards the daemon works" heals
	goes 77
	goes 78
}

# all_and_half HOW CALL...: all calls for a while, and every second one.
all_and_half() {
	local how=$1 call
	shift
	for call; do
		suffers "$call" "$how"
		suffers "$call" "$how" 1 2
	done
}

each_call() {
	all_and_half "$ANSWERS" link-dump filter-dump
	all_and_half "$ERRNOS" if_indextoname obj-info map-delete
	suffers socket EMFILE,ENOBUFS,ENOMEM
	if [ "$BY" = clsact ]; then
		all_and_half "$ANSWERS" filter
		all_and_half "$ANSWERS" set-filter set-qdisc
		return
	fi
	all_and_half "$ANSWERS" route-dump link neigh use-neigh
	suffers link-dump interrupted
	suffers rule-dump "$ANSWERS"
	suffers route-dump interrupted
	suffers filter-dump interrupted
	suffers event ENOBUFS,ENOMEM,short,truncated,attribute
	suffers event ENOMEM,short,attribute 1 2
	all_and_half "$ERRNOS" link-create prog-query obj-get obj-pin map-lookup map-update map-next \
		map-create map-freeze map-update-batch link-detach
}

# A feed for which the programs are loaded a second time, with a larger map.
suffers_growth() {
	local name="$BY: $1 fails when a feed outgrows its map"
	begin "$1" "$ERRNOS"
	feed '.SecurityGroups[0].IpPermissions += [range(8000) |
		permission("tcp"; . + 1000; . + 1000; ["10.\(. % 250).\(. / 250 | floor).0/24"])]'
	check "$name: what is in force stays" stays "$1"
	end
	wait_for feed_in_force
	LINKS_BEFORE=$PLACES
	PLACES=$(places)
	check "$name: and afterwards the daemon works" grew
	feed 'no_rules("sg-web")'
}

# With the links that were there, and other programs.
grew() {
	[ "$(jq -s -c 'map(.[0])' <<<"$LINKS_BEFORE")" = "$(jq -s -c 'map(.[0])' <<<"$PLACES")" ] &&
		[ "$LINKS_BEFORE" != "$PLACES" ] && programs_are_new && goes_on
}

each_call_of_xdp() {
	bg_kill
	bg_start --attach $BY --xdp branch
	PLACES=$(places)
	all_and_half "$ERRNOS" link-create-xdp
	all_and_half "$ANSWERS" xdp-query
	XDP_TOO=
	bg_kill
	bg_start --attach $BY
	PLACES=$(places)
}

# starts_with CALL FIRST [ARGUMENTS...]: the start suffers. A daemon may give up then, and
# the next one takes over what there is.
starts_with() {
	local call=$1 first=$2 name="$BY: a start, where $1 fails" flows
	shift 2
	[ "$first" = all ] || name="$name as call $first"
	flows=$(bg flows --json | jq length)
	bg_kill
	case $first in
	all) begin "$call" ENOMEM ;;
	*) begin "$call" ENOMEM "$first" 1 1 ;;
	esac
	bg_spawn --attach "$BY" "$@"
	wait_for ended_or_ready
	check "$name: what is in force stays" eval "hit $call && talk out && nothing_passed"
	end
	is_running || bg_start --attach "$BY" "$@"
	feed .
	check "$name: the next revision is in force, with the flows, and by new programs" goes_on_after_start "$flows"
}

ended_or_ready() {
	bg_says '"ready"' || ! is_running
}

goes_on_after_start() {
	wait_for feed_in_force && wait_for programs_are_new && is_attached_as_it_was && talk out && nothing_passed &&
		bg flows --json | jq -e --argjson least "$1" 'length >= $least'
}

# All that is attached is of this daemon.
programs_are_new() {
	local attached ours program
	attached=$(lab_exec node bpftool -j net show | jq -c '[.[].tc[] | .prog_id // .id] | unique')
	ours=$(for program in "$PIN_DIR"/programs/*; do bpftool -j prog show pinned "$program"; done |
		jq -s -c 'map(.id)')
	jq -n -e --argjson attached "$attached" --argjson ours "$ours" \
		'($attached | length > 0) and $attached - $ours == []'
}

each_start() {
	local replace=link-update
	if [ "$BY" = clsact ]; then
		replace=set-filter
		starts_with filter 3
	else
		# (else it would attach by the other way)
		starts_with prog-query 1 --attach auto
	fi
	starts_with $replace 1
	# with a policy map of another size, which old programs do not know
	starts_with $replace all --image-mib 64
}

# While the daemon is stopped, interfaces come and go until its socket overruns.
storm() {
	local churners=() churner
	ip netns add "$LAB_NAME-storm"
	kill -STOP "$BG_PID"
	for i in {1..400}; do
		echo "link add storm$i type veth peer name storm$i netns $LAB_NAME-storm"
	done | lab_ip node
	for churner in a b c; do
		churn $churner &
		churners+=($!)
	done
	check "$BY: a storm: the daemon's socket overruns" wait_for overran
	kill -CONT "$BG_PID"
	sleep 3
	check "$BY: a storm: what is in force stays" goes_on
	kill "${churners[@]}"
	wait "${churners[@]}" 2>/dev/null
	check "$BY: a storm: and afterwards the daemon works" heals
	goes 77
	goes 78
	ip netns del "$LAB_NAME-storm"
}

churn() {
	local churner=$1
	while :; do
		for i in {1..10}; do
			echo "link add $churner$i type veth peer name $churner$i netns $LAB_NAME-storm"
			echo "link set $churner$i up"
			echo "link del $churner$i"
		done | lab_ip node
	done 2>/dev/null
}

# By the drops of a socket of NETLINK_ROUTE.
overran() {
	lab_exec node awk '$2 == 0 && $9 > 0 { n++ } END { exit !n }' /proc/net/netlink
}

# front_unanswered HOW: somebody's filter comes first, and the call fails by which ours goes
# before it again.
front_unanswered() {
	local name="$BY: going to the front fails ($1)"
	begin set-filter "$1" 1 1 1
	lab_exec node tc filter add dev vlan.eth.9 ingress prio 1 handle 0x77 bpf bytecode '1,6 0 0 0'
	check "$name: it is first again" wait_for eval 'hit set-filter && [[ $(filters) == ours* ]]'
	check "$name: and there once" eval 'filters; [ "$(filters)" = "ours other" ]'
	end
	lab_exec node tc filter del dev vlan.eth.9 ingress prio 1 handle 0x77 bpf
}
# killed_on_the_way: between the two steps of going there, so that ours stands twice.
killed_on_the_way() {
	local handle
	bg_kill
	handle=$(lab_exec node tc -j filter show dev vlan.eth.9 ingress | jq -r '.[].options.handle // empty')
	lab_exec node tc filter add dev vlan.eth.9 ingress prio 1 handle $((handle ^ 0xb670 ^ 0xb6f0)) \
		protocol all bpf da object-pinned "$PIN_DIR/programs/tc_branch_ingress"
	check "$BY: killed on the way to the front: ours stands twice" test "$(filters)" = "ours ours"
	bg_start --attach "$BY"
	check "$BY: killed on the way to the front: once by the next daemon" test "$(filters)" = ours
}
# In the order in which they are asked.
filters() {
	lab_exec node tc -j filter show dev vlan.eth.9 ingress |
		jq -r '[.[] | select(.options.handle) | if .options.handle == "0x77" then "other" else "ours" end] | join(" ")'
}

lab_up || bail "no lab"
serve db
feed "egress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\"]))"
for BY in tcx clsact; do
	bg_start --attach $BY
	PLACES=$(places)
	watch_filters
	connect out cart "$LAB_DB4" 5432
	check "$BY: a connection talks" talk out
	flood
	check "$BY: what is denied does not pass" goes_on
	each_call
	[ $BY != tcx ] || each_call_of_xdp
	storm
	[ $BY != tcx ] || suffers_growth prog-load
	each_start
	stop_floods
	check "$BY: nobody is said to have taken anything away, and no map started empty" \
		said_nothing_false
	check "$BY: much was denied, and nothing passed" nothing_passed
	if [ "$BY" = clsact ]; then
		front_unanswered ENOBUFS
		front_unanswered send-ENOBUFS
		killed_on_the_way
	fi
	kill $TC_PID
	wait $TC_PID 2>/dev/null
	bg_stop
	bg unload
done
finish
