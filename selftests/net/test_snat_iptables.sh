#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Strict pods keep their address, whatever iptables rules stand in the node.
# shellcheck source=selftests/net/snat.sh
. "$(dirname "$0")/snat.sh"

snat_bypass iptables
finish
