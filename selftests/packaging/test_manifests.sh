#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The manifests in scripts/deploy/kustomize, without a server: what they make, whether the programs
# take it, and whether rights are what is asked of an API server (a played one), no more and no less.
# (cluster/test_apply.sh has a real one.) Prints TAP.
# shellcheck source=selftests/packaging/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/packaging/deploy.sh
. selftests/packaging/deploy.sh
manifests=scripts/deploy/kustomize
fleet=$build/branchguard-fleet

kubectl kustomize "$manifests/base" >/dev/null 2>&1 || skip_all "no kubectl here that has kustomize"
python3 -c 'import yaml' 2>/dev/null || skip_all "no python3-yaml here"

# made NAME OVERLAY [COMPONENT...]: what that makes: NAME.json, a list; and what runs, as Kubernetes' own types read
# it, which drop what they do not know: NAME.run.json. No server is asked.
made() {
	local name=$1 at=$DIR/kustomize-$1/$2 component
	cp -r "$manifests" "$DIR/kustomize-$name"
	shift 2
	[ $# -eq 0 ] || sed -i -e '/^components:/d' -e '$a components:' "$at/kustomization.yaml"
	for component in "$@"; do
		echo "- ../$component" >>"$at/kustomization.yaml"
	done
	set -- "$name"
	kubectl kustomize "$at" >"$DIR/$1.yaml" || return
	python3 -c 'import json, sys, yaml; json.dump(list(yaml.safe_load_all(sys.stdin)), sys.stdout)' \
		<"$DIR/$1.yaml" >"$DIR/$1.json" || return
	awk -v RS='---\n' -v ORS='---\n' '/\nkind: (DaemonSet|Deployment)\n/' "$DIR/$1.yaml" >"$DIR/$1.run.yaml"
	kubectl set env --local -o json -f "$DIR/$1.run.yaml" READ_BY=kubectl | jq -s 'map(.items[]? // .)' >"$DIR/$1.run.json"
}
# What FILTER finds in what NAME makes; in its DaemonSet; in all that runs.
all_of() {
	jq -c "$2" "$DIR/$1.json"
}
part() {
	jq -c ".[] | select(.kind == \"DaemonSet\") | .spec.template.spec | $2" "$DIR/$1.run.json"
}
each_part() {
	jq -c "[.[].spec.template.spec | $2] | unique" "$DIR/$1.run.json"
}
nothing_lost() {
	tr -c '[:alnum:]/_.\n' '\n' <"$DIR/$1.run.yaml" | grep -E '..' | sort -u | while read -r word; do
		grep -qF -- "$word" "$DIR/$1.run.json" || echo "lost: $word"
	done | (! grep .)
}
# Programs and images are named alike; a probe names its program itself.
commands() {
	jq -r '.[].spec.template.spec | .initContainers[]?, .containers[] |
		[(.image | split("/")[-1] | split(":")[0]), .args[]],
		(.readinessProbe, .livenessProbe, .startupProbe | select(.) | .exec.command) | join(" ")' "$DIR/$1.run.json"
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
cannot_write_or_gain='[.containers[].securityContext | .readOnlyRootFilesystem and
	.allowPrivilegeEscalation == false and .privileged == false and .capabilities.drop == ["ALL"]] | all'
# Containers that see a token: by a volume of their own, or by that which is mounted unasked.
has_token='.automountServiceAccountToken as $auto | [.volumes[] | select(.projected.sources[]?.serviceAccountToken).name] as $tokens |
	[.containers[] | select($auto != false or any(.volumeMounts[]; [.name] | inside($tokens))).name]'
# What a disruption budget, a policy or a spread selects, and pods are not of any workload.
selects_nothing='[.[] | select(.kind | IN("DaemonSet", "Deployment")).spec.template.metadata.labels] as $pods |
	[.[] | (select(.kind | IN("DaemonSet", "Deployment", "PodDisruptionBudget")).spec.selector.matchLabels),
		(select(.kind == "NetworkPolicy").spec.podSelector.matchLabels),
		(.spec.template.spec.topologySpreadConstraints[]?.labelSelector.matchLabels) | select(.) |
		. as $wanted | select([$pods[] | select(. + $wanted == .)] | length != 1)]'

for overlay in base eks bare-metal configmap-demo; do
	check "$overlay: kustomize makes it, and Kubernetes' types read what runs" made $overlay $overlay
	check "$overlay: with nothing that they do not know" nothing_lost $overlay
	check "$overlay: every command is one that the programs take" all_taken $overlay
	expect "$overlay: one container has capabilities, exactly three" 0 \
		'["branchguard",["ALL"],["BPF","NET_ADMIN","PERFMON"]]' part $overlay '.containers[] |
			select(.securityContext.capabilities.add) | [.name, (.securityContext.capabilities | .drop, .add)]'
	expect "$overlay: none can write to its image, or gain more" 0 '[true]' each_part $overlay "$cannot_write_or_gain"
	expect "$overlay: there is a list of system calls" 0 '["RuntimeDefault"]' each_part $overlay .securityContext.seccompProfile.type
	expect "$overlay: what is in force outlives the pod" 0 '["/run/branchguard","/sys/fs/bpf"]' part $overlay \
		'[.volumes[] | select(.name == "bpf" or .name == "run").hostPath.path] | sort'
	check "$overlay: and nothing takes it away" fails grep -qE '[^a-z]unload' "$DIR/$overlay.run.yaml"
	expect "$overlay: the daemon cannot write where its feed is" 0 true part $overlay \
		'.containers[] | select(.name == "branchguard").volumeMounts[] | select(.name == "feed").readOnly'
	expect "$overlay: all has the name by which it is found" 0 '[]' all_of $overlay '[.[] | select(.kind |
		IN("CustomResourceDefinition", "ConfigMap") | not) | select(.metadata.labels["app.kubernetes.io/name"] != "branchguard").kind]'
	expect "$overlay: what selects pods selects those of one workload" 0 '[]' all_of $overlay "$selects_nothing"
	expect "$overlay: what has rights or runs is in kube-system" 0 '["kube-system"]' all_of $overlay '[.[] |
		select(.kind | test("^Cluster|^CustomResource") | not).metadata.namespace, (.subjects[]?.namespace)] | unique'
	expect "$overlay: who gets rights is somebody that is made" 0 '[]' all_of $overlay '[.[] | select(.kind == "ServiceAccount").metadata.name] as $made |
		[.[].subjects[]?.name] | unique - $made'
