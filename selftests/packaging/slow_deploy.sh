#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What `make check-deploy` runs: packages are made twice and compared, taken apart and tried.
# Prints TAP.
# shellcheck source=selftests/packaging/lib.sh
. "$(dirname "$0")/lib.sh"

same() {
	local file
	for file in "$DIR"/one/*"$1"; do
		cmp "$file" "$DIR/two/${file##*/}" || return
	done
}

# --- Debian packages ---------------------------------------------------------------

scripts/deploy/deb.sh "$DIR/one" >"$DIR/packages" 2>"$DIR/log" || bail "no packages: $(tail -n 5 "$DIR/log")"
expect "three packages are made, and their symbols" 0 \
	"branchguard branchguard-cni branchguard-cni-dbgsym branchguard-dbgsym branchguard-fleet branchguard-fleet-dbgsym" \
	eval "sed 's:.*/::; s/_.*//' '$DIR/packages' | LC_ALL=C sort | paste -sd ' '"
scripts/deploy/deb.sh "$DIR/two" >"$DIR/log" 2>&1 || bail "no packages: $(tail -n 5 "$DIR/log")"
check "once more they come out the same" same .deb
expect "lintian finds nothing" 0 "" lintian --allow-root --fail-on warning "$DIR"/one/*.changes
mkdir "$DIR/root"
while read -r package; do
	dpkg -x "$package" "$DIR/root"
done <"$DIR/packages"
tree_version=$(scripts/version.sh | sed 's/-dirty$//')
for program in sbin/branchguard sbin/branchguard-cni bin/branchguard-fleet; do
	check "${program#*/} runs from there, and has version and commit of the sources" \
		eval "'$DIR/root/usr/$program' version | grep -F '${tree_version/ /, commit }'"
done
check "the unit starts what the package has" \
	grep '^ExecStart=/usr/sbin/branchguard run ' "$DIR/root/lib/systemd/system/branchguard.service"
finish
