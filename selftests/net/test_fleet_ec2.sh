#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# `branchguard-fleet publish ec2:` with an EC2 that is played (fleet/ec2_server.py) and does what a real one does on bad
# days: what is published stays, what is wrong is told, and it mends by itself. From EC2 come the same parts as from what
# `aws` prints, to the byte. Needs no root and no network but lo.
# shellcheck source=selftests/net/fleet.sh
. "$(dirname "$0")/fleet.sh"
server_credentials
key=AKIATEST secret='wJalr/K7MDENG+bPxRfiCY=very&secret'
web_token=eyJhbGciOi.web-identity.token pod_token=eyJhbGciOi.pod-identity.token
unset "${!AWS_@}" http_proxy https_proxy

explain_failure() {
	tail -n 5 "$dir"/*/log | sed 's/^/# /'
}

mkdir "$dir/kube"
cp selftests/fleet/answers/kubectl-*.json "$dir/kube"
"$fleet" build --parts "$dir/good" selftests/fleet/answers >"$dir/build.log" 2>&1 || bail "no parts: $(cat "$dir/build.log")"

# All servers, in one process: of failures, of keys, of good days.
servers=(throttle cut torn empty html loop twice forbidden stale echo never role agent down wrong
	once recorded filtered retried no-list refused edited hang both asked)
for name in "${servers[@]}"; do
	mkdir -p "$dir/$name/answers"
	cp selftests/fleet/answers/*.json "$dir/$name/answers"
	echo $web_token >"$dir/$name/web-token"
	echo $pod_token >"$dir/$name/pod-token"
done
python3 selftests/fleet/ec2_server.py "$key" "$secret" "${servers[@]/#/$dir/}" 2>"$dir/server.log" &

# server NAME [MODE]: that one; sets URL.
server() {
	wait_for test -s "$dir/$1/port" || bail "no server: $(cat "$dir/server.log")"
	echo "${2:-ok}" >"$dir/$1/mode"
	URL=http://127.0.0.1:$(cat "$dir/$1/port")
}

# with_keys | with_role NAME | with_agent NAME: the environment of what comes next.
with_keys() { KEYS=("AWS_ACCESS_KEY_ID=$key" "AWS_SECRET_ACCESS_KEY=$secret"); }
with_role() { KEYS=(AWS_ROLE_ARN=arn:aws:iam::1:role/feed "AWS_WEB_IDENTITY_TOKEN_FILE=$dir/$1/web-token"); }
with_agent() {
	KEYS=("AWS_CONTAINER_CREDENTIALS_FULL_URI=$URL/v1/credentials" "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=$dir/$1/pod-token")
}
with_keys

# publish_once NAME [OPTION...]: of the server at URL.
publish_once() {
	local at=$dir/$1
	shift
	env "${KEYS[@]}" AWS_REGION=us-west-2 "$fleet" publish --once --to "$at/parts" --state "$at/state" --ec2-endpoint "$URL" \
		--sts-endpoint "$URL" "$@" ec2: "$dir/kube"
}

# publisher NAME [OPTION...]: the same, and it stays; PUBLISHER is its process.
publisher() {
	local at=$dir/$1
	shift
	env "${KEYS[@]}" "$fleet" publish --to "$at/parts" --state "$at/state" --ec2-endpoint "$URL" --sts-endpoint "$URL" \
		--region us-west-2 --interval 1 "$@" "$dir/kube" ec2: 2>>"$at/log" &
	PUBLISHER=$!
}

# state NAME FILTER: what the publisher says is so.
state() {
	jq -e "$2" "$dir/$1/state"
}
same_parts() {
	diff -r "$dir/good" "$dir/$1/parts"
}
parts_hash() {
	(cd "$dir/$1/parts" && sha256sum -- * && stat -c '%i %n' -- *)
}
# edit NAME: the rule with port 8080 gets another one.
edit() {
	jq -c '(.SecurityGroups[].IpPermissions[] | select(.FromPort == 8080)) |= (.FromPort = 8000 | .ToPort = 8000)' \
		"$dir/$1/answers/describe-security-groups.json" >"$dir/$1/new" && mv "$dir/$1/new" "$dir/$1/answers/describe-security-groups.json"
}
has_edit() {
	grep -q '"ToPort":8000[,}]' "$dir/$1/parts"/groupfeed-*
}

# --- EC2 on bad days: each failure at a server of its own, all at once --------------------------

declare -A bad=(
	[throttle]="HTTP 503: RequestLimitExceeded"
	[cut]="the connection broke"
	[torn]="found no XML"
	[empty]="there is none at all"
	[html]="found html, expected Describe"
	[loop]="it would never end"
	[twice]="comes twice"
	[forbidden]="UnauthorizedOperation: You are not authorized"
	[stale]="InvalidNextToken"
	[echo]="SignatureDoesNotMatch"
)
declare -A before=()
for mode in "${!bad[@]}"; do
	server "$mode"
	publisher "$mode"
done
for mode in "${!bad[@]}"; do
	wait_for state "$mode" '.PublishedAt and .Ec2.SweptAt' || bail "$mode: nothing is published"
	before[$mode]=$(parts_hash "$mode")
	echo "$mode" >"$dir/$mode/mode"
	edit "$mode"
done
# from the very beginning
server never forbidden
mkdir "$dir/never/parts" && cp "$dir/good"/* "$dir/never/parts"
before[never]=$(parts_hash never)
publisher never
never=$PUBLISHER

# --- keys ------------------------------------------------------------------------------------------

server role
with_role role
publisher role
server agent
with_agent agent
echo 14 >"$dir/agent/lasts"
publisher agent
with_keys

for mode in "${!bad[@]}"; do
	check "$mode: it fails, and why" wait_for state "$mode" ".Ec2.Failing and .Ec2.FailingSince and (.Ec2.Reason | contains(\"${bad[$mode]}\"))"
	echo "# $(jq -r .Ec2.Reason "$dir/$mode/state" | cut -c -180)"
	check "$mode: parts stay" test "$(parts_hash "$mode")" = "${before[$mode]}"
	[ "$mode" = throttle ] || echo ok >"$dir/$mode/mode"
done
check "never: nothing is published, and why" wait_for state never '.Held and (.PublishedAt | not) and (.Reason | contains("UnauthorizedOperation"))'
check "never: parts of before stay" test "$(parts_hash never)" = "${before[never]}"
echo ok >"$dir/never/mode"
kill -HUP $never

# --- EC2 on a good day ------------------------------------------------------------------------------

server once
check "it publishes once" publish_once once
check "that is what the answers of aws make, to the byte" same_parts once
requests=$dir/once/requests
check "every request is signed" fails grep -v " $key signed" "$requests"
check "interfaces, groups, rules and lists come page by page" test "$(cut -d ' ' -f 1,2 "$requests" | uniq | tr '\n' ,)" = \
	"DescribeNetworkInterfaces first,DescribeNetworkInterfaces next,DescribeSecurityGroups first,DescribeSecurityGroups next,$(
	)DescribeSecurityGroupRules first,DescribeSecurityGroupRules next,DescribeManagedPrefixLists first,DescribeManagedPrefixLists next,$(
	)GetManagedPrefixListEntries first,"
check "entries are those of the list that rules name, of its version" grep -q \
	'^GetManagedPrefixListEntries .* MaxResults=100 PrefixListId=pl-9c5c7a4eb9ec45082 TargetVersion=1$' "$requests"
server recorded
cp -r selftests/fleet/recorded "$dir/recorded/recorded"
check "answers that were recorded make the same" publish_once recorded
check "to the byte, too" same_parts recorded
server filtered
check "only some VPCs" publish_once filtered --vpc vpc-0216806aacb6d290b,vpc-0a
check "are asked for where EC2 has such a filter" test "$(grep -c 'Filter.1.Name=vpc-id Filter.1.Value.1=vpc-0216806aacb6d290b Filter.1.Value.2=vpc-0a$' \
	<(grep -E '^DescribeNetworkInterfaces|^DescribeSecurityGroups ' "$dir/filtered/requests"))" = 5
check "nowhere else" fails grep -q Filter <(grep -vE '^DescribeNetworkInterfaces|^DescribeSecurityGroups ' "$dir/filtered/requests")
check "and make the same" same_parts filtered
server retried once
check "one throttled request of each kind does not matter" publish_once retried
check "and is counted" state retried '.Ec2.Retries == 5 and (.Ec2.Failing | not)'
check "the same parts" same_parts retried
server no-list no-list
check "a list that is gone is no failure" publish_once no-list
mkdir "$dir/without" && cp selftests/fleet/answers/[dk]*.json "$dir/without"
"$fleet" build --parts "$dir/without-list" "$dir/without" >>"$dir/build.log" 2>&1
check "it is as if nobody had its entries" diff -r "$dir/without-list" "$dir/no-list/parts"
server refused forbidden
OUTPUT=$(publish_once refused 2>&1)
[ $? -eq 1 ] && [[ $OUTPUT == *"ec2: has not described everything yet: DescribeNetworkInterfaces at $URL: HTTP 403: UnauthorizedOperation: "* ]]
result $? "without a right it says what it lacks, once"
check "and writes nothing" test -z "$(ls "$dir/refused/parts")"

server edited
publisher edited
edited=$PUBLISHER
wait_for same_parts edited || bail "nothing is published"
hash=$(parts_hash edited)
sweeps=$(jq .Ec2.Sweeps "$dir/edited/state")
check "it sweeps again and again" wait_for state edited ".Ec2.Sweeps > $sweeps + 1"
check "and writes nothing that is the same" test "$(parts_hash edited)" = "$hash"
edit edited
since=${EPOCHREALTIME/[.,]/}
check "a rule that is edited is published" wait_for has_edit edited
echo "# after $(((${EPOCHREALTIME/[.,]/} - since) / 1000)) ms, with a sweep a second"
kill -STOP $edited
kill -CONT $edited
kill $edited
wait $edited
check "SIGTERM ends it well" test $? = 0

# --- keys ------------------------------------------------------------------------------------------

check "keys of a role: by its token" wait_for same_parts role
check "asked for without a signature, once" test "$(grep ^sts "$dir/role/requests")" = "sts 200 branchguard-fleet unsigned"
check "and used with their session" grep -q "^DescribeSecurityGroups first ASIA1 signed" "$dir/role/requests"
echo reject >"$dir/role/mode"
check "keys that are not taken any more are asked for anew" wait_for grep -q "ASIA2 signed" "$dir/role/requests"
check "without a failure" state role '.Ec2.Failing | not'
check "keys of Pod Identity: by the agent" wait_for same_parts agent
check "they are renewed before they expire" wait_for grep -q "^agent ASIA2" "$dir/agent/requests"
check "and the new ones are used" wait_for grep -q "ASIA2 signed" "$dir/agent/requests"
check "none that has expired or is unknown was" fails grep -v " signed\|^agent" "$dir/agent/requests"
echo sts-down >"$dir/role/mode"
server down sts-down
with_role down
publisher down
check "STS that is down is asked again" wait_for state down '.Ec2.Reason | contains("HTTP 500: InternalFailure")'
echo ok >"$dir/down/mode"
check "until it is there" wait_for same_parts down
server wrong echo
with_role wrong
OUTPUT=$(publish_once wrong 2>&1)
[ $? -eq 1 ] && [[ $OUTPUT == *"AssumeRoleWithWebIdentity at $URL: HTTP 403: AccessDenied: may this service account"* ]]
result $? "a role that it may not be is named so"
check "without the token that the server repeats" fails grep -q "${web_token:0:12}" <<<"$OUTPUT"
with_agent wrong
echo other >"$dir/wrong/other"
KEYS[1]=AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=$dir/wrong/other
OUTPUT=$(publish_once wrong 2>&1)
[ $? -eq 1 ] && [[ $OUTPUT == *"keys of Pod Identity at $URL/v1/credentials: HTTP 403: "* ]]
result $? "nor does an agent take another token"
with_keys
KEYS[1]=AWS_SECRET_ACCESS_KEY=another
OUTPUT=$(publish_once wrong 2>&1)
[ $? -eq 1 ] && [[ $OUTPUT == *"HTTP 401: AuthFailure: "*"are keys and region right"* ]]
result $? "EC2 does not take a wrong key"
with_keys

# --- the bad days are over --------------------------------------------------------------------------

check "throttle: it is in the log" wait_for grep -q 'EC2 does not describe everything.*RequestLimitExceeded' "$dir/throttle/log"
check "throttle: parts stay" test "$(parts_hash throttle)" = "${before[throttle]}"
echo ok >"$dir/throttle/mode"
for mode in "${!bad[@]}"; do
	check "$mode: what has changed is published by itself" wait_for has_edit "$mode"
	check "$mode: and it is well" wait_for state "$mode" '(.Ec2.Failing | not) and (.Held | not)'
done
check "throttle: so the log says" wait_for grep -q 'EC2 describes everything again' "$dir/throttle/log"
check "never: it is published then" wait_for state never '.PublishedAt and (.Held | not)'

server hang
touch -d tomorrow "$dir/kube"/*
publisher hang --max-age 2
check "it is published" wait_for same_parts hang
echo hang >"$dir/hang/mode"
check "what is too old is held" wait_for state hang '.Held and (.Reason | contains("EC2 has not described everything for more than 2 s"))'

# --- EC2 and an API server, and no file at all ------------------------------------------------------------

mkdir -p "$dir/api/parts"
echo api-token >"$dir/token"
echo servicecidrs >"$dir/api/lacks"
for i in $(seq 0 "$(jq -s 'map(.items) | add | length - 1' "$dir/kube"/*.json)"); do
	jq -cs "map(.items) | add[$i]" "$dir/kube"/*.json >"$dir/api/parts/$i.json"
done
python3 selftests/fleet/api_server.py "$dir/api" "$dir/server.crt" "$dir/server.key" "$dir/token" 2>"$dir/api-server.log" &
wait_for test -s "$dir/api/port" || bail "no API server: $(cat "$dir/api-server.log")"
server asked
check "with both it waits for both" env "${KEYS[@]}" AWS_REGION=us-west-2 "$fleet" publish --once --to "$dir/asked/parts" \
	--ec2-endpoint "$URL" --ca-file "$dir/ca.crt" --token-file "$dir/token" ec2: "k8s:https://127.0.0.1:$(cat "$dir/api/port")"
check "and makes the same parts, to the byte" same_parts asked

# --- nothing secret -----------------------------------------------------------------------------------

for word in "${secret:0:8}" web-identity pod-identity secret-of session-of; do
	check "no log, state or part has $word" fails grep -rF -- "$word" "$dir" --include=log --include=state --include='*feed-*'
done
check "no core would have it" grep -qE '^Max core file size +0 +0 ' "/proc/$never/limits"

# --- what is no use -----------------------------------------------------------------------------------

# wrong_use TEXT ENVIRONMENT... -- OPTION...: it ends with 2, and says so.
wrong_use() {
	local text=$1 variables=()
	shift
	while [ "$1" != -- ]; do
		variables+=("$1")
		shift
	done
	shift
	OUTPUT=$(env "${variables[@]}" "$fleet" publish --once --to "$dir/nowhere" "$@" 2>&1)
	[ $? -eq 2 ] && [[ $OUTPUT == *"$text"* ]]
}
check "no region" wrong_use "ec2: which region?" "${KEYS[@]}" -- ec2:
check "no name of a region" wrong_use "ec2: region evil.example/: " "${KEYS[@]}" -- --region evil.example/ ec2:
check "no keys" wrong_use "no keys for AWS: expected AWS_ACCESS_KEY_ID" X=1 -- --region us-west-2 ec2:
check "half of the keys" wrong_use "only one of AWS_ROLE_ARN" AWS_ROLE_ARN=x -- --region us-west-2 ec2:
check "an agent elsewhere without TLS" wrong_use "169.254.170.23" AWS_CONTAINER_CREDENTIALS_FULL_URI=http://10.0.0.1/ \
	AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=x -- --region us-west-2 ec2:
check "EC2 elsewhere without TLS" wrong_use "--ec2-endpoint http://10.0.0.1: expected https://" "${KEYS[@]}" -- \
	--region us-west-2 --ec2-endpoint http://10.0.0.1 ec2:
wrong_use "--ec2-endpoint an URL with a user or a password in it: expected https://" "${KEYS[@]}" -- --region us-west-2 \
	--ec2-endpoint https://user:hunter2@127.0.0.1:1 ec2: && [[ $OUTPUT != *hunter2* ]]
result $? "an endpoint with a password in it, which is not said again"
check "no VPC" wrong_use "--vpc vpc-1,: expected ids" "${KEYS[@]}" -- --region us-west-2 --vpc vpc-1, ec2:
check "ec2: with more" wrong_use "ec2:us-west-2: expected ec2: alone" "${KEYS[@]}" -- ec2:us-west-2
check "options without ec2:" wrong_use "need ec2:" "${KEYS[@]}" -- --interval 5 "$dir/kube"
server both
OUTPUT=$(publish_once both selftests/fleet/answers/describe-security-groups.json 2>&1)
[ $? -eq 1 ] && [[ $OUTPUT == *"a file has what EC2 describes, for which EC2 is asked itself"* ]]
result $? "what EC2 is asked for must not stand in a file, too"

finish
