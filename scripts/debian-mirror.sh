#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Prints the URI from which this machine gets (or could get) a suite of Debian's:
#
#   scripts/debian-mirror.sh bookworm-security
#
# It is taken from apt's own configuration, whatever its release and format: a mirror
# has all releases. No package list needs to be there. $BG_DEBIAN_MIRROR and
# $BG_DEBIAN_SECURITY_MIRROR override it.
set -euo pipefail

suite=${1:?name of a suite}

# "URI SUITE" of every repository in apt's sources. With --print-uris, `update` downloads
# nothing: it only prints what it would.
configured() {
	apt-get update --print-uris 2>/dev/null |
		sed -n "s|^'\(.*[^/]\)/*/dists/\(.*\)/InRelease' .*|\1 \2|p" | grep -v '^cdrom:' || true
}

# The same for repositories whose lists are here, since a list has its origin in it.
labelled() {
	# shellcheck disable=SC2016 # apt replaces these
	apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 2>/dev/null |
		sed -nE "s,^Debian( Backports)?\|($1)\|(.*[^/])/*$,\3,p" || true
}

# mirror_of LABELS SUITES DIRECTORY: by the label of its lists, else by the name of a
# suite that only Debian's mirrors have, else by its path.
mirror_of() {
	labelled "$1" | grep . ||
		configured | sed -nE "s/ ($2)$//p" | grep . ||
		configured | sed -nE 's/ [^ ]*$//p' | grep -E "/$3(\.list)?$"
}

# shellcheck source=/dev/null
codename=$(. "${BG_OS_RELEASE:-/etc/os-release}" &&
	if [ "${ID:-}" = debian ]; then echo "${VERSION_CODENAME:-}"; else echo "${DEBIAN_CODENAME:-}"; fi)
codename=${codename:-none}

main=${BG_DEBIAN_MIRROR:-$(mirror_of 'Debian|Debian Backports' "$codename-(updates|backports)" debian |
	sed -n 1p || true)}
case $suite in
*-security)
	variable=BG_DEBIAN_SECURITY_MIRROR
	mirror=${BG_DEBIAN_SECURITY_MIRROR:-$(mirror_of Debian-Security "$codename-security" debian-security |
		sed -n 1p || true)}
	# A machine that has one mostly has the other.
	if [ -z "$mirror" ] && [ "${main%/debian}" != "$main" ]; then
		mirror=$main-security
	fi
	;;
*)
	variable=BG_DEBIAN_MIRROR
	mirror=$main
	;;
esac
if [ -z "$mirror" ]; then
	echo "debian-mirror.sh: apt's sources name no mirror of Debian that could have $suite:" \
		"set $variable to the URI of one" >&2
	exit 1
fi
echo "$mirror"
