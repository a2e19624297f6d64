# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# What the tests of set-up, installation and completion share: a folder of their
# own, $DIR, and a look at what a command prints.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
# The make that is tested is no part of the make that runs the tests.
unset MAKEFLAGS MAKELEVEL MFLAGS

DIR=$(mktemp -d)
trap 'rm -rf "$DIR"' EXIT
# shellcheck source=selftests/tap.sh
. selftests/tap.sh

# expect NAME STATUS TEXT COMMAND...: ends so, and prints exactly TEXT.
expect() {
	local name=$1 status=$2 text=$3 output got=0
	shift 3
	output=$("$@" 2>&1) || got=$?
	OUTPUT=$(printf 'status %s, expected %s; printed, and expected:\n' "$got" "$status" &&
		sed 's/^/| /' <<<"$output" && sed 's/^/> /' <<<"$text")
	[ "$got" -eq "$status" ] && [ "$output" = "$text" ]
	result $? "$name"
}
