#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The unit and the DaemonSet of the README: systemd takes the one as it stands, Kubernetes the
# other; and what they give the program is what it needs. Prints TAP.
# shellcheck source=selftests/packaging/lib.sh
. "$(dirname "$0")/lib.sh"

# block LANGUAGE WORD: that of the README which has the word.
block() {
	awk -v start="\`\`\`$1" -v word="$2" '
		$0 == start { inside = 1; text = ""; next }
		/^```/ { if (inside && index(text, word)) printf "%s", text; inside = 0 }
		inside { text = text $0 "\n" }' README.md
}

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

# The program is where `make install` puts it; here that may be nowhere.
unit_is_taken() {
	local complaints
	block ini ExecStart= | sed "s:/usr/local/sbin/branchguard:$(type -P true):" >"$DIR/branchguard.service"
	complaints=$(systemd-analyze verify "$DIR/branchguard.service" 2>&1) || return
	grep -F branchguard.service <<<"$complaints" && return 1
	return 0
}

# Kubernetes' own types read it, and give back every line: one that they do not know is lost.
manifest_is_taken() {
	{
		printf '%s\n' 'apiVersion: v1' 'kind: Pod' 'metadata: { name: branchguard }' 'spec:'
		block yaml hostNetwork | sed 's/^/  /'
	} >"$DIR/pod.yaml"
	kubectl set image --local -o yaml -f "$DIR/pod.yaml" branchguard=other >"$DIR/read.yaml" || return
	tr -c '[:alnum:]/_\n' '\n' <"$DIR/pod.yaml" | grep -E '..' | grep -vx branchguard | sort -u |
		while read -r word; do
			grep -qF -- "$word" "$DIR/read.yaml" || echo "lost: $word"
		done | tee "$DIR/lost"
	[ ! -s "$DIR/lost" ]
}

has() {
	grep -F -- "$2" <<<"$1"
}

unit=$(block ini ExecStart=)
pod=$(block yaml hostNetwork)
with systemd-analyze "systemd takes the unit" unit_is_taken
with kubectl "Kubernetes takes the pod" manifest_is_taken
for capability in BPF NET_ADMIN PERFMON; do
	check "the unit gives CAP_$capability" has "$unit" "CAP_$capability"
	check "so does the pod" has "$pod" "$capability"
done
check "the state outlives a unit that is restarted" has "$unit" RuntimeDirectoryPreserve=yes
check "one that was killed is restarted" has "$unit" Restart=on-failure
check "the state outlives a pod" has "$pod" "hostPath: { path: /run/branchguard"
check "so do the pins" has "$pod" "hostPath: { path: /sys/fs/bpf"
check "which are in the node's network namespace" has "$pod" "hostNetwork: true"
finish
