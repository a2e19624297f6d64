#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""An API server that a test can make fail: lists and watches of the objects in a directory, by HTTPS.

    api_server.py DIR CERTIFICATE KEY TOKEN_FILE

DIR/parts has the objects, one a file: as `branchguard-fleet build --parts` writes them, or as `kubectl get` prints
them; DIR/mode, if it is there, says how it behaves, DIR/lacks which resources it does not serve; DIR/port gets
its port, DIR/requests a line for each request. A write elsewhere takes effect within some ten milliseconds. $PAGE is
how many objects a page has at most (1).

Modes: ok, cut (connections are closed), forbidden (403; watches end), hang (no answer, and watches
stay as they are), garbage, broken (500), gone (watches and further pages get 410), gone-event (watches get an
event that says so), missing (404), back (as after a restore: versions begin anew, watches wait for more);
cut-json (texts end in their middle), other-kind (of lists and of objects in watches), endless (a watch's line),
no-policies (404, but it says that it serves them).
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
        elif "watch" in query:
            self.watch(kind, query)
        else:
            self.list(kind, query)

    def list(self, kind, query):
        begin = int(query.get("continue", "+/=0")[3:])
        with lock:
            only = query.get("fieldSelector", "").partition("=")[2]
            names = sorted(n for k, n in objects if k == kind and (not only or n == "/" + only))
            items = [objects[kind, n] for n in names[begin:begin + PAGE]]
            meta = {"resourceVersion": str(version)}
            if begin + PAGE < len(names):
                meta["continue"] = f"+/={begin + PAGE}"
            if kind in CORE:
                items = [{k: v for k, v in i.items() if k not in ("apiVersion", "kind")} for i in items]
            one = KINDS[kind] if mode != "other-kind" else "ConfigMap"
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
