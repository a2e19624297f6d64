#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# References to groups, prefix lists and interfaces, and several pods on one branch.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

lab_network || bail "no lab"
lab_two_pods || bail "no pods"
lab_pod cart2 9 strict 10.0.47.90 2001:db8:0:32::90 || bail "no second pod on VLAN 9"
lab_pod lone 12 strict 10.0.47.91 2001:db8:0:32::91 || bail "no fourth pod"
serve db
for pod in cart cart2 web; do
	serve $pod
done
into_cart=("tcp web 10.0.47.82 5432" "tcp web 2001:db8:0:32::82 5432")
into_cart2=("tcp web 10.0.47.90 5432" "tcp web 2001:db8:0:32::90 5432")
out=("tcp cart $LAB_DB4 5432" "tcp cart2 $LAB_DB4 5432" "tcp cart2 $LAB_DB6 5432")
check "without branchguard all are reached" together "${into_cart[@]}" "${into_cart2[@]}" "${out[@]}"

feed 'egress("sg-web"; everything) | egress("sg-lone"; everything)'
bg_start
check "without a rule none is" none "${into_cart[@]}" "${into_cart2[@]}" "${out[@]}"

feed_live 'ingress("sg-cart"; of_groups("tcp"; 5432; 5432; ["sg-web"]))'
check "members of the group that is named reach both pods of the branch" \
	together "${into_cart[@]}" "${into_cart2[@]}"
check "others do not" none "tcp lone 10.0.47.82 5432" "tcp lone 10.0.47.90 5432" "tcp client 10.0.47.82 5432"

# The members change, not the rule.
feed_live '(branch("lone")).GroupIds += ["sg-web"]'
check "a branch that joins the group is let in" together "tcp lone 10.0.47.82 5432" "tcp lone 2001:db8:0:32::90 5432"
feed_live '(branch("lone")).GroupIds -= ["sg-web"] | .NetworkInterfaces = [{NetworkInterfaceId: "eni-client",
	Groups: [{GroupId: "sg-web"}], PrivateIpAddresses: [{PrivateIpAddress: "10.0.2.20"}]}]'
check "one that leaves is not, an interface elsewhere is" together "silent tcp lone 10.0.47.82 5432" \
	"tcp client 10.0.47.82 5432" "silent tcp client 2001:db8:0:32::82 5432"
feed_live '.NetworkInterfaces[0] += {Ipv6Addresses: [{Ipv6Address: "2001:db8:0:2::20"}]}'
check "with its other address too" tcp client 2001:db8:0:32::82 5432
feed_live '.NetworkInterfaces[0] = {NetworkInterfaceId: "eni-client", Groups: [{GroupId: "sg-web"}],
	Ipv4Prefixes: [{Ipv4Prefix: "10.0.2.16/28"}]}'
check "or by a prefix that is delegated to it" together "tcp client 10.0.47.82 5432" \
	"silent tcp client 2001:db8:0:32::82 5432"

# Pods of one branch, among themselves.
feed_live 'no_rules("sg-cart") | egress("sg-cart"; everything)'
check "pods of one branch reach each other only by a rule" none "tcp cart 10.0.47.90 5432" \
	"tcp cart2 2001:db8:0:32::82 5432"
feed_live 'ingress("sg-cart"; of_groups("tcp"; 5432; 5432; ["sg-cart"]))'
check "a group that names itself is such a rule" together "tcp cart 10.0.47.90 5432" \
	"tcp cart2 2001:db8:0:32::82 5432"

# A prefix list, and a group that nobody is in.
feed_live "no_rules(\"sg-cart\") | .PrefixLists = [{PrefixListId: \"pl-1\", Entries: [{Cidr: \"10.0.3.0/24\"}]}]
	| egress(\"sg-cart\"; {IpProtocol: \"tcp\", FromPort: 5432, ToPort: 5432, PrefixListIds: [{PrefixListId: \"pl-1\"}]})
	| .SecurityGroups += [{GroupId: \"sg-empty\"}]
	| ingress(\"sg-cart\"; of_groups(\"tcp\"; 5432; 5432; [\"sg-empty\"]))"
check "a prefix list allows what it lists" together "tcp cart $LAB_DB4 5432" "silent tcp cart $LAB_DB6 5432" \
	"silent tcp web 10.0.47.82 5432"
feed_live '.PrefixLists[0].Entries = [{Cidr: "2001:db8:0:3::/64"}]'
check "and follows its entries" together "silent tcp cart $LAB_DB4 5432" "tcp cart $LAB_DB6 5432"
feed_live '(branch("cart")).GroupIds = ["sg-gone"]'
check "a group that the feed does not have allows nothing" none "tcp cart $LAB_DB6 5432"
check "and status warns of it" eval "bg status | grep -q sg-gone"
finish
