# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034 # lib.sh reads them
#
# For socket tests in which the daemon is in trouble: its calls fail, and what is denied
# is sent throughout. To be read after lib.sh.

FAULT=$LAB_DIR/fault
FIRST_TOOL=$(realpath -m "${BG_BUILD:-build}")/selftests/net/tool_tcx_first
PRELOAD=$(realpath -m "${BG_BUILD:-build}")/selftests/net/fault.so

# Every daemon is one whose calls can fail.
BG_ENVIRONMENT=(BG_FAULT_FILE="$FAULT" LD_PRELOAD="$PRELOAD")

# haste [TIMES]: of those that come, each looks after things so many times as often.
haste() {
	BG_ENVIRONMENT[2]=BG_FAULT_HASTE=${1:-1}
}

# begin CALL HOW [FIRST [STEP [COUNT]]]: as fault.c reads it. What has failed until now is in FAULT.past.
begin() {
	cat "$FAULT.hits" >>"$FAULT.past" 2>/dev/null
	rm -f "$FAULT.hits"
	begin_anew "$@"
}

# The same, going on with FAULT.hits.
begin_anew() {
	echo "$*" >"$FAULT.new"
	# all interfaces are listed when events were lost
	[ "$1" != link-dump ] || echo "event ENOBUFS" >>"$FAULT.new"
	# and neighbours asked for where the peer is not known
	[ "$1" != neigh ] || echo "link answer-ENOMEM" >>"$FAULT.new"
	mv "$FAULT.new" "$FAULT"
}

end() {
	rm -f "$FAULT"
}

# hit CALL: one has failed.
hit() {
	grep -q "^$1 " "$FAULT.hits"
}

is_running() {
	[ -e "/proc/$BG_PID" ] && [[ $(ps -o stat= -p "$BG_PID") != Z* ]]
}

# --- what is denied -------------------------------------------------------------------------
# In both families and both directions, and who must not get it listens.
flood() {
	capture client eth0 "(icmp or icmp6) and (src net 10.0.32.0/20 or src net 2001:db8:0:32::/64)"
	AT_CLIENT=$CAPTURE
	capture cart eth0 icmp and src net 10.0.2.0/24
	AT_CART=$CAPTURE
	FLOODS=()
	ping_from cart "$LAB_CLIENT4"
	ping_from web "$LAB_CLIENT6"
	ping_from client 10.0.47.82
}

# (Not by lab_exec: $! must be ping itself.)
ping_from() {
	nsenter --net="/run/netns/$LAB_NAME-$1" -- ping -q -i 0.02 "$2" >/dev/null &
	FLOODS+=($!)
}

stop_floods() {
	kill "${FLOODS[@]}"
	wait "${FLOODS[@]}" 2>/dev/null
	for CAPTURE in "$AT_CLIENT" "$AT_CART"; do
		capture_end
	done
}

nothing_passed() {
	cat "$AT_CLIENT" "$AT_CART"
	! grep -q . "$AT_CLIENT" && ! grep -q . "$AT_CART"
}

# --- what must go on ---------------------------------------------------------------------
# Who is where: each link with its program (a new link is a gap), or each filter.
places() {
	if [ "$BY" = tcx ]; then
		for link in "$PIN_DIR"/links/*; do
			[[ $link =~ (vlan_eth_|far)7[78] ]] || bpftool -j link show pinned "$link"
		done | jq -c '[.id, .prog_id]'
	else
		lab_exec node bpftool -j net show | jq -c '.[].tc[] |
			select(.devname | test("^(vlan.eth.|far)7[78]$") | not) | [.devname, .kind, .id]' | sort
	fi
}

# A filter that was taken away and put back is seen by its events alone.
watch_filters() {
	lab_exec node tc monitor >"$LAB_DIR/tc" &
	TC_PID=$!
}

places_are_kept() {
	local now
	now=$(places)
	diff <(echo "$PLACES") <(echo "$now") &&
		! grep '^deleted filter' "$LAB_DIR/tc" | grep -v -E 'dev ((vlan\.eth\.|far)7[78]|if[0-9]*) '
}

# From the trunk to the branch (of a VLAN interface, that is).
trunk_lets_pass() {
	bpftool -j map lookup pinned "$PIN_DIR/maps/fast_vlans" key hex 09 00 00 00 | jq -e '.formatted.value > 0'
}

goes_on() {
	talk out && places_are_kept && trunk_lets_pass && nothing_passed
}

# --- an interface that comes and goes ----------------------------------------------------
# comes VLAN [INDEX]
comes() {
	ip -n "$LAB_NAME-node" link add "vlan.eth.$1" ${2:+index "$2"} type veth peer name "far$1"
}

goes() {
	ip -n "$LAB_NAME-node" link del "vlan.eth.$1" 2>/dev/null
	return 0
}

# A default route and a neighbour come and go.
stir_routes() {
	lab_ip node <<-END
		route add default via 10.0.1.1 dev eth0 metric 500
		route del default via 10.0.1.1 dev eth0 metric 500
		neigh replace 10.0.1.77 lladdr 02:00:00:00:00:77 dev eth0
		neigh del 10.0.1.77 dev eth0
	END
}

# goes_first VLAN: a program that is not ours there, which the daemon goes before.
goes_first() {
	if [ "$BY" = tcx ]; then
		lab_exec node "$FIRST_TOOL" ingress "$PIN_DIR/programs/tc_trunk_guard" "vlan.eth.$1"
	else
		lab_exec node tc filter add dev "vlan.eth.$1" ingress prio 1 handle 0x77 bpf bytecode '1,6 0 0 0'
	fi
}

is_guarded() {
	lab_exec node bpftool -j net show | jq -e --arg name "vlan.eth.$1" \
		'[.[].tc[] | select(.devname == $name)] | length == 2'
}

interfaces_known() {
	bpftool -j map dump pinned "$PIN_DIR/maps/ifaces" | jq '.[].formatted.key'
}

# What has gone has left the maps, too.
knows_no_dead_interface() {
	! interfaces_known | grep -vxF -f <(ip -n "$LAB_NAME-node" -j link | jq '.[].ifindex')
}

# By tcx, or by nothing but filters.
is_attached_as_it_was() {
	lab_exec node bpftool -j net show | jq -e --arg by "$BY" \
		'[.[].tc[].kind | startswith("tcx")] | unique == [$by == "tcx"]'
}
