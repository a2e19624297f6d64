#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The manifests in scripts/deploy/kustomize and a real API server: it takes all of them, strictly; what
# runs by them has the rights that it needs and no other, by the server's decision on everything that it has; and
# publisher and feeder, with their tokens and arguments, bring what kubectl says to a node. Prints TAP.
# shellcheck source=selftests/cluster/server.sh
. "$(dirname "$0")/server.sh"
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
	# (1.20 has policy/v1 as v1beta1 alone, of the same shape)
	kubectl kustomize "$at" | sed 's,^apiVersion: policy/v1$,&beta1,' >"$name.yaml"
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

check "all of eks is applied" kubectl apply -f eks.yaml
python3 -c 'import json, sys, yaml; json.dump(list(yaml.safe_load_all(sys.stdin)), sys.stdout)' <eks.yaml >eks.json
check "and applied again it would be the same" kubectl diff -f eks.yaml
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

# --- from pods to a feed -----------------------------------------------------------

# contained NAME KIND ACCOUNT [OPTION...]: the container NAME of the KIND of manifest, as it is run: its arguments, what
# kubelet mounts and EKS says of a role, the node's name, a name of its own, nobody and no capability. Its folders are in ./NAME.
# (Watches are short, since the server writes down those that have ended.)
contained() {
	local name=$1 kind=$2 account=$3 arguments
	shift 3
	mapfile -t arguments < <(jq -r --arg dir "$dir/$name" --arg node $node --arg kind "$kind" --arg name "${name%%-*}" '
		.[] | select(.kind == $kind).spec.template.spec.containers[] | select(.name == $name).args[] |
		gsub("^/etc/branchguard|^/run/branchguard-[a-z]+"; $dir) | gsub("\\$\\(NODE_NAME\\)"; $node)' eks.json)
	[ ${#arguments[@]} -gt 4 ] || return
	mkdir -m 1777 "$name"
	cp manifests/publisher/settings.json "$name"
	token_of "$account" >"$name.token" || return
	# shellcheck disable=SC2016 # of the shell that is started
	env KUBERNETES_SERVICE_HOST=127.0.0.1 KUBERNETES_SERVICE_PORT=6443 AWS_REGION=us-west-2 AWS_ROLE_ARN=arn:aws:iam::1:role/feed \
		AWS_WEB_IDENTITY_TOKEN_FILE="$dir/aws/web-token" unshare --mount --uts sh -euc '
		name=$1
		shift
		hostname "$name"
		mount -t tmpfs -o mode=755 tmpfs /run
		at=/run/secrets/kubernetes.io/serviceaccount
		mkdir -p "$at"
		install -m 644 "$name.token" "$at/token"
		install -m 644 ca.crt "$at"
		printf kube-system >"$at/namespace"
		exec setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all --no-new-privs ./fleet "$@"' \
		contained "$name" "${arguments[@]}" --watch-seconds 1 "$@" 2>"$name.log" &
	pids[$name]=$!
}
# What EC2 says, and what there is in the cluster.
mkdir -p aws/answers
cp "$tree"/selftests/fleet/answers/{describe-*,pl-*}.json aws/answers
echo eyJhbGciOi.web-identity.token >aws/web-token
python3 "$tree/selftests/fleet/ec2_server.py" AKIATEST secret "$dir/aws" 2>ec2.log &
pids[ec2]=$!
wait_for test -s aws/port || bail "no EC2"
ec2=http://127.0.0.1:$(<aws/port)
cluster_objects() {
	as_admin POST /apis/apiextensions.k8s.io/v1/customresourcedefinitions '{"metadata":{"name":"securitygrouppolicies.vpcresources.k8s.aws"},
		"spec":{"group":"vpcresources.k8s.aws","scope":"Namespaced","names":{"kind":"SecurityGroupPolicy","plural":"securitygrouppolicies"},
		"versions":[{"name":"v1beta1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object",
		"x-kubernetes-preserve-unknown-fields":true}}}]}}'
	kubectl wait --for condition=established --timeout 60s crd securitygrouppolicies.vpcresources.k8s.aws || return
	jq -s 'map(.items) | add | map(select(.kind != "Service" or .metadata.namespace != "default") | del(.metadata | .resourceVersion, .uid, .creationTimestamp, .managedFields, .selfLink))' \
		"$tree"/selftests/fleet/answers/kubectl-*.json >objects.json
	kubectl create namespace shop || return
	jq '{apiVersion: "v1", kind: "List", items: .}' objects.json | kubectl create --validate=false -f -
}
check "there are a node, pods and policies" cluster_objects
chmod 755 "$dir"
install -m 755 "$build/branchguard-fleet" fleet
# The feed that this makes, without a hash of it.
wanted() {
	kubectl get pods,securitygrouppolicies,serviceaccounts,services,nodes -A -o json >cluster.json &&
		./fleet build --settings manifests/publisher/settings.json --node "$node" cluster.json aws/answers 2>build.log | jq -S 'del(.Revision)'
}
has_come() {
	wanted >wanted.json && jq -S 'del(.Revision)' feeder/feed.json | diff wanted.json -
}
for name in publisher-1 publisher-2; do
	contained $name Deployment branchguard-publisher --ec2-endpoint "$ec2" --sts-endpoint "$ec2" --interval 1 || bail "there is no publisher"
