# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# shellcheck disable=SC2034 # of who sources it
#
# A real API server with its etcd, in a network namespace and a folder of their own, for the tests that
# source this: the test goes on in both, and all of it ends with the test. $BG_KUBE_APISERVER is the server; by
# default that which build-apiserver.sh has built.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
# shellcheck source=selftests/tap.sh
. selftests/tap.sh

server=${BG_KUBE_APISERVER:-${BG_KERNELS:-/var/cache/branchguard}/cluster/kube-apiserver}
[ -x "$server" ] || skip_all "no API server: 'make check-cluster' builds one"
[ "$(id -u)" -eq 0 ] || skip_all "needs root, for a network namespace"
for tool in etcd curl openssl jq; do
	command -v $tool >/dev/null || skip_all "no $tool"
done
[ -n "${IN_NAMESPACE:-}" ] || IN_NAMESPACE=1 exec unshare --net "$(realpath "$0")"
ip link set lo up

tree=$PWD
build=$(realpath "${BG_BUILD:-build}")
crds=$tree/scripts/deploy/kustomize/crds/crds.json
url=https://127.0.0.1:6443
parts_at=/apis/branchguard.dev/v1alpha1
rbac=/apis/rbac.authorization.k8s.io/v1
dir=$(mktemp -d)
declare -A pids=()
end() {
	[ ${#pids[@]} -eq 0 ] || kill -9 "${pids[@]}"
	wait
	rm -rf "$dir"
}
trap 'end 2>/dev/null' EXIT
cd "$dir" || exit 1

explain_failure() {
	tail -n 4 -- *.log | cut -c -300 | sed 's/^/# /'
}

# wait_for COMMAND...: until it succeeds, at most so long.
wait_for() {
	local end=$((SECONDS + 120))
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || { "$@"; return 1; }
		sleep 0.01
	done
}

certificates() {
	local name subject
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=ca -keyout ca.key -out ca.crt
	for name in server admin; do
		subject=/CN=server
		[ $name = server ] || subject=/O=system:masters/CN=admin
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj $subject -keyout $name.key -out $name.csr
		openssl x509 -req -in $name.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out $name.crt \
			-extfile <(printf 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n')
	done
	openssl genrsa -out tokens.key 2048
}

start_api() {
	"$server" --etcd-servers=http://127.0.0.1:2379 --bind-address=127.0.0.1 --advertise-address=127.0.0.1 --secure-port=6443 \
		--insecure-port=0 --service-cluster-ip-range=172.20.0.0/16 --cert-dir=certs --tls-cert-file=server.crt \
		--tls-private-key-file=server.key --client-ca-file=ca.crt --service-account-issuer=https://localhost \
		--service-account-signing-key-file=tokens.key --service-account-key-file=tokens.key --authorization-mode=RBAC \
		--disable-admission-plugins=ServiceAccount --audit-policy-file=audit-policy --audit-log-path=audit.json >>api.log 2>&1 &
	pids[server]=$!
}

# as_admin METHOD PATH [BODY [TYPE]]: prints the answer; fails when it is an error.
as_admin() {
	curl -sS --fail-with-body --max-time 30 --cacert ca.crt --cert admin.crt --key admin.key -X "$1" "$url$2" \
		${3:+-H "Content-Type: application/${4:-json}" --data-binary "$3"}
}
is_ready() { [ "$(as_admin GET /readyz)" = ok ]; }

# token_of NAME: one of that service account in kube-system.
token_of() {
	as_admin POST "/api/v1/namespaces/kube-system/serviceaccounts/$1/token" '{"spec":{"expirationSeconds":3600}}' |
		jq -er .status.token
}

# asked ACCOUNT: what that service account of kube-system has asked for, and got: GROUP RESOURCE VERB, and behind
# that "in kube-system, NAME" for what was named there.
asked() {
	jq -r --arg user "system:serviceaccount:kube-system:$1" 'select(.user.username == $user and .responseStatus.code < 300).objectRef as $of |
		select($of.resource) | "\($of.apiGroup // "core") \($of.resource) \(.verb)" +
		if $of.namespace and $of.name then " in \($of.namespace), \($of.name)" else "" end' audit.json | sort -u
}

printf '%s\n' 'apiVersion: audit.k8s.io/v1' 'kind: Policy' 'omitStages: [RequestReceived]' 'rules:' \
	'- { level: Metadata, userGroups: ["system:serviceaccounts:kube-system"] }' '- { level: None }' >audit-policy
certificates >openssl.log 2>&1 || bail "openssl: $(tail -n 3 openssl.log)"
etcd --data-dir etcd --log-level warn >etcd.log 2>&1 &
pids[etcd]=$!
start_api
wait_for is_ready || bail "no API server"
