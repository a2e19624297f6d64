# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# Netfilter rules that a node has besides branchguard: the AWS VPC CNI's,
# kube-proxy's, and masquerades that do not spare pods. Only lab.sh sources it.
#
# LAB_NETFILTER says which tool writes them: iptables (as Debian has it, over
# nf_tables), iptables-legacy or nft.

LAB_NETFILTER=${LAB_NETFILTER:-iptables}

# lab_iptables FAMILY ARGUMENTS...
lab_iptables() {
	local tool=iptables
	[ "$1" = 4 ] || tool=ip6tables
	[ "$LAB_NETFILTER" != iptables-legacy ] || tool=${tool/tables/tables-legacy}
	shift
	lab_exec node "$tool" -w "$@"
}

lab_nft() {
	lab_exec node nft -f -
}

# lab_cni_rules snat|external [CIDR...]: the CNI's source NAT for standard pods and
# its connection mark. "external" (AWS_VPC_K8S_CNI_EXTERNALSNAT=true): only the
# mark is restored. CIDRs are AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS.
lab_cni_rules() {
	local kind=$1 cidr
	shift
	if [ "$LAB_NETFILTER" = nft ]; then
		lab_cni_rules_nft "$kind" "$@"
		return
	fi
	lab_iptables 4 -t mangle -A PREROUTING -i eth0 -m comment --comment "AWS, primary ENI" \
		-m addrtype --dst-type LOCAL --limit-iface-in -j CONNMARK --set-mark 0x80/0x80 || return
	for cidr in eni+ vlan+; do
		lab_iptables 4 -t mangle -A PREROUTING -i $cidr -m comment --comment "AWS, primary ENI" \
			-j CONNMARK --restore-mark --mask 0x80 || return
	done
	[ "$kind" = snat ] || return 0
	lab_iptables 4 -t nat -N AWS-SNAT-CHAIN-0 || return
	lab_iptables 4 -t nat -A POSTROUTING -m comment --comment "AWS SNAT CHAIN" -j AWS-SNAT-CHAIN-0 || return
	lab_iptables 4 -t nat -N AWS-CONNMARK-CHAIN-0 || return
	lab_iptables 4 -t nat -A PREROUTING -i eni+ -m comment --comment "AWS, outbound connections" \
		-j AWS-CONNMARK-CHAIN-0 || return
	for cidr in "$LAB_VPC4" "$@"; do
		lab_iptables 4 -t nat -A AWS-SNAT-CHAIN-0 -d "$cidr" -m comment --comment "AWS SNAT CHAIN" \
			-j RETURN || return
		lab_iptables 4 -t nat -A AWS-CONNMARK-CHAIN-0 -d "$cidr" -m comment --comment "AWS CONNMARK CHAIN, VPC CIDR" \
			-j RETURN || return
	done
	lab_iptables 4 -t nat -A AWS-SNAT-CHAIN-0 ! -o vlan+ -m comment --comment "AWS, SNAT" \
		-m addrtype ! --dst-type LOCAL -j SNAT --to-source "$LAB_NODE4" --random-fully || return
	lab_iptables 4 -t nat -A AWS-CONNMARK-CHAIN-0 -m comment --comment "AWS, External SNAT" \
		-j CONNMARK --set-xmark 0x80/0x80 || return
	lab_iptables 4 -t nat -A PREROUTING -m comment --comment "AWS, CONNMARK" \
		-j CONNMARK --restore-mark --mask 0x80
}

# The same in nftables: the mark as the CNI has it from 1.23 on, table `ip
# aws-cni`; the source NAT as iptables-nft writes it.
lab_cni_rules_nft() {
	local kind=$1 cidr returns=
	shift
	for cidr in "$LAB_VPC4" "$@"; do
		returns+="ip daddr $cidr return; "
	done
	lab_nft <<-END || return
		table ip mangle {
			chain PREROUTING {
				type filter hook prerouting priority -150;
				iifname "eth0" fib daddr . iif type local ct mark set ct mark or 0x80
				iifname "eni*" meta mark set ct mark and 0x80
				iifname "vlan*" meta mark set ct mark and 0x80
			}
		}
	END
	[ "$kind" = snat ] || return 0
	lab_nft <<-END
		table ip aws-cni {
			chain nat-prerouting {
				type nat hook prerouting priority -90;
				fib daddr type local return
				iifname "eni*" jump snat-mark
				meta mark set ct mark and 0x80
			}
			chain snat-mark {
				$returns
				ct mark set ct mark or 0x80
			}
		}
		table ip nat {
			chain AWS-SNAT-CHAIN-0 {
				$returns
				oifname != "vlan*" fib daddr type != local snat to $LAB_NODE4 fully-random
			}
			chain POSTROUTING {
				type nat hook postrouting priority 100;
				jump AWS-SNAT-CHAIN-0
			}
		}
	END
}

