#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Installs what branchguard needs to be built, tested and shown: packages of a
# Debian (12 or later) or of a release derived from it, as new as needed, and a
# BPF file system at /sys/fs/bpf. Without anything missing it changes nothing,
# needs no root and no network, and takes a moment.
#
#   scripts/setup.sh                all of it
#   scripts/setup.sh --arm64        what `make check-arm64` needs, too
#   scripts/setup.sh --deploy       what `make deb`, `make image` and `make check-deploy` need, too
#   scripts/setup.sh --check-build  only say what `make` would miss
set -euo pipefail
here=$(dirname "$(realpath "$0")")

# Packages, each with the least version if not every version will do.
NEEDS=(
	# build; libbpf and the kernel's headers must know tcx
	gcc make libc6-dev clang-19 llvm-19
	libelf-dev zlib1g-dev libjansson-dev libyajl-dev libmnl-dev libmd-dev libseccomp-dev libmicrohttpd-dev
	libcurl4-openssl-dev libexpat1-dev
	'libbpf-dev 1:1.4' 'linux-libc-dev 6.6' 'bpftool 7.4'
	# tests and lab
	libcmocka-dev libasan8 libubsan1 libclang-rt-19-dev procps jq nftables iptables iputils-ping
	ethtool tcpdump socat netcat-openbsd iperf3 openssl python3 python3-yaml 'iproute2 6.7'
	# an etcd to follow (where systemd runs, Debian starts one on the loopback, too)
	etcd-server curl
	# lint
	clang-format-19 clang-tidy-19 cppcheck shellcheck mandoc git
	# VM matrix; QEMU before 8.1 crashes stock 6.12 kernels
	busybox-static dash xz-utils debian-archive-keyring 'qemu-system-x86 1:8.1'
)

# What one test wants, which is skipped without it: a container runtime that calls CNI
# plugins. Of podman only version 4 does, which Debian 12 has.
WISHES=(podman containernetworking-plugins runc)

# To build for arm64, and to boot it.
ARM64_NEEDS=(gcc-aarch64-linux-gnu binutils-aarch64-linux-gnu 'qemu-system-arm 1:8.1')

# To make packages and container images, and to run these.
DEPLOY_NEEDS=(debhelper dpkg-dev lintian buildah podman runc systemd ca-certificates)

# The kernel's verifier refuses what an older clang makes of the program: too many jumps.
LEAST_CLANG=19
LEAST_LIBBPF=1.4

fail() {
	echo "setup.sh: $*" >&2
	exit 1
}

# --- what `make` needs, by whatever means it was installed ---------------------

includes() {
	printf '%s\n' "$@" | "${cc[@]}" -E -P -xc - 2>/dev/null
}

