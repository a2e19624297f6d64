#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Which lines of user/ were run by the programs in a build with gcov's counters:
#
#   scripts/coverage.sh --begin BUILD
#   scripts/coverage.sh BUILD LEAST [FILE ...]
#
# --begin: forgets what was counted. Otherwise prints a table of rooms and files, and fails
# if less than LEAST percent of all lines were run, or a function of one of the FILEs never.
set -euo pipefail

# The files of counters are made before the programs run, since these do it with other
# users' rights and masks, and would be each other's.
begin() {
	local counters
	find "$1" -name '*.gcda' -delete
	find "$1" -name '*.gcno' | while read -r counters; do
		: >"${counters%.gcno}.gcda"
		chmod 666 "${counters%.gcno}.gcda"
	done
}

# One object a source, so nothing has to be added up. Headers are left out: what they have
# to run is a line or two.
gather() {
	find "$1/user" -name '*.gcda' -empty -delete
	find "$1/user" -name '*.gcno' -print0 | sort -z |
		xargs -0 "${CC/gcc/gcov}" --json-format --stdout 2>"$1/gcov.log" |
		jq -c '.files[] | select(.file | test("^user/.*\\.c$")) | {
			file,
			lines: (.lines | group_by(.line_number) | map(map(.count) | max)),
			never: [.functions[] | select(.execution_count == 0) | .name] }'
}

rooms='
def row($name; $names): "\($name)\t\(map(.all) | add)\t\(map(.run) | add)\t\(
	(map(.run) | add) * 1000 / ([(map(.all) | add), 1] | max) | floor / 10)\t\(
	map(.never) | add | if length > 0 then if $names then join(", ") else length end else "" end)";
map({ file, room: (.file / "/" | if length > 2 then .[1] else "-" end), never,
	all: (.lines | length), run: (.lines | map(select(. > 0)) | length) }) |
	(group_by(.room)[] | row(.[0].room; false), (.[] | [.] | row("  " + (.[0].file / "/")[-1]; true))),
	row("all of user/"; false)'

if [ "$1" = --begin ]; then
	begin "$2"
	exit
fi
build=$1 least=$2
shift 2
: "${CC:=gcc}"
counted=$(gather "$build")
[ -n "$counted" ] || {
	echo "coverage.sh: $build has no counters that ${CC/gcc/gcov} can read: $(tail -n 1 "$build/gcov.log")" >&2
	exit 1
}
jq -rs "$rooms" <<<"$counted" | awk -F '\t' '
	BEGIN { printf "%-24s %7s %7s %7s %s\n", "room, file", "lines", "run", "%", "  functions that never ran" }
	{ printf "%-24s %7d %7d %7.1f   %s\n", $1, $2, $3, $4, $5 }'

status=0
percent=$(jq -rs "$rooms" <<<"$counted" | tail -n 1 | cut -f 4)
if [ "$(jq -n "$percent < $least")" = true ]; then
	echo "coverage.sh: $percent % of the lines of user/ were run, at least $least are expected" >&2
	status=1
fi
for file; do
	never=$(jq -r --arg file "$file" 'select(.file == $file) | .never | join(", ")' <<<"$counted")
	[ -z "$never" ] || {
		echo "coverage.sh: $file decides what passes, but no test runs: $never" >&2
		status=1
	}
	jq -es --arg file "$file" 'any(.[]; .file == $file)' <<<"$counted" >/dev/null || {
		echo "coverage.sh: $file is to be looked at, but there is no such source" >&2
		status=1
	}
done
exit $status
