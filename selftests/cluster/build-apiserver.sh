#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Builds a kube-apiserver of Debian 12's source package, since no Debian has it as a program, and prints
# where it is:
#
#   CACHE/cluster/kube-apiserver     CACHE as in selftests/vm/apt.sh
#
# Made once (5 minutes and 2 GB of disk meanwhile, root), and anew when this script is another. Installs what
# that takes, and what the test needs besides: etcd and curl.
set -euo pipefail
here=$(realpath "$(dirname "$0")/../vm")
# shellcheck source=selftests/vm/apt.sh
. "$here/apt.sh"

cache=$(cache_directory)/cluster
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
if [ -x "$cache/kube-apiserver" ] && [ ! "$0" -nt "$cache/kube-apiserver" ]; then
	echo "$cache/kube-apiserver"
	exit 0
fi

needs=(golang-go golang-github-modern-go-reflect2-dev rsync dpkg-dev etcd-server curl)
dpkg-query -W "${needs[@]}" >/dev/null 2>&1 ||
	DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${needs[@]}" >&2 ||
	die "cannot install ${needs[*]} (above)"

apt_in "$cache/apt" bookworm || die "cannot fetch the source of kubernetes: no mirror (above)"
sed -i 's/^deb /deb-src /' "$cache/apt/sources.list"
apt-get -qq "${apt[@]}" update >&2 || die "apt-get update failed (above); is the network reachable?"
work=$(mktemp -d "$cache/build.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
# (apt compares the sums with the signed index)
apt-get -qq "${apt[@]}" source --download-only kubernetes >&2 || die "cannot download the source of kubernetes"
dpkg-source --no-check -x kubernetes_*.dsc source >&2

# The reflect2 in it goes wrong with today's Go at the first custom resource; Debian's own does not.
vendored=source/vendor/github.com/modern-go/reflect2
rm -rf "$vendored"
cp -rL /usr/share/gocode/src/github.com/modern-go/reflect2 "$vendored"
rm -f "$vendored/go.mod"
cat >version <<-END
	KUBE_GIT_COMMIT='source-package'
	KUBE_GIT_TREE_STATE='archive'
	KUBE_GIT_VERSION='v1.20.2'
	KUBE_GIT_MAJOR='1'
	KUBE_GIT_MINOR='20'
END
mkdir -p source/.go/src/k8s.io
ln -sfn ../../.. source/.go/src/k8s.io/kubernetes
env GOPATH="$work/source/.go" HOME="$work" CGO_ENABLED=0 PATH="/usr/lib/go/bin:$PATH" MAKEFLAGS= MAKELEVEL= \
	KUBE_GIT_VERSION_FILE="$work/version" make -C source WHAT=cmd/kube-apiserver >&2 || die "the build failed (above)"
install -m 755 source/_output/local/bin/*/*/kube-apiserver "$cache/kube-apiserver.new"
mv "$cache/kube-apiserver.new" "$cache/kube-apiserver"
echo "$cache/kube-apiserver"
