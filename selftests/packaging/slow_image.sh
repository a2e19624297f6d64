#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What `make check-deploy` runs: container images are made twice, and the daemon's guards the
# node of a lab, run by podman with what its DaemonSet gives it and nothing else. Prints TAP.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/../net/lib.sh"

runc=$(type -P runc)
[ -n "$(type -P podman)" ] || skip_all "no podman here"
[ -n "$runc" ] || skip_all "no runc here"
lab_up || bail "no lab"
D=$LAB_DIR/images
RUNNING=
mkdir -p "$D"/{store,run,tmp,state,serve}
mkdir -m 777 "$D/feed"
# (so that nothing of it is in shared memory or in a journal)
printf '%s\n' '[engine]' 'lock_type = "file"' 'events_logger = "none"' '[containers]' 'log_driver = "k8s-file"' \
	>"$D/containers.conf"

# In process and mount namespaces of its own, with which all ends that it started and mounted.
podman_in_the_node() {
	CONTAINERS_CONF=$D/containers.conf lab_exec node unshare --mount --pid --fork --kill-child --mount-proc \
		podman --root "$D/store" --runroot "$D/run" --tmpdir "$D/tmp" --storage-driver vfs \
		--cgroup-manager cgroupfs --runtime "$runc" "$@"
}
# contained NAME IMAGE WORD...: as a container of the DaemonSet.
contained() {
	local name=$1 image=$2
	shift 2
	podman_in_the_node run --rm --name "$name" --network host --cgroup-parent "/$LAB_NAME" --read-only \
		--read-only-tmpfs=false --cap-drop all --security-opt no-new-privileges \
		--security-opt "seccomp=scripts/deploy/seccomp.json" --ulimit "nofile=$(ulimit -Hn)" --ulimit nproc=1000 \
		"${GIVEN[@]}" "localhost/$image:$version" "$@"
}
# The daemon in its container, which ends with it.
guarding() {
	pgrep -f "^/usr/bin/branchguard run --pin-dir $PIN_DIR "
}
ends() {
	local pid
	pid=$(guarding) && kill -KILL "$pid" && wait "$RUNNING"
	pid=$(pgrep -f "^/usr/bin/branchguard-fleet serve .*/$(basename "$D"/state/*.sock)") && kill "$pid"
	pid=$(pgrep -f "^/usr/bin/branchguard-fleet follow /$LAB_NAME ") && kill "$pid"
}
forget_podman() {
	local status=$?
	# (what runs in the namespaces of podman ends with it)
	ends
	find /sys/fs/cgroup -depth -type d \( -path "*/$LAB_NAME*" -o -path '*/libpod_parent*' \) \
		-exec rmdir {} + 2>/dev/null
	(exit $status)
	clean_up
}
trap forget_podman EXIT

# --- the images --------------------------------------------------------------------

scripts/deploy/image.sh "$D/one" >"$D/images" 2>"$D/log" || bail "no images: $(tail -n 5 "$D/log")"
scripts/deploy/image.sh "$D/two" >"$D/again" 2>"$D/log" || bail "no images: $(tail -n 5 "$D/log")"
version=$(sed -n '1s/^branchguard:\([^ ]*\) .*/\1/p' "$D/images")
check "three images are made" test "$(cut -d : -f 1 "$D/images" | paste -sd ' ')" = \
	"branchguard branchguard-fleet branchguard-cni"
check "once more they have the same digests" diff <(cut -d ' ' -f 1,2 "$D/images") <(cut -d ' ' -f 1,2 "$D/again")
while read -r _ _ file; do
	podman_in_the_node pull --quiet "oci-archive:$file" >>"$D/log" 2>&1 || bail "podman does not take $file: $(tail -n 3 "$D/log")"
done <"$D/images"
bytes() {
	podman_in_the_node image inspect --format '{{.Size}}' "localhost/$1:$version"
}
has_certificates() {
	podman_in_the_node create --name certificates "localhost/branchguard-fleet:$version" &&
		podman_in_the_node export certificates | tar -t etc/ssl/certs/ca-certificates.crt
}
check "that of the fleet's program has certificates to believe web servers by" has_certificates
check "the daemon's has 4 MiB at most" test "$(bytes branchguard)" -le $((4 << 20))

