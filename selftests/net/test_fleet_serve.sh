#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# `branchguard-fleet serve` beside the real daemon: pages of a node as it is, of one whose
# daemon is stopped or dead, and clients that are slow, many, or send rubbish. The whole runs
# as nobody; alert rules and dashboard are judged by promtool and by what was scraped.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

FLEET=$(realpath -m "${BG_BUILD:-build}")/branchguard-fleet
AT=$LAB_DIR/http/serve.sock
TCP=9469
SERVE_PID=
SLOW_PID=
forget_serve() {
	kill -9 $SERVE_PID $SLOW_PID 2>/dev/null
	clean_up
}
trap forget_serve EXIT

# as_nobody COMMAND...: in the node's namespace, in the daemon's group, with nothing else.
as_nobody() {
	exec nsenter --net="/run/netns/$LAB_NAME-node" -- setpriv --reuid 65534 --regid 65534 --clear-groups \
		--inh-caps=-all --bounding-set=-all --no-new-privs "$@"
}

# serve_start [OPTIONS...]: until it answers.
serve_start() {
	as_nobody "$FLEET" serve --socket "$AT" --daemon "$SOCKET" "$@" 2>>"$LAB_DIR/serve.log" &
	SERVE_PID=$!
	wait_for fetch healthz || bail "it does not serve: $(cat "$LAB_DIR/serve.log")"
}

# fetch PAGE: all that comes is in the file answer, its text alone in page, its status in STATUS.
# (Files, for check has what it runs in a subshell.)
fetch() {
	printf 'GET /%s HTTP/1.1\r\nHost: node\r\n\r\n' "$1" | timeout "$EVENT_S" nc -U "$AT" |
		tr -d '\r' >"$LAB_DIR/answer"
	sed '1,/^$/d' "$LAB_DIR/answer" >"$LAB_DIR/page"
	sed 20q "$LAB_DIR/answer"
	STATUS=$(sed -n '1s/^HTTP[^ ]* \([0-9]*\).*/\1/p' "$LAB_DIR/answer")
	[ -n "$STATUS" ]
}

