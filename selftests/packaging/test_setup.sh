#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Where packages are looked for, and what is too old to build with. Nothing is
# installed: apt and dpkg are played by scripts that read tables. Prints TAP.
# shellcheck source=selftests/packaging/lib.sh
. "$(dirname "$0")/lib.sh"

mkdir -p "$DIR"/{bin,parts}
export DIR BG_OS_RELEASE=$DIR/os-release BG_KERNELS=$DIR/kept
mkdir "$BG_KERNELS"
echo '#!/bin/sh' >"$BG_KERNELS/promtool"
chmod +x "$BG_KERNELS/promtool"

# play NAME: the script on stdin is what the command does from now on.
play() {
	(echo '#!/bin/bash' && cat) >"$DIR/bin/$1"
	chmod +x "$DIR/bin/$1"
}

# $DIR/offers has "PACKAGE VERSION SUITE", the best candidate first; lines of
# $DIR/offers-SUITE join it when that suite is among the sources and `update` was
# called. $DIR/installed has "PACKAGE VERSION".
play dpkg-query <<'END'
sed 's/^/ii |/' "$DIR/installed"
END
play apt-cache <<'END'
if [ "$1" = madison ]; then
	awk -v p="$2" '$1 == p { print p " | " $2 " | http://mirror.example/debian " $3 "/main amd64 Packages" }' \
		"$DIR/offers"
else
	echo "  Candidate: $(awk -v p="$2" '$1 == p && !/backports/ { print $2; exit }' "$DIR/offers" | grep . ||
		echo '(none)')"
fi
END
play apt-get <<'END'
echo "apt-get $*" >>"$DIR/calls"
case " $* " in
*' --print-uris '*)
	cat "$DIR/uris"
	;;
*' update '*)
	shopt -s nullglob
	for file in "$DIR"/parts/*.sources; do
		cat "$DIR/offers-$(sed -n 's/^Suites: //p' "$file")" >>"$DIR/offers" 2>/dev/null || exit 100
	done
	;;
esac
END
play apt-config <<'END'
echo "parts='$DIR/parts/'"
END
play id <<'END'
echo 0
END
play stat <<'END'
echo bpf_fs
END

# What setup.sh needs, in the versions of a release that has all.
needs() {
	sed -n "/^NEEDS=(/,/^)/p" scripts/setup.sh | sed -e 's/#.*//' -e '1d;$d' | xargs -n 1 |
		awk '{ print $1, $2 == "" ? "1" : $2 }'
}

