#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The runner of the tests, tested: what it must not take for success. Prints TAP.
set -u

cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=selftests/tap.sh
. selftests/tap.sh

run=$(realpath selftests/run)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export BG_TEST_LOGS=$dir/logs

# expect NAME STATUS LAST_LINE TEXT SUITE...: TEXT must be in the output.
expect() {
	local name=$1 status=$2 last=$3 text=$4 output got=0 bad=()
	shift 4
	output=$("$run" "$@" 2>&1) || got=$?
	[ "$got" -eq "$status" ] || bad+=("status $got, expected $status")
	[ "$(tail -n 1 <<<"$output")" = "$last" ] ||
		bad+=("last line '$(tail -n 1 <<<"$output")', expected '$last'")
	grep -qF -- "$text" <<<"$output" || bad+=("no '$text' in the output")
	OUTPUT=$(printf '%s\n' "${bad[@]}" && sed 's/^/| /' <<<"$output")
	[ ${#bad[@]} -eq 0 ]
	result $? "$name"
}

two="printf '1..2\nok 1 - a\nok 2 - b\n'"

expect "success" 0 "2 passed, 0 failed, 0 skipped" "ok " "s=$two"
expect "sums over suites" 0 "4 passed, 0 failed, 0 skipped" "" "s=$two" "t=$two"
expect "a failing test, shown with its detail" 1 "1 passed, 1 failed, 0 skipped" "#   was 4" \
	"s=printf '1..2\nok 1 - a\nnot ok 2 - b\n#   was 4\n'; exit 1"
expect "one failure among suites" 1 "3 passed, 1 failed, 0 skipped" "not ok 2 - b" \
	"s=$two" "t=printf '1..2\nok 1 - a\nnot ok 2 - b\n'"
expect "a crash after all tests passed" 1 "2 passed, 1 failed, 0 skipped" "signal SEGV" \
	"s=$two; kill -SEGV \$\$"
expect "a status without a failed test" 1 "2 passed, 1 failed, 0 skipped" "ended with status 3" \
	"s=$two; exit 3"
expect "no such program" 1 "0 passed, 2 failed, 0 skipped" "status 127" "s=/nonexistent/test"
expect "no plan" 1 "1 passed, 1 failed, 0 skipped" "no plan" "s=echo 'ok 1 - a'"
expect "silence" 1 "0 passed, 1 failed, 0 skipped" "no plan" "s=true"
expect "fewer tests than planned" 1 "1 passed, 1 failed, 0 skipped" "planned 2 tests, saw 1" \
	"s=printf '1..2\nok 1 - a\n'"
expect "more tests than planned" 1 "2 passed, 1 failed, 0 skipped" "planned 1 tests, saw 2" \
	"s=printf '1..1\nok 1 - a\nok 2 - b\n'"
expect "a plan of nothing" 1 "0 passed, 1 failed, 0 skipped" "no tests" "s=echo 1..0"
expect "a suite that falls silent" 1 "1 passed, 2 failed, 0 skipped" "printed nothing for 1 s" \
	--silence 1 "s=printf '1..2\nok 1 - a\n'; sleep 60"
expect "a suite that goes on for longer than that" 0 "2 passed, 0 failed, 0 skipped" "" \
	--silence 2 "s=echo 1..2; for i in {1..20}; do echo '# on'; sleep 0.2; done; printf 'ok 1 - a\nok 2 - b\n'"
expect "a suite that prints for ever" 1 "1 passed, 2 failed, 0 skipped" "did not end within 2 s" \
	--timeout 2 "s=printf '1..2\nok 1 - a\n'; while sleep 0.1; do echo '# on'; done"
expect "a suite that cannot be asked to end" 1 "1 passed, 2 failed, 0 skipped" "printed nothing for 1 s" \
	--silence 1 "s=trap '' TERM; printf '1..2\nok 1 - a\n'; while :; do sleep 60; done"
expect "bail out" 1 "1 passed, 2 failed, 0 skipped" "Bail out! no net" \
	"s=printf '1..2\nok 1 - a\nBail out! no net\n'"
expect "a skip with its reason" 0 "1 passed, 0 failed, 1 skipped" "s: b: no 8021q" \
	"s=printf '1..2\nok 1 - a\nok 2 - b # SKIP no 8021q\n'"
expect "a skip without one" 1 "1 passed, 1 failed, 0 skipped" "skipped without a reason" \
	"s=printf '1..2\nok 1 - a\nok 2 - b # SKIP\n'"
expect "a whole suite skipped" 0 "0 passed, 0 failed, 1 skipped" "s: all: no root" \
	"s=echo '1..0 # SKIP no root'"
expect "a TODO" 1 "0 passed, 1 failed, 0 skipped" "TODO" "s=printf '1..1\nnot ok 1 - a # TODO later\n'"
expect "two groups of cmocka" 0 "3 passed, 0 failed, 0 skipped" "" \
	"s=printf '1..1\nok 1 - a\n# ok - t\n1..2\nok 1 - b\nok 2 - c\n# ok - t\n'"
expect "no suites" 1 "0 passed, 1 failed, 0 skipped" "no suites"
expect "a program by its path, in its environment" 0 "1 passed, 0 failed, 0 skipped" "by_path" \
	--env BG_X=y "$(printf '#!/bin/bash\necho 1..1; [ "$BG_X" = y ] && echo "ok 1 - a"\n' \
		>"$dir/by_path" && chmod +x "$dir/by_path" && echo "$dir/by_path")"

expect "one beside the others" 0 "4 passed, 0 failed, 0 skipped" "" \
	--beside "s=until [ -e $dir/after ]; do sleep 0.1; done; $two" "t=touch $dir/after; $two"
expect "a failure beside the others" 1 "3 passed, 1 failed, 0 skipped" "not ok 2 - b" \
	--beside "s=printf '1..2\nok 1 - a\nnot ok 2 - b\n'" "t=$two"
expect "one that falls silent there" 1 "3 passed, 2 failed, 0 skipped" "printed nothing for 1 s" \
	--silence 1 --beside "s=printf '1..2\nok 1 - a\n'; sleep 60" --silence 60 "t=$two"
expect "one that is silent there while it gives way" 0 "4 passed, 0 failed, 0 skipped" "" \
	--silence 1 --beside "s=sleep 3; $two" --silence 60 "t=sleep 5; $two"

# What is interrupted ends, all of it, and cleans up.
cat >"$dir/long" <<END
#!/bin/bash
trap 'touch $dir/\$1.clean' EXIT
trap 'exit 143' TERM
touch $dir/\$1.started
sleep 30 & wait
END
chmod +x "$dir/long"
interrupted() {
	local status
	rm -f "$dir"/*.started "$dir"/*.clean
	# (in the background SIGINT would be ignored, as it may be already here)
	env --default-signal=INT "$run" --beside "s=$dir/long s" "t=$dir/long t" >"$dir/out" 2>&1 &
	for _ in {1..600}; do
		[ ! -e "$dir/s.started" ] || [ ! -e "$dir/t.started" ] || break
		sleep 0.1
	done
	kill "-$1" $!
	wait $!
	status=$?
	OUTPUT="status $status; $(cd "$dir" && echo *)"
	[ $status -eq "$2" ] && [ -e "$dir/s.clean" ] && [ -e "$dir/t.clean" ]
	result $? "interrupted by $1"
}
interrupted INT 130
interrupted TERM 143

expect "all as one TAP stream" 1 "1..5" "ok 3 - s: c # SKIP no 8021q" --tap \
	"s=printf '1..3\nok 1 - a\nnot ok 2 - b\n# why\nok 3 - c # SKIP no 8021q\n'" "t=$two"
expect "a crash in that stream" 1 "1..3" "not ok 3 - s: ended with status 139 (signal SEGV)" --tap \
	"s=$two; kill -SEGV \$\$"
expect "nothing in that stream" 1 "1..0" "1..0" --tap

finish
