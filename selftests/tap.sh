# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# TAP for tests that are shell scripts:
#
#   . selftests/tap.sh
#   check "the file is there" test -e "$file"
#   finish
#
# What judges by itself says `result STATUS NAME`, and puts into OUTPUT what
# explains a failure.

count=0
failures=0
OUTPUT=
# So many lines of OUTPUT are shown, the last ones.
OUTPUT_LINES=30

# For who has more to show than OUTPUT: prints lines that begin with #.
explain_failure() {
	:
}

# result STATUS NAME
result() {
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $count - $2"
		return
	fi
	failures=$((failures + 1))
	echo "not ok $count - $2"
	if [ -n "$OUTPUT" ]; then
		printf '%s\n' "$OUTPUT" | tail -n "$OUTPUT_LINES" | sed 's/^/#   /'
	fi
	explain_failure
}

# check NAME COMMAND...: the command succeeds.
check() {
	local name=$1 status=0
	shift
	OUTPUT=$("$@" 2>&1) || status=$?
	OUTPUT="\$ $*"$'\n'"$OUTPUT"$'\n'"status $status"
	result $status "$name"
}

# fails COMMAND...
fails() {
	! "$@"
}

# Without this the rest says nothing.
bail() {
	echo "Bail out! $*"
	explain_failure
	exit 1
}

skip_all() {
	echo "1..0 # SKIP $*"
	exit 0
}

finish() {
	echo "1..$count"
	[ "$failures" -eq 0 ]
	exit
}
