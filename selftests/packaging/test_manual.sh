#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# That a manual which says something else than the program does not pass: the check
# of it, checked. Prints TAP.
# shellcheck source=selftests/packaging/lib.sh
. "$(dirname "$0")/lib.sh"

page=$DIR/page.8

# judged SCRIPT: branchguard(8), after sed had it, held against the program.
judged() {
	sed "$1" user/branchguard.8 >"$page"
	scripts/manual.sh "$page" | sed "s|$page|page|"
	return "${PIPESTATUS[0]}"
}

expect "the manual as it is passes" 0 "" judged ''
expect "an option that it lacks does not" 1 "page lacks: run: --no-short-way" \
	judged '/^\.TP$/{N;/no.*short.*way/{N;d}}'
expect "nor a head that says it otherwise" 1 "page lacks: rules: -g, --group GROUP
page has, but nothing else: rules: -g, --group ID" judged '/group/s/GROUP/ID/'
expect "nor one that lacks the short form" 1 "page lacks: explain: -l, --live
page has, but nothing else: explain: --live" judged 's/^\.BR \\-l .*/.B \\-\\-live/'
expect "nor a word that it lacks" 1 "page lacks: run: --attach auto|tcx|clsact
page has, but nothing else: run: --attach auto|tcx" judged 's/^\(\.BR .*attach.*\) | clsact/\1/'
expect "nor an option that is gone" 1 "page has, but nothing else: unload: --force" \
	judged 's/^\.SS help/.TP\n.B \\-\\-force\nMore.\n&/'
expect "nor a verb that it lacks" 1 "page lacks: help:
page lacks: help: VERB" judged '/^\.SS help/,/^\.SS version/{/^\.SS version/!d}'

finish
