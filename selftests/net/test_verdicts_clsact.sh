#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Verdicts by sockets with clsact filters, and generic XDP on the branches.
# shellcheck source=selftests/net/verdicts.sh
. "$(dirname "$0")/verdicts.sh"

verdicts --attach clsact --xdp branch
check "all programs are clsact filters, and XDP" test \
	"$(bg status --json | jq -c '[.branches[].programs[].way] | unique')" = '["clsact","xdp"]'
finish
