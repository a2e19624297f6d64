#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Which version a tree takes itself for: with tags, without, changed, unpacked from
# an archive, and in somebody else's repository. Prints TAP.
# shellcheck source=selftests/packaging/lib.sh
. "$(dirname "$0")/lib.sh"

last=$(sed -n 's/^LAST=//p' scripts/version.sh)
repository=$DIR/repository
# Of whoever runs this nothing is read or used.
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null GIT_CONFIG_NOSYSTEM=1 \
	GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a
unset GIT_DIR GIT_WORK_TREE

in_repository() {
	git -C "$repository" "$@"
}

commit() {
	in_repository add -A
	in_repository commit -q -m "$1"
}

version() {
	"$1/scripts/version.sh"
}

# unpack REVISION: as whoever gets the archive of it has it.
unpack() {
	rm -rf "$DIR/unpacked"
	mkdir "$DIR/unpacked"
	in_repository archive "$1" | tar -C "$DIR/unpacked" -xf -
}

mkdir -p "$repository/scripts"
cp scripts/version.sh "$repository/scripts"
cp .gitattributes "$repository"
# Where this tree comes from an archive, git has written into the script already.
# shellcheck disable=SC2016 # git replaces it
grep -q '^archived=.\$Format' scripts/version.sh ||
	sed -i 's/^archived=.*/archived=\x27$Format:%(describe:tags,match=v[0-9]*) %H$\x27/' \
		"$repository/scripts/version.sh"
git -c init.defaultBranch=main init -q "$repository"
commit first
first=$(in_repository rev-parse HEAD)

expect "without a tag the version is what the script says" 0 "$last $first" version "$repository"
in_repository tag v1.2.3
in_repository tag other
expect "on a tag it is the tag" 0 "1.2.3 $first" version "$repository"
echo >"$repository/file"
commit second
second=$(in_repository rev-parse HEAD)
expect "after one it says how far" 0 "1.2.3-1-g$(in_repository rev-parse --short HEAD) $second" \
	version "$repository"
echo changed >"$repository/file"
expect "what is not committed shows" 0 \
	"1.2.3-1-g$(in_repository rev-parse --short HEAD) $second-dirty" version "$repository"

unpack v1.2.3
expect "the archive of a tag knows it" 0 "1.2.3 $first" version "$DIR/unpacked"
unpack HEAD
expect "the archive of a commit knows that" 0 \
	"1.2.3-1-g$(in_repository rev-parse --short HEAD) $second" version "$DIR/unpacked"

mkdir "$repository/inner"
cp -r "$DIR/unpacked/scripts" "$repository/inner"
expect "a tree in another repository is not of that" 0 \
	"1.2.3-1-g$(in_repository rev-parse --short HEAD) $second" version "$repository/inner"
mkdir -p "$DIR/copied/scripts"
cp "$repository/scripts/version.sh" "$DIR/copied/scripts"
expect "a mere copy of the files knows no commit" 0 "$last unknown" version "$DIR/copied"

# What make would compile for another HEAD: version.c and nothing else.
build=${BG_BUILD:-build}
made() {
	make -n --no-print-directory BUILD="$build" VERSION="$1" "$build/branchguard" |
		sed -nE 's/.* (-c [^ ]+\.c|-o [^ ]*\/branchguard\.new) .*/\1/p'
}
compiles() {
	make -n --no-print-directory BUILD="$build" "$@" "$build/branchguard" | grep -c ' -c '
}
expect "the same compilers compile nothing again" 1 0 compiles
check "another clang compiles the BPF object" \
	eval 'make -n BUILD="$build" CLANG=clang-0 "$build/branchguard.bpf.o" | grep -e "-c bpf/branchguard.bpf.c"'
check "another gcc compiles the rest" test "$(compiles CC=gcc-0)" -gt 100
expect "another HEAD compiles one file" 0 "-c $build/version.c
-o $build/branchguard.new" made "9.9.9 $second"

fields() {
	"$build/branchguard" version --json | jq -r 'keys_unsorted | join(" ")'
}
expect "the program says it all in JSON" 0 "version commit abi libbpf clang" fields
in_a_line() {
	"$build/branchguard" version --json | jq -r '
		"branchguard \(.version), commit \(.commit), ABI \(.abi), libbpf \(.libbpf), clang \(.clang)"'
}
expect "and the same in a line" 0 "$(in_a_line)" "$build/branchguard" --version

finish
