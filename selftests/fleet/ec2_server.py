#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""EC2, STS and EKS's agent of Pod Identity, as far as a publisher asks them, which a test can make fail.

    ec2_server.py KEY_ID SECRET DIR...

One for each DIR, alike but for what stands there. DIR/answers has what `aws ec2` prints; it becomes XML, page by page. Where DIR/recorded/ACTION.xml is there, that is sent
instead. Every request to EC2 must be signed by a key that this server knows: the signature is made here a second time,
from the documents about version 4. DIR/mode, if it is there, says how it behaves; DIR/port gets the port, DIR/requests a
line for each request: action, page, the key's id and what else was asked for.

Modes: ok, throttle (503 RequestLimitExceeded), once (that for the first request of each action, then an answer), cut
(the connection is closed in the middle), torn (half an answer, with the right length), empty (answers with nothing in them),
html, loop (the last page names one that names itself), twice (an object stands in two pages), forbidden, stale (the second page's place is
not valid any more), reject (keys that were given so far are not taken any more), hang, echo (403, with the request in it),
no-list (there is no such prefix list), sts-down (500 for keys).
"""
import datetime
import hashlib
import hmac
import http.server
import json
import os
import sys
import threading
import time
import urllib.parse
from xml.sax.saxutils import escape

key_id, secret, *tops = sys.argv[1:]
PAGE = 2
lock = threading.Lock()


class Place:
    """What one of them knows."""

    def __init__(self, top):
        self.top = top
        self.keys = {key_id: (secret, "")}  # id -> secret, session token
        self.asked_once = set()
        self.given = 0


def read(path, otherwise=""):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return otherwise


# --- answers --------------------------------------------------------------------------------------

# Names in XML that are not the CLI's with a small first letter, by where they stand.
NAMES = {
    "SecurityGroups": "securityGroupInfo",
    "SecurityGroupRules": "securityGroupRuleSet",
    "NetworkInterfaces": "networkInterfaceSet",
    "PrefixLists": "prefixListSet",
    "Entries": "entrySet",
    "Groups": "groupSet",
    "PrivateIpAddresses": "privateIpAddressesSet",
    "Ipv6Addresses": "ipv6AddressesSet",
    "Ipv4Prefixes": "ipv4PrefixSet",
    "Ipv6Prefixes": "ipv6PrefixSet",
    "UserIdGroupPairs": "groups",
    "Tags": "tagSet",
}
FILES = {
    "DescribeSecurityGroups": ("describe-security-groups", "SecurityGroups"),
    "DescribeSecurityGroupRules": ("describe-security-group-rules", "SecurityGroupRules"),
    "DescribeNetworkInterfaces": ("describe-network-interfaces", "NetworkInterfaces"),
    "DescribeManagedPrefixLists": ("describe-managed-prefix-lists", "PrefixLists"),
    "GetManagedPrefixListEntries": ("{PrefixListId}", "Entries"),
}


def xml(key, value, within=""):
    name = NAMES.get(key, key[:1].lower() + key[1:])
    if key == "Description" and within == "SecurityGroups":
        name = "groupDescription"
    if isinstance(value, list):
        text = "".join("<item>" + "".join(xml(k, v, key) for k, v in each.items()) + "</item>" for each in value)
    elif isinstance(value, dict):
        text = "".join(xml(k, v, key) for k, v in value.items())
    elif isinstance(value, bool):
        text = "true" if value else "false"
    else:
        text = escape(str(value))
    return f"<{name}>{text}</{name}>"


def error(status, code, message, of_sts=False):
    inner = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    if of_sts:
        return status, f"<ErrorResponse>{inner}</ErrorResponse>"
    return status, f'<?xml version="1.0" encoding="UTF-8"?><Response><Errors>{inner}</Errors></Response>'


def answer(top, action, form, mode):
    file, key = FILES[action]
    recorded = read(f"{top}/recorded/{action}.xml")
    if recorded and mode == "ok":
        return 200, recorded
    if action == "GetManagedPrefixListEntries" and mode == "no-list":
        return error(400, "InvalidPrefixListID.NotFound", "no such list")
    document = json.loads(read(f"{top}/answers/{file.format(**form)}.json"))
    objects = [] if mode == "empty" else document[key]
    if "Filter.1.Name" in form:
        wanted = [v for k, v in form.items() if k.startswith("Filter.1.Value.")]
        objects = [each for each in objects if each["VpcId"] in wanted]
    # (a place that needs escaping, and is another one each time)
    begin = int(form["NextToken"].split("=")[1].split("&")[0]) if "NextToken" in form else 0
    if mode == "stale" and begin:
        return error(400, "InvalidNextToken", "The token is invalid")
    page = objects[begin : begin + PAGE]
    more = begin + PAGE < len(objects)
    if mode == "twice" and begin:
        page = objects[:1] + page
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<{action}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'
    text += "<requestId>r</requestId>" + xml(key, page)
    if more:
        text += f"<nextToken>{escape(f'<a/+ ={begin + PAGE}& {time.time_ns()}')}</nextToken>"
    elif mode == "loop":
        text += "<nextToken>x=1000&amp;</nextToken>"
    return 200, text + f"</{action}Response>"


# --- keys -----------------------------------------------------------------------------------------


def new_keys(place):
    place.given += 1
    made = f"ASIA{place.given}", f"secret-of-{place.given}/+", f"session-of-{place.given}=="
    place.keys[made[0]] = made[1:]
    lasts_s = int(read(f"{place.top}/lasts", "3600"))
    until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=lasts_s)
    return (*made, until.strftime("%Y-%m-%dT%H:%M:%SZ"))


def give_by_role(place, form, mode):
    if mode == "sts-down":
        return error(500, "InternalFailure", "try later", True)
    if mode == "echo":
        return error(403, "AccessDenied", "you sent " + form["WebIdentityToken"], True)
    if form["WebIdentityToken"] != read(f"{place.top}/web-token") or form["RoleArn"] != "arn:aws:iam::1:role/feed":
        return error(403, "AccessDenied", "Not authorized", True)
    made = new_keys(place)
    names = "AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"
    inner = "".join(f"<{k}>{v}</{k}>" for k, v in zip(names, made))
    inner = f"<Credentials>{inner}</Credentials><AssumedRoleUser><Arn>a</Arn></AssumedRoleUser>"
    inner = f"<AssumeRoleWithWebIdentityResult>{inner}</AssumeRoleWithWebIdentityResult>"
    return 200, f"<AssumeRoleWithWebIdentityResponse>{inner}</AssumeRoleWithWebIdentityResponse>"


def derive(key, *texts):
    for text in texts:
        key = hmac.new(key, text.encode(), hashlib.sha256).digest()
    return key


def why_unsigned(keys, handler, body):
    """The request's signature, made anew from its headers and body, is the one that it has; else why not."""
    headers = {name.lower(): value.strip() for name, value in handler.headers.items()}
    algorithm, _, rest = headers.get("authorization", "").partition(" ")
    said = dict(part.strip().split("=", 1) for part in rest.split(",") if "=" in part)
    if algorithm != "AWS4-HMAC-SHA256":
        return "no signature"
    known, date, region, service, end = said["Credential"].split("/")
    if known not in keys:
        return "unknown key"
    if (region, service, end) != ("us-west-2", "ec2", "aws4_request"):
        return "wrong scope"
    names = said["SignedHeaders"].split(";")
    stamp = headers["x-amz-date"]
    if names != sorted(names) or not {"host", "x-amz-date"} <= set(names) or not stamp.startswith(date):
        return "wrong headers"
    secret_of, session = keys[known]
    if headers.get("x-amz-security-token", "") != session or (session and "x-amz-security-token" not in names):
        return "wrong session"
    age_s = time.time() - datetime.datetime.strptime(stamp + "+0000", "%Y%m%dT%H%M%SZ%z").timestamp()
    if abs(age_s) > 300:
        return "wrong time"
    canonical = "\n".join(
        ["POST", "/", "", *(f"{name}:{headers[name]}" for name in names), "", ";".join(names), hashlib.sha256(body).hexdigest()]
    )
    signed = "\n".join([algorithm, stamp, f"{date}/{region}/{service}/{end}", hashlib.sha256(canonical.encode()).hexdigest()])
    key = derive(("AWS4" + secret_of).encode(), date, region, service, end)
    if hmac.new(key, signed.encode(), hashlib.sha256).hexdigest() != said["Signature"]:
        return "wrong signature"
    return ""


