#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What is not held: who lacks a capability is told which; the daemon gives up by itself
# all but three; a group may look without any.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/net/capabilities.sh
. selftests/net/capabilities.sh

lab_up || bail "no lab"
serve db
feed "egress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\"]))"

# --- who lacks one is told which, and nothing is pinned or changed ----------------

bg_start
while read -r set names; do
	check "run: $names" lacks "$names" with "$set" "$BG" run --once --feed "$FEED" --pin-dir "$PIN_DIR-other"
	check "explain: $names" lacks "$names" question with "$set" "$BG" explain --feed "$FEED"
	check "explain --live: $names" lacks "$names" \
		question with "$set" "$BG" explain --live --pin-dir "$PIN_DIR"
done <<-'END'
	bpf,net_admin CAP_PERFMON
	bpf,perfmon CAP_NET_ADMIN
	net_admin,perfmon CAP_BPF
	dac_override,chown CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON
END
check "nothing was pinned" test ! -e "$PIN_DIR-other"
for verb in status rules flows; do
	check "$verb: root needs none" with '' "$BG" $verb --pin-dir "$PIN_DIR"
done
bg_stop
check "unload: CAP_NET_ADMIN" lacks CAP_NET_ADMIN with bpf,perfmon "$BG" unload --pin-dir "$PIN_DIR"
check "which changed nothing" guarded
bg unload >/dev/null

# --- what the daemon gives up by itself ------------------------------------------

bg_start --require-owner
who_runs
chmod 666 "$FEED"
check "with --require-owner a feed that others may write is refused" \
	wait_for bg_says 'feed refused.*feed.json can be written by others'
chmod 644 "$FEED"
check "started with everything: it holds the three" test "$(holds CapEff "$BG_PID")" = 000000c000001000
check "and may have no other" test "$(holds CapPrm "$BG_PID")" = 000000c000001000
check "nor may what it starts" test "$(holds CapBnd "$BG_PID")" = 000000c000001000
check "none is inherited" test "$(holds CapInh "$BG_PID")" = 0000000000000000
check "none is ambient" test "$(holds CapAmb "$BG_PID")" = 0000000000000000
check "no_new_privs" test "$(holds NoNewPrivs "$BG_PID")" = 1
check "system calls are restricted" test "$(holds Seccomp "$BG_PID")" = 2
check "its files are its own" test "$(holds Umask "$BG_PID")" = 0077
bg_stop
bg unload >/dev/null
# (the volume of a ConfigMap: everybody may write its directory, but not through this mount)
mkdir "$LAB_DIR/volume" || bail "no volume"
mount -t tmpfs -o mode=0777 none "$LAB_DIR/volume" || bail "no volume"
cp "$FEED" "$LAB_DIR/volume/feed.json" || bail "no volume"
check "nor one that they could replace" says "volume can be written by others" lab_exec node "$BG" run --once \
	--require-owner --feed "$LAB_DIR/volume/feed.json" --pin-dir "$PIN_DIR"
mount -o remount,ro "$LAB_DIR/volume"
check "but a mount that is read-only will do" lab_exec node "$BG" run --once \
	--require-owner --feed "$LAB_DIR/volume/feed.json" --pin-dir "$PIN_DIR"
bg unload >/dev/null
umount "$LAB_DIR/volume"

# --- a group that may look ------------------------------------------------------------

GROUP_ID=4711
# as_member COMMAND...: another user of that group, without a capability.
as_member() {
	lab_exec node setpriv --reuid $USER_ID --regid $GROUP_ID --clear-groups --bounding-set -all --inh-caps -all -- "$@"
}
as_stranger() {
	lab_exec node setpriv --reuid $USER_ID --regid $USER_ID --clear-groups --bounding-set -all --inh-caps -all -- "$@"
}
modes() {
	stat -c '%a %g' "$PIN_DIR" "$PIN_DIR/maps" "$PIN_DIR/maps/control" "$PIN_DIR/maps/image" | tr '\n' ' '
}
private() {
	stat -c '%a' "$PIN_DIR/links" "$PIN_DIR/programs" "$PIN_DIR/maps/seed" | tr '\n' ' '
}
writable() {
	find "$PIN_DIR" -perm /022
}
check "a group that there is not" says "there is no such group" lab_exec node "$BG" run --once --feed "$FEED" \
	--group no-such-group --pin-dir "$PIN_DIR-other"
check "leaves no directory behind" test ! -e "$PIN_DIR-other"
check "a name that a BPF file system does not take is called so" says "no names with a dot" \
	lab_exec node "$BG" run --once --feed "$FEED" --pin-dir "$PIN_DIR.other"
lab_exec node "$BG" run --once --feed "$FEED" --pin-dir "$PIN_DIR" 2>/dev/null
check "without --group nobody may look" fails as_member "$BG" status --pin-dir "$PIN_DIR"
for by in tcx clsact; do
	ATTACH=(--group "$GROUP_ID" --attach "${by/tcx/auto}")
	bg_start "${ATTACH[@]}"
	check "$by: directories and maps are the group's" \
		test "$(modes)" = "2710 $GROUP_ID 2710 $GROUP_ID 640 $GROUP_ID 640 $GROUP_ID "
	check "$by: links, programs and the seed are not" test "$(private)" = "700 700 600 "
	check "$by: nobody else may write" test -z "$(writable)"
	for verb in rules flows 'status --metrics' 'status --revisions'; do
		# shellcheck disable=SC2086
		check "$by: $verb" as_member "$BG" $verb --pin-dir "$PIN_DIR"
	done
	feed_live '.'
	check "$by: status, also of the next image" as_member "$BG" status --pin-dir "$PIN_DIR"
	check "$by: monitor" eval 'as_member timeout 3 "$BG" monitor --pin-dir "$PIN_DIR" 2>&1 | grep -q "listening for"'
	check "$by: not for others" fails as_stranger "$BG" status --pin-dir "$PIN_DIR"
	check "$by: who looks writes nothing" fails as_member bpftool map update pinned "$PIN_DIR/maps/control" \
		key 0 0 0 0 value 0
	# (else it could keep the next daemon from starting, and look like one meanwhile)
	check "$by: nor opens what the daemon locks" fails as_member test -r "$PIN_DIR"
	check "$by: nor what who reads events locks" fails as_member flock -s -n "$PIN_DIR/maps" true
	check "$by: explain --live takes capabilities, too" lacks "CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON" \
		question as_member "$BG" explain --live --pin-dir "$PIN_DIR"
	rm -rf "$PIN_DIR/maps"
	maps_are_back() { [ "$(modes)" = "2710 $GROUP_ID 2710 $GROUP_ID 640 $GROUP_ID 640 $GROUP_ID " ] && as_member "$BG" status --pin-dir "$PIN_DIR"; }
	check "$by: pins that are put back are the group's" wait_for maps_are_back
	if [ "$(bg status --json | jq -r '.branches[0].programs[0].way')" = tcx ]; then
		check "$by: it does not say armed of what it cannot look at" \
			eval 'as_member "$BG" status --json --pin-dir "$PIN_DIR" | jq -e "all(.branches[]; .armed == null)"'
		check "$by: and says why" \
			eval 'as_member "$BG" status --pin-dir "$PIN_DIR" | tr -s " \n" " " | grep -q "could not be looked at"'
		check "$by: nor does health" fails as_member "$BG" health --pin-dir "$PIN_DIR"
	else
		check "$by: everybody can look at filters" \
			eval 'as_member "$BG" status --json --pin-dir "$PIN_DIR" | jq -e "all(.branches[]; .armed)"'
	fi
	bg_stop
	bg unload >/dev/null
done
finish
