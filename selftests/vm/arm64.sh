#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The packet tests on a stock arm64 kernel, as TAP. $BG_BUILD has them built for arm64
# (`make check-arm64`). What they do shows that the programs work there: an emulated machine
# says nothing about the order in which a real one's CPUs see memory (bpf/memory_order.h).
# BG_VM_ONLY=PATTERN picks suites.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${BG_BUILD:?build directory of arm64}
dir=$build/vm
fetched=$(selftests/vm/fetch-arm64.sh)
make=selftests/vm/mkinitrd.sh
mkdir -p "$dir"
shopt -s nullglob globstar
files=(selftests/run selftests/tap.sh selftests/vm/guest*.sh selftests/vm/plan.list)
for file in selftests/feeds/** "$build/branchguard" "$build"/selftests/packets/test_*; do
	case $file in
	*.[od] | *.c) ;;
	*) [ ! -f "$file" ] || files+=("$file") ;;
	esac
done
$make base "$dir/base.cpio" "$fetched/root"
$make modules "$dir/modules.cpio" "$fetched"
$make tests "$dir/tests.cpio" "${files[@]}"
cat "$dir"/{base,modules,tests}.cpio >"$dir/initrd.cpio"
BG_VM_MACHINE=aarch64 BG_VM_APPEND="bg_lane=1/1 bg_only=${BG_VM_ONLY:-packets/}" \
	exec selftests/vm/judge.sh arm64 arm64 "$fetched/vmlinuz" "$dir/initrd.cpio"