done
for overlay in base bare-metal configmap-demo; do
	expect "$overlay: no container has a token" 0 '[]' part $overlay "$has_token"
	expect "$overlay: nobody has a right" 0 '[]' all_of $overlay '[.[] | select(.rules // .roleRef).kind]'
done
expect "eks: it is on nodes with a trunk" 0 '"true"' part eks '.nodeSelector["vpc.amazonaws.com/has-trunk-attached"]'
expect "bare-metal: there is no gate" 0 '["branchguard"]' part bare-metal '[.containers[].name]'
expect "configmap-demo: its feed is accepted" 0 "" \
	sh -c "'$build/branchguard' check $manifests/configmap-demo/feed.json >'$DIR/log'"
expect "configmap-demo: the daemon reads it" 0 '[["branchguard-feed",null]]' part configmap-demo \
	'[.volumes[] | select(.name == "feed") | [.configMap.name, .hostPath]]'
check "metrics: goes with an overlay" made metrics bare-metal metrics
check "metrics: with nothing that Kubernetes' types do not know" nothing_lost metrics
check "metrics: its command is one that the program takes" all_taken metrics
expect "metrics: its container has no capability" 0 '{"drop":["ALL"]}' part metrics \
	'.containers[] | select(.name == "serve").securityContext.capabilities'
check "own-seccomp: goes with an overlay" made own-seccomp eks feeder own-seccomp
expect "own-seccomp: is a file of the node" 0 '{"type":"Localhost","localhostProfile":"branchguard.json"}' \
	part own-seccomp .securityContext.seccompProfile
expect "own-seccomp: but the feeder has the runtime's" 0 '"RuntimeDefault"' part own-seccomp \
	'.containers[] | select(.name == "feeder").securityContext.seccompProfile.type'

# A role's rights: GROUP RESOURCE VERB.
granted() {
	jq -r --arg role "$1" '.[] | select(.kind == "ClusterRole" and .metadata.name == $role).rules[] |
		"\(.apiGroups[]) \(.resources[]) \(.verbs[])"' "$DIR/eks.json" | sort -u
}

