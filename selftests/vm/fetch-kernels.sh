#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Downloads and unpacks the stock Debian kernels of the VM matrix, from the
# mirror that apt uses here. Nothing is installed, apt's sources stay as they are.
#
#   fetch-kernels.sh           all of them, unless they were looked for today
#   fetch-kernels.sh --path NAME   prints where the kernel of that name lies
#
# Result: CACHE/NAME -> <uname -r>/{vmlinuz,modules/}, NAME as in kernels.list.
# CACHE: $BG_KERNELS, else /var/cache/branchguard, else build/kernels.
set -euo pipefail
here=$(dirname "$(realpath "$0")")

# shellcheck source=selftests/vm/apt.sh
. "$here/apt.sh"
cache=$(cache_directory)

case ${1:-} in
--path)
	kernel=$cache/${2:?name of a kernel}
	[ -f "$kernel/vmlinuz" ] || die "no kernel '$2' in $cache; 'selftests/vm/fetch-kernels.sh' gets it"
	realpath "$kernel"
	exit
	;;
'') ;;
*) die "unknown argument '$1'" ;;
esac

mapfile -t wanted < <(grep -v '^#' "$here/kernels.list")

all_there() {
	local name
	for line in "${wanted[@]}"; do
		read -r name _ <<<"$line"
		[ -f "$cache/$name/vmlinuz" ] || return 1
	done
}

exec 9>"$cache/lock"
flock 9

if all_there && [ -n "$(find "$cache/looked" -mtime -1 2>/dev/null)" ]; then
	exit 0
fi

mapfile -t suites < <(printf '%s\n' "${wanted[@]}" | awk '{ print $2 }')
apt_in "$cache" "${suites[@]}" || { ! all_there || exit 0; die "cannot fetch kernels: no mirror (above)"; }

if ! apt-get -qq "${apt[@]}" update >"$cache/update.log" 2>&1 || grep -q '^[WE]:' "$cache/update.log"; then
	cat "$cache/update.log" >&2
	all_there || die "cannot fetch kernels: apt-get update failed (above); is the network reachable?"
	echo "fetch-kernels.sh: apt-get update failed (above), going on with the kernels in $cache" >&2
	exit 0
fi

# Names of the linux-* packages that the given one needs.
parts_of() {
	apt-cache "${apt[@]}" show "$1" | sed -n 's/^Depends: //p' | sed -n 1p | tr ',' '\n' |
		sed -E 's/^ *//; s/ .*//' | grep -E '^linux-(image|binary|modules|base)-[0-9]' || true
}

fetch() {
	local name=$1 suite=$2 meta=$3 version image release part x
	local parts=()
	version=$(apt-cache "${apt[@]}" madison "$meta" |
		awk -v suite="$suite/" '!seen && index($0, " " suite) { print $3; seen = 1 }')
	[ -n "$version" ] || die "no package $meta in suite $suite"
	image=$(parts_of "$meta=$version" | grep '^linux-image-' | sed -n 1p)
	release=${image#linux-image-}
	if [ ! -f "$cache/$release/vmlinuz" ]; then
		# From 7.x on, kernel, modules and their lists are packages of their own.
		mapfile -t parts < <(echo "$image" && parts_of "$image")
		x=$cache/$release.new
		rm -rf "$x" "$cache/debs"
		mkdir -p "$x/root" "$cache/debs"
		for part in "${parts[@]}"; do
			(cd "$cache/debs" && apt-get -qq "${apt[@]}" download "$part" >&2) ||
				die "cannot download $part"
			dpkg-deb -x "$cache/debs/$part"_*.deb "$x/root"
		done
		rm -rf "$cache/debs"
		# They do not agree on whether there is a /usr/lib.
		mkdir "$x/modules"
		find "$x/root" -maxdepth 4 -type d -path "*/lib/modules/$release" | while read -r modules; do
			cp -a "$modules/." "$x/modules/"
		done
		if [ -f "$x/root/boot/vmlinuz-$release" ]; then
			mv "$x/root/boot/vmlinuz-$release" "$x/vmlinuz"
		else
			mv "$x/modules/vmlinuz" "$x/vmlinuz"
		fi
		rm -rf "$x/root" "${cache:?}/$release"
		mv "$x" "$cache/$release"
	fi
	ln -sfn "$release" "$cache/$name"
	echo "$name: $release ($meta $version, $suite)"
}

for line in "${wanted[@]}"; do
	# shellcheck disable=SC2086 # the fields are words
	fetch $line
done
touch "$cache/looked"
