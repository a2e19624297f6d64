# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# What the tests of branchguard-cni share: calls as a container runtime makes them.

CNI=$(dirname "$BG")/branchguard-cni

# made POD [FILTER]: what the VPC CNI says of a pod of the lab, put through jq.
made() {
	local fields vlan v4 v6 veth _
	fields=$(lab_pod_fields "$1") || return
	read -r vlan _ v4 v6 veth <<<"$fields"
	jq -nc --arg pod "$1" --arg vlan "$vlan" --arg v4 "$v4" --arg v6 "$v6" --arg veth "$veth" \
		"{cniVersion: \"1.0.0\",
		interfaces: [{name: \$veth}, {name: \"eth0\", sandbox: \"/run/netns/\(\$pod)\"},
			{name: (\"dummy\" + \$veth[4:]), mac: \$vlan}],
		ips: [{address: \"\(\$v4)/32\", interface: 1}, {address: \"\(\$v6)/128\", interface: 1}],
		dns: {}} | ${2:-.}"
}

# A key more than any library keeps as it is.
config() {
	printf '{"cniVersion":"1.0.0","name":"aws-cni","type":"branchguard-cni","pinDir":"%s","failure":"%s","timeoutSeconds":%s%s}' \
		"$PIN_DIR" "${FAILURE:-closed}" "$1" "${2:+,\"prevResult\":$2}"
}

# call COMMAND TIMEOUT [PREV_RESULT]: in the network namespace of $AT (the node's). ANSWER is what
# it printed, SAID what it said beside that; its status is the call's.
AT=node
call() {
	local status=0
	config "$2" "${3:-}" >"$LAB_DIR/cni.in"
	ANSWER=$(CNI_COMMAND=$1 CNI_CONTAINERID=cid CNI_NETNS=/run/netns/x CNI_IFNAME=eth0 \
		CNI_ARGS="IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=cart-0" \
		lab_exec "$AT" "$CNI" <"$LAB_DIR/cni.in" 2>"$LAB_DIR/cni.err") || status=$?
	SAID=$(<"$LAB_DIR/cni.err")
	printf '%s\n%s\n' "$ANSWER" "$SAID"
	return $status
}

# passes POD [TIMEOUT]: ADD answers with what it got, to the byte.
passes() {
	local prev
	prev=$(made "$1") && call ADD "${2:-0}" "$prev" && [ "$ANSWER" = "$prev" ]
}

# refuses CODE TEXT COMMAND TIMEOUT [PREV_RESULT]
refuses() {
	local code=$1 text=$2
	shift 2
	call "$@" && return 1
	[ "$(jq .code <<<"$ANSWER")" = "$code" ] && jq -r '.msg, .details' <<<"$ANSWER" | grep -F -- "$text"
}
