#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# `branchguard-fleet follow https://` as a node has it: without capabilities it keeps the feed what
# the parts of a web server make of it, and shows a certificate there. Whatever the server does, or
# others in its place, the feed stays. Needs no kernel; the server has a loopback of its own.
[ "${1:-}" = inside ] || exec unshare -n "$0" inside
# shellcheck source=selftests/net/fleet.sh
. "$(dirname "$0")/fleet.sh"
if ! openssl version >/dev/null 2>&1 || ! python3 -c 'import ssl' 2>/dev/null; then
	skip_all "openssl, or ssl of Python, is not there"
fi
ip link set lo up || bail "no loopback"

# --- who is who ---------------------------------------------------------------------------------

{
	authority ca
	authority other-ca
	certificate ca server subjectAltName=IP:127.0.0.1
	certificate ca "$node" extendedKeyUsage=clientAuth
	certificate ca another extendedKeyUsage=clientAuth
	echo a-token >"$dir/token"
} >"$dir/openssl.log" 2>&1 || bail "no certificates: $(cat "$dir/openssl.log")"

# The first word of a path is how it is served, or as-NAME, which has that in a file.
cat >"$dir/server.py" <<'END'
import gzip, hashlib, http.server, os, ssl, sys, time
directory, port = sys.argv[1], int(sys.argv[2])
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(directory + "/server.crt", directory + "/server.key")
tls.load_verify_locations(directory + "/ca.crt")
tls.verify_mode = ssl.CERT_OPTIONAL
log = open(directory + "/requests", "a", buffering=1)

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def say(self, status, body=b"", **headers):
        log.write("%d %s %d\n" % (status, self.path, len(body)))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        how, file = self.path.split("/")[1:3]
        if how.startswith("as-"):
            how = open(directory + "/" + how).read().strip()
        shown = getattr(self.connection, "getpeercert", dict)() or {}
        who = dict(pair[0] for pair in shown.get("subject", ())).get("commonName")
        if how.isdigit():
            return self.say(int(how), b'{"message": "this is \\u001b[1mwrong"}')
        if how == "redirect":
            return self.say(302, Location="http://127.0.0.1/parts/" + file)
        if how == "loris":
            self.send_response(200)
            self.end_headers()
            while True:
                self.wfile.write(b" ")
                time.sleep(0.3)
        if how == "mixed" and file.startswith("groupfeed-"):
            file = "nodefeed-%s.json" % who
        if how == "garbage":
            return self.say(200, b"<html>It works!</html>")
        if how == "bomb":
            return self.say(200, gzip.compress(b" " * (8 << 20)), Content_Encoding="gzip")
        if how == "half":
            self.send_response(200)
            self.send_header("Content-Length", "5000")
            self.end_headers()
            self.wfile.write(b'{"apiVersion"')
            self.close_connection = True
            return
        if how == "token":
            if self.headers.get("Authorization") != "Bearer a-token":
                return self.say(401)
        elif file.startswith("nodefeed-") and file != "nodefeed-%s.json" % who and how != "open":
            return self.say(403, b"that is another node's")
        try:
            body = open(directory + "/parts/" + file, "rb").read()
        except FileNotFoundError:
            return self.say(404)
        if how == "noetag":
            return self.say(200, body)
        etag = '"%s"' % hashlib.sha256(body).hexdigest()
        if self.headers.get("If-None-Match") == etag:
            return self.say(304, ETag=etag)
        if "gzip" in self.headers.get("Accept-Encoding", ""):
            return self.say(200, gzip.compress(body), ETag=etag, Content_Encoding="gzip")
        self.say(200, body, ETag=etag)
    def log_message(self, *unused):
        pass

class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 100
    def finish_request(self, request, client):
        if port == 8443:
            request = tls.wrap_socket(request, server_side=True)
        super().finish_request(request, client)
    def handle_error(self, *unused):
        pass
