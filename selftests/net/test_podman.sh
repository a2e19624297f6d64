#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The CNI gate under a real container runtime: podman with its CNI backend (Debian 12's), whose
# bridge plugin makes the pod's interfaces. What the VPC CNI would do beside that, a plugin of
# the test does. Containers run in the lab's node, so that nothing of it is in the host.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/net/cni.sh
. selftests/net/cni.sh

runc=$(type -P runc)
busybox=$(type -P busybox)
[[ $(podman --version 2>/dev/null) == "podman version 4."* ]] ||
	skip_all "no podman 4 here, the last one that calls CNI plugins (scripts/setup.sh installs Debian 12's)"
[ -n "$runc" ] || skip_all "no runc here"
[ -x /usr/lib/cni/bridge ] || skip_all "no bridge plugin in /usr/lib/cni (containernetworking-plugins)"
[ -n "$busybox" ] || skip_all "no busybox here"

lab_network || bail "no lab"
D=$LAB_DIR/podman
mkdir -p "$D"/{store,run,tmp,net.d,bin} "$D"/root/{bin,proc,sys,dev,etc,run,tmp} || bail "no folder"
cp "$busybox" "$D/root/bin/busybox" || bail "no busybox"
# (so that nothing of it is in shared memory or in a journal)
cat >"$D/containers.conf" <<-END
	[network]
	network_backend = "cni"
	cni_plugin_dirs = ["/usr/lib/cni", "$D/bin"]
	network_config_dir = "$D/net.d"
	default_network = "pods"
	default_subnet = "10.0.48.0/24"
	[engine]
	lock_type = "file"
	events_logger = "none"
	[containers]
	log_driver = "k8s-file"
END
# As the VPC CNI says it: the VLAN id in a dummy interface's Mac.
cat >"$D/bin/played-vpc" <<-END
	#!/bin/bash
	in=\$(cat)
	case \$CNI_COMMAND in
	VERSION) echo '{"cniVersion":"1.0.0","supportedVersions":["0.4.0","1.0.0"]}' ;;
	ADD)
		jq -c '.prevResult | .interfaces += [{name: "dummy1", mac: "9"}]' <<<"\$in" >"$D/made.new"
		mv "$D/made.new" "$D/made.json"
		cat "$D/made.json"
		;;
	DEL) echo DEL >>"$D/deleted" ;;
	esac
END
chmod +x "$D/bin/played-vpc"
cat >"$D/net.d/10-pods.conflist" <<-END
	{"cniVersion": "1.0.0", "name": "pods", "plugins": [
		{"type": "bridge", "bridge": "cni-bg", "isGateway": true, "ipMasq": false,
		 "ipam": {"type": "host-local", "dataDir": "$D/ipam", "ranges": [[{"subnet": "10.0.48.0/24"}]],
			  "routes": [{"dst": "0.0.0.0/0"}]}},
		{"type": "played-vpc"}]}
END
put_gate() {
	"$CNI" install --conf-dir "$D/net.d" --bin-dir "$D/bin" --of 10-pods.conflist --pin-dir "$PIN_DIR" "$@"
}

# In process and mount namespaces of its own, with which all ends that it started and mounted; what
# libcni keeps, it keeps in /var/lib/cni.
podman_in_the_node() {
	CONTAINERS_CONF=$D/containers.conf lab_exec node timeout 120 unshare --mount --pid --fork --kill-child \
		--mount-proc sh -c 'mount -t tmpfs tmpfs /var/lib && exec "$@"' sh \
		podman --root "$D/store" --runroot "$D/run" --tmpdir "$D/tmp" --storage-driver vfs \
		--cgroup-manager cgroupfs --runtime "$runc" "$@"
}
# starts NAME COMMAND...: a container whose first act is that, in $NETWORK.
NETWORK=pods
starts() {
	local name=$1
	shift
	podman_in_the_node run --rm --name "$name" --network "$NETWORK" --cgroup-parent "/$LAB_NAME" \
		--ulimit "nofile=$(ulimit -Hn)" --ulimit nproc=1000 --cap-add NET_RAW --rootfs "$D/root" /bin/busybox "$@"
}
forget_podman() {
	local status=$?
	podman_in_the_node rm -fa -t 0 >/dev/null 2>&1
	find /sys/fs/cgroup -depth -type d \( -path "*/$LAB_NAME*" -o -path '*/libpod_parent*' \) \
		-exec rmdir {} + 2>/dev/null
	(exit $status)
	clean_up
}
trap forget_podman EXIT

# What is needed beside the gate: a runtime that starts anything on this machine, and bridges.
said=$(NETWORK=none starts probe echo started 2>&1) || skip_all "podman starts no container here: ${said##*$'\n'}"
ip -n "$LAB_NAME-node" link add probe type bridge 2>/dev/null || skip_all "this kernel has no bridges"
ip -n "$LAB_NAME-node" link del probe

lab_branch 9 || bail "no branch"
jq -n '{FeedVersion: 1, Revision: "1", Node: {Name: "node", PrimaryInterface: "eth0", TrunkInterface: "eth1",
	Addresses: ["10.0.1.10"], VpcCidrs: ["10.0.0.0/16"]},
	SecurityGroups: [{GroupId: "sg-cart", IpPermissions: [], IpPermissionsEgress: []}], Branches: []}' >"$FEED"
bg_start

says() {
	grep -F -e "$1" "$D/out"
}
check "the gate stands in the list" put_gate --timeout 1
check "a pod that the feed lacks does not start" eval '! starts cart-0 echo started >"$D/out" 2>&1'
check "not one instruction of it" eval '! grep -x started "$D/out"'
check "podman says which" says "the branch of pod cart-0 (VLAN 9) is not armed"
check "and what is missing" says "has no branch with VLAN id 9"
check "what was made for it is taken away" eval '[ -s "$D/deleted" ] && ! lab_exec node ip -br link show master cni-bg | grep .'

check "\"open\" is asked for" put_gate --failure open --timeout 0
check "then it starts" eval 'starts cart-1 echo started | grep -x started'

# The publisher's part: it sees the pod, and writes the feed.
check "the gate waits for long" put_gate --timeout 300
rm "$D/made.json"
starts cart-0 sh -c 'busybox ping -c 1 -W 1 10.0.2.20; echo ended' >"$D/out" 2>"$D/err" &
starting=$!
wait_for test -e "$D/made.json"
capture fabric trunk ip
sleep "$WAIT_S"
check "a pod waits for the feed" kill -0 $starting
check "and does nothing meanwhile" test ! -s "$D/out"
veth=$(jq -r '.interfaces[] | select(.name | startswith("veth")).name' "$D/made.json")
address=$(jq -r '.ips[0].address | split("/")[0]' "$D/made.json")
feed ".Branches = [{Id: \"eni-cart\", VlanId: 9, GroupIds: [\"sg-cart\"], Pods: [{Namespace: \"shop\",
	Name: \"cart-0\", Addresses: [\"$address\"], HostInterface: \"$veth\"}]}]"
wait $starting
check "and starts when it is armed" says ended
check "its first packet was judged" says "100% packet loss"
capture_end
check "and did not get out" eval '! grep -F "$address" "$CAPTURE"'
finish
