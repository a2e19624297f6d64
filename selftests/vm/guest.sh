#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What runs in the guest: every suite that needs a kernel with real VLAN
# interfaces. TAP on stdout; what else is said goes to the console.
cd "$(dirname "$0")/../.." || exit 1
export BG_TEST_LOGS=/tmp/test-logs BG_IN_VM=1

# By plan.list: where a suite runs, if not as others of its kind, and how long it lasts.
declare -A where=() lasts_s=()
while read -r place suite seconds; do
	where[$suite]=$place
	lasts_s[$suite]=${seconds:-10}
done < <(grep -v '^#' selftests/vm/plan.list)

# "tcx/1/2": of the suites that need not run on every kernel with tcx, this one takes
# every second, from the first on. Empty: all suites.
share=$(sed -n 's/.*bg_share=\([^ ]*\).*/\1/p' /proc/cmdline)
IFS=/ read -r way part parts <<<"$share"
turn=0

# runs_here SUITE DEFAULT
runs_here() {
	[ -n "$share" ] || return 0
	case ${where[$1]:-$2} in
	every) return 0 ;;
	host) return 1 ;;
	tcx) [ "$way" = tcx ] || return ;;
	esac
	turn=$((turn + 1))
	[ $((turn % parts)) -eq $((part % parts)) ]
}

suites=("kernel=selftests/vm/guest-kernel.sh" "attach=selftests/vm/guest-attach.sh")
shopt -s nullglob
for file in build/selftests/packets/test_*; do
	name=packets/$(basename "$file")
	! runs_here "$name" every || suites+=("$name=$file")
done
for file in selftests/net/test_*.sh; do
	name=net/$(basename "$file")
	! runs_here "$name" tcx || suites+=("$name=$file")
done
for file in selftests/attacks/test_*.sh; do
	name=attacks/$(basename "$file")
	! runs_here "$name" tcx || suites+=("$name=$file")
done
# "1/2": this guest is the first of two that share these. What lasts longest is given out
# first, each suite to the guest with the least to do: so all end at about the same time.
IFS=/ read -r lane lanes < <(sed -n 's/.*bg_lane=\([^ ]*\).*/\1/p' /proc/cmdline)
load_s=()
while read -r seconds i; do
	least=1
	for ((other = 2; other <= lanes; other++)); do
		[ $((load_s[other])) -ge $((load_s[least])) ] || least=$other
	done
	load_s[least]=$((load_s[least] + seconds))
	[ "$least" -eq "$lane" ] || unset "suites[i]"
done < <(for i in "${!suites[@]}"; do
	echo "${lasts_s[${suites[i]%%=*}]:-10} $i"
done | sort -s -n -r -k 1,1)
# One at a time while working on it: BG_VM_ONLY=pattern on the kernel's command line.
only=$(sed -n 's/.*bg_only=\([^ ]*\).*/\1/p' /proc/cmdline)
if [ -n "$only" ]; then
	picked=()
	for suite in "${suites[@]}"; do
		[[ ${suite%%=*} != *$only* ]] || picked+=("$suite")
	done
	suites=("${picked[@]}")
fi

# The host takes a guest that says nothing for stuck: the console is told when
# there are further results.
progress() {
	local before='' now
	while sleep 10; do
		now=$(cat "$BG_TEST_LOGS"/*.log | grep -c '^\(not \)\?ok ')
		[ "$now" = "$before" ] || echo "guest: $(cut -d ' ' -f 1 /proc/uptime) s: $now results"
		before=$now
	done
}
progress >&2 &
selftests/run --tap "${suites[@]}"
status=$?
kill $!
# For who reads the console after a failure.
[ "$status" -eq 0 ] || tail -n 40 /tmp/test-logs/* >&2
exit "$status"
