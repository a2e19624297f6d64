#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Verdicts by sockets with XDP on the trunk and every packet through the node's stack.
# shellcheck source=selftests/net/verdicts.sh
. "$(dirname "$0")/verdicts.sh"

verdicts --xdp trunk --no-short-way
check "no packet took the short way" test \
	"$(bg status --json | jq '[.branches[] | .ingress, .egress | .short_way_packets] | add')" = 0
finish
