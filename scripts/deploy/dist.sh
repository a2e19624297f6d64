#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Packs the sources of HEAD, or of the archive that this tree was unpacked from, into a tarball
# and prints its name:
#
#   scripts/deploy/dist.sh DIRECTORY
#
# The same commit gives the same bytes, by git and from an archive. Its `make` needs no git.
set -euo pipefail
out=$(realpath "$1")
cd "$(dirname "$0")/../.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/tree"
if [ "$(git rev-parse --show-cdup 2>/dev/null || echo none)" = "" ]; then
	[ -z "$(git status --porcelain --untracked-files=no)" ] ||
		echo "dist.sh: what is not committed is not in it" >&2
	git archive HEAD | tar -C "$scratch/tree" -xf -
	epoch=$(git log -1 --format=%ct)
else
	# (a build, and what a packager keeps beside the sources, may be here as well)
	tar -cf - bpf headers scripts selftests user Makefile README.md LICENSE* .[a-z]* |
		tar -C "$scratch/tree" -xf -
	find "$scratch/tree" -name __pycache__ -prune -exec rm -r {} +
	epoch=$(stat -c %Y scripts/version.sh)
fi
read -r version _ < <("$scratch/tree/scripts/version.sh")
mv "$scratch/tree" "$scratch/branchguard-$version"
mkdir -p "$out"
tar -C "$scratch" --sort=name --format=ustar --mtime="@$epoch" --owner=0 --group=0 --numeric-owner \
	--mode=go=u,go-w -cf - "branchguard-$version" | gzip -9n >"$out/branchguard-$version.tar.gz.new"
mv "$out/branchguard-$version.tar.gz"{.new,}
echo "$out/branchguard-$version.tar.gz"
