# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034 # those who read this use them
#
# For socket tests that start branchguard with exact sets of capabilities. To be read
# after lib.sh.

THREE=bpf,net_admin,perfmon
USER_ID=65534
OUTPUT_LINES=12

# with SET COMMAND...: root with exactly these capabilities, of which no exec gives more.
with() {
	local set=-all${1:+,+${1//,/,+}}
	shift
	lab_exec node setpriv --bounding-set "$set" --inh-caps "$set" --ambient-caps "$set" -- "$@"
}
# as_user SET COMMAND...: the same by another user.
as_user() {
	local set=-all${1:+,+${1//,/,+}}
	shift
	lab_exec node setpriv --reuid $USER_ID --regid $USER_ID --clear-groups \
		--bounding-set "$set" --inh-caps "$set" --ambient-caps "$set" -- "$@"
}
# holds WHICH PID: CapEff, CapPrm ... of a process.
holds() {
	sed -n "s/^$1:[[:blank:]]*//p" "/proc/$2/status"
}
# lacks NAMES COMMAND...: refused, and the one line names just what is missing.
lacks() {
	local missing=$1 said
	shift
	said=$("$@" 2>&1) && return 1
	echo "$said"
	[ "$(wc -l <<<"$said")" -eq 1 ] && [[ $said == *"lacks $missing" ]]
}
# says TEXT COMMAND...: it fails, and says this.
says() {
	local text=$1 said
	shift
	said=$("$@" 2>&1) && return 1
	echo "$said"
	[[ $said == *"$text"* ]]
}
guarded() {
	together "tcp cart $LAB_DB4 5432" "silent tcp web $LAB_DB4 5432"
}
# starts NAME COMMAND...: the daemon by this command gets ready; a check.
starts() {
	local name=$1
	shift
	: >>"$BG_LOG"
	BG_LOG_BEFORE=$(wc -l <"$BG_LOG")
	"$@" "$BG" run --feed "$FEED" --pin-dir "$PIN_DIR" "${ATTACH[@]}" 2>>"$BG_LOG" &
	OUTPUT=$(wait_for bg_is_ready 2>&1)
	result $? "$name"
	who_runs
}
# The process that has the lock, and not the shell that waits for it.
who_runs() {
	BG_PID=$(bg status --json | jq .daemon.pid)
}
gone() {
	! [ -e "/proc/$BG_PID" ]
}
end() {
	kill "$@" "$BG_PID" && wait_for gone
	BG_PID=
}
question() {
	"$@" --branch eni-cart --direction egress --protocol tcp --remote "$LAB_DB4" --port 5432
}
