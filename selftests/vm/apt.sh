# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# shellcheck disable=SC2154 # here
#
# Sourced by who fetches Debian's packages for a guest: where they are kept, and an apt with
# lists, sources and state of its own, so that nothing is installed and apt's own stay as they are.
# Who sources it has set `here` to its own folder.

die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

# $BG_KERNELS, else /var/cache/branchguard, else build/kernels.
cache_directory() {
	local dir
	for dir in ${BG_KERNELS:+"$BG_KERNELS"} /var/cache/branchguard "$here/../../build/kernels"; do
		if mkdir -p "$dir" 2>/dev/null && [ -w "$dir" ]; then
			realpath "$dir"
			return
		fi
	done
	die "no directory to keep kernels in is writable: set BG_KERNELS"
}

# apt_in DIRECTORY SUITE...: sets apt, the options of all of apt's programs. 1: no mirror.
apt_in() {
	local directory=$1 keyring=/usr/share/keyrings/debian-archive-keyring.gpg suite mirror
	shift
	mkdir -p "$directory"/{lists/partial,archives/partial}
	[ -f "$keyring" ] || die "no $keyring: install debian-archive-keyring"
	for suite; do
		mirror=$("$here/../../scripts/debian-mirror.sh" "$suite") || return 1
		echo "deb [signed-by=$keyring] $mirror $suite main"
	done | sort -u >"$directory/sources.list"
	# shellcheck disable=SC2034 # for who calls
	apt=(-o "Dir::Etc::sourcelist=$directory/sources.list" -o Dir::Etc::sourceparts=/dev/null
		-o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null
		-o "Dir::State::lists=$directory/lists" -o "Dir::Cache=$directory" -o APT::Sandbox::User=root
		-o Acquire::Retries=3 -o Acquire::Languages=none -o Dir::State::status=/dev/null)
}
