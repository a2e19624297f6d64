#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Prints where promtool is, which judges metrics, alert rules and queries: that of the machine,
# or the one that setup.sh keeps beside the kernels of the tests. Without one it says so and
# fails.
#
#   scripts/promtool.sh           where it is
#   scripts/promtool.sh --fetch   takes it out of Debian's package prometheus, of which nothing is
#                                 installed, so that no server runs and no port is taken
set -euo pipefail
kept=${BG_KERNELS:-/var/cache/branchguard}/promtool

if found=$(command -v promtool); then
	echo "$found"
	exit
elif [ -x "$kept" ]; then
	echo "$kept"
	exit
elif [ "${1:-}" != --fetch ]; then
	echo "there is no promtool (scripts/setup.sh fetches it)" >&2
	exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
# root may write there, the user whom apt downloads as may not
fetch() {
	apt-get -qq -o APT::Sandbox::User=root -o Acquire::Retries=3 download prometheus >&2
}
# old package lists name versions that are gone by now
fetch || { apt-get -qq update >&2 && fetch; }
dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool
mkdir -p "$(dirname "$kept")"
install -m 755 usr/bin/promtool "$kept.new"
mv "$kept.new" "$kept"
echo "$kept"
