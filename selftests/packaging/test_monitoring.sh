#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The alert rules and the dashboard that ship: promtool reads the rules and every query, and each
# alert fires at what it is for. That the metrics exist net/test_fleet_serve.sh sees. Prints TAP.
# shellcheck source=selftests/packaging/lib.sh
. "$(dirname "$0")/lib.sh"
shipped=scripts/deploy/monitoring

promtool=$(scripts/promtool.sh 2>&1) || skip_all "$promtool"

judged() {
	"$promtool" "$@" 2>&1
}

expect "the alert rules are such" 0 "Checking $shipped/alerts.yaml
  SUCCESS: $(grep -c '^  - alert:' $shipped/alerts.yaml) rules found" \
	judged check rules --lint-fatal $shipped/alerts.yaml
expect "each fires at what it is for, and not before" 0 "Unit Testing:  selftests/fleet/alerts-test.yaml
  SUCCESS" judged test rules selftests/fleet/alerts-test.yaml
expect "none is without a test" 0 "$(grep -o 'alert: .*' $shipped/alerts.yaml | sed 's/alert: //' | sort)" \
	eval "grep -A 1 -e 'eval_time' -e 'alertname' selftests/fleet/alerts-test.yaml |
		grep -B 1 exp_alerts:\$ | sed -n 's/.*alertname: //p' | sort -u"

# What Grafana puts in for a variable, promtool needs, too.
queries() {
	jq -r '.panels[].targets[]?.expr' $shipped/dashboard.json | sed 's/\$__rate_interval/5m/g; s/\$instance/.*/g'
}
jq -Rn '{groups: [{name: "dashboard", rules: [inputs | {record: "a:b", expr: .}]}]}' < <(queries) >"$DIR/queries.json"
expect "every query of the dashboard is one" 0 "Checking $DIR/queries.json
  SUCCESS: $(queries | wc -l) rules found" judged check rules --lint=none "$DIR/queries.json"
expect "a broken one would be found" 1 "" eval "sed 's/max by (instance)/max bye (instance)/' '$DIR/queries.json' >'$DIR/broken.json' &&
	judged check rules --lint=none '$DIR/broken.json' >/dev/null"
expect "no panel lies over another" 0 "true" jq '[.panels[].gridPos | . as $p | range(.h) as $y | range(.w) as $x |
	[$p.x + $x, $p.y + $y]] | (unique | length) == length' $shipped/dashboard.json
finish
