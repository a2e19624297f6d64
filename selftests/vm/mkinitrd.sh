#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Builds the three parts of the guest's initramfs; the kernel takes them concatenated.
#
#   mkinitrd.sh base OUT [ROOT]      the programs of this host, with their libraries, or all
#                                    that is in ROOT, of another architecture
#   mkinitrd.sh modules OUT KERNEL   kernel modules in the order to load them
#   mkinitrd.sh tests OUT FILE...    files of this tree, under their paths, in /branchguard; of
#                                    Python only what those written in it load
set -euo pipefail
here=$(dirname "$(realpath "$0")")
what=${1:?base, modules or tests}
out=$(realpath -m "${2:?file to write}")
shift 2
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

# Scripts of the lab are bash, and expect the tools that Debian has.
packages=(bash dash coreutils grep sed mawk findutils util-linux mount procps hostname
	iproute2 nftables iptables iputils-ping ethtool tcpdump socat netcat-openbsd jq bpftool iperf3)
# Of big packages only what tests call.
unwanted='/(perl|lto-dump|genl|fdisk|cfdisk|sfdisk|mkfs.*|fsck.*|mkswap|blkid|lsblk|wipefs|zramctl|swap.*|losetup|partx)$'

modules_needed=(8021q veth sch_ingress cls_bpf virtio_pci virtio_net nf_tables nft_ct nf_conntrack
	nf_conntrack_netlink nf_nat nft_compat nft_chain_nat nft_masq nft_nat xt_MASQUERADE
	xt_nat xt_conntrack xt_mark xt_connmark xt_comment xt_addrtype xt_tcpudp)
modules_wanted=(nft_reject_inet nft_limit nft_log nft_redir nft_fib_inet nft_numgen nft_hash
	xt_statistic xt_multiport xt_LOG xt_limit xt_state xt_set xt_REDIRECT xt_TPROXY xt_CT
	dummy bridge sch_fq sch_netem act_bpf act_gact act_mirred cls_matchall cls_u32 ip6_tables ip_tables
	iptable_nat ip6table_nat iptable_filter iptable_mangle)

pack() {
	(cd "$root" && find . -mindepth 1 | LC_ALL=C sort | busybox cpio -o -H newc -R 0:0 2>/dev/null) \
		>"$out.new"
	mv "$out.new" "$out"
}

# Copies the libraries of the programs given, once each.
libraries() {
	local lib
	# (a line that is not indented names the program, which may be a library itself)
	ldd "$@" 2>/dev/null | grep '^[[:blank:]]' | grep -oE '/[^ ]+\.so[^ ]*' | sort -u | while read -r lib; do
		install -D "$(realpath "$lib")" "$root/usr/lib${lib#*/lib}"
	done || true
}

# Debian's merged /usr, as on the host.
layout() {
	mkdir -p "$root"/{usr/{bin,sbin,lib,lib64},proc,sys,dev,run,tmp,etc,root,var}
	ln -s usr/bin usr/sbin usr/lib usr/lib64 "$root"
	ln -s ../run "$root/var/run"
}

