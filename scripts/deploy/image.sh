#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Makes container images of the sources that dist.sh packs, without a network and without
# anybody's base image, as archives of OCI; prints of each its name, its digest and its file:
#
#   scripts/deploy/image.sh DIRECTORY
#
# The same commit, compilers and libraries give the same digests. It takes root, or a user for
# whom `buildah unshare` works.
set -euo pipefail
mkdir -p "$1"
out=$(realpath "$1")
cd "$(dirname "$0")/../.."
# The make that makes the images is no part of the one that runs this.
unset MAKEFLAGS MAKELEVEL MFLAGS
if [ "$(id -u)" -ne 0 ] && [ -z "${_CONTAINERS_USERNS_CONFIGURED:-}" ]; then
	exec buildah unshare -- "$PWD/scripts/deploy/image.sh" "$out"
fi
# shellcheck source=scripts/deploy/sources.sh
. scripts/deploy/sources.sh

unpack_sources "$out"
# As little of the system as can be: only libmnl has no archive. (libelf of Debian 13 wants zstd.)
libs='-l:libbpf.a -l:libelf.a -l:libz.a -l:libjansson.a -l:libyajl_s.a -lmnl -l:libmd.a -l:libseccomp.a'
[[ $(gcc -print-file-name=libzstd.a) != /* ]] || libs=${libs/libz.a/libz.a -l:libzstd.a}
make -C "$tree" LIBS="$libs" all >"$out/image.log" 2>&1 || {
	tail -n 30 "$out/image.log" >&2
	echo "image.sh: make failed (above; all of it is in $out/image.log)" >&2
	exit 1
}

buildah=(buildah --root "$work/store" --runroot "$work/run" --storage-driver vfs)

# put FILE ROOT: the program without its symbols, and the libraries that it is linked with.
put() {
	local library
	install -D -m 755 "$1" "$2/usr/bin/${1##*/}"
	strip "$2/usr/bin/${1##*/}"
	{ ldd "$1" 2>&1 || true; } | sed -nE 's/.*[[:space:]](\/[^ ]+) \(0x.*/\1/p' | while read -r library; do
		install -D -m 755 "$library" "$2$library"
	done
}

# image NAME USER FOLDER...: an image of the program NAME alone, which runs as USER; it has the
# FOLDERs, to mount on.
image() {
	local name=$1 user=$2 root=$work/root-$1 container folder
	shift 2
	mkdir -p "$root"
	put "$tree/build/$name" "$root"
	for folder in "$@"; do
		mkdir -p "$root$folder"
	done
	find "$root" -type d -exec chmod 755 {} +
	container=$("${buildah[@]}" from --quiet scratch)
	"${buildah[@]}" copy --quiet --chown 0:0 "$container" "$root" / >/dev/null
	"${buildah[@]}" config --user "$user" --entrypoint "[\"/usr/bin/$name\"]" --env PATH=/usr/bin --cmd '' \
		--label "org.opencontainers.image.title=$name" \
		--label "org.opencontainers.image.version=$version" \
		--label "org.opencontainers.image.licenses=GPL-2.0-only OR BSD-2-Clause" "$container"
	"${buildah[@]}" commit --quiet --rm --timestamp "$SOURCE_DATE_EPOCH" "$container" "localhost/$name:$version" >/dev/null
	rm -f "$out/$name-$version.oci.tar"
	"${buildah[@]}" push --quiet --digestfile "$work/digest" "localhost/$name:$version" \
		"oci-archive:$out/$name-$version.oci.tar:localhost/$name:$version"
	echo "$name:$version $(<"$work/digest") $out/$name-$version.oci.tar"
}

image branchguard 0:0 /sys/fs/bpf /run/branchguard /etc/branchguard
# Whose certificates web servers are believed by, where no --ca-file says so.
certificates=/etc/ssl/certs/ca-certificates.crt
install -D -m 644 "$certificates" "$work/root-branchguard-fleet$certificates"
image branchguard-fleet 65534:65534
image branchguard-cni 0:0 /etc/cni/net.d /opt/cni/bin
