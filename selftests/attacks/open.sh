# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# What is known to be open, for tests that source it: open.list names it, and a run fails
# as soon as it is no longer true.

OPEN_LIST=selftests/attacks/open.list

# open_names PREFIX: those that begin so, without it.
open_names() {
	sed -n "s/^$1\([^:]*\):.*/\1/p" "$OPEN_LIST"
}

# known_open STATUS NAME SENTENCE: a result; of what open.list has, the opposite is expected.
known_open() {
	if ! grep -q "^$2:" "$OPEN_LIST"; then
		result "$1" "$2: $3"
	elif [ "$1" -eq 0 ]; then
		OUTPUT="it is closed: take the line '$2' off $OPEN_LIST"
		result 1 "$2: known to be open"
	else
		OUTPUT=
		result 0 "KNOWN OPEN, $2: not so: $3"
	fi
}
