#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Downloads and unpacks what it takes to build the tests for arm64 and to run them in a guest:
# a stock Debian kernel, libraries with their headers, and programs. Prints where it lies:
#
#   CACHE/arm64/{vmlinuz,modules/,root/}     CACHE as in apt.sh; root/ is a --sysroot
#
# It is made once, and anew when this script is another.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
# shellcheck source=selftests/vm/apt.sh
. "$here/apt.sh"

suites=(bookworm bookworm-security bookworm-backports)
packages=(linux-image-cloud-arm64
	# to build
	libc6-dev libgcc-12-dev libbpf-dev libelf-dev zlib1g-dev libjansson-dev libyajl-dev libmnl-dev
	libmd-dev libseccomp-dev libmicrohttpd-dev libcurl4-openssl-dev libexpat1-dev libcmocka-dev linux-libc-dev
	# to run
	bash dash busybox-static coreutils grep sed mawk findutils util-linux mount procps iproute2 bpftool)

cache=$(cache_directory)/arm64
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
if [ "$cache/root" -nt "$here/fetch-arm64.sh" ] && [ -f "$cache/vmlinuz" ]; then
	echo "$cache"
	exit 0
fi

apt_in "$cache" "${suites[@]}" || die "cannot fetch arm64's packages: no mirror (above)"
apt+=(-o APT::Architecture=arm64 -o APT::Architectures=arm64)
apt-get -qq "${apt[@]}" update >&2 || die "apt-get update failed (above); is the network reachable?"
rm -rf "$cache"/archives/*.deb "$cache"/{root,modules,vmlinuz}
apt-get -qq "${apt[@]}" -y -d --no-install-recommends -t bookworm-backports install "${packages[@]}" >&2 ||
	die "cannot download ${packages[*]}"
# Debian's merged /usr: some packages still say /lib, and must not replace the link.
new=$cache/root.new
rm -rf "$new"
mkdir -p "$new"/usr/{bin,sbin,lib}
ln -s usr/bin usr/sbin usr/lib "$new"
for deb in "$cache"/archives/*.deb; do
	dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink -C "$new"
done
mv "$new"/boot/vmlinuz-* "$cache/vmlinuz"
mv "$new"/usr/lib/modules/* "$cache/modules"
rm -rf "${new:?}/boot" "$new"/usr/share/{doc,man,locale} "$cache"/archives/*.deb
mv "$new" "$cache/root"
touch "$cache/root"
echo "$cache"