check_build() {
	local missing=() old=() item cc clang version
	# (both may have arguments)
	read -ra cc <<<"${CC:-gcc}"
	for item in "${cc[0]}" "${CLANG:=clang-19}" "${LLVM_STRIP:-llvm-strip-19}" \
		"${BPFTOOL:-bpftool}"; do
		command -v "${item%% *}" >/dev/null || missing+=("${item%% *}")
	done
	for item in bpf/libbpf.h jansson.h yajl/yajl_parse.h libmnl/libmnl.h libelf.h zlib.h sha1.h seccomp.h microhttpd.h curl/curl.h expat.h; do
		includes "#include <$item>" >/dev/null || missing+=("<$item>")
	done
	[ ${#missing[@]} -eq 0 ] ||
		fail "missing to build: ${missing[*]}; 'sudo scripts/setup.sh' installs them"

	read -ra clang <<<"$CLANG"
	version=$("${clang[@]}" --version 2>/dev/null | sed -nE 's/.*clang version ([0-9]+).*/\1/p' | sed -n 1p)
	[ -n "$version" ] || fail "cannot build with CLANG='$CLANG': it does not say that it is clang"
	[ "$version" -ge "$LEAST_CLANG" ] ||
		old+=("clang (needed $LEAST_CLANG or later, found $version as '$CLANG')")
	read -r _ item version < <(includes '#include <bpf/libbpf_version.h>' \
		'_ LIBBPF_MAJOR_VERSION LIBBPF_MINOR_VERSION' | tail -n 1)
	version=$item.$version
	[ "$(printf '%s\n' "$LEAST_LIBBPF" "$version" | sort -V | sed -n 1p)" = "$LEAST_LIBBPF" ] ||
		old+=("libbpf (needed $LEAST_LIBBPF or later, found $version)")
	echo '#include <linux/bpf.h>
		int tcx = BPF_TCX_INGRESS;' | "${cc[@]}" -fsyntax-only -xc - 2>/dev/null ||
		old+=("the kernel's headers (needed 6.6 or later, found some without tcx)")
	[ ${#old[@]} -eq 0 ] ||
		fail "too old to build: $(join "${old[@]}"); 'sudo scripts/setup.sh' installs newer ones"
}

# --- packages ------------------------------------------------------------------

join() {
	local text=$1
	shift
	text+=$(printf '; %s' "$@")
	echo "${text%; }"
}

# missing PACKAGE...: prints those that are not installed, or too old.
missing() {
	local package least version
	declare -A have=()
	while read -r package version; do
		have[$package]=$version
	done < <(printf '%s\n' "$@" | cut -d ' ' -f 1 |
		xargs dpkg-query -W -f '${db:Status-Abbrev}|${Package} ${Version}\n' 2>/dev/null |
		sed -n 's/^ii *|//p')
	while read -r package least; do
		if [ -z "${have[$package]:-}" ] ||
			dpkg --compare-versions "${have[$package]}" lt "${least:-0}"; then
			echo "$package ${least:-0}"
		fi
	done < <(printf '%s\n' "$@")
}

# Sorts what is missing by where apt has it: `plain` needs no suite, packages in
# `of[SUITE]` are new enough only in SUITE (which has less priority), and those in
# `lacking` in no suite.
look() {
	local package least candidate version where suite found
	plain=() lacking=()
	of=()
	while read -r package least; do
		candidate=$(apt-cache policy "$package" | sed -n 's/^  Candidate: //p')
		case ${candidate:-(none)} in
		'(none)') ;;
		*)
			if dpkg --compare-versions "$candidate" ge "$least"; then
				plain+=("$package")
				continue
			fi
			;;
		esac
		suite='' found=none
		while IFS='|' read -r _ version where; do
			read -r version <<<"$version"
			read -r _ where _ <<<"$where"
			if dpkg --compare-versions "$version" ge "$least"; then
				suite=${where%%/*}
				break
			fi
			[ "$found" != none ] || found=$version
		done < <(apt-cache madison "$package" | grep ' Packages$')
		if [ -n "$suite" ]; then
			of[$suite]+=" $package"
		else
			[ "$least" = 0 ] || found="needed $least or later, found $found"
			lacking+=("$package (${found/#none/found none})")
		fi
	done < <(printf '%s\n' "${wanted[@]}")
}

apt_get() {
	local log
	log=$(mktemp)
	if ! DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 \
		-o Acquire::Retries=3 "$@" >"$log" 2>&1 </dev/null; then
		tail -n 15 "$log" >&2
		rm -f "$log"
		echo "setup.sh: 'apt-get $*' failed (above); is the network reachable?" >&2
		return 1
	fi
	rm -f "$log"
}

# What is too old in a Debian may be new enough in its backports.
add_backports() {
	local suite mirror parts
	# shellcheck source=/dev/null
	suite=$(. "${BG_OS_RELEASE:-/etc/os-release}" && [ "${ID:-}" = debian ] && echo "${VERSION_CODENAME:-}")
	[ -n "$suite" ] || return 1
	suite+=-backports
	! grep -q "/dists/$suite/" < <(apt-get update --print-uris 2>/dev/null) || return 1
	mirror=$("$here/debian-mirror.sh" "$suite") || return 1
	eval "$(apt-config shell parts Dir::Etc::sourceparts/d)"
	echo "setup.sh: adding $suite to apt's sources, for $(join "${lacking[@]}")" >&2
	printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' "$mirror" "$suite" \
		/usr/share/keyrings/debian-archive-keyring.gpg >"${parts%/}/branchguard-$suite.sources"
	apt_get update || {
		rm -f "${parts%/}/branchguard-$suite.sources"
		return 1
	}
}

install_packages() {
	local suite packages
	[ ${#plain[@]} -eq 0 ] || apt_get install -y --no-install-recommends "${plain[@]}" || return 1
	for suite in "${!of[@]}"; do
		read -ra packages <<<"${of[$suite]}"
		apt_get install -y --no-install-recommends -t "$suite" "${packages[@]}" || return 1
	done
}

# What judges metrics and alert rules, without the server that its package has, too.
wish_promtool() {
	"$here/promtool.sh" >/dev/null 2>&1 || [ "$(id -u)" -ne 0 ] || {
		echo "setup.sh: fetching promtool" >&2
		"$here/promtool.sh" --fetch >/dev/null 2>&1 ||
			echo "setup.sh: without promtool what it would judge is skipped" >&2
	}
}

wish() {
	local wished
	wish_promtool
	mapfile -t wished < <(missing "${WISHES[@]}" | cut -d ' ' -f 1)
	[ ${#wished[@]} -gt 0 ] && [ "$(id -u)" -eq 0 ] || return 0
	[[ $(apt-cache policy podman | sed -n 's/^  Candidate: //p') == 4.* ]] || return 0
	echo "setup.sh: installing ${wished[*]}" >&2
	apt_get install -y --no-install-recommends "${wished[@]}" ||
		echo "setup.sh: without ${wished[*]} a test is skipped" >&2
}

case ${1:-} in
--check-build)
	check_build
	exit
	;;
--arm64) NEEDS+=("${ARM64_NEEDS[@]}") ;;
--deploy) NEEDS+=("${DEPLOY_NEEDS[@]}") ;;
'') ;;
*) fail "unknown argument '$1'; usage: setup.sh [--check-build | --arm64 | --deploy]" ;;
esac

# systemd mounts it; containers and minimal machines often have none.
if [ "$(id -u)" -eq 0 ] && [ "$(stat -f -c %T /sys/fs/bpf 2>/dev/null)" != bpf_fs ]; then
	echo "setup.sh: mounting the BPF file system at /sys/fs/bpf" >&2
	mount -t bpf bpf /sys/fs/bpf || fail "no BPF file system at /sys/fs/bpf, and none can be mounted there"
fi

command -v dpkg-query >/dev/null ||
	fail "no dpkg here: install by hand what NEEDS in this script lists (Debian's names)"

mapfile -t wanted < <(missing "${NEEDS[@]}")
[ ${#wanted[@]} -gt 0 ] || {
	wish
	exit 0
}
names=$(printf '%s\n' "${wanted[@]}" | sed 's/ 0$//; s/ \(.*\)/ (\1 or later)/' | paste -sd ' ')
[ "$(id -u)" -eq 0 ] ||
	fail "missing packages: $names; run 'sudo scripts/setup.sh' to install them"
echo "setup.sh: installing $names" >&2

declare -a plain=() lacking=()
declare -A of=()
look
if [ ${#lacking[@]} -gt 0 ]; then
	apt_get update || exit 1
	look
fi
if [ ${#lacking[@]} -gt 0 ] && add_backports; then
	look
fi
[ ${#lacking[@]} -eq 0 ] ||
	fail "apt offers none that will do: $(join "${lacking[@]}")"
# Old package lists name versions that are gone by now: so once more after an update.
install_packages 2>/dev/null || {
	apt_get update
	look
	install_packages || exit 1
}
wish
