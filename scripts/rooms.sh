#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Does user/ keep to the table of rooms in user/README.md? By includes, and by the
# symbols of the objects in $BG_BUILD/user (default build), which also show files
# that need each other. Prints each breach; the status says whether there is one.
set -u
cd "$(dirname "$0")/.." || exit 1
build=${BG_BUILD:-build}
bad=0

breach() {
	printf '%s\n' "$@"
	bad=1
}

# "room may" pairs of the table; a row's last cell lists rooms in backquotes.
may=$(awk -F '|' '
	/^\| `[a-z]+\/` \|/ {
		room = $2
		gsub(/[`\/ ]/, "", room)
		list = $(NF - 1)
		if (list ~ /all of the above/) list = above
		n = split(list, names, " ")
		for (i = 1; i <= n; i++) {
			gsub(/`/, "", names[i])
			if (names[i] != "–") print room, names[i]
		}
		print room, room
		above = above " " room
	}' user/README.md)
[ -n "$may" ] || breach "user/README.md has no table of rooms"

# judge WHAT: stdin has "file room" lines, a file under user/ and a room that it needs.
judge() {
	local lines
	lines=$(awk -v may="$may" -v what="$1" '
		BEGIN {
			n = split(may, pairs, "\n")
			for (i = 1; i <= n; i++) allowed[pairs[i]] = 1
		}
		{
			room = $1
			if (!sub(/\/.*/, "", room)) next # main.c needs what it likes
			if (!((room " " room) in allowed)) print "user/" $1 " is in no room of user/README.md"
			else if (!((room " " $2) in allowed)) print "user/" $1 " " what " " $2 "/: " room "/ may not"
		}' | sort -u)
	[ -z "$lines" ] || breach "$lines"
}

mapfile -t sources < <(find user -mindepth 2 -name '*.[ch]' | sort)
judge includes < <(grep -HoE '^#include "[a-z_]+/' "${sources[@]}" |
	sed -E 's/^user\/([^:]*):#include "(.*)\//\1 \2/')

lines=$(grep -HnE '^#include "[a-z_]+\.h"' "${sources[@]}" user/main.c | while IFS=: read -r file line text; do
	name=${text#*\"}
	name=${name%\"*}
	[ -e "headers/$name" ] || [[ $name = *.skel.h ]] ||
		echo "$file:$line: $name is no header of headers/: spell its room"
done)
[ -z "$lines" ] || breach "$lines"

lines=$(grep -nE '^#include (<bpf/|"base/log\.h"|<unistd\.h>|<fcntl\.h>)' user/feed/* user/compile/* |
	sed 's/$/: feed\/ and compile\/ are pure/')
[ -z "$lines" ] || breach "$lines"

lines=$(printf '%s\n' "${sources[@]##*/}" headers/*.h | sed 's/.*\///' | sort | uniq -d | sed 's/$/: the name is there twice/')
[ -z "$lines" ] || breach "$lines"

# Which file needs which, by symbols: "file file", without .o.
objects=()
for file in "${sources[@]}"; do
	[[ $file != *.c ]] || objects+=("$build/${file%.c}.o")
done
needs=$(nm -A "${objects[@]}" | awk -v top="$build/user/" '
	{
		file = substr($1, length(top) + 1)
		sub(/\.o:.*/, "", file)
		if ($(NF - 1) == "U") wants[file " " $NF] = 1
		else if ($(NF - 1) ~ /^[TDBRC]$/) has[$NF] = file
	}
	END {
		for (want in wants) {
			split(want, part, " ")
			if (part[2] in has && has[part[2]] != part[1]) print part[1], has[part[2]]
		}
	}' | sort -u)
if [ -z "$needs" ]; then
	breach "no objects in $build/user: 'make' first"
else
	judge calls < <(awk '{ sub(/\/.*/, "", $2); print $1 ".c", $2 }' <<<"$needs")
	circle=$(tsort <<<"$needs" 2>&1 >/dev/null | sed 's/^tsort: //')
	[ -z "$circle" ] || breach "files of user/ that need each other:" "$circle"
fi
exit $bad
