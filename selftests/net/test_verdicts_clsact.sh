#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Verdicts by sockets with clsact filters and without XDP.
# shellcheck source=selftests/net/verdicts.sh
. "$(dirname "$0")/verdicts.sh"

verdicts --attach clsact --xdp off
check "all programs are clsact filters" test \
	"$(bg status --json | jq -c '[.branches[].programs[].way] | unique')" = '["clsact"]'
finish
