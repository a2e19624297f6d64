#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Makes Debian packages of the sources that dist.sh packs, and prints their names:
#
#   scripts/deploy/deb.sh DIRECTORY
#
# What is missing to build is named by `make`, whatever its package is called on this release.
set -euo pipefail
mkdir -p "$1"
out=$(realpath "$1")
cd "$(dirname "$0")/../.."
# The make that makes the packages is no part of the one that runs this.
unset MAKEFLAGS MAKELEVEL MFLAGS
# shellcheck source=scripts/deploy/sources.sh
. scripts/deploy/sources.sh

unpack_sources "$out"
cd "$tree"
cp -r scripts/deploy/debian debian
mkdir debian/source
echo '3.0 (native)' >debian/source/format
# (1.2.3-4-gabc is four commits after 1.2.3)
cat >debian/changelog <<-END
	branchguard ($(sed 's/-/+/; s/-/./g' <<<"$version")) unstable; urgency=medium

	  * What changed, and how to go from one version to another, is in README.md.

	 -- branchguard maintainers <maintainers@branchguard.example>  $(date -uR -d "@$SOURCE_DATE_EPOCH")
END
dpkg-buildpackage -b -us -uc -d >"$out/deb.log" 2>&1 || {
	tail -n 30 "$out/deb.log" >&2
	echo "deb.sh: dpkg-buildpackage failed (above; all of it is in $out/deb.log)" >&2
	exit 1
}
cd "$work"
mv -t "$out" ./*.deb ./*.changes ./*.buildinfo
sed -n 's/^ [0-9a-f]\{64\} [0-9]* \(.*\.deb\)$/\1/p' "$out"/branchguard_*.changes | sort -u | sed "s:^:$out/:"
