#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Everything that can be said about the sources without running them, as TAP.
# $BG_BUILD (default build) must have a build; `make lint` makes one before.
set -u
cd "$(dirname "$0")/.." || exit 1

build=${BG_BUILD:-build}
# shellcheck source=selftests/tap.sh
. selftests/tap.sh
OUTPUT_LINES=80

mapfile -t files < <(git ls-files -co --exclude-standard | while read -r f; do
	[ -f "$f" ] && echo "$f"
done)
mapfile -t sources < <(printf '%s\n' "${files[@]}" | grep '\.[ch]$')
mapfile -t user_sources < <(printf '%s\n' "${files[@]}" |
	grep -E '^(user|selftests)/.*\.c$' | grep -vE '\.bpf\.c$|^selftests/net/next/')
mapfile -t scripts < <(grep -lE '^#!/bin/(ba|da)?sh' "${files[@]}")

format() {
	clang-format-19 --dry-run -Werror "${sources[@]}"
}

# Two files a process: enough of them for all cores, few enough to start quickly. Each
# says so on our own output, for who takes silence for a hang. Tests that wait for answers
# go first.
exec 3>&1
tidy() {
	local log status=0
	log=$(mktemp)
	printf '%s\0' "${user_sources[@]}" |
		xargs -0 -n 2 -P "$(nproc)" nice -n 5 bash -c 'clang-tidy-19 --quiet "$@" -- -std=gnu11 \
			-D_GNU_SOURCE= -Iheaders -Iuser -Iselftests/shared -I"$0" -Wall -Wextra -Wshadow
			status=$?
			echo "# clang-tidy has read $*" >&3
			exit $status' \
			"$build" >"$log" 2>&1 || status=1
	grep -vE '^[0-9]+ warnings? (generated|treated)|^Suppressed|^Use -header-filter|Processing file' "$log"
	rm -f "$log"
	return "$status"
}

# System headers are not read: cppcheck knows the C library without them, and
# --max-configs keeps it from trying every #ifdef. Leaks: it does not know that
# the cleanup attribute releases; clang's analyzer and ASan do.
static_check() {
	local newer=()
	# From 2.11 on it takes arrays that a loop fills for uninitialized, and a file
	# that an assertion closes for closed before; clang and its analyzer know better.
	[[ $(cppcheck --version) =~ ' 2.'([0-9]|10)(\.|$) ]] ||
		newer=(--suppress=uninitvar --suppress=deallocuse --suppress=normalCheckLevelMaxBranches)
	cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr \
		--error-exitcode=1 -j "$(nproc)" --max-configs=4 \
		--suppress=missingIncludeSystem --suppress=memleak --suppress=resourceLeak \
		"${newer[@]}" \
		-D_GNU_SOURCE -D__x86_64__ '-DLIBBPF_OPTS(type,name,...)=struct type name' \
		-Iheaders -Iuser -Iselftests/shared \
		"${user_sources[@]}"
}

shell_check() {
	shellcheck -x "${scripts[@]}" scripts/completion.bash
}

# Data, and formats without comments, are exempt.
spdx() {
	local f bad=0
	for f in "${files[@]}"; do
		case $f in
		*.json | *.jsonl | *.xml | *.md | LICENSE* | .gitignore | .editorconfig | .shellcheckrc | *.txt | *.list | *.bin | *.tar.xz)
			continue
			;;
		esac
		if ! head -n 3 "$f" | grep -q 'SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause'; then
			echo "$f: no 'SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause' in its first lines"
			bad=1
		fi
	done
	return "$bad"
}

# What ships must stand alone. ($up keeps this file from finding itself.)
stands_alone() {
	local up=share
	! grep -nIE "(^|[^A-Za-z0-9_/])(\.\./|/work/)?${up}d/[a-z]|/work/(main|${up}d)" "${files[@]}"
}

# What it is for, who calls it, what it never does: right below the licence.
opening_comments() {
	local f bad=0
	for f in "${sources[@]}"; do
		[[ $f == user/*.c ]] || continue
		sed -n 2,3p "$f" | grep -q '^/\*' && continue
		echo "$f: no comment within its first three lines"
		bad=1
	done
	return "$bad"
}

# Where packages come from is the business of the machine (scripts/debian-mirror.sh).
names_no_mirror() {
	! grep -nIE 'https?://[a-z0-9.-]+\.(org|com|net|io)/(debian|ubuntu)' "${files[@]}"
}

# (In the test runner the word is a directive of TAP.)
unfinished() {
	local f
	for f in "${sources[@]}" "${scripts[@]}"; do
		case $f in
		scripts/lint.sh | selftests/run | selftests/runner/*) ;;
		*) grep -nHwE 'TODO|FIXME|XXX' "$f" ;;
		esac
	done | (! grep .)
}

white_space() {
	local f bad=0
	! grep -nIE '[[:blank:]]+$' "${files[@]}" || bad=1
	for f in "${files[@]}"; do
		if [[ $f != *.tar.xz ]] && [ -s "$f" ] && [ -n "$(tail -c 1 "$f")" ]; then
			echo "$f: no newline at the end"
			bad=1
		fi
	done
	return "$bad"
}

rooms() {
	BG_BUILD=$build scripts/rooms.sh
}

reason_table() {
	scripts/reason-table.sh --check README.md
}

manual_reads_well() {
	mandoc -T lint -W warning user/*.[1-9]
}

check "C is formatted (make format)" format
check "clang-tidy finds nothing" tidy
check "cppcheck finds nothing" static_check
check "shellcheck finds nothing" shell_check
check "every source names its licence" spdx
check "every file of user/ opens with a comment" opening_comments
check "nothing refers to files outside of the tree" stands_alone
check "no mirror of packages is named" names_no_mirror
check "nothing is marked as unfinished" unfinished
check "no stray white space" white_space
check "user/ keeps to the rooms of user/README.md" rooms
check "the table of reasons in README.md is the one of headers/reason.h" reason_table
check "the manual has the options, reasons and keys that the program has" scripts/manual.sh
check "mandoc finds nothing in the manual" manual_reads_well
finish
