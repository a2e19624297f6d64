# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# What the tests of scripts/deploy/ share: which system calls branchguard makes, and whether a
# program takes a command line that is written down somewhere.

build=${BG_BUILD:-build}

# Those of the daemon and of the processes beside it, by the lists they install themselves.
system_calls() {
	sed -nE 's/^\t+(ANY|ONLY)\(([a-z0-9_]+).*/\2/p; s/.*\.call = "([a-z0-9_]+)".*/\1/p' \
		user/daemon/calls.c user/apart/*_main.c | sort -u
}

# takes PROGRAM VERB WORD...: the program has the verb, and that has each option among the words.
takes() {
	local program=$1 verb=$2 word known
	shift 2
	known=$("$build/$program" --options | awk -F '\t' -v verb="$verb" '
		$1 == verb { print $2 == "verb" ? $2 : $3; if ($4) print $4 }') || return
	[ -n "$known" ] || {
		echo "$program has no verb '$verb'"
		return 1
	}
	for word in "$@"; do
		[[ $word == -* ]] || continue
		grep -qFx -e "${word%%=*}" <<<"$known" || {
			echo "$program $verb has no option $word"
			return 1
		}
	done
}
