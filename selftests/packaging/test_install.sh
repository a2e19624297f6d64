#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What `make install` puts where, that `make uninstall` takes away that alone, and
# what editors are told to compile. Prints TAP.
# shellcheck source=selftests/packaging/lib.sh
. "$(dirname "$0")/lib.sh"

build=${BG_BUILD:-build}
quiet_make() {
	make --no-print-directory BUILD="$build" "$@" >"$DIR/log" 2>&1 || cat "$DIR/log"
}

files() {
	(cd "$DIR/dest" && find . -type f -printf '%m %P\n' | sort -k 2)
}

installed="755 usr/local/bin/branchguard-fleet
644 usr/local/lib/systemd/system/branchguard.service
755 usr/local/sbin/branchguard
755 usr/local/sbin/branchguard-cni
644 usr/local/share/bash-completion/completions/branchguard
644 usr/local/share/bash-completion/completions/branchguard-fleet
644 usr/local/share/man/man5/branchguard.feed.5
644 usr/local/share/man/man8/branchguard-cni.8
644 usr/local/share/man/man8/branchguard-fleet.8
644 usr/local/share/man/man8/branchguard.8"
quiet_make install DESTDIR="$DIR/dest"
expect "install writes programs, completion, manual and unit, and nothing else" 0 "$installed" files
expect "the program runs from there" 0 "$("$build/branchguard" version)" \
	"$DIR/dest/usr/local/sbin/branchguard" version
expect "so does that for fleets" 0 "$("$build/branchguard-fleet" version)" \
	"$DIR/dest/usr/local/bin/branchguard-fleet" version
expect "so does the plugin" 0 "$("$build/branchguard-cni" version)" \
	"$DIR/dest/usr/local/sbin/branchguard-cni" version
for program in branchguard branchguard-fleet; do
	expect "the completion of $program is a script that bash takes" 0 "" \
		bash -n "$DIR/dest/usr/local/share/bash-completion/completions/$program"
done

echo other >"$DIR/dest/usr/local/sbin/other"
quiet_make uninstall DESTDIR="$DIR/dest"
expect "uninstall takes away that and nothing else" 0 "644 usr/local/sbin/other" files
expect "once more it finds nothing" 0 "" quiet_make uninstall DESTDIR="$DIR/dest"

rm -rf "$DIR/dest"
quiet_make install DESTDIR="$DIR/dest" PREFIX=/opt/guard
expect "PREFIX moves all of it" 0 "${installed//usr\/local/opt\/guard}" files
quiet_make uninstall DESTDIR="$DIR/dest" PREFIX=/opt/guard
expect "for uninstall as well" 0 "" files

# --- compile_commands.json -------------------------------------------------------

commands=$DIR/compile_commands.json
quiet_make compile_commands.json
cp compile_commands.json "$commands"
listed() {
	jq -r '.[].file' "$commands" | sort
}
# (what goes into the next build is compiled in a copy of the tree)
expect "every source has its command" 0 \
	"$(find bpf user selftests -name '*.c' -not -path 'selftests/net/next/*' | sort)" listed

# One of each kind, by clang, whatever compiles it here: so do editors.
compiles() {
	local file=$1 command
	command=$(jq -r --arg file "$file" '.[] | select(.file == $file).command' "$commands")
	# shellcheck disable=SC2086 # it is a command
	clang-19 ${command#* } -fsyntax-only
}
for file in bpf/branchguard.bpf.c selftests/net/foreign.bpf.c user/main.c user/datapath/datapath.c \
	selftests/unit/test_cli.c selftests/packets/test_table.c selftests/fuzz/fuzz_feed.c; do
	expect "clang reads $file by it" 0 "" compiles "$file"
done

finish
