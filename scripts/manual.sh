#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Does the manual say what the program says? Every verb and option, as
# $BG_BUILD/branchguard (default build) prints them for scripts, must stand in
# branchguard(8), and none else. Prints what differs; the status says whether
# something does.
#
#   scripts/manual.sh           user/branchguard.8
#   scripts/manual.sh PAGE      another one
set -u
cd "$(dirname "$0")/.." || exit 1
program=${BG_BUILD:-build}/branchguard
page=${1:-user/branchguard.8}
bad=0

# differ PAGE WANTED FOUND: lines of two sorted texts.
differ() {
	local missing
	missing=$(comm -23 <(printf '%s\n' "$2") <(printf '%s\n' "$3"))
	[ -z "$missing" ] || printf '%s\n' "$missing" | sed "s|^|$1 lacks: |"
	[ "$2" = "$3" ] || comm -13 <(printf '%s\n' "$2") <(printf '%s\n' "$3") | sed "s|^|$1 has, but nothing else: |"
	[ "$2" = "$3" ] || bad=1
}

# heads PAGE SECTION: "SUBSECTION: TERM" of the page's section, as it is read.
heads() {
	awk -v section="$2" '
		# The words of a macro, fonts alternating or not, as one text.
		function text(line,    out, part) {
			sub(/^\.[A-Z]+ */, "", line)
			alternates = substr($1, 3) != ""
			out = ""
			while (line != "") {
				if (line ~ /^"/) {
					match(line, /^"[^"]*"/)
					part = substr(line, 2, RLENGTH - 2)
				} else {
					match(line, /^[^ ]+/)
					part = substr(line, 1, RLENGTH)
				}
				out = out (out == "" || alternates ? "" : " ") part
				line = substr(line, RLENGTH + 1)
				sub(/^ +/, "", line)
			}
			gsub(/\\f[A-Z]/, "", out)
			gsub(/\\\(dq/, "\"", out)
			gsub(/\\-/, "-", out)
			return out
		}
		/^\.SH / { inside = text($0) == section; next }
		!inside { next }
		/^\.SS / { sub_section = text($0); print sub_section ":"; next }
		term { print sub_section ": " text($0); term = 0 }
		/^\.TP/ { term = 1 }' "$1" | sort
}

options=$("$program" --options) || exit 1
differ "$page" "$(awk -F '\t' '
	$2 == "verb" { print $1 ":"; next }
	{ print $1 ": " ($4 != "" ? $4 ", " : "") $3 ($3 != "" && $5 != "" ? " " : "") $5 }' <<<"$options" | sort)" \
	"$(heads "$page" VERBS)"

exit $bad
