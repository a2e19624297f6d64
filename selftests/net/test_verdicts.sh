#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Verdicts by sockets, as the daemon chooses by itself: XDP on the branches, and
# tcx where the kernel has it.
# shellcheck source=selftests/net/verdicts.sh
. "$(dirname "$0")/verdicts.sh"

ways() {
	bg status --json | jq -c '[.branches[].programs[].way] | unique'
}

verdicts --attach auto
expected='["tcx","xdp"]'
kernel=$(uname -r)
[ "${kernel%%.*}" -gt 6 ] || [ "$(cut -d. -f2 <<<"$kernel")" -ge 6 ] || expected='["clsact","xdp"]'
check "programs are attached as this kernel allows" test "$(ways)" = "$expected"
finish
