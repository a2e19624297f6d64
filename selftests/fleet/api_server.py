#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""An API server that a test can make fail: the objects in a directory, to list, watch and write by HTTPS.

    api_server.py DIR CERTIFICATE KEY TOKEN_FILE

DIR/parts has the objects, one a file: as `branchguard-fleet build --parts` writes them, or as `kubectl get` prints
them; DIR/mode, if it is there, says how it behaves, DIR/lacks which resources it does not serve; DIR/port gets
its port, DIR/requests a line for each request. A write elsewhere takes effect within some ten milliseconds. $PAGE is
how many objects a page has at most (1). POST, PUT and DELETE change DIR/parts, and Leases, which are in DIR/leases.

Modes: ok, cut (connections are closed), forbidden (403; watches end), hang (no answer, and watches
stay as they are), garbage, broken (500), gone (watches and further pages get 410), gone-event (watches get an
event that says so), missing (404), back (as after a restore: versions begin anew, watches wait for more);
cut-json (texts end in their middle), other-kind (of lists and of objects in watches), endless (a watch's line),
no-policies (404, but it says that it serves them), no-version (lists without one), endless-list.

DIR/mode-write is that of POST, PUT and DELETE of parts: ok, throttle (429 with Retry-After), invalid (422 for
groupfeeds), large (413 for them), denied (403), lost (it is done, and the connection cut), written-garbage (it is
done, and the answer makes no sense), endless, stop (one is done, and then no answer). DIR/mode-lease is that of
Leases: ok, hang, cut, denied, garbage, wrong-kind.
"""
import gzip
import http.server
import json
import os
import ssl
import sys
import threading
import time
import urllib.parse

top, certificate, key, token_file = sys.argv[1:]
lock = threading.Condition()
objects = {}  # (plural, name) -> object with its version
seen = {}  # the same as it was written
leases = {}
events = []  # (version, plural, type, object)
version = 1000
oldest = 0
mode = "ok"
PAGE = int(os.environ.get("PAGE", "1"))
# as their own lists have them: without apiVersion and kind
CORE = {"pods": "Pod", "services": "Service", "serviceaccounts": "ServiceAccount", "nodes": "Node", "servicecidrs": "ServiceCIDR"}
KINDS = CORE | {"nodefeeds": "NodeFeed", "groupfeeds": "GroupFeed", "groupmembers": "GroupMembers",
                "memberchanges": "MemberChanges", "prefixlistfeeds": "PrefixListFeed",
                "securitygrouppolicies": "SecurityGroupPolicy"}
PLURALS = {kind: plural for plural, kind in KINDS.items()}
RESOURCES = {"vpcresources.k8s.aws/v1beta1": ["securitygrouppolicies"], "networking.k8s.io/v1": ["ingresses", "servicecidrs"],
             "apiextensions.k8s.io/v1": ["customresourcedefinitions"]}
done = 0  # writes since they were to stop


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return ""


def look():
    """What is in the directory now becomes events."""
    global version
    now = {}
    for name in os.listdir(f"{top}/parts"):
        try:
            part = json.loads(read(f"{top}/parts/{name}"))
            meta = part["metadata"]
            meta.pop("resourceVersion", None)
            now[PLURALS[part["kind"]], meta.get("namespace", "") + "/" + meta["name"]] = part
        except (ValueError, KeyError, TypeError):
            continue
    for at, part in now.items():
        old = objects.get(at)
        if old and seen[at] == part:
            continue
        seen[at] = json.loads(json.dumps(part))
        version += 1
        part["metadata"] |= {"resourceVersion": str(version), "uid": "u", "managedFields": [{"manager": "test"}]}
        objects[at] = part
        events.append((version, at[0], "MODIFIED" if old else "ADDED", part))
    for at in [at for at in objects if at not in now]:
        version += 1
        part = objects.pop(at)
        part["metadata"]["resourceVersion"] = str(version)
        events.append((version, at[0], "DELETED", part))


def follow():
    global mode, version, oldest
    while True:
        with lock:
            before = mode
            mode = read(f"{top}/mode") or "ok"
            if mode == "back" and before != "back":
                version = 10
                events.clear()
                for part in objects.values():
                    part["metadata"]["resourceVersion"] = "10"
            look()
            lock.notify_all()
        time.sleep(0.05)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, value, packed=True):
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        if packed and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def status(self, code, reason, message):
        return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code,
                "message": message}

    def fail(self, code, reason, message):
        self.answer(code, self.status(code, reason, message), False)

    def do_GET(self):
        path, _, query = self.path.partition("?")
        query = {k: v[0] for k, v in urllib.parse.parse_qs(query).items()}
        kind = path.rpartition("/")[2]
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with open(f"{top}/requests", "a", encoding="utf-8") as log:
            log.write(f"{self.command} {self.path}\n")
        while mode == "hang":
            time.sleep(0.1)
        if mode == "cut":
            self.close_connection = True
        elif self.headers.get("Authorization") != "Bearer " + read(token_file):
            self.fail(401, "Unauthorized", "Unauthorized")
        elif mode == "forbidden":
            self.fail(403, "Forbidden", f'{kind}.branchguard.dev is forbidden: User "feeder" cannot list')
        elif mode == "broken":
            self.fail(500, "InternalError", "etcdserver: request timed out")
        elif mode == "missing" or kind in read(f"{top}/lacks").split() or (
                mode == "no-policies" and kind == "securitygrouppolicies"):
            self.fail(404, "NotFound", "the server could not find the requested resource")
        elif path.startswith("/apis") and path.count("/") < 4:
            self.discover(path[6:])
        elif mode == "gone" and ("watch" in query or "continue" in query):
            self.fail(410, "Expired", "too old resource version")
        elif mode == "garbage":
            self.answer(200, b'{"kind":"NodeFeedList","items":[{{{ \x00\xff\n' * 9)
        elif "/leases" in path:
            self.lease()
        elif self.command != "GET":
            self.write()
        elif mode == "endless-list":
            self.endless()
        elif "watch" in query:
            self.watch(kind, query)
        else:
            self.list(kind, query)

    def list(self, kind, query):
        begin = int(query.get("continue", "+/=0")[3:])
        with lock:
            only = query.get("fieldSelector", "").partition("=")[2]
            names = sorted(n for k, n in objects if k == kind and (not only or n == "/" + only))
            page = min(PAGE, int(query.get("limit", PAGE)))
            items = [objects[kind, n] for n in names[begin:begin + page]]
            meta = {"resourceVersion": str(version)}
            if begin + page < len(names):
                meta["continue"] = f"+/={begin + page}"
            if kind in CORE:
                items = [{k: v for k, v in i.items() if k not in ("apiVersion", "kind")} for i in items]
            one = KINDS[kind] if mode != "other-kind" else "ConfigMap"
            if mode == "no-version":
                del meta["resourceVersion"]
            self_text = json.dumps({"kind": one + "List", "metadata": meta, "items": items}).encode()
        self.answer(200, self_text[:len(self_text) // 2] if mode == "cut-json" else self_text)

    def discover(self, version):
        lacks = read(f"{top}/lacks").split()
        served = {v: [r for r in names if r not in lacks] for v, names in RESOURCES.items()}
        if not version:
            groups = [{"name": v.partition("/")[0]} for v, names in served.items() if names]
            self.answer(200, {"kind": "APIGroupList", "groups": groups})
        elif served.get(version):
            self.answer(200, {"kind": "APIResourceList", "groupVersion": version,
                              "resources": [{"name": r} for r in served[version]]})
        else:
            self.fail(404, "NotFound", "the server could not find the requested resource")

    def endless(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while True:
            self.wfile.write(b"10000\r\n" + b"[" * 65536 + b"\r\n")

    # --- writes ---

    def change(self):
        """What a request makes of an object: a status and the answer."""
        global version, done
        body = json.loads(self.body or b"{}")
        place = self.path.strip("/").split("/")
        is_lease = "leases" in place
        kind, name = (place[-1], body.get("metadata", {}).get("name", "")) if self.command == "POST" else place[-2:]
        at = kind, "/" + name
        with lock:
            there = leases if is_lease else objects
            old = there.get(at)
            wanted = (body.get("preconditions") or body.get("metadata") or {}).get("resourceVersion")
            if self.command == "POST" and old:
                return 409, self.status(409, "AlreadyExists", f'{kind} "{name}" already exists')
            if self.command != "POST" and not old:
                return 404, self.status(404, "NotFound", f'{kind} "{name}" not found')
            if old and wanted != old["metadata"]["resourceVersion"]:
                return 409, self.status(409, "Conflict", f'Operation cannot be fulfilled on {kind} "{name}": '
                                        "the object has been modified; please apply your changes to the latest version")
            version += 1
            done += self.stops and not is_lease
            file = f"{top}/leases/{name}.json" if is_lease else f"{top}/parts/{KINDS[kind].lower()}-{name}.json"
            if self.command == "DELETE":
                there.pop(at)
                if os.path.exists(file):
                    os.remove(file)
                old["metadata"]["resourceVersion"] = str(version)
                events.append((version, kind, "DELETED", old))
                return 200, {"kind": "Status", "status": "Success"}
            with open(file + ".tmp", "w", encoding="utf-8") as out:
                out.write(json.dumps(body))
            os.replace(file + ".tmp", file)
            body["metadata"].pop("resourceVersion", None)
            if not is_lease:
                seen[at] = json.loads(json.dumps(body))
            body["metadata"] |= {"resourceVersion": str(version), "uid": "u"}
            there[at] = body
            if not is_lease:
                events.append((version, kind, "MODIFIED" if old else "ADDED", body))
            lock.notify_all()
            return 200 if old else 201, body

    def write(self):
        global done
        kind = next((k for k in KINDS if f"/{k}" in self.path), "leases")
        how = "ok" if kind == "leases" else read(f"{top}/mode-write") or "ok"
        self.stops = how == "stop"
        if not self.stops and kind != "leases":
            done = 0
        while how == "stop" and done >= 1 and read(f"{top}/mode-write") == "stop":
            time.sleep(0.1)
        if how == "throttle":
            text = json.dumps(self.status(429, "TooManyRequests", "the server has received too many requests")).encode()
            self.send_response(429)
            self.send_header("Retry-After", "1")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)
        elif how == "invalid" and kind == "groupfeeds":
            self.fail(422, "Invalid", 'GroupFeed.branchguard.dev "x" is invalid: spec.hash: Required value')
        elif how == "large" and kind == "groupfeeds":
            self.fail(413, "RequestEntityTooLarge", "Request entity too large: limit is 3145728")
        elif how == "denied":
            self.fail(403, "Forbidden", f'{kind}.branchguard.dev is forbidden: User "publisher" cannot write')
        elif how == "endless":
            self.change()
            self.endless()
        else:
            status, value = self.change()
            if how == "lost":
                self.close_connection = True
            elif how == "written-garbage":
                self.answer(status, b'{"kind": ["NodeFeed", {{{')
            else:
                self.answer(status, value)

    def lease(self):
        how = read(f"{top}/mode-lease") or "ok"
        while how == "hang" and read(f"{top}/mode-lease") == "hang":
            time.sleep(0.1)
        if how == "cut":
            self.close_connection = True
        elif how == "denied":
            self.fail(403, "Forbidden", 'leases.coordination.k8s.io is forbidden: User "publisher" cannot get')
        elif how == "garbage":
            self.answer(200, b'{"kind":"Lease","spec":{{{')
        elif how == "wrong-kind":
            self.answer(200, {"kind": "Secret", "metadata": {"resourceVersion": "1"}})
        elif self.command != "GET":
            self.write()
        else:
            with lock:
                found = leases.get(("leases", "/" + self.path.rpartition("/")[2]))
            if found:
                self.answer(200, found)
            else:
                self.fail(404, "NotFound", "leases not found")

    def do_POST(self):
        self.do_GET()

    def do_PUT(self):
        self.do_GET()

    def do_DELETE(self):
        self.do_GET()

    def line(self, value):
        text = value if isinstance(value, bytes) else json.dumps(value).encode() + b"\n"
        # in two pieces, since nobody promises one
        for piece in (text[:7], text[7:]):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()

    def watch(self, kind, query):
        at = int(query["resourceVersion"])
        only = query.get("fieldSelector", "").partition("=")[2]
        end = time.monotonic() + float(query["timeoutSeconds"])
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        began = mode
        while True:
            with lock:
                lock.wait(0.1)
                fresh = [e for e in events if e[0] > at and e[1] == kind and (not only or e[3]["metadata"]["name"] == only)]
                fresh = [(v, t, json.dumps({"type": t, "object": o}).encode() + b"\n") for v, _, t, o in fresh]
                now = mode
            if now == "cut":
                self.close_connection = True
                return
            if now == "hang":
                continue
            if now == "gone-event":
                self.line({"type": "ERROR", "object": self.status(410, "Expired", "too old resource version")})
                break
            if now == "cut-json":
                self.line(b'{"type":"ADDED","object":{"metadata":\n')
                break
            if now == "other-kind":
                self.line({"type": "ADDED", "object": {"apiVersion": "v1", "kind": "ConfigMap", "metadata":
                                                       {"name": "c", "namespace": "d", "resourceVersion": "9"}}})
                break
            if now == "endless":
                for _ in range(1000):
                    self.line(b'{"type":"ADDED","object":"' + b"x" * 65536)
            if now == "garbage":
                self.line(b"<html>what is that?\n")
                break
            for number, _, text in fresh:
                self.line(text)
                at = number
            if time.monotonic() > end or now != began:
                if at <= version:
                    self.line({"type": "BOOKMARK", "object": {"kind": KINDS[kind], "metadata": {"resourceVersion": str(max(at, 1))}}})
                break
        self.wfile.write(b"0\r\n\r\n")


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass


os.makedirs(f"{top}/parts", exist_ok=True)
os.makedirs(f"{top}/leases", exist_ok=True)
look()
threading.Thread(target=follow, daemon=True).start()
server = Server(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
# (the handshake is the connection's own business, not that of who accepts it)
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
with open(f"{top}/port.new", "w", encoding="utf-8") as file:
    file.write(str(server.server_address[1]))
os.rename(f"{top}/port.new", f"{top}/port")
server.serve_forever()
