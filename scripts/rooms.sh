#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Does user/ keep to the table of rooms in user/README.md? By where its files are, by
# includes, and by the symbols of the objects in $BG_BUILD/user (default build), which
# also show files that need each other. Prints each breach; the status says whether
# there is one.
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
	/^\| `[a-z\/]+\/` \|/ {
		room = $2
		gsub(/[` ]/, "", room)
		sub(/\/$/, "", room)
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
			if (!sub(/\/[^\/]*$/, "", room)) next # main.c needs what it likes
			if (!((room " " room) in allowed)) print "user/" $1 " is in no room of user/README.md"
			else if (!((room " " $2) in allowed)) print "user/" $1 " " what " " $2 "/: " room "/ may not"
		}' | sort -u)
	[ -z "$lines" ] || breach "$lines"
}

mapfile -t sources < <(find user -mindepth 2 -name '*.[ch]' | sort)
judge "is in" < <(printf '%s\n' "${sources[@]}" | sed -E 's/^user\/((.*)\/[^/]*)$/\1 \2/')
judge includes < <(grep -HoE '^[[:blank:]]*#[[:blank:]]*include[[:blank:]]*["<]([a-z_0-9]+/)+' "${sources[@]}" |
	sed -E 's/^user\/([^:]*):.*["<](.*)\//\1 \2/' | while read -r file room; do
	[ ! -d "user/$room" ] || echo "$file $room"
done)

lines=$(find user -maxdepth 1 -name '*.[ch]' ! -name main.c | sed 's/$/: it is in no room of user\/README.md/')
[ -z "$lines" ] || breach "$lines"

lines=$(grep -HnE '^[[:blank:]]*#[[:blank:]]*include.*\.\./' "${sources[@]}" user/main.c | sed 's/$/: includes are spelled from user\//')
[ -z "$lines" ] || breach "$lines"

lines=$(grep -HnE '^#include "[a-z_0-9]+\.h"' "${sources[@]}" user/main.c | while IFS=: read -r file line text; do
	name=${text#*\"}
	name=${name%\"*}
	[ -e "headers/$name" ] || [[ $name = *.skel.h ]] ||
		echo "$file:$line: $name is no header of headers/: spell its room"
done)
[ -z "$lines" ] || breach "$lines"

lines=$(grep -nE '^#include (<bpf/|"base/log\.h"|<unistd\.h>|<fcntl\.h>)' user/feed/* user/compile/* |
	sed 's/$/: feed\/ and compile\/ are pure/')
[ -z "$lines" ] || breach "$lines"

lines=$(nm -A "$build"/user/feed/*.o "$build"/user/compile/*.o 2>/dev/null | awk '
	$(NF - 1) == "U" && $NF ~ /^(bg_log|bpf_|btf_|libbpf_|(open|openat|fopen|socket|ioctl|read|write|f?printf|__f?printf_chk|f?puts|fwrite|stdout|stderr)(64)?$)/ {
		print $1 " needs " $NF ": feed/ and compile/ are pure"
	}' | sed "s|^$build/||")
[ -z "$lines" ] || breach "$lines"

lines=$(printf '%s\n' "${sources[@]##*/}" headers/*.h | sed 's/.*\///' | sort | uniq -d | sed 's/$/: the name is there twice/')
[ -z "$lines" ] || breach "$lines"

# Which file needs which, by symbols: "file file", without .o.
objects=()
for file in "${sources[@]}"; do
	[[ $file != *.c ]] || objects+=("$build/${file%.c}.o")
done
for object in "${objects[@]}"; do
	[ -e "$object" ] || breach "$object is not there: 'make' first (ROOMS in Makefile has all rooms)"
done
needs=$(nm -A "${objects[@]}" 2>/dev/null | awk -v top="$build/user/" '
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
	judge calls < <(awk '{ sub(/\/[^\/]*$/, "", $2); print $1 ".c", $2 }' <<<"$needs")
	circle=$(tsort <<<"$needs" 2>&1 >/dev/null | sed 's/^tsort: //')
	[ -z "$circle" ] || breach "files of user/ that need each other:" "$circle"
fi
exit $bad
