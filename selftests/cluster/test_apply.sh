#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The manifests in scripts/deploy/kustomize and a real API server: it takes all of them, strictly; what
# runs by them has the rights that it needs and no other, by the server's decision on everything that it has; and
# with its token and its arguments the feeder makes the node's feed. Prints TAP.
# shellcheck source=selftests/cluster/server.sh
. "$(dirname "$0")/server.sh"
fleet=$build/branchguard-fleet
node=ip-10-0-1-10.us-west-2.compute.internal
cp -r "$tree/scripts/deploy/kustomize" manifests
kubectl kustomize manifests/base >/dev/null 2>&1 || skip_all "no kubectl here that has kustomize"

printf '%s\n' 'apiVersion: v1' 'kind: Config' 'current-context: here' \
	'contexts: [{ name: here, context: { cluster: here, user: admin } }]' \
	"clusters: [{ name: here, cluster: { server: '$url', certificate-authority: '$dir/ca.crt' } }]" \
	"users: [{ name: admin, user: { client-certificate: '$dir/admin.crt', client-key: '$dir/admin.key' } }]" >config
kubectl() {
	command kubectl --kubeconfig "$dir/config" --cache-dir "$dir/cache" "$@"
}

# --- what it takes -----------------------------------------------------------------

# rendered NAME OVERLAY [COMPONENT...]
rendered() {
	local name=$1 at=manifests/$2
	shift 2
	if [ $# -gt 0 ]; then
		cp -r "$at" "$at-$name"
		at=$at-$name
		sed -i '/^components:/d' "$at/kustomization.yaml"
		{ echo components: && printf -- '- ../%s\n' "$@"; } >>"$at/kustomization.yaml"
	fi
	kubectl kustomize "$at" >"$name.yaml"
}
takes() {
	kubectl apply --dry-run=server --validate=strict -f "$1.yaml"
}
for overlay in crds base eks bare-metal configmap-demo; do
	rendered "$overlay" "$overlay" || bail "kustomize does not make $overlay"
	check "the server takes $overlay" takes "$overlay"
done
rendered more eks feeder metrics own-seccomp || bail "kustomize does not make eks with its components"
check "and eks with other components" takes more
sed 's/readOnlyRootFilesystem/readOnlyRootFileSystem/' base.yaml >misspelled.yaml
check "but nothing that is misspelled" fails takes misspelled
check "a dry run changes nothing" fails kubectl -n kube-system get serviceaccount branchguard

# --- who may what ------------------------------------------------------------------

unchanged() {
	kubectl apply -f "$1" >applied && ! grep -v ' unchanged$' applied
}
check "all of eks is applied" kubectl apply -f eks.yaml
check "and applied again it is the same" unchanged eks.yaml
mapfile -t kinds < <(jq -r '.items[].metadata.name' "$crds")
check "its kinds are there" kubectl wait --for condition=established --timeout 60s crd "${kinds[@]}"

# may ACCOUNT [NAME]
may() {
	python3 "$tree/selftests/cluster/may.py" "$url" ca.crt admin.crt admin.key "$@" | sort
}
# who_may ACCOUNT [NAME]: is what stdin says, and no more.
who_may() {
	diff - <(may "$@")
}
check "the feeder may list and watch parts, and of all that there is nothing else" who_may branchguard < <(
	for kind in "${kinds[@]}"; do
		printf '%s %s %s\n' branchguard.dev "${kind%%.*}" list branchguard.dev "${kind%%.*}" watch
	done | sort)
check "it has a token" eval "token_of branchguard >token"

# is_refused METHOD PATH [BODY]: to who has that token.
is_refused() {
	local status
	status=$(curl -s -o answer -w '%{http_code}' --max-time 30 --cacert ca.crt -H "Authorization: Bearer $(<token)" -X "$1" "$url$2" \
		${3:+-H 'Content-Type: application/json' --data-binary "$3"})
	[ "$status" = 403 ] || { echo "HTTP $status" && return 1; }
}
check "with that it cannot read a secret" is_refused GET /api/v1/namespaces/kube-system/secrets
check "nor a pod" is_refused GET /api/v1/pods
check "nor write a part" is_refused POST $parts_at/nodefeeds '{"apiVersion":"branchguard.dev/v1alpha1","kind":"NodeFeed","metadata":{"name":"x"}}'
check "nor take one away" is_refused DELETE $parts_at/nodefeeds/$node

# --- a feed ------------------------------------------------------------------------

"$fleet" build --parts parts "$tree/selftests/fleet/answers" >build.log 2>&1 || bail "no parts: $(cat build.log)"
"$fleet" follow parts --node $node >wanted.json || bail "no feed"
check "parts are applied" kubectl apply --server-side -f parts

# As its container is run: what kubelet mounts, the node's name, nobody and no capability. (The server writes down
# watches that have ended.)
feeder() {
	local arguments
	mapfile -t arguments < <(kubectl -n kube-system get daemonset branchguard -o json | jq -r --arg dir "$dir/feed" --arg node $node '
		.spec.template.spec.containers[] | select(.name == "feeder").args[] | gsub("/etc/branchguard|/run/branchguard-feeder"; $dir) | gsub("\\$\\(NODE_NAME\\)"; $node)')
	[ ${#arguments[@]} -gt 4 ] || return
	mkdir -m 1777 feed
	chmod 755 "$dir"
	install -m 755 "$fleet" fleet
	# shellcheck disable=SC2016 # of the shell that is started
	KUBERNETES_SERVICE_HOST=127.0.0.1 KUBERNETES_SERVICE_PORT=6443 unshare --mount sh -euc '
		mount -t tmpfs -o mode=755 tmpfs /run
		mkdir -p /run/secrets/kubernetes.io/serviceaccount
		install -m 644 token ca.crt /run/secrets/kubernetes.io/serviceaccount
		exec setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all --no-new-privs ./fleet "$@"' \
		feeder "${arguments[@]}" --watch-seconds 1 2>follow.log &
	pids[feeder]=$!
}
feeder || bail "the DaemonSet has no feeder"
check "with its arguments the feeder makes the node's feed of them" wait_for cmp wanted.json feed/feed.json
check "which all can read, and nobody writes" test "$(stat -c '%a %u' feed/feed.json)" = "644 65534"
check "its probe says that all is well" wait_for "$fleet" probe --well feed/state.json
all_watched() {
	[ "$(asked branchguard | grep -c ' watch$')" -eq ${#kinds[@]} ]
}
check "it watches all kinds" wait_for all_watched
check "for that it needs each of its rights" diff <(may branchguard) <(asked branchguard)
check "and all is taken away again" kubectl delete -f eks.yaml
finish
