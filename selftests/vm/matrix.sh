#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Several kernels of kernels.list, all at once, as one TAP stream in the order
# given: matrix.sh NAME... While one guest waits, another has the CPU.
cd "$(dirname "$0")/../.." || exit 1
dir=${BG_BUILD:-build}/vm
mkdir -p "$dir"
# Once, so that they do not all try.
selftests/vm/fetch-kernels.sh >&2 || exit 1
printf '%s\n' "$@" | xargs -P 0 -I NAME bash -c '
	selftests/vm/run.sh NAME >"$0/NAME.tap" 2>"$0/NAME.err"
	echo $? >"$0/NAME.status"' "$dir"
suites=()
for name; do
	suites+=("linux-$name=cat $dir/$name.err >&2; cat $dir/$name.tap; exit \$(cat $dir/$name.status)")
done
BG_TEST_LOGS=${BG_TEST_LOGS:-build/test-logs}/vm exec selftests/run --tap "${suites[@]}"
