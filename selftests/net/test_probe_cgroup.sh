#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# --probe-cgroup: only kubelet's processes probe on the short way.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

cgroup_root=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
[ -n "$cgroup_root" ] || {
	echo "1..0 # SKIP no cgroup v2 is mounted"
	exit 0
}
kubelet=$cgroup_root/$LAB_NAME
mkdir -p "$kubelet/child" || bail "no cgroup"
trap 'rmdir "$kubelet/child" "$kubelet"; clean_up' EXIT

# as_kubelet COMMAND...: by a process of the cgroup; `nested` of one below it.
as_kubelet() {
	(echo "$BASHPID" >"$kubelet/cgroup.procs" && "$@")
}
nested() {
	(echo "$BASHPID" >"$kubelet/child/cgroup.procs" && "$@")
}

lab_up || bail "no lab"
serve cart
feed '(branch("cart")).Pods[0].Probes = [{Protocol: "tcp", Port: 5432}, {Protocol: "icmp"}]'
bg_start
check "without --probe-cgroup any process of the node may probe" tcp node 10.0.47.82 5432
bg_stop
bg unload >/dev/null
bg_start --probe-cgroup "$kubelet"
check "with it others may not" none "tcp node 10.0.47.82 5432" "icmp node 10.0.47.82"
check "kubelet may" together "as_kubelet tcp node 10.0.47.82 5432" "as_kubelet icmp node 10.0.47.82"
check "and what it starts below" nested tcp node 10.0.47.82 5432
finish