# Its own programs and libraries, without what only a compiler reads.
of_another() {
	local directory
	for directory in bin sbin lib; do
		cp -a "$1/usr/$directory" "$root/usr/"
	done
	rm -rf "$root"/usr/lib/{gcc,systemd} "$root"/usr/lib/*/{*.a,*.o,pkgconfig,gconv,perl*}
}

of_this_host() {
	local file name target binaries=()
	install "$(command -v busybox)" "$root/usr/bin/busybox"
	while read -r file; do
		[ -f "$file" ] || [ -L "$file" ] || continue
		# Not every package knows yet that /bin is /usr/bin.
		name=/usr/${file#/}
		name=${name/#\/usr\/usr/\/usr}
		if [ -L "$file" ]; then
			target=$(readlink "$file")
			ln -sfn "$target" "$root$name"
		else
			cp "$file" "$root$name"
			binaries+=("$root$name")
		fi
	done < <(dpkg-query -L "${packages[@]}" | grep -E '^(/usr)?/s?bin/[^/]+$' | grep -vE "$unwanted")
	# What alternatives would point to, and applets for the rest.
	ln -sfn nc.openbsd "$root/usr/bin/nc"
	ln -sfn xtables-nft-multi "$root/usr/sbin/iptables"
	for name in iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
		ln -sfn xtables-nft-multi "$root/usr/sbin/$name"
	done
	libraries "${binaries[@]}"
	# iptables loads its matches and targets at run time; sanitizers and cmocka come with tests.
	mkdir -p "$root/usr/lib/$(uname -m)-linux-gnu"
	cp -r "/usr/lib/$(uname -m)-linux-gnu/xtables" "$root/usr/lib/$(uname -m)-linux-gnu/"
	for name in /etc/iproute2 /usr/share/iproute2 /etc/protocols /etc/services /etc/ethertypes; do
		[ ! -e "$name" ] || { mkdir -p "$root$(dirname "$name")" && cp -r "$name" "$root$name"; }
	done
}

# base [ROOT]
base() {
	local name
	layout
	if [ $# -gt 0 ]; then
		of_another "$1"
	else
		of_this_host
	fi
	ln -sfn mawk "$root/usr/bin/awk"
	ln -sfn dash "$root/usr/bin/sh"
	busybox --list | while read -r name; do
		[ -e "$root/usr/bin/$name" ] || [ -e "$root/usr/sbin/$name" ] || [ -L "$root/usr/bin/$name" ] ||
			ln -s busybox "$root/usr/bin/$name"
	done
	echo "root:x:0:0:root:/root:/bin/bash" >"$root/etc/passwd"
	printf 'root:x:0:\n' >"$root/etc/group"
	printf 'nobody:x:65534:65534:nobody:/:/bin/false\n' >>"$root/etc/passwd"
	printf '127.0.0.1 localhost\n::1 localhost\n' >"$root/etc/hosts"
	printf 'passwd: files\ngroup: files\nhosts: files\nprotocols: files\nservices: files\n' \
		>"$root/etc/nsswitch.conf"
	install -m 755 "$here/init" "$root/init"
	pack
}

modules() {
	local kernel=$1 directory name file missing=()
	declare -A path=() seen=()
	directory=$root/lib/modules
	mkdir -p "$root/usr/lib/modules"
	ln -s usr/lib "$root/lib"
	: >"$directory/order"
	while read -r file; do
		name=$(basename "$file")
		name=${name%%.ko*}
		path[${name//-/_}]=$file
	done < <(find "$kernel/modules/" -name '*.ko*')
	# The packages have no modules.dep: dependencies are in the modules themselves.
	add() {
		local name=${1//-/_} file dependency
		[ -z "${seen[$name]:-}" ] || return 0
		seen[$name]=1
		file=${path[$name]:-}
		[ -n "$file" ] || return 0
		case $file in
		*.xz) xz -dc "$file" ;;
		*) cat "$file" ;;
		esac >"$directory/$name.ko"
		for dependency in $(tr '\0' '\n' <"$directory/$name.ko" | grep -a '^depends=' | sed -n 1p |
			cut -d= -f2 | tr ',' ' '); do
			add "$dependency"
		done
		echo "$name" >>"$directory/order"
	}
	# Of the file itself: in a pipe grep -q ends its writer, and now and then the pipe fails.
	for name in "${modules_needed[@]}"; do
		[ -n "${path[$name]:-}" ] || grep -q "/${name//_/[_-]}\.ko" "$kernel/modules/modules.builtin" ||
			missing+=("$name")
	done
	[ ${#missing[@]} -eq 0 ] || {
		echo "mkinitrd.sh: kernel $kernel has no ${missing[*]}" >&2
		exit 1
	}
	for name in "${modules_needed[@]}" "${modules_wanted[@]}"; do
		add "$name"
	done
	pack
}

# python FILE...: the interpreter, and the modules that these load, with what is compiled of them.
python() {
	local file extensions=()
	install -D "$(realpath /usr/bin/python3)" "$root/usr/bin/python3"
	while read -r file; do
		mkdir -p "$root$(dirname "$file")"
		cp -p "$file" "$root$file"
		[[ $file != *.so ]] || extensions+=("$file")
	done < <(/usr/bin/python3 -B - "$@" <<-'END'
		import os, sys
		sys.path[:0] = {os.path.dirname(path) for path in sys.argv[1:]}
		library = os.path.dirname(os.__file__)
		for path in sys.argv[1:]:
		    __import__(os.path.basename(path)[:-len(".py")])
		for module in list(sys.modules.values()):
		    for name in "__file__", "__cached__":
		        path = getattr(module, name, None)
		        if path and path.startswith(library) and os.path.exists(path):
		            print(path)
	END
	)
	[ ${#extensions[@]} -gt 0 ] || { echo "mkinitrd.sh: what do $* load?" >&2; exit 1; }
	libraries /usr/bin/python3 "${extensions[@]}"
}

tests() {
	local file programs=() modules=()
	ln -s usr/lib usr/lib64 "$root"
	mkdir -p "$root/usr/lib" "$root/usr/lib64" "$root/branchguard"
	for file in "$@"; do
		install -D "$file" "$root/branchguard/${file/#"${BG_BUILD:-build}"\//build/}"
		case $file in
		*.o | *.sh | *.json | *.list) ;;
		*.py) modules+=("$file") ;;
		*) [ ! -x "$file" ] || programs+=("$file") ;;
		esac
	done
	[ ${#programs[@]} -eq 0 ] || libraries "${programs[@]}"
	[ ${#modules[@]} -eq 0 ] || python "${modules[@]}"
	pack
}

"$what" "$@"
