#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What `branchguard-cni install` writes, how it follows the list of the node's CNI, which is
# rewritten under it, and what `uninstall` takes away. Prints TAP.
# shellcheck source=selftests/packaging/lib.sh
. "$(dirname "$0")/lib.sh"

cni=$(realpath "${BG_BUILD:-build}")/branchguard-cni
conf=$DIR/net.d bin=$DIR/bin
mkdir "$conf" "$bin"
theirs=$conf/10-aws.conflist ours=$conf/05-branchguard.conflist
install=("$cni" install --conf-dir "$conf" --bin-dir "$bin")
uninstall=("$cni" uninstall --conf-dir "$conf" --bin-dir "$bin")

# list [TYPE]: as aws-node writes it.
list() {
	printf '{\n  "cniVersion": "1.0.0",\n  "name": "aws-cni",\n  "plugins": [\n    {"type": "%s"},\n    {"type": "portmap"}\n  ]\n}\n' "${1:-aws-cni}"
}
types() {
	jq -r '[.plugins[].type] | join(" ")' "$ours"
}
# becomes TEXT COMMAND...: at some time within half a minute.
becomes() {
	local text=$1 end=$((SECONDS + 30)) said
	shift
	until said=$("$@" 2>/dev/null) && [ "$said" = "$text" ]; do
		[ "$SECONDS" -lt "$end" ] || { echo "$said" && return 1; }
		sleep 0.05
	done
}
there() {
	[ -e "$1" ] && echo yes || echo no
}

check "the plugin needs no library" eval 'file=$(LC_ALL=C ldd "$cni" 2>&1); grep "not a dynamic executable" <<<"$file"'

# --- once ------------------------------------------------------------------------------

check "without their list there is nothing to do, and it says so" \
	eval '! said=$("${install[@]}" 2>&1) && grep "10-aws.conflist: No such file" <<<"$said"'
list >"$theirs"
before=$(<"$theirs")
check "with it" "${install[@]}" --failure open --timeout 3
check "ours has their plugins and the gate" test "$(types)" = "aws-cni portmap branchguard-cni"
check "the gate as it was asked for" test "$(jq -c '.plugins[2] | [.failure, .timeoutSeconds, .pinDir]' "$ours")" = \
	'["open",3,"/sys/fs/bpf/branchguard"]'
check "name and version are theirs: what a runtime keeps of a pod is found by them" \
	test "$(jq -r '.name, .cniVersion' "$ours" | xargs)" = "aws-cni 1.0.0"
check "theirs is as it was" test "$(<"$theirs")" = "$before"
check "the plugin is in its folder" cmp "$cni" "$bin/branchguard-cni"
check "and answers there" eval 'CNI_COMMAND=VERSION "$bin/branchguard-cni" </dev/null | jq -e ".supportedVersions | index(\"1.1.0\")"'
written() {
	stat -c %i "$bin/branchguard-cni" "$ours"
}
once_more() {
	local before
	before=$(written) && "${install[@]}" --failure open --timeout 3 && [ "$(written)" = "$before" ]
}
check "once more nothing is written" once_more
check "uninstall" "${uninstall[@]}"
check "takes both away, and nothing else" test "$(cd "$DIR" && find net.d bin -type f)" = net.d/10-aws.conflist
check "once more it finds nothing" "${uninstall[@]}"

# --- following ---------------------------------------------------------------------------

"${install[@]}" --follow 2>"$DIR/log" &
follower=$!
trap 'kill $follower 2>/dev/null; rm -rf "$DIR"' EXIT
check "following, ours is there" becomes "aws-cni portmap branchguard-cni" types
list rewritten >"$theirs"
check "theirs rewritten in place is followed" becomes "rewritten portmap branchguard-cni" types
list renamed >"$DIR/next" && mv "$DIR/next" "$theirs"
check "and renamed over" becomes "renamed portmap branchguard-cni" types
exec 3>"$theirs"
list half | head -c 60 >&3
printf '{' >"$conf/other.conflist"
check "half-written" eval '[ "$(types)" = "renamed portmap branchguard-cni" ]'
list half | tail -c +61 >&3
exec 3>&-
check "and then whole" becomes "half portmap branchguard-cni" types
list half | sed 's/1\.0\.0/0.1.0/' >"$theirs"
check "what cannot be used is told" becomes 1 grep -c 'the list of plugins cannot be used.*0\.1\.0' "$DIR/log"
check "and ours stays" test "$(types)" = "half portmap branchguard-cni"
rm "$theirs"
check "gone, ours goes" becomes no there "$ours"
list back >"$theirs"
check "back, ours is back" becomes "back portmap branchguard-cni" types
rm "$ours"
check "ours removed by somebody comes back" becomes "back portmap branchguard-cni" types
echo '{"cniVersion": "1.0.0", "name": "x", "plugins": [{"type": "branchguard-cni"}]}' >"$ours"
check "ours changed by somebody, too" becomes "back portmap branchguard-cni" types
list >"$conf/00-multus.conf"
list again >"$theirs"
check "a configuration that a runtime takes before ours is told" becomes 1 grep -c 'sorts before ours.*00-multus.conf' "$DIR/log"
for i in {1..50}; do list "busy$i" >"$theirs"; done
check "fifty changes at once" becomes "busy50 portmap branchguard-cni" types
mv "$conf" "$DIR/away" && mkdir "$conf" && list mounted >"$theirs"
check "another folder at that path is followed" becomes "mounted portmap branchguard-cni" types
check "no half of ours was left" test -z "$(find "$DIR" -name '*.new')"

