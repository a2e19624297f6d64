# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034 # lib.sh reads them
#
# For socket tests in which the daemon is in trouble: its calls fail, and what is denied
# is sent throughout. To be read after lib.sh.

FAULT=$LAB_DIR/fault
PRELOAD=$(realpath -m "${BG_BUILD:-build}")/selftests/net/fault.so

# Every daemon is one whose calls can fail.
BG_ENVIRONMENT=(BG_FAULT_FILE="$FAULT" LD_PRELOAD="$PRELOAD")

# begin CALL HOW [FIRST [STEP [COUNT]]]: as fault.c reads it.
begin() {
	rm -f "$FAULT.hits"
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
