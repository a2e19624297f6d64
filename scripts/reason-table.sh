#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The table of reasons in a Markdown file, made from headers/reason.h:
#
#   scripts/reason-table.sh                 prints it
#   scripts/reason-table.sh --write FILE    puts it between the two marks in FILE
#   scripts/reason-table.sh --check FILE    fails when FILE has another one
set -euo pipefail
header=$(dirname "$0")/../headers/reason.h
begin='<!-- reasons: made by scripts/reason-table.sh -->'
end='<!-- end of reasons -->'

table() {
	echo "| number | reason | verdict | meaning |"
	echo "| ---: | --- | --- | --- |"
	# X(43, NO_RULE, "no-rule", "no rule ...") -> | 43 | `no-rule` | drops | no rule ... |
	# A line that ends inside of the macro is joined with the next one.
	sed -e ':a' -e '/[^)[:blank:]][[:blank:]]*\\$/{N;s/[[:blank:]]*\\\n[[:blank:]]*/ /;ba' -e '}' "$header" |
		awk -F'"' '
		/#define BG_REASON_FIRST_DROP/ { split($0, w, " "); first = w[3] }
		/^\tX\([0-9]+,/ {
			number = $1
			gsub(/[^0-9]/, "", number)
			rows[++n] = number
			name[n] = $2
			meaning[n] = $4
		}
		END {
			if (!n || !first) exit 1
			for (i = 1; i <= n; i++)
				printf "| %d | `%s` | %s | %s |\n", rows[i], name[i],
					rows[i] + 0 < first + 0 ? "passes" : "drops", meaning[i]
		}'
}

with_table() {
	local rows
	rows=$(table)
	grep -qxF "$begin" "$1" || { echo "$1: no line '$begin'" >&2; return 1; }
	awk -v begin="$begin" -v end="$end" -v rows="$rows" '
		$0 == begin { print; print ""; print rows; print ""; inside = 1; next }
		$0 == end { inside = 0 }
		!inside { print }' "$1"
}

case ${1:-} in
'') table ;;
--write)
	new=$(with_table "$2")
	printf '%s\n' "$new" >"$2"
	;;
--check)
	diff -u --label "$2" --label "made from headers/reason.h" "$2" <(with_table "$2") || {
		echo "run: scripts/reason-table.sh --write $2"
		exit 1
	}
	;;
*)
	echo "usage: reason-table.sh [--write FILE | --check FILE]" >&2
	exit 2
	;;
esac
