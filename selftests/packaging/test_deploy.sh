#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What scripts/deploy/ hands to a node, as far as that shows without making it: the unit, and
# the tarball that packages and images are made of. (make check-deploy makes and runs them.)
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

# --- manifests ---------------------------------------------------------------------

# daemon_set OVERLAY [COMPONENT]: its DaemonSet as Kubernetes' own types read it, which drop what they
# do not know; no server is asked.
daemon_set() {
	rm -rf "$DIR/kustomize-$1"
	cp -r scripts/deploy/kustomize "$DIR/kustomize-$1"
	[ $# -lt 2 ] || echo "components: [../$2]" >>"$DIR/kustomize-$1/$1/kustomization.yaml"
	kubectl kustomize "$DIR/kustomize-$1/$1" >"$DIR/$1.yaml" || return
	awk -v RS='---\n' '/\nkind: DaemonSet\n/' "$DIR/$1.yaml" >"$DIR/$1.set.yaml"
	kubectl set image --local -o json -f "$DIR/$1.set.yaml" branchguard=branchguard:other >"$DIR/$1.json"
}
# The part of a DaemonSet that FILTER finds, of OVERLAY.
part() {
	jq -c "$2" "$DIR/$1.json"
}
nothing_lost() {
	tr -c '[:alnum:]/_.\n' '\n' <"$DIR/$1.set.yaml" | grep -E '..' | grep -vx 0.2.0 | sort -u |
		while read -r word; do
			grep -qF -- "$word" "$DIR/$1.json" || echo "lost: $word"
		done | (! grep .)
}
# Programs and images are named alike; a probe names its program itself.
commands() {
	jq -r '.spec.template.spec | .initContainers[]?, .containers[] | . as $container |
		[(.image | split("/")[-1] | split(":")[0] | sub("^branchguard:.*"; "branchguard")), .args[]],
		(.readinessProbe, .livenessProbe, .startupProbe | select(.) | .exec.command) | join(" ")' "$DIR/$1.json"
}
all_taken() {
	local words line
	commands "$1" >"$DIR/commands"
	[ -s "$DIR/commands" ] || return
	while read -r line; do
		read -ra words <<<"$line"
		takes "${words[@]}" || return
	done <"$DIR/commands"
}

if [ -n "$(type -P kubectl)" ] && kubectl kustomize scripts/deploy/kustomize/base >/dev/null 2>"$DIR/log"; then
	for overlay in base eks bare-metal configmap-demo; do
		check "$overlay: kustomize makes it, and Kubernetes' types read its DaemonSet" daemon_set $overlay
		check "$overlay: with nothing that they do not know" nothing_lost $overlay
		check "$overlay: every command is one that the programs take" all_taken $overlay
		expect "$overlay: one container has capabilities, exactly three" 0 \
			'["branchguard",["ALL"],["BPF","NET_ADMIN","PERFMON"]]' part $overlay '.spec.template.spec.containers[] |
				select(.securityContext.capabilities.add) | [.name, (.securityContext.capabilities | .drop, .add)]'
		expect "$overlay: none can write to its image, or gain more" 0 true part $overlay '
			[.spec.template.spec.containers[].securityContext | .readOnlyRootFilesystem and
				.allowPrivilegeEscalation == false and .privileged == false and .capabilities.drop == ["ALL"]] | all'
		expect "$overlay: there is a list of system calls, and no token" 0 '["RuntimeDefault",false]' part $overlay \
			'.spec.template.spec | [.securityContext.seccompProfile.type, .automountServiceAccountToken]'
		expect "$overlay: what is in force outlives the pod" 0 '["/run/branchguard","/sys/fs/bpf"]' part $overlay \
			'[.spec.template.spec.volumes[] | select(.name == "bpf" or .name == "run").hostPath.path] | sort'
		check "$overlay: and nothing takes it away" fails grep -qE '[^a-z]unload' "$DIR/$overlay.set.yaml"
	done
	expect "eks: it is on nodes with a trunk" 0 '"true"' \
		part eks '.spec.template.spec.nodeSelector["vpc.amazonaws.com/has-trunk-attached"]'
	expect "bare-metal: there is no gate" 0 '["branchguard"]' part bare-metal '[.spec.template.spec.containers[].name]'
	expect "configmap-demo: its feed is accepted" 0 "" \
		sh -c "'$build/branchguard' check scripts/deploy/kustomize/configmap-demo/feed.json >'$DIR/log'"
	expect "configmap-demo: the daemon reads it" 0 '[["branchguard-feed",null]]' part configmap-demo \
		'[.spec.template.spec.volumes[] | select(.name == "feed") | [.configMap.name, .hostPath]]'
	check "metrics: goes with an overlay" daemon_set bare-metal metrics
	check "metrics: with nothing that Kubernetes' types do not know" nothing_lost bare-metal
	check "metrics: its command is one that the program takes" all_taken bare-metal
	expect "metrics: its container has no capability" 0 '{"drop":["ALL"]}' part bare-metal \
		'.spec.template.spec.containers[] | select(.name == "serve").securityContext.capabilities'
	check "own-seccomp: goes with an overlay" daemon_set eks own-seccomp
	expect "own-seccomp: is a file of the node" 0 '{"type":"Localhost","localhostProfile":"branchguard.json"}' \
		part eks .spec.template.spec.securityContext.seccompProfile
else
	count=$((count + 1))
	echo "ok $count - the manifests # SKIP no kubectl here that has kustomize"
fi

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
