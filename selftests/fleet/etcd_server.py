#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What stands before etcd and lies: the JSON gateway of a real one, until a test wants it otherwise.

    etcd_server.py DIR PORT ETCD_PORT

DIR/mode, if it is there, says how it behaves; DIR/requests gets a line for each request.

Modes: ok, cut (connections are closed), hang (no answer; watches stay as they are), garbage, half (JSON that is cut), base64 (values are none), endless (a line
without end), fragments (events one by one, as parts of one line), compacted (watches are too old, until all is read anew), back
(a check finds an older revision), leader (no leader), other (another cluster), token (the token is not known, once).
"""
import http.client
import http.server
import json
import os
import sys
import threading
import time

top, port, etcd_port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
once = set()


def mode():
    try:
        with open(f"{top}/mode", encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return "ok"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def begin(self, status=200):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def piece(self, text):
        # in two pieces, since nobody promises one
        for part in (text[:9], text[9:]):
            if part:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
                self.wfile.flush()

    def say(self, status, value):
        self.begin(status)
        self.piece(value if isinstance(value, bytes) else json.dumps(value).encode())
        self.wfile.write(b"0\r\n\r\n")

    def only_once(self, what):
        """True the first time since the mode is this one."""
        if mode() != what:
            once.discard(what)
            return False
        if what in once:
            return False
        once.add(what)
        return True

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with open(f"{top}/requests", "a", encoding="utf-8") as log:
            log.write(f"{self.path} {self.headers.get('Grpc-Metadata-hasleader')} {body.decode()}\n")
        now = mode()
        while mode() == "hang":
            time.sleep(0.05)
        watch = self.path == "/v3/watch"
        # (until all is read anew: a watch that was just given up hears nothing)
        if now != "compacted":
            once.discard("compacted")
        elif b'"limit":"16"' in body:
            once.add("compacted")
        if now == "cut":
            self.close_connection = True
        elif now == "garbage":
            self.say(200, b'{"header":{{{ \x00\xff\n' * 9)
        elif now == "leader" and not watch:
            self.say(503, {"error": "etcdserver: request timed out", "message": "etcdserver: request timed out", "code": 14})
        elif not watch and self.only_once("token"):
            self.say(401, {"error": "etcdserver: invalid auth token", "message": "etcdserver: invalid auth token", "code": 16})
        elif watch:
            self.watch(body)
        else:
            self.pass_on(body)

    def ask(self, body):
        etcd = http.client.HTTPConnection("127.0.0.1", etcd_port)
        headers = {"Content-Type": "application/json"}
        if "Authorization" in self.headers:
            headers["Authorization"] = self.headers["Authorization"]
        etcd.request("POST", self.path, body, headers)
        return etcd.getresponse()

    def change(self, answer, checks=False):
        now = mode()
        if now == "base64":
            for kv in answer.get("kvs", []) + [event["kv"] for event in answer.get("events", [])]:
                kv["value"] = "*" + kv.get("value", "")
        if now == "back" and checks:
            answer["header"]["revision"] = "1"
        if now == "other":
            answer["header"]["cluster_id"] = "7"
        return answer

    def pass_on(self, body):
        answer = self.ask(body)
        text = answer.read()
        if answer.status == 200 and self.path == "/v3/kv/range":
            text = json.dumps(self.change(json.loads(text), b"keys_only" in body)).encode()
            if mode() == "half":
                text = text[:len(text) // 2]
            if mode() == "endless":
                self.begin()
                while mode() == "endless":
                    self.piece(b" " * 1000000)
                return
        self.say(answer.status, text)

    def watch(self, body):
        answer = self.ask(body)
        lines = []
        ended = threading.Event()

        def read():
            try:
                for line in answer:
                    lines.append(line)
            except (OSError, http.client.HTTPException, ValueError):
                pass
            ended.set()
        threading.Thread(target=read, daemon=True).start()
        self.begin()
        began = mode()
        header = {"cluster_id": "1"}
        while True:
            now = mode()
            if now == "cut":
                self.close_connection = True
                return
            if now == "leader":
                self.piece(b'{"error":{"grpc_code":14,"http_code":503,"message":"etcdserver: no leader"}}\n')
                break
            if now == "garbage":
                self.piece(b"<html>what is that?\n")
                break
            if now == "half":
                self.piece(b'{"result":{"header":{"cluster_id":\n')
                break
            if now == "compacted" and "compacted" not in once:
                self.piece(json.dumps({"result": {"header": header, "canceled": True, "compact_revision": "9"}}).encode() + b"\n")
                break
            if now == "endless":
                self.piece(b" " * 1000000)
                continue
            # (a watch that is silent ends by itself, so that it is begun anew)
            if now in ("back", "other", "base64", "token") and now != began:
                break
            while lines and now != "hang":
                self.line(lines.pop(0))
            if ended.is_set() and not lines:
                break
            time.sleep(0.01)
        self.wfile.write(b"0\r\n\r\n")

    def line(self, line):
        said = json.loads(line)
        if "result" not in said:
            return self.piece(line)
        result = self.change(said["result"])
        events = result.get("events", [])
        if mode() != "fragments" or not events:
            return self.piece(json.dumps({"result": result}).encode() + b"\n")
        for number, event in enumerate(events):
            one = dict(result, events=[event])
            if number + 1 < len(events):
                one["fragment"] = True
            self.piece(json.dumps({"result": one}).encode() + b"\n")
        return None


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 100

    def handle_error(self, request, client_address):
        pass


os.makedirs(top, exist_ok=True)
Server(("127.0.0.1", port), Handler).serve_forever()
