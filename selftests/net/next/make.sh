#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Builds the branchguard that may come after this one, for net/test_upgrade.sh: this tree
# with the next ABI, other flows and counters, longer values where README.md of headers/
# lets them be longer, a map and a program more. Its layout_before.c is what a change of
# the layout takes (user/datapath/README.md). Called by the Makefile, with its flags.
#
#   make.sh WORK OUT VERSION_C
#
# Each edit has to change its file: where one does not fit any more, this says which.
set -euo pipefail
work=$1 out=$2 version=$3
here=$(dirname "$0")

fail() {
	echo "$0: $*" >&2
	exit 1
}

# edit FILE SED...: of the copy.
edit() {
	local file=$work/$1
	shift
	sed -E "$@" "$file" >"$file.new" || fail "sed"
	! cmp -s "$file" "$file.new" || fail "this changes nothing in ${file#"$work"/}: ${*: -1}"
	mv "$file.new" "$file"
}

# grow STRUCT HEADER FIELD WHERE: a field more, after the line WHERE, and no word of its size.
grow() {
	edit "headers/$2" "/^struct $1 \{/,/^\};/{/$4/a $3
	}"
	edit "headers/$2" "/^BG_ASSERT_SIZE\(struct $1,/d"
}

rm -rf "$work"
mkdir -p "$work"
cp -r headers bpf user "$work"
rm "$work"/user/datapath/layout_[0-9]*.[ch]
rm -r "$work/user/fleet" "$work/user/cni" # other programs
cp "$here/layout_before.c" "$work/user/datapath"
cp "$here/next.bpf.h" "$work/bpf"

abi=$(sed -n 's/^#define BG_ABI //p' headers/types.h)
flows=$(sed -n 's/^#define BG_FLOW_LAYOUT //p' headers/types.h)
edit headers/types.h "s/^(#define BG_ABI) .*/\1 $((abi + 1))/"
edit headers/types.h "s/^(#define BG_FLOW_LAYOUT) .*/\1 $((flows + 1))/"
grow bg_flow flow.h "__u64 next_mark;" "struct bg_flow_key key;"
edit headers/flow.h '/^BG_ASSERT_SIZE\(struct bg_bucket,/d'
grow bg_counters maps.h "__u64 next_mark;" "^struct bg_counters \{"
grow bg_iface maps.h "__u64 next_mark;" "char interface"
grow bg_control maps.h "__u64 next_mark;" "char feed_revision"
grow bg_home maps.h "__u64 next_mark;" "netns_cookie"
edit user/datapath/layouts.c 's/^(static const struct bg_layout \*const layouts\[\]) .*/\1 = { \&bg_layout_before };/'
edit user/datapath/layouts.h "s/^(extern const struct bg_layout) bg_layout_1,.*/#define ABI_BEFORE $abi\n\1 bg_layout_before;/"
edit user/datapath/programs.h 's/^\tBG_PROGRAMS,/\tBG_TC_NEXT,\n&/'
edit user/datapath/programs.c '/^\t\[BG_TC_NODE_EGRESS\]/a \	[BG_TC_NEXT] = { "tc_next", "tc_next", BG_HOOK_INGRESS },'
edit user/datapath/programs.c '/case BG_ROLE_TRUNK:/,/;/s/return /return BG_PROGRAM_BIT(BG_TC_NEXT) | /'
echo '#include "next.bpf.h"' >>"$work/bpf/branchguard.bpf.c"

# As the Makefile does it, but fast.
object=$work/branchguard.bpf.o
# shellcheck disable=SC2086 # flags
$CLANG -I"$work/headers" -I"$work/bpf" $BPF_CFLAGS -c "$work/bpf/branchguard.bpf.c" -o "$object.tmp" &
compiling=$!
wait $compiling || fail "clang"
$BPFTOOL gen object "$object" "$object.tmp"
$LLVM_STRIP -g "$object"
$BPFTOOL gen skeleton "$object" name branchguard_bpf >"$work/branchguard.skel.h"
# shellcheck disable=SC2086 # flags
find "$work/user" -name '*.c' -print0 | xargs -0 -P "$(nproc)" -I{} \
	$CC $CPPFLAGS -std=gnu11 -w -O0 -I"$work" -I"$work/headers" -I"$work/user" -c {} -o {}.o
# shellcheck disable=SC2046,SC2086 # flags, and names without blanks
$CC $(find "$work/user" -name '*.c.o') -I"$work/headers" -I"$work/user" -x c "$version" -x none $LIBS -o "$out"