GIVEN=()
for image in branchguard branchguard-fleet branchguard-cni; do
	check "$image starts, with the version of the sources" eval "contained $image $image version | grep -F '$image $version,'"
done

# --- the daemon --------------------------------------------------------------------

serve db 5432 5433
feed 'egress("sg-cart"; permission("tcp"; 5432; 5432; anywhere))'
DAEMON=(--cap-add BPF --cap-add NET_ADMIN --cap-add PERFMON -v /sys/fs/bpf:/sys/fs/bpf
	-v "$D/state:/run/branchguard" -v "$LAB_DIR:/etc/branchguard:ro")
GIVEN=("${DAEMON[@]}")
# guards NAME: starts it, and waits until it has. (Not by check, whose shell would be its parent.)
guards() {
	contained "$1" branchguard run --pin-dir "$PIN_DIR" --feed /etc/branchguard/feed.json >"$BG_LOG" 2>&1 &
	RUNNING=$!
	wait_for grep -F '"ready"' "$BG_LOG"
}
says() {
	grep -F -e "$1" "$BG_LOG"
}
denied() {
	silent tcp cart "$LAB_DB4" 5433
}
check "before it everything gets through" tcp cart "$LAB_DB4" 5433
guards first
result $? "the daemon starts in its container"
check "and arms the branches" says '"armed"'
check "what a rule allows gets through" tcp cart "$LAB_DB4" 5432
check "what none allows does not" denied
check "a probe in the container finds it well" contained probe branchguard health --pin-dir "$PIN_DIR"
check "it has the three capabilities and no other" \
	grep -x 'CapBnd:	000000c000001000' "/proc/$(guarding)/status"
GIVEN=(--user 0:0 -v "$D/state:/run/branchguard:ro" -v "$D/serve:/run/branchguard-fleet")
contained serve branchguard-fleet serve --listen 127.0.0.1:9469 \
	--daemon "/run/branchguard/$(basename "$D"/state/*.sock)" >"$D/served" 2>&1 &
metrics() {
	lab_exec node bash -c 'exec 3<>/dev/tcp/127.0.0.1/9469 && printf "GET /metrics HTTP/1.0\r\n\r\n" >&3 && cat <&3' |
		grep '^branchguard_daemon_running 1'
}
check "the container beside it has its metrics" wait_for metrics
"$BG-fleet" build --parts "$D/parts" selftests/fleet/answers >"$D/log" 2>&1 || bail "no parts: $(cat "$D/log")"
"$BG-fleet" follow "$D/parts" --node ip-10-0-1-10.us-west-2.compute.internal >"$D/wanted.json" || bail "no feed"
GIVEN=(--user 65534:65534 -v "$D/parts:/$LAB_NAME:ro" -v "$D/feed:/etc/branchguard")
contained feeder branchguard-fleet follow "/$LAB_NAME" --node ip-10-0-1-10.us-west-2.compute.internal \
	--output /etc/branchguard/feed.json 2>"$D/follow.log" &
check "the feeder, as nobody, makes a feed in its volume" wait_for cmp "$D/wanted.json" "$D/feed/feed.json"
check "it has no capability" grep -x 'CapBnd:	0000000000000000' "/proc/$(pgrep -f "^/usr/bin/branchguard-fleet follow /$LAB_NAME ")/status"
GIVEN=("${DAEMON[@]}")
kill -KILL "$(guarding)" && wait "$RUNNING"
check "it ends with the daemon" fails guarding
check "what was denied still is when the container is gone" denied
check "and what was allowed is, too" tcp cart "$LAB_DB4" 5432
guards second
result $? "the container that comes next starts"
check "it takes over what is in force" says '"loaded, taking over what is pinned"'
check "it judges as before" denied
feed 'egress("sg-cart"; permission("tcp"; 5433; 5433; anywhere))'
check "it follows the feed" wait_for tcp cart "$LAB_DB4" 5433
check "nothing of it wrote to the image" fails grep -F 'Read-only file system' "$BG_LOG"
finish
