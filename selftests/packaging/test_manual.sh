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
page has, but nothing else: rules: -g, --group ID" judged '/^\.BR \\-g/s/GROUP/ID/'
expect "nor one that lacks the short form" 1 "page lacks: explain: -l, --live
page has, but nothing else: explain: --live" judged 's/^\.BR \\-l .*/.B \\-\\-live/'
expect "nor a word that it lacks" 1 "page lacks: run: --attach auto|tcx|clsact
page has, but nothing else: run: --attach auto|tcx" judged 's/^\(\.BR .*attach.*\) | clsact/\1/'
expect "nor an option that is gone" 1 "page has, but nothing else: unload: --force" \
	judged 's/^\.SS help/.TP\n.B \\-\\-force\nMore.\n&/'
expect "nor a verb that it lacks" 1 "page lacks: help:
page lacks: help: VERB" judged '/^\.SS help/,/^\.SS version/{/^\.SS version/!d}'
expect "nor a reason that it lacks" 1 "page lacks: REASONS: table-full" \
	judged '/^\.SH REASONS/,/^\.SH EXIT/s/ table.-full ", "//'
expect "nor a quote that is not closed" 1 'page has a quote that is not closed: .IR subject ", text' \
	judged 's/^\.IR subject .*/.IR subject ", text/'

# judged_feed SCRIPT: the same of branchguard.feed(5).
judged_feed() {
	sed "$1" user/branchguard.feed.5 >"$page"
	scripts/manual.sh user/branchguard.8 "$page" | sed "s|$page|page|"
	return "${PIPESTATUS[0]}"
}

expect "the manual of the feed as it is passes" 0 "" judged_feed ''
expect "a key that it lacks does not" 1 "page lacks: Node: StandardMode" \
	judged_feed '/^\.TP$/{N;/StandardMode/{N;N;d}}'
expect "nor one that stands under another object" 1 "page lacks: Node: LiveModeChange
page lacks: Probes: Port
page has, but nothing else: Node: Port
page has, but nothing else: Probes: LiveModeChange" \
	judged_feed 's/^\.BR Port " (number, required for/.BR LiveModeChange " (number, required for/;
		s/^\.BR LiveModeChange " (boolean/.BR Port " (boolean/'
expect "nor one that is ignored and not told" 1 "page lacks: Pods: ignored Uid
page has, but nothing else: Pods: ignored Gid" judged_feed 's/^Uid$/Gid/'
expect "nor an object that it lacks" 1 "page lacks: Ipv4Prefixes:
page lacks: Ipv4Prefixes: Ipv4Prefix" judged_feed '/^\.SS Ipv4Prefixes/,/^\.SS Ipv6Prefixes/{/^\.SS Ipv6Prefixes/!d}'
expect "nor a key without its default" 1 "page, neither required nor with a default: \
Branches: Mode (\"strict\" or \"standard\")" judged_feed 's/^\(\.BR Mode .*\), default.*/\1)"/'

# judged_fleet SCRIPT: the same of branchguard-fleet(8).
judged_fleet() {
	sed "$1" user/branchguard-fleet.8 >"$page"
	scripts/manual.sh user/branchguard.8 user/branchguard.feed.5 "$page" | sed "s|$page|page|"
	return "${PIPESTATUS[0]}"
}

expect "the manual of branchguard-fleet as it is passes" 0 "" judged_fleet ''
expect "an option that it lacks does not" 1 "page lacks: build: --strict" \
	judged_fleet '/^\.TP$/{N;/strict$/{/mode/!{N;d}}}'
expect "nor a quote that is not closed" 1 'page has a quote that is not closed: .BR x ", y' \
	judged_fleet 's/^\.SH ANSWERS/.BR x ", y\n&/'

# judged_cni SCRIPT: the same of branchguard-cni(8).
judged_cni() {
	sed "$1" user/branchguard-cni.8 >"$page"
	scripts/manual.sh user/branchguard.8 user/branchguard.feed.5 user/branchguard-fleet.8 "$page" | sed "s|$page|page|"
	return "${PIPESTATUS[0]}"
}

expect "the manual of the plugin as it is passes" 0 "" judged_cni ''
expect "an option that it lacks does not" 1 "page lacks: install: --failure closed|open" \
	judged_cni '/^\.TP$/{N;/failure " "/{N;d}}'
expect "nor a key that it lacks" 1 "page lacks: : pinDir" \
	judged_cni '/^\.TP$/{N;/^\.TP\n\.BR pinDir/{N;d}}'

finish