# lab_service PROTOCOL ADDRESS PORT BACKEND BACKEND_PORT: a service as kube-proxy
# does it. Packets from outside of the pods' network (here: not from the VPC) and those
# that a backend sends to itself are marked and masqueraded.
lab_service() {
	local protocol=$1 address=$2 port=$3 backend=$4 backend_port=$5 family=4 vpc=$LAB_VPC4
	local to=$backend:$backend_port
	if [[ $address == *:* ]]; then
		family=6
		vpc=$LAB_VPC6
		to=[$backend]:$backend_port
	fi
	if [ "$LAB_NETFILTER" = nft ]; then
		lab_service_nft "$family" "$vpc" "$@" "$to"
		return
	fi
	if ! lab_iptables $family -t nat -S KUBE-SERVICES >/dev/null 2>&1; then
		lab_iptables $family -t nat -N KUBE-SERVICES || return
		lab_iptables $family -t nat -N KUBE-MARK-MASQ || return
		lab_iptables $family -t nat -A KUBE-MARK-MASQ -j MARK --or-mark 0x4000 || return
		lab_iptables $family -t nat -A PREROUTING -m comment --comment "kubernetes service portals" \
			-j KUBE-SERVICES || return
		lab_iptables $family -t nat -A OUTPUT -m comment --comment "kubernetes service portals" \
			-j KUBE-SERVICES || return
		lab_iptables $family -t nat -N KUBE-POSTROUTING || return
		lab_iptables $family -t nat -A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN || return
		lab_iptables $family -t nat -A KUBE-POSTROUTING -j MARK --xor-mark 0x4000 || return
		lab_iptables $family -t nat -A KUBE-POSTROUTING \
			-m comment --comment "kubernetes service traffic requiring SNAT" \
			-j MASQUERADE --random-fully || return
		lab_iptables $family -t nat -I POSTROUTING -m comment --comment "kubernetes postrouting rules" \
			-j KUBE-POSTROUTING || return
	fi
	lab_iptables $family -t nat -A KUBE-SERVICES ! -s "$vpc" -d "$address" -p "$protocol" \
		--dport "$port" -j KUBE-MARK-MASQ || return
	lab_iptables $family -t nat -A KUBE-SERVICES -s "$backend" -d "$address" -p "$protocol" \
		--dport "$port" -j KUBE-MARK-MASQ || return
	lab_iptables $family -t nat -A KUBE-SERVICES -d "$address" -p "$protocol" --dport "$port" \
		-j DNAT --to-destination "$to"
}

lab_service_nft() {
	local family=ip vpc=$2 protocol=$3 address=$4 port=$5 backend=$6 to=$8
	[ "$1" = 4 ] || family=ip6
	lab_nft <<-END
		table $family kube-proxy {
			chain mark-for-masquerade {
				meta mark set meta mark or 0x4000
			}
			chain services {
				$family saddr != $vpc $family daddr $address $protocol dport $port jump mark-for-masquerade
				$family saddr $backend $family daddr $address $protocol dport $port jump mark-for-masquerade
				$family daddr $address $protocol dport $port dnat to $to
			}
			chain nat-prerouting {
				type nat hook prerouting priority -100;
				jump services
			}
			chain nat-output {
				type nat hook output priority -100;
				jump services
			}
			chain nat-postrouting {
				type nat hook postrouting priority 100;
				meta mark & 0x4000 != 0x4000 return
				meta mark set meta mark ^ 0x4000
				masquerade fully-random
			}
		}
	END
}

# lab_node_port PROTOCOL PORT BACKEND BACKEND_PORT: externalTrafficPolicy Local, which
# keeps the client's address.
lab_node_port() {
	lab_iptables 4 -t nat -A PREROUTING -i eth0 -d "$LAB_NODE4" -p "$1" --dport "$2" \
		-j DNAT --to-destination "$3:$4"
}

# A masquerade for everything, on every interface, in both families.
lab_blanket_masquerade() {
	if [ "$LAB_NETFILTER" = nft ]; then
		lab_nft <<-END
			table inet blanket {
				chain postrouting {
					type nat hook postrouting priority 100;
					masquerade
				}
			}
		END
	else
		lab_iptables 4 -t nat -A POSTROUTING -j MASQUERADE &&
			lab_iptables 6 -t nat -A POSTROUTING -j MASQUERADE
	fi
}

# No rules at all.
lab_no_netfilter() {
	local table tool
	lab_exec node nft flush ruleset
	for tool in iptables-legacy ip6tables-legacy; do
		for table in nat mangle; do
			lab_exec node "$tool" -t $table -F 2>/dev/null
			lab_exec node "$tool" -t $table -X 2>/dev/null
		done
	done
	return 0
}