# machine ID CODENAME: a new one, with all but libbpf and make, which apt offers.
machine() {
	rm -f "$DIR"/{calls,offers*,parts/*}
	printf 'ID=%s\nVERSION_CODENAME=%s\n' "$1" "$2" >"$BG_OS_RELEASE"
	echo "'http://mirror.example/$1/dists/$2/InRelease' x 0" >"$DIR/uris"
	needs | grep -vE '^(libbpf-dev|make) ' >"$DIR/installed"
	echo "make 4.3 $2" >"$DIR/offers"
}

# The packages asked for, and from where, without the options that are the same in all.
set_up() {
	PATH=$DIR/bin:$PATH scripts/setup.sh 2>&1
	local status=$?
	grep -hE ' (update|install)( |$)' "$DIR/calls" 2>/dev/null | grep -v print-uris |
		sed -E 's/ (-y|-qq|-o|--no-install-recommends|DPkg::[^ ]*|Acquire::[^ ]*)//g; s/ -o//g'
	cat "$DIR"/parts/*.sources 2>/dev/null
	return "$status"
}
wants='setup.sh: installing make libbpf-dev (1:1.4 or later)'

machine debian trixie
needs >"$DIR/installed"
expect "nothing is missing: nothing is done" 0 "" set_up

machine debian trixie
echo "libbpf-dev 1:1.5.0-3 trixie" >>"$DIR/offers"
expect "all comes from the release that has it" 0 "$wants
apt-get install make libbpf-dev" set_up

machine debian bookworm
echo "libbpf-dev 1:1.1.2-0+deb12u1 bookworm" >>"$DIR/offers"
echo "libbpf-dev 1:1.4.6-1~bpo12+1 bookworm-backports" >"$DIR/offers-bookworm-backports"
expect "backports are added where the release has it too old" 0 "$wants
setup.sh: adding bookworm-backports to apt's sources, for libbpf-dev (needed 1:1.4 or later, found 1:1.1.2-0+deb12u1)
apt-get update
apt-get update
apt-get install make
apt-get install -t bookworm-backports libbpf-dev
Types: deb
URIs: http://mirror.example/debian
Suites: bookworm-backports
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg" set_up

machine debian bookworm
printf '%s\n' "libbpf-dev 1:1.1.2-0+deb12u1 bookworm" "libbpf-dev 1:1.4.6-1~bpo12+1 bookworm-backports" >>"$DIR/offers"
expect "backports that are there are used" 0 "$wants
apt-get install make
apt-get install -t bookworm-backports libbpf-dev" set_up

machine debian bookworm
echo "libbpf-dev 1:1.1.2-0+deb12u1 bookworm" >>"$DIR/offers"
expect "backports that are not on the mirror do not stay among the sources" 1 "$wants
setup.sh: adding bookworm-backports to apt's sources, for libbpf-dev (needed 1:1.4 or later, found 1:1.1.2-0+deb12u1)
setup.sh: 'apt-get update' failed (above); is the network reachable?
setup.sh: apt offers none that will do: libbpf-dev (needed 1:1.4 or later, found 1:1.1.2-0+deb12u1)
apt-get update
apt-get update" set_up

machine ubuntu noble
echo "libbpf-dev 1:1.3.0-2build2 noble" >>"$DIR/offers"
expect "a derivative that has it too old is told so, package by package" 1 "$wants
setup.sh: apt offers none that will do: libbpf-dev (needed 1:1.4 or later, found 1:1.3.0-2build2)
apt-get update" set_up

machine ubuntu questing
echo "libbpf-dev 1:1.5.0-2 questing" >>"$DIR/offers"
expect "a derivative that has it all will do" 0 "$wants
apt-get install make libbpf-dev" set_up

machine ubuntu questing
: >"$DIR/offers"
expect "what apt does not know is named" 1 "$wants
setup.sh: apt offers none that will do: make (found none); libbpf-dev (needed 1:1.4 or later, found none)
apt-get update" set_up

# What a test may do without is no reason to fail.
if ! command -v promtool >/dev/null; then
	machine debian trixie
	needs >"$DIR/installed"
	rm "$BG_KERNELS/promtool"
	expect "where promtool cannot be fetched, that is said" 0 "setup.sh: fetching promtool
setup.sh: without promtool what it would judge is skipped" set_up
	play dpkg-deb <<'END'
mkdir -p "$DIR/usr/bin" && echo "#!/bin/sh" >"$DIR/usr/bin/promtool" && tar -c -C "$DIR" ./usr/bin/promtool
END
	machine debian trixie
	needs >"$DIR/installed"
	expect "it is taken out of its package, of which nothing is installed" 0 "setup.sh: fetching promtool" set_up
	check "and kept" test -x "$BG_KERNELS/promtool"
fi

machine debian bookworm
needs >"$DIR/installed"
echo "podman 4.3.1+ds1-8 bookworm" >>"$DIR/offers"
expect "a container runtime is installed where it calls CNI plugins" 0 \
	"setup.sh: installing podman containernetworking-plugins runc
apt-get install podman containernetworking-plugins runc" set_up

machine debian bookworm
(needs && printf '%s 1\n' podman containernetworking-plugins runc) >"$DIR/installed"
echo "podman 4.3.1+ds1-8 bookworm" >>"$DIR/offers"
expect "once" 0 "" set_up

machine debian trixie
needs >"$DIR/installed"
echo "podman 5.4.2+ds1-2 trixie" >>"$DIR/offers"
expect "and not where it does not" 0 "" set_up

# --- the mirror ------------------------------------------------------------------

# sources LINE...: apt as it is, with these sources only and no lists.
sources() {
	rm -rf "$DIR/apt"
	mkdir -p "$DIR"/apt/etc/apt/{sources.list.d,apt.conf.d,preferences.d} "$DIR"/apt/var/lib/apt/lists/partial \
		"$DIR"/apt/var/lib/dpkg "$DIR"/apt/var/cache/apt/archives/partial
	: >"$DIR/apt/var/lib/dpkg/status"
	printf '%s\n' "$@" >"$DIR/apt/etc/apt/$file"
	echo "Dir \"$DIR/apt/\";" >"$DIR/apt.conf"
}

mirror() {
	APT_CONFIG=$DIR/apt.conf scripts/debian-mirror.sh "$1"
}

printf 'ID=debian\nVERSION_CODENAME=trixie\n' >"$BG_OS_RELEASE"
file=sources.list
sources 'deb https://packages.example/linux/debian trixie stable' \
	'deb http://one.example/mirrors/deb/ trixie main' \
	'deb http://one.example/mirrors/deb/ trixie-updates main' \
	'deb http://two.example/sec/ trixie-security main'
expect "the mirror of other releases is this one's, of one-line sources" 0 \
	http://one.example/mirrors/deb mirror bookworm-backports
expect "so is that of security updates" 0 http://two.example/sec mirror bookworm-security

file=sources.list.d/debian.sources
sources 'Types: deb' 'URIs: mirror+file:///etc/apt/mirrors/debian.list' 'Suites: trixie trixie-updates' \
	'Components: main' '' 'Types: deb' 'URIs: mirror+file:///etc/apt/mirrors/debian-security.list' \
	'Suites: trixie-security' 'Components: main'
expect "sources in paragraphs, with a list of mirrors, will do as well" 0 \
	mirror+file:/etc/apt/mirrors/debian.list mirror bookworm-backports
expect "for security updates, too" 0 \
	mirror+file:/etc/apt/mirrors/debian-security.list mirror bookworm-security

sources 'Types: deb' 'URIs: http://one.example/debian' 'Suites: trixie' 'Components: main'
expect "with one source only, security updates are looked for beside it" 0 \
	http://one.example/debian-security mirror bookworm-security

printf 'ID=ubuntu\nVERSION_CODENAME=noble\n' >"$BG_OS_RELEASE"
sources 'Types: deb' 'URIs: http://one.example/ubuntu' 'Suites: noble noble-updates noble-security' \
	'Components: main'
expect "a derivative has none, and is told what to set" 1 "debian-mirror.sh: apt's sources name no mirror of \
Debian that could have trixie-backports: set BG_DEBIAN_MIRROR to the URI of one" mirror trixie-backports
expect "for security updates, too" 1 "debian-mirror.sh: apt's sources name no mirror of Debian that could \
have bookworm-security: set BG_DEBIAN_SECURITY_MIRROR to the URI of one" mirror bookworm-security
BG_DEBIAN_MIRROR=http://three.example/debian \
	expect "what is set counts" 0 http://three.example/debian mirror trixie-backports

# --- compilers -------------------------------------------------------------------

play clang-old <<'END'
echo "Example clang version 18.1.8 (1)"
END
play clang-new <<'END'
echo "clang version 21.0.0"
END
play no-clang <<'END'
echo "example (GCC) 14.2.0"
END

building_with() {
	CLANG=$DIR/bin/$1 scripts/setup.sh --check-build
}

old="setup.sh: too old to build: clang (needed 19 or later, found 18 as '$DIR/bin/clang-old'); \
'sudo scripts/setup.sh' installs newer ones"
expect "a clang that is too old is refused in one line" 1 "$old" building_with clang-old
expect "a newer one is not" 0 "" building_with clang-new
expect "what is no clang is not taken for one" 1 "setup.sh: cannot build with CLANG='$DIR/bin/no-clang': \
it does not say that it is clang" building_with no-clang

make_with() {
	make BUILD="$DIR/build" CLANG="$DIR/bin/$1" "$DIR/build/branchguard.skel.h" 2>&1 | grep -v '^make'
}
expect "make says so before it compiles anything" 0 "$old" make_with clang-old

finish
