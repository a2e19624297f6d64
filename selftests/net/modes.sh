# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# shellcheck source=selftests/net/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

# modes_lab: one standard pod on VLAN 11, one on 12, strict ones beside them.
modes_lab() {
	lab_up || bail "no lab"
	lab_pod std 11 standard 10.0.47.84 2001:db8:0:32::84 || bail "no standard pod"
	lab_pod std2 12 standard 10.0.47.85 2001:db8:0:32::85 || bail "no second standard pod"
	for host in db outside client std std2 cart node; do
		serve $host 5432
	done
}
