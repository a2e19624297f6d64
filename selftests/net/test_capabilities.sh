#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON, and no other, are enough for every verb, start
# and restart, as root and as another user.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/net/capabilities.sh
. selftests/net/capabilities.sh

own=
clean_up_own() {
	local status=$?
	[ -z "$own" ] || umount "$own"
	(exit $status)
	clean_up
}
trap clean_up_own EXIT

lab_up || bail "no lab"
serve db
feed "egress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\"]))"

# --- what is enough, by each way that programs are attached ----------------------

verbs() {
	local who=$1
	shift
	check "$who: status" eval "$* $BG status --json --pin-dir $PIN_DIR | jq -e 'all(.branches[]; .armed)'"
	check "$who: rules" "$@" "$BG" rules --pin-dir "$PIN_DIR"
	check "$who: flows" "$@" "$BG" flows --pin-dir "$PIN_DIR"
	check "$who: monitor" eval "$* timeout -s INT 1 $BG monitor --pin-dir $PIN_DIR; [ \$? -lt 125 ]"
	check "$who: explain --live" question "$@" "$BG" explain --live --pin-dir "$PIN_DIR"
	check "$who: explain --feed" question "$@" "$BG" explain --feed "$FEED"
}
for by in auto clsact; do
	ATTACH=(--attach "$by")
	starts "$by: the three start it" with $THREE
	way=$(bg status --json | jq -r '.branches[0].programs[0].way')
	check "$by: enforced" guarded
	check "$by: it holds these three and no other" test "$(holds CapEff "$BG_PID")" = 000000c000001000
	connect lasting cart "$LAB_DB4" 5432
	check "$by: a connection that lasts" talk lasting
	feed_live '.'
	end -9
	starts "$by: the three start it again" with $THREE
	check "$by: it takes over what is pinned" bg_says 'taking over'
	check "$by: still enforced" guarded
	check "$by: the connection goes on" talk lasting
	[ $by = clsact ] || verbs "$by" with $THREE
	end -TERM
	check "$by: the three unload it" with $THREE "$BG" unload --pin-dir "$PIN_DIR"
	check "$by: nothing is left" test ! -e "$PIN_DIR"
	# where the kernel has no tcx, clsact is what it chose
	[ "$way" = tcx ] || break
done

# --- a user that is not 0 ----------------------------------------------------------

# (a BPF file system of its own, so that nobody else's is changed)
own=$LAB_DIR/bpf
mkdir "$own" || bail "no BPF file system"
mount -t bpf -o mode=0755 bpf "$own" || bail "no BPF file system"
mkdir -m 700 "$own/pins" "$own/shut" || bail "no BPF file system"
chmod 755 "$LAB_DIR"
chmod 644 "$FEED"
check "a user whom the pins are shut to is told where the way ends" \
	says "user $USER_ID may not enter $own/shut" \
	as_user $THREE "$BG" run --once --feed "$FEED" --pin-dir "$own/shut/pins"
check "or that nothing may be made there" says "user $USER_ID may not write in $own (" \
	as_user $THREE "$BG" run --once --feed "$FEED" --pin-dir "$own/more"
check "and who looks" says "user $USER_ID may not enter $own/shut" \
	as_user '' "$BG" status --pin-dir "$own/shut/pins"
chown $USER_ID "$own/pins"
check "root takes no directory that another user made" says "is of user $USER_ID" \
	lab_exec node "$BG" run --once --feed "$FEED" --pin-dir "$own/pins"
chmod 777 "$own/shut"
check "nor one in which everybody may write" says "with mode 0777" \
	with $THREE "$BG" run --once --feed "$FEED" --pin-dir "$own/shut"
PIN_DIR_BEFORE=$PIN_DIR PIN_DIR=$own/pins
ATTACH=()
starts "the three start it as user $USER_ID" as_user $THREE
check "user $USER_ID: enforced" guarded
end -9
starts "user $USER_ID: the three start it again" as_user $THREE
check "user $USER_ID: still enforced" guarded
verbs "user $USER_ID" as_user $THREE
check "user $USER_ID: it holds the three" test "$(holds CapEff "$BG_PID")" = 000000c000001000
end -TERM
check "user $USER_ID: unload" as_user $THREE "$BG" unload --pin-dir "$PIN_DIR"
umount "$own" && own=
PIN_DIR=$PIN_DIR_BEFORE
finish