done
contained feeder DaemonSet branchguard || bail "there is no feeder"
check "one publisher writes" wait_for eval "[ \"\$(jq -s 'map(select(.Leader)) | length' publisher-*/state.json)\" = 1 ]"
check "the node's feed is there" wait_for has_come
check "with a branch" jq -e '.Branches | length > 0' wanted.json
check "which all can read, and nobody writes" test "$(stat -c '%a %u' feeder/feed.json)" = "644 65534"
for name in publisher-1 publisher-2; do
	check "$name runs, by its probe" wait_for ./fleet probe $name/state.json
done
check "the feeder is well, by its probe" wait_for ./fleet probe --well feeder/state.json

rule_is_edited() {
	sed 's,"CidrIp\(v4\)\?": *"[^"]*","CidrIp\1": "198.51.100.77/32",g' "$tree/selftests/fleet/answers/$1" >"$1.new" && mv "$1.new" "aws/answers/$1"
}
rule_is_edited describe-security-groups.json
rule_is_edited describe-security-group-rules.json
edit_has_come() {
	grep -F 198.51.100.77/32 feeder/feed.json && has_come
}
check "a rule that is edited in EC2 comes to the node" wait_for edit_has_come
mapfile -t pod < <(jq -r 'first(.[] | select(.kind == "Pod" and .metadata.annotations["vpc.amazonaws.com/pod-eni"])).metadata | .namespace, .name' objects.json)
kubectl -n "${pod[0]}" delete pod "${pod[1]}" --force --grace-period 0 >delete.log 2>&1
check "a pod that is gone is gone there" wait_for has_come
leader=$(jq -r 'select(.Leader).Identity' publisher-*/state.json)
kill -9 "${pids[$leader]}"
wait "${pids[$leader]}" 2>/dev/null
check "when the publisher that writes is killed the other one does" wait_for eval "jq -e 'select(.Identity != \"$leader\").Leader' publisher-*/state.json"
kubectl delete node $node >delete.log 2>&1
no_part() {
	kubectl get nodefeeds -o name | (! grep .)
}
check "and goes on with what there is" wait_for no_part

# --- rights, by what was asked -----------------------------------------------------

all_watched() {
	[ "$(asked "$1" | grep -c ' watch$')" -ge 5 ]
}
check "the feeder watches all kinds" wait_for all_watched branchguard
check "for that it needs each of its rights" diff <(may branchguard) <(asked branchguard)
check "so does the publisher" wait_for all_watched branchguard-publisher
# (of parts, some kind was written in each way)
by_verb() {
	sed -E 's/^(branchguard\.dev) [a-z]+/\1 parts/' | sort -u
}
publisher_needs() {
	diff <(may branchguard-publisher branchguard-publisher | by_verb) <(asked branchguard-publisher | by_verb)
}
check "it needs each of its rights, too, and has no other" publisher_needs
check "no token is in a log" fails grep -Ff <(cat ./*.token | sed 's/\(.\{60\}\).*/\1/') ./publisher-1.log ./publisher-2.log ./feeder.log
check "and all is taken away again" kubectl delete -f eks.yaml
finish
