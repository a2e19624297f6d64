#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Installs on Debian 12 what branchguard needs to be built, tested and shown:
# Debian packages only, and a BPF file system at /sys/fs/bpf. Without anything
# missing it changes nothing, needs no root and no network, and takes a moment.
#
#   scripts/setup.sh                all of it
#   scripts/setup.sh --check-build  only say what `make` would miss
set -euo pipefail

# From bookworm.
PACKAGES=(
	# build
	gcc make libc6-dev clang-19 llvm-19
	libelf-dev zlib1g-dev libjansson-dev libyajl-dev libmnl-dev libmd-dev
	# tests and lab
	libcmocka-dev libasan8 libubsan1 libclang-rt-19-dev procps jq nftables iptables iputils-ping
	ethtool tcpdump socat netcat-openbsd iperf3
	# lint
	clang-format-19 clang-tidy-19 cppcheck shellcheck git
	# VM matrix
	busybox-static dash xz-utils
)
# bookworm's own are too old: libbpf 1.1 and the 6.1 headers know no tcx, QEMU
# before 8.1 crashes stock 6.12 kernels.
BACKPORTS=(libbpf-dev linux-libc-dev bpftool iproute2 qemu-system-x86)

# Version that is old enough to be bookworm's own.
declare -A TOO_OLD=(
	[libbpf-dev]=1:1.4 [linux-libc-dev]=6.6 [bpftool]=7.4 [iproute2]=6.7 [qemu-system-x86]=1:8.1
)

MIRROR=http://deb.debian.org/debian
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

fail() {
	echo "setup.sh: $*" >&2
	exit 1
}

check_build() {
	local missing=() item
	for item in "${CC:-gcc}" "${CLANG:-clang-19}" "${LLVM_STRIP:-llvm-strip-19}" \
		"${BPFTOOL:-bpftool}"; do
		command -v "${item%% *}" >/dev/null || missing+=("${item%% *}")
	done
	for item in bpf/libbpf.h jansson.h yajl/yajl_parse.h libmnl/libmnl.h libelf.h zlib.h sha1.h; do
		echo "#include <$item>" | "${CC:-gcc}" -fsyntax-only -xc - 2>/dev/null ||
			missing+=("<$item>")
	done
	[ ${#missing[@]} -eq 0 ] ||
		fail "missing to build: ${missing[*]}; 'sudo scripts/setup.sh' installs them on Debian 12"
}

# Prints the packages of the arguments that are not installed, or too old.
missing_of() {
	local package version
	declare -A have=()
	while read -r package version; do
		have[$package]=$version
	done < <(dpkg-query -W -f '${db:Status-Abbrev}|${Package} ${Version}\n' "$@" 2>/dev/null |
		sed -n 's/^ii *|//p')
	for package in "$@"; do
		if [ -z "${have[$package]:-}" ]; then
			echo "$package"
		elif [ -n "${TOO_OLD[$package]:-}" ] &&
			dpkg --compare-versions "${have[$package]}" lt "${TOO_OLD[$package]}"; then
			echo "$package"
		fi
	done
}

# An entry of ours, unless some entry for the suite is there already.
add_suite() {
	local suite=$1
	if apt-cache policy | grep -q "n=${suite},"; then
		return
	fi
	if ! grep -rqsE "^[^#]*\b$suite\b" /etc/apt/sources.list /etc/apt/sources.list.d; then
		printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' \
			"$MIRROR" "$suite" "$KEYRING" >"/etc/apt/sources.list.d/branchguard-$suite.sources"
	fi
	STALE=1
}

apt_get() {
	local log
	log=$(mktemp)
	if ! DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 \
		-o Acquire::Retries=3 "$@" >"$log" 2>&1 </dev/null; then
		tail -n 15 "$log" >&2
		rm -f "$log"
		fail "'apt-get $*' failed (above); is the network, and $MIRROR, reachable?"
	fi
	rm -f "$log"
}

case ${1:-} in
--check-build)
	check_build
	exit
	;;
'') ;;
*) fail "unknown argument '$1'; usage: setup.sh [--check-build]" ;;
esac

# systemd mounts it; containers and minimal machines often have none.
if [ "$(id -u)" -eq 0 ] && [ "$(stat -f -c %T /sys/fs/bpf 2>/dev/null)" != bpf_fs ]; then
	echo "setup.sh: mounting the BPF file system at /sys/fs/bpf" >&2
	mount -t bpf bpf /sys/fs/bpf || fail "no BPF file system at /sys/fs/bpf, and none can be mounted there"
fi

command -v dpkg-query >/dev/null ||
	fail "this is no Debian: install by hand what PACKAGES and BACKPORTS in this script list"

mapfile -t plain < <(missing_of "${PACKAGES[@]}")
mapfile -t backported < <(missing_of "${BACKPORTS[@]}")
if [ ${#plain[@]} -eq 0 ] && [ ${#backported[@]} -eq 0 ]; then
	exit 0
fi

# shellcheck source=/dev/null
release=$(. /etc/os-release && echo "${ID:-} ${VERSION_ID:-}")
[ "$release" = "debian 12" ] ||
	fail "this is '$release', not Debian 12; missing here: ${plain[*]} ${backported[*]}"
[ "$(id -u)" -eq 0 ] ||
	fail "missing packages: ${plain[*]} ${backported[*]}; run 'sudo scripts/setup.sh' to install them"

echo "setup.sh: installing ${plain[*]} ${backported[*]}" >&2
STALE=0
[ ${#backported[@]} -eq 0 ] || add_suite bookworm-backports
if [ "$STALE" = 1 ] || ! apt-get -qq -s install "${plain[@]}" >/dev/null 2>&1; then
	apt_get update
fi
# A package list that is merely old names versions that are gone: once more after an update.
[ ${#plain[@]} -eq 0 ] || (apt_get install -y --no-install-recommends "${plain[@]}") 2>/dev/null || {
	apt_get update
	apt_get install -y --no-install-recommends "${plain[@]}"
}
[ ${#backported[@]} -eq 0 ] ||
	apt_get install -y --no-install-recommends -t bookworm-backports "${backported[@]}"
