#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What runs in the guest: every suite that needs a kernel with real VLAN
# interfaces. TAP on stdout; what else is said goes to the console.
cd "$(dirname "$0")/../.." || exit 1
export BG_TEST_LOGS=/tmp/test-logs BG_IN_VM=1

suites=(--timeout 60 "kernel=selftests/vm/guest-kernel.sh"
	--timeout 600 "attach=selftests/vm/guest-attach.sh")
shopt -s nullglob
for file in build/selftests/packets/test_*; do
	suites+=(--timeout 400 "packets/$(basename "$file")=$file")
done
# The verifier takes half a minute in an emulated guest: the socket tests of
# every.list run on each kernel, the others on one of them ("1/3": the first of
# three), so that each meets real VLAN interfaces somewhere.
share=$(sed -n 's/.*bg_share=\([^ ]*\).*/\1/p' /proc/cmdline)
turn=0
for file in selftests/net/test_*.sh; do
	if [ -n "$share" ] && ! grep -qxF "$(basename "$file")" selftests/vm/every.list; then
		turn=$((turn + 1))
		[ $((turn % ${share#*/})) -eq $((${share%/*} % ${share#*/})) ] || continue
	fi
	suites+=(--timeout 600 "net/$(basename "$file")=$file")
done
# One at a time while working on it: BG_VM_ONLY=pattern on the kernel's command line.
only=$(sed -n 's/.*bg_only=\([^ ]*\).*/\1/p' /proc/cmdline)
if [ -n "$only" ]; then
	picked=()
	for ((i = 0; i < ${#suites[@]}; i += 3)); do
		[[ ${suites[i + 2]%%=*} != *$only* ]] || picked+=("${suites[@]:i:3}")
	done
	suites=("${picked[@]}")
fi
selftests/run --tap "${suites[@]}"
status=$?
# For who reads the console after a failure.
[ "$status" -eq 0 ] || tail -n 40 /tmp/test-logs/* >&2
exit "$status"
