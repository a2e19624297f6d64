#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# One guest, as TAP: judge.sh KERNEL GUEST VMLINUZ INITRD
#
# Boots it and passes on what selftests/vm/guest.sh reports from inside, then
# judges the run as a whole. A guest that panics or hangs has no plan, hence
# fails; a skip that skips.list does not allow for this kernel is a failure.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=selftests/tap.sh
. selftests/tap.sh
name=$1
dir=${BG_BUILD:-build}/vm
log=$dir/console-$2.log
results=$dir/results-$2.tap

: >"$results"
status=0
qemu_status=0
selftests/vm/boot.sh "$3" "$4" "$log" "$results" &
boot=$!

# The guest's TAP as it comes, but skips must be foreseen: "KERNEL SUITE: TEST # reason".
declare -A foreseen=()
while IFS= read -r line; do
	! [[ $line =~ ^"$name "(.*)" # " ]] || foreseen[${BASH_REMATCH[1]}]=1
done <selftests/vm/skips.list
while IFS= read -r line; do
	line=${line%$'\r'}
	case $line in
	1..*)
		echo "1..$((${line#1..} + 2))"
		continue
		;;
	'ok '*' # SKIP'*)
		skipped=${line#ok * - }
		skipped=${skipped%% # SKIP*}
		if [ -z "${foreseen[$skipped]:-}" ]; then
			echo "not $line"
			echo "# skips.list foresees no such skip on kernel $name"
			status=1
			continue
		fi
		;;
	esac
	printf '%s\n' "$line"
done < <(tail -n +1 -f --pid=$boot "$results")
wait $boot || qemu_status=$?

# Two more, about the run as a whole.
count=$(grep -c '^\(not \)\?ok ' "$results" || true)
ended=$(grep -a -o 'guest: result .*' "$log" | tail -n 1 || true)
no_splat() {
	[[ $ended != *" splats=0 "* ]] || return 0
	grep -a -E -A 30 'WARNING: |BUG: |Oops|Kernel panic|INFO: rcu|INFO: task' "$log" | head -n 60
	return 1
}
to_its_end() {
	[ "$qemu_status" -ne 0 ] || [ -z "$ended" ] || return 0
	echo "QEMU ended with status $qemu_status; the end of $log:"
	tail -n 30 "$log"
	return 1
}
OUTPUT_LINES=70
check "kernel log has no splat" no_splat
check "guest ran to its end (${ended#guest: result })" to_its_end
[ "$failures" -eq 0 ] || status=1
exit "$status"