# --- requests -------------------------------------------------------------------------------------


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def note(self, *words):
        with lock, open(f"{self.server.place.top}/requests", "a", encoding="utf-8") as file:
            print(*words, file=file)

    def send(self, status, text, mode="ok"):
        body = text.encode()
        if mode == "torn":
            body = body[: len(body) // 2]
        self.send_response(status)
        self.send_header("Content-Type", "text/xml;charset=UTF-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if mode == "cut":
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
            return
        self.wfile.write(body)

    def do_GET(self):
        place = self.server.place
        if self.path != "/v1/credentials" or self.headers.get("Authorization") != read(f"{place.top}/pod-token"):
            self.note("agent refused")
            self.send(403, json.dumps({"message": f"AccessDenied for {self.headers.get('Authorization')}"}))
            return
        with lock:
            made = new_keys(place)
        self.note("agent", made[0])
        names = "AccessKeyId", "SecretAccessKey", "Token", "Expiration"
        self.send(200, json.dumps(dict(zip(names, made)) | {"AccountId": "1"}))

    def do_POST(self):
        place = self.server.place
        body = self.rfile.read(int(self.headers["Content-Length"]))
        form = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True))
        action, mode = form["Action"], read(f"{place.top}/mode", "ok")
        if self.headers["Content-Type"] != "application/x-www-form-urlencoded":
            self.send(415, "what is that?")
            return
        if action == "AssumeRoleWithWebIdentity":
            with lock:
                status, text = give_by_role(place, form, mode)
            self.note("sts", status, form["RoleSessionName"], "unsigned" if "Authorization" not in self.headers else "signed")
            self.send(status, text)
            return
        with lock:
            if mode == "reject":
                for known in [k for k in place.keys if k != key_id]:
                    del place.keys[known]
                with open(f"{place.top}/mode", "w", encoding="utf-8") as file:
                    file.write("ok")
            why = why_unsigned(place.keys, self, body)
            first = action not in place.asked_once
            place.asked_once.add(action)
        used = self.headers["Authorization"].split("Credential=")[1].split("/")[0]
        self.note(action, "next" if "NextToken" in form else "first", used, why or "signed", *(
            f"{k}={v}" for k, v in form.items() if k not in ("Action", "Version", "NextToken")))
        if why:
            self.send(*error(401, "AuthFailure", "AWS was not able to validate the provided access credentials"))
        elif mode == "hang":
            time.sleep(3600)
        elif mode == "throttle" or (mode == "once" and first):
            self.send(*error(503, "RequestLimitExceeded", "Request limit exceeded."))
        elif mode == "forbidden":
            self.send(*error(403, "UnauthorizedOperation", "You are not authorized to perform this operation."))
        elif mode == "echo":
            self.send(*error(403, "SignatureDoesNotMatch", f"you sent {self.headers}"))
        elif mode == "html":
            self.send(200, "<html><body>Sign in</body></html>")
        else:
            self.send(*answer(place.top, action, form, mode), mode)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True


threads = []
for where in tops:
    server = Server(("127.0.0.1", 0), Handler)
    server.place = Place(where)
    threads.append(threading.Thread(target=server.serve_forever))
    threads[-1].start()
    with open(f"{where}/port.new", "w", encoding="utf-8") as out:
        print(server.server_port, file=out)
    os.rename(f"{where}/port.new", f"{where}/port")
for thread in threads:
    thread.join()