# page_is PAGE STATUS [PATTERN]
page_is() {
	fetch "$1" && [ "$STATUS" = "$2" ] && { [ $# -lt 3 ] || grep -qE -- "$3" "$LAB_DIR/page"; }
}

# asked_raw TEXT PATTERN: what is sent, and the first line of what comes back. What is sent after a
# refusal is not read any more: the write may fail then, and the answer stands there all the same.
asked_raw() {
	local answer
	answer=$(timeout "$EVENT_S" python3 -c '
import socket, sys
client = socket.socket(socket.AF_UNIX)
client.connect(sys.argv[1])
try:
    client.sendall(sys.argv[2].encode().decode("unicode_escape").encode())
except OSError:
    pass
answer = b""
while b"\n" not in answer and (more := client.recv(4096)):
    answer += more
print(answer.decode().split("\r\n")[0])' "$AT" "$1")
	echo "$answer"
	grep -qE "$2" <<<"$answer"
}

metric() {
	fetch metrics >/dev/null
	sed -n "s/^branchguard_$1 //p" "$LAB_DIR/page"
}

# within MS COMMAND...
within() {
	local since_ms most_ms=$1 status
	since_ms=$(date +%s%3N)
	shift
	"$@"
	status=$?
	echo "took $(($(date +%s%3N) - since_ms)) ms"
	[ $status -eq 0 ] && [ $(($(date +%s%3N) - since_ms)) -le "$most_ms" ]
}

serve_stop() {
	kill "$SERVE_PID"
	wait "$SERVE_PID"
	local status=$?
	SERVE_PID=
	return $status
}

lab_up || bail "no lab"
serve db
install -d -o 65534 -g 65534 "$LAB_DIR/http" || bail "no folder"
feed "egress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\"]))"
# (and cut in the middle of a character where it is kept)
jq '.Revision = "7 \"quoted\" \\ {x=\"y\"} 1 # HELP evil " + ([range(40)] | map("\u00e9") | add)' "$FEED" >"$LAB_DIR/hostile.json" || bail "no feed"
bg_start --group nogroup
SOCKET=$(find /run/branchguard -name '*.sock' -newer "$FEED" -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d ' ' -f 2)

# --- of a node that is well --------------------------------------------------------------

serve_start --listen "127.0.0.1:$TCP"
check "it holds no capability" grep -q '^CapPrm:[[:space:]]*0*$' "/proc/$SERVE_PID/status"
check "its socket is for its user and its group" test "$(stat -c '%F %a %u' "$AT")" = "socket 660 65534"
check "a node that is guarded is ready" wait_for page_is readyz 200 '^ready$'
check "and healthy, with a line a concern" page_is healthz 200 '^well +attachment +[0-9]+ programs'
briefly tcp cart "$LAB_DB4" 5432
briefly tcp web "$LAB_DB4" 5432
check "metrics have what passed and what was dropped, now" wait_for page_is metrics 200 \
	'^branchguard_packets_total\{branch="eni-web",direction="egress",reason="no-rule",verdict="drop"\} [1-9]'
check "the daemon is up" test "$(metric up)" = 1
check "no drop by reason is 0" fails grep -E '^branchguard_packets_total.*"drop"} 0$' "$LAB_DIR/page"
check "rules have their hits" grep -E '^branchguard_rule_hits_total\{.*group="sg-cart",.*direction="egress",protocol="tcp",ports="5432",peer="'"$LAB_DB4"'/32"\} [1-9]' "$LAB_DIR/page"
for name in feed_age_seconds feed_refused revision revision_compile_seconds revision_publish_seconds events_lost_total \
	'build_info{' 'serve_build_info{' missing_programs 'health{concern="feed"}' heard_timestamp_seconds; do
	check "there is $name" grep -F "branchguard_$name" "$LAB_DIR/page"
done
check "all that the metrics file has is there" eval 'diff <(bg status --metrics | sed -n "s/^# TYPE //p" | sort) \
	<(sed -n "s/^# TYPE //p" "$LAB_DIR/page" | sort) | grep "^<"; [ ${PIPESTATUS[1]} -eq 1 ]'
check "and all that alerts and dashboard ask for" eval 'grep -ohE "branchguard_[a-z_]+" scripts/deploy/monitoring/* | sort -u >"$LAB_DIR/asked" &&
	[ -s "$LAB_DIR/asked" ] && ! comm -23 "$LAB_DIR/asked" <(sed -n "s/^# TYPE \([^ ]*\) .*/\1/p" "$LAB_DIR/page" | sort) | grep .'
check "in the type that Prometheus reads" grep -qi '^content-type: text/plain; version=0.0.4' "$LAB_DIR/answer"
check "by TCP, too" lab_exec node bash -c "exec 3<>/dev/tcp/127.0.0.1/$TCP
	printf 'GET /metrics HTTP/1.0\r\n\r\n' >&3 && timeout $ANSWER_S cat <&3 | grep '^branchguard_up 1'"

# --- what cannot be told -------------------------------------------------------------------

# Asks of the node while a LINK to itself is in the way, and at once when it is not: it is tried again
# where the second in which nothing is looked at anew has ended in between.
cat >"$LAB_DIR/again.py" <<'END'
import os, socket, sys, time
def ask():
    client = socket.socket(socket.AF_UNIX)
    client.connect(sys.argv[1])
    client.send(b'{"method":"node"}\n')
    return client.makefile().readline()
for _ in range(10):
    os.symlink("x", sys.argv[2])
    first = ask()
    while "cannot look at the pins" not in first:
        time.sleep(0.05)
        first = ask()
    os.unlink(sys.argv[2])
    second = ask()
    print(first, second[:200], sep="")
    if first == second:
        break
else:
    sys.exit(1)
while "error" in ask():
    time.sleep(0.05)
END
check "what cannot be told is tried again later, not each time that somebody asks" timeout "$EVENT_S" \
	python3 "$LAB_DIR/again.py" "$SOCKET" "$PIN_DIR/programs/x"

# --- slow clients, of another one: they last until the end ---------------------------------

SLOW=$LAB_DIR/http/slow.sock
as_nobody "$FLEET" serve --socket "$SLOW" --daemon "$SOCKET" --listen "127.0.0.1:$((TCP + 1))" 2>>"$LAB_DIR/serve.log" &
SLOW_PID=$!
wait_for test -S "$SLOW" || bail "it does not serve: $(cat "$LAB_DIR/serve.log")"
# They send a byte now and then, and have all places.
cat >"$LAB_DIR/slow.py" <<'END'
import socket, sys, time
connections, begin = [], time.monotonic()
for _ in range(32):
    client = socket.socket(socket.AF_UNIX)
    client.connect(sys.argv[1])
    client.send(b"GET /metrics HTTP/1.1\r\nX: ")
    connections.append(client)
print("all", flush=True)
while connections and time.monotonic() - begin < 60:
    time.sleep(0.5)
    for client in list(connections):
        try:
            client.send(b"x")
        except OSError:
            connections.remove(client)
print(f"{len(connections)} left after {time.monotonic() - begin:.0f} s")
END
python3 "$LAB_DIR/slow.py" "$SLOW" >"$LAB_DIR/slow" &
slow_pid=$!
wait_for grep -q all "$LAB_DIR/slow"
check "while slow ones have all places of the socket, TCP has its own" lab_exec node bash -c "exec 3<>/dev/tcp/127.0.0.1/$((TCP + 1))
	printf 'GET /healthz HTTP/1.0\r\n\r\n' >&3 && timeout $ANSWER_S cat <&3 | grep '^well'"

# --- the feed is hostile, then refused ----------------------------------------------------

mv "$LAB_DIR/hostile.json" "$FEED"
check "a feed's text stays within its label" wait_for page_is metrics 200 \
	'^branchguard_revision_info\{feed_revision="7 \\"quoted\\" \\\\ \{x=\\"y\\"\} 1 # HELP evil é+\??"\} 1$'
cp "$LAB_DIR/first.json" "$LAB_DIR/good.json"
PROMTOOL=$(scripts/promtool.sh 2>"$LAB_DIR/no-promtool") || PROMTOOL=
if [ -n "$PROMTOOL" ]; then
	check "promtool finds nothing wrong" eval '"$PROMTOOL" check metrics <"$LAB_DIR/page"'
else
	count=$((count + 1))
	echo "ok $count - promtool finds nothing wrong # SKIP $(cat "$LAB_DIR/no-promtool")"
fi
echo '{' >"$FEED"
check "a feed that is refused shows" wait_for page_is metrics 200 '^branchguard_feed_refused 1$'
check "and degrades, which is ready still" page_is readyz 200 '^degraded +feed +refused'
check "since when" fails test "$(metric feed_refused_since_timestamp_seconds)" = 0
jq '.Revision = "9"' "$LAB_DIR/good.json" >"$LAB_DIR/next.json" && mv "$LAB_DIR/next.json" "$FEED"
check "until it is accepted" wait_for page_is metrics 200 '^branchguard_feed_refused 0$'

# --- the daemon is stopped: nobody waits for it -------------------------------------------

kill -STOP "$BG_PID"
check "a daemon that says nothing is unknown" wait_for page_is readyz 503 '^unknown$'
check "health does not guess either" page_is healthz 503 '^unknown$'
check "nor do metrics: nothing of the node is left" eval 'page_is metrics 200 "^branchguard_up 0$" &&
	! grep -E "^branchguard_(packets|daemon_running|branch_armed)" "$LAB_DIR/page"'
check "and that is said at once" within 1000 page_is metrics 200
check "and why" page_is healthz 503 'has not answered for [0-9]+ s|accepted no connection'
since_ms=$(date +%s%3N)
serve_stop
check "beside a daemon that is stopped SIGTERM ends it" test $? -eq 0
took_ms=$(($(date +%s%3N) - since_ms))
check "within a second ($took_ms ms)" test "$took_ms" -lt 1000
serve_start --listen "127.0.0.1:$TCP"
check "and it begins beside one" page_is readyz 503 '^unknown$'
kill -CONT "$BG_PID"
check "it goes on, and is known again" wait_for page_is readyz 200 '^ready$'

# --- clients ------------------------------------------------------------------------------

check "another page is not there" page_is other 404
check "nor one above" page_is ../metrics 404
check "nothing is taken" asked_raw 'POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\nx' ' 405 '
check "HEAD is answered without a text" asked_raw 'HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n' ' 200 '
check "what is no HTTP is refused" asked_raw '{"method":"node"}\r\n\r\n' ' 400 |^$'
check "a request without end is refused" asked_raw "GET /metrics HTTP/1.1\r\nX: $(printf '%30000s' x | tr ' ' x)\r\n\r\n" ' 4[0-9][0-9] '
# --- its socket ---------------------------------------------------------------------------

# refused_to_serve WORDS OPTIONS...
refused_to_serve() {
	local words=$1 said
	shift
	said=$(as_nobody timeout "$EVENT_S" "$FLEET" serve --daemon "$SOCKET" "$@" 2>&1)
	echo "$? $said"
	grep -q -- "$words" <<<"$said"
}
check "another one does not take its socket" refused_to_serve 'another process does' --socket "$AT"
check "nor its port" refused_to_serve "cannot listen at 127.0.0.1:$TCP: Address already in use" \
	--socket "$LAB_DIR/http/other" --listen "127.0.0.1:$TCP"
ln -s "$LAB_DIR/nowhere" "$LAB_DIR/http/link"
check "a link is not followed" refused_to_serve 'is no socket: remove it' --socket "$LAB_DIR/http/link"
echo precious >"$LAB_DIR/http/file"
check "a file is not replaced" refused_to_serve 'is no socket: remove it' --socket "$LAB_DIR/http/file"
mkdir -m 777 "$LAB_DIR/shared" && chmod 777 "$LAB_DIR/shared"
check "a folder where others may write will not do" refused_to_serve 'others could put' --socket "$LAB_DIR/shared/s"
check "an address must be one" refused_to_serve 'expected an address and a port' --socket "$LAB_DIR/http/other" --listen localhost:1
check "a mode must be one" refused_to_serve 'expected who may connect' --socket "$LAB_DIR/http/other" --mode 4777
check "a client that waits is no reason not to end" eval 'nc -U "$AT" <<<"GET /met" >/dev/null &
	within 1000 kill "$SERVE_PID" && tail --pid="$SERVE_PID" -s 0.1 -f /dev/null'
since_ms=$(date +%s%3N)
wait "$SERVE_PID"
check "SIGTERM is no failure, and its socket is gone" eval "[ $? -eq 0 ] && [ ! -e '$AT' ]"
serve_start --mode 0666
kill -9 "$SERVE_PID"
wait "$SERVE_PID" 2>/dev/null
check "what a dead one left is there" test -S "$AT"
serve_start --mode 0666
check "and taken over; whom it is for may be said" test "$(stat -c %a "$AT")" = 666

# --- the daemon dies ----------------------------------------------------------------------

AT=$LAB_DIR/http/serve.sock
bg_kill
check "a daemon that is dead is unknown" wait_for page_is readyz 503 'no daemon listens'
bg_start --group nogroup
check "the next one is known" wait_for page_is readyz 200 '^ready$'
# --- the slow ones ------------------------------------------------------------------------

wait "$slow_pid"
check "slow clients were ended, all of them" grep '^0 left' "$LAB_DIR/slow"
AT=$SLOW
check "and the next one gets its turn" wait_for page_is readyz 200 '^ready$'
check "it has not grown" test "$(awk '/^VmRSS/ { print $2 }' "/proc/$SLOW_PID/status")" -lt 60000
kill "$SLOW_PID"
finish