# --- the feeder --------------------------------------------------------------------

expect "feeder: it is nobody, and must be" 0 '[65534,65534,true,{"drop":["ALL"]},"RuntimeDefault"]' part eks \
	'.containers[] | select(.name == "feeder").securityContext | [.runAsUser, .runAsGroup, .runAsNonRoot, .capabilities, .seccompProfile.type]'
expect "feeder: it alone has a token" 0 '["feeder"]' part eks "$has_token"
expect "feeder: it writes what the daemon reads, and its folder is no one else's" 0 \
	'[["/etc/branchguard/feed.json","/etc/branchguard/feed.json"],["/etc/branchguard","/etc/branchguard"],["emptyDir"]]' part eks '
	[[(.containers[] | select(.name | IN("branchguard", "feeder")).args | .[index("--feed") // index("--output") | . + 1])],
	 [.containers[].volumeMounts[] | select(.name == "feed").mountPath],
	 [.volumes[] | select(.name == "feed") | del(.name) | keys[]]]'

# --- the publisher -----------------------------------------------------------------

publisher='.[] | select(.kind == "Deployment").spec.template.spec'
expect "publisher: it is nobody, without a capability" 0 '[65534,65534,true,[{"drop":["ALL"]}],"RuntimeDefault"]' all_of eks \
	"$publisher"' | [(.securityContext | .runAsUser, .runAsGroup, .runAsNonRoot), [.containers[].securityContext.capabilities],
		.securityContext.seccompProfile.type]'
expect "publisher: it sees nothing of its node" 0 '[null,[]]' all_of eks "$publisher"' | [.hostNetwork, [.volumes[].hostPath | select(.)]]'
expect "publisher: a node can be drained, and one replica stays" 0 '[2,1]' all_of eks '
	[(.[] | select(.kind == "Deployment").spec.replicas), (.[] | select(.kind == "PodDisruptionBudget").spec.maxUnavailable)]'
expect "publisher: its settings are such" 0 "" eval "'$fleet' build --settings $manifests/publisher/settings.json \
	--node ip-10-0-1-10.us-west-2.compute.internal selftests/fleet/answers 2>'$DIR/log' >'$DIR/feed.json'"
# lacks TEXT [VARIABLE=VALUE...]: with its arguments and no other environment the program says so.
lacks() {
	local words
	read -ra words < <(commands eks | grep '^branchguard-fleet publish ')
	env -i "${@:2}" "$fleet" "${words[@]:1}" 2>&1 | grep -F "$1"
}
check "publisher: EC2 is a source that it knows" lacks "which region?"
check "publisher: so is the API server" lacks KUBERNETES_SERVICE_HOST AWS_REGION=us-west-2 AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b
# What the program can ask for stands in it, as paths and as actions.
served() {
	grep -aoE '/apis?/[a-z0-9.]+(/[a-z0-9%]+)+' "$fleet" | grep -v '^/apis/branchguard' |
		sed -E 's,^/api/v1/,core ,; s,^/apis/([^/]+)/[^/]+/,\1 ,; s, namespaces/%s/, ,; s,[/%].*,,' | sort -u
}
readable() {
	jq -r '.[] | select(.kind | IN("ClusterRole", "Role")) | select(.metadata.name == "branchguard-publisher").rules[] |
		select(.apiGroups != ["branchguard.dev"]) | "\(.apiGroups[] | if . == "" then "core" else . end) \(.resources[])"' "$DIR/eks.json" | sort -u
}
check "publisher: it may read what the program can ask for, and nothing else" diff <(readable) <(served)
check "publisher: and of parts those that the feeder reads" diff <(granted branchguard-feeder | cut -d ' ' -f 1,2 | uniq) \
	<(granted branchguard-publisher | grep ^branchguard | cut -d ' ' -f 1,2 | uniq)
actions() {
	grep -aoE '(Describe|Get)[A-Z][A-Za-z]+Response' "$fleet" | sed 's/^/ec2:/; s/Response$//' | sort -u
}
expect "publisher: so it is with EC2" 0 "$(actions)" jq -r '.Statement[].Action[]' scripts/deploy/iam-policy.json

# --- an overlay of one's own -------------------------------------------------------

# That of the README, as it stands there.
ours() {
	mkdir -p "$DIR/ours/scripts/deploy"
	cp -r "$manifests" "$DIR/ours/scripts/deploy"
	(cd "$DIR/ours" && bash -eu <(sed -n '/^mkdir our /,/^kubectl apply/p' "$OLDPWD/scripts/deploy/README.md" | sed '/^kubectl apply/d'))
	kubectl kustomize "$DIR/ours/our" >"$DIR/ours.yaml" || return
	python3 -c 'import json, sys, yaml; json.dump(list(yaml.safe_load_all(sys.stdin)), sys.stdout)' <"$DIR/ours.yaml" >"$DIR/ours.json"
}
check "ours: kustomize makes the overlay of the README" ours
expect "ours: its images are those of its registry" 0 '["registry.example/branchguard","registry.example/branchguard-cni","registry.example/branchguard-fleet"]' \
	all_of ours '[.[].spec.template?.spec.containers[]?.image | split(":")[0]] | unique'
expect "ours: its settings are in the place of ours" 0 '[{"Node":{"VpcCidrs":["10.0.0.0/16"],"ExternalSnat":false}}]' \
	all_of ours '[.[] | select(.kind == "ConfigMap" and .metadata.name == "branchguard-settings").data["settings.json"] | fromjson]'
expect "ours: the publisher has its role" 0 '["branchguard-publisher"]' \
	all_of ours '[.[] | select(.metadata.annotations["eks.amazonaws.com/role-arn"]?).metadata.name]'

# --- what is asked -----------------------------------------------------------------

# What the feeder asks of an API server (METHOD PATH?QUERY), in the words of a role.
asked() {
	sed -nE 's,^GET /apis/([^/]+)/v[^/]+/([a-z]+)\?(.*),\1 \2 \3,p' "$DIR/api/requests" |
		awk '{ print $1, $2, ($3 ~ /(^|&)watch=/ ? "watch" : "list") }' | sort -u
}
all_asked() {
	[ "$(asked | grep -c watch)" -ge 5 ]
}
wait_for() {
	local end=$((SECONDS + 60))
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || { "$@"; return 1; }
		sleep 0.05
	done
}
if [ -n "$(type -P openssl)" ]; then
	mkdir "$DIR/api"
	"$fleet" build --parts "$DIR/api/parts" selftests/fleet/answers >"$DIR/log" 2>&1 || bail "no parts: $(cat "$DIR/log")"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test \
		-addext subjectAltName=IP:127.0.0.1 -keyout "$DIR/key.pem" -out "$DIR/ca.pem" 2>"$DIR/log" || bail "openssl: $(cat "$DIR/log")"
	echo token >"$DIR/token"
	python3 selftests/fleet/api_server.py "$DIR/api" "$DIR/ca.pem" "$DIR/key.pem" "$DIR/token" 2>"$DIR/log" &
	pids=($!)
	trap 'kill "${pids[@]}"; wait; rm -rf "$DIR"' EXIT
	wait_for test -s "$DIR/api/port" || bail "no server: $(cat "$DIR/log")"
	"$fleet" follow "k8s:https://127.0.0.1:$(cat "$DIR/api/port")" --node ip-10-0-1-10.us-west-2.compute.internal \
		--ca-file "$DIR/ca.pem" --token-file "$DIR/token" --watch-seconds 1 --output "$DIR/feed.json" 2>"$DIR/follow.log" &
	pids+=($!)
	check "feeder: it lists and watches" wait_for all_asked
	check "feeder: its rights are what it asks, and no other" diff <(granted branchguard-feeder) <(asked)
	check "feeder: it only reads" fails grep -v '^GET ' "$DIR/api/requests"
	expect "feeder: what it asks for is defined" 0 "$(asked | awk '{ print $2 "." $1 }' | sort -u)" \
		sh -c "jq -r '.[] | select(.kind == \"CustomResourceDefinition\").metadata.name' '$DIR/eks.json' | sort"
else
	count=$((count + 1))
	echo "ok $count - what the feeder asks # SKIP no openssl to make a certificate"
fi
finish
