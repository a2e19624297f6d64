#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Somebody takes a program away: nothing says "armed" meanwhile, the daemon puts it
# back within a second or two, and a restart names the gap.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

to_db="tcp cart $LAB_DB4 5432"
guarded() {
	together "$to_db" "silent tcp web $LAB_DB4 5432"
}
says_gap() {
	bg status --json | jq -e 'any(.missing_programs[]; .interface == "vlan.eth.10" and
		.program == "tc_branch_egress") and
		(.branches[] | select(.vlan == 10) | .armed == false and .armed_since == null) and
		(.branches[] | select(.vlan == 9).armed) and
		(.causes[0] | tostring | contains("tc_branch_egress"))'
}
no_gap() {
	bg status --json | jq -e '.missing_programs == [] and all(.branches[]; .armed)'
}

lab_up || bail "no lab"
serve db
feed "egress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\"]))"
for by in auto clsact; do
	bg_start --attach $by
	check "$by: enforced, and no gap" eval 'guarded && no_gap'
	[ -n "${BG_IN_VM:-}" ] || check "$by: explain answers, and no more" test -z "$(bg explain --live -b 10 -d egress -p tcp -r "$LAB_DB4" --port 5432 2>&1 >/dev/null)"
	check "$by: a program is taken away" take_away 10
	check "$by: the daemon puts it back" wait_for bg_says "took a program away.*program=tc_branch_egress.*at_most_ms=[0-9]"
	check "$by: then there is no gap" wait_for no_gap
	check "$by: and it is enforced again" guarded

	bg_kill
	check "$by: taken away while no daemon runs" take_away 10
	check "$by: status says which program, and that the branch is not armed" says_gap
	check "$by: for people, too" eval "bg status | grep 'eni-web.*NOT ARMED'"
	[ -n "${BG_IN_VM:-}" ] || check "$by: and explain, beside its answer" eval "bg explain --live -b 10 -d egress -p tcp -r $LAB_DB4 --port 5432 2>&1 >/dev/null |
		grep 'tc_branch_egress is missing at vlan.eth.10: .*NOT judged'"
	check "$by: before all other causes" eval "bg status | grep -A1 'look at' | grep 'tc_branch_egress is not attached'"
	bg_start --attach $by
	check "$by: a restart names the gap" bg_says "was gone while no daemon ran.*interface=vlan.eth.10.*program=tc_branch_egress"
	check "$by: and says how long it was at most" bg_says "took a program away.*interface=vlan.eth.10.*at_most_ms=[0-9]"
	check "$by: and says nothing of an interface that is gone" fails bg_says 'interface is gone'
	check "$by: and closes it" eval 'no_gap && guarded'
	check "$by: both were counted" wait_for eval "bg status --json | jq -e '.daemon.programs_put_back == 2'"
	bg_stop
	check "$by: unload" bg unload
done
finish
