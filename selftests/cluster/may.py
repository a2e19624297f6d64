#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a service account of kube-system may do, by the API server's own decision on every verb of everything
that it serves, beyond what any service account may:

    may.py URL CA CERTIFICATE KEY ACCOUNT [NAME]

A line each: GROUP RESOURCE VERB, and behind that "in kube-system" or "in kube-system, NAME", where it is so
only there, or only of the object of that name. The certificate is an admin's.
"""
import http.client
import json
import ssl
import sys
import urllib.parse

url, ca, certificate, key, account = sys.argv[1:6]
name = sys.argv[6] if len(sys.argv) > 6 else None
context = ssl.create_default_context(cafile=ca)
context.load_cert_chain(certificate, key)
server = http.client.HTTPSConnection(urllib.parse.urlsplit(url).netloc, context=context, timeout=60)
VERBS = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"]


def ask(method, path, body=None):
    server.request(method, path, body and json.dumps(body), {"Content-Type": "application/json"})
    answer = server.getresponse()
    text = answer.read()
    if answer.status not in (200, 201):
        sys.exit(f"may.py: {method} {path}: HTTP {answer.status}: {text[:300].decode(errors='replace')}")
    return json.loads(text)


def resources():
    found = {(("", "v1"), r["name"], r["namespaced"]) for r in ask("GET", "/api/v1")["resources"]}
    for group in ask("GET", "/apis")["groups"]:
        at = group["preferredVersion"]["groupVersion"]
        found |= {((group["name"], at), r["name"], r["namespaced"]) for r in ask("GET", f"/apis/{at}")["resources"]}
    return sorted({(group[0], resource, namespaced) for group, resource, namespaced in found})


def may(who, **what):
    review = ask("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {"spec": {
        "user": f"system:serviceaccount:kube-system:{who}",
        "groups": ["system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"],
        "resourceAttributes": what}})
    return review["status"]["allowed"]


for group, resource, namespaced in resources():
    base, _, sub = resource.partition("/")
    for verb in VERBS:
        asked = {"group": group, "resource": base, "subresource": sub, "verb": verb}
        places = [("", asked)]
        if namespaced:
            places.append((" in kube-system", asked | {"namespace": "kube-system"}))
            if name:
                places.append((f" in kube-system, {name}", asked | {"namespace": "kube-system", "name": name}))
        for words, what in places:
            if not may(account, **what):
                continue
            if not may("anybody-else", **what):
                print(f"{group or 'core'} {resource} {verb}{words}")
            break
