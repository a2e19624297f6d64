#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What scripts/deploy/ hands to a node, as far as that shows without making it: the unit, the list of
# system calls, and the tarball that packages and images are made of. (make check-deploy makes and runs them.)
# Prints TAP.
# shellcheck source=selftests/packaging/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/packaging/deploy.sh
. selftests/packaging/deploy.sh

# with TOOL NAME COMMAND...: check, where there is such a tool.
with() {
	local tool=$1 name=$2
	shift 2
	if [ -n "$(type -P "$tool")" ]; then
		check "$name" "$@"
	else
		count=$((count + 1))
		echo "ok $count - $name # SKIP no $tool here"
	fi
}

# --- the unit ----------------------------------------------------------------------

make --no-print-directory BUILD="$build" install DESTDIR="$DIR/dest" PREFIX=/opt/guard >"$DIR/log" 2>&1 ||
	bail "make install failed: $(tail -n 3 "$DIR/log")"
unit=$DIR/dest/opt/guard/lib/systemd/system/branchguard.service
[ -s "$unit" ] || bail "make install has put no unit there"
# of KEY: its values, in one line.
of() {
	sed -n "s/^$1=//p" "$unit" | paste -sd ' '
}
started() {
	of ExecStart | sed 's/ \$.*//'
}

verified() {
	local complaints
	sed "s:^ExecStart=[^ ]*:ExecStart=$(type -P true):" "$unit" >"$DIR/branchguard.service"
	complaints=$(systemd-analyze verify --man=no "$DIR/branchguard.service" 2>&1) || return
	! grep -F branchguard.service <<<"$complaints"
}
with systemd-analyze "systemd takes the unit" verified
# (its figures are tenths here)
with systemd-analyze "it exposes 3.5 of 10 at most" \
	systemd-analyze security --offline=true --threshold=35 "$unit"
expect "it starts what is installed" 0 /opt/guard/sbin/branchguard sh -c "set -- $(started); echo \$1"
# shellcheck disable=SC2046 # words
check "with options that it has" takes branchguard $(started | cut -d ' ' -f 2-)
expect "it gives three capabilities and no other" 0 "CAP_BPF CAP_NET_ADMIN CAP_PERFMON" \
	of CapabilityBoundingSet
expect "none of them is anybody's else" 0 "" of AmbientCapabilities
expect "the state outlives it" 0 yes of RuntimeDirectoryPreserve
check "so does what is in force" fails grep -E '^[^#].*unload' "$unit"
check "the pins can be written" grep -x ReadWritePaths=/sys/fs/bpf "$unit"

# What the unit's filter lets through: each line of it adds, or takes away; sets are systemd's.
allowed() {
	systemd-analyze syscall-filter --no-pager >"$DIR/sets" || return
	sed -n 's/^SystemCallFilter=//p' "$unit" | awk '
		function put(name, add,    i, n, list) {
			if (name !~ /^@/) {
				on[name] = add
				return
			}
			n = split(members[name], list)
			for (i = 1; i <= n; i++)
				put(list[i], add)
		}
		NR == FNR { if (/^@/) set = $1; else if ($1 != "#") members[set] = members[set] " " $1; next }
		{
			add = !sub(/^~/, "")
			for (f = 1; f <= NF; f++)
				put($f, add)
		}
		END { for (name in on) if (on[name]) print name }' "$DIR/sets" - | sort -u >"$DIR/allowed"
}
lets_it_call() {
	system_calls >"$DIR/calls"
	[ "$(wc -l <"$DIR/calls")" -gt 100 ] || return
	allowed || return
	! comm -23 "$DIR/calls" "$DIR/allowed" | grep .
}
with systemd-analyze "it lets the daemon make every system call on its list" lets_it_call

# --- containers --------------------------------------------------------------------

# What a runtime calls between installing the list and starting the program is execve() and
# less than the daemon does.
profiled() {
	system_calls >"$DIR/calls"
	jq -r '.syscalls[].names[]' scripts/deploy/seccomp.json | sort >"$DIR/profile"
	! comm -23 "$DIR/calls" "$DIR/profile" | grep .
}
check "the seccomp profile has every system call on the daemon's list" profiled
check "and refuses the others" jq -e '.defaultAction == "SCMP_ACT_ERRNO"' scripts/deploy/seccomp.json

# --- the tarball -------------------------------------------------------------------

tarball=$(scripts/deploy/dist.sh "$DIR/one" 2>"$DIR/log") || bail "no tarball: $(tail -n 3 "$DIR/log")"
read -r version _ < <(scripts/version.sh)
expect "the tarball has the tree's version" 0 "branchguard-$version.tar.gz" basename "$tarball"
mkdir "$DIR/unpacked"
tar -C "$DIR/unpacked" -xf "$tarball"
tree=$DIR/unpacked/branchguard-$version
expect "so does the tree in it, without git" 0 "$version" sh -c "'$tree/scripts/version.sh' | cut -d ' ' -f 1"
expect "its top level is that of the sources" 0 \
	"LICENSE LICENSE.GPL-2 Makefile README.md bpf headers scripts selftests user" \
	sh -c "ls '$tree' | paste -sd ' '"
expect "who packs that gets the same bytes" 0 "" \
	sh -c "'$tree/scripts/deploy/dist.sh' '$DIR/two' >'$DIR/log' 2>&1; cmp '$tarball' '$DIR/two/${tarball##*/}'"
finish
