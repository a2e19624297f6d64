# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# What scripts that build for nodes begin with: the sources that dist.sh packs, in a folder
# from which the same commit and the same compilers make the same bytes.

# unpack_sources DIRECTORY: the tarball there, and its tree below $work, which is gone when the
# script ends; sets $tree, $version and $SOURCE_DATE_EPOCH.
unpack_sources() {
	local tarball
	tarball=$(scripts/deploy/dist.sh "$1") || return
	# No path is in what clang makes, but the order of the BTF types of the BPF object
	# depends on how long it is: so it is always as long, and $TMPDIR does not count.
	work=$(mktemp -d /tmp/branchguard.XXXXXXXXXX) || return
	trap 'rm -rf "$work"' EXIT
	tar -C "$work" -xf "$tarball" || return
	version=$(basename "$tarball" .tar.gz)
	tree=$work/$version
	version=${version#branchguard-}
	SOURCE_DATE_EPOCH=$(stat -c %Y "$tree/scripts/version.sh")
	export SOURCE_DATE_EPOCH
}