check "uninstall leaves a folder alone that is followed" \
	eval '! said=$("${uninstall[@]}" 2>&1) && grep "another branchguard-cni follows" <<<"$said" && types'
"${install[@]}" --follow --timeout 77 2>"$DIR/second" &
second=$!
check "a second follower waits for the end of the first" becomes 1 grep -c 'waiting for its end' "$DIR/second"
kill $follower
wait $follower
check "SIGTERM ends it well" test $? -eq 0
follower=
check "then the second one follows" becomes 77 jq '.plugins[2].timeoutSeconds' "$ours"
kill $second
wait $second
check "it ends well" test $? -eq 0
check "and what it wrote stays, while no follower is there" test "$(types)" = "mounted portmap branchguard-cni"
check "uninstall takes it away" eval '"${uninstall[@]}" && [ ! -e "$ours" ]'

# --- a disk that is full -----------------------------------------------------------------------

# used_cpu PID: in ticks of 10 ms.
used_cpu() {
	sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 }'
}
if mount -t tmpfs -o size=12k tmpfs "$conf" 2>/dev/null; then
	trap 'kill $follower 2>/dev/null; umount "$conf"; rm -rf "$DIR"' EXIT
	list first >"$theirs"
	"${install[@]}" --follow 2>"$DIR/log" &
	follower=$!
	check "a list on a small disk" becomes "first portmap branchguard-cni" types
	head -c 4096 /dev/zero >"$conf/fill"
	list second >"$theirs"
	check "a full disk is told" becomes 1 grep -c 'error=.*05-branchguard.conflist: No space left on device' "$DIR/log"
	before=$(used_cpu $follower)
	sleep 1
	check "it is tried again, but not all the time" test $(($(used_cpu $follower) - before)) -le 5
	check "what was there stays" test "$(types)" = "first portmap branchguard-cni"
	rm "$conf/fill"
	check "with room it is written" becomes "second portmap branchguard-cni" types
	kill $follower
	wait $follower
	follower=
	umount "$conf"
	trap 'rm -rf "$DIR"' EXIT
else
	echo "# no disk of its own here (root): what a full one does is not tested"
fi

# --- an operator in a hurry -------------------------------------------------------------------

check "a name that sorts behind theirs is refused" \
	eval '"${install[@]}" --name 20-mine.conflist 2>&1; [ $? -eq 2 ]'
check "a path is no name" eval '"${install[@]}" --name ../x 2>&1; [ $? -eq 2 ]'
# A runtime passes the first by, and takes the second for one plugin: in neither would the gate be asked.
check "a name that is no list's is refused" \
	eval '"${install[@]}" --name 05-branchguard 2>&1; [ $? -eq 2 ] && "${install[@]}" --name 05-branchguard.conf 2>&1; [ $? -eq 2 ] && [ ! -e "$conf/05-branchguard.conf" ]'
echo '{"cniVersion": "0.3.1", "name": "multus", "type": "multus"}' >"$conf/00-multus.conf"
check "also at uninstall: somebody's configuration of one plugin stays" \
	eval '"${uninstall[@]}" --name 00-multus.conf 2>&1; [ $? -eq 2 ] && [ -e "$conf/00-multus.conf" ]'
rm "$conf/00-multus.conf"
list >"$ours"
check "a file of that name that is not ours stays" \
	eval '! said=$("${install[@]}" 2>&1) && grep "without the plugin branchguard-cni, which stays" <<<"$said" && [ "$(types)" = "aws-cni portmap" ]'
check "also at uninstall" eval '! "${uninstall[@]}" 2>&1 && [ "$(types)" = "aws-cni portmap" ] && [ -e "$bin/branchguard-cni" ]'
check "a folder that is not there is told" \
	eval '! said=$("$cni" install --bin-dir "$bin" --conf-dir "$DIR/none" 2>&1) && grep "opening the folder .*none: No such file" <<<"$said"'
check "an unknown verb is wrong usage" eval '"$cni" remove 2>&1; [ $? -eq 2 ]'
check "help" eval '"$cni" --help | grep "install .*list of plugins" && "$cni" install --help | grep "usage: branchguard-cni install"'
expect "version" 0 "branchguard-cni $("${BG_BUILD:-build}/branchguard" version --json | jq -r '"\(.version), commit \(.commit), ABI \(.abi)"')" "$cni" version
finish