Server(("127.0.0.1", port), Handler).serve_forever()
END
listens() {
	ss -ltnH "sport = :$1" | grep -q .
}
# server PORT: SERVER is its process.
server() {
	python3 "$dir/server.py" "$dir" "$1" &
	SERVER=$!
	wait_for listens "$1" || bail "no server"
}

url=https://127.0.0.1:8443
AS=(--ca-file "$dir/ca.crt" --certificate "$dir/$node.crt" --key "$dir/$node.key" --period 1)
# parts FILTER: those of the sample answers, changed by it.
parts() {
	rm -rf "$dir/answers" && mkdir "$dir/answers"
	for answer in selftests/fleet/answers/*.json; do
		# (a rule that is edited stands in two answers, of which one is enough)
		[[ $answer != *-rules.json ]] || continue
		jq -c "$1" "$answer" >"$dir/answers/${answer##*/}"
	done
	"$fleet" build --parts "$dir/parts" --settings "$dir/settings.json" "$dir/answers" >"$dir/build.log" 2>&1 ||
		bail "no parts: $(cat "$dir/build.log")"
}
# same NAME: its feed is what the parts of the directory make.
same() {
	cmp "$dir/$1.json" <(once "$dir/parts")
}
jq '{Node: .Node | del(.Name)}' selftests/fleet/feed.json >"$dir/settings.json"
parts .
[ -s "$dir/parts/nodefeed-$node.json" ] || bail "no part of the node"
server 8080
server 8443

# --- who asks whom ------------------------------------------------------------------------------

check "another node's certificate is refused" refused "HTTP 403: that is another node's" "$url/parts/" --ca-file "$dir/ca.crt" \
	--certificate "$dir/another.crt" --key "$dir/another.key"
check "so is who shows none" refused "HTTP 403" "$url/parts/" --ca-file "$dir/ca.crt"
check "a server of another CA is not believed" refused "is its CA in --ca-file?" "$url/parts/" "${AS[@]}" --ca-file "$dir/other-ca.crt"
check "nor one that only the system's CAs could vouch for" refused "certificate" "$url/open/"
check "nor one by another name" refused "localhost" "https://localhost:8443/parts/" "${AS[@]}"
check "without TLS nobody is asked" refused "without TLS anybody on the way could write" http://parts.example/
check "nor by a name that looks like a loopback's" refused "without TLS" http://127.0.0.1.example/
check "a password in the URL is not wanted, and not told" refused "the URL has a user or a password in it" https://a:b@parts.example/
check "nor a question" refused "found a question in the URL" "https://parts.example/?a=b"
check "a URL without a host is none" refused "expected https://HOST/PATH/" "https:///parts/"
check "a directory asks for no certificate" refused "need k8s:, https:// or etcd://" "$dir/parts" "${AS[@]}"
check "a certificate needs its key" refused "need each other" "$url/parts/" --certificate "$dir/ca.crt"
check "a key that is none is told" refused "--certificate and --key" "$url/parts/" "${AS[@]}" --key "$dir/ca.crt"
check "who is right has the feed" cmp <(once "$url/parts" "${AS[@]}") <(once "$dir/parts")
check "by a token, too" cmp <(once "$url/token/" --ca-file "$dir/ca.crt" --token-file "$dir/token") <(once "$dir/parts")
check "without it not" refused "HTTP 401" "$url/token/" --ca-file "$dir/ca.crt"

# --- a node -------------------------------------------------------------------------------------

