#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What bash proposes after a few words of a command line. Prints TAP.
# shellcheck source=selftests/packaging/lib.sh
. "$(dirname "$0")/lib.sh"

build=$(realpath "${BG_BUILD:-build}")
# shellcheck source=/dev/null
. "$build/branchguard.bash"
mkdir -p "$DIR/files/folder"
touch "$DIR/files/feed.json" "$DIR/files/fed up.json"
cd "$DIR/files" || exit 1

# proposed WORD...: what may stand for the last one, a line each.
proposed() {
	COMP_WORDS=(branchguard "$@")
	COMP_CWORD=$#
	_branchguard
	printf '%s\n' "${COMPREPLY[@]}" | sort
}

# What the program itself says.
verbs() {
	"$build/branchguard" --options | awk -F '\t' '$2 == "verb" { print $1 }'
}
options_of() {
	("$build/branchguard" "$1" --options | cut -f 3 | grep .; echo --help) | sort
}

expect "first come the verbs" 0 "$( (verbs && printf -- '--help\n--version\n') | sort)" proposed ""
expect "those that begin so" 0 "rules
run" proposed ru
expect "and what stands for a verb" 0 "--version" proposed --v
while read -r verb; do
	expect "the options of $verb" 0 "$(options_of "$verb")" proposed "$verb" --
done < <(verbs)
expect "those that begin so, wherever they stand" 0 "--max-branches
--max-flows
--max-rules" proposed run --once --xdp trunk --ma
expect "of this verb" 0 "--metrics-file" proposed run --me
expect "alone" 0 "--metrics" proposed status --me
expect "after a word that is no verb nothing" 0 "" proposed restart --

expect "words where one of them must follow" 0 "branch
off
trunk" proposed run --xdp ""
expect "those that begin so, once more" 0 "trunk" proposed run --xdp t
expect "after the short form, too" 0 "egress
ingress" proposed explain -d ""
expect "and after an equals sign" 0 "clsact" proposed run --attach = c
expect "at once" 0 "auto
clsact
tcx" proposed run --attach =
expect "the same option of another verb is another" 0 "" proposed status --branch ""
expect "a number or an address is nobody's guess" 0 "" proposed explain --remote ""

expect "files where a file must follow" 0 "fed up.json
feed.json
folder" proposed run --feed f
expect "after the short form and an equals sign, too" 0 "feed.json" proposed run -f = fee
expect "folders where a folder must follow" 0 "folder" proposed status --pin-dir ""
expect "a file where that is what the verb takes" 0 "feed.json" proposed check fee
expect "with options before it" 0 "feed.json" proposed check --json fee
expect "a verb where that is what it takes" 0 "rules
run" proposed help ru
expect "nothing where a verb takes options only" 0 "" proposed status f

# --- the other program -----------------------------------------------------------------

# shellcheck source=/dev/null
. "$build/branchguard-fleet.bash"
proposed_of_fleet() {
	COMP_WORDS=(/usr/bin/branchguard-fleet "$@")
	COMP_CWORD=$#
	_branchguard
	printf '%s\n' "${COMPREPLY[@]}" | sort
}
expect "the verbs of the program for fleets" 0 "--help
--version
build
follow
probe
publish
serve
version" proposed_of_fleet ""
expect "its options" 0 "--explain
--help
--max-shrink
--mode
--node
--parts
--settings
--strict" proposed_of_fleet build --
expect "words, too" 0 "strict" proposed_of_fleet build --mode stri
expect "any number of files" 0 "feed.json" proposed_of_fleet build --node n1 a.json fee
expect "those of the first are as they were" 0 "rules
run" proposed ru
expect "bash knows whom to ask" 0 "complete -F _branchguard branchguard-fleet" complete -p branchguard-fleet
expect "for both" 0 "complete -F _branchguard branchguard" complete -p branchguard

finish
