#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Makes programs.tar.xz beside it anew: for each ABI of the past, the last program that
# had it, stripped. Takes a clone with the whole history, and what a build takes.
#
#   selftests/net/old/make.sh
#
# A new row, once headers/types.h says another BG_ABI: the last commit of the one before.
set -euo pipefail
cd "$(dirname "$0")/../../.."
declare -A commits=(
	[1]=8ff9a8e
	[2]=94f96ba
	[3]=8c91799
)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/programs"
for abi in "${!commits[@]}"; do
	mkdir "$work/$abi"
	git archive "${commits[$abi]}" | tar x -C "$work/$abi"
	make -C "$work/$abi" build/branchguard
	strip -o "$work/programs/branchguard-$abi" "$work/$abi/build/branchguard"
done
tar c --sort=name --owner=0 --group=0 --mtime=@0 -C "$work/programs" . | xz -9e >selftests/net/old/programs.tar.xz
