#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# A rule goes while its connection lives: "keep" and "revalidate".
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

rules="egress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\", \"$LAB_DB6/128\"]))
	| ingress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_CLIENT4/32\"]))"

lab_up || bail "no lab"
serve db
serve cart
feed "$rules"
bg_start
connect out cart "$LAB_DB4" 5432
connect out6 cart "$LAB_DB6" 5432
connect in client 10.0.47.82 5432
check "connections in both directions talk" together "talk out" "talk out6" "talk in"

feed_live 'no_rules("sg-cart")'
check "keep: without the rules they talk on" together "talk out" "talk out6" "talk in"
check "keep: new ones do not come about" none "tcp cart $LAB_DB4 5432" "tcp client 10.0.47.82 5432"

feed_live '.Node.EstablishedFlows = "revalidate"'
check "revalidate: they fall silent" none "talk out" "talk out6" "talk in"
check "and are counted as revoked" test "$(packets 9 egress revoked)" -gt 0

feed_live "$rules"
connect out cart "$LAB_DB4" 5432
connect in client 10.0.47.82 5432
check "with the rules back, new ones talk" together "talk out" "talk in"
feed_live ".Revision = \"7\" | egress(\"sg-web\"; everything)"
check "revalidate: a change elsewhere does not hurt them" together "talk out" "talk in"
feed_live 'no_rules("sg-cart") | egress("sg-cart"; permission("tcp"; 5000; 6000; ["10.0.0.0/8"]))'
check "revalidate: a flow that another rule admits goes on, the other one ends" \
	together "talk out" "silent talk in"
feed_live '.Node.EstablishedFlows = "keep" | no_rules("sg-cart")'
check "keep: back again" talk out

# The branch loses the address: not even a kept flow lives on.
feed_live '(branch("cart") | .Pods[0].Addresses) = ["10.0.47.90"]'
check "keep: a flow of an address that is no more the branch's ends" silent talk out
finish
