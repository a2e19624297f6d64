#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Verdicts by sockets, as the daemon chooses by itself: tcx where the kernel has
# it; and that XDP comes to the branches when asked for.
# shellcheck source=selftests/net/verdicts.sh
. "$(dirname "$0")/verdicts.sh"

ways() {
	bg status --json | jq -c '[.branches[].programs[].way] | unique'
}

verdicts --attach auto
tc=tcx
kernel=$(uname -r)
[ "${kernel%%.*}" -gt 6 ] || [ "$(cut -d. -f2 <<<"$kernel")" -ge 6 ] || tc=clsact
check "programs are attached as this kernel allows" test "$(ways)" = "[\"$tc\"]"
# (vm/guest-attach.sh does the rest there)
[ -z "${BG_IN_VM:-}" ] || finish
bg_stop
bg_start --xdp branch
check "started again with XDP on the branches" test "$(ways)" = "[\"$tc\",\"xdp\"]"
check "what is allowed passes" together "tcp cart $LAB_DB4 5432" "tcp client 10.0.47.82 5432" \
	"tcp client 2001:db8:0:32::82 5432"
check "what is not does not" none "tcp client 10.0.47.82 5433" "tcp client 2001:db8:0:32::82 5433"
bg_stop
bg_start
check "and again without" test "$(ways)" = "[\"$tc\"]"
check "no XDP program is loaded then" test "$(cd "$PIN_DIR/programs" && echo xdp*)" = "xdp*"
check "and what is not allowed still does not pass" none "tcp client 10.0.47.82 5433"
finish
