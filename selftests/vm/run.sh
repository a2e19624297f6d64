#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# One kernel of kernels.list, as TAP:
#
#   selftests/vm/run.sh NAME [LANE/LANES]
#
# With a lane, only every LANES-th suite, from the LANE-th on.
# Makes its initramfs, boots it and judges what it reports (judge.sh).
# plan.list says what runs on which kernel; BG_VM_ALL=1 runs everything.
# BG_VM_ONLY=PATTERN picks suites, BG_VM_APPEND adds to the kernel's command line.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=selftests/tap.sh
. selftests/tap.sh
name=${1:?name of a kernel, see selftests/vm/kernels.list}
build=${BG_BUILD:-build}
dir=$build/vm
lane=${2:-1/1}
guest=$name-${lane%/*}
mkdir -p "$dir"

selftests/vm/fetch-kernels.sh >&2 || bail "no kernels"
kernel=$(selftests/vm/fetch-kernels.sh --path "$name") || bail "no kernel $name"
make=selftests/vm/mkinitrd.sh

# Programs and modules change seldom: made anew when the recipe or the kernel did.
fresh() {
	[ "$dir/$1" -nt $make ] && [ "$dir/$1" -nt selftests/vm/init ] && [ "$dir/$1" -nt "${2:-$make}" ]
}
exec 9>"$dir/lock"
flock 9
fresh base.cpio /var/lib/dpkg/status || $make base "$dir/base.cpio"
modules=modules-$(basename "$kernel").cpio
fresh "$modules" || $make modules "$dir/$modules" "$kernel"

shopt -s nullglob globstar
files=(selftests/run selftests/tap.sh selftests/vm/guest*.sh selftests/vm/plan.list)
for file in scripts/** selftests/net/** selftests/attacks/*.{sh,py,list} selftests/feeds/** "$build/branchguard" "$build"/*.bpf.o \
	"$build"/selftests/packets/test_* "$build"/selftests/net/{tool_*,old_*,next_*,*.so} "$build"/selftests/**/*.bpf.o; do
	case $file in
	*.[od] | *.c) [[ $file == *.bpf.o ]] || continue ;;
	esac
	[ ! -f "$file" ] || files+=("$file")
done
# Of the other programs' tests none runs there if it is not asked for.
[ -z "${BG_VM_ALL:-}${BG_VM_ONLY:-}" ] || files+=("$build"/branchguard-{cni,fleet})
$make tests "$dir/tests.cpio" "${files[@]}"
cat "$dir/base.cpio" "$dir/$modules" "$dir/tests.cpio" >"$dir/initrd-$guest.cpio"
flock -u 9


share=
if [ -z "${BG_VM_ALL:-}${BG_VM_ONLY:-}" ]; then
	share=bg_share=$(awk -v name="$name" '
		!/^#/ { n[$4]++ }
		$1 == name { way = $4; i = n[way] }
		END { print way "/" i "/" n[way] }' selftests/vm/kernels.list)
fi
BG_VM_APPEND="$share bg_lane=$lane ${BG_VM_ONLY:+bg_only=$BG_VM_ONLY} ${BG_VM_APPEND:-}" \
	exec selftests/vm/judge.sh "$name" "$guest" "$kernel/vmlinuz" "$dir/initrd-$guest.cpio"
