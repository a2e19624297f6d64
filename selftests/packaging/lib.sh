# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# What the tests of set-up, installation and completion share: TAP, and a folder
# of their own, $DIR.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

DIR=$(mktemp -d)
trap 'rm -rf "$DIR"' EXIT
count=0

# expect NAME STATUS TEXT COMMAND...: ends so, and prints exactly TEXT.
expect() {
	local name=$1 status=$2 text=$3 output got
	shift 3
	output=$("$@" 2>&1)
	got=$?
	count=$((count + 1))
	if [ "$got" -eq "$status" ] && [ "$output" = "$text" ]; then
		echo "ok $count - $name"
		return
	fi
	echo "not ok $count - $name"
	printf '# status %s, expected %s; printed, and expected:\n' "$got" "$status"
	sed 's/^/# | /' <<<"$output"
	sed 's/^/# > /' <<<"$text"
}

finish() {
	echo "1..$count"
}