# serve_as NAME HOW: from now on the path as-NAME is served so.
serve_as() {
	echo "$2" >"$dir/as-$1.new" && mv "$dir/as-$1.new" "$dir/as-$1"
}
serve_as node parts
follower node "$url/as-node/" "${AS[@]}"
followed=$FOLLOWER
check "parts become a feed" wait_for test -s "$dir/node.json"
check "without a capability" grep -q $'^CapEff:\t0000000000000000$' "/proc/$FOLLOWER/status"
check "the same as from the directory" same node
check "that is not stale" wait_for state node '(.Stale | not) and (.Revision | length == 16)'
# asked_again: a whole round, from its first question to the next one's.
asked_again() {
	: >"$dir/requests"
	wait_for grep -q "/as-node/memberchanges-63" "$dir/requests" &&
		wait_for test "$(grep -c "/as-node/nodefeed" "$dir/requests")" -ge 1
}
check "it asks again" asked_again
check "for nothing that it has" fails grep '^200 /as-node/' "$dir/requests"
check "but whether it is still that" grep -q '^304 /as-node/nodefeed' "$dir/requests"
before=$(stat -c %i "$dir/node.json")
: >"$dir/requests"
parts 'if .SecurityGroups then (.SecurityGroups[] | select(.GroupId == "sg-bf71d5d8f5c61035a").IpPermissions[0]) |=
	(.FromPort = 8000 | .ToPort = 8000) else . end'
check "what changes comes" wait_for same node
check "and is another feed" test "$(stat -c %i "$dir/node.json")" != "$before"
check "only what has changed was sent" test "$(grep '^200 /as-node/' "$dir/requests" | cut -d ' ' -f 2)" = /as-node/groupfeed-sg-bf71d5d8f5c61035a.json
check "a server on the loopback needs no TLS" cmp <(once http://127.0.0.1:8080/open/) <(once "$dir/parts")

# --- what a server may do -----------------------------------------------------------------------

cp "$dir/node.json" "$dir/good.json"
# (NAME HOW WHAT: WHAT is in the reason that is told)
harms='slow loris hangs
forbidden 403 HTTP.403
gone 404 HTTP.404
failed 500 HTTP.500
moved redirect redirects.are.not.followed
garbled garbage nodefeed
bomb bomb more.than.1572864.bytes
half half connection.broke
mixed mixed groupfeed'
while read -r name how why; do
	serve_as "$name" parts
	follower "$name" "$url/as-$name/" "${AS[@]}"
	echo "$FOLLOWER" >"$dir/$name.pid"
done <<<"$harms"
while read -r name how why; do
	check "$name: had the feed" wait_for state "$name" '.Revision and (.Stale | not)'
	serve_as "$name" "$how"
	stat -c %i "$dir/$name.json" >"$dir/$name.inode"
done <<<"$harms"
follower noetag "$url/noetag/" "${AS[@]}"
check "without ETags there is a feed" wait_for cmp "$dir/noetag.json" "$dir/good.json"
untouched() {
	[ "$(stat -c %i "$dir/$1.json")" = "$(cat "$dir/$1.inode")" ] && cmp "$dir/$1.json" "$dir/good.json"
}
stat -c %i "$dir/noetag.json" >"$dir/noetag.inode"
while read -r name how why; do
	check "$name: is told" wait_for state "$name" ".Stale and (.Reason | test(\"$why\"))"
	echo "# $name: $(jq -r .Reason "$dir/$name.state" | cut -c -150)"
	check "$name: and the feed stays" untouched "$name"
	serve_as "$name" parts
done <<<"$harms"
check "what a server said is printable" fails grep -q $'\e' "$dir"/*.log "$dir"/*.state
while read -r name how why; do
	check "$name: mended by itself" wait_for state "$name" '.Stale | not'
	check "$name: with the same feed" untouched "$name"
	[ "$name" = gone ] || kill "$(cat "$dir/$name.pid")"
done <<<"$harms"
check "what is sent again is not written again" untouched noetag

kill -9 "$SERVER"
kill -9 "$followed"
wait "$followed" 2>/dev/null
follower node "$url/as-node/" "${AS[@]}"
check "without a server it is stale" wait_for state gone '.Stale and (.Reason | contains("does a server listen there?"))'
check "after a restart, too" wait_for state node '.Stale and .Revision and (.Reason | contains("does a server listen there?"))'
check "and the feed is there" cmp "$dir/node.json" "$dir/good.json"
parts .
server 8443
check "with the server all comes by itself" wait_for same node
check "and is not stale" wait_for state node '.Stale | not'
term "$FOLLOWER"
check "SIGTERM ends it within a second" test "$ENDED" = 0
finish
